"""Marked objects of each kind under each option, from file to file: what an option does not keep is gone."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from dicombake.pipeline.deidentify.engine import deidentify
from dicombake.pipeline.deidentify.table import rows
from dicombake.pipeline.plan.deidentified import settings_of
from dicombake.pipeline.recipe.load import load_recipe
from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag

from ...support import bake
from .marked_study import CLASSES, MARK, SWEEP, hard_study, texts
from .test_nothing_left import marks

TAGS = sorted(tag for tag in rows() if dictionary_has_tag(tag))
OPTIONS = (
    "options: [clean_descriptors]", "options: [clean_structured_content]", "options: [clean_graphics]",
    "options: [clean_descriptors, clean_structured_content, clean_graphics]", "dates: shift",
    "dates: shift_weeks, times: remove", "dates: keep", "options: [retain_uids]", "options: [retain_device]",
    "options: [retain_institution]", "options: [retain_patient_characteristics]",
    "options: [retain_safe_private]",
)  # fmt: skip


def is_in(path: str, kept: set[str]) -> bool:
    """Tell whether an element is one of those that are kept, or in a sequence of them."""
    return path in kept or any(path.startswith(f"{each}[") for each in kept)


@SWEEP
@pytest.mark.parametrize("said", OPTIONS)
def test_each_option_keeps_what_it_names_and_no_more(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEID_KEY", "a key of the site, 2026")
    warnings.simplefilter("ignore")
    hard_study(tmp_path / "study", TAGS)
    recipe = tmp_path / "share.yaml"
    recipe.write_text(
        "version: 1\nconversions:\n  share:\n    inputs: 'study/*.dcm'\n    source: auto\n"
        f"    deidentify: {{key: '{{env.DEID_KEY}}', {said}}}\n"
        "    exports: {to: dicom, path: 'out/{SOPInstanceUID}.dcm'}\n",
        encoding="utf-8",
    )
    outcome = bake(recipe)
    assert len(outcome.results) == len(CLASSES)
    settings = settings_of(load_recipe(recipe), "share")
    assert settings is not None
    for unit, result in zip(outcome.plan.units, outcome.results, strict=True):
        made = tmp_path / unit.outputs[0].path
        done = deidentify(dcmread(tmp_path / unit.inputs[0].path, force=True), settings)
        kept = {path for path, what in done.done.items() if what.startswith(("kept", "date moved"))}
        assert MARK not in made.name
        if result.error:
            # what the option keeps spells a name of the source, as all marks do: the proof refuses it
            assert "retain" in said, result.error
            assert result.error.kind == "VerificationError"
            named = result.error.message.partition(" is still in ")[2].partition(",")[0]
            assert is_in(named, kept), result.error
            assert MARK not in str(result.error)
            assert not made.exists()
        elif said not in ("dates: keep", "options: [retain_uids]"):
            content = made.read_bytes()
            assert not [mark for mark in marks() if mark in content]
        dataset = done.dataset if result.error else dcmread(made)
        found = {path for path, value in texts(dataset) if any(mark in value.encode() for mark in marks())}
        assert {path for path in found if not is_in(path, kept)} == set(), made.name
