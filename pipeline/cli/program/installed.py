"""Check whether the installed packages can work, before any of them is imported.

pip may install a version below what another package requires, and only warns. The requirements are in our own
metadata, the versions in the names of the folders beside it. So a few hundred names are read and one file,
faster than importlib.metadata and packaging are imported. A package without such a folder counts as fit.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

_FOLDER = re.compile(r"([A-Za-z0-9_.]+)-([0-9][^-]*)(?:-[^-]*)?\.(?:dist|egg)-info")
_ASKED = re.compile(r"Requires-Dist: ([A-Za-z0-9_.-]+) ?\(?([<>=!~0-9., ]*)\)?$", re.M)


def unfit(name: str = "dicombake") -> Iterator[str]:
    """Yield what cannot work, a line for each package; nothing where our own metadata are not found."""
    there, asked = _found(name)
    for package, bounds in _ASKED.findall(asked):
        version = there.get(_plain(package), "")
        if version and not all(
            _holds(version, bound.strip()) for bound in bounds.split(",") if bound.strip()
        ):
            yield f"needs {package} {bounds}, and {version} is installed; pip install '{package}{bounds}'"


def _found(name: str) -> tuple[dict[str, str], str]:
    """Return the version of each package on the path, of which the first counts; and our own metadata."""
    there: dict[str, str] = {}
    own = ""
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208
        except OSError:
            continue
        for entry in entries:
            match = _FOLDER.fullmatch(entry)
            if match is None or _plain(match[1]) in there:
                continue
            there[_plain(match[1])] = match[2]
            if match[1] == name:
                own = os.path.join(folder, entry, "METADATA")  # noqa: PTH118  pathlib takes time to load
    try:
        with open(own, encoding="utf-8") as file:  # noqa: PTH123
            return there, file.read().partition("\n\n")[0]
    except OSError:
        return there, ""


def _plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def _holds(version: str, bound: str) -> bool:
    """Tell whether a version is within one bound; what is not plain numbers counts as fit."""
    match = re.fullmatch(r"(>=|<=|<|>|==|!=) ?([0-9.]+)", bound)
    if match is None:
        return True
    left, right = _numbers(version), _numbers(match[2])
    length = max(len(left), len(right))
    left += (0,) * (length - len(left))
    right += (0,) * (length - len(right))
    return {
        ">=": left >= right, "<=": left <= right, "<": left < right, ">": left > right,
        "==": left == right, "!=": left != right,
    }[match[1]]  # fmt: skip


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
