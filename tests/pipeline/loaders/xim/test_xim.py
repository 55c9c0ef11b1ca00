"""XIM: pixels against independent decoders, damage told with its place."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import Limits, XimOptions
from dicombake.pipeline.loaders.xim import loader as xim
from dicombake.pipeline.loaders.xim.pixels import decode
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ..input_files import MV_PROPERTIES, UNSET_DOUBLE, UNSET_INTEGER, make_xim, xim_pixel_part

REAL = (
    "SN6543_15x_Floodfield-RawKV.xim",
    "SN6543_6xFFF_BeamProfileCheck.xim",
    "SN6543_6xFFF_BeamProfileRatio.xim",
    "SN6543_6xFFF_Offset.dat",
    "SN6543_geo_6x-IsoCal-MV-01a.xim",
    "SN6543_geo_MLCCheck.xim",
    "SN6543_geo_NormChamber-Low2.xim",
)


def load(path: Path, limits: Limits | None = None) -> Image:
    (image,) = xim.load(path, XimOptions(), limits or Limits())
    return image


def load_bytes(folder: Path, data: bytes) -> Image:
    path = folder / "x.xim"
    path.write_bytes(data)
    return load(path)


def slow_decode(part: bytes, rows: int, columns: int) -> list[int]:
    """The format's formula, pixel by pixel, in Python's own integers wrapped to 32 bits."""
    (table_size,) = struct.unpack_from("<i", part)
    table, at = part[4 : 4 + table_size], 8 + table_size
    p = list(struct.unpack_from(f"<{columns + 1}i", part, at))
    at += 4 * (columns + 1)
    for index in range(rows * columns - columns - 1):
        size = 1 << (table[index // 4] >> 2 * (index % 4) & 3)
        step = int.from_bytes(part[at : at + size], "little", signed=True)
        at += size
        i = columns + 1 + index
        value = step + p[i - 1] + p[i - columns] - p[i - columns - 1]
        p.append((value + 2**31) % 2**32 - 2**31)
    return p


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_equals_ximreader_on_every_real_file(real: Path, name: str) -> None:
    from ximreader import ximReader

    image = load(real / "xim" / name)
    reference = ximReader(str(real / "xim" / name))
    assert image.pixels.dtype == np.uint16
    # ximreader gives 2-byte pixels as they are coded; modulo 2^16 that is the unsigned value
    assert np.array_equal(image.pixels, reference.astype(np.int64) & 0xFFFF)


@pytest.mark.real
def test_every_real_xim_is_tested(real: Path) -> None:
    assert sorted(path.name for path in (real / "xim").iterdir()) == sorted(REAL)


@pytest.mark.real
def test_a_file_of_defects_is_no_xim(real: Path) -> None:
    with pytest.raises(SourceError, match="byte 0: this is no XIM file"):
        load(real / "raw" / "SN6543_Defects.dat")


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9)),
    st.dictionaries(st.integers(0, 60), st.sampled_from([2, 4]), max_size=12),
)
def test_any_uint16_image_comes_back(
    tmp_path_factory: pytest.TempPathFactory, pixels: Any, sizes: dict[int, int]
) -> None:
    data = make_xim(pixels, sizes=sizes)
    image = load_bytes(tmp_path_factory.mktemp("x"), data)
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, pixels)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9)))
def test_any_int32_image_comes_back_although_differences_wrap(
    tmp_path_factory: pytest.TempPathFactory, pixels: Any
) -> None:
    image = load_bytes(tmp_path_factory.mktemp("x"), make_xim(pixels))
    assert image.pixels.dtype == np.int32
    assert np.array_equal(image.pixels, pixels)


def smooth(rng: np.random.Generator, noise: float, shape: tuple[int, int] = (120, 173)) -> Any:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    field = 30000 + 20000 * np.sin(rows / 40) * np.cos(columns / 50) + rng.normal(0, noise, shape)
    return np.clip(np.round(field), 0, 65535).astype(np.uint16)


@pytest.mark.parametrize("noise", [0.5, 60, 8000])
def test_equals_the_slow_decoder(noise: float) -> None:
    """Few longer differences are copied run by run, many in blocks: both ways are taken here."""
    pixels = smooth(np.random.default_rng(7), noise)
    pixels[17, 20:40] = [0, 65535] * 10
    part = xim_pixel_part(pixels)
    table_size = struct.unpack_from("<i", part)[0]
    seeds_at = 8 + table_size
    data_at = seeds_at + 4 * (pixels.shape[1] + 1)
    decoded = decode(
        np.frombuffer(part, "<i4", pixels.shape[1] + 1, seeds_at).astype(np.int32),
        np.frombuffer(part, np.uint8, table_size, 4),
        np.frombuffer(part, np.uint8, -1, data_at),
        *pixels.shape,
    )
    assert decoded.reshape(-1).tolist() == slow_decode(part, *pixels.shape)
    assert np.array_equal(decoded, pixels)


def test_blocks_join(tmp_path: Path) -> None:
    """More table bytes than one block holds, noisy, with four-byte differences on both sides of the edge."""
    rng = np.random.default_rng(3)
    pixels = np.clip(rng.normal(20000, 300, (300, 301)), 0, 65535).astype(np.uint16)
    edge = 4 * (1 << 14)
    image = load_bytes(tmp_path, make_xim(pixels, sizes={edge - 1: 4, edge: 4, edge + 5: 2}))
    assert np.array_equal(image.pixels, pixels)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_uncompressed(tmp_path: Path, dtype: Any) -> None:
    info = np.iinfo(dtype)
    pixels = np.array([[info.min, info.max, 0], [1, 2, info.max - 1]], dtype)
    image = load_bytes(tmp_path, make_xim(pixels, compressed=False, histogram=4))
    assert image.pixels.dtype == dtype
    assert np.array_equal(image.pixels, pixels)


@pytest.mark.parametrize("ending", [b"", bytes.fromhex("cafebabe0000d3c5")])
def test_both_endings(tmp_path: Path, ending: bytes) -> None:
    pixels = np.arange(6, dtype=np.uint16).reshape(2, 3)
    image = load_bytes(tmp_path, make_xim(pixels, ending=ending))
    assert image.source.properties["AcquisitionTag"] == "Test"


def test_what_is_not_set_is_absent(tmp_path: Path) -> None:
    given = {
        "A": UNSET_INTEGER,
        "B": UNSET_DOUBLE,
        "C": [1.5, UNSET_DOUBLE],
        "D": [1, UNSET_INTEGER, 3],
        "E": 0,
        "F": "text",
        "G": float("nan"),
    }
    image = load_bytes(tmp_path, make_xim(np.zeros((2, 2), np.uint16), given))
    assert dict(image.source.properties) == {"C": [1.5, None], "D": [1, None, 3], "E": 0, "F": "text"}


PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
GOOD = make_xim(PIXELS)


def changed(at: int, value: int) -> bytes:
    return GOOD[:at] + struct.pack("<i", value) + GOOD[at + 4 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "byte 0: this is no XIM file: it does not start with the identifier VMS.XI"),
        (GOOD[:20], "byte 8: the header of 24 bytes, but the file ends after 12; it is truncated"),
        (changed(12, 0), "claims 3 rows and 0 columns, which is no image"),
        (changed(12, -4), "claims 3 rows and -4 columns, which is no image"),
        (
            changed(12, 100_000),
            "byte 36: a look-up table of 2 bytes; 199999 differences need 50000",
        ),
        (changed(24, 3), "byte 32: 3 bytes per pixel; 2 and 4 are known"),
        (changed(28, 2), "byte 32: compression 2; 0 and 1 are known"),
        (changed(32, -1), "byte 36: a look-up table of -1 bytes; 7 differences need 2"),
        (
            GOOD[:50],
            "byte 42: the compressed pixels of 27 bytes, but the file ends after 8; it is truncated",
        ),
        (changed(69, 23), "byte 73: an uncompressed size of 23; 3 x 4 pixels of 2 bytes are 24"),
        (changed(73, -1), "byte 77: a length of -1 bytes for the histogram"),
        (changed(77, 2**30), "byte 81: 1073741824 properties, which do not fit the rest of the file"),
        (
            GOOD[:-2],
            "byte 402: AcquisitionTag of 4 bytes, but the file ends after 2; it is truncated",
        ),
        (
            GOOD[:36] + b"\x03" + GOOD[37:],
            "byte 42: the look-up table holds a code 3, which has no size",
        ),
        (
            GOOD[:36] + b"\x01" + GOOD[37:],
            "byte 42: the look-up table asks for 8 bytes of differences, there are 7",
        ),
    ],
)
def test_damage_is_told_with_its_place(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(SourceError) as caught:
        load_bytes(tmp_path, data)
    assert caught.value.what == reason
    assert caught.value.subject == str(tmp_path / "x.xim")


def test_a_value_outside_16_bits_is_refused_not_wrapped(tmp_path: Path) -> None:
    pixels = np.array([[0, 0], [0, -1]], np.int32)
    data = make_xim(pixels)
    # the same coded pixels, said to be of 2 bytes
    at = data.index(struct.pack("<i", 16), 40)
    data = data[:20] + struct.pack("<ii", 16, 2) + data[28:at] + struct.pack("<i", 8) + data[at + 4 :]
    with pytest.raises(SourceError, match="run from -1 to 0, but 2-byte pixels hold 0 to 65535"):
        load_bytes(tmp_path, data)


def test_properties_given_twice_are_refused(tmp_path: Path) -> None:
    data = make_xim(PIXELS, {"A": 1, "B": 2}).replace(b"\x01\0\0\0B", b"\x01\0\0\0A")
    with pytest.raises(SourceError, match="the property A stands twice"):
        load_bytes(tmp_path, data)


def test_a_size_beyond_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.xim"
    path.write_bytes(GOOD)
    with pytest.raises(SourceError, match="more than the limit of 11") as caught:
        load(path, Limits(image_pixels=11))
    assert caught.value.hint == "raise limits.image_pixels in the recipe if that is right"


def test_the_probe_says_what_the_load_says(tmp_path: Path) -> None:
    path = tmp_path / "x.xim"
    for compressed in (True, False):
        path.write_bytes(make_xim(PIXELS, compressed=compressed, histogram=7))
        image, probe = load(path), xim.probe(path, XimOptions(), Limits())
        assert (probe.format, probe.shape, probe.dtype, probe.pages) == ("xim", (3, 4), "uint16", 1)
        assert probe.geometry == image.geometry
        assert probe.properties == image.source.properties == MV_PROPERTIES
