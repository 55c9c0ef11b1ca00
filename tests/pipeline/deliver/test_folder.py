"""Delivery to a folder: once, whole, nothing stale, nothing replaced; and what the command says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.deliver.deliver import HELD_BACK, DeliverOptions, deliver_plan
from dicombake.pipeline.deliver.model import Delivered
from dicombake.pipeline.errors import UsageError
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from typer.testing import CliRunner

from ...support import bake

RECIPE = """\
version: 1
destinations:
  share: {to: folder, path: share}
  other: {to: folder, path: nowhere/below/other}
  strict: {to: folder, path: strict, require: deidentified}
conversions:
  a:
    inputs: raw/*.npy
    source: array
    exports:
      - {to: npy, path: "out/{stem}.npy"}
      - {to: png, path: "out/{stem}.png", window: full, deliver: []}
    deliver: share
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    for number in range(2):
        np.save(tmp_path / f"raw/{number}.npy", np.full((4, 5), number, np.uint16))
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    bake(path)
    return path


def delivered(recipe: Path, **options: str) -> Delivered:
    return deliver_plan(plan(load_recipe(recipe)), DeliverOptions(**options))  # type: ignore[arg-type]


def states(result: Delivered) -> dict[str, str]:
    return {entry.path: entry.state for entry in result.entries}


def test_what_is_fresh_gets_there_and_is_compared(recipe: Path) -> None:
    for _ in range(2):
        result = delivered(recipe)
        assert states(result) == {"out/0.npy": "proven", "out/1.npy": "proven"}
        assert result.exit_status == 0
    share = recipe.parent / "share/out"
    assert {path.name: path.read_bytes() for path in share.iterdir()} == {
        f"{number}.npy": (recipe.parent / f"out/{number}.npy").read_bytes() for number in range(2)
    }


def test_what_is_stale_or_altered_is_held_back(recipe: Path) -> None:
    (recipe.parent / "out/0.npy").write_bytes(b"altered")
    np.save(recipe.parent / "raw/1.npy", np.zeros((2, 2), np.uint16))
    result = delivered(recipe)
    assert set(result.stale) == {"out/0.npy", "out/1.npy"}
    assert states(result) == {"out/0.npy": "pending", "out/1.npy": "pending"}
    assert result.exit_status == 3
    assert not (recipe.parent / "share").exists()


def test_other_content_is_never_replaced(recipe: Path) -> None:
    there = recipe.parent / "share/out/0.npy"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"mine")
    result = delivered(recipe)
    assert states(result) == {"out/0.npy": "failed", "out/1.npy": "proven"}
    assert (there.read_bytes(), result.exit_status) == (b"mine", 1)


def test_what_a_killed_delivery_left_half_written_is_removed(recipe: Path) -> None:
    left = recipe.parent / "share/out/.0.npy.99999.part"
    other = left.with_name(".x.npy.99999.part")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    other.write_bytes(b"of somebody else")
    (recipe.parent / ".dicombake/r.delivering").write_bytes(b"99999     \n")  # as a kill leaves it
    assert set(states(delivered(recipe)).values()) == {"proven"}
    assert not left.exists() and other.exists()


def test_a_folder_that_is_not_there_costs_no_other(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("deliver: share", "deliver: [other, share]"), encoding="utf-8")
    found = {(entry.path, entry.destination): entry.state for entry in delivered(recipe).entries}
    assert found["out/0.npy", "share"] == "proven"
    assert found["out/0.npy", "other"] == "pending"


def test_what_was_not_deidentified_is_held_back(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("deliver: share", "deliver: strict"), encoding="utf-8")
    result = delivered(recipe)
    assert {(entry.state, entry.status) for entry in result.entries} == {("failed", HELD_BACK)}
    assert not (recipe.parent / "strict").exists()


def test_a_dry_run_sends_nothing(recipe: Path) -> None:
    result = deliver_plan(plan(load_recipe(recipe)), DeliverOptions(dry_run=True))
    assert (set(states(result).values()), result.exit_status) == ({"pending"}, 0)
    assert not (recipe.parent / "share").exists()


def test_destinations_that_get_nothing_are_an_error(recipe: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'share'"):
        delivered(recipe, to="shar")
    with pytest.raises(UsageError, match="nothing is delivered to 'other'"):
        delivered(recipe, to="other")


def test_the_command_says_it_in_json(recipe: Path) -> None:
    found = CliRunner().invoke(app, ["deliver", str(recipe), "--json"])
    told = json.loads(found.stdout)
    assert (found.exit_code, told["exit_status"]) == (0, 0)
    assert [entry["state"] for entry in told["outputs"]] == ["proven", "proven"]
    assert set(told["outputs"][0]) == {"path", "destination", "state", "status"}


def test_a_run_delivers_behind_itself(recipe: Path) -> None:
    np.save(recipe.parent / "raw/2.npy", np.ones((4, 5), np.uint16))
    found = CliRunner().invoke(app, ["run", str(recipe), "--jobs", "1", "--deliver", "--json"])
    (told,) = json.loads(found.stdout)["runs"]
    assert [entry["path"] for entry in told["delivery"]["outputs"]] == [f"out/{n}.npy" for n in range(3)]


def test_the_page_says_how_sure_it_is(recipe: Path) -> None:
    page = recipe.parent / "page.html"

    def told(*words: str) -> str:
        found = CliRunner().invoke(app, [*words, str(recipe)])
        assert found.exit_code == 0, found.output
        return page.read_text(encoding="utf-8")

    shown = told("report", "-o", str(page))
    assert "<b>2</b> pending at share" in shown and "<td>pending at share</td>" in shown
    shown = told("run", "--jobs", "1", "--deliver", "--html", str(page))
    assert "<b>2</b> proven at share" in shown and "<td>proven at share</td>" in shown
    (recipe.parent / "out/0.npy").write_bytes(b"altered")
    assert "<b>1</b> pending at share" in told("report", "-o", str(page)), "other content is not there"


@pytest.mark.parametrize("command", [["deliver"], ["run", "--deliver"]])
def test_nothing_untrusted_is_delivered(recipe: Path, command: list[str]) -> None:
    found = CliRunner().invoke(app, [*command, str(recipe), "--untrusted"])
    assert found.exit_code == 2
    assert "does not go together with --untrusted" in found.stderr
