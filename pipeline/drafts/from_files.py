"""Drafts from files: one conversion per folder and kind of file, by what is in them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...schemas.language.words import FILL_IN
from ..errors import SourceError, UsageError
from ..exporters.registry import TARGETS, default_target
from ..imaging.image import Geometry
from ..imaging.probe import Probe
from ..loaders.auto import recognise
from ..loaders.base import Drafted, Unsaid
from ..loaders.options import Limits
from ..loaders.registry import FORMATS, loader
from .base import Draft, head

MOST_FILES = 10_000
"""More are no draft's business; a folder given by mistake is noticed early."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells one conversion from another."""

    folder: str
    suffix: str
    format: str
    target: str
    unsaid: tuple[Unsaid, ...] = ()
    """What the recipe must say and only the user knows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file, what it is, and what its headers say."""

    path: PurePosixPath
    kind: Kind
    probe: Probe | None


@dataclass(frozen=True, slots=True)
class Part:
    """The text of one conversion."""

    text: str
    fill_in: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


def from_files(paths: Sequence[Path], base: Path) -> Draft:
    """A recipe for files and folders; its globs are relative to `base`, below which they lie.

    Raises:
        UsageError: no file, too many, or one that does not lie below `base`.
    """
    listed = sorted(set(_expand(paths)), key=lambda path: path.as_posix())
    if not listed:
        raise UsageError("there are no files in it", subject=", ".join(str(path) for path in paths))
    groups: dict[Kind, list[Found]] = {}
    skipped = []
    for path in listed:
        try:
            found = examine(path, _below(path, base))
            groups.setdefault(found.kind, []).append(found)
        except SourceError as error:
            skipped.append(f"{_below(path, base)}: {error.what}{f'; {error.hint}' if error.hint else ''}")
    names: set[str] = set()
    parts = [_part(kind, found, _globs(kind, found, groups), names) for kind, found in groups.items()]
    return _joined(parts, tuple(skipped), len(listed))


def _joined(parts: Sequence[Part], skipped: tuple[str, ...], count: int) -> Draft:
    fill_in = tuple(sentence for part in parts for sentence in part.fill_in)
    text = head(f"drafted from {count} file{'s' if count > 1 else ''}; check every line")
    if parts:
        text += "conversions:\n" + "\n".join(part.text for part in parts)
    else:
        text += f"conversions: {FILL_IN}\n"
        fill_in = ("conversions: nothing here could be told by its content", *fill_in)
    if skipped:
        text += "\n# Left out:\n" + "".join(f"#   {sentence}\n" for sentence in skipped)
    return Draft(text, fill_in, tuple(sentence for part in parts for sentence in part.ask), skipped)


def _expand(paths: Sequence[Path]) -> Iterator[Path]:
    """The files, and those in the folders at any depth; no dotfiles."""
    count = 0
    for path in paths:
        if not path.exists():
            raise UsageError("does not exist", subject=str(path))
        for file in _walk(path) if path.is_dir() else [path]:
            count += 1
            if count > MOST_FILES:
                raise UsageError(f"holds more than {MOST_FILES} files", hint="name some of them")
            yield file


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


def _below(path: Path, base: Path) -> PurePosixPath:
    try:
        return PurePosixPath(path.resolve().relative_to(base.resolve()).as_posix())
    except ValueError:
        raise UsageError(
            f"does not lie below {base}, where the recipe will be",
            subject=str(path),
            hint="put the recipe into a folder above the files with --out",
        ) from None


def examine(path: Path, name: PurePosixPath) -> Found:
    """What a file is, by its content. Raises: SourceError with the reason."""
    limits = Limits()
    told = recognise(path)
    own = loader(told)
    if own.drafted is not None:
        drafted = own.drafted(path, limits)
    else:
        drafted = Drafted(told, own.probe(path, own.defaults, limits))
    kind = Kind(str(name.parent), path.suffix, drafted.format, _target(drafted), drafted.unsaid)
    return Found(name, kind, drafted.probe)


def _target(drafted: Drafted) -> str:
    """The kind of DICOM that such files become; colour whose channel is yet to be chosen will be grey."""
    row = FORMATS[drafted.format]
    if row.dicom == "always":
        return default_target("dicom")
    if row.holds == "slices":
        return default_target("slices")
    colour = drafted.probe is not None and len(drafted.probe.shape) == 3 and not drafted.unsaid
    return default_target("colour" if colour else "image")


