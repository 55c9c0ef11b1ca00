"""Faulty files that occur: what is left out is said, what cannot be known is refused, nothing is turned."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.dicom import codecs
from dicombake.pipeline.loaders.dicom.loader import load, probe
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from pydicom.encaps import encapsulate

from ....pydicom_api import PYDICOM_3
from ....support import bake, failures
from ..input_files import DEFLATED, compressed, dataset_of, encoded, written

PIXELS = (np.arange(64 * 48).reshape(64, 48) * 11).astype(np.uint16)
JPEG_LS = "1.2.840.10008.1.2.4.80"
GBK_NAME = "张三".encode("gb18030")


def one(path: Path, **options: Any) -> Image:
    (image,) = load(path, DicomOptions(**options), Limits())
    return image


def refusal(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        list(load(path, DicomOptions(), limits or Limits()))
    assert caught.value.subject == str(path)
    return caught.value.what


def codes(image: Image) -> list[str]:
    return [note.code for note in image.notes]


def inserted(data: bytes, *, before: int, element: bytes) -> bytes:
    """The file (explicit VR) with the bytes of an element in front of that of a tag."""
    at = data.index(struct.pack("<HH", before >> 16, before & 0xFFFF), 132 + 200)
    return data[:at] + element + data[at:]


def run(path: Path, tmp_path: Path, *, source: str = "dicom", to: str = "dicom", more: str = "") -> Any:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"version: 1\n{more}\nconversions:\n  a:\n    inputs: {path.name}\n    source: {source}\n"
        f'    exports: {{to: {to}, path: "out.dcm"}}\n',
        encoding="utf-8",
    )
    return bake(recipe)


def test_jpeg_ls_padded_before_its_end_is_read_as_nema_writes_it(tmp_path: Path) -> None:
    coded = imagecodecs.jpegls_encode(PIXELS)
    assert coded.endswith(b"\xff\xd9")
    path = written(tmp_path, compressed(dataset_of(PIXELS), [coded[:-2] + b"\0\xff\xd9"], JPEG_LS))
    assert np.array_equal(one(path).pixels, PIXELS)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_lossless_jpeg_needs_no_extra_and_keeps_its_sign(tmp_path: Path, dtype: str) -> None:
    info = np.iinfo(dtype)
    pixels = np.linspace(info.min, info.max, 64 * 48).astype(dtype).reshape(64, 48)
    bits = 8 * pixels.dtype.itemsize
    coded = imagecodecs.jpeg8_encode(pixels.view(f"uint{bits}"), lossless=True, bitspersample=bits)
    path = written(tmp_path, compressed(dataset_of(pixels), [coded], "1.2.840.10008.1.2.4.70"))
    image = one(path)
    assert image.pixels.dtype == dtype and np.array_equal(image.pixels, pixels)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_lossless_jpeg_with_a_part_of_its_data_is_refused_by_every_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: float, known: bool
) -> None:
    pixels = np.random.default_rng(1).integers(0, 4096, (48, 40)).astype(np.uint16)
    coded = imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=16, predictor=1)
    if not known:  # where libjpeg-turbo refuses a stream, gdcm is asked, and makes up what is missing

        def refuses(*_: object) -> None:
            raise codecs.CodestreamError("it is not read")

        pytest.importorskip("gdcm")
        monkeypatch.setattr(codecs, "_jpeg", refuses)
    syntax = "1.2.840.10008.1.2.4.70"
    whole = written(tmp_path, compressed(dataset_of(pixels), [coded], syntax))
    assert np.array_equal(one(whole).pixels, pixels)
    cut = coded[: int(len(coded) * part)] + b"\xff\xd9"
    assert "truncated" in refusal(written(tmp_path, compressed(dataset_of(pixels), [cut], syntax)))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57"])
def test_a_stream_that_crashes_a_codec_is_refused(tmp_path: Path, syntax: str) -> None:
    from ..codecs.test_jpeg import LOSSLESS_WITH_A_BROKEN_SCAN

    data = compressed(dataset_of(PIXELS[:12, :17]), [LOSSLESS_WITH_A_BROKEN_SCAN], syntax)
    assert "compressed frame" in refusal(written(tmp_path, data))


def test_frames_beyond_the_number_are_said(tmp_path: Path) -> None:
    frames = [imagecodecs.jpegls_encode(PIXELS + number) for number in range(3)]
    dataset = dataset_of(np.stack([PIXELS, PIXELS + 1]))
    for table in (True, False):
        data = compressed(dataset, frames, JPEG_LS)
        if not table:
            dataset = dataset_of(np.stack([PIXELS, PIXELS + 1]))
            dataset.add_new(0x7FE00010, "OB", encapsulate(frames, has_bot=False))
            data = compressed(dataset_of(np.stack([PIXELS, PIXELS + 1])), frames, JPEG_LS)
        images = list(load(written(tmp_path, data), DicomOptions(), Limits()))
        assert len(images) == 2
        (note,) = images[0].notes
        assert note.code == "frames-excess" and note.contradiction
        assert note.text.startswith("PixelData holds 3 frames where NumberOfFrames says 2")


def test_a_frame_left_out_makes_another_instance(tmp_path: Path) -> None:
    frames = [imagecodecs.jpegls_encode(PIXELS + number) for number in range(3)]
    path = written(tmp_path, compressed(dataset_of(np.stack([PIXELS, PIXELS + 1])), frames, JPEG_LS))
    assert not failures(run(path, tmp_path))
    found = pydicom.dcmread(tmp_path / "out.dcm")
    assert found.SOPInstanceUID != "1.2.3.4" and len(found.pixel_array) == 2
    (failure,) = failures(run(path, tmp_path, more="strict: true"))
    assert "3 frames" in failure


def test_an_overlay_in_unused_bits_is_dropped_and_said(tmp_path: Path) -> None:
    dataset = dataset_of(PIXELS & 0xFFF, BitsStored=12, HighBit=11)
    for element, vr, value in (
        (0x0010, "US", 64), (0x0011, "US", 48), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]),
        (0x0100, "US", 16), (0x0102, "US", 12),
    ):  # fmt: skip
        dataset.add_new((0x6000, element), vr, value)
    path = written(tmp_path, encoded(dataset, (PIXELS & 0xFFF) | 0x1000))
    image = one(path)
    assert np.array_equal(image.pixels, PIXELS & 0xFFF) and "overlay-dropped" in codes(image)
    assert not failures(run(path, tmp_path))
    found = pydicom.dcmread(tmp_path / "out.dcm")
    assert found.SOPInstanceUID != "1.2.3.4"
    assert not [tag for tag in found.keys() if tag.group == 0x6000]  # noqa: SIM118


@pytest.mark.parametrize("to", ["dicom", "secondary-capture"])
@pytest.mark.parametrize("declared", ["", "ISO_IR 192", "ISO_IR 100"])
def test_text_that_no_set_explains_is_kept_with_the_set_as_it_was(
    tmp_path: Path, declared: str, to: str
) -> None:
    dataset = dataset_of(PIXELS)
    if declared:
        dataset.SpecificCharacterSet = declared
    data = encoded(dataset, PIXELS).replace(b"Phantom^One ", GBK_NAME.ljust(12))
    path = written(tmp_path, data)
    explained = declared == "ISO_IR 100"  # in which every byte is a letter
    assert ("text-undecoded" in codes(one(path))) != explained
    outcome = run(path, tmp_path, to=to)
    assert not failures(outcome)
    found = (tmp_path / "out.dcm").read_bytes()
    assert (GBK_NAME in found) != explained
    read = pydicom.dcmread(tmp_path / "out.dcm")
    assert read.get("SpecificCharacterSet", "") == ("ISO_IR 192" if explained else declared)
    strict = failures(run(path, tmp_path, to=to, more="strict: true"))
    assert bool(strict) != explained and all("PatientName" in each for each in strict)


def test_charset_says_what_the_text_is(tmp_path: Path) -> None:
    path = written(tmp_path, encoded(dataset_of(PIXELS), PIXELS).replace(b"Phantom^One ", GBK_NAME.ljust(12)))
    for name in ("GB18030", "gbk"):
        image = one(path, charset=name)
        assert str(image.source.properties["PatientName"]).strip() == "张三" and not image.notes
    assert not failures(run(path, tmp_path, source="{format: dicom, charset: GB18030}", more="strict: true"))
    found = pydicom.dcmread(tmp_path / "out.dcm")
    assert found.SpecificCharacterSet == "ISO_IR 192" and str(found.PatientName).strip() == "张三"


def test_a_tag_that_the_kept_set_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, encoded(dataset_of(PIXELS), PIXELS).replace(b"Phantom^One ", GBK_NAME.ljust(12)))
    (failure,) = failures(run(path, tmp_path, more="defaults: {tags: {InstitutionName: 北京}}"))
    assert "Institution Name cannot be written" in failure and "charset" in failure


def test_an_element_that_cannot_be_read_is_left_out_and_said(tmp_path: Path) -> None:
    data = encoded(dataset_of(PIXELS, StudyDate="20240102"), PIXELS).replace(b"DA\x08\x00", b"ZZ\x08\x00")
    path = written(tmp_path, data)
    (note,) = one(path).notes
    assert note.text == "StudyDate cannot be read as what the file says, and is left out"
    for to in ("dicom", "secondary-capture", "png"):
        outcome = run(path, tmp_path, to=to)
        assert not failures(outcome)
        assert note in outcome.results[0].notes
        (tmp_path / "out.dcm").unlink()


@pytest.mark.parametrize("element", [b"\2\0\2\0", b"\2\0\3\0"], ids=["class", "instance"])
@pytest.mark.parametrize("source", ["dicom", "auto"])
def test_an_element_of_the_file_meta_that_cannot_be_read_is_left_out_and_said(
    tmp_path: Path, element: bytes, source: str
) -> None:
    for pixels in (PIXELS, None):
        data = encoded(dataset_of(pixels), pixels)
        path = written(tmp_path, data.replace(element + b"UI", element + b"UQ", 1))
        outcome = run(path, tmp_path, source=source)
        (result,) = outcome.results
        assert result.error is None or not result.error.traceback
        if pixels is not None and PYDICOM_3:  # pydicom 2.4 reads no such file
            assert "element-unreadable" in [note.code for note in result.notes]


def test_sequences_without_end_are_left_out(tmp_path: Path) -> None:
    tag = struct.pack("<HH", 0x0008, 0x1140)
    start = tag + b"SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4
    end = b"\xfe\xff\x0d\xe0\0\0\0\0" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    for depth in (100, 4000):
        data = inserted(
            encoded(dataset_of(PIXELS), PIXELS), before=0x00100010, element=start * depth + end * depth
        )
        path = written(tmp_path, data)
        if depth == 100:
            assert codes(one(path)) == ["element-unreadable"]
            assert not failures(run(path, tmp_path))
        else:
            assert "nested too deep" in refusal(path)


def test_a_length_beyond_the_file_takes_no_memory(tmp_path: Path) -> None:
    data = (
        encoded(dataset_of(PIXELS), PIXELS)
        + b"\xe1\x7f\x10\x00OB\0\0"
        + struct.pack("<I", 2**32 - 16)
        + b"xy"
    )
    assert refusal(written(tmp_path, data)).endswith("(7FE1,0010) claims 4294967280 bytes and 2 follow")


def test_a_deflated_file_may_not_hold_more_than_its_pixels(tmp_path: Path) -> None:
    dataset = dataset_of(PIXELS)
    dataset.add_new(0x7FE11010, "OB", b"\0" * 5_000_000)
    path = written(tmp_path, encoded(dataset, PIXELS, DEFLATED))
    assert path.stat().st_size < 20_000
    limits = Limits(header_bytes=1_000_000)
    assert refusal(path, limits) == "inflates to more than 1006145 bytes, which its pixels do not take"
    assert np.array_equal(one(path).pixels, PIXELS)


def test_pixels_of_no_length_and_a_syntax_that_is_not_read(tmp_path: Path) -> None:
    assert (
        refusal(written(tmp_path, encoded(dataset_of(PIXELS), b""))) == "holds no pixels: PixelData is empty"
    )
    retired = "1.2.840.10008.1.2.4.53"
    path = written(tmp_path, compressed(dataset_of(PIXELS), [b"\0" * 120], retired))
    assert refusal(path).startswith("is compressed with JPEG Spectral Selection")
    with pytest.raises(SourceError, match="which is not read"):
        probe(path, DicomOptions(), Limits())


def test_an_empty_modality_lut_is_passed_over_and_said(tmp_path: Path) -> None:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", None)
    item.add_new("LUTData", "OW", None)
    path = written(tmp_path, encoded(dataset_of(PIXELS, ModalityLUTSequence=[item]), PIXELS))
    image = one(path)
    assert np.array_equal(image.pixels, PIXELS) and codes(image) == ["modality-lut-empty"]


def test_a_number_that_is_none_is_named(tmp_path: Path) -> None:
    data = encoded(dataset_of(PIXELS, NumberOfFrames="1"), PIXELS).replace(b"IS\x02\x001 ", b"IS\x02\x001A")
    assert refusal(written(tmp_path, data)) == "has a NumberOfFrames that is no whole number"
