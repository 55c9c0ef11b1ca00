"""Kills, full disks, foreign files and power cuts: what a run leaves, and whether the next one goes on.

A part of it is a test (`test_faults`); ``python -m tests.faults`` does the whole, and writes the figures into
docs/reliability.md with ``--write``.
"""
