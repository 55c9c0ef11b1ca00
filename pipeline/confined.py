"""Confine an untrusted recipe to the folders that the caller named."""

from __future__ import annotations

import os
from pathlib import Path

REFUSED = "an untrusted recipe may not leave its folders"

WITHHELD = "an untrusted recipe does not get"


def escapes(path: Path, folder: Path) -> bool:
    """Tell whether a path lies outside of a folder once every link on the way is followed.

    Of a path that does not exist yet, the part that exists decides.
    """
    real, root = os.path.realpath(path), os.path.realpath(folder)
    return real != root and not real.startswith(root.rstrip(os.sep) + os.sep)
