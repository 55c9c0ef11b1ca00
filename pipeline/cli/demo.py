"""The command ``dicombake demo [FOLDER]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import reporting, say

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to make it; a new folder.")]

RECIPE = "demo.yaml"

_ANOTHER = "name a new folder: dicombake demo FOLDER"


def demo(folder: Folder = Path("dicombake-demo")) -> None:
    with reporting():
        _make(folder)
    from .run import run

    run([folder / RECIPE])
    _print_next_steps(folder)


def _make(folder: Path) -> None:
    """Put samples and recipe into a new folder, or one that an earlier demo made."""
    from ..drafts.examples import example_text
    from ..errors import UsageError
    from ..samples import write_samples
    from ..store.files import write_file

    recipe, text = folder / RECIPE, example_text("demo").encode()
    if folder.exists() and not folder.is_dir():
        raise UsageError("is a file", subject=str(folder), hint=_ANOTHER)
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(recipe, text):
        raise UsageError(
            "is not empty, and no demo made it",
            subject=str(folder),
            hint="name a new folder: dicombake demo FOLDER",
        )
    written = write_samples(folder / "samples")
    write_file(recipe, text)
    say(f"made {len(written)} sample files in {folder / 'samples'}, and {recipe}")
    say(f"dicombake run {recipe}")


def _is_ours(recipe: Path, text: bytes) -> bool:
    try:
        return recipe.read_bytes() == text
    except OSError:
        return False


def _print_next_steps(folder: Path) -> None:
    recipe = folder / RECIPE
    lines = [
        f"Look at {folder / 'dicom'} and {folder / 'pictures'}. Then:",
        f"  dicombake run {recipe}                     nothing to do: all of it is up to date",
        f"  dicombake plan {recipe}                    what is made from what",
        f"  dicombake inspect {folder / 'samples' / 'epid' / 'mlc_g000.xim'}",
        "  dicombake new --from morning-qa            a recipe of your own, from an example",
        "  dicombake new YOUR-FILES                   a recipe of your own, from files",
    ]
    for line in ["", *lines]:
        say(line)
