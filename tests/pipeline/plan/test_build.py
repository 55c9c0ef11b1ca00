"""Plans as values: units, outputs, chains, groups, ranges of slices; and everything that is refused."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dicombake.pipeline.errors import Note, PlanError, SourceError, UsageError
from dicombake.pipeline.imaging.probe import Probe
from dicombake.pipeline.inputs.render import render
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.plan.model import InputFile, Output, Plan, Step, Unit
from dicombake.pipeline.plan.scope import scope_of
from dicombake.pipeline.plan.units import SLICES, ranges
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from hypothesis import given
from hypothesis import strategies as st


def no_probe(path: Path, source: Any, limits: Any) -> Probe:
    raise AssertionError(f"the header of {path} was read")


def probing(pages: Mapping[str, int], **properties: Any) -> Any:
    """Headers by file name; a file that is not among them is a bad one."""

    def probe(path: Path, source: Any, limits: Any) -> Probe:
        if path.name not in pages:
            raise SourceError("is cut off", subject=path.name)
        return Probe(source.format, (4, 4), "uint16", pages[path.name], properties=properties)

    return probe


class Site:
    """A folder with a recipe and files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self, *paths: str) -> Site:
        for path in paths:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(b"")
        return self

    def recipe(self, text: str) -> LoadedRecipe:
        path = self.folder / "r.yaml"
        path.write_text(f"version: 1\nconversions:\n{text}", encoding="utf-8")
        return load_recipe(path)

    def plan(self, text: str, probe: Any = no_probe, **more: Any) -> Plan:
        return plan(self.recipe(text), probe=probe, **more)

    def refused(self, text: str, probe: Any = no_probe, **more: Any) -> str:
        with pytest.raises(PlanError) as caught:
            self.plan(text, probe, **more)
        text = str(caught.value).replace(f"{self.folder.as_posix()}/", "").replace(str(self.folder), "DATA")
        return re.sub(r"^(r\.yaml:\d+):\d+:", r"\1:", text, flags=re.MULTILINE)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


FILM = """
  film:
    inputs: "film/g{gantry:d}_*.tif"
    source: {format: image, channel: red}
    process: [invert, {crop: {top: 2}}]
    exports:
      - {to: rt-image, path: "dicom/{stem}.dcm"}
      - {to: png, path: "preview/{index:02d}_{gantry}.png"}
    geometry: {dpi: 300, sid: 1000}
"""


def test_a_unit_for_each_file_and_a_step_for_each_thing_done(site: Site) -> None:
    made = site.files("film/g10_a.tif", "film/g2_a.tif", "film/other.tif").plan(FILM)
    assert made.units == (
        Unit(
            id="film/g2_a.tif",
            conversion="film",
            index=1,
            inputs=(InputFile("film/g2_a.tif", "data", (("gantry", "2"),)),),
            outputs=(Output("dicom/g2_a.dcm", 0), Output("preview/01_2.png", 1)),
        ),
        Unit(
            id="film/g10_a.tif",
            conversion="film",
            index=2,
            inputs=(InputFile("film/g10_a.tif", "data", (("gantry", "10"),)),),
            outputs=(Output("dicom/g10_a.dcm", 0), Output("preview/02_10.png", 1)),
        ),
    )
    assert (made.data, made.out, made.notes) == (site.folder, site.folder, ())
    assert list(made.steps())[:4] == [
        Step("film/g2_a.tif:load", "load", "film/g2_a.tif", "image", inputs=("film/g2_a.tif",)),
        Step(
            "film/g2_a.tif:process", "process", "film/g2_a.tif", "invert, crop",
            needs=("film/g2_a.tif:load",),
        ),
        Step(
            "film/g2_a.tif:export-1", "export", "film/g2_a.tif", "rt-image",
            outputs=("dicom/g2_a.dcm",), needs=("film/g2_a.tif:process",),
        ),
        Step(
            "film/g2_a.tif:export-2", "export", "film/g2_a.tif", "png",
            outputs=("preview/01_2.png",), needs=("film/g2_a.tif:process",),
        ),
    ]  # fmt: skip
    assert list(made.order()) == [made.units]


