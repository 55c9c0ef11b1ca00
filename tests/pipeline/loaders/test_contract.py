"""What every loader promises; and that bytes of any kind raise nothing but SourceError."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.exact import DTYPES
from dicombake.pipeline.loaders.options import (
    ArrayOptions,
    AutoOptions,
    CyberKnifeRawOptions,
    DicomObjectOptions,
    DicomOptions,
    ImageOptions,
    Limits,
    RawOptions,
    SourceOptions,
    VisionRtRawOptions,
    VolumeOptions,
    XimOptions,
)
from dicombake.pipeline.loaders.registry import FORMATS, load, loader, probe
from dicombake.pipeline.samples.samples import Sample as SampleFile
from dicombake.schemas.sources import SOURCE_FORMATS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from ...pydicom_api import write_whole
from ...support import made_samples
from .input_files import chunk, make_npy, make_npz, make_picture, make_tiff, make_xim

LIMITS = Limits(image_pixels=10**6)
RNG = np.random.default_rng(5)
GREY = RNG.integers(0, 65536, (9, 11)).astype(np.uint16)
COLOUR = RNG.integers(0, 256, (9, 11, 3)).astype(np.uint8)


def make_dicom() -> bytes:
    import io

    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = "2.25.1"
    dataset.Rows, dataset.Columns = GREY.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = GREY.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    write_whole(stream, dataset)
    return stream.getvalue()


def make_object() -> bytes:
    import io

    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

    dataset = Dataset()
    dataset.SOPClassUID = RTStructureSetStorage
    dataset.SOPInstanceUID = "2.25.1"
    dataset.Modality, dataset.StructureSetLabel = "RTSTRUCT", "PLAN"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    stream = io.BytesIO()
    write_whole(stream, dataset)
    return stream.getvalue()


@dataclass(frozen=True)
class Sample:
    """A small valid file, how it is read, and what its content tells."""

    data: bytes
    source: SourceOptions
    told: str | None
    name: str = "x.bin"


VOLUME = VolumeOptions(slice_axis=0, spacing=(1.0, 1.0, 2.0))
SAMPLES: dict[str, Callable[[], Sample]] = {
    "dicom": lambda: Sample(make_dicom(), DicomOptions(), "dicom"),
    "dicom-object": lambda: Sample(make_object(), DicomObjectOptions(), "dicom-object"),
    "xim": lambda: Sample(make_xim(GREY), XimOptions(), "xim"),
    "xim-plain": lambda: Sample(make_xim(GREY, compressed=False, histogram=3), XimOptions(), "xim"),
    "tiff": lambda: Sample(make_tiff(GREY, photometric="minisblack"), ImageOptions(), "image"),
    "tiff-tiles": lambda: Sample(
        make_tiff(COLOUR, photometric="rgb", tile=(16, 16), compression="zlib", predictor=True),
        ImageOptions(),
        "image",
    ),
    "tiff-jpeg": lambda: Sample(
        make_tiff(COLOUR, photometric="rgb", compression="jpeg"), ImageOptions(), "image"
    ),
    "tiff-big": lambda: Sample(
        make_tiff(GREY, photometric="minisblack", bigtiff=True, byteorder=">", compression="lzw"),
        ImageOptions(),
        "image",
    ),
    "jpeg": lambda: Sample(make_picture(COLOUR, "JPEG", dpi=(99, 99)), ImageOptions(), "image"),
    "png": lambda: Sample(make_picture(COLOUR, "PNG", dpi=(99, 99)), ImageOptions(), "image"),
    "bmp": lambda: Sample(make_picture(COLOUR, "BMP"), ImageOptions(), "image"),
    "npy": lambda: Sample(make_npy(GREY), ArrayOptions(), "array"),
    "npz": lambda: Sample(make_npz(compressed=True, a=GREY), ArrayOptions(), "array", "x.npz"),
    "volume": lambda: Sample(make_npy(np.stack([GREY] * 2)), VOLUME, None),
    "volume-npz": lambda: Sample(make_npz(a=np.stack([GREY] * 2)), VOLUME, None),
    "cyberknife-raw": lambda: Sample(b"CK 11 9 and more \n" + GREY.tobytes(), CyberKnifeRawOptions(), None),
    "visionrt-raw": lambda: Sample(GREY.tobytes(), VisionRtRawOptions(shape=(9, 11), dtype="uint16"), None),
    "raw": lambda: Sample(GREY.tobytes(), RawOptions(shape=(9, 11), dtype="uint16"), None),
    "auto": lambda: Sample(make_xim(GREY), AutoOptions(), "xim"),
}


def made_sample(found: SampleFile) -> Sample:
    source: Any = SOURCE_FORMATS[found.format].model_validate(found.options)
    told = None if FORMATS[found.format].content is None else found.format
    return Sample(found.content, source, told)


WITHOUT = {"dicom-series", "rt-dose"}
"""Formats of DICOM files, which have tests of their own."""
if missing := set(FORMATS) - WITHOUT - {made().source.format for made in SAMPLES.values()}:
    for found in made_samples().values():
        if found.format in missing:
            SAMPLES[found.path] = partial(made_sample, found)


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]()


@pytest.fixture
def path(tmp_path: Path, sample: Sample) -> Path:
    found = tmp_path / sample.name
    found.write_bytes(sample.data)
    return found


def test_every_format_of_the_recipe_has_a_row_and_a_sample() -> None:
    assert set(FORMATS) == set(SOURCE_FORMATS)
    assert {made().source.format for made in SAMPLES.values()} == set(FORMATS) - WITHOUT


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_and_its_loader_say_the_same(name: str) -> None:
    row, own, model = FORMATS[name], loader(name), SOURCE_FORMATS[name]
    assert row.describes and row.describes == " ".join(row.describes.split())
    assert (row.content is not None) == (own.sniff is not None) == (own.defaults is not None)
    assert row.series == (own.series is not None)
    assert row.traces_properties == (own.properties_behind is not None)
    assert row.picked_by is None or row.picked_by in model.model_fields
    assert not (row.raw and row.content)
    needed = {Requirement(line).name for line in metadata.requires("dicombake") or ()}
    assert set(row.codecs) <= needed


def test_images_are_what_the_contract_says(path: Path, sample: Sample) -> None:
    images = list(load(path, sample.source, LIMITS))
    assert images
    for number, image in enumerate(images, 1):
        assert image.pixels.dtype in DTYPES
        assert image.pixels.dtype.isnative
        assert image.pixels.flags.c_contiguous
        assert not image.computed
        (file,) = image.sources
        assert file.path == path
        assert file.format == (sample.told or sample.source.format)
        assert (file.page, file.pages) == (number, len(images))
        assert set(image.geometry.origins) == {
            name
            for name in ("spacing", "sid", "sad", "gantry", "collimator", "couch", "position", "orientation",
                         "translation", "receptor_angle", "patient")
            if getattr(image.geometry, name) is not None
        }  # fmt: skip


def test_the_probe_agrees_with_the_load(path: Path, sample: Sample) -> None:
    images = list(load(path, sample.source, LIMITS))
    told = probe(path, sample.source, LIMITS)
    assert told.format == images[0].source.format
    assert told.shape == images[0].pixels.shape
    assert told.dtype == images[0].pixels.dtype.name
    assert told.pages == len(images)
    assert told.geometry == images[0].geometry


def test_pages_are_picked_by_their_range(path: Path, sample: Sample) -> None:
    images = list(load(path, sample.source, LIMITS))
    last = len(images) - 1
    (picked,) = load(path, sample.source, LIMITS, range(last, last + 1))
    assert np.array_equal(picked.pixels, images[last].pixels)
    assert picked.source.page == last + 1
    assert list(load(path, sample.source, LIMITS, range(0))) == []


def test_loading_twice_gives_the_same(path: Path, sample: Sample) -> None:
    first, second = (list(load(path, sample.source, LIMITS)) for _ in range(2))
    for one, two in zip(first, second, strict=True):
        assert one.pixels.tobytes() == two.pixels.tobytes()
        assert (one.geometry, one.notes) == (two.geometry, two.notes)


def test_auto_tells_it_by_content_or_refuses(path: Path, sample: Sample) -> None:
    # a stack's file is a picture, unless the recipe says that it is a stack
    told = "image" if sample.source.format == "image-stack" else sample.told
    if told:
        assert probe(path, AutoOptions(), LIMITS).format == told
        images = list(load(path, AutoOptions(), LIMITS))
        assert images
        assert {image.source.format for image in images} == {told}
    else:
        with pytest.raises(SourceError):
            list(load(path, AutoOptions(), LIMITS))


def test_a_file_that_is_not_there(tmp_path: Path, sample: Sample) -> None:
    for missing in (tmp_path / "none", tmp_path):
        for call in (
            lambda p: list(load(p, sample.source, LIMITS)),
            lambda p: probe(p, sample.source, LIMITS),
        ):
            with pytest.raises(SourceError):
                call(missing)


@pytest.mark.parametrize("data", [b"", b"\0", b"x" * 700, bytes(4096)])
def test_no_file_at_all(tmp_path: Path, sample: Sample, data: bytes) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    with pytest.raises(SourceError):
        list(load(path, sample.source, LIMITS))
    with pytest.raises(SourceError):
        probe(path, sample.source, LIMITS)


def damaged(data: bytes, seed: int) -> bytes:
    """Cut, or with some bytes changed, most of them near the start where headers are."""
    chance = random.Random(seed)
    changed = bytearray(data)
    if chance.random() < 0.25:
        return bytes(changed[: chance.randrange(len(changed))])
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(min(len(changed), chance.choice((64, 300, 10**6))))
        changed[at] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    return bytes(changed)


def with_checksums(data: bytes) -> bytes:
    """A damaged PNG whose checksums fit again, so that the damage reaches the decoder."""
    fixed, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        fixed += chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length])
        at += 12 + length
    return bytes(fixed)


OWN = [name for name in SAMPLES if name not in ("dicom", "auto")]


@pytest.mark.parametrize("name", OWN)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(seed=st.integers(0, 2**32))
def test_damage_raises_nothing_but_source_errors(tmp_path: Path, name: str, seed: int) -> None:
    sample = SAMPLES[name]()
    data = damaged(sample.data, seed)
    path = tmp_path / sample.name
    for attempt in (data, with_checksums(data)) if name == "png" else (data,):
        path.write_bytes(attempt)
        for call in (
            lambda: list(load(path, sample.source, LIMITS)),
            lambda: probe(path, sample.source, LIMITS),
        ):
            try:
                call()
            except SourceError as error:
                assert error.what
                assert error.subject == str(path)


def test_auto_hints_at_raw_sources(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(b"CK 4 3 " + bytes(24))
    with pytest.raises(SourceError) as caught:
        list(load(path, AutoOptions(), LIMITS))
    assert caught.value.what == (
        "is no format that its content tells "
        "(DICOM, XIM, TIFF, JPEG, JPEG 2000, JPEG-LS, PNG, BMP, GIF, WebP, numpy, NIfTI, NRRD, MetaImage)"
    )
    *others, last = (name for name, row in FORMATS.items() if row.raw)
    assert caught.value.hint == f"a raw file needs a source of its own: {', '.join(others)} or {last}"
    assert {"cyberknife-raw", "visionrt-raw", "raw"} <= {*others, last}
    path.write_bytes(b"")
    with pytest.raises(SourceError, match="is empty"):
        probe(path, AutoOptions(), LIMITS)


def test_auto_names_volume_for_a_3d_array(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    path.write_bytes(make_npy(np.zeros((2, 3, 4))))
    with pytest.raises(SourceError) as caught:
        list(load(path, AutoOptions(), LIMITS))
    assert caught.value.hint == "read it as a volume: source {format: volume, slice_axis: .., spacing: [..]}"


@pytest.mark.real
def test_auto_on_every_real_file(real: Path) -> None:
    told: dict[str, set[str]] = {}
    for path in sorted(real.rglob("*")):
        if not path.is_file() or path.suffix == ".md":
            continue
        try:
            told.setdefault(path.relative_to(real).parts[0], set()).add(
                probe(path, AutoOptions(), Limits()).format
            )
        except SourceError as error:
            assert error.subject == str(path)
    assert told == {
        "ct-series": {"dicom"},
        "film-tiff": {"image"},
        "jpg": {"image"},
        "mr-series": {"dicom"},
        "npy": {"array"},
        "png": {"image"},
        "raw": set(),
        "rtimage": {"dicom"},
        "xim": {"xim"},
    }
