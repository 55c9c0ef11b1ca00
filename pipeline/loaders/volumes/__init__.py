"""Volumes with a geometry of their own: NIfTI, NRRD and MetaImage.

Each format's module reads a header, checked before memory is taken, and gives a `Header`; what follows is
common: which stored axis is what (`axes`), where each slice lies in the patient (`grid`), the values of one
slice after the other (`values`), and the images made of them (`slices`).
"""
