"""Recognise the format of each file by its content and load it with that format's loader.

Raw is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SourceError
from ..imaging.image import Image
from ..imaging.probe import Probe
from .base import Certainty, Loader
from .detached import may_be_detached
from .files import head_of
from .registry import FORMATS, loader

if TYPE_CHECKING:
    from .options import AutoOptions, Limits


_SNIFFED = tuple(name for name, row in FORMATS.items() if row.content is not None)
_KINDS = ", ".join(row.content for row in FORMATS.values() if row.content is not None)
_RAW = " or ".join(", ".join(name for name, row in FORMATS.items() if row.raw).rsplit(", ", 1))


def recognise(path: Path) -> str:
    """Return the format of a file by its content: the one whose loader is surest. Raises: SourceError."""
    head = head_of(path)
    if not head:
        raise SourceError("is empty", subject=str(path))
    certainties = {name: _certainty(name, head, path) for name in _SNIFFED}
    surest = max(certainties, key=certainties.__getitem__)
    if certainties[surest] is Certainty.NO:
        raise SourceError(
            f"is no format that its content tells ({_KINDS})",
            subject=str(path),
            hint=f"a raw file needs a source of its own: {_RAW}",
        )
    return surest


def _certainty(name: str, head: bytes, path: Path) -> Certainty:
    sniff = loader(name).sniff
    return Certainty.NO if sniff is None else sniff(head, path)


def _may_hide_parts(name: str, path: Path) -> bool:
    """Tell whether its values may lie in another file, though its own name does not say so."""
    return may_be_detached(name, path.name) and not may_be_detached("auto", path.name)


def load(path: Path, source: AutoOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield the images that the file's own loader gives. Raises: SourceError."""
    name = recognise(path)
    if _may_hide_parts(name, path):
        probe(path, source, limits)
    own = loader(name)
    yield from (own.any_kind or own).load(path, own.defaults, limits, pages)


def probe(path: Path, source: AutoOptions, limits: Limits) -> Probe:
    """Return what the file's own loader says; `format` names it. Raises: SourceError."""
    name = recognise(path)
    own = loader(name)
    found = (own.any_kind or own).probe(path, own.defaults, limits)
    if found.parts and _may_hide_parts(name, path):
        raise SourceError(
            f"has its values in {found.parts[0].name}, "
            "which 'auto' reads for files named .mhd, .nhdr or .hdr",
            subject=str(path),
            hint=f"say 'source: {name}'",
        )
    return found


def parts(path: Path) -> tuple[Path, ...]:
    """Return the files that the file's own loader would read besides. Raises: SourceError."""
    own = loader(recognise(path)).parts
    return () if own is None else own(path)


LOADER = Loader(load, probe, parts=parts)