def test_planning_reads_no_file_and_writes_none(site: Site) -> None:
    site.files("film/g1_a.tif")
    loaded = site.recipe(FILM)
    before = sorted((path, path.stat().st_mtime_ns) for path in site.folder.rglob("*"))
    plan(loaded, probe=no_probe)
    assert sorted((path, path.stat().st_mtime_ns) for path in site.folder.rglob("*")) == before


def test_data_and_out_move_the_folders(site: Site) -> None:
    site.files("elsewhere/film/g1_a.tif", "film/g7_a.tif")
    made = site.plan(FILM, data=site.folder / "elsewhere", out=site.folder / "later")
    assert [unit.id for unit in made.units] == ["film/g1_a.tif"]
    assert (made.data, made.out) == (site.folder / "elsewhere", site.folder / "later")


def test_a_folder_that_is_none(site: Site) -> None:
    site.files("file")
    assert site.refused(FILM, data=site.folder / "none") == "none: the data folder does not exist"
    assert site.refused(FILM, data=site.folder / "file") == "file: the data folder is a file"
    assert site.refused(FILM, out=site.folder / "file") == "file: the output folder is a file"


STAR = """
  star:
    inputs: {files: "star/{machine}/{n:d}.dcm", group_by: [machine, parent], min_files: 2, max_files: 3}
    source: dicom
    combine: sum
    exports: {to: rt-image, path: "dicom/{group}_{parent}_{stem}.dcm"}
"""


def test_groups_are_combined(site: Site) -> None:
    made = site.files("star/TB2/1.dcm", "star/TB1/10.dcm", "star/TB1/9.dcm", "star/TB2/2.dcm").plan(STAR)
    assert [(unit.id, unit.index, unit.group) for unit in made.units] == [
        ("star/TB1/star/TB1", 1, "TB1_TB1"),
        ("star/TB2/star/TB2", 2, "TB2_TB2"),
    ]
    assert [[file.path for file in unit.inputs] for unit in made.units] == [
        ["star/TB1/9.dcm", "star/TB1/10.dcm"],
        ["star/TB2/1.dcm", "star/TB2/2.dcm"],
    ]
    assert [unit.outputs for unit in made.units] == [
        (Output("dicom/TB1_TB1_TB1_9.dcm", 0),),
        (Output("dicom/TB2_TB2_TB2_1.dcm", 0),),
    ]
    steps = [(step.id, step.needs) for step in made.steps() if step.unit == "star/TB1/star/TB1"]
    assert steps == [
        ("star/TB1/star/TB1:load-1", ()),
        ("star/TB1/star/TB1:load-2", ()),
        ("star/TB1/star/TB1:combine", ("star/TB1/star/TB1:load-1", "star/TB1/star/TB1:load-2")),
        ("star/TB1/star/TB1:export", ("star/TB1/star/TB1:combine",)),
    ]


def test_groups_are_counted(site: Site) -> None:
    paths = ["star/A/1.dcm", *(f"star/B/{n}.dcm" for n in range(4)), "star/C/1.dcm", "star/C/2.dcm"]
    assert site.files(*paths).refused(STAR) == (
        "r.yaml:5: conversions.star.inputs: group 'A_A' has 1 files, fewer than min_files: 2; "
        "group 'B_B' has 4 files, more than max_files: 3"
    )


def test_a_conversion_is_counted_where_nothing_groups(site: Site) -> None:
    text = FILM.replace('"film/g{gantry:d}_*.tif"', '{files: "film/g{gantry:d}_*.tif", min_files: 3}')
    assert site.files("film/g1_a.tif", "film/g2_a.tif").refused(text) == (
        "r.yaml:5: conversions.film.inputs: there are 2 files, fewer than min_files: 3"
    )


