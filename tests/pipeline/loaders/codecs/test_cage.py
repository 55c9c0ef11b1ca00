"""A decoder in a process of its own: the same pixels, and a crash that costs one frame."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest
from dicombake.pipeline.loaders.codecs import cage
from dicombake.pipeline.loaders.codecs.cage import decode_caged
from dicombake.pipeline.loaders.codecs.jpeg import CodestreamError
from dicombake.pipeline.loaders.codecs.plugin import decode_frame

pytest.importorskip("gdcm")

SV1 = "1.2.840.10008.1.2.4.70"
DESCRIBED: dict[str, Any] = {
    "Rows": 24, "Columns": 20, "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0,
}  # fmt: skip
PIXELS = (np.add.outer(np.arange(24), np.arange(20)) * 777).astype(np.uint16)
CODED = imagecodecs.jpeg8_encode(PIXELS, lossless=True, bitspersample=16, predictor=1)
CRASHES = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffc3000bff0018001401011100ffc4001500010100000000000000000000000000000a10ffda00080101000100009f43e87d01a1f43e87"
)
"""Found by fuzzing: gdcm 3.0 faults on it."""


def decode(data: bytes, size: int = PIXELS.nbytes) -> np.ndarray[Any, Any]:
    return decode_caged(SV1, "gdcm", DESCRIBED, data, size)[0]


def test_the_pixels_are_those_of_the_decoder_outside() -> None:
    found, photometric = decode_caged(SV1, "gdcm", DESCRIBED, CODED, PIXELS.nbytes)
    assert photometric == "MONOCHROME2"
    assert found.dtype == PIXELS.dtype and np.array_equal(found, PIXELS)
    assert np.array_equal(found, decode_frame(SV1, "gdcm", DESCRIBED, CODED)[0])


def test_a_crash_costs_one_frame_and_is_told() -> None:
    for _ in range(2):
        with pytest.raises(CodestreamError, match=r"its decoder \(gdcm\) crashed on it"):
            decode(CRASHES)
        assert np.array_equal(decode(CODED), PIXELS)


def test_what_the_decoder_says_is_kept() -> None:
    with pytest.raises(CodestreamError, match=r"its decoder \(gdcm\) says"):
        decode(b"no JPEG at all")


def test_a_decoder_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    decode(CODED)
    monkeypatch.setattr(cage, "_SECONDS", -1.0)
    with pytest.raises(CodestreamError, match="did not come to an end"):
        for _ in range(1000):
            decode(CODED)
    monkeypatch.undo()
    assert np.array_equal(decode(CODED), PIXELS)


def test_a_helper_that_died_before_it_was_asked_is_replaced() -> None:
    decode(CODED)
    (helper,) = cage._helpers
    assert helper.process.stdin is not None
    helper.process.stdin.write(b"a part of what it was to be asked")
    helper.process.kill()
    helper.process.wait()
    assert np.array_equal(decode(CODED), PIXELS)


def test_an_answer_that_is_too_large_is_not_believed() -> None:
    with pytest.raises(CodestreamError, match="crashed"):
        decode(np.zeros((700, 700), np.uint16).tobytes(), size=-(2**15))
