"""Messy folders, as departments keep them: their drafts are valid and run at the first try.

A draft may hold FILL-IN only where nobody but the user can know, and fails only for files that are broken.
"""

from __future__ import annotations

import gzip
import itertools
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.drafts.base import Draft
from dicombake.pipeline.drafts.from_files import from_files
from dicombake.pipeline.inputs.search import match
from dicombake.pipeline.loaders.options import ImageOptions, Limits
from dicombake.pipeline.loaders.pictures import loader as pictures
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.run.unit.results import Outcome
from dicombake.pipeline.samples import files, volume_files, xim
from dicombake.schemas.language.words import FILL_IN
from PIL import Image as Pillow

from ...support import bake, failures
from ..loaders.dicom.test_series import one, stack

GREY = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
DEEP = np.arange(24, dtype=np.uint16).reshape(4, 6) * 1000
COLOUR = np.stack([GREY, GREY, GREY], axis=-1)
CHECK = (
    '<Check xmlns="http://www.varian.com/MPC"><MachineSerialNumber>SN1</MachineSerialNumber>'
    "<Date>2024-01-02T08:00:00+01:00</Date></Check>"
)


def put(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def mv(gantry: float = 0.0) -> bytes:
    return xim.encode(DEEP, xim.mv_properties(gantry=gantry))


def machine_performance_check(base: Path) -> None:
    for name in ("BeamProfileCheck", "CollimationCheck"):
        put(base / name / "Check.xml", CHECK)
        for index in range(3):
            put(base / name / f"Image{index}.xim", mv(index * 90))
        put(base / name / "Results.csv", "value\n1\n")
    put(base / "CollimationCheck" / "Image9.xim", mv()[:-300])


def films(base: Path) -> None:
    """Grey scans; 5 of 8 know their resolution, and names say the gantry in every way."""
    for index, name in enumerate(
        ("g000", "g090_a", "g180", "G270", "gantry_45", "Gantry 135", "x_g225", "notes")
    ):
        put(base / f"{name}.tif", files.tiff(DEEP, dpi=300 if index < 5 else None))
    put(base / "broken.tif", files.tiff(DEEP)[:20])


def photographs(base: Path) -> None:
    for name in ("IMG_1.jpg", "IMG_1.JPG", "IMG_2.JPG", "img_3.jpg"):
        put(base / "Röntgen Prüfung" / name, files.picture(GREY, "JPEG"))
    put(base / "Röntgen Prüfung" / "farbig.jpg", files.picture(COLOUR, "JPEG"))
    put(base / "Röntgen Prüfung" / "fake.jpg", "no picture\n")


def ct(base: Path) -> None:
    for name in ("CT 1", "two"):
        (base / name).mkdir()
    stack(base / "CT 1", 4)
    put(base / "CT 1" / "DICOMDIR.txt", "an index\n")
    stack(base / "two", 4)
    for index in range(3):
        values = {"SeriesInstanceUID": "1.2.9", "SOPInstanceUID": f"1.2.30.{index}", "Modality": "MR"}
        values["SOPClassUID"] = "1.2.840.10008.5.1.4.1.1.4"
        values["RescaleSlope"] = values["RescaleIntercept"] = None
        one(base / "two", index, (0.0, 0.0, 3.0 * index), f"mr{index}.dcm", **values)


def names_made_of_uids(base: Path) -> None:
    (base / "export").mkdir()
    for index, path in enumerate(stack(base / "export", 3)):
        path.rename(base / "export" / f"CT.1.2.840.{index + 1}")
    for index, gantry in enumerate((0, 90)):
        put(
            base / "portal" / f"1.3.{index}",
            files.dicom(files.rt_image(DEEP, name=f"r{index}", gantry=gantry)),
        )
    put(base / "portal" / "INDEX", "nothing\n")


def slices_with_a_gap(base: Path) -> None:
    """No volume: they stay single files of their kind."""
    (base / "gap").mkdir()
    for path in stack(base / "gap", 5)[2:3]:
        path.unlink()


def links(base: Path) -> None:
    put(base / "epid" / "a.xim", mv())
    put(base / "epid" / "b.xim", mv(90))
    (base / "epid" / "gone.xim").symlink_to(base / "epid" / "removed.xim")
    (base / "epid" / "round.xim").symlink_to(base / "epid" / "round.xim")
    (base / "epid" / "linked.xim").symlink_to(base / "epid" / "a.xim")
    (base / "again").symlink_to(base / "epid", target_is_directory=True)


def mixed(base: Path) -> None:
    for index in range(3):
        put(base / f"panel{index}.npy", files.npy(DEEP))
        put(base / f"g{index + 1}.png", files.picture(DEEP, "PNG"))
    put(base / "pages.tif", files.tiff(GREY, GREY))
    put(base / "[odd] {x}*.bmp", files.picture(GREY, "BMP"))
    put(base / "QA" / "one.xim", mv())
    put(base / "x" / "qa" / "two.xim", mv())
    put(base / "empty.xim", b"")


def cyberknife(base: Path) -> None:
    for name in ("a", "b"):
        put(base / f"camera_{name}.raw", files.cyberknife(DEEP))
    put(base / "cut.raw", files.cyberknife(DEEP)[:-2])


def arrays(base: Path) -> None:
    put(base / "one.npz", files.npz(dose=DEEP))
    put(base / "float.npy", files.npy(DEEP / 3.0))
    put(base / "text.npy", files.npy(np.arange(3)))


def wedges(base: Path) -> None:
    """Every angle in the names, in each department's way; numbers that are none among them."""
    for name in ("G000_C000_T000", "G090_C015_T010", "g180c90t350", "copy_c3_t5"):
        put(base / "a" / f"{name}.tif", files.tiff(DEEP, dpi=300))
    for name in ("coll90 field", "coll0 field", "couch 350", "table 2", "c10"):
        put(base / "b" / f"{name}.tif", files.tiff(DEEP, dpi=300))


def stacks(base: Path) -> None:
    """Volumes that ImageJ wrote with their spacing: each a file, and slices in files of their own."""
    volume = np.stack([GREY + index for index in range(4)])
    for name in ("head", "neck"):
        put(base / "whole" / f"{name}.tif", files.imagej_stack(volume, (0.5, 0.25, 2.0)))
    for index in range(4):
        put(
            base / "single" / f"s{index + 9}.tif",
            files.imagej_stack(volume[index : index + 1], (1.0, 1.0, 2.0)),
        )
    put(base / "single" / "preview.tif", files.tiff(DEEP, dpi=300))


def scans_of_every_shape(base: Path) -> None:
    scans = (GREY, GREY[1:], DEEP, DEEP[:, :3], COLOUR, (DEEP / 3).astype(np.float32))
    for index, pixels in enumerate(scans):
        put(base / f"scan{index}.tif", files.tiff(pixels))
    put(base / "pages.tif", files.tiff(GREY, GREY, GREY))
    put(base / "mixed.tif", files.tiff(GREY, DEEP))
    put(base / "pages.tiff", files.tiff(DEEP, DEEP))


def two_series_in_a_folder(base: Path) -> None:
    """And a scout, and what systems leave in folders."""
    (base / "ct").mkdir()
    for series in ("1", "2"):
        for index in range(4):
            values = {"SeriesInstanceUID": f"1.2.7.{series}", "SOPInstanceUID": f"1.2.8.{series}.{index}"}
            one(base / "ct", index, (0.0, 0.0, 2.5 * index), f"s{series}_{index}.dcm", **values)
    one(base / "ct", 0, (0.0, 0.0, 0.0), "scout.dcm", SeriesInstanceUID="1.2.7.9", SOPInstanceUID="1.2.8.9")
    put(base / "ct" / "DICOMDIR", b"")
    put(base / "ct" / ".DS_Store", b"\0\0\0\1Bud1")
    put(base / "ct" / "Thumbs.db", b"\xd0\xcf\x11\xe0")


def a_plan_with_its_dose(base: Path) -> None:
    samples = Path(pydicom.__file__).parent / "data" / "test_files"
    (base / "Patient 1" / "CT").mkdir(parents=True)
    stack(base / "Patient 1" / "CT", 3)
    for folder in ("Patient 1", "all in one"):
        for name, sample in (("RD", "rtdose.dcm"), ("RP", "rtplan.dcm"), ("RS", "rtstruct.dcm")):
            put(base / folder / f"{name}.dcm", (samples / sample).read_bytes())
    put(base / "all in one" / "CT_0.dcm", (samples / "CT_small.dcm").read_bytes())


def names_that_mean_something(base: Path) -> None:
    """To a shell, a glob, a template, a system or YAML."""
    for name in ("-a", "--help", " blank in front", "two  blanks", "it's", "#1", "日本", "[x]", "{stem}"):
        put(base / f"{name}.png", files.picture(GREY, "PNG"))
    for name in ("@at", "&amp", "%p", "!x", "no", "1e3", "~", "$HOME"):
        put(base / f"{name}.png", files.picture(GREY, "PNG"))


def suffixes_that_lie(base: Path) -> None:
    for name in ("a.JPG", "k.jpg", "b.jpeg", "c.JPEG", "i.png"):
        put(base / name, files.picture(GREY, "JPEG"))
    for name in ("d.TIF", "d.tiff", "h.jpg"):
        put(base / name, files.tiff(DEEP))
    for name in ("e", "f.txt", "g.dcm"):
        put(base / name, files.picture(GREY, "PNG"))


def volumes(base: Path) -> None:
    values = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    content = volume_files.nifti(values, [[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 2, 0]])
    put(base / "head.nii", content)
    put(base / "a.nii.gz", gzip.compress(content))
    put(base / "B.NII.GZ", gzip.compress(content))
    put(base / "broken.nii.gz", gzip.compress(content)[:-20])
    put(base / "c.nrrd", volume_files.nrrd(values, (0, 0, 0), [[1, 0, 0], [0, 1, 0], [0, 0, 2]]))
    put(base / "d.mha", volume_files.metaimage(values, (0, 0, 0), (1, 1, 2)))
    put(base / "text.gz", gzip.compress(b"hello"))


def what_else_lies_about(base: Path) -> None:
    with zipfile.ZipFile(base / "study.zip", "w") as archive:
        archive.writestr("a.dcm", files.dicom(files.rt_image(DEEP, name="z")))
    put(base / "empty.dcm", b"")
    put(base / "cut.dcm", files.dicom(files.rt_image(DEEP, name="a"))[:300])
    put(base / "whole.dcm", files.dicom(files.rt_image(DEEP, name="b")))
    put(base / "no preamble.dcm", files.bare_dicom(files.rt_image(DEEP, name="c")))
    put(base / "no suffix", files.bare_dicom(files.rt_image(DEEP, name="d")))
    put(base / ".hidden.dcm", files.dicom(files.rt_image(DEEP, name="h")))
    put(base / "cut.png", files.picture(GREY, "PNG")[:60])
    put(base / "report.pdf", b"%PDF-1.4")
    put(base / "recipe.yaml", "version: 1\n")


def each_image_in_every_format(base: Path) -> None:
    for gantry in (0, 90):
        put(base / f"g{gantry:03d}.xim", mv(gantry))
        put(base / f"g{gantry:03d}.tif", files.tiff(DEEP))
        put(base / f"g{gantry:03d}.dcm", files.dicom(files.rt_image(DEEP, name=f"{gantry}", gantry=gantry)))
    put(base / "Check.xml", CHECK)
    put(base / "bad.xim", mv()[:100])
    put(base / "no suffix", mv(180))
    put(base / "UP.XIM", mv(270))


def months(base: Path) -> None:
    for month in ("01", "02", "03"):
        for index in range(2):
            put(base / "2024" / month / "TB1" / f"img{index}.xim", mv(index * 90))
        put(base / "2024" / month / "film.tif", files.tiff(DEEP, dpi=300))
        put(base / "2024" / month / "notes.txt", "x")
    put(base / "2024" / "02" / "TB1" / "img9.xim", b"broken")


def raw_files_with_headers_beside(base: Path) -> None:
    for name in ("a", "b"):
        put(base / "ck" / f"{name}.raw", files.cyberknife(DEEP))
        put(base / "ck" / f"{name}.xml", "<x/>")
    put(base / "odd" / "x.raw", b"\1" * 1001)


@dataclass(frozen=True)
class Expected:
    make: Callable[[Path], None]
    conversions: int
    outputs: int
    """Written at the first run; a series is as many as it has slices."""
    left_out: tuple[str, ...] = ()


MESSY = (
    Expected(
        machine_performance_check, 2, 6,
        ("BeamProfileCheck/Results.csv", "CollimationCheck/Image9.xim", "CollimationCheck/Results.csv"),
    ),
    Expected(films, 2, 8, ("broken.tif",)),
    Expected(photographs, 2, 5, ("Röntgen Prüfung/fake.jpg",)),
    Expected(ct, 3, 11, ("CT 1/DICOMDIR.txt",)),
    Expected(names_made_of_uids, 2, 5, ("portal/INDEX",)),
    Expected(slices_with_a_gap, 1, 4),
    Expected(links, 1, 3, ("again", "epid/gone.xim", "epid/round.xim")),
    Expected(mixed, 6, 11, ("empty.xim",)),
    Expected(cyberknife, 1, 2, ("cut.raw",)),
    Expected(arrays, 2, 2, ("text.npy",)),
    Expected(wedges, 5, 9),
    Expected(stacks, 3, 13),
    Expected(scans_of_every_shape, 3, 13),
    Expected(two_series_in_a_folder, 3, 9, ("ct/DICOMDIR", "ct/Thumbs.db")),
    Expected(
        a_plan_with_its_dose, 3, 6,
        ("Patient 1/RP.dcm", "Patient 1/RS.dcm", "all in one/RP.dcm", "all in one/RS.dcm"),
    ),
    Expected(names_that_mean_something, 1, 17),
    Expected(suffixes_that_lie, 8, 11),
    Expected(volumes, 4, 15, ("broken.nii.gz", "text.gz")),
    Expected(
        what_else_lies_about, 2, 3,
        ("cut.dcm", "cut.png", "empty.dcm", "recipe.yaml", "report.pdf", "study.zip"),
    ),
    Expected(each_image_in_every_format, 4, 8, ("bad.xim",)),
    Expected(
        months, 6, 9,
        ("2024/01/notes.txt", "2024/02/TB1/img9.xim", "2024/02/notes.txt", "2024/03/notes.txt"),
    ),
    Expected(raw_files_with_headers_beside, 1, 2, ("ck/a.xml", "ck/b.xml", "odd/x.raw")),
)  # fmt: skip


def first_run(draft: Draft, base: Path, tmp_path: Path) -> Outcome:
    assert FILL_IN not in draft.text
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(draft.text, encoding="utf-8")
    return bake(recipe, base, tmp_path / "out")


@pytest.mark.parametrize("messy", MESSY, ids=lambda messy: messy.make.__name__)
def test_the_draft_of_a_messy_folder_runs_at_the_first_try(messy: Expected, tmp_path: Path) -> None:
    base = tmp_path / "data"
    base.mkdir()
    messy.make(base)
    draft = from_files([base], base)
    left_out = tuple(sentence.partition(": ")[0] for sentence in draft.skipped)
    assert left_out == messy.left_out
    outcome = first_run(draft, base, tmp_path)
    assert failures(outcome) == []
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == messy.outputs
    conversions = load_recipe(tmp_path / "recipe.yaml").recipe.conversions
    assert len(conversions) == messy.conversions
    taken = {name: {path for path, _ in match(each.inputs, base)} for name, each in conversions.items()}
    assert not set().union(*taken.values()) & set(left_out)
    for one_name, other in itertools.combinations(conversions, 2):
        volumes = all(conversions[name].source.format == "dicom-series" for name in (one_name, other))
        assert volumes or not taken[one_name] & taken[other]


def test_folders_and_files_whose_names_differ_in_their_form_alone_are_one_conversion(tmp_path: Path) -> None:
    base = tmp_path / "data"
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "Prüfung")
        put(base / name / "a.png", files.picture(GREY, "PNG"))
        put(base / f"{name}.png", files.picture(GREY, "PNG"))
    if len([*base.iterdir()]) < 4:
        pytest.skip("this file system takes both forms of a name for one")
    outcome = first_run(from_files([base], base), base, tmp_path)
    assert failures(outcome) == []
    assert len(outcome.plan.loaded.recipe.conversions) == 2
    assert len([path for path in (tmp_path / "out").rglob("*") if path.is_file()]) == 4