def test_equal_numbers_are_one_group_and_folders_of_one_name_are_not(site: Site) -> None:
    text = """
  star:
    inputs: {files: "**/g{gantry:d}_*.dcm", group_by: [%s]}
    source: dicom
    combine: sum
    exports: {to: png, path: "{group}.png"}
"""
    site.files("a/x/g010_1.dcm", "b/x/g10_2.dcm", "b/x/g20_1.dcm")
    made = site.plan(text % "gantry")
    assert [(unit.id, len(unit.inputs), unit.group) for unit in made.units] == [
        ("star/10", 2, "010"),
        ("star/20", 1, "20"),
    ]
    assert site.refused(text % "parent") == (
        "r.yaml:8: conversions.star.exports[0].path: 'x.png' would be written twice: "
        "by 'star/a/x' and by 'star/b/x'"
    )


def test_combine_without_group_by_takes_all_files(site: Site) -> None:
    text = """
  star:
    inputs: "{n:d}.dcm"
    source: dicom
    combine: mean
    exports: {to: png, path: "%s.png"}
"""
    made = site.files("1.dcm", "2.dcm").plan(text % "all")
    assert [(unit.id, len(unit.inputs), unit.group) for unit in made.units] == [("star", 2, "")]
    assert site.refused(text % "{group}") == (
        "r.yaml:8: conversions.star.exports[0].path: 1.dcm: '{group}': only 'group_by' gives files a group"
    )
    assert site.refused(text % "{n}") == (
        "r.yaml:8: conversions.star.exports[0].path: 1.dcm: '{n}': it differs between the files of one group"
    )
    assert site.refused(text % "{page}") == (
        "r.yaml:8: conversions.star.exports[0].path: 1.dcm: '{page}': the image stands for no single page"
    )


def test_group_by_without_combine_names_the_group(site: Site) -> None:
    text = STAR.replace("    combine: sum\n", "").replace(
        "{group}_{parent}_{stem}", "{group}/{index}_{n:03d}"
    )
    made = site.files("star/A/1.dcm", "star/B/1.dcm", "star/A/2.dcm", "star/B/2.dcm").plan(text)
    assert [(unit.id, unit.index, unit.group, unit.outputs[0].path) for unit in made.units] == [
        ("star/A/1.dcm", 1, "A_A", "dicom/A_A/1_001.dcm"),
        ("star/A/2.dcm", 2, "A_A", "dicom/A_A/2_002.dcm"),
        ("star/B/1.dcm", 3, "B_B", "dicom/B_B/3_001.dcm"),
        ("star/B/2.dcm", 4, "B_B", "dicom/B_B/4_002.dcm"),
    ]


def test_a_file_without_the_capture_cannot_be_grouped(site: Site) -> None:
    text = STAR.replace('"star/{machine}/{n:d}.dcm"', '["star/{machine}/*.dcm", "*.dcm"]').replace(
        "_{stem}", ""
    )
    assert site.files("star/A/1.dcm", "2.dcm").refused(text) == (
        "r.yaml:5: conversions.star.inputs: "
        "'2.dcm' has no 'machine' to group by: the glob that matches it captures none"
    )


PHANTOM = """
  phantom:
    inputs: "*.npy"
    source: {format: volume, slice_axis: 2, spacing: [0.5, 0.5, 1.25]}
    exports: {to: %s, path: "%s"}
"""


