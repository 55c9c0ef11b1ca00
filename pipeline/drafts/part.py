"""Write one conversion of a draft."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from msgspec import Struct

from ...schemas.language.words import UNKNOWN
from ..exporters.registry import TARGETS
from ..imaging.geometry import AXES
from ..imaging.image import Geometry
from ..inputs.render import split_name
from ..loaders.registry import FORMATS
from ..places.names import nfc
from .examine import Found, Kind
from .stacks import PAGES, STACK

_LONGEST_NAME = 40
_NEEDED = {
    "pixel_spacing": ("spacing", "mm, as in [0.4, 0.4] (between rows, between columns); or dpi: 300"),
    "sid": ("sid", "mm from the source to the image plane"),
}
"""What the target of a projection image needs: the key, its field of `Geometry`, what to write."""


class Part(Struct, frozen=True):
    """The text of one conversion, and questions to its user."""

    text: str
    fill_in: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


def part(kind: Kind, found: Sequence[Found], inputs: str, sidecar: str, names: set[str]) -> Part:
    """Return a conversion of files of one kind; its name is added to those that are taken.

    Args:
        kind: the kind of the files.
        found: the files.
        inputs: the YAML of `inputs`.
        sidecar: the name of a companion file next to them; empty where there is none.
        names: those of other conversions, without case.
    """
    name = _name(kind, names)
    where = f"conversions.{name}"
    lines = [f"  {name}:{_comment_of(found)}", f"    inputs: {inputs}"]
    if kind.fits:
        lines.append(
            "    # Nothing says what these raw files are. What fits their size (or a shape of yours):"
        )
        lines += [f"    #   {source}" for source in kind.fits]
    if kind.format == "image" and any(item.probe is not None and item.probe.pages > 1 for item in found):
        lines.append(
            f"    # Pages that are slices: source: {{format: {STACK}, spacing: [ROW, COLUMN, SLICE]}} (mm)"
        )
    lines.append(f"    source: {kind.source}")
    fill_in = [
        f"{where}.source{'.' if item.option else ''}{item.option}: {item.question}"
        for item in kind.unsaid
        if item.question
    ]
    if sidecar:
        lines.append(f"    sidecar: {sidecar}")
    geometry, missing = _geometry(kind, found)
    lines += [f"    {line}" for line in geometry]
    lines += [
        f"    {line}"
        for line in _exports(kind, name, _file(found), each=kind.series == PAGES and len(found) > 1)
    ]
    ask = [f"{where}.geometry: {' and '.join(missing)}"] if missing else []
    return Part("\n".join(lines) + "\n", tuple(fill_in), tuple(ask))


def _name(kind: Kind, names: set[str]) -> str:
    """Return a name for the conversion, after its folder, that is not taken."""
    last = "" if kind.folder == "." else PurePosixPath(kind.folder).name
    letters = re.sub(r"\W+", "_", unicodedata.normalize("NFC", last)).strip("_")[:_LONGEST_NAME]
    stem = letters or kind.format.replace("-", "_")
    name, number = stem, 1
    while name.casefold() in names:
        number += 1
        name = f"{stem}_{number}"
    names.add(name.casefold())
    return name


def _comment_of(found: Sequence[Found]) -> str:
    probe = found[0].probe
    text = f"    # {len(found)} file{'s' if len(found) > 1 else ''}"
    if probe is None:
        return text
    text += f"; the first: {' x '.join(str(size) for size in probe.shape)} {probe.dtype}"
    return text + (f", {probe.pages} pages, frames or slices" if probe.pages > 1 else "")


def _geometry(kind: Kind, found: Sequence[Found]) -> tuple[list[str], list[str]]:
    """Return the lines of `geometry`, and the keys that some file lacks; what other files have stays."""
    if TARGETS[kind.target].default_for != "image":
        return [], []
    known = [Geometry() if item.probe is None else item.probe.geometry for item in found]
    missing, fills, lines = [], [], []
    for key, (field, description) in _NEEDED.items():
        silent = sum(getattr(each, field) is None and field not in each.blank for each in known)
        if silent:
            missing.append(key)
            lines.append(f"  {key}: {UNKNOWN}".ljust(28) + f"# {description}")
        if 0 < silent < len(known):
            fills.append(key)
    if fills:
        lines.append(f"  fills: [{', '.join(fills)}]".ljust(28) + "# some files know it; theirs stay")
    for axis in sorted(kind.angles, key=AXES.index):
        text = f'  {axis}: "{{{axis}}}"'
        lines.append(text.ljust(28) + "# from the names, taken as IEC 61217; else add scale")
    if missing:
        lines.insert(0, "# The files do not say what is unknown here: it stays empty until you write it.")
    return ([lines[0]] if missing else []) + (["geometry:"] if lines else []) + lines[
        bool(missing) :
    ], missing


def _file(found: Sequence[Found]) -> str:
    """Return the template of an output's name without its suffix: unique for each file, whatever the case."""
    stems = {split_name(str(item.name))[1].casefold() for item in found}
    names = {nfc(item.name.name).casefold() for item in found}
    file = (
        "{stem}"
        if len(stems) == len(found)
        else "{name}"
        if len(names) == len(found)
        else "{stem}_{index:03d}"
    )
    several = any(item.probe is not None and item.probe.pages > 1 for item in found)
    return f"{file}_{{page:02d}}" if several else file


def _exports(kind: Kind, name: str, file: str, *, each: bool) -> list[str]:
    """Return the lines of `exports`; `each`: each file is a volume of its own."""
    row, folder = TARGETS[kind.target], f"dicom/{name}"
    if kind.format == STACK:
        path = f"{folder}/{'{stem}/' if each else ''}{{slice:04d}}{row.file.suffix}"
        return [f'exports: {{to: {kind.target}, path: "{path}"}}', "# tags: {PatientPosition: HFS}"]
    if FORMATS[kind.format].series:
        return ["exports:", f'  - {{to: {kind.target}, path: "{folder}/{{slice:04d}}{row.file.suffix}"}}']
    if row.made_of == "slices":
        path = f"{folder}/{{stem}}/{{slice:04d}}{row.file.suffix}"
        return [f'exports: {{to: {kind.target}, path: "{path}"}}', "# tags: {PatientPosition: HFS}"]
    file = file.removesuffix("_{page:02d}") if row.made_of == "dicom" else file  # its frames stay one file
    return ["exports:", f'  - {{to: {kind.target}, path: "{folder}/{file}{row.file.suffix}"}}']
