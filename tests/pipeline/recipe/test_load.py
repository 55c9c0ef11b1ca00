"""Reading recipes: text stays text, files merge, everything keeps its place, nothing crashes the reader."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from dicombake.pipeline.errors import RecipeError
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.recipe.loaded import LoadedRecipe, Place
from dicombake.pipeline.recipe.yaml_nodes import MAX_BYTES, MAX_DEPTH, YamlError, read_yaml
from dicombake.schemas.exports import PngExport, RtImageExport
from dicombake.schemas.language.requirement import meets, parse_requirement
from dicombake.schemas.language.tags import TagValue, parse_tag, path_of
from dicombake.schemas.sources import ImageSource, VolumeSource
from hypothesis import assume, given, settings
from hypothesis import strategies as st

HEAD = "version: 1\n"
FILM = """
conversions:
  film:
    inputs: film/*.tif
    source: image
    exports: {to: png, path: "{stem}.png"}
"""
EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "recipes").glob("*.yaml"))

Load = Callable[..., LoadedRecipe]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads ``qa/recipe.yaml`` from texts by path."""

    def read(text: str, variables: dict[str, str] | None = None, **files: str) -> LoadedRecipe:
        monkeypatch.chdir(tmp_path)
        for name, content in {"qa/recipe.yaml": text, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="")
        return load_recipe(Path("qa/recipe.yaml"), variables)

    return read


def plain(data: bytes) -> Any:
    """What `read_yaml` makes of a file, as plain data."""

    def bare(node: Any) -> Any:
        if isinstance(node.value, dict):
            return {key: bare(inner) for key, inner in node.value.items()}
        return [bare(inner) for inner in node.value] if isinstance(node.value, list) else node.value

    return bare(read_yaml(data))


# Text stays text


@pytest.mark.parametrize(
    "text", ["00123", "12:30:00", "2024-01-02", "no", "1e3", "0x10", "1_000", "true", ".inf", "NULL", "0o17"]
)
def test_a_scalar_is_the_text_that_stands_there(load: Load, text: str) -> None:
    recipe = load(HEAD + f"vars: {{x: {text}}}" + FILM + f"    tags: {{PatientID: {text}}}").recipe
    assert recipe.vars["x"] == text
    assert recipe.conversions["film"].tags[path_of("PatientID")] == TagValue(items=(text,))


@pytest.mark.parametrize("text", ["null", "~", ""])
def test_null_in_a_tag_is_an_empty_element_and_quoted_it_is_text(load: Load, text: str) -> None:
    tags = (
        load(HEAD + FILM + f"    tags: {{PatientID: {text}, StudyID: '{text}'}}")
        .recipe.conversions["film"]
        .tags
    )
    assert tags == {path_of("PatientID"): TagValue(), path_of("StudyID"): TagValue(items=(text,))}


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40))
def test_every_quoted_text_comes_back(text: str) -> None:
    assert plain(json.dumps({"x": [text]}, ensure_ascii=False).encode()) == {"x": [text]}


@given(st.from_regex(r"[A-Za-z0-9_.+-]([A-Za-z0-9_.:/+ -]*[A-Za-z0-9_.+/-])?", fullmatch=True))
def test_every_plain_text_comes_back(text: str) -> None:
    assume(_is_scalar(text))
    assert plain(f"x: {text}\n".encode()) == {"x": None if text == "null" else text}


def _is_scalar(text: str) -> bool:
    """Whether plain YAML takes all of it as one scalar: no ``: `` and no ``- ``, nor an end of document."""
    return ": " not in text and not text.startswith("- ") and not text.endswith(":") and text != "-"


def test_a_byte_order_mark_is_no_part_of_the_text(load: Load) -> None:
    assert load("\ufeff" + HEAD + FILM).recipe.name == "recipe"


def test_line_ends_of_windows_count_as_one(load: Load) -> None:
    with pytest.raises(RecipeError, match=r"^qa/recipe\.yaml:3:1: nam: unknown key; did you mean 'name'\?$"):
        load((HEAD + "\nnam: x" + FILM).replace("\n", "\r\n"))


# Bounds


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_endless_nesting_is_refused_at_once(text: str) -> None:
    start = time.process_time()
    with pytest.raises(YamlError, match=f"nested more than {MAX_DEPTH} deep|a key must be text"):
        read_yaml(text.encode())
    assert time.process_time() - start < 2


def test_depth_is_counted_through_aliases() -> None:
    half = MAX_DEPTH // 2
    deep = f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}\n"
    with pytest.raises(YamlError, match="nested more than"):
        read_yaml(deep.encode())
    shallow = f"a: &a {'[' * half}{']' * half}\nb: {'[' * (half - 1)}*a{']' * (half - 1)}\n"
    assert plain(shallow.encode())["a"] != []


def test_a_file_of_many_values_is_refused() -> None:
    with pytest.raises(YamlError, match=r"more than 250000 values.*; name many files by one glob"):
        read_yaml(("[" + "x," * 250_001 + "]").encode())


def test_a_file_of_many_bytes_is_refused() -> None:
    with pytest.raises(YamlError, match="bytes, which is no recipe"):
        read_yaml(b"#" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("data", "place", "what"),
    [
        (b"a: 1\nb: \xe4\n", (2, 4), "byte 0xe4 is not UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), (0, 0), "is UTF-16; save it as UTF-8"),
        (b"a: \x07", (1, 4), "the control character '\\x07' cannot stand in YAML"),
        (b"a: 1\r\nb: \0", (2, 4), "the control character '\\x00' cannot stand in YAML"),
    ],
)
def test_what_is_no_text_is_told_with_its_place(data: bytes, place: tuple[int, int], what: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(data)
    (problem,) = caught.value.problems
    assert ((problem.line, problem.column), problem.what) == (place, what)


SNIPPETS = st.sampled_from(
    [*"{}[]:,-?&*!|>'\"%@`#~\t\n ", "  ", "\n  ", ": ", "- ", "&a ", "*a", "<<: ", "!!x ", "---\n", "null",
     "version: 1\n", "conversions:\n", "  film:\n", "    inputs: x\n", "    source: image\n",
     "    exports: ", "{to: png, path: x}\n", "    tags: ", "defaults: ", "vars: ",
     "extends: ", "recipe.yaml", "\\", "\x85", "\u2028", "ä"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.one_of(st.lists(SNIPPETS, max_size=25).map("".join), st.text(max_size=60)))
def test_no_text_raises_anything_but_a_recipe_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        load_recipe(path)
    except RecipeError as error:
        assert error.problems
        assert error.problems == tuple(sorted(error.problems))


KEYS = st.sampled_from(
    ["version", "name", "vars", "conversions", "defaults", "extends", "a", "b", "inputs", "source", "exports",
     "to", "path", "format", "tags", "geometry", "sid", "dpi", "process", "crop", "top", "spacing", "window",
     "PatientID", "from", "files", "limits", "frames", "combine", "xim", "volume", "png"]
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(
        KEYS, st.none(), st.integers(), st.floats(), st.sampled_from(["{stem}", "*", "{", "image", "1"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)


@settings(max_examples=300)
@given(st.dictionaries(KEYS, VALUES, max_size=6), st.dictionaries(KEYS, VALUES, max_size=4))
def test_no_shape_of_recipe_raises_anything_but_a_recipe_error(
    tmp_path_factory: pytest.TempPathFactory, recipe: dict[str, Any], conversion: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "shape.yaml"
    whole = {"version": 1, **recipe, "conversions": {"a": conversion, "b": recipe}}
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    try:
        load_recipe(path)
    except RecipeError as error:
        assert all(problem.what and problem.file == path.as_posix() for problem in error.problems)


# Merging


def test_defaults_lie_under_every_conversion(load: Load) -> None:
    loaded = load(
        HEAD
        + "defaults: {geometry: {sid: 1500, sad: 1000}, tags: {PatientID: A}, process: [invert]}"
        + FILM
        + "    geometry: {sid: 1000}\n    tags: {PatientName: B}\n    process: [ground]\n"
    )
    film = loaded.recipe.conversions["film"]
    assert (film.geometry.sid, film.geometry.sad) == (1000.0, 1000.0)
    assert list(map(str, film.tags)) == ["PatientID", "PatientName"]
    assert [operation.op for operation in film.process] == ["ground"]
    layers = {key: loaded.place("conversions", "film", "geometry", key) for key in ("sid", "sad")}
    assert layers == {
        "sid": Place("qa/recipe.yaml", 8, 21, "conversion"),
        "sad": Place("qa/recipe.yaml", 2, 39, "defaults"),
    }


def test_extended_files_lie_under_the_recipe_in_their_order(load: Load) -> None:
    loaded = load(
        HEAD + "extends: [../sites/a.yaml, b.yaml]\nvars: {own: o}" + FILM,
        **{
            "sites/a.yaml": (
                "name: a\nextends: c.yaml\nvars: {x: a, y: a, own: a}\ndefaults: {strict: true}\n"
            ),
            "sites/c.yaml": "vars: {x: c, z: c}\ndefaults: {tags: {PatientID: C}}\n",
            "qa/b.yaml": "vars: {y: b}\nconversions: {film: {tags: {StudyID: B}, study: b}}\n",
        },
    )
    recipe, film = loaded.recipe, loaded.recipe.conversions["film"]
    assert recipe.name == "recipe"
    assert recipe.vars == {"x": "a", "y": "b", "z": "c", "own": "o"}
    assert (film.strict, film.study, set(map(str, film.tags))) == (True, "b", {"PatientID", "StudyID"})
    assert loaded.place("conversions", "film", "tags", "PatientID") == Place("sites/c.yaml", 2, 30, "extends")
    assert loaded.place("conversions", "film", "study") == Place("qa/b.yaml", 2, 49, "extends")
    assert loaded.place("conversions", "film", "source") == Place("qa/recipe.yaml", 7, 13, "conversion")
    assert loaded.place("vars", "own") == Place("qa/recipe.yaml", 3, 13, "recipe")


def test_null_takes_away_what_an_earlier_part_says(load: Load) -> None:
    loaded = load(
        HEAD
        + "extends: a.yaml\nvars: {x: ~}\ndefaults: {geometry: {sid: 1000, sad: 900}, tags: {PatientID: A}}"
        + FILM
        + "    geometry: {sid: ~}\n    tags: {PatientID: ~}\n  old: ~\n",
        **{"qa/a.yaml": "vars: {x: a, y: b}\nconversions: {old: {source: xim}}\n"},
    )
    film = loaded.recipe.conversions["film"]
    assert loaded.recipe.vars == {"y": "b"}
    assert list(loaded.recipe.conversions) == ["film"]
    assert (film.geometry.sid, film.geometry.sad) == (None, 900.0)
    assert film.tags == {path_of("PatientID"): TagValue()}


@pytest.mark.parametrize(
    ("default", "own", "source"),
    [
        ("{format: image, channel: red}", "image", ImageSource(channel="red")),
        ("{format: image, channel: red}", "{page: 2}", ImageSource(channel="red", page=2)),
        ("{channel: red}", "image", ImageSource(channel="red")),
        ("image", "{channel: blue}", ImageSource(channel="blue")),
        (
            "{format: image, channel: red}",
            "{format: volume, slice_axis: 0, spacing: [1, 2, 3]}",
            VolumeSource(slice_axis=0, spacing=(1.0, 2.0, 3.0)),
        ),
    ],
)
def test_sources_merge_unless_they_are_of_another_format(
    load: Load, default: str, own: str, source: Any
) -> None:
    text = HEAD + f"defaults: {{source: {default}}}" + FILM.replace("source: image", f"source: {own}")
    assert load(text).recipe.conversions["film"].source == source


def test_single_exports_merge_unless_they_are_of_another_target(load: Load) -> None:
    kept = load(HEAD + "defaults: {exports: {to: png, path: x, window: auto}}" + FILM)
    assert kept.recipe.conversions["film"].exports == (PngExport(path="{stem}.png", window="auto"),)
    other = load(
        HEAD + "defaults: {exports: {to: png, path: x, window: auto}}" + FILM.replace("png", "rt-image", 1)
    )
    assert other.recipe.conversions["film"].exports == (RtImageExport(path="{stem}.png"),)


def test_short_inputs_and_combine_merge_with_long_ones(load: Load) -> None:
    text = HEAD + "defaults: {inputs: {exclude: bad.tif}, combine: {method: sum, stretch: true}}" + FILM
    film = load(text + "    combine: mean\n").recipe.conversions["film"]
    assert (film.inputs.files, film.inputs.exclude) == (("film/*.tif",), ("bad.tif",))
    assert film.combine is not None
    assert (film.combine.method, film.combine.stretch) == ("mean", True)


def test_another_way_to_say_the_spacing_replaces_the_first(load: Load) -> None:
    text = HEAD + "defaults: {geometry: {dpi: 300}}" + FILM + "    geometry: {pixel_spacing: [0.1, 0.1]}\n"
    geometry = load(text).recipe.conversions["film"].geometry
    assert (geometry.dpi, geometry.pixel_spacing) == (None, (0.1, 0.1))


def test_a_tag_replaces_the_same_tag_however_it_is_written(load: Load) -> None:
    text = HEAD + 'defaults: {tags: {"(0010,0020)": A, PatientName: {vr: PN, value: a}}}' + FILM
    film = load(text + "    tags: {PatientID: B, 00100010: b}\n").recipe.conversions["film"]
    assert film.tags == {
        path_of("PatientID"): TagValue(items=("B",)),
        parse_tag("00100010"): TagValue(items=("b",)),
    }


def test_removing_a_tag_removes_the_default_and_giving_it_keeps_it(load: Load) -> None:
    removed = load(HEAD + "defaults: {tags: {PatientID: A}}" + FILM + "    remove_tags: [00100020]\n")
    assert removed.recipe.conversions["film"].tags == {}
    given_again = load(HEAD + "defaults: {remove_tags: [00100020]}" + FILM + "    tags: {PatientID: A}\n")
    assert given_again.recipe.conversions["film"].remove_tags == ()


# Names, variables, places, digests


@pytest.mark.parametrize(
    ("stem", "name"),
    [("tb1-qa", "tb1-qa"), ("Tägliche QA (2)", "Tägliche_QA_2_"), (".x", "x"), ("ä", "ä"), ("...", "recipe")],
)
def test_the_name_is_the_stem_of_the_file(tmp_path: Path, stem: str, name: str) -> None:
    path = tmp_path / f"{stem}.yaml"
    path.write_text(HEAD + FILM, encoding="utf-8")
    assert load_recipe(path).recipe.name == name


def test_set_wins_over_every_file(load: Load) -> None:
    text = HEAD + "vars: {patient: a, site: ~}" + FILM
    loaded = load(text, {"patient": "QA-7", "site": "{"})
    assert loaded.recipe.vars == {"patient": "QA-7", "site": "{"}
    place = loaded.place("vars", "patient")
    assert place is not None and place.layer == "set"
    with pytest.raises(RecipeError) as caught:
        load(text, {"patent": "x"})
    assert str(caught.value).splitlines() == [
        "qa/recipe.yaml: vars.patent: --set names a variable that the recipe does not declare; "
        "did you mean 'patient'?",
        "qa/recipe.yaml:2:20: vars.site: must be text; nothing stands here",
    ]


def test_a_place_that_is_not_written_is_that_of_what_is_around_it(load: Load) -> None:
    loaded = load(HEAD + FILM)
    assert loaded.place("conversions", "film", "geometry", "sid") == Place(
        "qa/recipe.yaml", 4, 3, "conversion"
    )
    assert loaded.place("conversions", "film", "exports", 0, "path") == Place(
        "qa/recipe.yaml", 7, 30, "conversion"
    )
    assert loaded.place("name") == Place("qa/recipe.yaml", 1, 1, "recipe")
    assert loaded.place("no", "such", "thing") == Place("qa/recipe.yaml", 1, 1, "recipe")


def test_the_digest_follows_the_meaning_not_the_writing(load: Load) -> None:
    short = load(HEAD + FILM + "    geometry: {sid: 1000}")
    long = load(
        "# the same\nname: recipe\n"
        + HEAD
        + FILM.replace("image", "{format: image}")
        + "    geometry: {sid: 1e3}"
    )
    assert len(short.digest) == 64
    assert short.digest == long.digest
    others = [
        load(HEAD + FILM + "    geometry: {sid: 1001}"),
        load(HEAD + "defaults: {geometry: {sid: 1000}}" + FILM),
        load(HEAD + "vars: {x: a}" + FILM + "    geometry: {sid: 1000}"),
        load(HEAD + "vars: {x: a}" + FILM + "    geometry: {sid: 1000}", {"x": "b"}),
    ]
    assert len({short.digest, *(other.digest for other in others)}) == 5


def test_a_merge_that_grows_beyond_all_bounds_is_refused(load: Load) -> None:
    tags = ", ".join(f'"(0009,A,{n:02x})": [{", ".join("x" * 250)}]' for n in range(16, 256))
    conversions = "".join(f"  c{n}: {{study: x}}\n" for n in range(20))
    with pytest.raises(RecipeError, match="merges into more than 500000 values"):
        load(HEAD + f"defaults: {{tags: {{{tags}}}}}\nconversions:\n{conversions}")


def test_files_that_extend_each_other_without_end_are_counted(load: Load) -> None:
    files = {f"qa/{n}.yaml": f"extends: [{n + 1}.yaml, {n + 1}.yaml]\n" for n in range(8)}
    with pytest.raises(RecipeError, match="more than 64 files are extended"):
        load(HEAD + "extends: 0.yaml" + FILM, **files, **{"qa/8.yaml": "vars: {x: y}\n"})


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "lost.yaml")
    assert (
        str(caught.value)
        == f"{(tmp_path / 'lost.yaml').as_posix()}: cannot be read: No such file or directory"
    )
    with pytest.raises(RecipeError, match="is a folder, no recipe"):
        load_recipe(tmp_path)


@pytest.mark.parametrize(
    ("requirement", "met"),
    [(">=0.3", True), (">=0.10", False), ("<0.4", True), ("==0.3.1", True), ("~=0.3", True),
     ("~=0.2.0", False), ("~=0.3.0", True), (">0.3.1", False), ("<=0.3.1", True), (">=0.3,<0.3.1", False)],
)  # fmt: skip
def test_requirements(requirement: str, met: bool) -> None:
    assert meets("0.3.1", parse_requirement(requirement)) is met


@pytest.mark.parametrize(
    ("installed", "requirement", "met"),
    [("1.0rc1", ">=1.0", False), ("1.0rc1", ">=0.9", True), ("1.0rc1", ">=1.0rc1", True),
     ("0.3.1.dev5+local", ">=0.3", True), ("0.3.1.dev5+local", "==0.3.1", False),
     ("0.3.1.dev5+local", "<0.3.1", False), ("1.0.post1", ">1.0", False), ("1.0", "!=1.0", False)],
)  # fmt: skip
def test_requirements_of_versions_that_are_not_final(installed: str, requirement: str, met: bool) -> None:
    assert meets(installed, parse_requirement(requirement)) is met


@pytest.mark.parametrize("text", [">=0." + "1" * 5000, "", ">=0.3,,<1", "0.3", ">=new", ">=" + "0." * 5000])
def test_requirements_that_are_none(load: Load, text: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load(f'{HEAD}requires: "{text}"{FILM}')
    assert len(caught.value.problems) == 1
    assert "as in '>=0.3'" in str(caught.value) or "must be like '>=0.3'" in str(caught.value)


# Start-up


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_right(path: Path) -> None:
    assert load_recipe(path).recipe.conversions


def test_reading_loads_neither_numpy_nor_pydicom() -> None:
    code = (
        "import sys; from pathlib import Path; from dicombake.pipeline.recipe.load import load_recipe;"
        "load_recipe(Path(sys.argv[1])); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, EXAMPLES[0]], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pydantic" in loaded
    assert not loaded & {"numpy", "pydicom", "PIL", "scipy", "tifffile", "imagecodecs", "rich", "typer"}
