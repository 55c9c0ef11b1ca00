"""``transfer_syntax: keep``: the very bytes of the source's stream, described so that others decode them."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.exporters.dicom import same_kind, secondary_capture
from dicombake.pipeline.exporters.options import SameKindOptions, SecondaryCaptureOptions
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import AutoOptions, ImageOptions, Limits
from dicombake.pipeline.loaders.registry import load
from dicombake.pipeline.output import Artifact
from dicombake.pipeline.process.spatial import flip_vertical
from dicombake.schemas.process import FlipVertical
from PIL import Image as Pillow
from pydicom import dcmread

from ....pydicom_api import generate_frames
from ...exporting import codes, context, export, read

BASELINE, EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
SYNTHETIC = np.add.outer(np.arange(48) * 3, np.arange(64) * 2).astype(np.uint8)
COLOURED = np.stack([SYNTHETIC, SYNTHETIC[::-1], SYNTHETIC[:, ::-1]], -1)


def picture(folder: Path, pixels: np.ndarray, name: str = "a.jpg", **options: Any) -> Path:
    path = folder / name
    Pillow.fromarray(pixels).save(path, **options)
    return path


def images(path: Path, **options: Any) -> list[Image]:
    return list(load(path, ImageOptions(**options) if options else AutoOptions(), Limits()))


def kept(folder: Path, found: list[Image], **more: Any) -> tuple[Path, Artifact]:
    options = SecondaryCaptureOptions(path="x", transfer_syntax="keep")
    return export(secondary_capture.EXPORTER, found, options, context(**more), folder)


def streams(path: Path) -> list[bytes]:
    dataset = dcmread(path)
    return list(generate_frames(dataset.PixelData, int(dataset.get("NumberOfFrames") or 1)))


def padded(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)


@pytest.mark.parametrize(
    ("pixels", "options", "photometric"),
    [
        (SYNTHETIC, {"quality": 90}, "MONOCHROME2"),
        (COLOURED, {"quality": 90, "subsampling": "4:2:0"}, "YBR_FULL_422"),
        (COLOURED, {"quality": 90, "subsampling": "4:4:4"}, "YBR_FULL_422"),
        (COLOURED, {"quality": 90, "keep_rgb": True}, "RGB"),
    ],
)
def test_a_baseline_jpeg_stays_those_bytes(
    tmp_path: Path, checker: Callable[[str], str], pixels: np.ndarray, options: Any, photometric: str
) -> None:
    source = picture(tmp_path, pixels, **options)
    path, artifact = kept(tmp_path, images(source))
    found = read(path)
    assert found.file_meta.TransferSyntaxUID == BASELINE
    assert streams(path) == [padded(source.read_bytes())]
    assert found.PhotometricInterpretation == photometric
    assert (found.BitsAllocated, found.BitsStored, found.HighBit) == (8, 8, 7)
    assert found.LossyImageCompression == "01"
    assert found.LossyImageCompressionMethod == "ISO_10918_1"
    assert float(found.LossyImageCompressionRatio) == pytest.approx(
        pixels.nbytes / source.stat().st_size, rel=1e-3
    )
    assert codes(artifact) == []
    (again,) = images(path)
    assert np.array_equal(again.pixels, images(source)[0].pixels)
    told = subprocess.run([checker("dciodvfy"), path], capture_output=True, text=True, check=False)
    assert "Error" not in told.stderr
    native = tmp_path / "native.dcm"
    subprocess.run([checker("dcmdjpeg"), path, native], check=True)
    theirs = np.asarray(read(native).pixel_array, dtype=int)
    assert np.abs(theirs - images(source)[0].pixels).max() <= 3  # of another inverse DCT


def test_it_is_what_img2dcm_keeps(tmp_path: Path, checker: Callable[[str], str]) -> None:
    source = picture(tmp_path, COLOURED, quality=75)
    theirs = tmp_path / "theirs.dcm"
    subprocess.run([checker("img2dcm"), "--keep-appn", source, theirs], check=True, capture_output=True)
    path, _ = kept(tmp_path, images(source))
    assert streams(path) == streams(theirs)
    ours, reference = read(path), read(theirs)
    for keyword in ("PhotometricInterpretation", "PlanarConfiguration", "LossyImageCompressionMethod"):
        assert ours[keyword].value == reference[keyword].value


def test_a_stream_and_its_decoded_pixels_are_two_instances(tmp_path: Path) -> None:
    found = images(picture(tmp_path, SYNTHETIC))
    plain = SecondaryCaptureOptions(path="x")
    first, _ = export(secondary_capture.EXPORTER, found, plain, context(), tmp_path)
    uid = read(first).SOPInstanceUID
    path, _ = kept(tmp_path, found)
    assert read(path).SOPInstanceUID != uid


def test_a_picture_that_is_not_upright_is_refused(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    found = images(picture(tmp_path, SYNTHETIC, exif=exif))
    with pytest.raises(ExportError, match="EXIF Orientation 6"):
        kept(tmp_path, found)


def test_exif_that_stays_is_named(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 1
    exif[0x010F] = "ACME"
    source = picture(tmp_path, SYNTHETIC, exif=exif, comment=b"a morning")
    path, artifact = kept(tmp_path, images(source))
    (note,) = artifact.notes
    assert note.text.startswith("the stream also holds EXIF and a comment, which")
    assert b"ACME" in path.read_bytes()


def _flipped(image: Image) -> Image:
    return flip_vertical(image, FlipVertical())


@pytest.mark.parametrize(
    ("name", "options", "change", "why"),
    [
        ("a.png", {}, None, "no compressed stream"),
        ("a.jpg", {"progressive": True}, None, "no compressed stream"),
        ("a.jpg", {}, _flipped, "the pixels were changed"),
    ],
)
def test_where_nothing_can_be_kept_pixels_are_plain_and_it_is_said(
    tmp_path: Path, name: str, options: Any, change: Callable[[Image], Image] | None, why: str
) -> None:
    found = images(picture(tmp_path, SYNTHETIC, name, **options))
    found = [change(image) for image in found] if change else found
    path, artifact = kept(tmp_path, found)
    assert codes(artifact) == ["stream-not-kept"]
    assert why in artifact.notes[0].text
    assert artifact.notes[0].contradiction
    assert read(path).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert np.array_equal(read(path).pixel_array, found[0].pixels)


def test_a_channel_of_colour_is_no_stream_of_its_own(tmp_path: Path) -> None:
    _, artifact = kept(tmp_path, images(picture(tmp_path, COLOURED), channel="red"))
    assert codes(artifact) == ["stream-not-kept"]


def test_jpeg_of_12_bits_says_12_bits(tmp_path: Path) -> None:
    import imagecodecs

    deep = (np.arange(48 * 64).reshape(48, 64) % 4096).astype(np.uint16)
    source = tmp_path / "deep.jpg"
    source.write_bytes(imagecodecs.jpeg8_encode(deep, level=95, bitspersample=12))
    path, _ = kept(tmp_path, images(source))
    found = read(path)
    assert found.file_meta.TransferSyntaxUID == EXTENDED
    assert (found.BitsAllocated, found.BitsStored, found.HighBit) == (16, 12, 11)
    assert streams(path) == [padded(source.read_bytes())]
    assert np.array_equal(images(path)[0].pixels, images(source)[0].pixels)


@pytest.mark.parametrize("pixels", [SYNTHETIC, COLOURED, SYNTHETIC.astype(np.uint16) * 257])
def test_jpeg_2000_is_kept_without_the_boxes_around_it(tmp_path: Path, pixels: np.ndarray) -> None:
    import imagecodecs

    source = tmp_path / "a.jp2"
    source.write_bytes(imagecodecs.jpeg2k_encode(pixels, codecformat="jp2", level=0, reversible=True))
    path, _ = kept(tmp_path, images(source))
    (stream,) = streams(path)
    assert stream.rstrip(b"\0").startswith(b"\xff\x4f\xff\x51")
    assert stream.rstrip(b"\0") in source.read_bytes()
    assert np.array_equal(images(path)[0].pixels, pixels)


def test_frames_of_a_dicom_source_stay_as_they_are(tmp_path: Path) -> None:
    """Of its own kind, and of another; the instance is still the source's where all is."""
    source, _ = kept(tmp_path, images(picture(tmp_path, COLOURED, quality=80)))
    source = source.rename(tmp_path / "source.dcm")
    options = SameKindOptions(path="x", transfer_syntax="keep")
    path, artifact = export(same_kind.EXPORTER, images(source), options, context(), tmp_path)
    assert codes(artifact) == []
    assert read(path).SOPInstanceUID == read(source).SOPInstanceUID
    assert read(path).PhotometricInterpretation == "YBR_FULL_422"
    assert streams(path) == streams(source)
    path, _ = kept(tmp_path, images(source))
    assert streams(path) == streams(source)


