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
_ONE = frozenset({"--help", "-h", "--recipe", "--combine"})
"""Options with which `convert` needs none."""
_LEAST_WORDS = 4
"""Words behind `convert` of which fewer name no three files."""
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
    try:
        if sys.argv[1:2] == ["convert"]:
            from .program.plain_convert import convert

            if convert(sys.argv[2:]):
                _leave(SystemExit(0))
        from .main import main as program

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
    out: it has no lock, and everything is still to be done. A recipe that combines, or makes one file of each
    volume, has few units, if not one.
    """
    if words[:1] == ["convert"]:
        return _converts_many(words[1:])
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
        return any(not lock_path(path).exists() and not _few(start_of(path, _RECIPE)) for path in recipes)
    return False


def _few(recipe: bytes) -> bool:
    """Tell whether a recipe's text looks as if it had few units: it combines, or makes a file of each volume.

    It is not parsed yet.
    """
    import re

    if b"combine" in recipe:
        return True
    text = recipe.decode("utf-8", "replace")
    sources = re.findall(r"\b(?:source|format): *[\"']?([\w-]+)", text)
    targets = re.findall(r"\bto: *[\"']?([\w-]+)", text)
    if not sources or not targets:
        return False
    from ..exporters.registry import TARGETS
    from ..loaders.registry import FORMATS

    rows = [*map(FORMATS.get, sources), *map(TARGETS.get, targets)]
    return all(row is not None and row.holds == "slices" for row in rows)


def _converts_many(words: list[str]) -> bool:
    """Tell whether several large files are to be converted at once, and not into one."""
    if len(words) < _LEAST_WORDS or any(word.partition("=")[0] in _ONE for word in words):
        return False
    import contextlib

    from ..run.workers.size import SMALL_RUN, work_of

    total = 0
    for word in words:
        with contextlib.suppress(OSError, ValueError):
            total += work_of(word, os.path.getsize(word))  # noqa: PTH202  Path is not loaded yet
    return total > SMALL_RUN


if __name__ == "__main__":
    main()
