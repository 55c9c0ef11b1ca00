"""The command ``dicombake diff A B``."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec.structs import replace

from ...confined import folders_of
from ...errors import ExitStatus, UsageError
from ..common import Assignments, Data, Json, Out, Untrusted, WithTags, print_json, reporting, say, variables
from ..outputs.report import Pictures, ShownPictures

if TYPE_CHECKING:
    from ...diff.compare import Pair
    from ...plan.model import Plan

_RECIPES = (".yaml", ".yml")


def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A file of any format, or a folder.")],
    b: Annotated[
        Path,
        typer.Argument(
            metavar="B", help="The other one; or a recipe that makes A, for what it gives now in its place."
        ),
    ],
    *,
    tolerance: Annotated[
        float,
        typer.Option(
            "--tolerance", metavar="N", min=0.0, help="Values that differ by at most N are the same."
        ),
    ] = 0.0,
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="What files are whose content does not tell, as in a recipe: cyberknife-raw, or "
            "'{format: raw, shape: [rows, columns], dtype: uint16}'.",
            show_default=False,
        ),
    ] = "",
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page: side by side, blinking, the difference."),
    ] = None,
    pictures: ShownPictures = Pictures.ALL,
    with_tags: WithTags = False,
    out: Out = None,
    data: Data = None,
    assignments: Assignments = None,
    untrusted: Untrusted = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...report.commands.diffed import diff_as_json, diff_lines, exit_status
        from ...report.commands.source_option import source_of

        options: dict[str, Any] = {"tolerance": tolerance, "raw": source_of(source) if source else None}
        _check_there(a, b)
        with TemporaryDirectory(prefix="dicombake-") as folder:
            if b.suffix.lower() in _RECIPES and b.is_file():
                plan = _planned(b, out, data, assignments, trusted=not untrusted)
                pairs = _with_recipe(plan, a, Path(folder), options)
                confined = () if plan.loaded.trusted else folders_of((b,), data, out)
            else:
                pairs, confined = _of_files(a, b, options), ()
            if html is not None:
                from ...report.html.diff_page import diff_page
                from ...report.html.target import check_target
                from ...store.files import write_named

                check_target(html, confined_to=confined)
                content = diff_page(
                    (str(a), str(b)),
                    pairs,
                    tolerance=tolerance,
                    raw=options["raw"],
                    pictures=pictures.value,
                    with_tags=with_tags,
                )
                write_named(html, content)
        pairs = tuple(
            replace(pair, b=b) if pair.b and pair.b.is_relative_to(folder) else pair for pair in pairs
        )
        status = exit_status(pairs)
        if json:
            print_json(diff_as_json(a, b, pairs, tolerance=tolerance, with_tags=with_tags))
        else:
            for line in diff_lines(pairs, tolerance=tolerance, with_tags=with_tags):
                say(line, err=status is ExitStatus.WRONG and len(pairs) == 1)
        if status is not ExitStatus.DONE:
            raise typer.Exit(int(status))


def _check_there(*paths: Path) -> None:
    for path in paths:
        if not path.exists():
            raise UsageError("there is no such file or folder", subject=str(path))


def _planned(
    recipe: Path, out: Path | None, data: Path | None, assignments: list[str] | None, *, trusted: bool
) -> Plan:
    from ...plan.build import plan
    from ...recipe.load import load_recipe

    return plan(load_recipe(recipe, variables(assignments), trusted=trusted), data=data, out=out)


def _of_files(a: Path, b: Path, options: dict[str, Any]) -> tuple[Pair, ...]:
    from ...diff.folders import pairs

    return tuple(pairs(a, b, **options))


def _with_recipe(plan: Plan, output: Path, folder: Path, options: dict[str, Any]) -> tuple[Pair, ...]:
    """Compare an output with what the recipe gives now, made in a folder."""
    from ...diff.compare import compare
    from ...diff.recipe import made_now
    from ...explain.locate import relative

    if output.is_dir():
        hint = "name one of its outputs; 'dicombake check --diff' compares all"
        raise UsageError("is a folder", subject=str(output), hint=hint)
    made = made_now(plan, relative(output, plan.out), folder)
    return (replace(compare(output, made, **options), name=f"{output} and {plan.loaded.path}"),)
