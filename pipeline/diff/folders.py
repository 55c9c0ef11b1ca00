"""Two folders compared: which file of one is which of the other, and what differs between the two."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..errors import DicombakeError
from .compare import Pair, compare, compare_bytes


def pairs(a: Path, b: Path, **options: Any) -> Iterator[Pair]:
    """Yield what differs between two files, or between the files of two folders, pair by pair.

    Two folders: files of one path below them belong together; of those left over, the ones whose paths are
    the same but for the suffix, where there is one such on each side. Hidden names are left out. A folder
    and a file: the folder's files are the slices of a volume.

    `options` are those of `compare`.
    """
    if not (a.is_dir() and b.is_dir()):
        yield compare(a, b, **options)
        return
    ones, others = _files(a), _files(b)
    for one, other in _matched(ones, others):
        yield _pair(a, b, one, other, **options)


def _pair(a: Path, b: Path, one: str, other: str, **options: Any) -> Pair:
    if not other:
        return Pair("only-a", a / one, None, one)
    if not one:
        return Pair("only-b", None, b / other, other)
    found = compare(a / one, b / other, **options)
    if found.status == "incomparable" and not (_is_image(a / one) or _is_image(b / other)):
        found = compare_bytes(a / one, b / other)
    return replace(found, name=one)


def _is_image(path: Path) -> bool:
    from ..loaders.auto import recognise

    try:
        recognise(path)
    except DicombakeError:
        return False
    return True


def _files(folder: Path) -> list[str]:
    """Paths (with /) of the files below a folder, no hidden ones, sorted; links to folders not entered."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        base = Path(where).relative_to(folder)
        found += [(base / name).as_posix() for name in names if not name.startswith(".")]
    return sorted(found)


def _matched(ones: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """Yield which belong together, in order; an empty text where a file has no counterpart."""
    partner = {path: path for path in set(ones) & set(others)}
    left, right = (_by_stem([path for path in paths if path not in partner]) for paths in (ones, others))
    for stem in left.keys() & right.keys():
        if len(left[stem]) == len(right[stem]) == 1:
            partner[left[stem][0]] = right[stem][0]
    taken = set(partner.values())
    yield from ((path, partner.get(path, "")) for path in ones)
    yield from (("", path) for path in others if path not in taken)


def _by_stem(paths: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        found.setdefault(f"{folder}/{Path(name.removesuffix('.gz')).stem}", []).append(path)
    return found
