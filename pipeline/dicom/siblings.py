"""Files that differ in few elements, such as the slices of a volume or the scans of a film.

The first two of a family (the first, where more are known to come) are made, written and read back as any
file is. Of the others only what is their own is made and encoded: some elements, the pixels, and the SOP
Instance UID that derives from all of them. They are read back whole, too; pydicom is asked for what is their
own, since it read the rest before.

Why: building, encoding and reading back a data set with pydicom takes far longer than writing the pixels of a
slice, and a CT series has hundreds that differ in five elements. A dataset that is kept and changed would be
the simple way, and a wrong one: an element that ought to follow and does not is a plausible wrong file. So a
family is keyed by everything that its files are made of, less what is listed as their own (`all_but`: a field
that is added later counts as kin), and is believed only after its parts, put together, gave the bytes of a
file that was made and verified in the ordinary way. Whatever does not fit that is made in the ordinary way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Note
from ..imaging.image import Image
from ..output import Artifact, Context, Identity
from ..trace import UNTRACED
from . import finish
from .encode.encoding import Encoded
from .encode.file import (
    EXPLICIT,
    MEDIA_STORAGE_UID,
    SOP_INSTANCE_UID,
    Chunks,
    composed,
    encoded_elements,
    text_element,
)
from .encode.pixel_element import PixelElement
from .finish import Draft, Finished
from .verify import MeantAlike, decodes_plainly, verify_alike

if TYPE_CHECKING:
    from ...schemas.exports import KeptSyntax

INSTANCE_NUMBER = 0x00200013
_MOST = 8
"""Families that are remembered; a recipe may write several of one volume in turn."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """One file of a family.

    `kin` decides, by equality, every element that is not its own, and how its pixels are described.
    `own`: the elements that are, by tag, each with its VR and its text. `numbers`: of which numbers.
    `many`: whether more of its kin come for sure, so that a family is made of the first.
    """

    kin: object
    own: Mapping[int, tuple[str, str]]
    pixels: PixelElement
    numbers: Mapping[int, tuple[float, ...]]
    many: bool = False


@dataclass(frozen=True, slots=True)
class _Family:
    """What a file that was read back shares with its siblings."""

    kin: object
    shared: Mapping[int, bytes]
    """The elements as they are encoded, in the order of tags; those of each file's own are replaced."""
    sop_class: str
    notes: tuple[Note, ...]

    def artifact(self, sibling: Sibling) -> Artifact:
        meant = self.meant(sibling)

        def read_back(path: Path) -> None:
            verify_alike(path, meant)

        return Artifact(meant.chunks, read_back, self.notes)

    def meant(self, sibling: Sibling) -> MeantAlike:
        own = {tag: text_element(tag, *value) for tag, value in sibling.own.items()}
        chunks, uid = composed({**self.shared, **own}.items(), self.sop_class, sibling.pixels)
        uids = dict.fromkeys((MEDIA_STORAGE_UID, SOP_INSTANCE_UID), ("UI", uid))
        encoded = {**{tag: text_element(tag, *value) for tag, value in uids.items()}, **own}
        return MeantAlike(chunks, {**uids, **sibling.own}, encoded, sibling.pixels, sibling.numbers)


# both are copied before they are looked through: another thread may add to them
_families: deque[_Family] = deque(maxlen=_MOST)
_single: deque[object] = deque(maxlen=_MOST)
"""The kin of files that were read back, and may be the first of a family."""


@cache
def all_but(kind: type, *names: str) -> attrgetter[Any]:
    """Return every field of a dataclass except these, so that one that is added later counts as kin."""
    return attrgetter(*(each.name for each in fields(kind) if each.name not in names))


def kin_of(options: object, context: Context, image: Image, encoded: Encoded) -> tuple[object, ...]:
    """Return what every kind of image shares with its kin; geometry and source are for each kind to add.

    With a namespace, nothing derives from the contents of the inputs.
    """
    identity = context.identity
    return (
        options,
        identity if identity.namespace is None else all_but(Identity, "content")(identity),
        all_but(Context, "identity", "stem", "tag_origins")(context),
        all_but(Image, "pixels", "stored", "geometry", "sources", "notes")(image),
        all_but(Encoded, "stored")(encoded),
        encoded.stored.dtype,
        encoded.stored.shape,
    )


def artifact(
    sibling: Sibling | None, draft: Callable[[], Draft], context: Context, syntax: KeptSyntax
) -> Artifact:
    """Return an output, from its family where that is known, else from its draft; the same bytes either way.

    `sibling` None: a file that is like no other. Raises: as `finish`.
    """
    if sibling is None or not _alike(sibling, context):
        return finish.artifact(draft(), context, syntax)
    family = next((each for each in tuple(_families) if each.kin == sibling.kin), None)
    if family is not None:
        return family.artifact(sibling)
    return finish.artifact(draft(), context, syntax, lambda finished: _remember(sibling, finished))


def _alike(sibling: Sibling, context: Context) -> bool:
    """Tell whether nobody follows how the file is made, and nothing but its kin decides what is not its own.

    Neither may the recipe say what is a file's own, nor its pixels what study it is of.
    """
    if context.identity.namespace is None and not context.identity.content:
        return False
    own = {*sibling.own, SOP_INSTANCE_UID}
    stated = (path.steps[0].number for path in (*context.tags, *context.remove_tags))
    return context.trace is UNTRACED and own.isdisjoint(stated)


def _remember(sibling: Sibling, finished: Finished) -> None:
    """Note what was read back; the second, or first of many, is a family if its parts give it again."""
    if (
        finished.pixels is None
        or finished.meant.syntax is not EXPLICIT
        or not decodes_plainly(finished.meant)
    ):
        return
    if not sibling.many and sibling.kin not in tuple(_single):
        _single.append(sibling.kin)
        return
    shared = dict(encoded_elements(finished.dataset))
    del shared[SOP_INSTANCE_UID]
    if not sibling.own.keys() <= shared.keys():
        return
    family = _Family(sibling.kin, shared, str(finished.dataset.SOPClassUID), finished.notes)
    if _joined(family.meant(sibling).chunks) == _joined(finished.chunks):
        _families.append(family)


def _joined(chunks: Chunks) -> bytes:
    return b"".join(chunks)
