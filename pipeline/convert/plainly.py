"""Lower a plain request for one file directly, without Pydantic, YAML and the planner, in half of the time.

The result is what the planner makes of the recipe that the request means (a test compares the two). What is
not plain, or would be refused, is left to the planner, which gives the reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...schemas.language.plausible import doubtful_number, doubtful_tag
from ...schemas.language.tags import TagPath, TagValue, parse_tag, problem_of
from ...schemas.language.template import Template, is_template
from ..errors import DicombakeError
from ..exporters.registry import DICOM, TARGETS
from ..imaging.stated import Stated
from ..loaders.options import Limits, defaults_of
from ..loaders.registry import FORMATS
from ..plan.lowered import LoweredConversion, LoweredRecipe
from ..plan.model import InputFile, Output, Unit
from ..recipe.loaded import Place
from ..run.unit.results import Job, UnitResult
from .options import NAME, Request, option, target_of

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. +-]*[A-Za-z0-9_]")
"""Names that mean the same on every system, and that a template does not change."""
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_KEYWORD = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"-?\d{1,6}(\.\d{1,6})?")
_DISTANCES = ("sid", "sad", "dpi")
_LENGTHS = (*_DISTANCES, "pixel_spacing")
_ANGLES = ("gantry", "collimator", "couch")
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


def lowered(request: Request) -> tuple[LoweredRecipe, Unit] | None:
    """Return what the request means, and its unit of work; None for what is not plain.

    Opens a file only to tell whether it is DICOM.
    """
    if request.folder or len(request.files) != 1 or request.combine or request.process:
        return None
    if request.remove_tags or request.profile or "window" in request.export:
        return None
    (file,), out = request.files, request.out
    if not all(_FILE.fullmatch(path.name) and not _DEVICES.fullmatch(path.name) for path in (file, out)):
        return None
    if not file.is_file() or not out.parent.is_dir() or _in_the_way(file, out):
        return None
    geometry, tags, source = _geometry(request.geometry), _tags(request.tags), _source(request.source)
    if geometry is None or tags is None or source is None:
        return None
    try:
        to = request.to or target_of(request, source.format)
    except DicombakeError:
        return None
    if to not in TARGETS or TARGETS[to].made_of == "slices" or (tags and TARGETS[to].file is not DICOM):
        return None
    export = _export(to, request.export, out.name)
    if export is None:
        return None
    conversion = LoweredConversion(
        name=NAME,
        source=source,
        combine=None,
        process=(),
        geometry=geometry,
        geometry_places={key: Place(option(key), 0, 0, "conversion") for key in request.geometry},
        exports=(export,),
        tags=tags,
        tag_places={path: Place(f"--tag {path.text}", 0, 0, "conversion") for path in tags},
        remove_tags=(),
        study=None,
        machine=None,
        kinds=_NOTHING,
        other_columns=frozenset(),
        deidentify=None,
        strict=False,
        verify="values",
        keep=False,
    )
    recipe = LoweredRecipe(NAME, None, _NOTHING, Limits(), (), {NAME: conversion}, _NOTHING)
    unit = Unit(f"{NAME}/{file.name}", NAME, 1, (InputFile(file.name),), (Output(out.name, 0),))
    return recipe, unit


def converted(request: Request, *, overwrite: bool) -> UnitResult | None:
    """Carry out a plain request, and return its result; else return None, and nothing is written."""
    found = lowered(request)
    if found is None or (os.path.lexists(request.out) and not overwrite):
        return None
    from ..run.unit.work import do_unit
    from ..store.temporary import remove_leftovers

    recipe, unit = found
    (file,), out = request.files, request.out
    ours = frozenset({out.name} if out.exists() else ())
    job = Job(recipe, Path.cwd() / file.parent, out.parent, overwrite=overwrite, ours=ours)
    try:
        result = do_unit(unit, job)
    except KeyboardInterrupt:
        remove_leftovers(out.parent, [out.name])
        raise
    except Exception:  # noqa: BLE001  whatever it is, the longer way meets it again, and tells it
        return None
    return result if result.error is None else None


def _in_the_way(file: Path, out: Path) -> bool:
    """Tell whether something other than a plain file that is no input is in the place of the output."""
    if out.is_symlink() or (out.exists() and not out.is_file()):
        return True
    return os.path.realpath(file).casefold() == os.path.realpath(out).casefold() or (
        out.exists() and out.samefile(file)
    )


def _source(said: str) -> Any:
    """Return the options of a format that needs none; None where it needs some, or slices come of it."""
    row = FORMATS.get(said or "auto")
    if row is None or row.holds == "slices" or row.series:
        return None
    return defaults_of(row.options)


def _tags(said: Sequence[str]) -> dict[TagPath, TagValue] | None:
    """Return keywords with plain values that fit them and are not doubtful; else None."""
    found: dict[TagPath, TagValue] = {}
    for text in said:
        key, _, value = text.partition("=")
        if not _KEYWORD.fullmatch(key) or not value or is_template(value):
            return None
        try:
            path, read = parse_tag(key), TagValue(items=(value,))
        except ValueError:
            return None
        if path in found or problem_of(path, read) or doubtful_tag(path, read):
            return None
        found[path] = read
    return found


def _geometry(said: Mapping[str, str]) -> Stated[Any] | None:
    """Return what is stated, of plain and plausible values; None where it is not plain."""
    known: dict[str, Any] = {}
    for key, text in said.items():
        if key in (*_DISTANCES, *_ANGLES):
            value: Any = _number(key, text)
        elif key == "at":
            value = text if text in ("image_plane", "isocenter") else None
        elif key == "center":
            value = text if text == "image" else _pair(key, text)
        else:
            value = _pair(key, text) if key == "pixel_spacing" else None
        if value is None:
            return None
        known[key] = value
    return None if {"dpi", "pixel_spacing"} <= known.keys() else Stated(**known)


def _pair(key: str, text: str) -> tuple[float, float] | None:
    row, comma, column = text.partition(",")
    values = _number(key, row.strip()), _number(key, column.strip())
    return (values[0], values[1]) if comma and values[0] is not None and values[1] is not None else None


def _number(key: str, text: str) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return None if (key in _LENGTHS and value <= 0) or doubtful_number(key, value) else value


def _export(to: str, said: Mapping[str, str], name: str) -> Any:
    """Return the options of the target; None where a value is not one that they may have."""
    from ..dicom.encode.syntaxes import KEEP, SYNTAXES
    from ..exporters.options import KeepingOptions

    kind: Any = TARGETS[to].options
    syntaxes = (*SYNTAXES, KEEP) if issubclass(kind, KeepingOptions) else tuple(SYNTAXES)
    allowed = {"pixels": ("auto", "retain", "portable", "quantize"), "transfer_syntax": syntaxes}
    if not all(
        key in kind.__struct_fields__ and value in allowed.get(key, ()) for key, value in said.items()
    ):
        return None
    return kind(**{"path": Template(name), "to": to, **said})
