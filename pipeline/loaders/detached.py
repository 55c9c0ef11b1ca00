"""Volumes whose header is one file and whose values are another, beside it."""

from __future__ import annotations

_FORMATS = frozenset({"nifti", "nrrd", "metaimage"})
_SUFFIXES = (".mhd", ".nhdr", ".hdr", ".hdr.gz")


def may_be_detached(source: str, name: str) -> bool:
    """Tell whether the values of a file may lie in another one.

    Of what `auto` reads the name tells it: a plan opens no file that it need not, and must know each file
    that is read.
    """
    return source in _FORMATS or (source == "auto" and name.lower().endswith(_SUFFIXES))
