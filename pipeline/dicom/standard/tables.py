"""Read ``modules.json``: which modules a kind of image has, and which attributes a module."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from pydicom.datadict import tag_for_keyword

Type = Literal["1", "1C", "2", "2C", "3", "None"]
Usage = Literal["M", "C", "U"]


class Attribute(Struct, frozen=True):
    """One row of a module's table."""

    keyword: str
    type: Type
    inside: int | None
    """The number of the table of a sequence's items."""


class Module(Struct, frozen=True):
    """One module of a kind of image."""

    key: str
    usage: Usage
    attributes: tuple[Attribute, ...]

    @property
    def name(self) -> str:
        return title(self.key)


_SHORT = {
    "rt": "RT",
    "ct": "CT",
    "mr": "MR",
    "sc": "SC",
    "sop": "SOP",
    "lut": "LUT",
    "voi": "VOI",
    "icc": "ICC",
}


def title(key: str) -> str:
    """Return a name for people: ``rt-image`` is RT Image."""
    return " ".join(_SHORT.get(word, word.capitalize()) for word in key.split("-"))


def kind_of(sop_class: str) -> str | None:
    """Return the key of the image kind of a SOP class, if its tables are here."""
    found: str | None = _data()["classes"].get(sop_class)
    return found


def requires_module(sop_class: str, key: str) -> bool:
    """Tell whether a kind of image must have a module; False for a kind that is not known."""
    kind = kind_of(sop_class)
    return kind is not None and any(module.key == key and module.usage == "M" for module in modules_of(kind))


@cache
def modules_of(kind: str) -> tuple[Module, ...]:
    """Return the modules of a kind, those it must have first to last as the standard lists them."""
    data = _data()
    return tuple(
        Module(key, usage, table(data["modules"][key]))
        for key, usage in data["kinds"][kind]
        if key in data["modules"]
    )


@cache
def table(index: int) -> tuple[Attribute, ...]:
    """Return the rows of a table, by its number."""
    rows: Mapping[str, str | list[Any]] = _data()["tables"][index]
    return tuple(_rows(rows))


def _rows(rows: Mapping[str, Any]) -> Iterator[Attribute]:
    for keyword, row in rows.items():
        if tag_for_keyword(keyword) is None:
            continue  # the mask of a repeating group, such as overlays
        if isinstance(row, str):
            yield Attribute(keyword, row, None)  # type: ignore[arg-type]
        else:
            yield Attribute(keyword, row[0], row[1])


@cache
def _data() -> dict[str, Any]:
    path = Path(__file__).with_name("modules.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