def test_a_film_has_the_gantry_of_its_name_and_keeps_the_resolution_that_it_knows(tmp_path: Path) -> None:
    base = tmp_path / "data"
    base.mkdir()
    films(base)
    first_run(from_files([base], base), base, tmp_path)
    written = {path.stem: pydicom.dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")}
    angles = {
        "g000": 0,
        "g090_a": 90,
        "g180": 180,
        "G270": 270,
        "gantry_45": 45,
        "Gantry 135": 135,
        "x_g225": 225,
    }
    assert {
        stem: ds.GantryAngle for stem, ds in written.items() if ds.get("GantryAngle") is not None
    } == angles
    known = {stem for stem, ds in written.items() if ds.get("ImagePlanePixelSpacing")}
    assert known == {"g000", "g090_a", "g180", "G270", "gantry_45"}


def test_every_angle_of_a_name_reaches_the_output(tmp_path: Path) -> None:
    base = tmp_path / "data"
    base.mkdir()
    wedges(base)
    first_run(from_files([base], base), base, tmp_path)
    keywords = ("GantryAngle", "BeamLimitingDeviceAngle", "PatientSupportAngle")
    found = {}
    for path in (tmp_path / "out").rglob("*.dcm"):
        ds = pydicom.dcmread(path)
        found[path.stem] = tuple(
            None if ds.get(name) in (None, "") else float(ds[name].value) for name in keywords
        )
    assert found == {
        "G000_C000_T000": (0, 0, 0),
        "G090_C015_T010": (90, 15, 10),
        "g180c90t350": (180, 90, 350),
        "copy_c3_t5": (None, None, None),
        "coll90 field": (None, 90, None),
        "coll0 field": (None, 0, None),
        "couch 350": (None, None, 350),
        "table 2": (None, None, None),
        "c10": (None, None, None),
    }


def test_a_stack_lies_where_imagej_says(tmp_path: Path) -> None:
    base = tmp_path / "data"
    base.mkdir()
    stacks(base)
    first_run(from_files([base], base), base, tmp_path)
    for name, step in (("whole/head", [0.5, 0.25]), ("whole/neck", [0.5, 0.25]), ("single", [1.0, 1.0])):
        slices = [pydicom.dcmread(path) for path in sorted((tmp_path / "out" / "dicom" / name).glob("*.dcm"))]
        slices = [ds for ds in slices if ds.Modality == "CT"]
        assert [float(ds.ImagePositionPatient[2]) for ds in slices] == [0, 2, 4, 6]
        assert all(list(ds.PixelSpacing) == step for ds in slices)
        assert [int(ds.pixel_array[0, 1]) for ds in slices] == [10, 11, 12, 13]


@pytest.mark.parametrize(
    ("names", "slices"),
    [
        ([f"head/slice_{index:03d}.png" for index in range(8, 12)], True),
        ([f"head/Z{index}.png" for index in range(8, 12)], True),
        ([f"slices/{index}.png" for index in range(8, 12)], True),
        ([f"head/a_slice{index}.png" for index in (1, 2, 3)] + ["head/a_slices.png"], True),
        ([f"head/slice_{index}.png" for index in (1, 2, 4)], False),  # one is missing
        ([f"head/slice_{index}.png" for index in (1, 2)], False),
        ([f"head/scan_{index}.png" for index in (1, 2, 3)], False),
        ([f"head/size{index}.png" for index in (1, 2, 3)], False),
    ],
)
def test_files_that_count_slices_are_a_stack_whose_spacing_is_asked_for(
    names: list[str], slices: bool, tmp_path: Path
) -> None:
    base = tmp_path / "data"
    for name in names:
        put(base / name, files.picture(GREY, "PNG", dpi=254))
    draft = from_files([base], base)
    conversion = names[0].partition("/")[0]
    if not slices:
        assert draft.fill_in == () and "image-stack" not in draft.text
        return
    question = "mm between slices; rows and columns are the files' own"
    assert draft.fill_in == (f"conversions.{conversion}.source.spacing: {question}",)
    assert f"spacing: [0.1, 0.1, {FILL_IN}]" in draft.text
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(draft.text.replace(FILL_IN, "1.5"), encoding="utf-8")
    outcome = bake(recipe, base, tmp_path / "out")
    assert failures(outcome) == []
    made = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    ct = [ds for ds in made if ds.Modality == "CT"]
    count = len(names) - ("head/a_slices.png" in names)
    assert [float(ds.ImagePositionPatient[2]) for ds in ct] == [1.5 * index for index in range(count)]


def test_slices_of_different_sizes_stay_pictures(tmp_path: Path) -> None:
    for index, pixels in enumerate((GREY, GREY, GREY[1:])):
        put(tmp_path / f"slice_{index}.png", files.picture(pixels, "PNG"))
    assert "image-stack" not in from_files([tmp_path], tmp_path).text


def test_pictures_with_transparent_pixels_get_a_channel(tmp_path: Path) -> None:
    pixels = np.zeros((40, 50, 4), np.uint8)
    pixels[:20] = 200
    Pillow.fromarray(pixels).save(tmp_path / "colour.png")
    Pillow.fromarray(pixels[..., 2:]).save(tmp_path / "grey.png")
    for name in ("colour.png", "grey.png"):
        found = pictures.drafted(tmp_path / name, Limits())
        assert [(each.option, each.value) for each in found.unsaid] == [("channel", "luminance")]
        (image,) = pictures.load(tmp_path / name, ImageOptions(channel="luminance"), Limits())
        assert image.photometric == "MONOCHROME2"


def test_a_sidecar_reaches_the_output(tmp_path: Path) -> None:
    base = tmp_path / "data"
    base.mkdir()
    machine_performance_check(base)
    first_run(from_files([base / "BeamProfileCheck"], base), base, tmp_path)
    written = [pydicom.dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert [ds.DeviceSerialNumber for ds in written] == ["SN1"] * 3


def test_a_file_that_broke_since_the_draft_fails_alone(tmp_path: Path) -> None:
    base = tmp_path / "data"
    for name in ("whole.xim", "cut.xim"):
        put(base / name, mv())
    draft = from_files([base], base)
    put(base / "cut.xim", mv()[:60])
    outcome = first_run(draft, base, tmp_path)
    assert len(failures(outcome)) == 1
    assert outcome.count("written") == 1


@pytest.mark.parametrize(
    ("names", "glob"),
    [
        (("g000", "g090", "g180"), "g{gantry:d}.png"),
        (("G180", "G0"), "G{gantry:d}.png"),
        (("film1_g090", "film2_g180", "film3_g270"), "*_g{gantry:d}.png"),
        (("gantry_90_a", "gantry_187_b"), "gantry_{gantry:d}*.png"),
        (("g1", "g2", "g10"), "*.png"),  # may be numbers
        (("gantry-90", "gantry-180"), "*.png"),  # may be a sign
        (("img090", "img180"), "*.png"),
        (("g400", "g500"), "*.png"),
        (("g000c000", "g090c010"), "g{gantry:d}c{collimator:d}.png"),
        (("G0_C0_T0", "G90_C0_T10"), "G{gantry:d}_C{collimator:d}_T{couch:d}.png"),
        (("C0G0_a", "C10G90_b"), "C{collimator:d}G{gantry:d}*.png"),
        (("coll0_couch90", "coll5_couch270"), "coll{collimator:d}_couch{couch:d}.png"),
        (("g000_c1", "g090_c2"), "g{gantry:d}*.png"),  # copies
        (("c000", "c090"), "*.png"),  # may be anything
        (("t10", "t20"), "*.png"),
        (("col10", "col20"), "*.png"),  # columns
    ],
)
def test_angles_in_names_are_captured_where_they_are_angles(
    names: tuple[str, ...], glob: str, tmp_path: Path
) -> None:
    for name in names:
        put(tmp_path / f"{name}.png", files.picture(GREY, "PNG"))
    assert f'    inputs: "{glob}"\n' in from_files([tmp_path], tmp_path).text
