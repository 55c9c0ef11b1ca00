"""A 3D array to CT files with SimpleITK, slice by slice: simpleitk_volume.py FILE OUT AXIS.

After SimpleITK's own example DicomSeriesFromArray: the same tags, one ImageFileWriter for all.
"""

import sys
from pathlib import Path

import numpy as np
import SimpleITK

out = Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
slices = np.moveaxis(np.load(sys.argv[1], mmap_mode="r"), int(sys.argv[3]), 0)
writer = SimpleITK.ImageFileWriter()
writer.KeepOriginalImageUIDOn()
tags = {
    "0008|0060": "CT",
    "0008|0008": "DERIVED\\SECONDARY\\AXIAL",
    "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
    "0020|000d": "2.25.1",
    "0020|000e": "2.25.2",
    "0020|0037": "1\\0\\0\\0\\1\\0",
    "0018|0050": "1.0",
    "0028|1052": "0",
    "0028|1053": "1",
    "0028|1054": "HU",
}
for index in range(slices.shape[0]):
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(slices[index]))
    image.SetSpacing([0.5, 0.5])
    for tag, value in tags.items():
        image.SetMetaData(tag, value)
    image.SetMetaData("0008|0018", f"2.25.3{index}")
    image.SetMetaData("0020|0013", str(index + 1))
    image.SetMetaData("0020|0032", f"0\\0\\{index}")
    writer.SetFileName(str(out / f"{index}.dcm"))
    writer.Execute(image)
