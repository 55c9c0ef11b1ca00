"""Tell free text, in which a name may stand, from codes of published schemes."""

from __future__ import annotations

from pydicom import Dataset

FREE_TEXT = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})
_CODES = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080104, 0x00080119})
"""Code value, designator and version of the scheme, meaning, and long code value; no free text but one."""
_MEANING = 0x00080104
_SCHEMES = frozenset({
    "ACR", "BI", "DCM", "DCMUID", "FMA", "I10", "I10P", "I9", "I9C", "ICD10", "ISO3166_1", "ISO639_1",
    "ISO639_2", "LN", "MA", "MDNS", "NCIt", "NEU", "RADELEMENT", "RADLEX", "RFC5646", "SCT", "SNM3",
    "SRT", "UCUM", "UMLS", "UNS", "URN",
})  # fmt: skip
"""Designators of published coding schemes (PS3.16 table 8-1)."""


def is_published_code(item: Dataset) -> bool:
    """Tell whether an item is a code of a published scheme, whose meaning is no free text."""
    return str(item.get("CodingSchemeDesignator") or "").strip() in _SCHEMES


def is_free_text(tag: int, vr: str, *, coded: bool) -> bool:
    """Tell whether an element holds free text; `coded`: of an item with a published code."""
    return tag == _MEANING and not coded if tag in _CODES else vr in FREE_TEXT
