"""Files that tests make: read by the program's own loaders, they hold what was asked for."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.loaders.dicom.series import load_series
from dicombake.pipeline.loaders.options import DicomSeriesOptions, ImageOptions, Limits, VolumeFileOptions
from dicombake.pipeline.loaders.registry import load
from dicombake.pipeline.plan.lower import lowered_source
from dicombake.pipeline.testing.making import made_files, pixels_of
from dicombake.schemas.sources import Source
from dicombake.schemas.testing.made_inputs import DTYPES, PHANTOMS, AnyInput
from pydantic import TypeAdapter, ValidationError
from pydicom import dcmread

SOURCES: dict[str, Any] = {
    "npy": "array",
    "npz": {"format": "array", "key": "image"},
    "raw": {"format": "raw", "shape": [40, 60], "header_bytes": 12, "byte_order": "big"},
    "visionrt-raw": {"format": "visionrt-raw", "shape": [40, 60]},
    "ct-series": "dicom",
    **dict.fromkeys(("tiff", "png", "jpeg", "bmp"), "image"),
}
MORE: dict[str, dict[str, Any]] = {
    "field": {"size": [20, 30]}, "cylinder": {"radius": 12},
    "raw": {"header_bytes": 12, "byte_order": "big"},
}  # fmt: skip


def made(phantom: str = "wedge", **options: Any) -> AnyInput:
    given = {
        "format": "npy",
        "shape": [40, 60],
        "name": "a",
        "phantom": phantom,
        **MORE.get(phantom, {}),
        **options,
    }
    return TypeAdapter(PHANTOMS[phantom]).validate_python(given)  # type: ignore[return-value]


def loaded(item: AnyInput, folder: Path) -> Any:
    ((name, content),) = made_files(item, Limits())
    path = folder / name
    path.write_bytes(content)
    wanted = SOURCES.get(item.format, item.format)
    if item.format == "raw":
        wanted = {**wanted, "dtype": item.holds}
    source = lowered_source(TypeAdapter(Source).validate_python(wanted))
    (image,) = load(path, source, Limits())
    return image


@pytest.mark.parametrize(
    ("form", "dtype"), [(form, dtype) for form, dtypes in DTYPES.items() for dtype in dtypes]
)
def test_every_format_holds_the_pixels_in_every_type_that_it_can(
    tmp_path: Path, form: str, dtype: str
) -> None:
    values = [0, 100] if "int8" in dtype else [3, 30000]
    item = made("field", format=form, dtype=dtype, values=values, **MORE.get(form, {}))
    image = loaded(item, tmp_path)
    expected = pixels_of(item, 0)
    assert expected.dtype == dtype
    assert (image.pixels.shape, image.pixels.dtype) == ((40, 60), dtype)
    if form == "jpeg":
        assert np.abs(image.pixels.astype(int) - expected).max() <= 6
    else:
        assert np.array_equal(image.pixels, expected)


@pytest.mark.parametrize("phantom", PHANTOMS)
def test_every_phantom_lies_between_its_values_and_stays_the_same(phantom: str) -> None:
    pixels = pixels_of(made(phantom, values=[100, 1100]), 5)
    assert 100 <= pixels.min() < pixels.max() <= 1100
    assert np.array_equal(pixels, pixels_of(made(phantom, values=[100, 1100]), 5))


def test_the_bytes_are_the_same_on_every_machine() -> None:
    digest = hashlib.sha256()
    for phantom in PHANTOMS:
        digest.update(
            pixels_of(made(phantom, values=[100, 1100], dtype="uint16", sigma=3), 5).astype("<u2").tobytes()
        )
    assert digest.hexdigest()[:16] == "c9d1baead7921ccf"


def test_a_field_has_its_size_in_mm() -> None:
    pixels = pixels_of(made("field", size=[20, 30], spacing=[2, 0.5], values=[0, 1000], shape=[101, 201]), 0)
    rows, columns = (pixels[:, 100] >= 500).sum(), (pixels[50] >= 500).sum()
    assert (rows * 2, columns * 0.5) == pytest.approx((20, 30), abs=2)


def test_a_disc_has_its_radius_and_a_volume_a_wire_in_its_first_slice() -> None:
    disc = pixels_of(made("cylinder", radius=10, shape=[41, 41], values=[0, 1]), 0)
    assert disc.sum() == pytest.approx(np.pi * 100, rel=0.03)
    volume = pixels_of(made("cylinder", radius=10, shape=[41, 41, 3], values=[-1000, 0], dtype="int16"), 0)
    assert volume.shape == (41, 41, 3)
    assert [int(volume[:, :, index].max()) for index in range(3)] == [3000, 0, 0]
    assert (volume[20, 20] == 0).all()


def test_noise_has_its_seed_and_its_spread() -> None:
    noisy = [pixels_of(made("noise", seed=seed, values=[0, 700], shape=[200, 200]), seed) for seed in (1, 2)]
    assert not np.array_equal(*noisy)
    for pixels in noisy:
        assert (pixels.mean(), pixels.std()) == pytest.approx((350, 100), rel=0.02)
    flat = made("wedge", steps=1, sigma=25, values=[0, 1000], shape=[200, 200])
    assert pixels_of(flat, 0).std() == pytest.approx(25, rel=0.02)


def test_several_files_are_counted_and_differ_in_their_noise() -> None:
    files = dict(made_files(made("noise", count=3, name="a/spoke_{index:02d}.npy"), Limits()))
    assert list(files) == ["a/spoke_01.npy", "a/spoke_02.npy", "a/spoke_03.npy"]
    assert len(set(files.values())) == 3


def test_geometry_and_tags_are_in_the_file(tmp_path: Path) -> None:
    angles = {"gantry": 90, "collimator": 10, "couch": 350}
    for form in ("xim", "dicom"):
        found = loaded(made("field", format=form, spacing=[0.4, 0.8], sid=1200, **angles), tmp_path).geometry
        assert (found.sid, *found.spacing) == pytest.approx((1200, 0.4, 0.8))
        assert (found.gantry, found.collimator, found.couch) == (90, 10, 350)
    item = made("field", format="dicom", sad=990, machine="X", rescale=[2, -5], tags={"OperatorsName": "A^B"})
    image = loaded(item, tmp_path)
    dataset = image.source.dataset
    assert (image.geometry.sad, dataset.RadiationMachineName, str(dataset.OperatorsName)) == (990, "X", "A^B")
    assert image.pixels.min() == -5
    assert loaded(made(format="tiff", dpi=127), tmp_path).geometry.spacing is not None
    assert made(format="tiff", dpi=127).pitch == pytest.approx((0.2, 0.2))


def test_colour_and_pages(tmp_path: Path) -> None:
    red, green, blue = np.moveaxis(loaded(made(format="tiff", colour=True), tmp_path).pixels, -1, 0)
    assert np.abs(green - red * 0.9).max() <= 1
    assert np.abs(blue - red * 0.55).max() <= 1
    ((_, content),) = made_files(made(format="tiff", pages=3), Limits())
    (tmp_path / "pages.tif").write_bytes(content)
    source = ImageOptions()
    assert len(list(load(tmp_path / "pages.tif", source, Limits()))) == 3


def test_a_ct_series_lies_where_a_made_metaimage_does(tmp_path: Path) -> None:
    """Each scan is a series of its own; a loader that knows nothing of made files finds one grid."""
    options = {"shape": [40, 60, 3], "spacing": [2, 3], "radius": 20, "values": [-1000, 0], "dtype": "int16"}
    item = made("cylinder", format="ct-series", count=2, name="{index}/{slice}.dcm", **options)
    for name, content in made_files(item, Limits()):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    ((_, content),) = made_files(made("cylinder", format="metaimage", **options), Limits())
    (tmp_path / "a.mha").write_bytes(content)
    planes = list(load(tmp_path / "a.mha", VolumeFileOptions("metaimage"), Limits()))
    scans = []
    for index in (1, 2):
        paths = sorted((tmp_path / str(index)).iterdir())
        slices = [image for _, image in load_series(paths, DicomSeriesOptions(), Limits())]
        for each, plane in zip(slices, planes, strict=True):
            assert np.array_equal(each.pixels, plane.pixels)
            assert each.geometry.spacing == plane.geometry.spacing == (2, 3)
            assert each.geometry.patient.position == plane.geometry.patient.position
            assert each.geometry.patient.orientation == plane.geometry.patient.orientation
            assert each.geometry.patient.spacing == plane.geometry.patient.spacing == 1
        scans.append({(str(each.source.dataset.SeriesInstanceUID),) for each in slices})
    assert len(scans[0]) == len(scans[1]) == 1 and scans[0] != scans[1]


def test_two_made_ct_series_are_two() -> None:
    uids = []
    for name in ("plan/{slice}.dcm", "follow-up/{slice}.dcm"):
        item = made("cylinder", format="ct-series", name=name, shape=[4, 4, 2], radius=2)
        for _, content in made_files(item, Limits()):
            dataset = dcmread(BytesIO(content))
            keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
            uids.append([dataset[keyword].value for keyword in keywords])
    assert [len(set(each)) for each in zip(*uids, strict=True)] == [2, 2, 4, 2]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"format": "tiff", "gantry": 3}, "a made tiff has no place for 'gantry'"),
        ({"format": "xim", "dpi": 75}, "a made xim has no place for 'dpi'"),
        ({"format": "xim", "dtype": "uint8"}, "a made xim holds uint16 or int32"),
        (
            {"format": "xim", "shape": [4, 4, 4]},
            "only npy, npz, nifti, metaimage and ct-series hold a volume",
        ),
        ({"format": "png", "colour": True, "dtype": "uint16"}, "a made png in colour holds uint8"),
        ({"count": 2}, "several files need {index} in their name"),
        ({"format": "ct-series", "shape": [4, 4, 2]}, "several files need {slice} in their name"),
        (
            {"format": "ct-series", "shape": [4, 4, 2], "count": 2, "name": "{slice}"},
            "several files need {index} in their name",
        ),
        ({"name": "{slice}"}, "only the files of a ct-series have {slice} in their name"),
        ({"format": "ct-series", "sid": 1000}, "a made ct-series has no place for 'sid'"),
        ({"name": "../a"}, "must be a file's path below the data folder"),
        ({"name": "/a"}, "must be a file's path below the data folder"),
        ({"name": "C:/a"}, "must be a file's path below the data folder"),
        ({"name": "a/"}, "must be a file's path below the data folder"),
        ({"name": "{stem}"}, "only {index} and {slice} can stand in the name"),
        ({"shape": [4]}, "must be rows and columns"),
        ({"format": "dicom", "tags": {"PatientID": "{x}"}}, "must be plain values"),
    ],
    ids=str,
)
def test_what_no_file_can_hold_is_refused(options: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        made(**options)
    assert what in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"shape": [200000, 200000]}, "a: would have 40000000000 values, more than the limit of 268435456"),
        ({"format": "tiff", "pages": 10**6}, "a: would have 2400000000 values, more than the limit"),
        ({"format": "npz", "shape": [600, 600, 1000]}, "a: would have 360000000 values, more than the limit"),
        ({"format": "raw", "header_bytes": 10**12}, "a: would have 1000000000000 bytes of header, more than"),
    ],
)
def test_what_the_recipe_could_not_read_is_refused_before_memory_is_taken(
    options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ExportError) as caught:
        list(made_files(made(**options), Limits()))
    assert str(caught.value).startswith(told)


def test_colours_count_towards_the_limit_and_the_limit_itself_is_allowed() -> None:
    limits = Limits(image_pixels=40 * 60)
    assert len(dict(made_files(made(), limits))) == 1
    with pytest.raises(ExportError, match="would have 7200 values"):
        list(made_files(made(format="tiff", colour=True), limits))
