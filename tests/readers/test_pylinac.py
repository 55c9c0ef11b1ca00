"""pylinac, which most of our users analyse with, finds in our files what went into them.

pylinac needs pydicom below 3, so it runs in an environment of its own: DICOMBAKE_PYLINAC_PYTHON is the
path of its Python.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..support import bake, failures, made_samples

SCRIPT = Path(__file__).with_name("beside_pylinac.py")
SAMPLES = made_samples()


RECIPE = """\
version: 1
name: for-pylinac
uid_namespace: 3b0c0a57-51a4-46c5-8d8e-6a1f2f0c1d10
conversions:
  near:
    inputs: arrays/*.npy
    source: array
    geometry: {pixel_spacing: [0.4, 0.4], sid: 1000, sad: 1000, gantry: 30, collimator: 270, couch: 10}
    exports: {to: rt-image, path: "out/near_{stem}.dcm", pixels: retain}
  far:
    inputs: arrays/*.npy
    source: array
    geometry: {dpi: 96, sid: 1500, sad: 1000, gantry: 359.9, collimator: 0, couch: 350}
    exports: {to: rt-image, path: "out/far_{stem}.dcm", pixels: portable}
  isocenter:
    inputs: arrays/*.npy
    source: array
    geometry: {pixel_spacing: [0.5, 0.5], at: isocenter, sid: 1500, sad: 1000}
    exports: {to: rt-image, path: "out/iso_{stem}.dcm"}
  xim:
    inputs: epid/*.xim
    source: xim
    exports: {to: rt-image, path: "out/{stem}.dcm"}
  star:
    inputs: {files: "star/{machine}/*.dcm", group_by: machine}
    source: dicom
    combine: sum
    exports: {to: rt-image, path: "out/star_{machine}.dcm"}
  ct:
    inputs: volume/*.npy
    source: {format: volume, slice_axis: 2, spacing: [2.0, 2.0, 2.5], units: hu}
    exports: {to: ct-series, path: "out/ct/{slice:04d}.dcm"}
"""


@pytest.fixture(scope="module")
def seen(pylinac: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What pylinac says of each output, and the arrays that it got."""
    folder = tmp_path_factory.mktemp("pylinac")
    for path, sample in SAMPLES.items():
        if path.startswith(("arrays/detector", "epid/", "star/", "volume/")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(sample.content)
    (folder / "for-pylinac.yaml").write_text(RECIPE, encoding="utf-8")
    outcome = bake(folder / "for-pylinac.yaml")
    assert failures(outcome) == []
    done = subprocess.run(
        [pylinac, str(SCRIPT), "reads", str(folder / "out"), str(folder / "arrays.npz")],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with np.load(folder / "arrays.npz") as arrays:
        for name, told in found.items():
            told["array"] = arrays[name]
    return found


@pytest.mark.parametrize(
    ("name", "sid", "spacing", "angles"),
    [
        ("near_detector", 1000, 0.4, (30, 270, 10)),
        ("far_detector", 1500, 25.4 / 96, (359.9, 0, 350)),
        ("iso_detector", 1500, 0.75, None),
    ],
)
def test_arrays(seen: dict[str, Any], name: str, sid: float, spacing: float, angles: Any) -> None:
    told = seen[name]
    assert np.array_equal(told["array"], SAMPLES["arrays/detector.npy"].pixels)
    assert told["sid"] == sid
    # pylinac scales to the isocentre: pixels per mm there
    assert told["dpmm"] == pytest.approx(sid / 1000 / spacing, rel=1e-9)
    if angles:
        assert (told["gantry"], told["collimator"], told["couch"]) == pytest.approx(angles)


def test_xim_images_keep_what_pylinac_itself_loses(seen: dict[str, Any]) -> None:
    for name in ("field_g000", "field_g090"):
        told, sample = seen[name], SAMPLES[f"epid/{name}.xim"]
        assert np.array_equal(told["array"], sample.pixels)  # unsigned beyond 32767
        assert told["sid"] == 1500  # pylinac's own conversion says 1000
        assert told["dpmm"] == pytest.approx(1.5 / 0.784)
        assert told["gantry"] == pytest.approx(sample.truth["gantry"])
        assert told["collimator"] == pytest.approx(10)


def test_a_star_shot_is_the_sum_of_its_spokes(seen: dict[str, Any]) -> None:
    total = sum(SAMPLES[f"star/TB1/spoke_{number}.dcm"].pixels.astype(int) for number in (1, 2, 3, 4))
    assert np.array_equal(seen["star_TB1"]["array"], total)
    assert seen["star_TB1"]["sid"] == 1500


def test_a_volume_is_a_stack_in_hounsfield_units(seen: dict[str, Any]) -> None:
    stack = seen["ct"]
    assert np.array_equal(stack["array"], np.moveaxis(SAMPLES["volume/phantom.npy"].pixels, 2, 0))
    assert stack["z"] == [2.5 * index for index in range(8)]
    assert stack["dpmm"] == pytest.approx(0.5)
