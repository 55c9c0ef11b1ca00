"""The mean of DICOM images with pylinac: pylinac_mean.py IN OUT."""

import sys
from pathlib import Path

from pylinac.core.image import load_multiples

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
load_multiples(sorted(folder.iterdir()), method="mean", stretch_each=False).save(out / "mean.dcm")
