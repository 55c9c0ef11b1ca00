"""Run the program, as ``dicombake`` and as ``python -m dicombake.pipeline.cli``.

Workers begin to start before anything else is imported, where they will be needed: their start takes as long
as that of the whole program. The garbage collector is off until a command that reads images is imported.
"""

from __future__ import annotations

import gc
import os
import sys

from .program import stopping

_NO_WORKERS = frozenset({"--help", "-h", "--dry-run", "--executor"})
"""Options with which a run needs no workers on this machine."""
_RECIPE = 2**22
"""Bytes of the longest recipe."""


def main() -> None:
    """Run the program."""
    stopping.watch()
    stopping.open_outputs()
    gc.disable()
    # no matrices are multiplied here, and the threads for that spin while they start
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Pydantic must not search all installed packages for plugins
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if _wants_workers(sys.argv[1:]):
        from ..run.workers.starting import warm_up

        warm_up()
    if sys.argv[1:2] == ["convert"]:
        from .program.plain_convert import convert

        if convert(sys.argv[2:]):
            _leave(SystemExit(0))
    from .main import main as program

    try:
        program()
    except SystemExit as done:
        _leave(done)
        raise
    except OSError as error:
        why = stopping.lost(error)
        if why is None:
            raise
        _end(1, why)


def _leave(done: SystemExit) -> None:
    """End at once, after all output: freeing every module and object takes longer than what is left to do."""
    import atexit

    if done.code is None or isinstance(done.code, int):
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError) as error:
            _end(done.code or 1, stopping.lost(error) or "")
        os._exit(done.code or 0)


def _end(status: int, why: str) -> None:
    """End where output cannot be written, and report that if possible."""
    try:
        if why:
            os.write(2, f"dicombake: {why}\n".encode())
    finally:
        os._exit(status)


def _wants_workers(words: list[str]) -> bool:
    """Tell whether several workers will be needed, from the plain words; Typer parses them properly later.

    They will be where ``--jobs`` says so, and most likely where it is absent and a recipe was never carried
    out: it has no lock, and everything is still to be done. A recipe that combines has few units, if not one.
    """
    if words[:1] != ["run"] or _NO_WORKERS & {word.partition("=")[0] for word in words}:
        return False
    import contextlib
    import re

    jobs = re.search(r"(?<!\S)(?:--jobs[ =]|-j ?)(\d+)(?!\S)", " ".join(words))
    if jobs:
        return int(jobs[1]) > 1
    from pathlib import Path

    from ..reading import start_of
    from ..recipe.lock_path import lock_path

    recipes = [Path(word) for word in words if word.endswith((".yaml", ".yml"))]
    with contextlib.suppress(OSError):  # the error is reported when the recipe is read
        return any(
            not lock_path(path).exists() and b"combine" not in start_of(path, _RECIPE) for path in recipes
        )
    return False


if __name__ == "__main__":
    main()
