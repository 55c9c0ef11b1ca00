"""TIFF, JPEG, PNG and BMP: values against tifffile, Pillow and imagecodecs, geometry, channels, refusals."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import pytest
import tifffile
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image, Lossy, Origin
from dicombake.pipeline.loaders.options import ImageOptions, Limits
from dicombake.pipeline.loaders.pictures import loader as image_file
from dicombake.pipeline.loaders.pictures.channels import luminance
from dicombake.pipeline.loaders.pictures.page import turned

from ..input_files import chunk, make_picture, make_png, make_tiff

Put = Callable[[bytes], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def write(data: bytes) -> Path:
        path = tmp_path / "picture"
        path.write_bytes(data)
        return path

    return write


def load_all(path: Path, pages: range | None = None, **options: Any) -> list[Image]:
    return list(image_file.load(path, ImageOptions(**options), Limits(), pages))


def load(path: Path, **options: Any) -> Image:
    (image,) = load_all(path, **options)
    return image


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        load_all(path, **options)
    assert caught.value.subject == str(path)
    return caught.value.what


def codes(image: Image) -> list[str]:
    return [note.code for note in image.notes]


def random(dtype: str, *shape: int) -> Any:
    rng = np.random.default_rng(len(shape) + shape[0])
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 1, shape).astype(dtype)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


NAMES = [
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", NAMES)
def test_tiff_of_every_dtype(put: Put, dtype: str, order: str) -> None:
    values = random(dtype, 7, 9)
    options: dict[str, Any] = {"photometric": "minisblack", "byteorder": order}
    image = load(put(make_tiff(values, **options)))
    assert image.pixels.dtype == values.dtype
    assert image.pixels.dtype.isnative
    assert np.array_equal(image.pixels, values)
    assert (image.photometric, image.geometry.spacing, image.notes) == ("MONOCHROME2", (0.254, 0.254), ())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bigtiff": True},
        {"tile": (16, 16)},
        {"rowsperstrip": 3},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "packbits"},
        {"compression": "zstd"},
        {"compression": "lzma"},
        {"compression": "jpeg2000", "compressionargs": {"reversible": True}},
    ],
)
def test_48_bit_colour_stays_16_bits_deep(put: Put, options: dict[str, Any]) -> None:
    values = random("uint16", 20, 21, 3)
    image = load(put(make_tiff(values, photometric="rgb", **options)))
    assert (image.photometric, image.pixels.dtype) == ("RGB", np.uint16)
    assert np.array_equal(image.pixels, values)
    assert image.lossy is None


def test_planes_one_after_the_other(put: Put) -> None:
    values = random("uint16", 3, 12, 17)
    image = load(put(make_tiff(values, photometric="rgb", planarconfig="separate", tile=(16, 16))))
    assert np.array_equal(image.pixels, np.moveaxis(values, 0, -1))


@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
def test_packed_bits(put: Put, bits: int) -> None:
    dtype = np.uint8 if bits <= 8 else np.uint16
    values = np.arange(8 * 11, dtype=dtype).reshape(8, 11) % 2**bits
    path = put(make_tiff(values, photometric="minisblack", bitspersample=bits))
    image = load(path)
    assert image.pixels.dtype == dtype
    assert np.array_equal(image.pixels, values)


def test_white_is_zero_keeps_its_numbers(put: Put) -> None:
    values = random("uint16", 5, 6)
    image = load(put(make_tiff(values, photometric="miniswhite")))
    assert np.array_equal(image.pixels, values)
    assert image.photometric == "MONOCHROME1"
    assert codes(image) == ["white-is-zero"]


@pytest.mark.parametrize(
    ("table", "stretch", "dtype", "notes"),
    [
        (np.arange(768, dtype=np.uint16) * 85, 1, "uint16", []),
        (np.arange(768, dtype=np.uint16) % 256 * 257, 257, "uint8", []),
        (np.arange(768, dtype=np.uint16) % 256, 1, "uint8", ["palette-8bit"]),
    ],
)
def test_palette(put: Put, table: Any, stretch: int, dtype: str, notes: list[str]) -> None:
    values = random("uint8", 6, 7)
    image = load(put(make_tiff(values, photometric="palette", colormap=table.reshape(3, 256))))
    assert (image.photometric, image.pixels.dtype) == ("RGB", dtype)
    assert np.array_equal(image.pixels, table.reshape(3, 256).T[values] // stretch)
    assert codes(image) == notes


def test_pages_are_images_of_their_own(put: Put) -> None:
    values = random("uint8", 3, 5, 6)
    path = put(make_tiff(values, photometric="minisblack"))
    images = load_all(path)
    assert [(image.source.page, image.source.pages) for image in images] == [(1, 3), (2, 3), (3, 3)]
    assert all(np.array_equal(image.pixels, page) for image, page in zip(images, values, strict=True))
    assert [image.source.page for image in load_all(path, range(1, 3))] == [2, 3]
    assert load_all(path, range(7, 9)) == []
    assert load(path, page=2).source.page == 2
    assert refusal(path, page=4) == "has 3 pages, but the recipe asks for page 4"
    assert image_file.probe(path, ImageOptions(), Limits()).pages == 3


def test_thumbnails_and_masks_are_no_pages(put: Put) -> None:
    stream, values = io.BytesIO(), random("uint8", 8, 8)
    with tifffile.TiffWriter(stream) as tiff:
        tiff.write(values[:2, :2], subfiletype=1, photometric="minisblack", metadata=None)
        tiff.write(values, photometric="minisblack", metadata=None)
        tiff.write(values[:4, :4] > 9, subfiletype=4, photometric="minisblack", metadata=None)
    image = load(put(stream.getvalue()))
    assert np.array_equal(image.pixels, values)
    assert (image.source.page, image.source.pages) == (1, 1)


def orientation_tag(value: int) -> list[tuple[int, str, int, int, bool]]:
    return [(274, "H", 1, value, True)]


def expected_turn(values: Any, orientation: int) -> Any:
    """By the words of TIFF 6.0: where the stored row 0 and column 0 lie in the upright picture."""
    methods = PIL.Image.Transpose
    turn = {
        2: methods.FLIP_LEFT_RIGHT,
        3: methods.ROTATE_180,
        4: methods.FLIP_TOP_BOTTOM,
        5: methods.TRANSPOSE,
        6: methods.ROTATE_270,
        7: methods.TRANSVERSE,
        8: methods.ROTATE_90,
    }.get(orientation)
    picture = PIL.Image.fromarray(values)
    return np.asarray(picture.transpose(turn) if turn is not None else picture)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(put: Put, orientation: int) -> None:
    values = random("uint8", 4, 6)
    path = put(
        make_tiff(
            values,
            photometric="minisblack",
            resolution=(100, 200),
            resolutionunit="inch",
            extratags=orientation_tag(orientation),
        )
    )
    image = load(path)
    assert np.array_equal(image.pixels, expected_turn(values, orientation))
    upright = (0.127, 0.254)  # rows lie closer than columns in the file as stored
    assert image.geometry.spacing == (upright if orientation <= 4 else upright[::-1])
    probe = image_file.probe(path, ImageOptions(), Limits())
    assert (probe.shape, probe.geometry) == (image.pixels.shape, image.geometry)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_colour(orientation: int) -> None:
    values = random("uint8", 3, 5, 3)
    assert np.array_equal(turned(values, orientation), expected_turn(values, orientation))


def test_an_unknown_orientation_is_told(put: Put) -> None:
    values = random("uint8", 4, 6)
    image = load(put(make_tiff(values, photometric="minisblack", extratags=orientation_tag(9))))
    assert np.array_equal(image.pixels, values)
    assert codes(image) == ["orientation-unknown"]


@pytest.mark.parametrize(
    ("resolution", "unit", "spacing", "notes"),
    [
        ((300, 300), "inch", (25.4 / 300, 25.4 / 300), []),
        ((25, 50), "centimeter", (0.2, 0.4), []),
        ((1, 1), "inch", None, ["resolution-ignored"]),
        ((300, 300), "none", None, ["resolution-ignored"]),
        ((300, 1), "inch", None, ["resolution-ignored"]),
        ((10**9, 10**9), "inch", None, ["resolution-ignored"]),
    ],
)
def test_resolution(put: Put, resolution: Any, unit: str, spacing: Any, notes: list[str]) -> None:
    values = random("uint8", 4, 6)
    path = put(make_tiff(values, photometric="minisblack", resolution=resolution, resolutionunit=unit))
    image = load(path)
    assert image.geometry.spacing == (spacing and pytest.approx(spacing, abs=1e-9))
    assert codes(image) == notes
    if spacing:
        assert image.geometry.origins == {"spacing": Origin("file", "XResolution")}


def test_jpeg_in_tiff_is_lossy(put: Put) -> None:
    values = np.linspace(0, 255, 64 * 64).astype(np.uint8).reshape(64, 64)
    data = make_tiff(values, photometric="minisblack", compression="jpeg", compressionargs={"level": 90})
    path = put(data)
    image = load(path)
    with tifffile.TiffFile(path) as tiff:
        count = sum(tiff.pages[0].databytecounts)
    assert image.lossy == Lossy("ISO_10918_1", round(4096 / count, 4))
    assert np.array_equal(image.pixels, tifffile.imread(path))


def test_colour_jpeg_in_tiff_is_rgb(put: Put) -> None:
    values = np.zeros((16, 16, 3), np.uint8) + np.array([200, 100, 50], np.uint8)
    image = load(put(make_tiff(values, photometric="rgb", compression="jpeg")))
    assert image.photometric == "RGB"
    assert np.abs(image.pixels.astype(int) - values).max() <= 3


def test_irreversible_jpeg_2000_in_tiff_is_lossy(put: Put) -> None:
    values = random("uint8", 32, 32)
    image = load(
        put(
            make_tiff(
                values,
                photometric="minisblack",
                compression="jpeg2000",
                compressionargs={"level": 30, "reversible": False},
            )
        )
    )
    assert image.lossy is not None
    assert image.lossy.method == "ISO_15444_1"


def test_a_jpeg_strip_that_is_cut_is_refused(put: Put) -> None:
    values = random("uint8", 64, 64)
    data = bytearray(make_tiff(values, photometric="minisblack", compression="jpeg"))
    end = data.rindex(b"\xff\xd9")
    data[end : end + 2] = b"\0\0"
    assert refusal(put(bytes(data))) == (
        "is a damaged TIFF: the JPEG of strip or tile 1 is truncated: its end marker is missing"
    )


def test_a_strip_beyond_the_end_is_refused_and_not_filled_with_zeros(put: Put) -> None:
    values = random("uint16", 40, 50)
    stream = io.BytesIO()
    # the tags before the pixels, so that cutting takes pixels
    tifffile.imwrite(stream, values, photometric="minisblack", metadata=None, rowsperstrip=10)
    data = stream.getvalue()
    assert refusal(put(data[:-5])).startswith("is a truncated TIFF: strip or tile 4 ends at byte")


def test_a_missing_strip_is_refused(put: Put) -> None:
    values = random("uint16", 40, 50)
    path = put(make_tiff(values, photometric="minisblack", rowsperstrip=20))
    with tifffile.TiffFile(path, mode="r+") as tiff:
        offsets = tiff.pages[0].tags["StripOffsets"]
        counts = tiff.pages[0].tags["StripByteCounts"]
        offsets.overwrite((offsets.value[0], 0))
        counts.overwrite((counts.value[0], 0))
    assert refusal(path) == "is a damaged TIFF: strip or tile 2 is missing"


@pytest.mark.parametrize(
    ("photometric", "samples", "reason"),
    [
        ("separated", 4, "holds ink (CMYK), which has no defined grey or RGB"),
        ("cielab", 3, "holds CIE L*a*b*, which has no defined grey or RGB"),
        ("ycbcr", 3, "holds YCbCr outside JPEG, which has no defined grey or RGB"),
        (
            "minisblack",
            3,
            "holds 3 samples per pixel, of which 2 are neither grey, colour nor opacity",
        ),
        ("rgb", 5, "holds 5 samples per pixel, of which 2 are neither grey, colour nor opacity"),
    ],
)
def test_values_that_are_neither_grey_nor_rgb(put: Put, photometric: str, samples: int, reason: str) -> None:
    values = random("uint8", 6, 6, samples)
    extra = {"extrasamples": ["unspecified"] * (samples - 1)} if photometric == "minisblack" else {}
    assert refusal(put(make_tiff(values, photometric=photometric, planarconfig="contig", **extra))) == reason


def test_complex_tiff_is_refused_by_name(put: Put) -> None:
    path = put(make_tiff(np.zeros((3, 3), np.complex64), photometric="minisblack"))
    assert "complex64" in refusal(path)


def test_tags_become_properties_and_attributes(put: Put) -> None:
    image = load(
        put(
            make_tiff(
                random("uint16", 3, 3),
                photometric="minisblack",
                description="film 7",
                datetime="2024:02:03 04:05:06",
                extratags=[(271, "s", 0, "Epson", True), (272, "s", 0, "12000XL", True)],
            )
        )
    )
    properties, attributes = image.source.properties, image.source.attributes
    assert properties["ImageDescription"] == "film 7"
    assert "StripOffsets" not in properties
    assert attributes is not None
    assert (attributes.AcquisitionDate, attributes.ContentTime) == ("20240203", "040506")
    assert (attributes.Manufacturer, attributes.ManufacturerModelName) == ("Epson", "12000XL")


def test_an_invalid_date_is_left_out(put: Put) -> None:
    path = put(make_picture(random("uint8", 3, 3), "JPEG", exif=exif({0x0132: "2024:02:31 04:05:06"})))
    image = load(path)
    assert image.source.properties["DateTime"] == "2024:02:31 04:05:06"
    assert image.source.attributes is not None
    assert len(image.source.attributes) == 0


def exif(tags: dict[int, Any]) -> bytes:
    found = PIL.Image.Exif()
    for tag, value in tags.items():
        found[tag] = value
    return found.tobytes()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_equals_pillow_and_is_lossy(put: Put, mode: str) -> None:
    values = random("uint8", 30, 20, 3) if mode == "RGB" else random("uint8", 30, 20)
    data = make_picture(values, "JPEG", quality=80, dpi=(150, 300))
    image = load(put(data))
    assert np.array_equal(image.pixels, np.asarray(PIL.Image.open(io.BytesIO(data))))
    assert image.photometric == ("RGB" if mode == "RGB" else "MONOCHROME2")
    assert image.lossy == Lossy("ISO_10918_1", round(values.size / len(data), 4))
    assert image.geometry.spacing == pytest.approx((25.4 / 300, 25.4 / 150), abs=1e-9)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_jpeg_orientation(put: Put, orientation: int) -> None:
    data = make_picture(random("uint8", 8, 16), "JPEG", exif=exif({0x0112: orientation}))
    stored = np.asarray(PIL.Image.open(io.BytesIO(data)))
    assert np.array_equal(load(put(data)).pixels, expected_turn(stored, orientation))


def test_12_bit_jpeg(put: Put) -> None:
    values = (np.arange(64 * 48).reshape(64, 48) % 4096).astype(np.uint16)
    data = imagecodecs.jpeg_encode(values, bitspersample=12, level=98)
    image = load(put(data))
    assert image.pixels.dtype == np.uint16
    assert image.pixels.max() > 255
    assert np.array_equal(image.pixels, imagecodecs.jpeg_decode(data))


def test_lossless_jpeg_is_not_lossy(put: Put) -> None:
    values = random("uint16", 16, 24)
    image = load(put(imagecodecs.ljpeg_encode(values, bitspersample=16)))
    assert np.array_equal(image.pixels, values)
    assert image.lossy is None


def test_jpeg_refusals(put: Put) -> None:
    data = make_picture(random("uint8", 64, 64, 3), "JPEG")
    assert refusal(put(data[:-2])) == "is a truncated JPEG: its end marker is missing"
    assert refusal(put(data[:200])).startswith("is a")
    ink = PIL.Image.fromarray(random("uint8", 8, 8, 4), "CMYK")
    stream = io.BytesIO()
    ink.save(stream, "JPEG")
    assert refusal(put(stream.getvalue())) == (
        "is a CMYK JPEG; its values are ink, which has no defined grey or RGB"
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_png_of_every_depth_has_its_own_values(put: Put, depth: int) -> None:
    values = np.arange(4 * 16).reshape(4, 16) % 2**depth
    if depth == 16:
        values = values * 1023
    lines = [packed(row, depth) for row in values]
    image = load(put(make_png(16, 4, depth, 0, lines)))
    assert image.pixels.dtype == {1: np.bool_, 16: np.uint16}.get(depth, np.uint8)
    assert np.array_equal(image.pixels, values)


def packed(row: Any, depth: int) -> bytes:
    if depth == 16:
        return bytes(np.asarray(row).astype(">u2").tobytes())
    bits = np.unpackbits(np.asarray(row).astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
    return np.packbits(bits).tobytes()


@pytest.mark.parametrize("samples", [3, 4])
def test_16_bit_colour_png_stays_so(put: Put, samples: int) -> None:
    values = random("uint16", 5, 7, samples)
    lines = [row.astype(">u2").tobytes() for row in values]
    image = load(put(make_png(7, 5, 16, 2 if samples == 3 else 6, lines)))
    assert image.photometric == ("RGB" if samples == 3 else "RGBA")
    assert np.array_equal(image.pixels, values)


def test_interlaced_png(put: Put) -> None:
    values = random("uint16", 11, 13, 3)
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    parts = (values[y::dy, x::dx] for y, x, dy, dx in passes)
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for part in parts for row in part)
    start = struct.pack(">IIBBBBB", 13, 11, 16, 2, 0, 0, 1)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", start)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
    assert np.array_equal(load(put(data)).pixels, values)


def test_png_palette_with_and_without_transparency(put: Put) -> None:
    colours = random("uint8", 4, 3)
    indices = np.array([[0, 1, 2, 3], [3, 2, 1, 0]])
    lines = [packed(row, 2) for row in indices]
    palette = (b"PLTE", colours.tobytes())
    plain = load(put(make_png(4, 2, 2, 3, lines, palette)))
    assert (plain.photometric, np.array_equal(plain.pixels, colours[indices])) == ("RGB", True)
    alpha = np.array([0, 128, 255, 255], np.uint8)
    clear = load(put(make_png(4, 2, 2, 3, lines, palette, (b"tRNS", alpha[:2].tobytes()))))
    assert clear.photometric == "RGBA"
    assert np.array_equal(clear.pixels, np.dstack([colours[indices], alpha[indices]]))


def test_grey_with_a_transparent_key(put: Put) -> None:
    values = np.array([[1, 2, 3], [4, 5, 6]])
    lines = [packed(row, 4) for row in values]
    opaque = put(make_png(3, 2, 4, 0, lines, (b"tRNS", b"\0\x09")))
    image = load(opaque)
    assert np.array_equal(image.pixels, values)
    assert codes(image) == ["alpha-dropped"]
    clear = put(make_png(3, 2, 4, 0, lines, (b"tRNS", b"\0\x05")))
    assert refusal(clear) == "is grey with transparent pixels, which no output holds"
    assert np.array_equal(load(clear, channel="luminance").pixels, values)
    assert np.array_equal(load(clear, channel="alpha").pixels, np.where(values == 5, 0, 255))


def test_png_density_and_text(put: Put) -> None:
    info = PIL.PngImagePlugin.PngInfo()
    info.add_text("Comment", "field 10 x 10")
    image = load(put(make_picture(random("uint8", 3, 4), "PNG", dpi=(300, 300), pnginfo=info)))
    assert image.source.properties == {"Comment": "field 10 x 10"}
    assert image.geometry.spacing == pytest.approx((25.4 / 300, 25.4 / 300), rel=1e-4)
    assert image.lossy is None


def test_png_refusals(put: Put) -> None:
    data = make_picture(random("uint8", 30, 40), "PNG")
    at = data.index(b"IDAT") + 30
    assert "the checksum of its chunk IDAT is wrong" in refusal(put(data[:at] + b"\0\0" + data[at + 2 :]))
    assert refusal(put(data[:-12])).endswith("it ends before its end chunk; it is truncated")
    short = make_png(40, 30, 8, 0, [bytes(40)] * 29)
    assert refusal(put(short)).startswith("is a damaged PNG: ")


def test_an_animated_png_gives_its_still_picture_only_when_asked(put: Put) -> None:
    frames = [PIL.Image.fromarray(random("uint8", 4 + index, 5)[:4]) for index in range(2)]
    stream = io.BytesIO()
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    path = put(stream.getvalue())
    assert refusal(path) == "is an animated PNG"
    assert np.array_equal(load(path, page=1).pixels, np.asarray(frames[0]))
    assert refusal(path, page=2) == "is an animated PNG"


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P"])
def test_bmp(put: Put, mode: str) -> None:
    values = random("uint8", 6, 7, 3)
    picture = PIL.Image.fromarray(values).convert(mode)
    stream = io.BytesIO()
    picture.save(stream, "BMP", dpi=(96, 96))
    image = load(put(stream.getvalue()))
    assert np.array_equal(image.pixels, np.asarray(picture.convert("RGB") if mode == "P" else picture))
    assert image.geometry.spacing == pytest.approx((0.26455, 0.26455), abs=1e-4)


def test_channels(put: Put) -> None:
    values = random("uint16", 4, 5, 4)
    path = put(make_tiff(values, photometric="rgb", extrasamples=["unassalpha"]))
    assert load(path).photometric == load(path, channel="all").photometric == "RGBA"
    for index, name in enumerate(("red", "green", "blue", "alpha")):
        image = load(path, channel=name)
        assert image.photometric == "MONOCHROME2"
        assert np.array_equal(image.pixels, values[..., index])
        assert image.pixels.flags.c_contiguous
    red, green, blue = (values[..., index].astype(object) for index in range(3))
    exact = (299 * red + 587 * green + 114 * blue + 500) // 1000
    assert np.array_equal(load(path, channel="luminance").pixels, exact.astype(np.uint16))
    probe = image_file.probe(path, ImageOptions(channel="red"), Limits())
    assert (probe.shape, probe.dtype) == ((4, 5), "uint16")


def test_luminance_of_grey_is_grey_and_rounds() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    assert np.array_equal(luminance(grey)[0], np.arange(256))
    # 0.299 * 5 = 1.495 and 0.587 * 6 = 3.522: nearest, not cut
    assert luminance(np.array([[[5, 0, 0], [0, 6, 0]]], np.uint8)).tolist() == [[1, 4]]


@pytest.mark.parametrize("channel", ["red", "green", "blue"])
def test_a_grey_picture_has_no_colour(put: Put, channel: str) -> None:
    path = put(make_tiff(random("uint8", 3, 3), photometric="minisblack"))
    assert refusal(path, channel=channel) == f"is grey and has no {channel} channel"
    assert refusal(path, channel="alpha") == "has no alpha channel"
    assert load(path, channel="luminance").photometric == "MONOCHROME2"


def test_a_bomb_is_refused_before_it_is_decoded(put: Put) -> None:
    lines = [bytes(20000)] * 50
    path = put(make_png(20000, 50, 8, 0, lines))
    with pytest.raises(SourceError) as caught:
        list(image_file.load(path, ImageOptions(), Limits(image_pixels=999_999)))
    assert caught.value.what == "claims 50 x 20000 x 1 values, more than the limit of 999999"


REFUSED = {
    "pillow_crash-2020-10-test.tif": "is a truncated or damaged TIFF: the values of its tag 0 end at "
    "byte 16973827 of 4883",
    "pillow_hopper.Lab.tif": "holds CIE L*a*b*, which has no defined grey or RGB",
    "pillow_seek_too_large.tif": "is a TIFF without a page, or one that ends before it",
    "pillow_tiff_strip_cmyk_16l_jpeg.tif": "holds ink (CMYK), which has no defined grey or RGB",
    "pillow_pil_sample_cmyk.jpg": "is a CMYK JPEG; its values are ink, which has no defined grey or RGB",
    "pillow_truncated_jpeg.jpg": "is a truncated JPEG: its end marker is missing",
    "pillow_apng_mode_16bit.png": "is an animated PNG",
    "pillow_broken.png": "is a damaged PNG: byte 8: a chunk of 801471824 bytes does not fit the file; "
    "it is truncated",
    "pillow_i_trns.png": "is grey with transparent pixels, which no output holds",
}


@pytest.mark.real
def test_every_real_tiff_equals_tifffile_or_is_refused(real: Path) -> None:
    for path in sorted((real / "film-tiff").iterdir()):
        if path.name in REFUSED:
            assert refusal(path) == REFUSED[path.name]
            continue
        with tifffile.TiffFile(path) as tiff:
            for image, page in zip(load_all(path), tiff.pages, strict=True):
                stored = page.asarray()
                if page.photometric == 3:
                    stored = (page.colormap.T[stored.astype(int)] // 257).astype(np.uint8)
                if page.tags.valueof(274) == 5:
                    stored = stored.T
                assert image.pixels.dtype == stored.dtype.newbyteorder("=")
                assert np.array_equal(image.pixels, stored), path.name


@pytest.mark.real
def test_every_real_jpeg_and_png_equals_pillow_or_is_refused(real: Path) -> None:
    for path in sorted([*(real / "jpg").iterdir(), *(real / "png").iterdir()]):
        if path.name in REFUSED:
            assert refusal(path) == REFUSED[path.name]
            continue
        image = load(path)
        with PIL.Image.open(path) as picture:
            stored = np.asarray(picture)
            orientation = picture.getexif().get(0x0112, 1)
        if image.pixels.dtype == np.uint16:
            assert np.array_equal(image.pixels, imagecodecs.png_decode(path.read_bytes()))
            assert np.array_equal(image.pixels >> 8, stored)
        else:
            assert np.array_equal(image.pixels, expected_turn(stored, orientation)), path.name


@pytest.mark.real
def test_real_resolutions(real: Path) -> None:
    spacings = {
        "film-tiff/Dosepy_Film_a_20240711_002.tif": 25.4 / 75,
        "film-tiff/PylinacPF_PF1.tif": 0.25,
        "jpg/pillow_exif-200dpcm.jpg": 0.05,
    }
    for name, spacing in spacings.items():
        assert load(real / name).geometry.spacing == pytest.approx((spacing, spacing), abs=1e-6)