def test_a_volume_is_planned_slice_by_slice_in_ranges(site: Site) -> None:
    site.files("a.npy", "b.npy")
    made = site.plan(
        PHANTOM % ("ct-series", "ct/{stem}/{slice:04d}_{index}.dcm"), probing({"a.npy": 80, "b.npy": 3})
    )
    assert [(unit.id, unit.index, unit.pages) for unit in made.units] == [
        ("phantom/a.npy[1-26]", 1, (0, 26)),
        ("phantom/a.npy[27-53]", 1, (26, 53)),
        ("phantom/a.npy[54-80]", 1, (53, 80)),
        ("phantom/b.npy", 2, None),
    ]
    outputs = [output for unit in made.units for output in unit.outputs]
    assert outputs[:80] == [Output(f"ct/a/{n:04d}_1.dcm", 0, n) for n in range(1, 81)]
    assert outputs[80:] == [Output(f"ct/b/{n:04d}_2.dcm", 0, n) for n in range(1, 4)]
    assert len(list(made.steps())) == 8


@given(st.integers(1, 100_000))
def test_ranges_cover_each_slice_once_and_are_alike(count: int) -> None:
    cut = ranges(count)
    assert [index for start, stop in cut for index in range(start, stop)] == list(range(count))
    sizes = [stop - start for start, stop in cut]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= SLICES
    assert len(sizes) == 1 or min(sizes) >= SLICES // 2


def test_a_volume_in_one_file_is_one_unit(site: Site) -> None:
    site.files("a.npy")
    probe = probing({"a.npy": 130})
    made = site.plan(PHANTOM % ("secondary-capture", "{stem}.dcm"), probe)
    assert made.units == (Unit("phantom/a.npy", "phantom", 1, (InputFile("a.npy"),), (Output("a.dcm", 0),)),)
    assert site.refused(PHANTOM % ("png", "{stem}.png"), probe) == (
        "r.yaml:7: conversions.phantom.exports[0].path: "
        "'{stem}.png' is one file for 130 slices, and png holds one in a file; put {slice:04d} into it"
    )


def test_a_bad_header_fails_its_own_unit(site: Site) -> None:
    site.files("a.npy", "bad.npy")
    made = site.plan(PHANTOM % ("ct-series", "{stem}/{slice}.dcm"), probing({"a.npy": 1}))
    assert [(unit.id, unit.problem, len(unit.outputs)) for unit in made.units] == [
        ("phantom/a.npy", "", 1),
        ("phantom/bad.npy", "bad.npy: is cut off", 0),
    ]
    assert [step.id for step in made.steps()][-1] == "phantom/bad.npy:load"


PAGES = """
  pages:
    inputs: "*.tif"
    source: {format: image%s}
    exports:
      - {to: png, path: "{stem}_{page}.png"}
      - {to: secondary-capture, path: "{stem}.dcm"}
"""


def test_pages_are_counted_where_a_path_needs_them(site: Site) -> None:
    site.files("a.tif")
    made = site.plan(PAGES % "", probing({"a.tif": 2}))
    assert made.units[0].outputs == (
        Output("a_1.png", 0, 1),
        Output("a_2.png", 0, 2),
        Output("a.dcm", 1),
    )
    chosen = site.plan(PAGES % ", page: 3")
    assert chosen.units[0].outputs == (Output("a_3.png", 0, 3), Output("a.dcm", 1))


def test_properties_in_paths_are_read_from_the_header(site: Site) -> None:
    text = """
  epid:
    inputs: "*.xim"
    source: xim
    exports: {to: png, path: "{source.%s:.1f}/{stem}.png"}
"""
    site.files("a.xim", "b.xim")
    made = site.plan(text % "KVP", probing({"a.xim": 1}, KVP=6.25))
    assert [(unit.id, unit.outputs, unit.problem) for unit in made.units] == [
        ("epid/a.xim", (Output("6.2/a.png", 0),), ""),
        ("epid/b.xim", (), "b.xim: is cut off"),
    ]
    made = site.plan(text % "Energy", probing({"a.xim": 1, "b.xim": 1}, KVP=6.25))
    assert [unit.problem for unit in made.units] == [
        "a.xim: has no 'Energy', which '{source.Energy}' asks for",
        "b.xim: has no 'Energy', which '{source.Energy}' asks for",
    ]


