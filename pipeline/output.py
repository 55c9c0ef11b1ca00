"""What an output is made from besides its image, and what it is before it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from ..schemas.language.tags import TagPath, TagValue
from .errors import Note
from .imaging.image import Origin
from .trace import UNTRACED, Trace


@dataclass(frozen=True, slots=True)
class Identity:
    """From what Study, Series and Frame of Reference UIDs derive (docs/dicom-output.md)."""

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
    tags: Mapping[TagPath, TagValue] = field(default_factory=dict)
    """The recipe's overrides; every template rendered."""
    remove_tags: tuple[TagPath, ...] = ()
    tag_origins: Mapping[TagPath, Origin] = field(default_factory=dict)
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
