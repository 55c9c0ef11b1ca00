"""`mask`: what is blanked is gone, from values, stored integers, overlays and icons; all else stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import ProcessError, RecipeError
from dicombake.pipeline.imaging.image import Image, SourceFile
from dicombake.pipeline.loaders.dicom.loader import load
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from dicombake.pipeline.plan.lower import lowered
from dicombake.pipeline.process.apply import apply
from dicombake.pipeline.process.operations import Mask
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.schemas.process import Operations
from pydantic import TypeAdapter
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from ...support import bake, failures

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
CORNER = {"top": "1", "left": "2", "height": "3", "width": "4"}


def masked(image: Image, said: object) -> Image:
    (model,) = TypeAdapter(Operations).validate_python([{"mask": said}])
    return apply(image, [lowered(Mask, model)])


def inside(shape: tuple[int, ...]) -> np.ndarray:
    found = np.zeros(shape[:2], bool)
    found[1:4, 2:6] = True
    return found


@pytest.mark.parametrize(
    "said",
    [
        {"areas": [CORNER]},
        [CORNER],
        CORNER,
        [{"areas": [CORNER]}],
        [{"areas": [CORNER], "when": {"Modality": "C*"}}, {"areas": [CORNER], "when": {"Rows": "9"}}],
        {"areas": [CORNER], "when": {"Rows": ["7", "128"], "Manufacturer": "GE MEDICAL SYSTEMS"}},
    ],
)
def test_every_way_to_say_it_masks_the_same(said: object) -> None:
    (image,) = load(FILES / "CT_small.dcm", DicomOptions(), Limits())
    found = masked(image, said)
    here = inside(image.pixels.shape)
    assert found.masked and not found.computed
    assert (found.pixels[here] == 0).all()
    assert np.array_equal(found.pixels[~here], image.pixels[~here])
    assert found.stored is not None and image.stored is not None
    assert (found.stored.pixels[here] * found.stored.slope + found.stored.intercept == 0).all()
    assert np.array_equal(found.stored.pixels[~here], image.stored.pixels[~here])


def test_a_rule_for_other_images_changes_nothing() -> None:
    (image,) = load(FILES / "CT_small.dcm", DicomOptions(), Limits())
    assert masked(image, {"areas": [CORNER], "when": {"Rows": "600"}}) is image


def test_a_value_that_no_integer_stands_for_is_the_nearest() -> None:
    from dicombake.pipeline.imaging.image import Stored

    stored = Stored(np.full((6, 8), 9, np.uint16), 0.3, -1.0, None, 12)
    image = Image(stored.pixels * 0.3 - 1.0, stored=stored)
    found = masked(image, {"areas": [CORNER], "value": "0.1"})
    assert found.stored is not None
    assert set(found.stored.pixels[inside((6, 8))].tolist()) == {4}
    assert np.allclose(found.pixels[inside((6, 8))], 4 * 0.3 - 1.0)


def test_colour_is_masked_in_every_sample() -> None:
    image = Image(np.full((6, 8, 3), 200, np.uint8), photometric="RGB")
    found = masked(image, [CORNER])
    assert (found.pixels[inside((6, 8))] == 0).all() and (found.pixels[~inside((6, 8))] == 200).all()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([{**CORNER, "height": "90"}], "is not within 6 rows and 8 columns"),
        ({"regions": "ultrasound"}, "no SequenceOfUltrasoundRegions"),
        ({"areas": [CORNER], "value": "-1"}, "cannot hold the value -1"),
        ({"areas": [CORNER], "value": "0.5"}, "cannot hold the value 0.5"),
    ],
)
def test_what_cannot_be_masked_is_refused(said: object, told: str) -> None:
    with pytest.raises(ProcessError, match=told):
        masked(Image(np.ones((6, 8), np.uint8)), said)


def ultrasound() -> Dataset:
    dataset = dcmread(FILES / "CT_small.dcm")
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 10, 20
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 99, 109
    dataset.SequenceOfUltrasoundRegions = Sequence([region])
    return dataset


def test_all_outside_of_the_regions_goes() -> None:
    dataset = ultrasound()
    image = Image(
        np.full((128, 128), 5, np.uint8), sources=(SourceFile(Path("a"), "dicom", dataset=dataset),)
    )
    found = masked(image, {"regions": "ultrasound"}).pixels
    kept = np.zeros((128, 128), bool)
    kept[20:110, 10:100] = True
    assert (found[kept] == 5).all() and (found[~kept] == 0).all()


def shown(folder: Path, process: str, more: str = "") -> Path:
    path = folder / "mask.yaml"
    path.write_text(
        f"version: 1\nconversions:\n  a:\n    inputs: in/*.dcm\n    source: dicom\n    process: {process}\n"
        f"{more}    exports: {{to: dicom, path: 'out/{{stem}}.dcm'}}\n",
        encoding="utf-8",
    )
    return path


def test_overlays_icons_and_every_frame_lose_what_is_masked(tmp_path: Path) -> None:
    dataset = dcmread(FILES / "CT_small.dcm")
    frames = np.stack([dataset.pixel_array, dataset.pixel_array])
    dataset.NumberOfFrames, dataset.PixelData = 2, frames.tobytes()
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.PixelData = 2, 2, 8, b"\1\2\3\4"
    dataset.IconImageSequence = Sequence([icon])
    series = Dataset()
    series.IconImageSequence = Sequence([icon])
    dataset.ReferencedSeriesSequence = Sequence([series])
    dataset.add_new(0x60000010, "US", 10)
    dataset.add_new(0x60000011, "US", 16)
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 2])
    dataset.add_new(0x60000100, "US", 1)
    dataset.add_new(0x60000102, "US", 0)
    dataset.add_new(0x60003000, "OW", b"\xff" * 20)
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "a.dcm")
    area = "[{mask: [{top: 1, left: 2, height: 3, width: 4}]}]"
    outcome = bake(shown(tmp_path, area, "    transfer_syntax: jpeg2000-lossless\n"))
    assert not failures(outcome)
    found = dcmread(tmp_path / "out" / "a.dcm")
    assert found.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.90"
    here = inside((128, 128))
    values = found.pixel_array.astype(int) * int(found.RescaleSlope) + int(found.RescaleIntercept)
    assert (values[:, here] == 0).all()
    assert np.array_equal(found.pixel_array[:, ~here], frames[:, ~here])
    bits = np.unpackbits(np.frombuffer(found[0x60003000].value, np.uint8), bitorder="little")[:160]
    plane = bits.reshape(10, 16)
    assert (plane[1:4, 1:5] == 0).all() and plane.sum() == 160 - 12
    assert "IconImageSequence" not in found
    assert "IconImageSequence" not in found.ReferencedSeriesSequence[0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{}", "needs 'areas'"),
        ("[]", "must not be empty"),
        ("{areas: [{top: 0, left: 0, height: 0, width: 3}]}", "height"),
        ("{areas: [{top: 0, left: 0, height: 2, width: 3}], when: {Rows: {min: 3}}}", "when"),
        ("{regions: ct}", "regions"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_recipe(tmp_path: Path, said: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(shown(tmp_path, f"[{{mask: {said}}}]"))
    assert told in str(caught.value)
