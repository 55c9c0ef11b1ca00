"""Find the input files by globs with captures, in an order that is the same everywhere.

A folder is listed only if a file in it can match. Names are compared case-sensitively and in
NFC on every system; the name that the file system gave is kept for opening the file.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..confined import REFUSED, escapes
from ..errors import PlanError
from ..places.listing import Entry, Listing, Named
from ..places.names import nfc
from .globs import Captures, Globs, State

if TYPE_CHECKING:
    from ...schemas.inputs import Inputs

STATE_FOLDER = ".dicombake"
"""The folder in which dicombake keeps what may be deleted; its files are never inputs."""

_DIGITS = re.compile(r"([0-9]+)")
_CANNOT_RESOLVE = 1921
"""ERROR_CANT_RESOLVE_FILENAME, which Windows says of such a link."""


Match = tuple[str, Captures]
"""An input file: its path, with / and relative to the folder that was searched, and its captures."""


def natural_key(path: str) -> tuple[str, str]:
    """Return a key that orders paths folder by folder, numbers by value (``2`` before ``10``).

    The rest is ordered by code points: a total order independent of any locale. Where only leading zeros
    differ, code points decide.
    """
    return ("\0".join(_natural(part) for part in nfc(path).split("/")), path)


def _natural(name: str) -> str:
    """Return text whose order by code points is the natural order of names.

    A run of digits becomes a mark below all text, the count of its digits and the digits, without leading
    zeros; the mark between folders (in `natural_key`) lies below that one.
    """
    pieces = _DIGITS.split(name)
    for number in range(1, len(pieces), 2):
        digits = pieces[number].lstrip("0")
        pieces[number] = f"\1{chr(1 + len(digits))}{digits}"
    return "".join(pieces)


class _Folder(NamedTuple):
    """A folder that is to be listed."""

    path: str
    prefix: str
    """The beginning of its files' paths: empty or ending in /."""
    key: str
    """The beginning of the natural keys of its files."""
    wanted: list[State]
    barred: list[State]
    real: str
    above: _Folder | None


def match(inputs: Inputs, data: Path, *, never: Collection[str] = ()) -> list[Match]:
    """Return the files under `data` that `inputs` names, in its order, each once.

    Several globs give their union; where two match one file, the first one's captures hold. Symbolic
    links are followed, but into no folder that they lie in; ``**`` enters no link to a folder that lies
    under `data` itself, since that is searched under its own name.

    Args:
        inputs: what the recipe says.
        data: the folder that the globs are relative to.
        never: paths relative to `data` that are no inputs whatever the globs say.

    Raises:
        PlanError: a folder that cannot be listed, a name that is no text.
    """
    return search(inputs, data, never=never)[0]


def search(
    inputs: Inputs,
    data: Path,
    *,
    never: Collection[str] = (),
    confined: bool = False,
    listing: Listing | None = None,
) -> tuple[list[Match], frozenset[str]]:
    """Return what `match` returns, and which of the files are symbolic links.

    Args:
        inputs, data, never: as those of `match`.
        confined: no link to a folder outside of `data` is entered, and one to a file there is refused.
        listing: shared by the searches of a plan.

    Raises: PlanError, as `match`.
    """
    walk = find(Globs(inputs.files), Globs(inputs.exclude), data, confined=confined, listing=listing)
    for path in sorted(walk.linked) if confined else ():
        if escapes(data.joinpath(*path.split("/")), data):
            raise PlanError(f"is a link out of the data folder; {REFUSED}", subject=path)
    found = walk.ordered(by_name=inputs.sort == "name")
    return [item for item in found if item[0] not in never], frozenset(walk.linked)


def find(
    wanted: Globs, barred: Globs, data: Path, *, confined: bool = False, listing: Listing | None = None
) -> Walk:
    """Return a walk over `data`, done. Raises: as `match`."""
    listing = listing or Listing()
    walk = Walk(wanted, barred, os.path.realpath(data), confined=confined)
    pending = [_Folder(os.fspath(data), "", "", wanted.start(), barred.start(), walk.root, None)]
    while pending:
        folder = pending.pop()
        entries = listing.entries(folder.path, wanted.beginnings(folder.wanted))
        try:
            pending.extend(walk.list(folder, entries))
        except OSError as error:
            reason = error.strerror or str(error)
            raise PlanError(f"the folder cannot be listed: {reason}", subject=folder.path) from error
    return walk


