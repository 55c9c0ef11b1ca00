"""A made study: every attribute of the profile's table filled with marks that must not be found again."""

from __future__ import annotations

from pydicom import DataElement, Dataset
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

CLASSES = {
    "CT Image": "1.2.840.10008.5.1.4.1.1.2",
    "MR Image": "1.2.840.10008.5.1.4.1.1.4",
    "RT Image": "1.2.840.10008.5.1.4.1.1.481.1",
    "RT Dose": "1.2.840.10008.5.1.4.1.1.481.2",
    "RT Structure Set": "1.2.840.10008.5.1.4.1.1.481.3",
    "RT Beams Treatment Record": "1.2.840.10008.5.1.4.1.1.481.4",
    "RT Plan": "1.2.840.10008.5.1.4.1.1.481.5",
    "Spatial Registration": "1.2.840.10008.5.1.4.1.1.66.1",
    "Basic Text SR": "1.2.840.10008.5.1.4.1.1.88.11",
    "Grayscale Presentation State": "1.2.840.10008.5.1.4.1.1.11.1",
    "Encapsulated PDF": "1.2.840.10008.5.1.4.1.1.104.1",
}
NAMES = {
    "ISO_IR 192": "Παπαδόπουλος^Ελένη",
    "ISO_IR 144": "Люкceмбypг^Aнна",
    "ISO_IR 127": "قباني^لنزار",
    "GB18030": "Wang^XiaoDong=王^小东",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
}
MARK = "ZQX"
"""In every text of the source that has to go."""
_VALUES = {
    "DA": "19781203", "DT": "19781203114522", "TM": "114522", "AS": "047Y", "DS": "47.11", "IS": "4711",
    "FD": 47.11, "FL": 47.11, "SL": 4711, "SS": 4711, "UL": 4711, "US": 4711, "SV": 4711, "UV": 4711,
    "UR": f"https://example.org/{MARK}", "UI": "1.2.3.4711.99",
}  # fmt: skip


def marked(tag: int) -> DataElement:
    """Return an attribute with a value that is marked, in the VR of the standard."""
    vr = dictionary_VR(tag).split(" or ")[0]
    if vr == "SQ":
        item = Dataset()
        item.CodeMeaning, item.PersonName = f"{MARK} meaning", f"{MARK}^Person"
        return DataElement(tag, "SQ", Sequence([item]))
    if vr in ("OB", "OW", "UN", "OF", "OD", "OL"):
        return DataElement(tag, vr, f"{MARK}MARKED".encode().ljust(16, b"\0"))
    value = _VALUES.get(vr, f"{MARK}{tag:08X}"[:16])
    least = int(dictionary_VM(tag).partition("-")[0].replace("n", "1") or 1)
    return DataElement(tag, vr, value if least == 1 else [value] * least)


def whole(sop_class: str, tags: list[int]) -> Dataset:
    """Return an object with these attributes at its top, in a sequence that stays, and in a private block."""
    dataset = Dataset()
    for tag in tags:
        if tag >> 16 > 6:
            dataset.add(marked(tag))
    item = Dataset()
    for tag in tags:
        if tag >> 16 > 6:
            item.add(marked(tag))
    kept = tag_for_keyword("ReferencedSeriesSequence")
    assert kept is not None and keyword_for_tag(kept)
    dataset[kept] = DataElement(kept, "SQ", Sequence([item]))
    block = dataset.private_block(0x0009, "ACME 1.0", create=True)
    block.add_new(0x10, "LO", f"{MARK} private")
    block.add_new(0x11, "PN", f"{MARK}^Private")
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = "1.2.3.4711.1", "1.2.3.4711.2"
    dataset.SeriesInstanceUID, dataset.Modality = "1.2.3.4711.3", "OT"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset
