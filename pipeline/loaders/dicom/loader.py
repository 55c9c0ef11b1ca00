"""Load DICOM files: pixels as modality values, geometry, and every element of the dataset.

A file is read in the order in which it can be wrong: whether it is DICOM (`dataset`), what it claims
(`layout`, checked against the limits before memory is taken), its frames (`frames`), and their meaning
(`values`, `geometry`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from ...errors import Note, SourceError
from ...imaging.exact import native
from ...imaging.image import Geometry, Image, Lossy, SourceFile
from ...imaging.probe import Probe
from ..arrays.slices import filled
from ..base import Certainty, Loader
from ..files import opened
from ..options import DicomOptions, Limits
from .alike import AlikeFiles
from .dataset import PREFIX, guarded, looks_like, read_dataset
from .frames import excess, frame_of, frames, plain_dtype
from .geometry import read_geometry
from .layout import KEYWORDS, Layout, bit_notes, read_layout
from .properties import DicomProperties
from .sound import Settled, settle
from .values import Modality, modality_notes, to_image
from .without_pixels import is_object, object_of, probe_of

if TYPE_CHECKING:
    from pydicom import Dataset


def load(path: Path, source: DicomOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield every frame of a DICOM file as an image; `source.frame` picks one.

    `image.source.dataset` has every element but the pixels; `page` is the frame in the file, from 1.

    Raises:
        SourceError: for what is not DICOM, holds no pixels, is truncated, or cannot be decoded truly.
    """
    yield from images_of(read_dataset(path, limits), path, source, limits, pages)


def load_each(
    paths: Sequence[Path], source: DicomOptions, limits: Limits, pages: range | None = None
) -> Iterator[tuple[Path, Image]]:
    """Yield the frames of several files, as `load` does; of files that are alike only what differs is read.

    Raises:
        SourceError: as `load`.
    """
    files = AlikeFiles(limits, source.charset)
    for path in paths:
        with guarded(path):
            read = files.read(path)
        for image in images_of(read.dataset, path, source, limits, pages, settled=read.settled):
            yield path, image


class Header(Struct, frozen=True):
    """What was read of a file of one frame before its pixels."""

    settled: Settled
    layout: Layout
    modality: Modality
    geometry: Geometry
    remarks: tuple[Note, ...]
    notes: tuple[Note, ...]
    """On its modality transformation."""
    lossy: Lossy | None
    """The loss that it declares."""


def images_of(
    dataset: Dataset,
    path: Path,
    source: DicomOptions,
    limits: Limits,
    pages: range | None = None,
    *,
    header: Header | None = None,
    settled: Settled | None = None,
) -> Iterator[Image]:
    """Yield the frames of a dataset whose transfer syntax is in its file meta, as `load` does.

    `header`: what is known of it, where all its elements were read. `settled`: that alone.

    Raises:
        SourceError: as `load`; `path` names the dataset in messages.
    """
    with guarded(path):
        if header is not None:
            settled = header.settled
        elif settled is None:
            settled = settle(dataset, source.charset)
        layout = (
            read_layout(path, dataset, limits, _keyword(path, dataset)) if header is None else header.layout
        )
        indices = _chosen(path, source, layout, pages)
        notes = settled.notes + bit_notes(layout) + modality_notes(dataset) + excess(dataset, layout)
        rest = _without_pixels(dataset)
        following = frames(path, dataset, layout, indices)
    properties = DicomProperties(rest)
    for index in indices:
        with guarded(path):
            frame = next(following)
            known = None if header is None else header.modality
            image = to_image(path, dataset, layout, frame, raw=source.raw_values, modality=known)
            geometry, remarks = (
                read_geometry(rest, index) if header is None else (header.geometry, header.remarks)
            )
        file = SourceFile(
            path,
            "dicom",
            properties,
            dataset=rest,
            page=index + 1,
            pages=layout.frames,
            lossy=frame.lossy,
            codestream=frame.codestream,
            undecoded=bool(settled.undecoded),
        )
        yield image.replace(geometry=geometry, sources=(file,)).noting(*notes, *remarks)


def image_at(path: Path, dataset: Dataset, header: Header, offset: int) -> Image | None:
    """Return the image of a file of which all but the pixels is known, and these lie at the file's end.

    `offset`: where they begin. None: they are not grey values as they lie. Raises: SourceError.
    """
    dtype = plain_dtype(header.layout)
    if dtype is None:
        return None
    values = np.empty((header.layout.rows, header.layout.columns), dtype)
    with opened(path) as file:
        if not filled(file, values, offset) or file.seek(0, 2) - offset - values.nbytes > 1:
            return None
    with guarded(path):
        frame = frame_of(0, native(values), header.layout, header.lossy)
        image = to_image(path, dataset, header.layout, frame, raw=False, modality=header.modality)
    source = SourceFile(path, "dicom", DicomProperties(dataset), dataset=dataset, lossy=frame.lossy)
    return image.replace(geometry=header.geometry, sources=(source,)).noting(*header.notes, *header.remarks)