def _globs(kind: Kind, found: Sequence[Found], groups: Iterable[Kind]) -> str:
    """One glob where only this kind has the suffix in the folder, else the names."""
    alone = sum((other.folder, other.suffix) == (kind.folder, kind.suffix) for other in groups) == 1
    if alone and len(found) > 1:
        folder = "" if kind.folder == "." else f"{_literal(kind.folder)}/"
        return _quoted(f"{folder}*{_literal(kind.suffix)}")
    names = [_quoted(_literal(str(item.path))) for item in found]
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"


def _literal(text: str) -> str:
    """A text as a glob that matches nothing else."""
    return re.sub(r"[*?\[{}]", lambda mark: f"[{mark[0]}]", text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _part(kind: Kind, found: Sequence[Found], inputs: str, names: set[str]) -> Part:
    name = _name(kind, names)
    where = f"conversions.{name}"
    probe = found[0].probe
    ask: list[str] = []
    lines = [f"  {name}:{_told(kind, found)}", f"    inputs: {inputs}", f"    source: {_source(kind)}"]
    fill_in = [f"{where}.source.{item.option}: {item.question}" for item in kind.unsaid if item.question]
    missing = _missing(kind, probe)
    if missing:
        lines.append("    # The files do not say these; take the # off and fill in (or write unknown):")
        lines += [f"    # {line}" for line in _geometry_lines(missing)]
        ask.append(f"{where}.geometry: {' and '.join(missing)}")
    several = any(item.probe is not None and item.probe.pages > 1 for item in found)
    lines += [f"    {line}" for line in _exports(kind, name, "{stem}_{page:02d}" if several else "{stem}")]
    return Part("\n".join(lines) + "\n", tuple(fill_in), tuple(ask))


def _name(kind: Kind, names: set[str]) -> str:
    """A name for the conversion, after its folder; not one that is taken."""
    last = "" if kind.folder == "." else PurePosixPath(kind.folder).name
    stem = re.sub(r"[^A-Za-z0-9_]+", "_", last).strip("_")[:40] or kind.format.replace("-", "_")
    name, number = stem, 1
    while name in names:
        number += 1
        name = f"{stem}_{number}"
    names.add(name)
    return name


def _told(kind: Kind, found: Sequence[Found]) -> str:
    probe = found[0].probe
    text = f"    # {len(found)} file{'s' if len(found) > 1 else ''}"
    if probe is None:
        return text
    text += f"; the first: {' x '.join(str(size) for size in probe.shape)} {probe.dtype}"
    return text + (f", {probe.pages} pages or frames" if probe.pages > 1 else "")


def _source(kind: Kind) -> str:
    if not kind.unsaid:
        return kind.format
    options = "".join(f", {item.option}: {item.value}" for item in kind.unsaid)
    return f"{{format: {kind.format}{options}}}"


def _missing(kind: Kind, probe: Probe | None) -> list[str]:
    """What the target of a projection image needs and the first file does not know."""
    if TARGETS[kind.target].default_for != "image":
        return []
    geometry = Geometry() if probe is None else probe.geometry
    return [
        key
        for key, value, name in (("pixel_spacing", geometry.spacing, "spacing"), ("sid", geometry.sid, "sid"))
        if value is None and name not in geometry.blank
    ]


def _geometry_lines(missing: Sequence[str]) -> list[str]:
    told = {
        "pixel_spacing": "  pixel_spacing: [.., ..]    # mm between rows, between columns; or dpi: ..",
        "sid": "  sid: ..                    # mm from the source to the image plane",
    }
    return ["geometry:", *(told[key] for key in missing)]


def _exports(kind: Kind, name: str, file: str) -> list[str]:
    row = TARGETS[kind.target]
    if row.made_of == "slices":
        path = f"dicom/{name}/{{stem}}/{{slice:04d}}{row.file.suffix}"
        return [f'exports: {{to: {kind.target}, path: "{path}"}}', "# tags: {PatientPosition: HFS}"]
    file = "{stem}" if row.made_of == "dicom" else file  # a DICOM file of several frames stays one
    return ["exports:", f'  - {{to: {kind.target}, path: "dicom/{name}/{file}{row.file.suffix}"}}']
