"""Whether the packages that are installed are ones that can work, before any of them is loaded.

pip changes a package below what another asks for, and only warns. What is asked stands in our own metadata;
what is there, in the names of the folders beside it. So a few hundred names are read and one file, in less
than the time that importlib.metadata and packaging take to load. What has no such folder is taken as fit.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

_FOLDER = re.compile(r"([A-Za-z0-9_.]+)-([0-9][^-]*)(?:-[^-]*)?\.(?:dist|egg)-info")
_ASKED = re.compile(r"Requires-Dist: ([A-Za-z0-9_.-]+) ?\(?([<>=!~0-9., ]*)\)?$", re.M)


def unfit(name: str = "dicombake") -> Iterator[str]:
    """What cannot work, a line for each package; nothing where our own metadata are not found."""
    there, asked = _found(name)
    for package, bounds in _ASKED.findall(asked):
        version = there.get(_plain(package), "")
        if version and not all(
            _holds(version, bound.strip()) for bound in bounds.split(",") if bound.strip()
        ):
            yield f"needs {package} {bounds}, and {version} is installed; pip install '{package}{bounds}'"


def _found(name: str) -> tuple[dict[str, str], str]:
    """Version of each package on the path, the first counts; and our own metadata."""
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
    """Whether a version is within one bound; what is not plain numbers is taken as fit."""
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
