"""JPEG streams: whole ones decode as Pillow decodes them, and a stream that lacks coded data is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import pytest
from dicombake.pipeline.loaders.codecs import jpeg_pixels
from dicombake.pipeline.loaders.codecs.jpeg import CodestreamError, TruncatedError, read_jpeg
from dicombake.pipeline.loaders.codecs.jpeg_pixels import decode_jpeg

EOI = b"\xff\xd9"
LOSSLESS_WITH_A_BROKEN_SCAN = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffc3000b0c000c001101011100ffc500000b0cffdaffd90101000100"
)
"""48 bytes that crash the decoder of lossless JPEG which imagecodecs' `jpeg_decode` falls back to."""


def picture(rows: int, columns: int, samples: int) -> np.ndarray[Any, Any]:
    """Something with detail everywhere, so that no block is the grey that decoders put where data end."""
    rng = np.random.default_rng(rows * columns + samples)
    waves = 120 + 60 * np.sin(np.arange(rows)[:, None] / 3) + 40 * np.cos(np.arange(columns)[None] / 4)
    found = waves[..., None] + rng.normal(0, 12, (rows, columns, samples))
    return found.clip(0, 255).astype(np.uint8)[..., slice(None) if samples == 3 else 0]


def coded(pixels: np.ndarray[Any, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def streams() -> Iterator[tuple[str, bytes]]:
    every: list[dict[str, Any]] = [
        {},
        {"progressive": True},
        {"optimize": True},
        {"restart_marker_blocks": 3},
        {"progressive": True, "restart_marker_rows": 1},
    ]
    colour: list[dict[str, Any]] = [*({"subsampling": kind} for kind in range(3)), {"keep_rgb": True}]
    for rows, columns in ((64, 64), (37, 53), (100, 301)):
        for samples in (1, 3):
            for options in every + (colour if samples == 3 else []):
                for quality in (20, 95):
                    data = coded(picture(rows, columns, samples), quality=quality, **options)
                    yield f"{rows}x{columns}x{samples} {quality} {options}", data
    grey = picture(40, 50, 1)
    for predictor in range(1, 8):
        yield f"lossless {predictor}", imagecodecs.jpeg8_encode(grey, lossless=True, predictor=predictor)
    yield "12 bits", imagecodecs.jpeg8_encode(grey.astype(np.uint16) << 4, bitspersample=12)


STREAMS = dict(streams())


@pytest.mark.parametrize("name", STREAMS)
def test_a_whole_stream_is_read_as_pillow_reads_it(name: str) -> None:
    data = STREAMS[name]
    stream = read_jpeg(data)
    assert stream.end == len(data)
    pixels = decode_jpeg(data, stream)
    if name.startswith("lossless"):
        assert np.array_equal(pixels, picture(40, 50, 1))
    elif name != "12 bits":
        assert np.array_equal(pixels, np.asarray(PIL.Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("name", STREAMS)
def test_coded_data_that_are_missing_before_an_end_are_noticed(name: str) -> None:
    data = STREAMS[name]
    for scan in read_jpeg(data).scans:
        length = scan.stop - scan.start
        for cut in {1, 2, 3, 10, 30, 100, length // 2, length}:
            if cut > length:
                continue
            short = data[: scan.stop - cut] + data[scan.stop :]
            try:
                decode_jpeg(short, read_jpeg(short))
            except CodestreamError:
                continue
            # bits that only fill the last byte; or by chance what is put there instead decodes the same
            assert cut < 3


def test_a_stream_without_its_end_or_its_scans_is_truncated() -> None:
    data = coded(picture(64, 64, 3), progressive=True)
    stream = read_jpeg(data)
    for short in (data[:-2], data[: len(data) // 2], data[: stream.scans[2].stop] + EOI):
        with pytest.raises(TruncatedError):
            decode_jpeg(short, read_jpeg(short))


def test_a_lost_interval_is_noticed() -> None:
    data = coded(picture(64, 64, 1), restart_marker_blocks=3)
    second, third = data.index(b"\xff\xd1"), data.index(b"\xff\xd2")
    short = data[:second] + data[third:]
    with pytest.raises(CodestreamError, match="restart markers"):
        decode_jpeg(short, read_jpeg(short))


def test_a_claim_beyond_the_coded_data_takes_no_memory() -> None:
    data = bytearray(coded(picture(16, 16, 1)))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = (65500).to_bytes(2, "big") + (4095).to_bytes(2, "big")
    with pytest.raises(CodestreamError, match="65500 x 4095 pixels take 1048064 at least"):
        decode_jpeg(bytes(data), read_jpeg(bytes(data)))


@pytest.mark.parametrize("at", range(0, 48, 2))
def test_a_broken_scan_header_is_an_error(at: int) -> None:
    for value in (LOSSLESS_WITH_A_BROKEN_SCAN[at], 0, 8, 255):
        data = LOSSLESS_WITH_A_BROKEN_SCAN[:at] + bytes([value]) + LOSSLESS_WITH_A_BROKEN_SCAN[at + 1 :]
        with pytest.raises(CodestreamError):
            decode_jpeg(data, read_jpeg(data))


def test_what_follows_the_end_is_no_part_of_the_stream() -> None:
    data = coded(picture(20, 20, 1))
    assert read_jpeg(data + b"\0\0\0\x18ftypmp42" + data).end == len(data)


def test_real_jpegs_are_whole(real: Path) -> None:
    count = 0
    for path in sorted(real.glob("jpg/*.jpg")):
        if "truncated" not in path.name:
            data = path.read_bytes()
            decode_jpeg(data, read_jpeg(data))
            count += 1
    assert count


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "whole": {"subsampling": 0},
    "progressive": {"progressive": True},
    "rgb": {"subsampling": 0, "keep_rgb": True},
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("adobe", [None, 0, 1])
@pytest.mark.parametrize("jfif", [True, False])
def test_a_stream_that_was_decoded_last_is_the_same_with_the_options_that_its_markers_mean(
    name: str, adobe: int | None, jfif: bool
) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    content = coded(pixels, **VARIANTS[name])
    head, rest = content[:2], content[2:]
    if rest.startswith(b"\xff\xe0") and not jfif:
        rest = rest[2 + int.from_bytes(rest[2:4], "big") :]
    if adobe is not None:
        rest = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([adobe]) + rest
    data = head + rest
    stream = read_jpeg(data)
    jpeg_pixels._last.clear()
    plain = decode_jpeg(data, stream)
    meant = jpeg_pixels._meaning(stream.header)
    taken = decode_jpeg(data, stream, **meant)
    taken[:] = 0  # a copy
    assert np.array_equal(decode_jpeg(data, stream), plain)
    jpeg_pixels._last.clear()
    assert np.array_equal(decode_jpeg(data, stream, **meant), plain)
    other = {**meant, "colorspace": {"RGB": "YCBCR", "YCBCR": "RGB"}[meant["colorspace"]]}
    assert not np.array_equal(decode_jpeg(data, stream, **other), plain)


def test_another_stream_is_decoded_anew() -> None:
    contents = [coded(np.full((16, 16), value, np.uint8)) for value in (10, 200)]
    found = [decode_jpeg(each, read_jpeg(each)) for each in contents]
    assert [int(each[0, 0]) for each in found] == [10, 200]


def test_bytes_ff_before_a_marker_belong_to_no_scan() -> None:
    content = coded(np.full((16, 16), 7, np.uint8))
    stream, filled = read_jpeg(content), read_jpeg(content[:-2] + b"\xff\xff" + content[-2:])
    assert filled.scans == stream.scans
    assert filled.end == stream.end + 2


def test_scans_without_end_are_refused() -> None:
    data = coded(picture(64, 64, 1), progressive=True)
    last = data.rindex(b"\xff\xda")
    many = data[:last] + data[last:-2] * 200 + data[-2:]
    with pytest.raises(CodestreamError, match="more than 100 scans"):
        read_jpeg(many)
