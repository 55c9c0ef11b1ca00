"""What every exporter agrees on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any
from uuid import UUID

from ...schemas.tags import TagValue
from ..errors import ExportError, Note
from ..image import Image, Origin
from ..records import dataclass
from ..trace import UNTRACED, Trace


@dataclass(frozen=True, slots=True)
class Identity:
    """From what Study, Series and Frame of Reference UIDs derive (RECIPE: studies and series)."""

    namespace: UUID | None
    """The recipe's uid_namespace."""
    recipe: str
    conversion: str
    group: str = ""
    study: str | None = None
    """The rendered `study:` key."""
    content: str = ""
    """sha256 (hex) over the contents of the inputs; what an image without a namespace derives from."""
    volume: str = ""
    """What tells one volume of a conversion from another: its path relative to the data folder."""


@dataclass(frozen=True, slots=True)
class Context:
    """What an exporter knows besides the image."""

    identity: Identity
    tags: Mapping[str, TagValue] = field(default_factory=dict)
    """Overrides by recipe key; every template rendered."""
    remove_tags: tuple[str, ...] = ()
    tag_origins: Mapping[str, Origin] = field(default_factory=dict)
    strict: bool = False
    stem: str = ""
    """Of the first input, for labels."""
    trace: Trace = UNTRACED
    """Told of each layer of a DICOM output."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished output, not yet written."""

    chunks: tuple[bytes | memoryview, ...]
    """The file's bytes, in order."""
    check: Callable[[Path], None]
    """Reads what was written and raises VerificationError where it is not what was meant."""
    notes: tuple[Note, ...] = ()


Export = Callable[[Sequence[Image], Any, Context], Artifact]


@dataclass(frozen=True, slots=True)
class Exporter:
    """One export target."""

    export: Export
    describes: str
    """One line for `dicombake formats` and the docs."""
    many: bool = False
    """Whether several pages or frames fit in one file."""
    dicom: bool = False


def only(images: Sequence[Image], what: str) -> Image:
    """The image of a target that holds one. Raises: ExportError for none or several."""
    if len(images) != 1:
        raise ExportError(
            f"a {what} holds one image, not {len(images)}",
            hint="write a file per page, with {page} in its path",
        )
    return images[0]
