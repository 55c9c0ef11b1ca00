"""Find the files that operations and targets of a conversion name: dark fields, tables, references."""

from __future__ import annotations

from collections.abc import Iterator

from ...schemas.inputs import Inputs
from ..errors import PlanError
from ..inputs.search import search
from .gather import Planning, refuse
from .lowered import LoweredConversion
from .model import InputFile, Named

_KEYS = ("by", "csv", "like", "reference", "plan")
"""Options that name a file; `reference` and `like` may be a glob that names the slices of one series."""


def named_files(name: str, planning: Planning) -> Named:
    """Return the files by the text that names them, in natural order.

    What names no file goes into `planning`.
    """
    found = {}
    for location, text in _texts(planning.lowered.conversions[name]):
        if text in found:
            continue
        try:
            matches, linked = search(
                Inputs(files=(text,)),
                planning.data,
                confined=not planning.loaded.trusted,
                listing=planning.listing,
            )
        except (PlanError, ValueError) as error:
            refuse(planning, ("conversions", name, *location), str(error))
            continue
        planning.linked |= linked
        if not matches:
            refuse(planning, ("conversions", name, *location), f"no file matches '{text}'")
        for path, _ in matches:
            planning.note(path)
        found[text] = tuple(InputFile(path) for path, _ in matches)
    return tuple(found.items())


def _texts(conversion: LoweredConversion) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each text that names files, and where it stands."""
    for part, options in (("process", conversion.process), ("exports", conversion.exports)):
        for index, option in enumerate(options):
            for key in _KEYS:
                text = getattr(option, key, None)
                if isinstance(text, str):
                    yield (part, index, key), text
