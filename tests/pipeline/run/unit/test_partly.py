"""A unit of which one output fails: the others are in place, and nobody loses track of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from dicombake.pipeline.check.compare import check
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.outcome import outcome_as_json
from dicombake.pipeline.report.table import failure_lines, headline
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.store.lock import UNFINISHED, read_lock

from tests.support import bake

RECIPE = """
version: 1
conversions:
  c:
    inputs: a.npy
    source: array
    exports:
      - {to: npy, path: "one.npy"}
      - {to: png, path: "two.png"}
      - {to: tiff, path: "three.tif"}
      - {to: jpg, path: "four.jpg", window: [0, 1]}
"""


def test_what_is_in_place_is_recorded_counted_and_told(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE)
    np.save(tmp_path / "a.npy", np.array([[0.5, 1.25]]))
    outcome = bake(recipe)
    made = ["one.npy", "three.tif", "four.jpg"]
    assert [file.path for file in outcome.results[0].written] == made
    assert headline(outcome) == "r: 1 failed (3 files)"
    assert failure_lines(outcome)[-1] == "  in place all the same: one.npy, three.tif, four.jpg"
    lock = read_lock(tmp_path / "r.lock")
    assert lock.outputs == {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in made}
    assert lock.units == {"one.npy": UNFINISHED}
    found = {
        finding.path: (finding.kind, finding.why) for finding in check(plan(load_recipe(recipe))).findings
    }
    why = "only some of its outputs were made"
    assert found == {**dict.fromkeys(made, ("stale", why)), "two.png": ("missing", why)}
    np.save(tmp_path / "a.npy", np.array([[1, 2]], np.uint16))
    again = bake(recipe)
    assert (again.results[0].status, again.results[0].why) == ("written", why)
    assert UNFINISHED not in read_lock(tmp_path / "r.lock").units.values()


def test_every_failure_of_a_unit_is_an_error(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE.replace("{to: tiff, path", "{to: png, path"))
    np.save(tmp_path / "a.npy", np.array([[0.5, 1.25]]))
    outcome = run_plan(plan(load_recipe(recipe)), RunOptions())
    (unit,) = outcome_as_json(outcome)["units"]
    assert [unit["error"]["subject"], *(error["subject"] for error in unit["further_errors"])] == [
        "two.png", "three.tif",
    ]  # fmt: skip
    assert unit["notes"] == []
    assert sum(line.startswith("failed: ") for line in failure_lines(outcome)) == 2
