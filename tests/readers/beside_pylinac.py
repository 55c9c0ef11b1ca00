"""Run by pylinac's own Python: says, as JSON, what pylinac and dicompyler-core read from our files.

``opens FOLDER ARRAYS``, ``reads FOLDER ARRAYS`` (pixels go to an .npz file), and ``doses FILE...``.
"""

import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Told = dict[str, object]


def opens(folder: str, target: str) -> Told:
    """Open each DICOM file of a folder, keep the arrays, and tell why the others could not be opened."""
    from pylinac.core import image

    arrays, refused = {}, {}
    for path in sorted(Path(folder).glob("*.dcm")):
        try:
            arrays[path.stem] = image.load(str(path)).array
        except Exception:  # noqa: BLE001 (whatever it is, pylinac cannot open the file)
            refused[path.stem] = "no pixels"
    np.savez(target, **arrays)
    return refused


def reads(folder: str, target: str) -> Told:
    """Read the geometry and the pixels of RT Images, and of the CT series in the folder `ct`."""
    from pylinac.core import image

    told, arrays = {}, {}
    for path in sorted(Path(folder).glob("*.dcm")):
        read = image.LinacDicomImage(str(path))
        arrays[path.stem] = read.array
        told[path.stem] = {
            "sid": float(read.sid),
            "sad": float(read.sad),
            "dpmm": float(read.dpmm),
            "gantry": float(read.gantry_angle),
            "collimator": float(read.collimator_angle),
            "couch": float(read.couch_angle),
        }
    stack = image.DicomImageStack(str(Path(folder, "ct")), min_number=3)
    arrays["ct"] = np.stack([slice_.array for slice_ in stack])
    told["ct"] = {"z": [float(slice_.z_position) for slice_ in stack], "dpmm": float(stack[0].dpmm)}
    np.savez(target, **arrays)
    return told


def doses(*paths: str) -> Sequence[Told]:
    """Read the dose in Gy at places in mm, ``[[x, y, z], ...]`` on standard input, from each file."""
    from dicompylercore.dicomparser import DicomParser

    def read(path: str) -> Told:
        dose = DicomParser(path)
        told = dose.GetDoseData()
        across, down = (np.asarray(table) for table in told["lut"])
        found = []
        for x, y, z in places:
            plane = dose.GetDoseGrid(z)
            row, column = int(np.abs(down - y).argmin()), int(np.abs(across - x).argmin())
            off = max(abs(down[row] - y), abs(across[column] - x))
            found.append([float(plane[row, column]) * float(told["dosegridscaling"]), float(off)])
        return {"units": told["doseunits"], "found": found}

    places: list[list[float]] = json.load(sys.stdin)
    return [read(path) for path in paths]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    commands: dict[str, Callable[..., object]] = {"opens": opens, "reads": reads, "doses": doses}
    json.dump(commands[sys.argv[1]](*sys.argv[2:]), sys.stdout)
