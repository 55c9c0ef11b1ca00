"""Each program that reads our files: its values, or the reason why it has none.

A program either applies the file's rescale itself (`Reading.final`) or gives the stored integers and the
numbers of the rescale as it read them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom

from ..pydicom_api import apply_rescale
from .cases import Written

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Reading:
    """What a program got out of a file."""

    stored: Array | None = None
    final: Array | None = None
    reason: str = ""
    """Why it got nothing."""


def verdict(written: Written, reading: Reading) -> str:
    """``exact``, ``after rescale``, or why the program cannot; ``WRONG`` where it shows other values.

    ``exact`` are the values in the type that they have in the file, which is the source's own where it is to
    be retained. A rescale, be it 1 and 0, makes floats of integers.
    """
    if reading.stored is None and reading.final is None:
        return reading.reason
    truth = written.truth
    if reading.stored is not None and not written.rescaled and written.holds(reading.stored):
        narrower = reading.stored.dtype.kind in "iu" or not written.integers
        if reading.stored.dtype == truth.dtype or (written.case.how == "portable" and narrower):
            return "exact"
    if reading.final is None:
        return "WRONG"
    if written.holds(reading.final):
        return "after rescale"
    return "rounded" if np.array_equal(reading.final, truth.astype(np.float64)) else "WRONG"


def with_pydicom(path: Path) -> Reading:
    dataset = pydicom.dcmread(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stored = dataset.pixel_array
    return Reading(stored, apply_rescale(stored, dataset))


def with_simpleitk(written: Written) -> Reading:
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        image = SimpleITK.ReadImage(str(written.path))
    except RuntimeError:
        return _no_pixels(written)
    array = SimpleITK.GetArrayFromImage(image)
    array = array if written.case.frames > 1 else array[0]
    return Reading(array, array)


def _no_pixels(written: Written) -> Reading:
    """Of ITK and GDCM, which know neither Parametric Maps nor floats nor 64 bits."""
    return Reading(reason="kind" if written.case.kind == "parametric-map" else "no pixels")


def with_gdcm(written: Written) -> Reading:
    """GDCM's pixels; the rescale as GDCM reads its tags."""
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    reader = gdcm.ImageReader()
    reader.SetFileName(str(written.path))
    if not reader.Read():
        return _no_pixels(written)
    image = reader.GetImage()
    layout = image.GetPixelFormat()
    dtype = np.dtype(layout.GetScalarTypeAsString().lower())
    buffer = image.GetBuffer().encode("utf-8", "surrogateescape")
    columns, rows, *frames = image.GetDimensions()
    samples = layout.GetSamplesPerPixel()
    shape = [*frames, rows, columns, *([samples] if samples > 1 else [])]
    stored = np.frombuffer(buffer, dtype).reshape(shape)
    text = gdcm.StringFilter()
    text.SetFile(reader.GetFile())
    slope, intercept = (text.ToString(gdcm.Tag(0x0028, element)).strip() for element in (0x1053, 0x1052))
    return Reading(stored, stored * float(slope or 1) + float(intercept or 0))


def with_dcmdump(program: str, written: Written, folder: Path) -> Reading:
    """The bytes of PixelData as dcmdump writes them out; the other elements hold no integers."""
    done = subprocess.run(
        [program, "-q", "+W", str(folder), str(written.path)], capture_output=True, text=True, check=False
    )
    raw = folder / f"{written.path.name}.0.raw"
    if done.returncode or not raw.exists():
        return Reading(reason="no PixelData")
    dataset = pydicom.dcmread(written.path, stop_before_pixels=True)
    dtype = np.dtype(f"<{'ui'[dataset.PixelRepresentation]}{dataset.BitsAllocated // 8}")
    stored = np.frombuffer(raw.read_bytes(), dtype)[: written.truth.size].reshape(written.truth.shape)
    told = re.findall(r"^\(0028,105[23]\) DS \[(.*?)\].* (\w+)$", done.stdout, re.MULTILINE)
    numbers = {keyword: float(text) for text, keyword in told}
    return Reading(stored, stored * numbers.get("RescaleSlope", 1.0) + numbers.get("RescaleIntercept", 0.0))


def with_dcmj2pnm(program: str, written: Written) -> Reading:
    """The picture of dcmj2pnm in 16 bits, over a window in which a step of grey is a stored step.

    Without its modality transformation, which drops fractions.
    """
    dataset = pydicom.dcmread(written.path, stop_before_pixels=True)
    signed = dataset.PixelRepresentation == 1 if "PixelRepresentation" in dataset else False
    bits = dataset.BitsAllocated
    low = -(1 << (bits - 1)) if signed else 0
    colour = dataset.SamplesPerPixel == 3
    window = [] if colour else ["+Ww", str(low + 32768), "65536"]
    frames = []
    for frame in range(written.case.frames):
        done = subprocess.run(
            [program, "-M", "+opw", *window, "+F", str(frame + 1), str(written.path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            return Reading(reason="no picture")
        lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        numbers = np.array(" ".join(lines[1:]).split(), np.int64)[3:]
        frames.append(numbers // 257 if colour and bits == 8 else numbers + low)
    if bits > 16:
        return Reading(reason="16 bits")
    dtype = np.dtype(f"{'ui'[signed]}{bits // 8}")
    stored = np.concatenate(frames).astype(dtype).reshape(written.truth.shape)
    slope, intercept = (
        dataset.get(key, default) for key, default in (("RescaleSlope", 1), ("RescaleIntercept", 0))
    )
    return Reading(stored, stored * float(slope) + float(intercept))


def with_pylinac(python: str, folder: Path, target: Path) -> dict[str, Reading]:
    """By file; pylinac has pydicom below 3, so it runs in a Python of its own."""
    script = Path(__file__).with_name("beside_pylinac.py")
    done = subprocess.run(
        [python, str(script), "opens", str(folder), str(target)],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    refused: Mapping[str, str] = json.loads(done.stdout.splitlines()[-1])
    readings = {name: Reading(reason=reason) for name, reason in refused.items()}
    with np.load(target) as arrays:
        readings |= {name: Reading(array, array) for name, array in arrays.items()}
    return readings


def with_orthanc(
    command: list[str], storescu: str, folder: Path, work: Path
) -> tuple[dict[str, Reading], dict[str, dict[str, Any]]]:
    """By file, and what Orthanc says of each; `command` starts a program in a network of its own."""
    script = Path(__file__).with_name("orthanc_serves.py")
    *enter, orthanc = command
    done = subprocess.run(
        [*enter, sys.executable, str(script), orthanc, storescu, str(folder), str(work)],
        capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, dict[str, Any]] = json.loads(done.stdout)
    readings = {}
    with np.load(work / "arrays.npz") as arrays:
        for name, facts in told.items():
            if facts["picture"] and name in arrays:
                stored = _plain(arrays[name])
                readings[name] = Reading(stored, stored * facts["slope"] + facts["intercept"])
            else:
                readings[name] = Reading(reason="no picture")
    return readings, told


def _plain(array: Array) -> Array:
    """(frames, rows, columns, samples) without the frames and the samples that are but one."""
    if array.shape[3] == 1:
        array = array[..., 0]
    return array[0] if len(array) == 1 else array
