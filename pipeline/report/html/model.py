"""What a page shows, as data: no value of a tag in it unless that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

Pictures = Literal["all", "first", "none"]
BUDGET = 32_000_000
"""Characters of all full pictures of a page: with 500 thumbnails it has 40 MB and opens in two seconds."""


class Row(Struct, frozen=True):
    """A value with its name and where it came from."""

    name: str
    value: str
    origin: str = ""


class File(Struct, frozen=True):
    """An input or output: its path, bytes and sha256 (hex); empty where it is not there."""

    path: str
    size: int | None = None
    sha256: str = ""
    status: str = ""
    why: str = ""
    delivered: tuple[tuple[str, str], ...] = ()
    """Destinations, and how sure it is that it is there: `sent`, `confirmed`, `proven` ..."""


class Picture(Struct, frozen=True):
    """One image with its real values packed; `described` is for the script."""

    described: dict[str, Any]
    data: str


class Bars(Struct, frozen=True):
    """A histogram: counts of values in bins of one width from `low` to `high`."""

    counts: tuple[int, ...]
    low: float
    high: float
    of: str


@dataclass
class Item:
    """One thing to look at: an output, or a volume in the files of its slices."""

    title: str
    conversion: str
    unit: str
    status: str
    kind: str
    why: str = ""
    outputs: list[File] = field(default_factory=list)
    inputs: dict[str, File] = field(default_factory=dict)
    facts: list[Row] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    tags: list[Row] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    count: int = 0
    """Images that it has, shown or not."""
    left_out: str = ""
    thumbnail: str = ""
    """PNG in base64."""
    bars: Bars | None = None
    angles: dict[str, float] = field(default_factory=dict)
    lines: tuple[tuple[str, str], ...] = ()


class Failed(Struct, frozen=True):
    """What could not be done, and why."""

    name: str
    why: str


@dataclass
class Chapter:
    """One recipe."""

    name: str
    recipe: str
    about: list[Row] = field(default_factory=list)
    counts: list[tuple[str, int]] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
