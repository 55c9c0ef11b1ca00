"""The command ``dicombake report RECIPE``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...confined import folders_of
from ..common import Assignments, Data, Only, Out, Untrusted, WithTags, reporting, say, variables

if TYPE_CHECKING:
    from ...report.html.write import PageWriter


class Pictures(StrEnum):
    """Which outputs a page holds with their real values."""

    ALL = "all"
    FIRST = "first"
    NONE = "none"


ShownPictures = Annotated[
    Pictures,
    typer.Option(
        "--pictures",
        help="Full pictures in the page: all (as many as fit), the first of each conversion, or none.",
        show_default=False,
    ),
]


def page_writer(path: Path, values: dict[str, str], pictures: Pictures, *, with_tags: bool) -> PageWriter:
    """Return what makes a page; its module is loaded only now."""
    from ...report.html.write import PageWriter

    return PageWriter(path, values, pictures.value, with_tags)


def report(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe file.", show_default=False)],
    *,
    page: Annotated[
        Path | None,
        typer.Option("-o", metavar="FILE", help="The page; default: NAME.html beside the recipe."),
    ] = None,
    pictures: ShownPictures = Pictures.ALL,
    with_tags: WithTags = False,
    only: Only = None,
    out: Out = None,
    data: Data = None,
    assignments: Assignments = None,
    untrusted: Untrusted = False,
) -> None:
    with reporting():
        from ...plan.build import plan
        from ...recipe.load import load_recipe
        from ...report.html.target import default_page

        values = variables(assignments)
        loaded = load_recipe(recipe, values, trusted=not untrusted)
        target = page or default_page(loaded)
        writer = page_writer(target, values, pictures, with_tags=with_tags)
        if untrusted:
            writer.confined_to = folders_of((recipe,), data, out)
        writer.check()
        writer.add(plan(loaded, data=data, out=out, only=tuple(only or ())))
        writer.write()
        (chapter,) = writer.chapters
        failed = f", {len(chapter.failed)} with a problem" if chapter.failed else ""
        say(f"wrote {target}: {', '.join(f'{count} {name}' for name, count in chapter.counts)}{failed}")
