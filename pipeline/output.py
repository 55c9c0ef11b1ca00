"""The identity and context of an output besides its image, and the finished output before it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from uuid import UUID

from msgspec import Struct, field

from ..schemas.language.tags import TagPath, TagValue
from .errors import Note
from .imaging.image import Origin, Pixels
from .trace import UNTRACED, Trace


class Identity(Struct, frozen=True):
    """The values that Study, Series and Frame of Reference UIDs derive from (docs/dicom-output.md)."""

    namespace: UUID | None
    """The recipe's uid_namespace."""
    recipe: str
    conversion: str
    group: str = ""
    study: str | None = None
    """The rendered `study:` key."""
    content: str = ""
    """sha256 (hex) over the contents of the inputs; an image without a namespace derives from it."""
    pinned: Mapping[str, str] = field(default_factory=dict)
    """UIDs that are settled already, by keyword: those of a de-identified output."""
    volume: str = ""
    """The name of a volume within a conversion: its path relative to the data folder."""


def in_memory(arrays: Iterable[Pixels]) -> Pixels:
    """Return arrays of one kind as one."""
    import numpy as np

    return np.stack(list(arrays))


class Context(Struct, frozen=True):
    """The knowledge of an exporter besides the image."""

    identity: Identity
    tags: Mapping[TagPath, TagValue] = field(default_factory=dict)
    """The recipe's tags, with every template rendered."""
    remove_tags: tuple[TagPath, ...] = ()
    tag_origins: Mapping[TagPath, Origin] = field(default_factory=dict)
    strict: bool = False
    stem: str = ""
    """The stem of the first input, for labels."""
    named: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    """Files that the target's options name, by the text in the recipe."""
    trace: Trace = UNTRACED
    """Gets each layer of a DICOM output."""
    gather: Callable[[Iterable[Pixels]], Pixels] = in_memory
    """Returns arrays of one kind as one array, where many are not in memory."""


class Artifact(Struct, frozen=True):
    """A finished output that is not written yet."""

    chunks: Iterable[bytes | memoryview]
    """The file's bytes, in order; the same each time that they are asked for."""
    check: Callable[[Path], None]
    """Reads what was written and raises VerificationError where it differs from what was meant."""
    notes: tuple[Note, ...] = ()
