"""Attributes of a DICOM source that say where pixels are, and what becomes of them when the pixels move.

``attributes.csv`` has one row for every attribute of the standard that might say so (`candidates` finds
them), each with one decision for a shift (crop, pad, roll), a turn (flips, quarter turns) and a resampling
(rotation by an angle): it holds, it is moved (by the function of `movers` with that name), it is dropped with
a note, or the operation is refused. What is not in the table is not carried.
"""
