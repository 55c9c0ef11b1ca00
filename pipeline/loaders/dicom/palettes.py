"""Turn PALETTE COLOR into RGB by its three tables, plain or in segments (PS3.3 C.7.6.3.1.5, C.7.9)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import SourceError
from ...imaging.image import Image, Pixels
from .dataset import BIG_ENDIAN
from .tables import descriptor, looked_up, words

if TYPE_CHECKING:
    from pydicom import Dataset

_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2
"""The kinds of segments (PS3.3 C.7.9.2)."""


def coloured(path: Path, dataset: Dataset, pixels: Pixels) -> Image:
    """Return PALETTE COLOR as RGB; entries of 16 bits stay so. Raises: SourceError."""
    segmented = "SegmentedRedPaletteColorLookupTableData" in dataset
    if segmented and dataset.file_meta.TransferSyntaxUID == BIG_ENDIAN:
        raise SourceError("has a segmented palette in big endian, which cannot be read", subject=str(path))
    planes = []
    for colour in ("Red", "Green", "Blue"):
        value = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        entries, first, bits = descriptor(path, dataset, value)
        if bits not in (8, 16):
            raise SourceError(f"has a palette of {bits} bits, which does not exist", subject=str(path))
        if segmented:
            data = dataset[f"Segmented{colour}PaletteColorLookupTableData"].value
            table = _of_segments(path, data, entries, bits)
        else:
            table = words(dataset, dataset[f"{colour}PaletteColorLookupTableData"].value, entries)
        if len(table) < entries:
            raise SourceError(
                f"has a palette of {len(table)} entries that claims {entries}", subject=str(path)
            )
        if bits == 8 and table.max() > 255:
            raise SourceError("has a palette of 8 bits with larger values in it", subject=str(path))
        planes.append(looked_up(pixels, table[:entries].astype(np.uint8 if bits == 8 else np.uint16), first))
    return Image(np.stack(planes, axis=-1), photometric="RGB")


def _of_segments(path: Path, data: bytes, entries: int, bits: int) -> Pixels:
    """Return the entries of a segmented table. Raises: SourceError, also where they are not as many."""
    fields = np.frombuffer(data[: len(data) // (bits // 8) * (bits // 8)], f"<u{bits // 8}").tolist()
    try:
        table = _expanded(fields, entries, bits)
    except (ValueError, IndexError) as error:
        why = str(error) if isinstance(error, ValueError) else "it ends within a segment"
        raise SourceError(f"has a segmented palette that is damaged: {why}", subject=str(path)) from None
    if len(table) != entries:
        raise SourceError(
            f"has a segmented palette of {len(table)} entries that claims {entries}", subject=str(path)
        )
    return np.array(table, np.int64)


def _expanded(fields: Sequence[int], entries: int, bits: int) -> list[int]:
    """Return the values of all segments, and stop where they are more than `entries`; a last byte may pad.

    Raises: ValueError, IndexError.
    """
    table: list[int] = []
    at = 0
    while at + 1 < len(fields) and len(table) <= entries:
        if fields[at] == _INDIRECT:
            count, place = fields[at + 1], _place(fields, at + 2, bits)
            at += 2 + 32 // bits
            for _ in range(count):
                if fields[place] == _INDIRECT:
                    raise ValueError("an indirect segment names another one")
                place = _add(table, fields, place)
                if len(table) > entries:
                    break
        else:
            at = _add(table, fields, at)
    return table


def _place(fields: Sequence[int], at: int, bits: int) -> int:
    """Return which field a byte offset in two words, or four bytes, names: the least significant first."""
    parts = [fields[at + number] for number in range(32 // bits)]
    offset = sum(part << (bits * number) for number, part in enumerate(parts))
    return offset * 8 // bits


def _add(table: list[int], fields: Sequence[int], at: int) -> int:
    """Add a segment's values; return where the next one begins. Raises: ValueError, IndexError."""
    kind, length = fields[at], fields[at + 1]
    if kind not in (_DISCRETE, _LINEAR) or not length:
        raise ValueError(f"a segment of kind {kind} and length {length}")
    if kind == _DISCRETE:
        if at + 2 + length > len(fields):
            raise IndexError
        table += fields[at + 2 : at + 2 + length]
        return at + 2 + length
    if not table:
        raise ValueError("its first segment is a linear one")
    start, end = table[-1], fields[at + 2]
    table += (_rounded(start * length + (end - start) * step, length) for step in range(1, length + 1))
    return at + 3


def _rounded(number: int, by: int) -> int:
    """Return number / by, rounded; halves to the even neighbour, as pydicom does."""
    whole, rest = divmod(number, by)
    return whole + (2 * rest > by or (2 * rest == by and whole % 2 == 1))
