"""``verify: full``: an output that is not as the standard says is no output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ...support import bake, failures

RECIPE = """\
version: 1
{top}
conversions:
  a:
    inputs: "*.npy"
    source: array
    geometry: {{dpi: 100, sid: 1000}}
    exports:
      - {{to: rt-image, path: "{{stem}}.dcm", pixels: retain}}
      - {{to: npy, path: "out/{{stem}}.npy"}}
    {conversion}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    values = np.arange(48).reshape(6, 8)
    np.save(tmp_path / "whole.npy", values.astype(np.uint16))
    np.save(tmp_path / "broken.npy", values.astype(np.float32) / 3)
    return tmp_path


def run(folder: Path, top: str = "", conversion: str = "") -> list[str]:
    path = folder / "r.yaml"
    path.write_text(RECIPE.format(top=top, conversion=conversion), encoding="utf-8")
    return failures(bake(path))


@pytest.mark.parametrize(
    ("top", "conversion"),
    [("verify: full", ""), ("", "verify: full"), ("verify: values", "verify: full")],
)
def test_an_output_that_is_not_conformant_is_refused_alone(folder: Path, top: str, conversion: str) -> None:
    (failure,) = run(folder, top, conversion)
    assert failure.startswith("broken.dcm: an RT Image may not hold float32, and few programs read it there;")
    assert sorted(path.name for path in folder.rglob("*.dcm")) == ["whole.dcm"]
    assert (folder / "out" / "broken.npy").exists()


@pytest.mark.parametrize(("top", "conversion"), [("", ""), ("verify: full", "verify: values")])
def test_without_it_the_recipe_s_choice_is_written(folder: Path, top: str, conversion: str) -> None:
    assert run(folder, top, conversion) == []
    assert sorted(path.name for path in folder.rglob("*.dcm")) == ["broken.dcm", "whole.dcm"]


def test_an_override_that_breaks_the_file_is_refused(folder: Path) -> None:
    (folder / "broken.npy").unlink()
    (failure,) = run(folder, "verify: full", "remove_tags: [PatientID]")
    assert "PatientID (0010,0020): missing (Type 2, module Patient)" in failure
    assert list(folder.rglob("*.dcm")) == []


def test_asking_for_it_afterwards_checks_what_was_written_before(folder: Path) -> None:
    assert run(folder) == []
    assert len(run(folder, "verify: full")) == 1