def test_a_property_of_a_group_is_one_that_all_agree_on(site: Site) -> None:
    def probe(path: Path, source: Any, limits: Any) -> Probe:
        return Probe("dicom", (4, 4), "uint16", 1, properties={"Machine": "TB1", "Number": path.stem})

    text = """
  star:
    inputs: "*.dcm"
    source: dicom
    combine: sum
    exports: {to: png, path: "{source.%s}.png"}
"""
    site.files("1.dcm", "2.dcm")
    assert site.plan(text % "Machine", probe).units[0].outputs == (Output("TB1.png", 0),)
    assert site.plan(text % "Number", probe).units[0].problem == (
        "star: 'Number' differs between the files of one group"
    )


CHAIN = """
  mean:
    inputs: {from: epid, files: "mid/**/*.dcm", group_by: gantry}
    source: dicom
    combine: mean
    exports: {to: png, path: "out/{gantry:03d}_{day}.png"}
  epid:
    inputs: "{day}/g{gantry:d}_*.xim"
    source: xim
    exports:
      - {to: rt-image, path: "mid/{day}/{stem}.dcm"}
      - {to: png, path: "mid/{day}/{stem}.png"}
"""


def test_conversions_chain(site: Site) -> None:
    site.files("mon/g90_a.xim", "mon/g90_b.xim", "mon/g9_a.xim")
    made = site.plan(CHAIN)
    assert [unit.id for unit in made.units] == [
        "epid/mon/g9_a.xim",
        "epid/mon/g90_a.xim",
        "epid/mon/g90_b.xim",
        "mean/9",
        "mean/90",
    ]
    assert made.units[4] == Unit(
        id="mean/90",
        conversion="mean",
        index=2,
        inputs=(
            InputFile("mid/mon/g90_a.dcm", "out", (("day", "mon"), ("gantry", "90"))),
            InputFile("mid/mon/g90_b.dcm", "out", (("day", "mon"), ("gantry", "90"))),
        ),
        outputs=(Output("out/090_mon.png", 0),),
        group="90",
        needs=("epid/mon/g90_a.xim", "epid/mon/g90_b.xim"),
    )
    assert list(made.order()) == [made.units[:3], made.units[3:]]
    loads = {step.id: step.needs for step in made.steps() if step.unit == "mean/90" and step.kind == "load"}
    assert loads == {
        "mean/90:load-1": ("epid/mon/g90_a.xim:export-1",),
        "mean/90:load-2": ("epid/mon/g90_b.xim:export-1",),
    }


def test_only_takes_the_conversions_that_a_named_one_needs(site: Site) -> None:
    text = CHAIN + FILM
    site.files("mon/g9_a.xim")
    assert {unit.conversion for unit in site.plan(text, only=["mean"]).units} == {"mean", "epid"}
    assert {unit.conversion for unit in site.plan(text, only=["epid"]).units} == {"epid"}
    with pytest.raises(UsageError, match=r"^the recipe has no conversion 'flim'; did you mean 'film'\?$"):
        site.plan(text, only=["flim"])
    with pytest.raises(UsageError, match=r"^the recipe has no conversion 'zz'; it has mean, epid, film$"):
        site.plan(text, only=["zz"])


def test_chained_headers_do_not_exist_yet(site: Site) -> None:
    text = """
  a: {inputs: "*.tif", source: image, exports: {to: tiff, path: "mid/{stem}.tif"}}
  b:
    inputs: {from: a}
    source: image
    exports: {to: png, path: "out/{stem}_{page}.png"}
"""
    site.files("x.tif", "mid/x.tif")
    assert site.refused(text) == (
        "r.yaml:8: conversions.b.exports[0].path: 'out/{stem}_{page}.png': "
        "the path needs the header of a file that another conversion has yet to write"
    )


