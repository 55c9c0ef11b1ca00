"""Let a source's attributes follow its pixels, as the table says."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.tag import BaseTag
from pydicom.uid import UID

from ...errors import ExportError, Note
from .candidates import KINDS
from .grid import Moving
from .movers import MOVERS
from .table import DROPPED, HOLDS, REFUSED, decision

_HINT = "'to: secondary-capture' writes the picture without them"


def _refuse_unknown_kind(dataset: Dataset, moving: Moving) -> None:
    """Refuse a kind of DICOM whose attributes are not in the table. Raises: ExportError."""
    uid = str(dataset.get("SOPClassUID") or "")
    if uid not in KINDS:
        name = UID(uid).name if uid else "a file without SOPClassUID"
        raise ExportError(
            f"{name} may say where its pixels are in ways that cannot follow what was done ({moving.done})",
            hint=_HINT,
        )


def follow(dataset: Dataset, moving: Moving, *, own_kind: bool = True) -> tuple[Note, ...]:
    """Move, drop or keep each attribute, in place; dropped ones are noted.

    `own_kind`: the file stays of its source's kind. Where it becomes another, what cannot follow is dropped.

    Raises:
        ExportError: where the table refuses, or does not have the kind.
    """
    if own_kind:
        _refuse_unknown_kind(dataset, moving)
    walk = _Walk(moving, own_kind)
    walk.dataset(dataset)
    dropped = "left out, since it no longer holds for the changed pixels: {}"
    notes = [Note("stale-attribute", dropped.format(name)) for name in dict.fromkeys(walk.dropped)]
    if walk.private:
        text = "left out, since nobody knows whether they say where pixels are: private elements"
        notes.append(Note("stale-attribute", text))
    return (*notes, *walk.notes)


class _Walk:
    def __init__(self, moving: Moving, own_kind: bool) -> None:
        self.moving = moving
        self.own_kind = own_kind
        self.dropped: list[str] = []
        self.private = False
        self.notes: list[Note] = []

    def dataset(self, dataset: Dataset, path: str = "") -> None:
        for tag in list(dataset.keys()):
            if tag.is_private:
                self.private |= not tag.is_private_creator
                del dataset[tag]
                continue
            self._element(dataset, tag, path)

    def _element(self, dataset: Dataset, tag: BaseTag, path: str) -> None:
        keyword = _row(tag)
        what = decision(keyword, self.moving.what)
        element = dataset[tag]
        if what == HOLDS and element.VR == "SQ":
            for index, item in enumerate(element.value):
                self.dataset(item, f"{path}{keyword}[{index}].")
        if what == HOLDS or element.is_empty:
            return
        if what not in (DROPPED, REFUSED):
            what = self._moved(dataset, keyword, what, nested=bool(path))
        if what == DROPPED:
            self.dropped.append({"60xx": "overlays", "50xx": "curves"}.get(keyword, f"{path}{keyword}"))
            del dataset[tag]
        elif what == REFUSED:
            self._refuse(dataset, tag, f"{path}{keyword or tag}")

    def _moved(self, dataset: Dataset, keyword: str, name: str, *, nested: bool) -> str:
        """Return what is still to be done: nothing where the mover of this name did it.

        An attribute of an item belongs to another grid of pixels, unless the item's sequence has a mover.
        """
        if nested:
            return REFUSED
        return MOVERS[name](dataset, keyword, self.moving, self)

    def _refuse(self, dataset: Dataset, tag: BaseTag, name: str) -> None:
        if not self.own_kind:
            self.dropped.append(name)
            del dataset[tag]
            return
        raise ExportError(
            f"{name} may say where pixels are, and cannot follow what was done ({self.moving.done})",
            hint=_HINT,
        )


def _row(tag: BaseTag) -> str:
    """Return the name of an attribute's row: its keyword, or its repeating group (PS3.5 7.6)."""
    for first, name in ((0x5000, "50xx"), (0x6000, "60xx")):
        if first <= tag.group <= first + 0xFF:
            return name
    return keyword_for_tag(tag)
