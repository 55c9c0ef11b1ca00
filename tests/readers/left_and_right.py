"""Draw a made body with a marked left side, as other readers see what was written: docs/results/left.png.

``python -m tests.readers.left_and_right``. The body is stored in three ways, by other programs; each goes
to a CT series by a recipe. Then SimpleITK and dcm2niix read the series, and each picture is drawn by what
these say of left and right, front and back: as a viewer shows it, the patient's left on the right, the
front on top.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import SimpleITK as sitk
from PIL import Image

from ..support import bake, failures

PAGE = Path(__file__).resolve().parents[2] / "docs" / "results" / "left.png"
SIZE = (72, 56, 60)
SPACING = (4.0, 4.0, 5.0)
LETTER = ("#....", "#....", "#....", "#....", "#....", "#....", "#####")
HEAD = "version: 1\nuid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11\nconversions:\n"


def body() -> np.ndarray:
    """HU in (x, y, z): x to the left, y to the back, z to the head; an L on the left, a spine behind."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, size) for size in SIZE), indexing="ij")
    values = np.full(SIZE, -1000, np.int16)
    width = np.where(z > 0.55, 0.35, 0.85)
    values[(x / width) ** 2 + (y / 0.75) ** 2 < 1] = 0
    values[(x**2 + (y - 0.5) ** 2 < 0.015) & (z < 0.8)] = 700
    values[((x + 0.35) ** 2 + (y / 1.6) ** 2 < 0.03) & (np.abs(z) < 0.4)] = -750
    for row, line in enumerate(LETTER):
        for column, mark in enumerate(line):
            if mark == "#":
                at = (46 + 2 * column, 18 + 2 * row)
                values[at[0] : at[0] + 2, at[1] : at[1] + 2, 22:40] = 1200
                # from the front, too: rows of the letter from the head down
                up = 38 - 2 * row
                values[at[0] : at[0] + 2, 8:14, up : up + 2] = 1200
    return values


def sources(folder: Path) -> dict[str, Path]:
    """The body as NIfTI from right to left and back to front, NRRD of sagittal slices, oblique MetaImage."""
    values = body()
    origin = np.array([-(size - 1) / 2 * step for size, step in zip(SIZE, SPACING, strict=True)])
    las = np.diag([-SPACING[0], SPACING[1], SPACING[2], 1.0])
    las[:3, 3] = (-origin[0], -origin[1] - (SIZE[1] - 1) * SPACING[1], origin[2])
    image = nibabel.Nifti1Image(values[:, ::-1], las)
    image.set_sform(las, 1)
    image.set_qform(las, 1)
    image.header.set_xyzt_units("mm")
    paths = {"nifti": folder / "a.nii", "nrrd": folder / "b.nrrd", "metaimage": folder / "c.mha"}
    nibabel.save(image, paths["nifti"])
    ways = np.diag(SPACING)[[1, 2, 0]] * [-1, -1, 1]
    header = {
        "space": "right-anterior-superior",
        "space directions": ways,
        "space origin": origin * [-1, -1, 1],
    }
    nrrd.write(str(paths["nrrd"]), values.transpose(1, 2, 0), header)
    turned = sitk.GetImageFromArray(values.transpose(2, 1, 0))
    turned.SetSpacing(SPACING)
    turned.SetOrigin(origin.tolist())
    sitk.WriteImage(sitk.DICOMOrient(turned, "RPI"), str(paths["metaimage"]))
    return paths


def by_sitk(folder: Path) -> np.ndarray:
    """(z, y, x) with x to the left, y to the back, z to the head, as SimpleITK says."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return np.asarray(sitk.GetArrayFromImage(sitk.DICOMOrient(reader.Execute(), "LPS")))


def by_dcm2niix(folder: Path) -> np.ndarray:
    """The same as dcm2niix and nibabel say."""
    command = ["dcm2niix", "-b", "n", "-z", "n", "-f", "o", "-o", str(folder.parent), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    image: Any = nibabel.as_closest_canonical(nibabel.load(folder.parent / "o.nii"))
    (folder.parent / "o.nii").unlink()
    return np.asarray(image.dataobj).transpose(2, 1, 0)[:, ::-1, ::-1]


def drawn(values: np.ndarray) -> np.ndarray:
    """An axial slice from the feet, and a coronal one from the front; 8 bits."""
    axial, coronal = values[len(values) // 2], values[::-1, values.shape[1] // 5]
    height = max(len(axial), len(coronal))
    parts = [
        np.pad(part, ((0, height - len(part)), (0, 2)), constant_values=-1000) for part in (axial, coronal)
    ]
    grey = np.clip((np.concatenate(parts, axis=1).astype(float) + 1000) / 2200 * 255, 0, 255)
    return grey.astype(np.uint8)


def rows() -> list[np.ndarray]:
    """A row for each source: SimpleITK's pictures, then dcm2niix's."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, path in sources(folder).items():
            recipe = folder / f"{kind}.yaml"
            recipe.write_text(
                f"{HEAD}  one:\n    inputs: {path.name}\n    source: {{format: {kind}, units: hu}}\n"
                f"    exports: {{to: ct-series, path: '{kind}/{{slice:03d}}.dcm'}}\n"
            )
            told = failures(bake(recipe, folder, folder))
            assert told == [], told
            both = [drawn(read(folder / kind)) for read in (by_sitk, by_dcm2niix)]
            found.append(np.concatenate(both, axis=1))
    return found


def main() -> None:
    picture = np.concatenate(rows())
    larger = np.kron(picture, np.ones((2, 2), np.uint8))
    Image.fromarray(larger).quantize(16).save(PAGE, optimize=True)


if __name__ == "__main__":
    main()
