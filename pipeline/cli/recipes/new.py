"""The command ``dicombake new [FILES...]``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..common import reporting, say

if TYPE_CHECKING:
    from ...drafts.base import Draft

_STDOUT = "-"

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FILE", help="Files and folders to examine.", show_default=False),
]
Where = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The recipe to write; - prints it.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder that inputs are relative to; default: the recipe's. Without FILE: all in it.",
    ),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="YAML",
        help="The source of files of unknown content: '{format: raw, shape: [512, 512], dtype: uint16}'.",
        show_default=False,
    ),
]
Example = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="EXAMPLE", help="Start from an example; 'list' names them.", show_default=False
    ),
]


def new(
    files: Files = None,
    out: Where = Path("recipe.yaml"),
    data: Data = None,
    source: Source = None,
    example: Example = None,
) -> None:
    with reporting():
        if example == "list":
            _list()
            return
        from ...errors import UsageError
        from ...store.files import write_named

        printed = str(out) == _STDOUT
        if not printed and (out.is_file() or out.is_dir()):
            raise UsageError(
                "exists and is not replaced", subject=str(out), hint="name another file with --out"
            )
        draft = _draft(files or [], Path() if printed else out.parent, data, source, example)
        if printed:
            typer.echo(draft.text, nl=False)
        else:
            write_named(out, draft.text.encode())
            say(f"wrote {out}")
        for name, text in () if printed else draft.companions:
            other = out.parent.joinpath(*name.split("/"))
            if not other.exists():
                write_named(other, text.encode())
                say(f"wrote {other}, which it extends")
        _print_open_questions(draft, "" if printed else str(out), data)


def _list() -> None:
    from ...drafts.examples import about, examples

    for name in examples():
        say(f"{name:18} {about(name)}")


def _draft(
    files: list[Path], folder: Path, data: Path | None, source: str | None, example: str | None
) -> Draft:
    from ...errors import UsageError

    if example and (files or data or source):
        raise UsageError("an example and files do not go together", hint="give --from or files")
    if data is not None and not data.is_dir():
        raise UsageError("is no folder", subject=str(data))
    if files or data:
        from ...drafts.from_files import from_files

        return from_files(files or [data or folder], data or folder, source or "")
    if source:
        raise UsageError("says what files are, and none are named", subject="--source")
    from ...drafts.examples import blank, from_example

    return from_example(example) if example else blank()


def _print_open_questions(draft: Draft, out: str, data: Path | None) -> None:
    """Print what the user must still do; on stderr where the draft itself is printed."""
    for title, sentences in (
        ("Not valid until you fill in:", draft.fill_in),
        ("Unknown, and empty in the outputs until you write it:", draft.ask),
        ("Left out:", draft.skipped),
    ):
        if sentences:
            say(title, err=not out)
            for sentence in sentences:
                say(f"  {sentence}", err=not out)
    if out:
        moved = f", then dicombake run {out} --data {data}" if data else ""
        say(f"Next: dicombake validate {out}{moved}")