def test_several_pages_are_one_file_of_their_streams(tmp_path: Path) -> None:
    first, second = (
        picture(tmp_path, pixels, f"{at}.jpg") for at, pixels in enumerate((COLOURED, 255 - COLOURED))
    )
    pages = [images(path)[0] for path in (first, second)]
    path, _ = kept(tmp_path, pages)
    assert streams(path) == [padded(first.read_bytes()), padded(second.read_bytes())]


def test_other_pixels_in_the_tags_are_refused(tmp_path: Path) -> None:
    found = images(picture(tmp_path, SYNTHETIC))
    with pytest.raises(ExportError, match="transfer_syntax: keep"):
        kept(tmp_path, found, overrides={"PhotometricInterpretation": "MONOCHROME1", "Rows": 12})


def test_what_is_written_is_decoded_again(tmp_path: Path) -> None:
    """A stream that is not the picture's is seen, though every byte is as it was meant."""
    from dicombake.pipeline.errors import VerificationError
    from msgspec import structs

    buffer = io.BytesIO()
    Pillow.fromarray(SYNTHETIC[::-1]).save(buffer, "JPEG")
    (image,) = images(picture(tmp_path, SYNTHETIC))
    assert image.source.codestream is not None
    other = structs.replace(image.source.codestream, data=buffer.getvalue())
    source = structs.replace(image.source, codestream=other)
    with pytest.raises(VerificationError, match="pixels do not read back"):
        kept(tmp_path, [image.replace(sources=(source,))])
