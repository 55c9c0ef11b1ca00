"""Run by pylinac's own Python: opens each DICOM file of a folder, and keeps the arrays.

Prints, as JSON, why it could not open the others.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from pylinac.core import image

warnings.simplefilter("ignore")
arrays, refused = {}, {}
for path in sorted(Path(sys.argv[1]).glob("*.dcm")):
    try:
        arrays[path.stem] = image.load(str(path)).array
    except Exception:  # noqa: BLE001 (whatever it is, pylinac cannot open the file)
        refused[path.stem] = "no pixels"
np.savez(sys.argv[2], **arrays)
sys.stdout.write(json.dumps(refused))