def test_a_chain_of_nothing(site: Site) -> None:
    site.files("mon/g9_a.xim")
    assert site.refused(CHAIN.replace("mid/**/*.dcm", "other/*.dcm")) == (
        "r.yaml:5: conversions.mean.inputs: nothing that 'epid' writes matches 'other/*.dcm'"
    )


def test_a_group_is_never_made_of_what_is_left_of_it(site: Site) -> None:
    """A mean of three of four images is a plausible wrong image."""
    text = CHAIN.replace("mid/{day}/{stem}.dcm", "mid/{day}/{stem}_{source.KVP}.dcm")
    site.files("mon/g9_a.xim", "mon/g9_b.xim", "mon/g90_a.xim")
    made = site.plan(text, probing({"g9_a.xim": 1, "g90_a.xim": 1}, KVP=6))
    assert [(unit.id, unit.problem) for unit in made.units] == [
        ("epid/mon/g9_a.xim", ""),
        ("epid/mon/g9_b.xim", "g9_b.xim: is cut off"),
        ("epid/mon/g90_a.xim", ""),
        ("mean/9", "needs what 'epid/mon/g9_b.xim' cannot make: g9_b.xim: is cut off"),
        ("mean/90", ""),
    ]
    unknown = site.plan(
        text.replace("group_by: gantry", "group_by: stem").replace("{gantry:03d}", "{stem}"),
        probing({"g9_a.xim": 1, "g90_a.xim": 1}, KVP=6),
    )
    assert [bool(unit.problem) for unit in unknown.units if unit.conversion == "mean"] == [True, True]
    nothing = site.plan(text, probing({}))
    assert {unit.conversion for unit in nothing.units} == {"epid"}


def test_no_match_names_the_glob_and_the_nearest_file(site: Site) -> None:
    site.files("film/g1_a.TIF")
    assert site.refused(FILM) == (
        "r.yaml:5: conversions.film.inputs: no file matches 'film/g{gantry:d}_*.tif' in DATA; "
        "'film/g1_a.TIF' differs in upper and lower case"
    )


def test_no_match_may_be_allowed(site: Site) -> None:
    warned = site.plan(FILM + "    on_empty: warn\n")
    what = "film: no file matches 'film/g{gantry:d}_*.tif' in DATA; there is no folder 'film' in DATA"
    assert warned.notes == (Note("no-match", what.replace("DATA", str(site.folder))),)
    silent = site.plan(FILM + "    on_empty: ok\n")
    assert (silent.units, silent.notes, list(silent.order())) == ((), (), [])
    inner = FILM.replace('"film/g{gantry:d}_*.tif"', '{files: "film/g{gantry:d}_*.tif", on_empty: ok}')
    assert site.plan(inner).notes == ()


def test_a_glob_that_adds_nothing_is_told(site: Site) -> None:
    text = FILM.replace('"film/g{gantry:d}_*.tif"', '["film/g{gantry:d}_*.tif", "flim/g{gantry:d}.tif"]')
    made = site.files("film/g1_a.tif").plan(text)
    assert made.notes == (Note("glob-without-match", "film: no file matches 'flim/g{gantry:d}.tif'"),)


PNG = """
  %s:
    inputs: "%s"
    source: image
    exports: {to: png, path: "%s"}
"""


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("out/same.png", "'out/same.png' would be written twice: by 'one/A.tif' and by 'one/b.tif'"),
        ("b.tif", "'b.tif' would be written twice: by 'one/A.tif' and by 'one/b.tif'"),
        ("{stem}.tif", "'A.tif' is the input 'A.tif'; write elsewhere, or 'exclude' it from the inputs"),
        ("../{stem}.png", None),
    ],
)
def test_clashes(site: Site, path: str, reason: str | None) -> None:
    site.files("A.tif", "b.tif")
    if reason is None:
        with pytest.raises(Exception, match="must not leave the output folder"):
            site.plan(PNG % ("one", "*.tif", path))
        return
    assert site.refused(PNG % ("one", "*.tif", path)).splitlines()[0] == (
        f"r.yaml:7: conversions.one.exports[0].path: {reason}"
    )


