"""One file converted, and what it was compared with."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import yaml
from dicombake.pipeline.errors import DicombakeError

from ..support import bake
from .readings import READERS, Array

MOST_BYTES = 64_000_000
CLOSE = 3
"""Steps of 255 that decoders of what was compressed with loss may differ by."""


@dataclass(frozen=True)
class Result:
    """What became of a file: ``converted``, ``refused`` or ``defect``; by reader how its pixels compare."""

    path: Path
    kind: str
    status: str
    reason: str = ""
    compared: dict[str, str] = field(default_factory=dict)


class Readers:
    """The readers in a process of their own: what a file makes crash ends that process alone."""

    def __init__(self) -> None:
        self._pool = self._new()

    @staticmethod
    def _new() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def read(self, name: str, path: Path) -> Array | None:
        try:
            return self._pool.submit(READERS[name], path).result(20)
        except (BrokenProcessPool, TimeoutError):
            for process in list(self._pool._processes.values()):
                process.kill()  # one that hangs would keep the next file waiting
            self._pool = self._new()
        except Exception:  # noqa: BLE001 - a reader that fails on a file says nothing of it
            pass
        return None


def is_dicom(path: Path) -> bool:
    """Tell whether a file is DICOM, by its preamble or its name."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM" or path.suffix.lower() == ".dcm"


def converted(path: Path, folder: Path, readers: Readers) -> Result:
    """Convert a copy of a file in an empty folder: DICOM to its own kind, else to a numpy array."""
    dicom = is_dicom(path)
    kind, out = ("DICOM", "out.dcm") if dicom else ("picture or array", "out.npy")
    source = folder / f"in{path.suffix}"
    source.write_bytes(path.read_bytes())
    export = {"to": "dicom" if dicom else "npy", "path": out}
    conversion = {"inputs": source.name, "source": "auto", "exports": export}
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"version": 1, "conversions": {"one": conversion}}), encoding="utf-8")
    try:
        (result,) = bake(recipe).results
    except DicombakeError as error:
        return Result(path, kind, "refused", reason_of(str(error)))
    if result.error is not None:
        status = "defect" if result.error.traceback else "refused"
        return Result(path, kind, status, reason_of(result.error.message))
    compare = _compare_dicom if dicom else _compare_picture
    return Result(path, kind, "converted", compared=compare(source, folder / out, readers.read))


def reason_of(message: str) -> str:
    """Return a message without what is of one file alone: numbers, and the decoder's own words."""
    text = message.splitlines()[0].partition(": ")[0] if "damaged" in message else message.splitlines()[0]
    return re.sub(r"\d[\d,.x ]*\d|\d", "#", text)[:110]


Read = Callable[[str, Path], Array | None]


def _compare_dicom(source: Path, made: Path, read: Read) -> dict[str, str]:
    dataset = pydicom.dcmread(made)
    if "PixelData" not in dataset:
        return {}
    ours = np.frombuffer(
        dataset.PixelData, f"<{'ui'[dataset.PixelRepresentation]}{dataset.BitsAllocated // 8}"
    )
    frames = int(dataset.get("NumberOfFrames") or 1)
    ours = ours[: frames * dataset.Rows * dataset.Columns * dataset.SamplesPerPixel]
    lossy = str(dataset.get("LossyImageCompression") or "") == "01"
    return {name: verdict(ours, read(name, source), lossy) for name in ("GDCM", "dcmtk")}


def _compare_picture(source: Path, made: Path, read: Read) -> dict[str, str]:
    array: np.ndarray[Any, Any] = np.load(made)
    lossy = source.suffix.lower() not in (".png", ".bmp", ".gif", ".npy", ".npz", ".jls")
    first = array.reshape(-1)
    return {name: verdict(first, read(name, source), lossy) for name in ("ITK", "Pillow")}


def verdict(ours: Array, theirs: Array | None, lossy: bool) -> str:
    """Return ``same``, ``close`` (of what was compressed with loss), ``differs``, or ``not read``.

    A reader that gives the first of several pages, or another layout, gives another number of values.
    """
    if theirs is None:
        return "not read"
    if theirs.size != ours.size:
        return "other layout"
    if np.array_equal(ours, theirs):
        return "same"
    if ours.dtype.kind == "b" or theirs.dtype.kind == "b":
        return "same" if np.array_equal(ours != 0, theirs != 0) else "differs"
    most = float(np.abs(ours.astype(np.float64) - theirs.astype(np.float64)).max())
    return "close" if lossy and ours.dtype.itemsize == 1 and most <= CLOSE else "differs"
