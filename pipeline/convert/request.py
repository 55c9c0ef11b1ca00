"""Turn the options of `dicombake convert` into the tree of the recipe that does the same.

Each part of the tree has the option that gave it as its place, so that whatever reads recipes names the
option in its messages. Nothing of the tree depends on where the outputs go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os.path import commonpath
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ..errors import UsageError
from ..exporters.registry import TARGETS
from ..loaders.registry import FORMATS
from ..recipe.loaded import Place
from ..recipe.tree import Part, parts_of
from ..recipe.yaml_nodes import YamlError, read_yaml
from .options import NAME, Request, option, target_of, volume_format


class Asked(Struct, frozen=True):
    """The recipe's tree, the folder that its inputs are relative to, and that of its outputs."""

    tree: Part
    data: Path
    out: Path


def asked(request: Request) -> Asked:
    """Return the recipe that a request means.

    Raises:
        UsageError: an option that is no YAML, a file that is not there, a target that nothing says.
    """
    _check_one_output(request)
    data, names = _common(request.files)
    said = request.source or volume_format(request)
    source = _yaml("--source", said) if said else _part("auto", "--source")
    to = request.to or target_of(request, _format_of(source))
    entries = {
        "inputs": _list("FILE", [_glob(name) for name in names]),
        "source": source,
        **({"combine": _yaml("--combine", request.combine)} if request.combine else {}),
        **({"process": _each("--process", request.process)} if request.process else {}),
        **({"geometry": _geometry(request.geometry)} if request.geometry else {}),
        "exports": _export(request, to, _format_of(source), data, names),
        **({"tags": _tags(request.tags)} if request.tags else {}),
        **({"remove_tags": _list("--remove-tag", request.remove_tags)} if request.remove_tags else {}),
        **({"profile": _part(request.profile, "--profile")} if request.profile else {}),
    }
    conversion = _part({key: _moved(part, ("conversions", NAME, key)) for key, part in entries.items()}, "")
    tree = _part(
        {"version": _part("1", ""), "name": _part(NAME, ""), "conversions": _part({NAME: conversion}, "")}, ""
    )
    return Asked(tree, data, request.out if request.folder else request.out.parent)


def _check_one_output(request: Request) -> None:
    """Refuse one output for several files, unless they become one image or are one volume.

    Raises: UsageError.
    """
    if len(request.files) == 1 or request.folder or request.combine:
        return
    source = _format_of(_yaml("--source", request.source)) if request.source else ""
    if source not in FORMATS or not FORMATS[source].series:
        raise UsageError(
            f"{len(request.files)} files cannot go into one",
            subject=str(request.out),
            hint="name a folder, as in OUT/; or make one image of them with --combine mean; slices of one "
            "volume are read with --source dicom-series, or image-stack for pictures",
        )


def _common(files: Sequence[Path]) -> tuple[Path, list[str]]:
    """Return the folder that holds all files, and their paths in it with ``/``."""
    for file in files:
        if str(file) == "-":
            raise UsageError("standard input cannot be converted", subject="-", hint="name a file")
        if not file.exists():
            raise UsageError("there is no such file", subject=str(file))
        if file.is_dir():
            hint = "name its files; for slices of one volume add --source dicom-series"
            raise UsageError("is a folder, not a file", subject=str(file), hint=hint)
    whole = [Path.cwd() / file for file in files]
    try:
        folder = Path(commonpath([file.parent for file in whole]))
    except ValueError:  # on Windows: files of two drives
        raise UsageError("the files lie on different drives", hint="convert them one by one") from None
    return folder, [file.relative_to(folder).as_posix() for file in whole]


def _glob(name: str) -> str:
    """Return a glob that matches this name alone. Raises: UsageError."""
    if "\\" in name:
        raise UsageError("its name holds a backslash, which no recipe can say", subject=name)
    return "".join(f"[{char}]" if char in "*?[{}" else char for char in name)


def _format_of(source: Part) -> str:
    """Return the format that the source names."""
    named = source.entries.get("format", source).value
    return named if isinstance(named, str) else ""


def _export(request: Request, to: str, source: str, data: Path, names: Sequence[str]) -> Part:
    """Return the export: a literal name, or in a folder one made of its input's."""
    if request.folder:
        suffix = TARGETS[to].file.suffix if to in TARGETS else ""
        path = _stem(to, source, data, names) + suffix
    else:
        path = _literal(request.out.name)
    options = {key: _yaml(option(key), value) for key, value in request.export.items()}
    return _part({"to": _part(to, "--to"), "path": _part(path, "OUT"), **options}, "--to")


def _stem(to: str, source: str, data: Path, names: Sequence[str]) -> str:
    """Return the template of an output's name, without its suffix, in a folder."""
    target, row = TARGETS.get(to), FORMATS.get(source)
    of_volume = row is not None and row.holds == "slices"
    numbered = target is not None and (target.made_of == "slices" or (of_volume and target.holds == "image"))
    if row is None or not row.series:
        return "{stem}_{slice:04d}" if numbered else "{stem}"
    if any("/" in name for name in names):
        return "{parent}/{slice:04d}" if numbered else "{parent}"
    return "{slice:04d}" if numbered else _literal(Path(names[0]).stem if len(names) == 1 else data.name)


def _literal(name: str) -> str:
    return name.replace("{", "{{").replace("}", "}}")


def _geometry(said: Mapping[str, str]) -> Part:
    """Return each key from its own option; two numbers may be written as ``0.4,0.4``."""
    parts = {}
    for key, text in said.items():
        values = text.split(",")
        pair = len(values) > 1 and not text.lstrip().startswith("[")
        parts[key] = (
            _list(option(key), [value.strip() for value in values]) if pair else _yaml(option(key), text)
        )
    return _part(parts, "the options of geometry")


def _tags(said: Sequence[str]) -> Part:
    found: dict[str, Part] = {}
    for text in said:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(
                f"'{text}' is no tag with a value", subject="--tag", hint="as in --tag PatientID=QA-1"
            )
        found[key] = _part(value or None, f"--tag {key}")
    return _part(found, "--tag")


def _each(option: str, texts: Sequence[str]) -> Part:
    return _part([_yaml(option, text) for text in texts], option)


def _list(option: str, values: Sequence[str]) -> Part:
    return _part([_part(value, option) for value in values], option)


def _yaml(option: str, text: str) -> Part:
    """Return the text of an option, read as a recipe would read it. Raises: UsageError."""
    try:
        node = read_yaml(text.encode())
    except YamlError as error:
        raise UsageError("; ".join(problem.what for problem in error.problems), subject=option) from None
    return _placed(parts_of(node, option, own=True), option)


def _part(value: Any, option: str) -> Part:
    place = Place(option, 0, 0, "conversion")
    return Part(value, place, (), place)


def _placed(part: Part, option: str) -> Part:
    """Return the part and all in it with an option, which has no lines, as their place."""
    place = Place(option, 0, 0, "conversion")
    value = part.value
    if isinstance(value, dict):
        value = {key: _placed(inner, option) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_placed(inner, option) for inner in value]
    return replace(part, value=value, place=place, key=place)


def _moved(part: Part, path: tuple[str | int, ...]) -> Part:
    """Return the part and all in it at its path in the recipe."""
    value = part.value
    if isinstance(value, dict):
        value = {key: _moved(inner, (*path, key)) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_moved(inner, (*path, index)) for index, inner in enumerate(value)]
    return replace(part, value=value, path=path)
