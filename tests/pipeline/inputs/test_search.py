"""Globs against an independent implementation (the standard library's glob), order, links, near misses."""

from __future__ import annotations

import errno
import glob
import os
import sys
import tempfile
import unicodedata
from pathlib import Path
from random import Random

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.inputs.globs import Globs
from dicombake.pipeline.inputs.hints import near_miss, why_not
from dicombake.pipeline.inputs.search import match, natural_key, search, unmatched
from dicombake.schemas.inputs import Inputs
from hypothesis import given, settings
from hypothesis import strategies as st


def inputs(files: object, **more: object) -> Inputs:
    return Inputs.model_validate({"files": files, **more})


def tree(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"")
    return folder


def found(files: object, folder: Path, **more: object) -> list[str]:
    return [path for path, _ in match(inputs(files, **more), folder)]


NAMES = st.sampled_from(["a", "b", "a1", "ab", ".a", ".b", "b.x", "a.x", ".a.x"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.sampled_from(["**", "*", "a", "a*", "?", "*.x", ".*", "[ab]", "[!a]", "*1", ".a", "[!b]*"])
GLOBS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def consistent(paths: list[str]) -> list[str]:
    """Without those that need a folder where another one is a file."""
    kept: list[str] = []
    for path in paths:
        if not any(one == path or one.startswith(path + "/") or path.startswith(one + "/") for one in kept):
            kept.append(path)
    return kept


@settings(max_examples=150, deadline=None)
@given(st.lists(PATHS, max_size=12).map(consistent), st.lists(GLOBS, min_size=1, max_size=3), GLOBS)
def test_matching_agrees_with_the_standard_library(paths: list[str], wanted: list[str], barred: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = tree(Path(name), *paths)

        def reference(text: str) -> set[str]:
            listed = glob.glob(text, root_dir=name, recursive=True)  # noqa: PTH207 - pathlib matches dotfiles
            # of the file a, a/** gives "a/", which is no file
            named = [path for path in listed if not path.endswith(os.sep) and (folder / path).is_file()]
            return {path.replace(os.sep, "/") for path in named}

        expected = set().union(*map(reference, wanted))
        assert set(found(wanted, folder)) == expected
        single = Globs(wanted)
        assert {path for path in paths if single.match(path) is not None} == expected
        if "**" not in barred:
            assert set(found(wanted, folder, exclude=barred)) == expected - reference(barred)


def test_captures_take_one_stretch_of_a_component(tmp_path: Path) -> None:
    tree(tmp_path, "film/g10_a.tif", "film/g-5_b_c.tif", "film/gx_a.tif", "film/sub/g1_a.tif", "film/g_a.tif")
    assert match(inputs("film/g{gantry:d}_{what}.tif"), tmp_path) == [
        ("film/g10_a.tif", (("gantry", "10"), ("what", "a"))),
        ("film/g-5_b_c.tif", (("gantry", "-5"), ("what", "b_c"))),
    ]
    tree(tmp_path, "f/1.5mm.tif", "f/-.5mm.tif", "f/1.mm.tif", "f/1.2.3mm.tif", "f/mm.tif")
    assert [captures for _, captures in match(inputs("f/{size:f}mm.tif"), tmp_path)] == [
        (("size", "1.5"),),
        (("size", "1."),),
        (("size", "-.5"),),
    ]


def test_the_leftmost_double_star_takes_as_few_folders_as_it_can(tmp_path: Path) -> None:
    tree(tmp_path, "x/y/z/f")
    assert match(inputs("**/{a}/**/f"), tmp_path) == [("x/y/z/f", (("a", "x"),))]
    assert match(inputs("**/{a}/f"), tmp_path) == [("x/y/z/f", (("a", "z"),))]
    assert Globs(["**/{a}/**/f"]).match("x/y/z/f") == (0, (("a", "x"),))


def test_several_globs_give_each_file_once_with_the_first_ones_captures(tmp_path: Path) -> None:
    tree(tmp_path, "a1.x", "a2.x", "b1.x")
    globs = ["{first}2.x", "a{number:d}.x", "*.x"]
    assert match(inputs(globs), tmp_path) == [
        ("a1.x", (("number", "1"),)),
        ("a2.x", (("first", "a"),)),
        ("b1.x", ()),
    ]


def test_a_glob_that_matches_nothing_beside_others_is_named(tmp_path: Path) -> None:
    tree(tmp_path, "a.x", "b.x")
    several = inputs(["*.x", "a.*", "c.*"])
    assert unmatched(several, match(several, tmp_path)) == ["c.*"]
    single = inputs("c.*")
    assert unmatched(single, match(single, tmp_path)) == []


def test_case_counts_on_every_system(tmp_path: Path) -> None:
    tree(tmp_path, "Film/a.TIF")
    assert found("film/*.TIF", tmp_path) == []
    assert found("Film/*.tif", tmp_path) == []
    assert found("Film/a.TIF", tmp_path) == ["Film/a.TIF"]


def test_names_compare_in_nfc_and_keep_their_form(tmp_path: Path) -> None:
    decomposed, composed = (unicodedata.normalize(form, "mé_1.tif") for form in ("NFD", "NFC"))
    tree(tmp_path, f"{decomposed}")
    (real_name,) = (file.name for file in tmp_path.iterdir())
    for pattern in ("mé_{n:d}.tif", composed, decomposed, "m?_1.tif"):
        assert found(pattern, tmp_path) == [real_name], pattern
    captures = (("what", unicodedata.normalize("NFC", "mé")),)
    assert match(inputs("{what}_1.tif"), tmp_path) == [(real_name, captures)]


def test_dotfiles_and_the_state_folder(tmp_path: Path) -> None:
    tree(tmp_path, ".a.x", "b.x", ".d/c.x", ".dicombake/c.x", "e/.dicombake/c.x")
    assert found("**/*.x", tmp_path) == ["b.x"]
    assert found(["**/.*", ".d/*"], tmp_path) == [".a.x", ".d/c.x"]
    assert found([".*/*.x", ".dicombake/*", "e/.dicombake/*"], tmp_path) == [".d/c.x"]
    assert found("{any}.x", tmp_path) == ["b.x"]


def test_exclude_shuts_files_and_folders(tmp_path: Path) -> None:
    tree(tmp_path, "a/1.x", "a/old/2.x", "b/old/3.x", "b/4_bad.x")
    assert found("**/*.x", tmp_path, exclude=["**/old/**", "**/*_bad.x"]) == ["a/1.x"]


def test_an_excluded_folder_is_not_listed_and_another_one_must_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, "a/1.x", "shut/2.x")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if path.endswith("shut"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert found("**/*.x", tmp_path, exclude="shut/**") == ["a/1.x"]
    assert found("a/*.x", tmp_path) == ["a/1.x"]
    with pytest.raises(PlanError) as caught:
        found("**/*.x", tmp_path)
    assert str(caught.value) == f"{tmp_path / 'shut'}: the folder cannot be listed: Permission denied"


def test_a_folder_that_is_not_there_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="the folder cannot be listed: No such file or directory"):
        found("*.x", tmp_path / "none")


def test_only_folders_that_can_match_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "raw/day1/a.x", "raw/day1/deep/a.x", "raw/other/a.x", "huge/a.x", "raw/day2.x")
    listed: list[str] = []
    scandir = os.scandir

    def spy(path: str) -> object:
        listed.append(os.path.relpath(path, tmp_path).replace(os.sep, "/"))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", spy)
    assert found("raw/day*/*.x", tmp_path) == ["raw/day1/a.x"]
    assert sorted(listed) == [".", "raw", "raw/day1"]


def link(at: Path, to: Path) -> None:
    try:
        at.symlink_to(to, target_is_directory=to.is_dir())
    except OSError as error:
        pytest.skip(f"no symbolic links here: {error}")


def test_links_are_followed_but_never_in_a_circle(tmp_path: Path) -> None:
    data, outside = tree(tmp_path / "data", "day1/a.x"), tree(tmp_path / "outside", "b.x", "in/c.x")
    link(data / "latest", data / "day1")
    link(data / "day1" / "up", data)
    link(data / "nas", outside)
    link(outside / "in" / "home", data)
    link(outside / "in" / "around", outside)
    link(data / "file.x", outside / "b.x")
    link(data / "dangling.x", outside / "none.x")
    link(data / "round.x", data / "round.x")
    everything, linked = search(inputs("**/*.x"), data)
    assert [path for path, _ in everything] == ["day1/a.x", "file.x", "nas/b.x", "nas/in/c.x"]
    assert linked == {"file.x"}
    assert found("latest/*.x", data) == ["latest/a.x"]
    assert found("*/*.x", data) == ["day1/a.x", "latest/a.x", "nas/b.x"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the file system keeps no such names")
def test_a_name_that_is_no_text_is_refused_where_it_matches(tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/a\xff.x", os.O_CREAT))
    assert found("*.y", tmp_path) == []
    with pytest.raises(PlanError) as caught:
        found("*.x", tmp_path)
    assert str(caught.value) == "a\ufffd.x: the file's name is no Unicode text; rename it"


def test_order_is_natural_or_by_name(tmp_path: Path) -> None:
    paths = ["a10.x", "a2.x", "a2/1.x", "B1.x", "a02.x", "a/z.x", "a-b/y.x", "é.x"]
    tree(tmp_path, *paths)
    natural = ["B1.x", "a/z.x", "a2/1.x", "a02.x", "a2.x", "a10.x", "a-b/y.x", "é.x"]
    assert found(["*.x", "**/*.x"], tmp_path) == natural
    assert sorted(paths, key=natural_key) == natural
    by_name = ["B1.x", "a-b/y.x", "a/z.x", "a02.x", "a10.x", "a2.x", "a2/1.x", "é.x"]
    assert found("**/*.x", tmp_path, sort="name") == by_name


NUMBERED = st.text("ab01 9-._/é", max_size=8)


@given(st.lists(NUMBERED, max_size=6, unique=True), st.randoms())
def test_natural_order_is_total_and_knows_no_history(names: list[str], random: Random) -> None:
    ordered = sorted(names, key=natural_key)
    shuffled = random.sample(names, len(names))
    assert sorted(shuffled, key=natural_key) == ordered
    assert len({natural_key(name) for name in names}) == len(names)


@given(NUMBERED, st.integers(0, 10**30), st.integers(0, 10**30), NUMBERED, st.integers(0, 3))
def test_natural_order_agrees_with_numbers(before: str, one: int, two: int, after: str, zeros: int) -> None:
    before, after = before.rstrip("019"), after.lstrip("019")
    names = [f"{before}{'0' * zeros}{one}{after}", f"{before}{two}{after}"]
    if one != two:
        assert (natural_key(names[0]) < natural_key(names[1])) == (one < two)


@given(st.lists(st.text("ab/.-é", max_size=6), max_size=6))
def test_natural_order_without_digits_is_folder_by_folder_by_code_points(names: list[str]) -> None:
    assert sorted(names, key=natural_key) == sorted(names, key=lambda name: (name.split("/"), name))


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ("film/*.tif", "'film/a.TIF' (and 1 more) differs in upper and lower case"),
        ("Film/*.TIF", "'film/a.TIF' (and 1 more) differs in upper and lower case"),
        ("film/*.tiff", "'film/a.TIF' (and 2 more) has another suffix"),
        ("film/{n:d}.png", "'film/x.png' has no number where the glob captures one"),
        ("a.TIF", "'film/a.TIF' lies in another folder; the glob has no '**'"),
        ("flim/*.abc", "there is no folder 'flim' in {data}; did you mean 'film'?"),
        ("film/deep/none/*.abc", "there is no folder 'none' in {data}/film/deep"),
        ("film/deep/*.abc", "{data}/film/deep holds no files"),
        ("film/zzz*", ""),
    ],
)
def test_near_misses(tmp_path: Path, files: str, hint: str) -> None:
    data = tree(tmp_path, "film/a.TIF", "film/b.TIF", "film/x.png")
    (data / "film" / "deep").mkdir()
    assert near_miss(inputs(files), data).replace(os.sep, "/") == hint.format(data=data.as_posix())


def test_a_near_miss_names_exclude(tmp_path: Path) -> None:
    data = tree(tmp_path, "a.x")
    assert near_miss(inputs("*.x", exclude="a*"), data) == "'exclude' leaves out 'a.x'"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("film/g1.tif", ""),
        ("film/g1.TIF", "'film/g{n:d}.tif' does not match it: it differs in upper and lower case"),
        ("film/gx.tif", "'film/g{n:d}.tif' does not match it: it has no number where the glob captures one"),
        ("film/g1.tiff", "'film/g{n:d}.tif' does not match it: it has another suffix"),
        ("film/g13.tif", "'exclude' leaves it out: '**/g13*'"),
        ("film/.g1.tif", "names that begin with a dot are matched only where a glob names the dot"),
        ("film/other.png", "no glob matches it: film/g{n:d}.tif"),
    ],
)
def test_why_a_file_is_no_input(path: str, reason: str) -> None:
    assert why_not(inputs("film/g{n:d}.tif", exclude="**/g13*"), path) == reason
