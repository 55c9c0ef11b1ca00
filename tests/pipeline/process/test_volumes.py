"""Operations on volumes, held to numpy's on the whole array: slices, ranges of slices, packed ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ...support import bake, failures

HEAD = "version: 1\nuid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11\nconversions:\n"
VALUES = np.random.default_rng(7).integers(-900, 3000, (40, 6, 5)).astype(np.int16)
"""[slice, row, column]; more slices than one unit takes."""
DARK = np.random.default_rng(8).integers(90, 110, VALUES.shape).astype(np.int16)
FLOOD = np.random.default_rng(9).integers(1, 9, VALUES.shape) / 4
LOW, HIGH = int(VALUES.min()), int(VALUES.max())

OPERATIONS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "crop": ("{crop: {top: 1, right: 2}}", lambda v: v[:, 1:, :-2]),
    "pad": ("{pad: {left: 2, bottom: 1, value: -5}}",
            lambda v: np.pad(v, ((0, 0), (0, 1), (2, 0)), constant_values=-5)),
    "flip": ("flip_vertical", lambda v: v[:, ::-1]),
    "turn": ("rotate90", lambda v: np.rot90(v, axes=(1, 2))),
    "invert": ("invert", lambda v: LOW + HIGH - v),
    "ground": ("ground", lambda v: v - LOW),
    "normalize": ("normalize", lambda v: v / HIGH),
    "after a crop": ("{crop: {top: 2}}, invert", lambda v: v[:, 2:].max() + v[:, 2:].min() - v[:, 2:]),
    "dark": ("{subtract: {by: dark.nii}}", lambda v: v.astype(int) - DARK),
    "flood": ("{divide: {by: flood.nii.gz}}", lambda v: v / FLOOD),
    "both": ("{subtract: {by: dark.nii, floor: 0}}, {divide: {by: flood.nii.gz}}",
             lambda v: np.maximum(v.astype(int) - DARK, 0) / FLOOD),
    "response": ("{calibrate: {csv: table.csv}}", lambda v: np.interp(v, [-1000, 0, 3000], [0, 1, 5])),
    "threshold": ("{threshold: {low: 0}}", lambda v: np.where(v < 0, 0, v)),
}  # fmt: skip


def nifti(path: Path, values: np.ndarray) -> None:
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), np.diag([-1.0, -1, 2, 1])), path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every operation on a plain and on a packed volume, each written as one array."""
    folder = tmp_path_factory.mktemp("volumes")
    for name, values in (
        ("v.nii", VALUES),
        ("w.nii.gz", VALUES),
        ("dark.nii", DARK),
        ("flood.nii.gz", FLOOD),
    ):
        nifti(folder / name, values)
    (folder / "table.csv").write_text("-1000,0\n0,1\n3000,5\n")
    text = "".join(
        f"  {name.replace(' ', '-')}:\n    inputs: [v.nii, w.nii.gz]\n    source: nifti\n"
        f"    process: [{operation}]\n    exports: {{to: npy, path: '{name}/{{stem}}.npy'}}\n"
        for name, (operation, _) in OPERATIONS.items()
    )
    text += (
        "  slices:\n    inputs: v.nii\n    source: nifti\n    process: [ground]\n"
        "    exports: {to: tiff, path: 'slices/{slice:03d}.tif'}\n"
    )
    (folder / "r.yaml").write_text(HEAD + text)
    assert failures(bake(folder / "r.yaml", folder, folder)) == []
    return folder


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_volume_is_what_numpy_makes_of_the_whole_array(name: str, made: Path) -> None:
    meant = OPERATIONS[name][1](VALUES)
    paths = sorted((made / name).iterdir())
    assert len(paths) == 2
    for path in paths:
        found = np.load(path)
        assert found.shape == meant.shape
        assert np.allclose(found, meant, rtol=1e-15, atol=1e-12) and not np.array_equal(found, VALUES)


def test_each_range_of_slices_has_the_range_of_the_volume(made: Path) -> None:
    import tifffile

    paths = sorted((made / "slices").iterdir())
    found = np.stack([tifffile.imread(path) for path in paths])
    assert np.array_equal(found, VALUES.astype(int) - LOW)
