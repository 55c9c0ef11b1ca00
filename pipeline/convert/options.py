"""The options of `dicombake convert`, and the target that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

from ..errors import DicombakeError, UsageError
from ..exporters.registry import DICOM, TARGETS, default_target
from ..loaders.auto import recognise
from ..loaders.registry import FORMATS

NAME = "convert"
"""The name of the recipe and of its one conversion; identities derive from it (docs/dicom-output.md)."""

_SUFFIXES: Mapping[str, str] = {
    suffix: name
    for name, target in TARGETS.items()
    if target.file is not DICOM
    for suffix in (target.file.suffix, *target.file.other_suffixes)
}
"""The target that a file's suffix means; of DICOM there are several, and the source decides."""


class Request(Struct, frozen=True):
    """The options of one call, as they were given; YAML where an option takes it."""

    files: tuple[Path, ...]
    """As the user names them; literal, never globs."""
    out: Path
    folder: bool
    """Whether `out` is a folder, in which each output has its input's stem."""
    to: str = ""
    source: str = ""
    combine: str = ""
    process: tuple[str, ...] = ()
    geometry: Mapping[str, str] = field(default_factory=dict)
    """By the keys of `geometry`."""
    tags: tuple[str, ...] = ()
    """``PatientID=QA-1`` each."""
    remove_tags: tuple[str, ...] = ()
    export: Mapping[str, str] = field(default_factory=dict)
    """`pixels`, `window` and `transfer_syntax`."""
    profile: str = ""


def target_of(request: Request, source: str) -> str:
    """Return the target that the suffix of OUT means. Raises: UsageError."""
    name = request.out.name.lower()
    packed = next((each for each in _SUFFIXES if each.count(".") > 1 and name.endswith(each)), None)
    suffix = "" if request.folder else packed or request.out.suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if suffix not in ("", DICOM.suffix) or not (suffix or request.folder):
        known = ", ".join(sorted({DICOM.suffix, *_SUFFIXES}))
        what = f"its suffix '{suffix}' says no format" if suffix else "it has no suffix that says a format"
        raise UsageError(what, subject=str(request.out), hint=f"one of {known}; or give --to")
    if source in FORMATS and FORMATS[source].holds == "slices":
        return default_target("slices")
    return default_target("dicom" if _is_dicom(request.files[0], source) else "image")


def volume_format(request: Request) -> str:
    """Return the format of files whose content says that they are volumes, for a folder; else empty.

    Such a format has slices to count, and `auto` does not know of any.
    """
    if not request.folder or request.source or request.combine:
        return ""
    found = set()
    for file in request.files:
        try:
            found.add(recognise(file))
        except DicombakeError:
            return ""
    name = found.pop() if len(found) == 1 else ""
    return name if name and FORMATS[name].holds == "slices" else ""


def _is_dicom(file: Path, source: str) -> bool:
    if source in FORMATS and FORMATS[source].dicom != "perhaps":
        return FORMATS[source].dicom == "always"
    return FORMATS[recognise(file)].dicom == "always"


def option(key: str) -> str:
    """Return the option of a key of a recipe."""
    return f"--{key.replace('_', '-')}"
