"""Bring what a unit reads onto this computer, where its files lie in an object store.

Then everything is as with files. What is here is this process's own, so that the bytes which are hashed on
their way are those that are converted. Files stay for the next unit, which may take other slices of them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from ...errors import SourceError
from ...places.client import ChangedError, reason_of
from ...places.objects import ObjectPlace
from ...places.spool import check_names, spool
from ...plan.model import InputFile, Unit
from ...reading import Fingerprint, fingerprint_of
from .contents import AGAIN, changed, input_path, key_of
from .results import Job


class _Kept(NamedTuple):
    state: Fingerprint
    sha256: str


class _Here(threading.local):
    """What a thread has brought here."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, Path], _Kept] = {}
        """By the place's start and the file's path."""


_here = _Here()


def brought(unit: Unit, job: Job, known: Sequence[Fingerprint] = ()) -> Job:
    """Return the job as it is for one unit, whose files are here.

    `known`: the states of its files of the data folder when they were listed, in the unit's order.

    Raises: SourceError: a file cannot be read, or is another by now; StoreError: the store does not answer.
    """
    folder = spool() / f"unit-{threading.get_ident()}"
    here = replace(
        job,
        data=folder / "data" if "data" in job.remote else job.data,
        out=folder / "out" if "out" in job.remote else job.out,
        planned_on={} if "data" in job.remote else job.planned_on,
    )
    data = [item for item in unit.files if item.base == "data"]
    listed = dict(zip(map(key_of, data), known, strict=False)) if "data" in job.remote else {}
    wanted = {
        (job.remote[item.base].start, input_path(item, here.data, here.out)): item
        for item in unit.files
        if item.base in job.remote
    }
    for base in job.remote:
        check_names((item.path for item in unit.files if item.base == base), job.remote[base].start)
    for where in _here.files.keys() - wanted:
        _let_go(where)
    hashes = {}
    for where, item in wanted.items():
        key = key_of(item)
        state = listed.get(key) or job.planned_on.get(key)
        hashes[key] = _bring(job.remote[item.base], item, where, state)
    return replace(here, hashes=hashes)


def let_go() -> None:
    """Remove what this thread has brought here."""
    for where in list(_here.files):
        _let_go(where)


def _let_go(where: tuple[str, Path]) -> None:
    del _here.files[where]
    with suppress(OSError):  # a map of it may still be open; the spool goes later
        where[1].unlink()


def _bring(place: ObjectPlace, item: InputFile, where: tuple[str, Path], state: Fingerprint | None) -> str:
    """Lay a file here, where it is not yet; return its sha256 (hex)."""
    kept = _here.files.get(where)
    if kept is not None and kept.state == state:
        return kept.sha256
    if kept is not None:
        _let_go(where)
    try:
        found = place.now(item.path)
        if found is None:
            raise FileNotFoundError(2, "No such object")
        now = place.stat(item.path)
        if state is not None and fingerprint_of(now) != state:
            raise SourceError("changed since the plan was made", subject=item.path, hint=AGAIN)
        where[1].unlink(missing_ok=True)
        sha256 = place.fetch(item.path, where[1], found)
    except ChangedError:
        raise changed(item.path) from None
    except OSError as error:
        raise SourceError(f"cannot be read: {reason_of(error)}", subject=item.path) from error
    _here.files[where] = _Kept(fingerprint_of(now), sha256)
    return sha256
