"""Decoding XIM with ximreader: ximreader_decode.py REPEATS FILE...; prints milliseconds for each file."""

import statistics
import sys
import time

from ximreader import ximReader

for name in sys.argv[2:]:
    seconds = []
    for _ in range(int(sys.argv[1])):
        start = time.perf_counter()
        ximReader(name)
        seconds.append(time.perf_counter() - start)
    print(statistics.median(seconds) * 1e3)
