"""Files that differ in few elements, such as the slices of a volume.

The first of a family is made, written and read back as any file is. Of the others only what is their own is
made and encoded: some elements, the pixels, and the SOP Instance UID that derives from all of them. They are
read back whole, too; pydicom is asked for what is their own, since it read the rest in the first one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset

from ...schemas.exports import TransferSyntax
from ...schemas.tags import parse_tag
from ..errors import Note
from ..exporters.base import Artifact, Context
from ..trace import UNTRACED
from .elements import elements_of
from .file import EXPLICIT, Chunks, PixelElement, composed, encoded_elements
from .finish import Draft, Finished, finish
from .uids import set_uid
from .verify import MeantAlike, decodes_plainly, verify, verify_alike

_SOP_INSTANCE_UID = 0x00080018
_MOST = 8
"""Families that are remembered; a recipe may write several of one volume in turn."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """One file of a family.

    `kin` decides, by equality, every element that is not its own, and how its pixels are described. `own`:
    the elements that are, as the kind makes them, and `numbers` the geometry among them by keyword.
    """

    kin: object
    own: Dataset
    pixels: PixelElement
    numbers: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class _Family:
    """What a file that was read back shares with its siblings."""

    kin: object
    shared: Mapping[int, bytes]
    """The elements as they are encoded."""
    sop_class: str
    notes: tuple[Note, ...]

    def artifact(self, sibling: Sibling) -> Artifact:
        meant = self.meant(sibling)

        def read_back(path: Path) -> None:
            verify_alike(path, meant)

        return Artifact(meant.chunks, read_back, self.notes)

    def meant(self, sibling: Sibling) -> MeantAlike:
        own = dict(encoded_elements(sibling.own))
        chunks, uid = composed(sorted({**self.shared, **own}.items()), self.sop_class, sibling.pixels)
        named = Dataset(sibling.own)
        set_uid(named, "SOPInstanceUID", uid)
        encoded = b"".join(made for _, made in encoded_elements(named))
        return MeantAlike(chunks, named, encoded, sibling.pixels, sibling.numbers)


_families: deque[_Family] = deque(maxlen=_MOST)


def artifact(
    sibling: Sibling | None, draft: Callable[[], Draft], context: Context, syntax: TransferSyntax
) -> Artifact:
    """An output, from its family where that is known, else from its draft; the same bytes either way.

    `sibling` None: a file that is like no other. Raises: as `finish`.
    """
    if sibling is None or not _alike(sibling, context):
        sibling = None
    else:
        family = next((each for each in _families if each.kin == sibling.kin), None)
        if family is not None:
            return family.artifact(sibling)
    finished = finish(draft(), context, syntax)

    def read_back(path: Path) -> None:
        verify(path, finished.meant)
        if sibling is not None:
            _remember(sibling, finished)

    return Artifact(finished.chunks, read_back, finished.notes)


def _alike(sibling: Sibling, context: Context) -> bool:
    """Whether nobody follows how the file is made, and the recipe leaves alone what is a file's own."""
    own = {tag for tag, _ in elements_of(sibling.own)} | {_SOP_INSTANCE_UID}
    stated = (parse_tag(key).steps[0].number for key in (*context.tags, *context.remove_tags))
    return context.trace is UNTRACED and own.isdisjoint(stated)


def _remember(sibling: Sibling, finished: Finished) -> None:
    """The family of a file that was read back, where the file can be put together of its parts."""
    if (
        finished.pixels is None
        or finished.meant.syntax is not EXPLICIT
        or not decodes_plainly(finished.meant)
    ):
        return
    shared = dict(encoded_elements(finished.dataset))
    del shared[_SOP_INSTANCE_UID]
    family = _Family(sibling.kin, shared, str(finished.dataset.SOPClassUID), finished.notes)
    if _joined(family.meant(sibling).chunks) == _joined(finished.chunks):
        _families.append(family)


def _joined(chunks: Chunks) -> bytes:
    return b"".join(chunks)