@dataclass(slots=True)
class Walk:
    """One pass over a folder."""

    wanted: Globs
    barred: Globs
    root: str
    confined: bool
    """Whether links to folders outside of the root are not entered."""
    found: list[tuple[str, str, Captures]] = field(default_factory=list)
    """The files so far: natural key, path, captures."""
    linked: set[str] = field(default_factory=set)
    """Those that are symbolic links."""

    def ordered(self, *, by_name: bool = False) -> list[Match]:
        """Return the files in natural order, or by the code points of their paths."""
        if by_name:
            self.found.sort(key=lambda item: (nfc(item[1]), item[1]))
        else:
            self.found.sort()
        return [(path, captures) for _, path, captures in self.found]

    def list(self, folder: _Folder, entries: Iterable[Entry]) -> Iterator[_Folder]:
        """Add the folder's files to `found`; return the subfolders that are to be listed."""
        finals, against = self.wanted.finals(folder.wanted), self.barred.finals(folder.barred)
        tests = [(part.regex.fullmatch, part, state.captures) for part, state in finals if part.regex]
        deeper = self.wanted.goes_deeper(folder.wanted)
        for name, entry in entries:
            if deeper and _is(entry.is_dir):
                yield from self.enter(folder, entry, name)
                continue
            for fullmatch, part, before in tests:
                matched = fullmatch(name)
                if matched is None or (name[0] == "." and not part.dotted):
                    continue
                excluded = against and any(other.match(name, ()) is not None for other, _ in against)
                if not excluded and _is(entry.is_file):
                    path = folder.prefix + entry.name
                    if not path.isascii():
                        _check_text(path)
                    captures = (*before, *zip(part.names, matched.groups(), strict=True))
                    self.found.append((folder.key + _natural(name), path, captures))
                    if entry.is_symlink():
                        self.linked.add(path)
                break

    def enter(self, folder: _Folder, entry: Named, name: str) -> Iterator[_Folder]:
        """Yield the subfolder, if files in it can match."""
        if name.casefold() == STATE_FOLDER:
            return
        deep, real = True, os.path.join(folder.real, entry.name)  # noqa: PTH118 - Path costs ten times as much
        if _is_link(entry):
            real = os.path.realpath(entry.path)
            if _lies_in(folder, real):
                return
            deep = not _within(real, self.root)
            if deep and self.confined:
                return
        states = self.wanted.enter(folder.wanted, name, deep=deep)
        if not states:
            return
        bars = self.barred.enter(folder.barred, name) if folder.barred else []
        if not self.barred.everything(bars):
            key = f"{folder.key}{_natural(name)}\0"
            yield _Folder(entry.path, f"{folder.prefix}{entry.name}/", key, states, bars, real, folder)


def _is(kind: Callable[[], bool]) -> bool:
    """Tell whether an entry is of a kind; a link that leads round to itself is of none, as one to nothing."""
    try:
        return kind()
    except OSError as error:
        if error.errno == errno.ELOOP or getattr(error, "winerror", None) == _CANNOT_RESOLVE:
            return False
        raise


def _lies_in(folder: _Folder | None, real: str) -> bool:
    """Tell whether the walk came through the folder `real`."""
    while folder is not None:
        if folder.real == real:
            return True
        folder = folder.above
    return False


def _is_link(entry: Named) -> bool:
    """Tell whether the entry is a symbolic link or, where Python can tell (3.12), a junction."""
    return entry.is_symlink() or bool(getattr(entry, "is_junction", bool)())


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _check_text(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode(errors="surrogateescape").decode(errors="replace")
        raise PlanError("the file's name is no Unicode text", subject=shown, hint="rename it") from None


def unmatched(inputs: Inputs, found: Collection[Match]) -> list[str]:
    """Return the globs that match none of the files, where there are several and another one does."""
    if len(inputs.files) < 2 or not found:
        return []
    return [glob for glob in inputs.files if not _matches_any(Globs([glob]), found)]


def _matches_any(globs: Globs, found: Iterable[Match]) -> bool:
    return any(globs.match(path) is not None for path, _ in found)
