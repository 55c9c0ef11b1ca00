"""Compute the sha256 of many files at the speed of the disk or of all cores.

Threads are enough: reading and hashing both release the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from ..reading import open_regular, sha256_of
from .cores import cores

_BATCH = 64
_BUFFER = 2**20


def file_hashes(paths: Iterable[str], jobs: int | None = None, below: str = "") -> dict[str, str | OSError]:
    """Return each file's sha256 (hex), or why it cannot be read.

    `jobs`: number of threads; None: as many as there are cores. `below`: what stands before each path.
    """
    found: dict[str, str | OSError] = {}
    with ThreadPoolExecutor(jobs or cores(), thread_name_prefix="sha256") as pool:
        for batch in pool.map(partial(_hashes, below), _batches(paths)):
            found.update(batch)
    return found


def _batches(paths: Iterable[str]) -> Iterable[Sequence[str]]:
    """Yield small batches: a batch of large files must not leave the other threads without work."""
    rest = iter(paths)
    return iter(lambda: tuple(islice(rest, _BATCH)), ())


def _hashes(below: str, paths: Sequence[str]) -> list[tuple[str, str | OSError]]:
    buffer = bytearray(_BUFFER)
    return [(path, _hash(below + path, memoryview(buffer))) for path in paths]


def _hash(path: str, buffer: memoryview) -> str | OSError:
    try:
        with open_regular(path) as file:
            return sha256_of(file, buffer)
    except OSError as error:
        return error


def absent(found: str | OSError) -> bool:
    """Tell whether there is no file."""
    return isinstance(found, FileNotFoundError | NotADirectoryError)
