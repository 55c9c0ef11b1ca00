"""Which action an element gets: by the row of its tag, by the options, and without a row by its VR."""

from __future__ import annotations

from msgspec import Struct
from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_has_tag, keyword_for_tag

from .settings import Settings
from .table import DATES, Action, Row, edition, resolved, rows, type_of

_KINDS_OF_UID = ("ClassUID", "ClassesIn", "ClassesSupported", "SyntaxUID", "CodingSchemeUID", "ContextUID",
                 "MappingResourceUID", "ContextGroupExtensionCreatorUID")  # fmt: skip
"""In keywords of UIDs that say what kind of thing something is."""
_BY_VR = Row("X/Z/D", temporal=True)
_NAME = Row("X/Z/D")


class Rules(Struct, frozen=True):
    """What is done to the elements of an object of one SOP class."""

    settings: Settings
    sop_class: str

    def action(
        self, element: DataElement, vr: str, inside: str, *, cleaned: bool = False
    ) -> tuple[Action, str]:
        """Return what is to be done to an element, and by which rule.

        `inside`: the keyword of the sequence that it is in; `cleaned`: whether free text is cleaned there.
        """
        tag = int(element.tag)
        if tag >> 16 & 0xFF00 == 0x5000:
            return "X", f"PS3.15 {edition()}: curves"
        row = rows().get(tag)
        if row is None:
            if tag >> 16 & 0xFF00 == 0x6000:
                if tag & 0xFFFF in (0x4000, 0x0022, 0x1500) or not dictionary_has_tag(tag):
                    return "X", f"PS3.15 {edition()}: text of overlays"
                return "K", ""
            if not dictionary_has_tag(tag):
                return "X", "in no dictionary of the standard"
            row = row_of_vr(tag, vr)
            if row is None:
                return ("C", "text of content that is cleaned") if cleaned else ("K", "")
        for option in sorted(row.keeps & self.settings.options):
            return "K", option
        for option in sorted(row.cleans & self.settings.options):
            return "C", option
        keyword = keyword_for_tag(tag)
        if row.temporal and (vr in DATES or tag == 0x00080201):
            moved = self._temporal(vr)
            if moved:
                return moved, f"dates: {self.settings.dates}"
        of_type = type_of(self.sop_class, keyword, inside)
        return resolved(row.code, of_type), f"PS3.15 {edition()}: {row.code}"

    def overlay(self, dataset: Dataset, group: int) -> tuple[Action, str]:
        """Keep an overlay that is a region of interest, where graphics are cleaned; others may be text."""
        kind = str(dataset[group, 0x0040].value) if (group, 0x0040) in dataset else ""
        if self.settings.retains("clean_graphics") and kind == "R":
            return "K", "clean_graphics: an overlay of a region of interest"
        return "X", f"PS3.15 {edition()}: overlays"

    def without(self, tag: int, keyword: str, inside: str) -> Action:
        """Return what is done to an element whose value may not stay: removed, emptied, or a dummy."""
        row = rows().get(tag) or _BY_VR
        return resolved(row.code, type_of(self.sop_class, keyword, inside))

    def _temporal(self, vr: str) -> Action | None:
        dates = self.settings.dates
        if dates == "remove" or (vr == "TM" and self.settings.times == "remove"):
            return None
        return "K" if dates == "keep" or vr not in ("DA", "DT") else "S"


def row_of_vr(tag: int, vr: str) -> Row | None:
    """Return the row for what the table does not name, by its VR."""
    if vr in DATES:
        return _BY_VR
    if vr == "PN":
        return _NAME
    if vr == "UI" and not any(word in keyword_for_tag(tag) for word in _KINDS_OF_UID):
        return Row("U", keeps=frozenset({"retain_uids"}))
    return None
