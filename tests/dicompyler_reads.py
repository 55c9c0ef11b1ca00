"""Reads RT Doses by dicompyler-core, which needs pydicom below 3; prints Gy at places in mm, as JSON.

Called by tests/pipeline/exporters/dicom/test_rt_dose.py: FILE..., and ``[[x, y, z], ...]`` on standard input.
"""

import json
import sys

import numpy as np
from dicompylercore.dicomparser import DicomParser


def read(path: str, places: list[list[float]]) -> dict[str, object]:
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


if __name__ == "__main__":
    wanted = json.load(sys.stdin)
    json.dump([read(path, wanted) for path in sys.argv[1:]], sys.stdout)
