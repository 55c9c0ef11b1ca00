"""Draft a recipe from files: one conversion per folder and kind of file, by their content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from ...schemas.language.words import FILL_IN
from ..errors import SourceError
from ..inputs.check_xml import read_check
from ..loaders.registry import FORMATS
from ..printable import printable
from .asked import asked_source
from .base import Draft, head
from .examine import Found, Kind, examine
from .globs import Wanted, inputs_of
from .grouping import grouped, slices_of
from .part import Part, part
from .stacks import PAGES, STACK
from .walk import Listing

_SIDECAR = "check.xml"
"""The file that Machine Performance Check writes next to its images, in lower case."""


def from_files(paths: Sequence[Path], base: Path, source: str = "") -> Draft:
    """Return a recipe for files and folders; its globs are relative to `base`, below which they lie.

    `source`: the YAML of a source, for files that are not recognised by content.

    Raises:
        UsageError: no file, too many, one that does not lie below `base`, a wrong `source`.
    """
    asked = asked_source(source) if source else None
    listing = Listing(paths, base)
    found, skipped = [], {name: [why] for name, why in listing.skipped.items()}
    for name, path in listing.files.items():
        try:
            found.append(examine(path, name, asked))
        except SourceError as error:
            skipped[name] = [error.what, error.hint] if error.hint else [error.what]
    groups = grouped(found)
    sidecars = _sidecars(groups, base, skipped)
    names: set[str] = set()
    parts = []
    for kind, items in groups.items():
        wanted = Wanted(
            [item.name for item in items],
            kind.suffix,
            kind.angles,
            [item.name for item in slices_of(groups, kind)],
            start=kind.series if kind.format == STACK and kind.series != PAGES else None,
            each=kind.series == PAGES and len(items) > 1,
        )
        parts.append(part(kind, items, inputs_of(wanted, base), _sidecar(kind, sidecars), names))
    left_out = tuple(printable(f"{name}: {'; '.join(why)}") for name, why in sorted(skipped.items()))
    return _joined(parts, left_out, len(listing.files) + len(listing.skipped))


def _sidecar(kind: Kind, sidecars: Mapping[str, str]) -> str:
    return sidecars.get(kind.folder, "") if FORMATS[kind.format].original else ""


def _sidecars(
    groups: Mapping[Kind, list[Found]], base: Path, skipped: dict[PurePosixPath, list[str]]
) -> dict[str, str]:
    """Return the Check.xml next to a machine's own files, by folder.

    A sound one is not reported as left out.
    """
    found = {}
    for folder in {kind.folder for kind in groups if FORMATS[kind.format].original}:
        for path in sorted((base / folder).iterdir()):
            if path.name.lower() != _SIDECAR:
                continue
            name = PurePosixPath(folder) / path.name
            try:
                read_check(path)
            except SourceError as error:
                skipped[name] = [error.what, error.hint] if error.hint else [error.what]
                continue
            found[folder] = path.name
            skipped.pop(name, None)
            break
    return found


def _joined(parts: Sequence[Part], skipped: tuple[str, ...], count: int) -> Draft:
    fill_in = tuple(sentence for each in parts for sentence in each.fill_in)
    text = head(f"drafted from {count} file{'s' if count > 1 else ''}; check every line")
    if parts:
        text += "conversions:\n" + "\n".join(each.text for each in parts)
    else:
        text += f"conversions: {FILL_IN}\n"
        fill_in = ("conversions: no file could be recognised by its content", *fill_in)
    if skipped:
        text += "\n# Left out:\n" + "".join(f"#   {sentence}\n" for sentence in skipped)
    return Draft(text, fill_in, tuple(sentence for each in parts for sentence in each.ask), skipped)