def test_paths_clash_without_case_and_in_nfc(site: Site) -> None:
    site.files("x/a.tif", "x/é.tif", "y/A.tif", "y/e\u0301.tif")
    assert site.refused(PNG % ("one", "*/*.tif", "out/{stem}.png")).splitlines() == [
        "r.yaml:7: conversions.one.exports[0].path: 'out/A.png' would be written twice: "
        "'one/x/a.tif' writes 'out/a.png', which differs in case only",
        "r.yaml:7: conversions.one.exports[0].path: 'out/é.png' would be written twice: "
        "by 'one/x/é.tif' and by 'one/y/e\u0301.tif'",
    ]


def test_conversions_clash_among_each_other(site: Site) -> None:
    site.files("a.tif")
    text = PNG % ("one", "*.tif", "out/x") + PNG % ("two", "*.tif", "out/x/y.png")
    assert site.refused(text) == (
        "r.yaml:7: conversions.one.exports[0].path: 'out/x' would be a file, and the folder of 'out/x/y.png'"
    )


def test_many_clashes_are_counted(site: Site) -> None:
    site.files(*(f"{n}.tif" for n in range(30)))
    told = site.refused(PNG % ("one", "*.tif", "out/same.png")).splitlines()
    assert len(told) == 11
    assert told[-1] == "r.yaml:7: conversions.one.exports[0].path: and 19 more such paths"


def test_every_reason_is_told_at_once(site: Site) -> None:
    site.files("a.tif")
    text = (
        PNG % ("one", "*.tif", "out/{stem}.png")
        + PNG % ("two", "*.tif", "out/{stem}.png")
        + PNG % ("three", "*.jpg", "x/{stem}.png")
    )
    assert [line.split(": ")[1] for line in site.refused(text).splitlines()] == [
        "conversions.three.inputs",
        "conversions.two.exports[0].path",
    ]


def test_outputs_never_hit_inputs_of_other_conversions(site: Site) -> None:
    site.files("raw/a.tif", "b.jpg")
    text = PNG % ("one", "raw/*.tif", "out/{stem}.png") + PNG % ("two", "*.jpg", "RAW/A.TIF")
    assert site.refused(text) == (
        "r.yaml:12: conversions.two.exports[0].path: "
        "'RAW/A.TIF' is the input 'raw/a.tif'; write elsewhere, or 'exclude' it from the inputs"
    )


def link(at: Path, to: Path) -> None:
    at.parent.mkdir(parents=True, exist_ok=True)
    try:
        at.symlink_to(to, target_is_directory=to.is_dir())
    except OSError as error:
        pytest.skip(f"no symbolic links here: {error}")


