"""A 3D array, or a NIfTI, to CT files with SimpleITK: simpleitk_volume.py FILE OUT AXIS.

As its documentation does it (the example Dicom Series From Array): the array as one image, a slice of it at a
time with its tags, one writer for all.
"""

import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK

out = Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
if sys.argv[1].endswith(".nii"):
    volume = SimpleITK.ReadImage(sys.argv[1])
else:
    volume = SimpleITK.GetImageFromArray(np.moveaxis(np.load(sys.argv[1]), int(sys.argv[3]), 0))
    volume.SetSpacing([0.5, 0.5, 1.0])
writer = SimpleITK.ImageFileWriter()
writer.KeepOriginalImageUIDOn()
day, hour = time.strftime("%Y%m%d"), time.strftime("%H%M%S")
direction = volume.GetDirection()
tags = {
    "0008|0031": hour,
    "0008|0021": day,
    "0008|0008": "DERIVED\\SECONDARY",
    "0020|000e": f"1.2.826.0.1.3680043.2.1125.{day}.1{hour}",
    "0020|0037": "\\".join(str(direction[index]) for index in (0, 3, 6, 1, 4, 7)),
    "0008|103e": "Created-SimpleITK",
    "0028|1052": "0",
    "0028|1053": "1",
    "0028|1054": "HU",
}
for index in range(volume.GetDepth()):
    image = volume[:, :, index]
    for tag, value in tags.items():
        image.SetMetaData(tag, value)
    image.SetMetaData("0008|0012", time.strftime("%Y%m%d"))
    image.SetMetaData("0008|0013", time.strftime("%H%M%S"))
    image.SetMetaData("0008|0060", "CT")
    place = volume.TransformIndexToPhysicalPoint((0, 0, index))
    image.SetMetaData("0020|0032", "\\".join(map(str, place)))
    image.SetMetaData("0020|0013", str(index))
    writer.SetFileName(str(out / f"{index}.dcm"))
    writer.Execute(image)
