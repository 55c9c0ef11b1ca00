"""Read lookup tables of DICOM and look values up in them (PS3.3 C.11.1.1)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import SourceError
from ...imaging.image import Pixels

if TYPE_CHECKING:
    from pydicom import Dataset


def descriptor(path: Path, dataset: Dataset, value: Any) -> tuple[int, int, int]:
    """Return entries, first mapped value and bits of a LUT (0 entries are 65536; PS3.3 C.11.1.1)."""
    if value is None or len(value) != 3:
        raise SourceError("has an invalid LUT descriptor", subject=str(path))
    entries, first, bits = (int(part) for part in value)
    if dataset.get("PixelRepresentation") == 0:
        first %= 1 << 16
    return entries % (1 << 16) or 1 << 16, first, bits


def words(dataset: Dataset, data: bytes, entries: int) -> Pixels:
    """Return LUT entries: 16-bit words in the file's order, or bytes where there is one for each entry."""
    if len(data) in (entries, entries + entries % 2) and len(data) < 2 * entries:
        values = np.frombuffer(data, np.uint8)
        return values.astype(np.int64)
    order = ">" if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.2" else "<"
    return np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype(np.int64)


def looked_up(pixels: Pixels, table: Pixels, first: int) -> Pixels:
    """Return each value's entry; below the first the first one, beyond the last the last (PS3.3 C.11.1.1)."""
    index = np.clip(pixels.astype(np.int64) - first, 0, len(table) - 1)
    return table[index]
