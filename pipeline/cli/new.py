"""``dicombake new [FILES...]``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import reporting, say

if TYPE_CHECKING:
    from ..drafts.base import Draft

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="Files and folders to look into.", show_default=False),
]
Where = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The recipe to write.")]
Example = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="EXAMPLE", help="Start from an example; 'list' names them.", show_default=False
    ),
]


def new(files: Files = None, out: Where = Path("recipe.yaml"), example: Example = None) -> None:
    with reporting():
        if example == "list":
            _list()
            return
        from ..errors import UsageError
        from ..store.files import write_named

        if out.exists():
            raise UsageError(
                "exists and is not replaced", subject=str(out), hint="name another file with --out"
            )
        draft = _draft(files or [], out, example)
        write_named(out, draft.text.encode())
        say(f"wrote {out}")
        for name, text in draft.companions:
            other = out.parent.joinpath(*name.split("/"))
            if not other.exists():
                write_named(other, text.encode())
                say(f"wrote {other}, which it extends")
        _tell(draft, out)


def _list() -> None:
    from ..drafts.examples import about, examples

    for name in examples():
        say(f"{name:18} {about(name)}")


def _draft(files: list[Path], out: Path, example: str | None) -> Draft:
    from ..errors import UsageError

    if example and files:
        raise UsageError("an example and files do not go together", hint="give --from or files")
    if files:
        from ..drafts.from_files import from_files

        return from_files(files, out.parent)
    from ..drafts.examples import blank, from_example

    return from_example(example) if example else blank()


def _tell(draft: Draft, out: Path) -> None:
    for title, sentences in (
        ("Not valid until you fill in:", draft.fill_in),
        ("A run will ask for:", draft.ask),
        ("Left out:", draft.skipped),
    ):
        if sentences:
            say(title)
            for sentence in sentences:
                say(f"  {sentence}")
    say(f"Next: dicombake validate {out}")
