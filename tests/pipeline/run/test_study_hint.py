"""A conversion of several images without a namespace says so, with the line to add."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from dicombake.pipeline.plan.model import Plan
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan

from .made_plans import make_plan, recipe, shout

RT = [{"to": "rt-image", "path": "{stem}.dcm"}]
TWO = {"a": "one", "b": "two"}


def planned(folder: Path, files: dict[str, str] = TWO, *, namespace: Any = None, **changes: Any) -> Plan:
    said = recipe(**{"exports": RT, **changes}).model_copy(update={"uid_namespace": namespace})
    return make_plan(folder, files, loaded=LoadedRecipe(said, folder / "fake.yaml", digest="0" * 64))


def told(plan: Plan) -> list[str]:
    return [note.text for note in run_plan(plan, RunOptions(), work=shout).notes]


def test_it_is_said_once_with_a_line_that_can_be_copied(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    (text,) = told(plan)
    line = re.search(r"'(uid_namespace: (\S+))'", text)
    assert line
    assert text.startswith("c: without a namespace each image is a study of its own;")
    assert UUID(line[2]).version == 4
    assert told(plan) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {"a": "one"}},
        {"files": {"a": "one", "b": "fail"}, "source": "dicom"},
        {"namespace": UUID(int=1)},
        {"exports": [{"to": "png", "path": "{stem}.png"}]},
        {"exports": [{"to": "dicom", "path": "{stem}.dcm"}]},
        {"tags": {"StudyInstanceUID": "1.2.3"}},
    ],
    ids=["one-image", "dicom", "namespace", "no-dicom", "same-kind", "given"],
)
def test_where_it_is_not_so_nothing_is_said(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert told(planned(tmp_path, **changes)) == []
