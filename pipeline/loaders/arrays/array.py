"""Load 2D numpy arrays, ``.npy`` or ``.npz``, with values and dtype unchanged, bool included."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...errors import SourceError
from ...imaging.image import Image, SourceFile
from ...imaging.probe import Probe
from ..base import Certainty, Loader, check_claim
from ..options import ArrayOptions, Limits
from ..signatures import NPY, ZIP
from .drafted import drafted
from .npy import Member, find
from .npy_values import read


def load(path: Path, source: ArrayOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield the one image, (rows, columns). Raises: SourceError."""
    if pages is not None and 0 not in pages:
        return
    member = _find(path, source, limits)
    yield Image(pixels=read(member), sources=(SourceFile(path, "array", _properties(member)),))


def probe(path: Path, source: ArrayOptions, limits: Limits) -> Probe:
    """Return shape and dtype from the header. Raises: SourceError."""
    member = _find(path, source, limits)
    return Probe("array", member.header.shape, member.header.dtype_name, 1, properties=_properties(member))


def _find(path: Path, source: ArrayOptions, limits: Limits) -> Member:
    member = find(path, source.key, limits)
    shape = member.header.shape
    if len(shape) == 3:
        raise SourceError(
            f"holds a 3D array of shape {shape}, not an image of rows and columns",
            subject=str(path),
            hint="read it as a volume: source {format: volume, slice_axis: .., spacing: [..]}",
        )
    if len(shape) != 2:
        raise SourceError(f"holds an array of shape {shape}, not one of rows and columns", subject=str(path))
    check_claim(path, limits, rows=shape[0], columns=shape[1])
    return member


def _properties(member: Member) -> dict[str, str]:
    return {"key": member.name.removesuffix(".npy")} if member.name else {}


def sniff(head: bytes, path: Path) -> Certainty:
    """Recognise a .npy by its magic; a .npz (any zip) only by that suffix."""
    zipped = head.startswith(ZIP) and path.suffix.lower() == ".npz"
    return Certainty.SIGNED if zipped or head.startswith(NPY) else Certainty.NO


LOADER = Loader(load, probe, sniff, ArrayOptions(), drafted)
