"""Drafts are valid recipes, or say what must be filled in, and guess nothing."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.drafts.base import Draft
from dicombake.pipeline.drafts.examples import blank, examples, from_example
from dicombake.pipeline.drafts.from_files import from_files
from dicombake.pipeline.errors import RecipeError, UsageError
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.samples import companions, files, samples, write_samples
from dicombake.schemas.language.words import FILL_IN

from ...support import bake, failures


def put(draft: Draft, folder: Path) -> Path:
    for name, text in (("draft.yaml", draft.text), *draft.companions):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "draft.yaml"


def namespace(draft: Draft) -> str:
    (found,) = re.findall(r"^uid_namespace: (\S+)", draft.text, re.M)
    return found


def test_a_blank_draft_is_valid_and_has_a_namespace_of_its_own(tmp_path: Path) -> None:
    one, other = blank(), blank()
    assert namespace(one) != namespace(other)
    recipe = load_recipe(put(one, tmp_path)).recipe
    assert str(recipe.uid_namespace) == namespace(one)
    assert recipe.uid_namespace is not None
    assert recipe.uid_namespace.version == 4


@pytest.mark.parametrize("name", examples())
def test_a_draft_from_an_example_is_that_example_with_another_namespace(name: str, tmp_path: Path) -> None:
    drafted = load_recipe(put(from_example(name), tmp_path)).recipe
    original = load_recipe(Path(__file__).parents[3] / "recipes" / f"{name}.yaml").recipe
    assert drafted.uid_namespace != original.uid_namespace
    assert drafted.conversions == original.conversions


def test_an_unknown_example_names_the_known_ones() -> None:
    with pytest.raises(
        UsageError, match="there is no example 'films'; there are bare-dicom, ct-volume, demo, film, "
    ):
        from_example("films")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("files")
    write_samples(base)
    return base


def test_files_that_know_their_geometry_need_nothing_more(folder: Path, tmp_path: Path) -> None:
    draft = from_files([folder / "epid", folder / "star", folder / "dicom"], folder)
    assert (draft.fill_in, draft.ask, draft.skipped) == ((), (), ())
    path = put(draft, tmp_path)
    outcome = bake(path, folder, tmp_path / "out")
    assert failures(outcome) == []
    assert outcome.count("written") == 3 + 7 + 1


def test_what_files_do_not_know_stays_empty_and_is_told(folder: Path, tmp_path: Path) -> None:
    draft = from_files([folder / "arrays" / "detector.npy", folder / "pictures" / "scanner.png"], folder)
    assert draft.fill_in == ()
    assert draft.ask == (
        "conversions.arrays.geometry: pixel_spacing and sid",
        "conversions.pictures.geometry: sid",
    )
    path = put(draft, tmp_path)
    assert failures(bake(path, folder, tmp_path / "out")) == []
    empty = pydicom.dcmread(tmp_path / "out" / "dicom" / "arrays" / "detector.dcm")
    assert (empty.get("RTImageSID"), empty.get("ImagePlanePixelSpacing")) == (None, None)
    filled = draft.text.replace("sid: unknown", "sid: 1000")
    path.write_text(filled.replace("spacing: unknown", "spacing: [0.8, 0.8]"), encoding="utf-8")
    assert failures(bake(path, folder, tmp_path / "out")) == []
    known = pydicom.dcmread(tmp_path / "out" / "dicom" / "arrays" / "detector.dcm")
    assert (known.RTImageSID, list(known.ImagePlanePixelSpacing)) == (1000, [0.8, 0.8])


def test_what_only_the_user_knows_makes_the_draft_invalid_until_it_is_filled_in(
    folder: Path, tmp_path: Path
) -> None:
    draft = from_files([folder / "volume", folder / "film", folder / "arrays" / "dose.npz"], folder)
    assert draft.fill_in == (
        "conversions.arrays.source.key: which array? The file holds 2 arrays: dose, mask",
        "conversions.film.source.channel: red, green or blue; a luminance is no optical density",
        "conversions.volume.source.slice_axis: which axis (0, 1 or 2) counts the slices",
        "conversions.volume.source.spacing: mm between rows, columns and slices",
    )
    with pytest.raises(RecipeError) as wrong:
        load_recipe(put(draft, tmp_path))
    assert {problem.where.partition("[")[0] for problem in wrong.value.problems} == {
        sentence.partition(": ")[0] for sentence in draft.fill_in[1:]
    }
    filled = draft.text
    for value in (f"key: {FILL_IN}", f"channel: {FILL_IN}", f"slice_axis: {FILL_IN}"):
        filled = filled.replace(value, value.replace(FILL_IN, {"k": "dose", "c": "red", "s": "2"}[value[0]]))
    (tmp_path / "draft.yaml").write_text(filled.replace(FILL_IN, "2.5"), encoding="utf-8")
    assert set(load_recipe(tmp_path / "draft.yaml").recipe.conversions) == {"arrays", "film", "volume"}


def test_a_raw_file_is_never_guessed(folder: Path) -> None:
    draft = from_files([folder / "visionrt", folder / "raw", folder / "cyberknife"], folder)
    assert "    source: cyberknife-raw\n" in draft.text  # its header says so
    assert draft.skipped == ()
    asked = [sentence.partition(": ")[0] for sentence in draft.fill_in]
    assert asked == ["conversions.raw.source", "conversions.visionrt.source"]
    assert draft.text.count(f"    source: {FILL_IN}\n") == 2
    assert "    #   visionrt-raw\n" in draft.text


def test_each_source_that_a_draft_offers_for_a_raw_file_reads_it(folder: Path, tmp_path: Path) -> None:
    draft = from_files([folder / "visionrt"], folder)
    offered = re.findall(r"^    #   (.*)$", draft.text, re.M)
    assert len(offered) > 2
    for source in offered:
        text = from_files([folder / "visionrt"], folder, source).text
        assert f"    source: {source}\n" in text
        (tmp_path / "draft.yaml").write_text(text, encoding="utf-8")
        assert failures(bake(tmp_path / "draft.yaml", folder, tmp_path / "out")) == []


def test_a_source_that_does_not_fit_leaves_the_file_out_with_the_shapes_that_do(tmp_path: Path) -> None:
    (tmp_path / "a.raw").write_bytes(bytes(range(24)))
    draft = from_files([tmp_path], tmp_path, "{format: raw, shape: [3, 4], dtype: uint8}")
    assert draft.skipped == (
        "a.raw: has 24 bytes, but 3 rows x 4 columns of uint8 are 12; "
        "shapes that fit: [4, 6], [6, 4], [3, 8], [8, 3]",
    )
    with pytest.raises(UsageError, match="--source"):
        from_files([tmp_path], tmp_path, "{format: raw, shape: [3, 4]}")


def test_one_kind_alone_in_a_folder_gets_a_glob_and_others_their_names(folder: Path) -> None:
    assert 'inputs: "epid/*.xim"' in from_files([folder / "epid"], folder).text
    text = from_files([folder / "pictures"], folder).text
    assert 'inputs: "pictures/scanner.png"' in text
    assert 'inputs: "pictures/screenshot.png"' in text
    assert 'path: "dicom/pictures_5/{stem}_{page:02d}.dcm"' in text


def test_names_with_the_marks_of_globs_are_taken_as_they_are(tmp_path: Path) -> None:
    odd = tmp_path / "a [1] {x}"
    odd.mkdir()
    for name in ("b!.npy", "c.npy"):
        (odd / name).write_bytes(files.npy(np.arange(12, dtype=np.uint16).reshape(3, 4)))
    draft = from_files([odd], tmp_path)
    (tmp_path / "draft.yaml").write_text(draft.text, encoding="utf-8")
    outcome = bake(tmp_path / "draft.yaml", tmp_path, tmp_path / "out")
    assert failures(outcome) == []
    assert outcome.count("written") == 2


def test_files_elsewhere_missing_or_none_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not lie below"):
        from_files([folder / "epid"], tmp_path)
    with pytest.raises(UsageError, match=r"nothing\.xim: does not exist"):
        from_files([tmp_path / "nothing.xim"], tmp_path)
    (tmp_path / ".hidden").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="there are no files in it"):
        from_files([tmp_path], tmp_path)


def test_every_sample_is_drafted_or_left_out(folder: Path) -> None:
    draft = from_files([folder], folder)
    assert f"drafted from {len(list(samples())) + len(companions())} files" in draft.text
    assert [each.split(":")[0] for each in draft.skipped] == [each.path for each in companions()]
    assert draft.text.count(f"source: {FILL_IN}\n") == 2
