"""Raw files: the size must agree exactly, and what would fit is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import (
    CyberKnifeRawOptions,
    Limits,
    RawOptions,
    SourceOptions,
    VisionRtRawOptions,
)
from dicombake.pipeline.loaders.registry import FORMATS, load, loader, probe
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp


def one(path: Path, source: SourceOptions) -> Image:
    (image,) = load(path, source, Limits())
    assert probe(path, source, Limits()).shape == image.pixels.shape
    return image


def refused(path: Path, source: SourceOptions) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(load(path, source, Limits()))
    with pytest.raises(SourceError) as probed:
        probe(path, source, Limits())
    assert str(probed.value) == str(caught.value)
    return caught.value


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes(sizes=(32, 64)), (3, 5)
    )
)
def test_any_pixels_behind_a_header(tmp_path_factory: pytest.TempPathFactory, values: Any) -> None:
    path = tmp_path_factory.mktemp("r") / "x.raw"
    path.write_bytes(b"seventeen bytes.." + values.tobytes())
    order: Any = "big" if values.dtype.str[0] == ">" else "little"
    name: Any = values.dtype.newbyteorder("=").name
    image = one(path, RawOptions(shape=(3, 5), dtype=name, byte_order=order, header_bytes=17))
    assert image.pixels.dtype == values.dtype.newbyteorder("=")
    assert image.pixels.tobytes() == values.astype(values.dtype.newbyteorder("=")).tobytes()


def test_a_wrong_size_names_what_would_fit(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(bytes(8 + 600 * 960 * 4))
    error = refused(path, RawOptions(shape=(512, 512), dtype="uint32", header_bytes=8))
    assert error.what == (
        "has 2304008 bytes, but 8 bytes of header and 512 rows x 512 columns of uint32 are 1048584"
    )
    assert error.hint == "shapes that fit: [750, 768], [768, 750], [720, 800], [800, 720]"


@pytest.mark.parametrize(
    ("size", "hint"),
    [
        (5, "no shape fits: 5 bytes are no whole number of uint16 pixels"),
        (2 * 101, "no shape of a usual aspect ratio fits: these are 101 uint16 pixels"),
        (0, "no shape fits"),
        (2 * 9, "shapes that fit: [3, 3]"),
    ],
)
def test_hints(tmp_path: Path, size: int, hint: str) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(bytes(size))
    assert refused(path, RawOptions(shape=(4, 4), dtype="uint16")).hint == hint


def test_bool_is_0_or_1(tmp_path: Path) -> None:
    path = tmp_path / "x.raw"
    path.write_bytes(bytes([0, 1, 1, 0]))
    assert one(path, RawOptions(shape=(2, 2), dtype="bool")).pixels.tolist() == [[False, True], [True, False]]
    path.write_bytes(bytes([0, 1, 7, 0]))
    with pytest.raises(SourceError, match="holds the value 7, but bool is 0 or 1; uint8 keeps such values"):
        list(load(path, RawOptions(shape=(2, 2), dtype="bool"), Limits()))


def test_visionrt_has_600_rows_of_960(tmp_path: Path) -> None:
    path, values = tmp_path / "v.raw", np.arange(600 * 960, dtype="<u4").reshape(600, 960)
    path.write_bytes(values.tobytes())
    image = one(path, VisionRtRawOptions())
    assert image.pixels.dtype == np.uint32
    assert np.array_equal(image.pixels, values)
    path.write_bytes(values.tobytes()[:-4])
    assert refused(path, VisionRtRawOptions()).what.startswith(
        "has 2303996 bytes, but 600 rows x 960 columns"
    )


def cyberknife(values: Any, header: bytes = b"P5 4 3 65535 made up\n") -> bytes:
    return header + values.tobytes()


CK = np.arange(12, dtype="<u2").reshape(3, 4) * 4000


@pytest.mark.parametrize(
    "header", [b"P5 4 3 65535\n", b"P5\n4\n3\n65535\n", b"CK  4  3  and a longer header of some kind " * 3]
)
def test_cyberknife_by_its_header(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "c.raw"
    path.write_bytes(cyberknife(CK, header))
    image = one(path, CyberKnifeRawOptions())
    assert image.pixels.shape == (3, 4)  # rows are the height: never transposed
    assert np.array_equal(image.pixels, CK)
    assert (image.source.properties["Width"], image.source.properties["Height"]) == (4, 3)


def test_cyberknife_big_endian(tmp_path: Path) -> None:
    path = tmp_path / "c.raw"
    path.write_bytes(cyberknife(CK.astype(">u2")))
    assert np.array_equal(one(path, CyberKnifeRawOptions(byte_order="big")).pixels, CK)


def test_cyberknife_shape_of_the_recipe_wins_and_the_difference_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.raw"
    path.write_bytes(cyberknife(CK))
    image = one(path, CyberKnifeRawOptions(shape=(4, 3)))
    assert image.pixels.shape == (4, 3)
    (note,) = image.notes
    assert (note.code, note.contradiction) == ("shape-differs", True)
    assert note.text == "the header says 3 rows and 4 columns, the recipe 4 and 3; the recipe's are used"


def test_cyberknife_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "c.raw"
    path.write_bytes(CK.tobytes())
    assert np.array_equal(one(path, CyberKnifeRawOptions(shape=(3, 4))).pixels, CK)
    error = refused(path, CyberKnifeRawOptions())
    assert error.what == "is no CyberKnife raw file: its first 20 bytes hold no token, width and height"


def test_cyberknife_that_is_cut_or_too_long(tmp_path: Path) -> None:
    path = tmp_path / "c.raw"
    shifted = "bytes before its last pixels, which are no text header that ends there"
    for cut in (2, 10):
        path.write_bytes(cyberknife(CK)[:-cut])
        assert refused(path, CyberKnifeRawOptions()).what == f"has {21 - cut} {shifted}"
    path.write_bytes(cyberknife(CK) + bytes([200]))
    assert refused(path, CyberKnifeRawOptions()).what == f"has 22 {shifted}"
    path.write_bytes(cyberknife(CK)[:29])
    assert refused(path, CyberKnifeRawOptions()).what == (
        "has 29 bytes, but its header says 3 rows x 4 columns of uint16, which are 24 after a header of 7 to "
        "4096 bytes"
    )
    path.write_bytes(cyberknife(CK) + bytes(5000))
    assert "after a header of 7 to 4096 bytes" in refused(path, CyberKnifeRawOptions()).what


PADDED = [b"CK 4 3 0 0 0\r\n", b"CK 4 3 0 0".ljust(40) + b"\n", b"P5\n4\n3\n65535\n", b"CK 4 3 \n\n"]


@pytest.mark.parametrize("header", PADDED)
def test_cyberknife_cut_by_any_number_of_bytes_is_never_shifted(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "c.raw"
    values = CK + 200
    path.write_bytes(cyberknife(values, header))
    assert np.array_equal(one(path, CyberKnifeRawOptions()).pixels, values)
    for cut in range(1, 24):
        path.write_bytes(cyberknife(values, header)[:-cut])
        refused(path, CyberKnifeRawOptions())
        refused(path, CyberKnifeRawOptions(header_bytes=len(header)))


def test_cyberknife_whose_header_is_padded_with_nul_or_looks_on_asks_for_its_length(tmp_path: Path) -> None:
    path = tmp_path / "c.raw"
    for header, values in ((b"CK 4 3 0".ljust(64, b"\0"), CK), (b"CK 4 3\n", CK + 0x2020)):
        path.write_bytes(cyberknife(values, header))
        assert "header_bytes" in refused(path, CyberKnifeRawOptions()).hint
        image = one(path, CyberKnifeRawOptions(header_bytes=len(header)))
        assert np.array_equal(image.pixels, values) and image.source.properties["Width"] == 4


@pytest.mark.real
def test_a_real_file_of_defects_is_none_of_them(real: Path) -> None:
    path = real / "raw" / "SN6543_Defects.dat"
    assert refused(path, CyberKnifeRawOptions()).what.startswith("is no CyberKnife raw file")
    assert refused(path, VisionRtRawOptions()).what == (
        "has 1638412 bytes, but 600 rows x 960 columns of uint32 are 2304000"
    )
    assert refused(path, RawOptions(shape=(1280, 1280), dtype="uint8")).what == (
        "has 1638412 bytes, but 1280 rows x 1280 columns of uint8 are 1638400"
    )


def test_raw_formats_cannot_be_told_by_content() -> None:
    for name in ("cyberknife-raw", "visionrt-raw", "raw"):
        assert FORMATS[name].raw and FORMATS[name].content is None and loader(name).sniff is None
