"""The made files are what they claim to be, by readers that are not ours."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import tifffile
import ximreader
from dicombake.pipeline.loaders.registry import load
from dicombake.pipeline.samples import Sample, companions, phantoms, write_samples, xim
from dicombake.schemas.recipe import Limits
from dicombake.schemas.sources import SOURCE_FORMATS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from ...support import made_samples

SAMPLES = made_samples()


def of(kind: str) -> list[Sample]:
    return [sample for sample in SAMPLES.values() if sample.format == kind]


def slow_decode(content: bytes) -> np.ndarray:
    """The XIM text book way: one pixel after the other."""
    head = np.frombuffer(content, "<i4", 6, 8)
    _, columns, rows, _, width, compressed = (int(number) for number in head)
    assert compressed == 1
    at = 32
    table_size = int(np.frombuffer(content, "<i4", 1, at)[0])
    table = content[at + 4 : at + 4 + table_size]
    at += 8 + table_size
    flat = [int(number) for number in np.frombuffer(content, "<i4", columns + 1, at)]
    at += 4 * (columns + 1)
    for index in range(rows * columns - columns - 1):
        size = 1 << ((table[index // 4] >> (index % 4 * 2)) & 3)
        difference = int.from_bytes(content[at : at + size], "little", signed=True)
        at += size
        flat.append(difference + flat[-1] + flat[-columns] - flat[-columns - 1])
    assert int(np.frombuffer(content, "<i4", 1, at)[0]) == rows * columns * width
    return np.array(flat).reshape(rows, columns)


@pytest.mark.parametrize("path", [sample.path for sample in of("xim")])
def test_an_independent_reader_finds_the_pixels_and_properties_of_a_xim(path: str, tmp_path: Path) -> None:
    sample = SAMPLES[path]
    file = tmp_path / "sample.xim"
    file.write_bytes(sample.content)
    pixels, header = ximreader.ximReader(str(file), return_header=True)
    assert np.array_equal(pixels, sample.pixels)
    properties = header["properties"]
    assert properties["PixelHeight"] * 10 == pytest.approx(sample.truth["spacing"][0])
    half = "MV" if properties["ImageSourceType"] == 1 else "KV"
    sid = 10 * (properties[f"{half}SourceVrt"] - properties[f"{half}DetectorVrt"])
    assert sid == pytest.approx(sample.truth["sid"])
    angle = properties["GantryRtn"] if half == "MV" else properties["KVSourceRtn"]
    assert (180 - angle) % 360 == pytest.approx(sample.truth["gantry"])


@given(
    arrays(
        st.sampled_from([np.uint16, np.int32]),
        array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9),
        elements=st.integers(0, 65535),
    )
)
def test_a_compressed_xim_decodes_to_its_array(pixels: np.ndarray) -> None:
    assert np.array_equal(slow_decode(xim.encode(pixels, {"Valid": 1})), pixels)


def test_differences_of_every_size_are_stored_in_the_fewest_bytes() -> None:
    steps = [0, 127, 128, 32767, 32768, -128, -129, -32768, -32769]
    pixels = np.zeros((2, 10), dtype=np.int32)
    pixels[1, 1:] = np.cumsum(steps)
    content = xim.encode(pixels, {})
    assert content[32:36] == (3).to_bytes(4, "little")
    assert content[36:39] == bytes([0b01_01_00_00, 0b01_01_00_10, 0b10])
    assert np.array_equal(slow_decode(content), pixels)


def test_a_xim_of_another_dtype_is_refused() -> None:
    with pytest.raises(ValueError, match="uint16 or int32, not float64"):
        xim.encode(np.zeros((2, 2)), {})


@pytest.mark.parametrize("path", [sample.path for sample in of("dicom") if "bare" not in sample.path])
def test_dicom_samples_hold_their_pixels(path: str) -> None:
    sample = SAMPLES[path]
    ds = pydicom.dcmread(io.BytesIO(sample.content))
    assert np.array_equal(ds.pixel_array, sample.pixels)
    assert ds.get("RTImageSID") == sample.truth.get("sid")
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID


def test_the_bare_dataset_has_neither_preamble_nor_meta() -> None:
    sample = SAMPLES["dicom/bare_field.dcm"]
    assert sample.content[128:132] != b"DICM"
    ds = pydicom.dcmread(io.BytesIO(sample.content), force=True)
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    assert np.array_equal(ds.pixel_array, sample.pixels)


def test_pictures_hold_their_pixels() -> None:
    for sample in of("image"):
        if sample.path.endswith(".tif"):
            read = tifffile.imread(io.BytesIO(sample.content))
        else:
            read = np.asarray(Image.open(io.BytesIO(sample.content)))
        if sample.path.endswith(".jpg"):
            assert np.abs(read.astype(int) - sample.pixels).mean() < 4
        else:
            assert np.array_equal(read, sample.pixels), sample.path


def test_arrays_hold_their_pixels() -> None:
    for sample in [*of("array"), *of("volume")]:
        read = np.load(io.BytesIO(sample.content))
        read = read["dose"] if isinstance(read, np.lib.npyio.NpzFile) else read
        assert read.dtype == sample.pixels.dtype
        assert np.array_equal(read, sample.pixels)


def test_raw_files_are_header_and_pixels() -> None:
    (camera,) = of("cyberknife-raw")
    assert camera.content[:20].split()[1:3] == [b"400", b"320"]
    read = np.frombuffer(camera.content, "<u2", offset=20).reshape(320, 400)
    assert np.array_equal(read, camera.pixels)
    (surface,) = of("visionrt-raw")
    assert np.array_equal(np.frombuffer(surface.content, "<u4").reshape(600, 960), surface.pixels)
    (strip,) = of("raw")
    assert np.array_equal(np.frombuffer(strip.content, ">i2", offset=64).reshape(90, 200), strip.pixels)


def test_every_source_format_has_a_sample() -> None:
    # a series of slices is what the demo's own volume becomes; `auto` is any of the others; the demo shows
    # pictures, and an object without pixels has none
    others = {"auto", "dicom-series", "dicom-object", "rt-dose"}
    assert {sample.format for sample in SAMPLES.values()} == set(SOURCE_FORMATS) - others


@pytest.mark.parametrize("path", SAMPLES)
def test_every_sample_holds_what_it_says_by_way_of_its_format(path: str, tmp_path: Path) -> None:
    sample = SAMPLES[path]
    file = tmp_path / Path(path).name
    file.write_bytes(sample.content)
    source: Any = SOURCE_FORMATS[sample.format].model_validate(sample.options)
    images = list(load(file, source, Limits()))
    found = [image.pixels if image.stored is None else image.stored.pixels for image in images]
    if "slice_axis" in sample.options:
        read = np.stack(found, axis=sample.options["slice_axis"])
    else:
        read = found[0] if len(found) == 1 else np.stack(found)
    meant = np.asarray(sample.pixels)
    assert read.shape == meant.shape
    if any(image.lossy for image in images):
        assert np.abs(read.astype(float) - meant).mean() < 2
    else:
        assert np.array_equal(read, meant)


def test_samples_are_the_same_each_time(tmp_path: Path) -> None:
    written = write_samples(tmp_path)
    others = {each.path: each.content for each in companions()}
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [*SAMPLES, *others]
    contents = [*(sample.content for sample in SAMPLES.values()), *others.values()]
    assert [path.read_bytes() for path in written] == contents


def test_no_sample_looks_the_same_turned_or_mirrored() -> None:
    for sample in SAMPLES.values():
        pixels = sample.pixels[0] if sample.path.endswith("two_pages.tif") else sample.pixels
        seen = {pixels.shape: []}
        for turns in range(4):
            turned = np.rot90(pixels, turns)
            for version in (turned, turned[:, ::-1]):
                seen.setdefault(version.shape, []).append(hashlib.sha256(version.tobytes()).hexdigest())
        assert all(len(set(hashes)) == len(hashes) for hashes in seen.values()), sample.path


def test_noise_is_normal_enough_and_fixed() -> None:
    drawn = phantoms.noise((200, 300), 3)
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02
    assert np.abs(drawn).max() <= 3.5
    assert not np.array_equal(drawn, phantoms.noise((200, 300), 4))
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.02
    assert [round(float(value), 6) for value in phantoms.noise((3,), 1)] == [2.03449, 0.320665, -0.397997]


def test_a_field_has_its_size_at_half_height() -> None:
    beam = phantoms.field((201, 301), (1.0, 1.0), (-40.5, 60.5, -30.5, 50.5))
    above = beam > 0.5
    columns, rows = np.flatnonzero(above.any(axis=0)), np.flatnonzero(above.any(axis=1))
    assert (columns[0] - 150, columns[-1] - 150) == (-40, 60)
    assert (100 - rows[0], 100 - rows[-1]) == (50, -30)
