"""DICOM objects that hold no pixels: structure sets, plans, records, registrations, reports, states, PDF.

Such an object travels as an image of no pixels with its dataset, so that tags, de-identification and
``to: dicom`` see every file alike. Nothing is read into its content.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import SourceError
from ...imaging.image import Image, SourceFile
from ...imaging.probe import Probe
from ..base import Loader
from ..options import DicomObjectOptions, Limits
from .dataset import guarded, read_dataset
from .layout import KEYWORDS
from .properties import DicomProperties
from .sound import settle

if TYPE_CHECKING:
    from pydicom import Dataset

_DIRECTORY = "1.2.840.10008.1.3.10"
"""Media Storage Directory: byte offsets into itself, and names of files beside it (PS3.3 F.3)."""
_DTYPE = np.dtype(np.uint8)


def load(
    path: Path, source: DicomObjectOptions, limits: Limits, pages: range | None = None
) -> Iterator[Image]:
    """Yield the object, as an image of no pixels. Raises: SourceError, for an image and for a DICOMDIR."""
    if pages is None or 0 in pages:
        yield object_of(read_dataset(path, limits), path, None)


def probe(path: Path, source: DicomObjectOptions, limits: Limits) -> Probe:
    """Return what its elements say. Raises: SourceError."""
    return probe_of(read_dataset(path, limits), path, None)


def is_object(dataset: Dataset) -> bool:
    """Tell whether a dataset is a DICOM object without pixels, by the elements before them."""
    described = "Rows" in dataset or "BitsAllocated" in dataset
    return not described and not any(keyword in dataset for keyword in KEYWORDS)


def object_of(dataset: Dataset, path: Path, charset: str | None) -> Image:
    """Return a dataset that holds no pixels as an image of none. Raises: SourceError."""
    with guarded(path):
        _refuse_others(dataset, path)
        settled = settle(dataset, charset)
        file = SourceFile(
            path,
            "dicom-object",
            DicomProperties(dataset),
            dataset=dataset,
            undecoded=bool(settled.undecoded),
        )
    return Image(np.zeros((0, 0), _DTYPE), sources=(file,), notes=settled.notes)


def probe_of(dataset: Dataset, path: Path, charset: str | None) -> Probe:
    """Return what the elements of such a dataset say. Raises: SourceError."""
    with guarded(path):
        _refuse_others(dataset, path)
        settle(dataset, charset)
    return Probe("dicom-object", (0, 0), _DTYPE.name, 1, properties=DicomProperties(dataset))


def _refuse_others(dataset: Dataset, path: Path) -> None:
    kind = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""
    if str(kind) == _DIRECTORY:
        raise SourceError(
            "is a DICOMDIR, whose entries name files where they lie",
            subject=str(path),
            hint="exclude it, and take the files",
        )
    if not is_object(dataset):
        found = "holds pixels" if any(keyword in dataset for keyword in KEYWORDS) else "is an image"
        raise SourceError(
            f"{found}, and 'dicom-object' reads DICOM without any",
            subject=str(path),
            hint="use source: dicom, or auto, which takes both",
        )
    if not kind:
        raise SourceError("says no SOPClassUID, so nobody knows what it is", subject=str(path))


LOADER = Loader(load, probe)
