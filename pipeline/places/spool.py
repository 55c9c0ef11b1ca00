"""The folder of this process for objects that it reads and outputs that it has yet to send."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from ..errors import StoreError
from .names import misplaced

_NAME = re.compile(r"dicombake-(\d+)-\w+")


@cache
def spool() -> Path:
    """Return the folder, open to its owner alone; it is removed when the process ends.

    A process that was killed leaves its own: the next one on this computer removes it.

    Raises: StoreError.
    """
    _remove_those_of_the_dead()
    try:
        folder = Path(os.path.realpath(tempfile.mkdtemp(prefix=f"dicombake-{os.getpid()}-")))
    except OSError as error:
        raise _unwritable(error) from error
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)  # atexit is not run in a worker of a pool
    return folder


def empty(folder: Path) -> None:
    """Remove what lies in a folder of the spool, as far as nothing holds it open."""
    shutil.rmtree(folder, ignore_errors=True)


@cache
def _folds() -> bool:
    """Tell whether names that differ in case alone are one file here. Raises: StoreError."""
    probe = spool() / ".Case"
    try:
        probe.touch()
    except OSError as error:
        raise _unwritable(error) from error
    return probe.with_name(".cASE").exists()


def _unwritable(error: OSError) -> StoreError:
    return StoreError(
        f"cannot be written: {error.strerror or error}", subject="the folder of temporary files"
    )


def check_names(paths: Iterable[str], start: str) -> None:
    """Check that objects can lie here as files, side by side. Raises: StoreError, with the key at fault.

    Args:
        paths: of the objects.
        start: what stands before them in a message.
    """
    paths = list(dict.fromkeys(paths))
    for path, why in misplaced(paths, windows=sys.platform == "win32", folds=len(paths) > 1 and _folds()):
        raise StoreError(f"cannot be laid on this computer: {why}", subject=f"{start}{path}")


def _remove_those_of_the_dead() -> None:
    if sys.platform == "win32":
        return  # nothing tells there whether a process lives without a risk of ending it
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found and entry.is_dir(follow_symlinks=False) and entry.stat().st_uid == os.getuid():
                try:
                    os.kill(int(found[1]), 0)
                except ProcessLookupError:
                    shutil.rmtree(entry.path, ignore_errors=True)
                except OSError:
                    continue
