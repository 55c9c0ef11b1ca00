"""Run by pylinac's own Python: tells, as JSON, what pylinac reads from a folder of our outputs."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from pylinac.core import image

warnings.simplefilter("ignore")
folder, target = Path(sys.argv[1]), sys.argv[2]
told, arrays = {}, {}
for path in sorted(folder.glob("*.dcm")):
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
stack = image.DicomImageStack(str(folder / "ct"), min_number=3)
arrays["ct"] = np.stack([slice_.array for slice_ in stack])
told["ct"] = {
    "z": [float(slice_.z_position) for slice_ in stack],
    "dpmm": float(stack[0].dpmm),
}
np.savez(target, **arrays)
sys.stdout.write(json.dumps(told))
