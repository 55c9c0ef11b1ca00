"""The standard's module tables, and the check of a file against them.

``modules.json`` is PS3.3's modules and attributes for the kinds of image that matter here, generated from
highdicom's tables (MIT, (c) MGH Computational Pathology), which its authors extracted from the standard.
Their licence lies beside it. `generate` makes it; a test compares the two wherever highdicom is installed.
"""
