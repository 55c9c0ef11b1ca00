"""One side of a comparison: the images that a file, or a folder of slices, gives, and what else it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from msgspec import Struct

from ..errors import SourceError
from ..imaging.image import Image, Photometric, SourceFile
from ..loaders.options import DicomSeriesOptions, Limits, SourceOptions

_SAMPLES: Mapping[int, Photometric] = {3: "RGB", 4: "RGBA"}


class Side(Struct, frozen=True):
    """What can be compared of one file or folder. `images` is taken once, one image in memory at a time."""

    path: Path
    format: str
    images: Iterator[Image]
    tags: Mapping[str, object]
    """Elements of a DICOM file but its pixels, by path; or a format's own properties, by name."""


def open_side(path: Path, raw: SourceOptions | None, limits: Limits) -> Side:
    """Open a file of any format, or a folder whose DICOM files are the slices of one volume.

    Args:
        path: the file or folder.
        raw: what a file is whose content does not tell.
        limits: bounds on what files claim.

    Raises:
        SourceError: what the file is or holds that cannot be read truly; also while images are taken.
    """
    if path.is_dir():
        return Side(path, "dicom-series", _slices(path, limits), {})
    kind, images = _opened(path, raw, limits)
    first = next(images, None)
    every = images if first is None else chain((first,), images)
    return Side(path, kind, every, _tags(path, first, limits) if kind == "dicom" else _properties(first))


def _opened(path: Path, raw: SourceOptions | None, limits: Limits) -> tuple[str, Iterator[Image]]:
    from ..loaders.auto import recognise
    from ..loaders.registry import load, loader

    try:
        kind = recognise(path)
    except SourceError:
        if raw is None:
            raise
        return raw.format, load(path, raw, limits)
    if kind == "dicom" and _without_pixels(path, limits):
        return kind, iter(())
    if kind == "array":
        return kind, _array(path, limits)
    options = loader(kind).defaults
    if options is None:
        raise TypeError(f"{kind} is told by content and has no options to be read with")
    return kind, load(path, options, limits)


def _slices(folder: Path, limits: Limits) -> Iterator[Image]:
    from ..loaders.registry import load_each

    files = sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    if not files:
        raise SourceError("holds no file", subject=str(folder))
    yield from (image for _, image in load_each(files, DicomSeriesOptions(), limits))


def _array(path: Path, limits: Limits) -> Iterator[Image]:
    """Images of an array as our npy outputs are: (rows, columns), with samples behind, with images before."""
    from ..loaders.arrays.npy import find
    from ..loaders.arrays.npy_values import read
    from ..loaders.base import check_claim

    member = find(path, None, limits)
    shape = member.header.shape
    colour = len(shape) == 4 or (len(shape) == 3 and shape[-1] in _SAMPLES)
    if not 2 <= len(shape) - colour <= 3 or (colour and shape[-1] not in _SAMPLES):
        raise SourceError(f"holds an array of shape {shape}, which is no image or stack", subject=str(path))
    rows, columns = shape[-3:-1] if colour else shape[-2:]
    pages = shape[0] if len(shape) - colour == 3 else 1
    samples = shape[-1] if colour else 1
    check_claim(path, limits, rows=rows, columns=columns, samples=samples, pages=pages)
    values = read(member).reshape(pages, rows, columns, *shape[-1:] * colour)
    for page, pixels in enumerate(values, 1):
        file = SourceFile(path, "array", page=page, pages=pages)
        yield Image(pixels, photometric=_SAMPLES[samples] if colour else "MONOCHROME2", sources=(file,))


def _without_pixels(path: Path, limits: Limits) -> bool:
    """Tell whether a DICOM file is an object without pixels, such as a plan. Raises: SourceError."""
    from ..loaders.dicom.dataset import read_dataset
    from ..loaders.dicom.layout import KEYWORDS

    dataset = read_dataset(path, limits)
    return not any(keyword in dataset for keyword in KEYWORDS)


def _tags(path: Path, first: Image | None, limits: Limits) -> Mapping[str, object]:
    from ..exporters.dicom.contents import elements
    from ..loaders.dicom.dataset import guarded, read_dataset

    known = first.source.dataset if first is not None else None
    dataset = known if known is not None else read_dataset(path, limits)
    with guarded(path):
        return dict(elements(dataset.file_meta, "")) | dict(elements(dataset, ""))


def _properties(first: Image | None) -> Mapping[str, object]:
    if first is None:
        return {}
    from ..exporters.pictures.text import plain

    return {name: plain(value) for name, value in first.source.properties.items()}
