"""Transfer syntaxes: no loss, the same bytes each time, the same instance in each, or refused by name."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from dicombake.pipeline.dicom.encode import compression
from dicombake.pipeline.dicom.encode.syntaxes import SYNTAXES
from dicombake.pipeline.errors import ExportError, VerificationError
from dicombake.pipeline.exporters.dicom import rt_image, same_kind, secondary_capture
from dicombake.pipeline.exporters.options import RtImageOptions, SameKindOptions, SecondaryCaptureOptions
from dicombake.pipeline.imaging.image import Image, SourceFile, Stored
from dicombake.pipeline.run.versions import codecs_of
from dicombake.schemas.exports import TransferSyntax
from dicombake.schemas.recipe import Conversion
from msgspec import structs
from pydicom import dcmread

from ....pydicom_api import decoded, generate_frames
from ....support import JPEG_LS
from ...exporting import SCANNED, context, dicom_source, export, ramp, read

EVERY = get_args(TransferSyntax)
NATIVE = ("explicit-le", "implicit-le", "deflated")
COMPRESSED = tuple(name for name in EVERY if name not in NATIVE)
RNG = np.random.default_rng(3)


def written(syntax: str, *more: object) -> Any:
    """Return the parameters of a test that encodes, which asks for the codec."""
    return pytest.param(syntax, *more, marks=JPEG_LS if syntax == "jpegls-lossless" else ())


WRITTEN = [written(syntax) for syntax in EVERY]


def noise(dtype: str, shape: tuple[int, ...] = (33, 47)) -> np.ndarray[Any, Any]:
    """Values all over the range of a type."""
    ends = np.iinfo(dtype)
    return RNG.integers(ends.min, ends.max, shape, dtype=dtype, endpoint=True)


def image(pixels: np.ndarray[Any, Any], page: int = 1, pages: int = 1) -> Image:
    source = SourceFile(Path("a.tif"), "image", page=page, pages=pages)
    return Image(pixels, photometric="RGB" if pixels.ndim == 3 else "MONOCHROME2", sources=(source,))


def made(folder: Path, images: Image | list[Image], syntax: str, **more: Any) -> Path:
    options = SecondaryCaptureOptions(path="x", transfer_syntax=syntax)
    return export(secondary_capture.EXPORTER, images, options, context(**more), folder)[0]


def test_every_syntax_of_the_recipe_is_known() -> None:
    assert tuple(SYNTAXES) == EVERY


CASES = [
    written(syntax, dtype, shape)
    for syntax in EVERY
    for dtype, shape in (
        ("uint8", (33, 47)), ("int8", (33, 47)), ("uint16", (33, 47)), ("int16", (33, 47)),
        ("uint8", (33, 47, 3)), ("uint16", (33, 47, 3)), ("uint16", (9, 13)), ("uint8", (9, 13)),
        ("uint8", (1, 255)), ("uint32", (5, 7)), ("int32", (5, 7)),
    )
    if (syntax in NATIVE or "32" not in dtype) and min(shape[:2]) >= SYNTAXES[syntax].least_side
]  # fmt: skip


@pytest.mark.parametrize(("syntax", "dtype", "shape"), CASES)
def test_pixels_come_back_exactly(tmp_path: Path, syntax: str, dtype: str, shape: tuple[int, ...]) -> None:
    pixels = noise(dtype, shape)
    found = read(made(tmp_path, image(pixels), syntax))
    assert found.file_meta.TransferSyntaxUID == SYNTAXES[syntax].uid
    assert decoded(found).dtype == pixels.dtype
    assert np.array_equal(decoded(found), pixels)
    assert "LossyImageCompression" not in found


@pytest.mark.parametrize("syntax", WRITTEN)
def test_the_same_bytes_each_time_and_one_instance_in_all(tmp_path: Path, syntax: str) -> None:
    pixels = noise("uint16")
    plain = read(made(tmp_path, image(pixels), "explicit-le"))
    first = made(tmp_path, image(pixels), syntax).read_bytes()
    path = made(tmp_path, image(pixels), syntax)
    assert path.read_bytes() == first
    found = read(path)
    assert found.SOPInstanceUID == plain.SOPInstanceUID == found.file_meta.MediaStorageSOPInstanceUID
    assert [element for element in found if element.keyword != "PixelData"] == [
        element for element in plain if element.keyword != "PixelData"
    ]


@pytest.mark.parametrize("syntax", WRITTEN)
def test_every_frame_comes_back(tmp_path: Path, syntax: str) -> None:
    frames = [noise("uint16") for _ in range(3)]
    images = [image(pixels, page, 3) for page, pixels in enumerate(frames, 1)]
    found = read(made(tmp_path, images, syntax))
    assert np.array_equal(decoded(found), np.stack(frames))
    if syntax in COMPRESSED:
        assert len(list(generate_frames(found.PixelData, number_of_frames=3))) == 3


@pytest.mark.parametrize("syntax", WRITTEN)
def test_what_was_lost_before_stays_recorded(tmp_path: Path, syntax: str) -> None:
    """A syntax without loss neither adds nor removes it."""
    pixels = noise("uint16")
    lossy = dicom_source(
        LossyImageCompression="01",
        LossyImageCompressionMethod="ISO_10918_1",
        LossyImageCompressionRatio="9.5",
    )
    found = read(made(tmp_path, Image(pixels, sources=(lossy,)), syntax))
    assert (found.LossyImageCompression, found.LossyImageCompressionRatio) == ("01", 9.5)


@pytest.mark.parametrize("syntax", ["rle", "jpeg2000-lossless", written("jpegls-lossless")])
def test_twelve_of_sixteen_bits(tmp_path: Path, syntax: str) -> None:
    pixels = RNG.integers(0, 4096, (37, 41)).astype(np.uint16)
    stored = Stored(pixels, 1.0, 0.0, None, 12)
    source = dicom_source(BitsAllocated=16, BitsStored=12, HighBit=11, PixelRepresentation=0)
    ready = Image(pixels, SCANNED, stored=stored, sources=(source,))
    options = SameKindOptions(path="x", transfer_syntax=syntax)
    path, _ = export(same_kind.EXPORTER, ready, options, context(), tmp_path)
    found = read(path)
    assert (found.BitsAllocated, found.BitsStored, found.HighBit) == (16, 12, 11)
    assert np.array_equal(found.pixel_array, pixels)


def test_htj2k_takes_all_the_bits_or_none(tmp_path: Path) -> None:
    stored = Stored(ramp("uint16"), 1.0, 0.0, None, 12)
    ready = Image(ramp("uint16"), SCANNED, stored=stored, sources=(dicom_source(),))
    options = RtImageOptions(path="x", transfer_syntax="htj2k-lossless")
    with pytest.raises(ExportError) as caught:
        export(rt_image.EXPORTER, ready, options, context(), tmp_path)
    assert str(caught.value) == (
        "'transfer_syntax: htj2k-lossless' stores all 16 bits of a pixel, and here 12 are stored; "
        "'jpeg2000-lossless' stores any number of them"
    )


@pytest.mark.parametrize("dtype", ["uint32", "int32", "uint64", "int64", "float32", "float64"])
@pytest.mark.parametrize("syntax", COMPRESSED)
def test_what_a_syntax_cannot_hold_is_refused(tmp_path: Path, syntax: str, dtype: str) -> None:
    with pytest.raises(ExportError) as caught:
        made(tmp_path, image(ramp(dtype)), syntax)
    assert str(caught.value) == (
        f"'transfer_syntax: {syntax}' holds integers of 8 or 16 bits, and these are {dtype}; 'explicit-le', "
        "'implicit-le' and 'deflated' hold every type; 'pixels: portable' stores 16 bits where that is exact"
    )


@pytest.mark.parametrize("dtype", ["uint64", "int64", "float32", "float64"])
@pytest.mark.parametrize("syntax", NATIVE)
def test_native_syntaxes_hold_every_type(tmp_path: Path, syntax: str, dtype: str) -> None:
    found = read(made(tmp_path, image(ramp(dtype)), syntax))
    assert np.array_equal(found.pixel_array, ramp(dtype))


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize(
    "more",
    [
        {"overrides": {"Rows": 9}},
        {"overrides": {"PixelData": {"base64": "AAAA"}}},
        {"remove": ("PixelData",)},
    ],
)
def test_pixels_that_the_tags_contradict_are_not_compressed(
    tmp_path: Path, syntax: str, more: dict[str, Any]
) -> None:
    with pytest.raises(ExportError) as caught:
        made(tmp_path, image(ramp("uint16")), syntax, **more)
    assert str(caught.value) == (
        f"'transfer_syntax: {syntax}' compresses the pixels, and 'tags' or 'remove_tags' gives others or "
        "describes them otherwise; use 'transfer_syntax: explicit-le'"
    )


@pytest.mark.parametrize("syntax", NATIVE)
def test_private_elements_and_sequences_come_back(tmp_path: Path, syntax: str) -> None:
    """Implicit VR does not say what a private element is; its bytes are the same."""
    tags = {
        "(0009,ACME 1.0,10)": {"vr": "DS", "value": ["1.5", "2.5"]},
        "(0009,ACME 1.0,11)": {"vr": "SQ", "value": [{"PatientComments": "ünï"}]},
        "(0009,ACME 1.0,12)": {"vr": "FD", "value": ["0.1"]},
        "RequestAttributesSequence": [
            {"ScheduledProcedureStepID": "7", "(0011,ACME 1.0,01)": {"vr": "US", "value": ["3"]}}
        ],
    }
    found = read(made(tmp_path, image(ramp("uint8")), syntax, overrides=tags))
    block = found.private_block(0x0009, "ACME 1.0")
    raw = block[0x10].value if syntax != "implicit-le" else block[0x10].value.decode().split("\\")
    assert [float(value) for value in raw] == [1.5, 2.5]
    assert found.RequestAttributesSequence[0].ScheduledProcedureStepID == "7"


@pytest.mark.parametrize("syntax", WRITTEN)
@pytest.mark.parametrize("place", [0.5, 0.97])
def test_a_file_that_was_altered_is_seen(tmp_path: Path, syntax: str, place: float) -> None:
    options = SecondaryCaptureOptions(path="x", transfer_syntax=syntax)
    path, artifact = export(
        secondary_capture.EXPORTER, image(noise("uint16")), options, context(), tmp_path
    )  # fmt: skip
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationError):
        artifact.check(path)


@pytest.mark.parametrize("syntax", [written(syntax) for syntax in COMPRESSED])
def test_an_encoder_that_loses_something_is_seen(
    tmp_path: Path, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = compression._frames

    def wrong(chosen: Any, dataset: Any, pixels: Any) -> Any:
        altered = pixels.copy()
        altered.flat[5] ^= 1
        return true(chosen, dataset, altered)

    monkeypatch.setattr(compression, "_frames", wrong)
    with pytest.raises(VerificationError, match="the pixels do not read back as they were"):
        made(tmp_path, image(noise("uint16")), syntax)


def test_what_is_too_small_for_an_encoder_is_refused_and_not_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExportError) as caught:
        made(tmp_path, image(noise("uint16", (31, 64))), "jpeg2000-lossless")
    assert str(caught.value) == (
        "'transfer_syntax: jpeg2000-lossless' takes images from 32 x 32 pixels on, and this is 31 x 64; "
        "use 'transfer_syntax: explicit-le'"
    )
    assert capfd.readouterr() == ("", "")


@JPEG_LS
def test_a_pixel_that_jpeg_ls_cannot_encode_is_refused_and_not_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExportError, match=r"cannot be compressed as jpegls-lossless: .* buffer is too small"):
        made(tmp_path, image(noise("uint16", (1, 1))), "jpegls-lossless")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("syntax", ["jpeg2000-lossless", "jpegls-lossless"])
def test_a_missing_codec_is_named(tmp_path: Path, syntax: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = structs.replace(SYNTAXES[syntax], plugin="none")
    monkeypatch.setitem(SYNTAXES, syntax, changed)
    with pytest.raises(ExportError) as caught:
        made(tmp_path, image(noise("uint16")), syntax)
    assert str(caught.value) == (
        f"'transfer_syntax: {syntax}' needs a codec that is not installed; pip install dicombake[codecs]"
    )


@pytest.mark.parametrize("syntax", WRITTEN)
def test_the_lock_names_what_encodes(syntax: str) -> None:
    exports = {"to": "secondary-capture", "path": "x.dcm", "transfer_syntax": syntax}
    conversion = Conversion.model_validate({"inputs": "a.npy", "source": "array", "exports": exports})
    expected = {
        "deflated": {"imagecodecs"},
        "jpeg2000-lossless": {"pylibjpeg", "pylibjpeg-openjpeg"},
        "jpegls-lossless": {"pyjpegls"},
        "htj2k-lossless": {"imagecodecs"},
    }
    assert set(codecs_of(conversion)) == {"pydicom"} | expected.get(syntax, set())


DECODERS = {
    "rle": ("dcmdrle",),
    "jpegls-lossless": ("dcmdjpls",),
    "jpeg2000-lossless": ("gdcmconv", "--raw"),
    "implicit-le": ("dcmconv", "+te"),
    "deflated": ("dcmconv", "+te"),
}
"""Other programs that turn each syntax into explicit VR; none of them knows HTJ2K yet."""


@pytest.mark.checker
@pytest.mark.parametrize("syntax", [written(syntax) for syntax in DECODERS])
@pytest.mark.parametrize(
    ("dtype", "shape"),
    [("uint8", (33, 47)), ("uint16", (33, 47)), ("int16", (33, 47)), ("uint8", (33, 47, 3))],
)
def test_other_programs_decode_the_same_values(
    tmp_path: Path, checker: Callable[[str], str], syntax: str, dtype: str, shape: tuple[int, ...]
) -> None:
    pixels = noise(dtype, shape)
    path, out = made(tmp_path, image(pixels), syntax), tmp_path / "plain.dcm"
    name, *options = DECODERS[syntax]
    subprocess.run([checker(name), *options, str(path), str(out)], check=True, capture_output=True)
    found = dcmread(out)
    assert not found.file_meta.TransferSyntaxUID.is_compressed
    assert np.array_equal(found.pixel_array, pixels)


@pytest.mark.checker
@pytest.mark.parametrize(
    "syntax", ["explicit-le", "implicit-le", "rle", "jpeg2000-lossless", written("jpegls-lossless")]
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_dciodvfy_finds_no_error(
    tmp_path: Path, checker: Callable[[str], str], syntax: str, dtype: str
) -> None:
    """The others it cannot read at all: deflated ones of any program, and HTJ2K, which is younger than it."""
    options = RtImageOptions(path="x", transfer_syntax=syntax)
    path, _ = export(rt_image.EXPORTER, Image(noise(dtype), SCANNED), options, context(), tmp_path)
    for file in (path, made(tmp_path, [image(noise(dtype), page, 2) for page in (1, 2)], syntax)):
        done = subprocess.run([checker("dciodvfy"), str(file)], capture_output=True, text=True, check=False)
        told = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
        assert (done.returncode, told) == (0, [])