def test_links_do_not_hide_what_a_path_is(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    away = tmp_path_factory.mktemp("away")
    site.files("data/a.tif", "real/in.tif")
    link(site.folder / "out" / "in", site.folder / "data")
    link(site.folder / "out" / "away", away)
    link(site.folder / "data" / "linked.tif", site.folder / "real" / "in.tif")
    where = "r.yaml:7: conversions.one.exports[0].path: "
    for pattern, path, reason in (
        (
            "data/a.tif",
            "out/in/{stem}.tif",
            "'out/in/a.tif' is the input 'data/a.tif'; write elsewhere, or 'exclude' it from the inputs",
        ),
        (
            "data/l*.tif",
            "real/in.tif",
            "'real/in.tif' is the input 'data/linked.tif'; write elsewhere, or 'exclude' it from the inputs",
        ),
        (
            "data/l*.tif",
            "data/linked.tif",
            "'data/linked.tif' is the input 'data/linked.tif'; "
            "write elsewhere, or 'exclude' it from the inputs",
        ),
        (
            "data/a.tif",
            "out/away/x.png",
            f"'out/away/x.png' leaves the output folder: a link leads to {away}",
        ),
    ):
        assert site.refused(PNG % ("one", pattern, path)) == where + reason
    made = site.plan(PNG % ("one", "data/a.tif", "out/in/{stem}.png"))
    assert made.units[0].outputs == (Output("out/in/a.png", 0),)


def test_the_recipe_its_lock_and_what_it_extends_are_no_inputs_and_no_outputs(site: Site) -> None:
    (site.folder / "sites").mkdir()
    (site.folder / "sites" / "north.yaml").write_text("vars: {a: b}\n", encoding="utf-8")
    site.files("a.tif", "r.lock", ".dicombake/x", "sites/b.tif")
    path = site.folder / "r.yaml"
    for target, name in (("r.yaml", "r.yaml"), ("R.LOCK", "r.lock"), ("sites/north.yaml", "north.yaml")):
        text = PNG % ("one", "**/*", "{stem}.png") + PNG % ("two", "a.tif", target)
        path.write_text(f"version: 1\nextends: [sites/north.yaml]\nconversions:\n{text}", encoding="utf-8")
        loaded = load_recipe(path)
        with pytest.raises(PlanError) as caught:
            plan(loaded, probe=no_probe)
        assert str(caught.value).endswith(f"'{target}' is the recipe's own '{name}'; write elsewhere")
        assert len(str(caught.value).splitlines()) == 1
    text = PNG % ("one", "**/*", "out/{stem}.png")
    path.write_text(f"version: 1\nextends: [sites/north.yaml]\nconversions:\n{text}", encoding="utf-8")
    made = plan(load_recipe(path), probe=no_probe)
    assert [unit.inputs[0].path for unit in made.units] == ["a.tif", "sites/b.tif"]


def test_the_environment_is_asked_before_anything_is_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = FILM + '    tags: {PatientID: "{env.QA_PATIENT}", StudyID: "{env.QA_STUDY}"}\n'
    site.files("film/g1_a.tif")
    monkeypatch.delenv("QA_PATIENT", raising=False)
    monkeypatch.setenv("QA_STUDY", "1")
    assert site.refused(text) == (
        "r.yaml:4: conversions.film: the environment has no variable 'QA_PATIENT' ({env.QA_PATIENT})"
    )
    monkeypatch.setenv("QA_PATIENT", "x")
    assert len(site.plan(text).units) == 1


def test_scopes_of_units_and_files(site: Site) -> None:
    site.files("star/TB1/9.dcm", "star/TB1/10.dcm")
    made = site.plan(STAR)
    (unit,) = made.units
    whole = scope_of(made.lowered, unit)
    assert render("{machine} {group} {stem} {index}", whole) == "TB1 TB1_TB1 9 1"
    with pytest.raises(PlanError, match=r"'\{n\}': it differs between the files of one group"):
        render("{n}", whole)
    single = scope_of(made.lowered, unit, file=unit.inputs[1], page=2, source={"KVP": 6}.__getitem__)
    assert render("{n:3} {page} {source.KVP} {stem}", single) == " 10 2 6 10"


def test_the_plan_is_the_same_whatever_the_file_system_lists_first(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files(*(f"{day}/g{n}_a.xim" for day in ("mon", "tue") for n in (1, 10, 2)))
    text = CHAIN.replace("{gantry:03d}_{day}", "{group}")
    first = site.plan(text)
    scandir = os.scandir

    class Backwards:
        def __init__(self, path: str) -> None:
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *args: object) -> None:
            return None

    monkeypatch.setattr(os, "scandir", Backwards)
    assert site.plan(text).units == first.units


def test_a_refusal_names_line_and_column(site: Site) -> None:
    with pytest.raises(PlanError) as caught:
        site.plan(FILM)
    assert str(caught.value).startswith(
        f"{(site.folder / 'r.yaml').as_posix()}:5:13: conversions.film.inputs: "
    )
