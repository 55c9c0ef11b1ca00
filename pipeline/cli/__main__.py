"""The program, as ``dicombake`` and as ``python -m dicombake.pipeline.cli``.

Workers begin to start before anything else is loaded, where they will be wanted: their start takes as long as
that of the whole program. Nobody looks for garbage until a command that reads images is loaded.
"""

from __future__ import annotations

import gc
import sys
from itertools import pairwise
from pathlib import Path


def main() -> None:
    """The program."""
    gc.disable()
    if _wants_workers(sys.argv[1:]):
        from ..execute.starting import warm_up

        warm_up()
    from .main import main as program

    program()


def _wants_workers(words: list[str]) -> bool:
    """Whether several workers will be wanted, as far as that is plain to see; Typer reads the words properly.

    They are where ``--jobs`` says so, and most likely where nothing says how many and a recipe without a lock
    was never carried out: all is still to be done.
    """
    if words[:1] != ["run"] or {"--help", "-h", "--dry-run"} & set(words):
        return False
    for word, following in pairwise([*words, ""]):
        jobs = following if word in ("--jobs", "-j") else word.removeprefix("--jobs=")
        if jobs.isdecimal():
            return int(jobs) > 1
    recipes = [Path(word) for word in words if word.endswith((".yaml", ".yml"))]
    return any(path.is_file() and not path.with_suffix(".lock").exists() for path in recipes)


if __name__ == "__main__":
    main()
