"""Decoding XIM with RTK's C++ reader: rtk_decode.py REPEATS FILE...; prints milliseconds for each file."""

import statistics
import sys
import time

import itk

IMAGE = itk.Image[itk.US, 2]

for name in sys.argv[2:]:
    seconds = []
    for _ in range(int(sys.argv[1])):
        start = time.perf_counter()
        reader = itk.ImageFileReader[IMAGE].New()
        reader.SetImageIO(itk.RTK.XimImageIO.New())
        reader.SetFileName(name)
        reader.Update()
        seconds.append(time.perf_counter() - start)
    print(statistics.median(seconds) * 1e3)
