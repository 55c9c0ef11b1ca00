"""The slices of a volume as numpy writes them: numpy_volume.py FILE OUT AXIS; prints seconds for each."""

import sys
import time
from pathlib import Path

import numpy as np

out = Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
slices = np.moveaxis(np.load(sys.argv[1], mmap_mode="r"), int(sys.argv[3]), 0)
start = time.perf_counter()
for index in range(slices.shape[0]):
    np.ascontiguousarray(slices[index]).tofile(out / f"{index}.raw")
print((time.perf_counter() - start) / slices.shape[0])
