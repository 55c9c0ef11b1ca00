"""What kinds of DICOM must say of computed values, and of the images that they were computed from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError

from .test_checked_kinds import RAMP, ROOT, errors_of, source, written

XRAY = {
    "Modality": "DX",
    "SOPClassUID": f"{ROOT}1.1",
    "PresentationIntentType": "FOR PRESENTATION",
    "PixelIntensityRelationship": "LIN",
    "PixelIntensityRelationshipSign": -1,
    "PresentationLUTShape": "IDENTITY",
    "WindowCenter": 900,
    "WindowWidth": 1800,
    "RescaleSlope": 1,
    "RescaleIntercept": 0,
    "RescaleType": "US",
}
CT = {"Modality": "CT", "SOPClassUID": f"{ROOT}2", "SeriesInstanceUID": "1.2.3", "StudyInstanceUID": "1.2"}


@pytest.mark.parametrize(
    ("operations", "sign"),
    [
        (["invert"], 1),
        (["bit_invert"], 1),
        (["invert", "invert"], -1),
        (["ground"], -1),
        ([{"rescale": {"slope": -1, "intercept": 5000}}], 1),
        ([{"filter": {"kind": "median", "size": 3}}], -1),
    ],
)
def test_the_sign_of_digital_x_rays_follows_the_values(operations, sign, tmp_path: Path) -> None:
    found, artifact = written(tmp_path, source(tmp_path, RAMP, *operations, **XRAY))
    assert (found.PixelIntensityRelationship, found.PixelIntensityRelationshipSign) == ("LIN", sign)
    stored = found.pixel_array
    assert found.WindowCenter - 0.5 - (found.WindowWidth - 1) / 2 == stored.min()
    assert found.WindowCenter - 0.5 + (found.WindowWidth - 1) / 2 == stored.max()
    assert "window-of-all" in {note.code for note in artifact.notes}


def test_dciodvfy_finds_nothing_missing_of_intensity_and_window(
    tmp_path: Path, checker: Callable[[str], str]
) -> None:
    written(tmp_path, source(tmp_path, RAMP, "invert", **XRAY))
    assert [e for e in errors_of(checker, tmp_path / "out.dcm") if "Intensity" in e or "Window" in e] == []


@pytest.mark.parametrize("operation", [{"threshold": {"low": 300}}, {"binary": {"at": 300}}])
def test_digital_x_rays_that_follow_no_beam_are_refused(operation: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="how its values follow the beam"):
        written(tmp_path, source(tmp_path, RAMP, operation, **XRAY))


@pytest.mark.parametrize(("operation", "said"), [("ground", "LIN"), ("invert", "DISP")])
def test_angiography_says_display_where_values_fall(operation: str, said: str, tmp_path: Path) -> None:
    says = {"Modality": "XA", "SOPClassUID": f"{ROOT}12.1", "PixelIntensityRelationship": "LIN"}
    found, _ = written(tmp_path, source(tmp_path, RAMP, operation, **says))
    assert found.PixelIntensityRelationship == said


def test_a_computed_slice_without_a_frame_of_reference_gets_that_of_its_series(tmp_path: Path) -> None:
    frames = set()
    for number in range(2):
        images = source(tmp_path, RAMP + np.uint16(number), "ground", **CT, PositionReferenceIndicator="OM")
        found, _ = written(tmp_path, images)
        assert found.PositionReferenceIndicator == "OM"
        frames.add(found.FrameOfReferenceUID)
    assert len(frames) == 1


def test_an_untouched_slice_is_given_no_frame_of_reference(tmp_path: Path) -> None:
    found, _ = written(tmp_path, source(tmp_path, RAMP, **CT, PositionReferenceIndicator="OM"))
    assert "FrameOfReferenceUID" not in found and found.PositionReferenceIndicator == "OM"


@pytest.mark.parametrize(("kind", "named"), [("7", False), ("7.3", True)])
def test_a_frame_is_named_only_of_a_class_that_has_several(kind: str, named: bool, tmp_path: Path) -> None:
    images = source(tmp_path, np.stack([RAMP, RAMP]), "flip_horizontal", SOPClassUID=ROOT + kind)
    found, _ = written(tmp_path, images)
    assert ["ReferencedFrameNumber" in item for item in found.SourceImageSequence] == [named, named]


def test_an_image_whose_uid_is_none_is_not_referred_to(tmp_path: Path) -> None:
    images = source(tmp_path, RAMP, "flip_horizontal")
    dataset = images[0].source.dataset
    assert dataset is not None
    dataset["SOPInstanceUID"]._value = "dccc95"
    found, _ = written(tmp_path, images)
    assert "SourceImageSequence" not in found


@pytest.mark.parametrize("kind", ["2.1", "4.1", "130", "66.4"])
def test_values_that_functional_groups_speak_of_are_not_computed(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="functional groups"):
        written(tmp_path, source(tmp_path, RAMP, "invert", SOPClassUID=ROOT + kind))
