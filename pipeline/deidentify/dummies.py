"""Values in place of others: of their VR, the same in every file, and of nobody (PS3.15 E.1, action D)."""

from __future__ import annotations

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence

REMOVED = "REMOVED"
_OF_VR = {
    "DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000Y", "DS": "0", "IS": "0",
    "AE": REMOVED, "CS": REMOVED, "LO": REMOVED, "LT": REMOVED, "PN": REMOVED, "SH": REMOVED, "ST": REMOVED,
    "UC": REMOVED, "UT": REMOVED, "UR": "urn:removed", "FD": 0.0, "FL": 0.0, "SL": 0, "SS": 0, "UL": 0,
    "US": 0, "SV": 0, "UV": 0, "AT": 0, "OD": b"\0" * 8, "OF": b"\0" * 4, "OL": b"\0" * 4,
    "OV": b"\0" * 8,
}  # fmt: skip
_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)
"""An empty page."""
_REASON = 0x04000565
"""ReasonForTheAttributeModification has two Enumerated Values (PS3.3 C.12.1.1.9)."""
ENCAPSULATED = 0x00420011


def dummy(tag: int, vr: str) -> DataElement:
    """Return an element of the standard with a value that says nothing."""
    if tag == ENCAPSULATED:
        return DataElement(tag, "OB", _PDF + b" " * (len(_PDF) % 2))
    if tag == _REASON:
        return DataElement(tag, "CS", "CORRECT")
    if vr == "SQ":
        return DataElement(tag, "SQ", Sequence([code()]))
    return DataElement(tag, vr, _OF_VR.get(vr, b"\0\0"))


def code(value: str = REMOVED, scheme: str = "99REMOVED", meaning: str = REMOVED) -> Dataset:
    """Return an item that codes something (PS3.3 table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def content() -> Sequence:
    """Return the content of a report that was taken out: one comment that says so (PS3.3 C.17.3)."""
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.ConceptNameCodeSequence = Sequence([code("121106", "DCM", "Comment")])
    item.TextValue = REMOVED
    return Sequence([item])
