"""Copying files: copy_files.py IN OUT; prints seconds for each."""

import shutil
import sys
import time
from pathlib import Path

out = Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
files = sorted(Path(sys.argv[1]).iterdir())
start = time.perf_counter()
for path in files:
    shutil.copyfile(path, out / path.name)
print((time.perf_counter() - start) / len(files))
