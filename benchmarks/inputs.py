"""The files that are converted: made here, always the same ones, and real ones where they are at hand."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from dicombake.pipeline.exporters.volumes.nifti_header import header_of
from dicombake.pipeline.samples import files, xim

Pixels = npt.NDArray[Any]
UID_NAMESPACE = "4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11"


def real_folder() -> Path | None:
    """Return the folder of real sample files, as the tests find it."""
    given = os.environ.get("DICOMBAKE_REAL_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


def field(rows: int, columns: int, noise: float, seed: int) -> Pixels:
    """Return an open field with some noise, as uint16."""
    y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)
    dose = 1 / (1 + np.exp(40 * (np.abs(x) - 0.7))) / (1 + np.exp(40 * (np.abs(y) - 0.7)))
    rng = np.random.default_rng(seed)
    return np.clip(2000 + 30000 * dose + rng.normal(0, noise, (rows, columns)), 0, 65535).astype(np.uint16)


@dataclass(frozen=True)
class Inputs:
    """Folders of input files below `folder`; each is made when it is first asked for."""

    folder: Path
    real: Path | None

    def xim(self, count: int) -> Path:
        """Return the real .xim files, repeated; made ones, smooth and noisy in turn, where there are none."""
        real = sorted((self.real / "xim").glob("*.xim")) if self.real else []
        # pylinac cannot read the uncompressed one
        real = [path for path in real if "NormChamber" not in path.name]

        def make(folder: Path) -> None:
            if real:
                for index in range(count):
                    shutil.copyfile(real[index % len(real)], folder / f"i{index:04d}.xim")
                return
            for index in range(count):
                noise = (2.0, 300.0)[index % 2]
                pixels = field(1280, 1280, noise, index % 6)
                content = xim.encode(pixels, xim.mv_properties(gantry=index % 360))
                (folder / f"i{index:04d}.xim").write_bytes(content)

        return self.made(f"xim-{'real' if real else 'made'}-{count}", make)

    def xim_pair(self) -> dict[str, Path]:
        """Return one smooth and one noisy .xim."""
        if self.real:
            found = {
                "smooth": self.real / "xim" / "SN6543_geo_6x-IsoCal-MV-01a.xim",
                "noisy": self.real / "xim" / "SN6543_6xFFF_BeamProfileRatio.xim",
            }
            if all(path.is_file() for path in found.values()):
                return found
        folder = self.xim(2)
        return dict(zip(("smooth", "noisy"), sorted(folder.iterdir()), strict=True))

    def tiff(self, count: int, side: int = 1280) -> Path:
        def make(folder: Path) -> None:
            for index in range(count):
                content = files.tiff(field(side, side, 60.0, index), dpi=100)
                (folder / f"t{index:05d}.tif").write_bytes(content)

        return self.made(f"tiff-{side}-{count}", make)

    def pictures(self, count: int, suffix: str) -> Path:
        """Return a folder of pictures in colour, as Pillow writes them: `jpg` or `bmp`."""

        def make(folder: Path) -> None:
            from PIL import Image

            y, x = np.mgrid[0:768, 0:1024]
            for index in range(count):
                waves = (np.sin(x / (90 + index)) * np.cos(y / 130), np.cos(x / 200 + index) * np.sin(y / 77))
                ramp = (x + y + index) % 256 / 128 - 1
                values = np.stack([*waves, ramp], axis=-1) * 100 + 128
                Image.fromarray(values.astype(np.uint8)).save(folder / f"p{index:03d}.{suffix}", quality=85)

        return self.made(f"pictures-{suffix}-{count}", make)

    def dicom(self, count: int, side: int = 1190) -> Path:
        def make(folder: Path) -> None:
            for index in range(count):
                made = files.rt_image(field(side, side, 60.0, index), name=f"portal {index}")
                (folder / f"d{index:04d}.dcm").write_bytes(files.dicom(made))

        return self.made(f"dicom-{side}-{count}", make)

    def volume(self, axis: int, shape: tuple[int, int, int] = (300, 512, 512)) -> Path:
        """Return a folder with one int16 volume; `shape` is (slices, rows, columns), which lie on `axis`."""

        def make(folder: Path) -> None:
            slices, rows, columns = shape
            laid = (slices, rows, columns) if axis == 0 else (rows, columns, slices)
            volume = np.lib.format.open_memmap(folder / "volume.npy", "w+", np.int16, laid)
            view = np.moveaxis(volume, axis, 0)
            for first in range(0, slices, 64):
                part = [field(rows, columns, 60.0, index) for index in range(first, min(first + 64, slices))]
                view[first : first + 64] = np.stack(part).astype(np.int32) // 16 - 1024
            volume.flush()

        return self.made(f"volume-{axis}-{'x'.join(map(str, shape))}", make)

    def nifti(self, shape: tuple[int, int, int] = (300, 512, 512), *, packed: bool = False) -> Path:
        """Return a folder with one int16 NIfTI of (slices, rows, columns), plain or ``.nii.gz``."""

        def make(folder: Path) -> None:
            slices, rows, columns = shape
            steps = ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 1.0))
            head = header_of((columns, rows, slices), np.dtype("<i2"), (-100.0, -120.0, -50.0), steps)
            name = folder / ("volume.nii.gz" if packed else "volume.nii")
            with gzip.open(name, "wb", 1) if packed else name.open("wb") as file:
                file.write(head)
                for index in range(slices):
                    # the large ones repeat their slices: they are not looked at, only carried
                    part = field(rows, columns, 60.0, index % 64).astype(np.int32) // 16 - 1024
                    file.write(part.astype("<i2").tobytes())

        return self.made(f"nifti{'-gz' if packed else ''}-{'x'.join(map(str, shape))}", make)

    def dose(self, shape: tuple[int, int, int]) -> Path:
        """Return a folder with a float32 array of dose in Gy."""

        def make(folder: Path) -> None:
            slices, rows, columns = shape
            volume = np.lib.format.open_memmap(folder / "dose.npy", "w+", np.float32, shape)
            for index in range(slices):
                volume[index] = field(rows, columns, 60.0, index % 64).astype(np.float32) / 977
            volume.flush()

        return self.made(f"dose-{'x'.join(map(str, shape))}", make)

    def arrays(self, count: int) -> Path:
        """So many small arrays, for what it costs to find that nothing is to be done."""

        def make(folder: Path) -> None:
            for index in range(count):
                np.save(folder / f"a{index:05d}.npy", np.full((8, 8), index, np.uint16))

        return self.made(f"arrays-{count}", make)

    def names(self, count: int) -> Path:
        """So many empty files, for what a plan costs."""

        def make(folder: Path) -> None:
            for index in range(count):
                (folder / f"g{index % 360}_{index:06d}.tif").touch()

        return self.made(f"names-{count}", make)

    def made(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a folder that is made once, whole or not at all."""
        final = self.folder / "inputs" / name
        if not final.exists():
            part = final.with_name(f"{name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            make(part)
            part.rename(final)
        return final


def recipe(path: Path, conversion: str) -> Path:
    """Write a recipe of one conversion (YAML in braces)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"version: 1\nuid_namespace: {UID_NAMESPACE}\nconversions:\n  one: {conversion}\n")
    return path
