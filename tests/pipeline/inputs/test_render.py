"""Templates: what each name gives, how numbers are written, and that no path leaves its folder."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from typing import Any

import pydicom
import pytest
from dicombake.pipeline.errors import PlanError, SourceError
from dicombake.pipeline.inputs.render import (
    Scope,
    render,
    render_number,
    render_path,
    source_lookup,
    split_name,
)
from hypothesis import example, given
from hypothesis import strategies as st

SCOPE = Scope(
    path="film/TB1/g010.a.tif",
    index=7,
    group="TB1_6x",
    page=3,
    captures=(("gantry", "010"), ("size", "1.50"), ("what", "007")),
    kinds={"gantry": "d", "size": "f"},
    variables={"patient": "00123", "width": "2.5", "word": "abc"},
    environment={"SITE": "North"},
    source={"KVP": 120, "mu": 1.25, "list": [1, 2], "one": [5], "bytes": b"x", "text": "5"}.__getitem__,
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{stem}|{name}|{suffix}|{parent}", "g010.a|g010.a.tif|.tif|TB1"),
        ("{index}|{index:04d}|{index:>3}|{index:x}", "7|0007|  7|7"),
        ("{page}{frame}{slice}|{slice:04d}", "333|0003"),
        ("{group}", "TB1_6x"),
        ("{gantry}|{gantry:d}|{gantry:05d}|{gantry:.1f}|{gantry:4}", "010|10|00010|10.0|  10"),
        ("{size}|{size:.1f}|{size:6.3f}|{size:g}|{size:5}", "1.50|1.5| 1.500|1.5|  1.5"),
        ("{what}|{what:d}|{what:>5}", "007|7|  007"),
        ("{vars.patient}|{vars.patient:d}|{vars.width:.0f}|{vars.width:+.1f}", "00123|123|2|+2.5"),
        ("{vars.word:>5}|{vars.word:.2s}|{vars.patient:s}", "  abc|ab|00123"),
        ("{env.SITE}", "North"),
        ("{source.KVP}|{source.KVP:05d}|{source.mu}|{source.mu:.1f}", "120|00120|1.25|1.2"),
        ("{source.list}|{source.one:03d}|{source.text:03d}", "1\\2|005|005"),
        ("{{{index}}}", "{7}"),
    ],
)
def test_what_templates_give(template: str, text: str) -> None:
    assert render(template, SCOPE) == text


@pytest.mark.parametrize(
    ("template", "kind", "message"),
    [
        ("{nothing}", PlanError, "'{nothing}': nothing has that name"),
        ("{vars.none}", PlanError, "'{vars.none}': the recipe has no variable 'none'; add it to 'vars'"),
        ("{env.NONE}", PlanError, "'{env.NONE}': the environment has no variable 'NONE'"),
        ("{vars.word:d}", PlanError, "'{vars.word}': 'abc' does not take the format 'd'"),
        ("{vars.word:04}", PlanError, "'{vars.word}': 'abc' does not take the format '04'"),
        ("{vars.width:d}", PlanError, "'{vars.width}': '2.5' does not take the format 'd'"),
        ("{source.none}", SourceError, "has no 'none', which '{source.none}' asks for"),
        ("{source.bytes}", SourceError, "'{source.bytes}': its value does not take the format ''"),
        ("{source.list:d}", SourceError, "'{source.list}': its value does not take the format 'd'"),
    ],
)
def test_what_templates_refuse(template: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        render(template, SCOPE)
    assert str(caught.value).removeprefix(f"{SCOPE.path}: ") == message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("group", "only 'group_by' gives files a group"),
        ("slice", "the image stands for no single slice"),
        ("page", "the image stands for no single page"),
        ("frame", "the image stands for no single frame"),
        ("source.KVP", "no file's properties are known here"),
        ("gone", "it differs between the files of one group"),
    ],
)
def test_names_that_are_not_known_say_why(name: str, reason: str) -> None:
    scope = Scope(path="a.x", index=1, unknown={"gone": "it differs between the files of one group"})
    with pytest.raises(PlanError) as caught:
        render(f"{{{name}}}", scope)
    assert str(caught.value) == f"a.x: '{{{name}}}': {reason}"


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a.tif", ("", "a", ".tif")),
        ("x/y/a.tar.gz", ("y", "a.tar", ".gz")),
        ("x/.hidden", ("x", ".hidden", "")),
        ("x/none", ("x", "none", "")),
        ("x/dot.", ("x", "dot.", "")),
        ("x/..a", ("x", "..a", "")),
        (unicodedata.normalize("NFD", "é/é.é"), ("é", "é", ".é")),
    ],
)
def test_names_split(path: str, parts: tuple[str, str, str]) -> None:
    assert split_name(path) == parts


def test_numbers() -> None:
    assert render_number(12.5, SCOPE) == 12.5
    assert render_number("{gantry}", SCOPE) == 10.0
    assert render_number("-{size}e1", SCOPE) == -15.0
    for template, shown in (
        ("{vars.word}", "abc"),
        ("{size}e999", "1.50e999"),
        ("1_0", "1_0"),
        ("nan", "nan"),
    ):
        with pytest.raises(PlanError) as caught:
            render_number(template, SCOPE)
        assert str(caught.value) == f"{SCOPE.path}: '{template}' gives '{shown}', which is no number"


@pytest.mark.parametrize(
    ("template", "value", "path"),
    [
        ("dicom/{what}.dcm", "a b", "dicom/a b.dcm"),
        ("dicom/{what}.dcm", "../../etc/x", "dicom/.._.._etc_x.dcm"),
        ("{what}/x", "..", "__/x"),
        ("{what}/x", ".", "_/x"),
        ("{what}/x", "", "_/x"),
        ("a/{what}", "C:\\x", "a/C__x"),
        ("a/{what}", 'a*b?c"d<e>f|g', "a/a_b_c_d_e_f_g"),
        ("a/{what}", "tab\tline\nnul\0del\x7fnel\x85", "a/tab_line_nul_del_nel_"),
        ("a/{what}/b", "end. ", "a/end__/b"),
        ("a/{what}", "end.", "a/end_"),
        ("{what}.dcm", "AUX", "_AUX.dcm"),
        ("{what}.dcm", "com1", "_com1.dcm"),
        ("{what}", "nul", "_nul"),
        ("{what}.dcm", "aux_1", "aux_1.dcm"),
        ("{what}.x", unicodedata.normalize("NFD", "mé"), unicodedata.normalize("NFC", "mé.x")),
        ("{what}", "\ud800", "_"),
        ("./a//b\\{what}", "c", "a/b/c"),
        ("{what}\u0301.x", "e", "é.x"),
    ],
)
def test_values_are_made_safe_in_paths(template: str, value: str, path: str) -> None:
    scope = Scope(path="f.x", index=1, captures=(("what", value),))
    assert render_path(template, scope) == path


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("/abs/{stem}", "'/abs/{stem}' is absolute; paths are relative to the output folder"),
        ("\\abs", "'\\abs' is absolute; paths are relative to the output folder"),
        ("C:/x", "'C:/x' leaves the output folder; --out moves that folder"),
        ("../x", "'../x' leaves the output folder; --out moves that folder"),
        ("a/../../{stem}", "'a/../../{stem}' leaves the output folder; --out moves that folder"),
        ("a/{stem}/", "'a/{stem}/' names a folder, not a file"),
        ("a/.", "'a/.' names a folder, not a file"),
        ("abc:d/{stem}", "'abc:d/{stem}': ':' cannot stand in a file's name on every system"),
        ("what?/{stem}", "'what?/{stem}': '?' cannot stand in a file's name on every system"),
        ("a./{stem}", "'a./{stem}': 'a.' ends in a dot or a blank, which Windows drops; choose another name"),
        ("con/{stem}", "'con/{stem}': 'con' is a device on Windows; choose another name"),
        (".dicombake/{stem}", "'.dicombake/{stem}' lies in .dicombake, where dicombake keeps its state"),
        (".DicomBake/x", "'.DicomBake/x' lies in .dicombake, where dicombake keeps its state"),
        (
            "{stem:x>64}" * 5,
            f"film/TB1/g010.a.tif: '{'{stem:x>64}' * 5}' gives the name '{'x' * 40}...' of 320 bytes; "
            "file systems hold 255",
        ),
    ],
)
def test_paths_that_are_refused(template: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        render_path(template, SCOPE)
    assert str(caught.value) == message


ANY = st.text(st.characters(), max_size=12) | st.text("./\\: ~aCNOU", max_size=6)
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in "0123456789¹²³")}


@given(
    st.lists(st.sampled_from(["a", ".", "..", "/", "\\", " ", "{x}", "{y}", ".dcm"]), max_size=8), ANY, ANY
)
@example(["{x}", "{y}"], ".", ".")
@example([".", "{x}"], ".", "")
@example(["a", "/", "{x}", "/", "{y}"], "..", "")
def test_no_path_leaves_its_folder(pieces: list[str], x: str, y: str) -> None:
    template = "".join(pieces)
    scope = Scope(path="f.x", index=1, captures=(("x", x), ("y", y)))
    try:
        path = render_path(template, scope)
    except PlanError:
        assert not re.fullmatch(r"(a/)*\{x\}(\.dcm)?", template), "a value alone is made safe"
        return
    assert path == posixpath.normpath(path) == unicodedata.normalize("NFC", path)
    assert not path.startswith("/")
    path.encode()
    for part in path.split("/"):
        assert part not in ("", ".", "..")
        assert not re.search(r'[\\:*?"<>|\x00-\x1f\x7f-\x9f]', part)
        assert not part.endswith((".", " "))
        assert part.split(".")[0].rstrip(" ").upper() not in DEVICES
        assert part.casefold() != ".dicombake"


@given(st.from_regex(r"[A-Za-z0-9_+ .-]{1,20}", fullmatch=True))
def test_the_short_way_through_a_path_agrees_with_the_long_one(value: str) -> None:
    short = Scope(path="f.x", index=1, captures=(("x", value),))
    long = Scope(path="f.x", index=1, captures=(("x", f"é{value}"),))
    direct, accented = render_path("a/b{x}", short), render_path("a/b{x}", long)
    assert direct.removeprefix("a/b") == accented.removeprefix("a/bé")


def test_sources_are_asked_by_name_keyword_and_number() -> None:
    first, second = pydicom.Dataset(), pydicom.Dataset()
    first.KVP = "120"
    second.PatientID, second.KVP = "x", "80"
    find = source_lookup({"mvDose": 5, "GantryAngle": 90.0}, None, first, second)
    expected: dict[str, Any] = {
        "mvDose": 5, "GantryAngle": 90.0, "300A011E": 90.0, "KVP": 120.0, "00180060": 120.0, "PatientID": "x",
    }  # fmt: skip
    assert {name: find(name) for name in expected} == expected
    for name in ("nothing", "PatientName", "00100010", "00091001"):
        with pytest.raises(KeyError):
            find(name)


def test_dicom_values_are_written_as_dicom_writes_them() -> None:
    dataset = pydicom.Dataset()
    dataset.PatientName, dataset.ImageType, dataset.KVP = "Doe^J", ["DERIVED", "PRIMARY"], "80.50"
    dataset.SeriesNumber, dataset.StudyDate = "7", ""
    scope = Scope(path="a.dcm", index=1, source=source_lookup({}, dataset))
    template = (
        "{source.PatientName}|{source.ImageType}|{source.KVP}|{source.KVP:.2f}|{source.SeriesNumber:03d}"
    )
    assert render(template, scope) == "Doe^J|DERIVED\\PRIMARY|80.50|80.50|007"
    assert render_path("{source.StudyDate}/{source.ImageType}.png", scope) == "_/DERIVED_PRIMARY.png"
