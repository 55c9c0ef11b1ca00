"""A 3D array to DICOM files with pylinac: pylinac_volume.py FILE OUT AXIS."""

import sys
from pathlib import Path

import numpy as np
from pylinac.core.array_utils import create_dicom_files_from_3d_array

# pylinac takes its slices from the last axis
array = np.moveaxis(np.load(sys.argv[1], mmap_mode="r"), int(sys.argv[3]), -1)
create_dicom_files_from_3d_array(array, out_dir=Path(sys.argv[2]), slice_thickness=1.0, pixel_size=0.5)
