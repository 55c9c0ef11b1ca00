"""Write files that differ in few elements, such as the slices of a volume or the scans of a film, faster.

The first two of a family (the first, where more are known to come) are made, written and read back as any
file is. For the others only the elements of their own are made and encoded, with the pixels and the SOP
Instance UID that derives from all elements. They are read back whole, too; pydicom reads only their own
elements, since it read the others before.

Why: building, encoding and reading back a data set with pydicom takes far longer than writing the pixels of a
slice, and a CT series has hundreds that differ in five elements. To keep one dataset and change it would be
simpler, and wrong: an element that should follow and does not gives a plausible wrong file. So the key of a
family is everything that its files are made of, except what is listed as their own (`all_but`: a field that
is added later is part of the key). And a family is trusted only after its parts, put together, gave the bytes
of a file that was made and verified in the ordinary way. All other files are made in the ordinary way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

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


class Sibling(Struct, frozen=True):
    """One file of a family.

    `common`: the key of the family; files with equal keys have equal elements but for their own, and pixels
    of one description. `own`: the elements of this file by tag, with VR and text. `numbers`: the numbers that
    such a text must read back as. `many`: whether more files of the family are certain to come, so that the
    first one is enough to trust it.
    """

    common: object
    own: Mapping[int, tuple[str, str]]
    pixels: PixelElement
    numbers: Mapping[int, tuple[float, ...]]
    many: bool = False


class _Family(Struct, frozen=True):
    """The parts of a file that was read back which its siblings share."""

    common: object
    shared: Mapping[int, bytes]
    """The encoded elements in the order of tags; those of each file's own are replaced."""
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


# both are copied before they are searched: another thread may add to them
_families: deque[_Family] = deque(maxlen=_MOST)
_single: deque[object] = deque(maxlen=_MOST)
"""The keys of files that were read back and may be the first of a family."""


@cache
def all_but(kind: type[Struct], *names: str) -> attrgetter[Any]:
    """Return a getter of every field of a struct except these; one that is added later is part of it."""
    return attrgetter(*(name for name in kind.__struct_fields__ if name not in names))


def common_key(options: object, context: Context, image: Image, encoded: Encoded) -> tuple[object, ...]:
    """Return the part of the key that every kind of image has; each kind adds geometry and source.

    With a namespace, nothing derives from the contents of the inputs.
    """
    identity = context.identity
    return (
        options,
        identity if identity.namespace is None else all_but(Identity, "content")(identity),
        all_but(Context, "identity", "stem", "tag_origins", "gather")(context),
        all_but(Image, "pixels", "stored", "geometry", "sources", "notes")(image),
        all_but(Encoded, "stored")(encoded),
        encoded.stored.dtype,
        encoded.stored.shape,
    )


def artifact(
    sibling: Sibling | None, draft: Callable[[], Draft], context: Context, syntax: KeptSyntax
) -> Artifact:
    """Return an output, from its family where that is known, else from its draft; the same bytes either way.

    `sibling` None: a file that shares nothing with others. Raises: as `finish`.
    """
    if sibling is None or not _may_share(sibling, context):
        return finish.artifact(draft(), context, syntax)
    family = next((each for each in tuple(_families) if each.common == sibling.common), None)
    if family is not None:
        return family.artifact(sibling)
    return finish.artifact(draft(), context, syntax, lambda finished: _remember(sibling, finished))


def _may_share(sibling: Sibling, context: Context) -> bool:
    """Tell whether the key decides all elements that are not the file's own, and nothing traces its making.

    The recipe must not set what is a file's own, and the study must not derive from the pixels.
    """
    if context.identity.namespace is None and not context.identity.content:
        return False
    own = {*sibling.own, SOP_INSTANCE_UID}
    stated = (path.steps[0].number for path in (*context.tags, *context.remove_tags))
    return context.trace is UNTRACED and own.isdisjoint(stated)


def _remember(sibling: Sibling, finished: Finished) -> None:
    """Remember a verified file; the second (or first of many) is a family if its parts give its bytes."""
    if (
        finished.pixels is None
        or finished.meant.syntax is not EXPLICIT
        or not decodes_plainly(finished.meant)
    ):
        return
    if not sibling.many and sibling.common not in tuple(_single):
        _single.append(sibling.common)
        return
    shared = dict(encoded_elements(finished.dataset))
    del shared[SOP_INSTANCE_UID]
    if not sibling.own.keys() <= shared.keys():
        return
    family = _Family(sibling.common, shared, str(finished.dataset.SOPClassUID), finished.notes)
    if _joined(family.meant(sibling).chunks) == _joined(finished.chunks):
        _families.append(family)


def _joined(chunks: Chunks) -> bytes:
    return b"".join(chunks)
