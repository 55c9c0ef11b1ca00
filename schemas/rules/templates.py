"""Find every template of a conversion, with its place; all code that needs the templates uses this."""

from __future__ import annotations

from collections.abc import Iterator

from ..language.tags import templates_of
from ..language.template import Template
from ..recipe import Conversion

Location = tuple[str | int, ...]
"""In the conversion: ``("exports", 0, "path")``, ``("geometry", "center", 1)``."""


def templates(conversion: Conversion) -> Iterator[tuple[Location, str]]:
    """Yield each text of a conversion in which places are filled in, in the order of its keys."""
    for index, export in enumerate(conversion.exports):
        yield ("exports", index, "path"), export.path
    for key, text in (("study", conversion.study), ("machine", conversion.machine)):
        if text is not None:
            yield (key,), text
    for path, value in conversion.tags.items():
        for item in templates_of(value):
            yield ("tags", path.text), item
    for key, value in conversion.geometry:
        if isinstance(value, Template):
            yield ("geometry", key), value
        elif isinstance(value, tuple):
            for index, part in enumerate(value):
                if isinstance(part, Template):
                    yield ("geometry", key, index), part
