"""Two sites, one set of conversions: outputs differ in what the sites say, and in nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pydicom
import pytest
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.samples import write_samples
from dicombake.pipeline.testing import run_tests
from dicombake.schemas.testing.select import carried_tests

from .support import bake, failures

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
EXAMPLES = sorted(path.stem for path in RECIPES.glob("*.yaml"))
SITE = {"InstitutionName", "PatientID", "PatientName", "StationName", "DeviceSerialNumber"}
UIDS = {"SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"}
PRIVATE = {"(0009,0010)", "(0009,1001)"}


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The output folder of each site."""
    folder = tmp_path_factory.mktemp("sites")
    shutil.copytree(RECIPES, folder, dirs_exist_ok=True)
    write_samples(folder / "data")
    made = {}
    for name in ("north", "south"):
        made[name] = folder / name
        assert failures(bake(folder / f"linac-qa-{name}.yaml", folder / "data", made[name])) == []
    return made


def different(one: pydicom.Dataset, other: pydicom.Dataset) -> set[str]:
    """The elements that are not in both with the same value."""
    tags = {element.tag for dataset in (one, other) for element in dataset}
    return {
        pydicom.datadict.keyword_for_tag(tag) or str(tag).replace(" ", "")
        for tag in tags
        if one.get(tag) != other.get(tag)
    }


def both(sites: dict[str, Path], name: str) -> tuple[pydicom.Dataset, pydicom.Dataset]:
    return (pydicom.dcmread(sites["north"] / name), pydicom.dcmread(sites["south"] / name))


def test_both_sites_make_the_same_files(sites: dict[str, Path]) -> None:
    names = {
        site: {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        for site, folder in sites.items()
    }
    assert names["north"] == names["south"]
    assert names["north"] == {
        "dicom/star_TB1.dcm", "dicom/star_TB2.dcm", "dicom/film_g000_wedge.dcm",
        "dicom/film_g090_wedge.dcm", "dicom/export_bare_field.dcm",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["star_TB1", "star_TB2", "export_bare_field"])
def test_what_knows_its_geometry_differs_in_what_the_machine_is(sites: dict[str, Path], name: str) -> None:
    north, south = both(sites, f"dicom/{name}.dcm")
    assert different(north, south) - UIDS == SITE | PRIVATE
    assert north.PixelData == south.PixelData
    machine = "TB2" if name.endswith("TB2") else "TB1"
    assert (north.StationName, south.StationName) == {
        "TB1": ("NORTH-TB1", "SOUTH-A"), "TB2": ("NORTH-TB2", "SOUTH-B"),
    }[machine]  # fmt: skip
    private = south.private_block(0x0009, "SOUTH QA 1.0")
    assert private[0x01].value == {"TB1": "bunker A", "TB2": "bunker B"}[machine]
    assert north.RadiationMachineName == south.RadiationMachineName == machine
    assert float(north.RTImageSID) == float(south.RTImageSID) == 1500


def test_a_film_gets_the_sid_the_machine_and_the_scale_of_its_site(sites: dict[str, Path]) -> None:
    north, south = both(sites, "dicom/film_g000_wedge.dcm")
    sited = {"RTImageSID", "GantryAngle", "RadiationMachineName"}
    assert different(north, south) - UIDS == SITE | PRIVATE | sited
    assert (float(north.RTImageSID), float(south.RTImageSID)) == (1000, 1050)
    assert (float(north.GantryAngle), float(south.GantryAngle)) == (0, 180)
    assert (north.RadiationMachineName, south.RadiationMachineName) == ("TB1", "TB2")
    assert float(north.RadiationMachineSAD) == float(south.RadiationMachineSAD) == 1000
    assert north.PixelData == south.PixelData
    angles = [float(dataset.GantryAngle) for dataset in both(sites, "dicom/film_g090_wedge.dcm")]
    assert angles == [90, 90]


def test_nothing_of_one_site_is_in_the_identity_of_the_other(sites: dict[str, Path]) -> None:
    north, south = (
        {pydicom.dcmread(path).SOPInstanceUID for path in folder.rglob("*.dcm")} for folder in sites.values()
    )
    assert len(north) == len(south) == 5
    assert north.isdisjoint(south)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_carries_tests_and_they_pass(name: str) -> None:
    path = RECIPES / f"{name}.yaml"
    results = list(run_tests(path))
    assert results, "has no tests"
    assert {result.name: [str(wrong) for wrong in result.mismatches] for result in results} == {
        test.name: [] for test in carried_tests(load_recipe(path).recipe)
    }
