"""pylinac's analyses give the same on our output as on the real files that it was made of."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..support import bake, failures

SCRIPT = Path(__file__).with_name("pylinac_analyses.py")
RECIPE = """\
version: 1
name: analyses
uid_namespace: 7b4b39a5-7f0c-4f3a-9a55-0b2a3c1d9e44
conversions:
  portal:
    inputs: [rtimage/BeamScheme_6FFF.dcm, rtimage/fodicom_*.dcm, rtimage/alexserante_*.dcm]
    source: dicom
    exports: {to: rt-image, path: "{stem}.dcm"}
  xim:
    inputs: xim/SN6543_6xFFF_BeamProfileCheck.xim
    source: xim
    exports: {to: rt-image, path: "{stem}.dcm"}
  mean:
    inputs: {files: rtimage/LinaQA_StarShot/*.dcm, group_by: []}
    source: dicom
    combine: {method: mean, stretch: true}
    exports: {to: rt-image, path: star_mean.dcm}
  sum:
    inputs: {files: rtimage/LinaQA_StarShot/*.dcm, group_by: []}
    source: dicom
    combine: sum
    exports: {to: rt-image, path: star_sum.dcm}
  ct:
    inputs: {files: ct-series/LinaQA_CatPhan604/*.dcm, group_by: []}
    source: dicom-series
    exports: {to: ct-series, path: "ct/{slice:02d}.dcm"}
  same:
    inputs: ct-series/LinaQA_CatPhan604/*.dcm
    source: dicom
    exports: {to: dicom, path: "same/{stem}.dcm"}
"""


ROUNDED: dict[str, dict[str, float]] = {
    # the two files write the same spacing and SID in texts that differ in the last digits
    "xim": {"rel": 1e-9, "abs": 1e-9},
    # computed pixels are stored in 16 bits: one moves by 1e-5 of the range at most, a result hardly
    "star, mean of stretched": {"abs": 2e-3},
    "star, sum": {"abs": 2e-3},
}
"""Analyses whose results may differ, and by how much; those of the others are the same to the last bit."""


@pytest.mark.real
def test_analyses_give_the_same_on_ours_as_on_the_originals(real: Path, pylinac: str, tmp_path: Path) -> None:
    """One test, since pylinac takes long to start."""
    (tmp_path / "analyses.yaml").write_text(RECIPE, encoding="utf-8")
    outcome = bake(tmp_path / "analyses.yaml", real, tmp_path / "out")
    assert failures(outcome) == []
    done = subprocess.run(
        [pylinac, str(SCRIPT), str(real), str(tmp_path / "out")],
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, tuple[Any, Any]] = json.loads(done.stdout.splitlines()[-1])
    same = {"field", "gap", "bb", "catphan, ct-series", "catphan, dicom"}
    assert set(told) == same | set(ROUNDED)
    for name, (original, ours) in told.items():
        if name in ROUNDED:
            agree(original, ours, **ROUNDED[name])
        else:
            assert original
            assert ours == original, name


def agree(original: Any, ours: Any, **tolerance: float) -> None:
    there, here = dict(numbers(original)), dict(numbers(ours))
    assert there
    assert here == {
        key: pytest.approx(value, **tolerance) if isinstance(value, float) else value
        for key, value in there.items()
    }


def numbers(results: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested results, with its place."""
    if isinstance(results, dict | list):
        pairs = results.items() if isinstance(results, dict) else enumerate(results)
        for key, value in pairs:
            yield from numbers(value, f"{where}/{key}")
    else:
        yield where, results
