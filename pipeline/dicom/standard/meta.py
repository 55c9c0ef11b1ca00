"""Check the head of a Part 10 file (PS3.10 section 7.1), and its most important UIDs."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.uid import UID

from .findings import Finding

_OURS = "dicombake writes it"
_META = ("FileMetaInformationVersion", "MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID",
         "TransferSyntaxUID", "ImplementationClassUID")  # fmt: skip
_SAME = {"MediaStorageSOPClassUID": "SOPClassUID", "MediaStorageSOPInstanceUID": "SOPInstanceUID"}
_MODULE = "File Meta Information"


def head(dataset: Dataset, meta: Dataset, *, preamble: bool) -> Iterator[Finding]:
    """Check preamble and file meta, and whether they fit the dataset that follows."""
    if not preamble:
        yield Finding("preamble", "missing: 128 bytes and DICM", _MODULE, supply=_OURS)
    for keyword in _META:
        if keyword not in meta:
            yield Finding(keyword, "missing", _MODULE, "1", _OURS)
        elif meta[keyword].is_empty:
            yield Finding(keyword, "empty, and needs a value", _MODULE, "1", _OURS)
    for keyword, other in _SAME.items():
        ours, theirs = str(meta.get(keyword) or ""), str(dataset.get(other) or "")
        if ours and theirs and ours != theirs:
            yield Finding(keyword, f"is not the dataset's {other}", _MODULE, "1", _OURS)
    syntax = str(meta.get("TransferSyntaxUID") or "")
    if syntax and UID(syntax).is_private is False and not UID(syntax).is_transfer_syntax:
        yield Finding("TransferSyntaxUID", "is no transfer syntax", _MODULE, "1", _OURS)
    for element in meta:
        if element.VR == "UI" and not element.is_empty and not UID(str(element.value)).is_valid:
            yield Finding(element.keyword, "is no valid UID", _MODULE, "1", _OURS)
