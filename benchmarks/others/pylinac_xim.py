"""XIM files to DICOM with pylinac, one script: pylinac_xim.py IN OUT."""

import sys
from pathlib import Path

from pylinac.core.image import XIM

folder, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
for path in sorted(folder.iterdir()):
    XIM(path).as_dicom().save_as(out / f"{path.stem}.dcm", write_like_original=False)
