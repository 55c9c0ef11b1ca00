"""TIFF files to DICOM with pylinac, one script: pylinac_tiff.py IN OUT."""

import sys
from pathlib import Path

from pylinac.core.image import tiff_to_dicom

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
for path in sorted(folder.iterdir()):
    made = tiff_to_dicom(path, sid=1000, gantry=0, coll=0, couch=0, dpi=100)
    made.save_as(out / f"{path.stem}.dcm", write_like_original=False)
