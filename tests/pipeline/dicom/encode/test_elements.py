"""Elements that are remembered: the same bytes and values as pydicom's own, whatever came before."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from dicombake.pipeline.dicom.encode import elements
from dicombake.pipeline.dicom.encode.elements import charset_of, elements_of, encode_each, plain, values_read
from dicombake.pipeline.dicom.encode.file import _between
from pydicom import DataElement, Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

OWN = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))


def encode(dataset: Dataset, *, implicit: bool) -> bytes:
    return b"".join(made for _, made in encode_each(dataset, implicit=implicit))


def by_pydicom(dataset: Dataset, *, implicit: bool) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def parsed(path: Path) -> Dataset | None:
    """With every value converted; None for a file that pydicom itself does not write again."""
    try:
        read = dcmread(path)
        dataset = Dataset({tag: read[tag] for tag in read.keys()})  # noqa: SIM118
        by_pydicom(dataset, implicit=False)
    except Exception:  # noqa: BLE001  whatever pydicom has against its own bad samples
        return None
    return dataset


@pytest.mark.parametrize("implicit", [False, True])
def test_the_bytes_are_pydicoms(implicit: bool) -> None:
    """Every sample of pydicom's in turn and again, so that most elements are remembered."""
    assert len(OWN) > 50
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        every = [dataset for path in OWN if (dataset := parsed(path)) is not None]
        assert len(every) > 50
        for dataset in (*every, *every):
            assert encode(dataset, implicit=implicit) == by_pydicom(dataset, implicit=implicit)


def test_what_is_read_is_what_pydicom_reads() -> None:
    compared = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in (*OWN, *OWN):
            try:
                found, other = dcmread(path), dcmread(path)
                meant = {tag: (other[tag].VR, plain(other[tag].value)) for tag in map(int, other.keys())}
            except Exception:  # noqa: BLE001  a bad sample
                continue
            for tag, (vr, values) in meant.items():
                if vr != "SQ":
                    stored, charset = found.get_item(tag), charset_of(found)
                    read = values_read(found, stored, charset)
                    assert repr(read) == repr((vr, values)), (path.name, hex(tag))
                    compared += 1
    assert compared > 5000


def single(vr: str, value: object) -> Dataset:
    dataset = Dataset()
    dataset.add(DataElement(0x00189999, vr, value))
    return dataset


@pytest.mark.parametrize(
    ("vr", "first", "second"),
    [
        ("FD", 0.0, -0.0),
        ("FD", [0.0, 1.0], [-0.0, 1.0]),
        ("DS", "1.0", "1.00"),
        ("DS", ["1", "2.5"], ["1", "2.50"]),
        ("LO", "a", "b"),
        ("LO", ["a", "b"], "a b"),
        ("CS", ["A", "B"], ["A", "C"]),
        ("US", 1, 2),
        ("SH", "1", "01"),
        ("LO", "", None),
        ("PN", "A^B", "A^C"),
        ("PN", "A^B", None),
    ],
)
def test_values_that_look_alike_are_not_taken_for_each_other(vr: str, first: object, second: object) -> None:
    elements._encoded.clear()
    for value in (first, second, first):
        dataset = single(vr, value)
        assert encode(dataset, implicit=False) == by_pydicom(dataset, implicit=False)


def nested(number: int, *, undefined: bool = False) -> Dataset:
    item, inner = Dataset(), Dataset()
    inner.CodeValue, inner.ExposureTime = "1", str(number)
    item.PurposeOfReferenceCodeSequence = [inner]
    dataset = Dataset()
    dataset.SourceImageSequence = [item, Dataset()]
    dataset["SourceImageSequence"].is_undefined_length = undefined
    inner.is_undefined_length_sequence_item = undefined
    return dataset


def test_sequences_that_look_alike_are_not_taken_for_each_other() -> None:
    for number, undefined in ((1, False), (2, False), (1, True), (1, False)):
        dataset = nested(number, undefined=undefined)
        assert encode(dataset, implicit=False) == by_pydicom(dataset, implicit=False)


def test_one_text_in_two_character_sets() -> None:
    for charset in ("ISO_IR 100", "ISO_IR 192", "ISO_IR 100"):
        dataset = single("LO", "Grün")
        dataset.SpecificCharacterSet = charset
        written = encode(dataset, implicit=False)
        assert written == by_pydicom(dataset, implicit=False)
        read = dcmread(BytesIO(written), force=True)
        assert values_read(read, read.get_item(0x00189999), charset_of(read)) == ("LO", ("Grün",))


def test_a_part_is_the_elements_between_two_tags() -> None:
    dataset = Dataset()
    dataset.PatientID, dataset.Rows, dataset.Modality = "x", 5, "CT"
    whole, each = encode(dataset, implicit=False), encode_each(dataset, implicit=False)
    assert _between(each, 0, 0x00110000) + _between(each, 0x00110000) == whole
    assert [tag for tag, _ in elements_of(dataset)] == [0x00100020, 0x00280010, 0x00080060]


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "_MOST", 10)
    for number in range(100):
        encode(single("US", number), implicit=False)
    assert len(elements._encoded) <= 10