def probe(path: Path, source: DicomOptions, limits: Limits) -> Probe:
    """Return shape, dtype of the stored values, frames and geometry, from everything before the pixels.

    Raises:
        SourceError: as `load` for what the elements alone show.
    """
    return _probe_of(read_dataset(path, limits, pixels=False), path, source, limits)


def _probe_of(dataset: Dataset, path: Path, source: DicomOptions, limits: Limits) -> Probe:
    with guarded(path):
        settle(dataset, source.charset)
        if "BitsAllocated" not in dataset or "Rows" not in dataset:
            raise _no_pixels(path, dataset)
        keyword = "PixelData"
        if "BitsStored" not in dataset:
            keyword = "FloatPixelData" if dataset.BitsAllocated == 32 else "DoubleFloatPixelData"
        layout = read_layout(path, dataset, limits, keyword)
        indices = _chosen(path, source, layout, None)
        geometry, _ = read_geometry(dataset, indices.start)
    colour = layout.samples == 3 or (layout.photometric == "PALETTE COLOR" and not source.raw_values)
    return Probe(
        format="dicom",
        shape=(layout.rows, layout.columns, 3) if colour else (layout.rows, layout.columns),
        dtype=layout.dtype.name,
        pages=len(indices),
        geometry=geometry,
        properties=DicomProperties(dataset),
    )


def sniff(head: bytes, path: Path) -> Certainty:
    """Recognise DICOM by the prefix behind its preamble (PS3.10), or by elements sound in one encoding."""
    if head[128:132] == PREFIX:
        return Certainty.SURE
    try:
        size = path.stat().st_size
    except OSError:
        size = len(head)
    return Certainty.PLAUSIBLE if looks_like(head, size) else Certainty.NO


def _keyword(path: Path, dataset: Dataset) -> str:
    """Return the keyword of the element that holds the pixels.

    Raises: SourceError if there is not exactly one.
    """
    found = [keyword for keyword in KEYWORDS if keyword in dataset]
    if not found:
        raise _no_pixels(path, dataset)
    if len(found) > 1:
        raise SourceError(f"holds {' and '.join(found)}, and only one can be meant", subject=str(path))
    if not dataset[found[0]].value:
        raise SourceError(f"holds no pixels: {found[0]} is empty", subject=str(path))
    return found[0]


def _no_pixels(path: Path, dataset: Dataset) -> SourceError:
    uid = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    kind = f" ({uid.name})" if uid else ""
    hint = "'source: dicom-object' or 'auto' takes such files"
    if not is_object(dataset):
        hint = "it describes some, so they were cut off or taken out"
    return SourceError(f"holds no pixels{kind}", subject=str(path), hint=hint)


def _chosen(path: Path, options: DicomOptions, layout: Layout, pages: range | None) -> range:
    """Return the frames to load, from 0. `pages` counts among those that the source's options leave."""
    if options.frame is not None and options.frame > layout.frames:
        raise SourceError(
            f"has {layout.frames} frames and the recipe wants frame {options.frame}", subject=str(path)
        )
    every = range(layout.frames) if options.frame is None else range(options.frame - 1, options.frame)
    if pages is None:
        return every
    if pages and pages[-1] >= len(every):
        raise SourceError(f"has {len(every)} frames and {pages[-1] + 1} were expected", subject=str(path))
    return every[pages.start : pages.stop]


def _without_pixels(dataset: Dataset) -> Dataset:
    """Return a new dataset with the same elements but the pixels."""
    from pydicom import Dataset

    from ...pydicom_versions.elements import set_original_encoding

    rest = Dataset({tag: element for tag, element in dataset._dict.items() if tag >> 16 != 0x7FE0})
    rest.file_meta = dataset.file_meta
    set_original_encoding(rest, dataset)
    return rest


def _load_any(
    path: Path, source: DicomOptions, limits: Limits, pages: range | None = None
) -> Iterator[Image]:
    """Yield the images of a DICOM file, or the object without pixels that it is. Raises: SourceError."""
    dataset = read_dataset(path, limits)
    with guarded(path):
        without = is_object(dataset)
    if not without:
        yield from images_of(dataset, path, source, limits, pages)
    elif pages is None or 0 in pages:
        yield object_of(dataset, path, source.charset)


def _probe_any(path: Path, source: DicomOptions, limits: Limits) -> Probe:
    """Return what the headers of an image say, or the elements of an object. Raises: SourceError."""
    dataset = read_dataset(path, limits, pixels=False)
    with guarded(path):
        without = is_object(dataset)
    return probe_of(dataset, path, source.charset) if without else _probe_of(dataset, path, source, limits)


LOADER = Loader(load, probe, sniff, DicomOptions(), any_kind=Loader(_load_any, _probe_any), each=load_each)
