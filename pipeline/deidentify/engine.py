"""One dataset de-identified: each element by the row of its tag, at any depth (PS3.15 E.1 to E.3).

Nothing is guessed from values. What the table does not name stays, but for names of people (PN), UIDs,
dates, private elements, curves, and what is in no dictionary: those are dealt with as the table does with
their like.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from msgspec import Struct
from pydicom import DataElement, Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.sequence import Sequence

from ..errors import Note
from ..pydicom_versions.elements import set_original_encoding
from .dates import capped_age, parsed, shifted, written_forms
from .dummies import ENCAPSULATED, content, dummy
from .identifying import Identifying
from .private import safe
from .representation import as_standard, read, standard_vr, values_of
from .rules import Rules, row_of_vr
from .settings import Settings
from .statements import state, statements_in
from .table import Action, rows
from .texts import FREE_TEXT, is_free_text, is_published_code
from .words import cleaned_text

_PATIENT = frozenset({0x00100010, 0x00100020})
"""PatientName and PatientID, which get the patient's pseudonym."""
_SUBJECT = 0x00120040
_CONTENT = 0x0040A730
_ANNOTATIONS = 0x00700001
_AGE = 0x00101010
_STANDARD = "1.2.840.10008."
_LEFT_OUT = (0x0000, 0x0002, 0x0004, 0x0006, 0xFFFC)


class Deidentified(Struct, frozen=True):
    """A dataset that was de-identified, and what was done."""

    dataset: Dataset
    patient: str
    """The pseudonym of the patient."""
    original: str
    """The SOP Instance UID that it had; empty where it had none."""
    done: dict[str, str]
    """What was done to each element, by its path."""
    identifying: dict[str, str]
    """Values that must not be in an output, each with the name of its element."""
    notes: tuple[Note, ...] = ()


def deidentify(source: Dataset, settings: Settings) -> Deidentified:
    """De-identify all but the pixels of a dataset, which stays as it is; another one is returned."""
    walk = _Walk(settings, Rules(settings, str(source.get("SOPClassUID") or "")), patient_of(source))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        walk.collect(source)
        dataset = walk.dataset(source)
    dataset.file_meta = source.file_meta
    set_original_encoding(dataset, source)
    if ENCAPSULATED in dataset and "EncapsulatedDocumentLength" in dataset:
        dataset.EncapsulatedDocumentLength = len(dataset[ENCAPSULATED].value)
    _complete(dataset, source, settings)
    state(dataset, settings)
    walk.done |= dict.fromkeys(statements_in(dataset), "written of every de-identified object: PS3.15 E.1.1")
    # no find: a day that another one was moved to, and what an option keeps elsewhere
    found = {value: name for value, name in walk.identifying.values.items() if value not in walk.allowed}
    return Deidentified(
        dataset,
        settings.key.identifier(walk.patient),
        str(source.get("SOPInstanceUID") or ""),
        walk.done,
        found,
        tuple(walk.notes()),
    )


def patient_of(source: Dataset) -> str:
    """Return who a patient is: the PatientID; where it is empty, each study is one patient's."""
    patient = str(source.get("PatientID") or "").strip(" \0")
    return patient or f"study {source.get('StudyInstanceUID') or source.get('SOPInstanceUID') or ''}"


def _complete(dataset: Dataset, source: Dataset, settings: Settings) -> None:
    """Give a dataset what pseudonyms stand in, where its source lacks it."""
    pseudonym = settings.key.identifier(patient_of(source))
    dataset.PatientID = pseudonym
    dataset.PatientName = pseudonym
    instance = str(source.get("SOPInstanceUID") or "")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if not dataset.get(keyword):
            setattr(dataset, keyword, settings.key.uid(f"{keyword} of {instance}"))


@dataclass
class _Walk:
    settings: Settings
    rules: Rules
    patient: str
    done: dict[str, str] = field(default_factory=dict)
    identifying: Identifying = field(default_factory=Identifying)
    words: frozenset[str] = frozenset()
    cut: Counter[str] = field(default_factory=Counter)
    allowed: set[str] = field(default_factory=set)
    """Days, as they are written, and UIDs that may be in the output."""
    coded: bool = False
    """Whether the item is a code of a published scheme, whose meaning is no free text."""
    cleaning: bool = False
    """Whether all free text is cleaned: inside of a sequence that is kept for its cleaned content."""
    capped: bool = False

    def notes(self) -> Iterator[Note]:
        if self.cut:
            told = ", ".join(f"{name} ({count})" for name, count in sorted(self.cut.items()))
            yield Note("words-cut", f"words that no list allows were cut from {told}")
        if self.capped:
            yield Note("age-capped", "PatientAge is above 089Y and is written as 090Y")

    def collect(self, dataset: Dataset, inside: str = "") -> None:
        """Gather the values that must go, before any text is cleaned of them."""
        for tag in sorted(dataset.keys()):
            if tag.group in _LEFT_OUT or tag.element == 0:
                continue
            element = read(dataset, tag)
            if element is None:
                continue
            if element.VR == "SQ":
                for item in element.value:
                    self.collect(item, keyword_for_tag(tag))
                continue
            vr = standard_vr(int(tag), str(element.VR))
            element = as_standard(element, vr) or element
            row = rows().get(int(tag)) or row_of_vr(int(tag), vr)
            stays = self.rules.action(element, vr, inside)[0] == "K" and not tag.is_private
            if not stays and (row is not None or (tag.is_private and vr == "PN")):
                name = keyword_for_tag(tag) or f"({tag.group:04X},{tag.element:04X})"
                self.identifying.add(element, vr, name, row)
        if not inside:
            self.words = self.identifying.words()

    def dataset(self, source: Dataset, inside: str = "", path: str = "") -> Dataset:
        """Return one level: the dataset, or an item of a sequence."""
        made = Dataset()
        self.coded = is_published_code(source)
        for tag in sorted(source.keys()):
            if tag.group in _LEFT_OUT or tag.element == 0 or tag.is_private:
                continue
            found = read(source, tag)
            element = None if found is None else self._element(source, found, inside, path)
            if element is not None:
                made.add(element)
            elif found is None:
                self.done[f"{path}{keyword_for_tag(tag) or tag}"] = "removed: its value cannot be read"
        private = [tag for tag in source.keys() if tag.is_private and tag.element]  # noqa: SIM118
        if private and self.settings.retains("retain_safe_private"):
            for kept in safe(source):
                made.add(kept)
        for tag in private:
            kept_or_not = "kept: listed as safe" if tag in made else "removed: private"
            self.done[f"{path}({tag.group:04X},{tag.element:04X})"] = kept_or_not
        return made

    def _element(self, dataset: Dataset, element: DataElement, inside: str, path: str) -> DataElement | None:
        tag, vr = int(element.tag), standard_vr(int(element.tag), str(element.VR))
        name = keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        cleaned = self.cleaning and is_free_text(tag, vr, coded=self.coded)
        action, why = self.rules.action(element, vr, inside, cleaned=cleaned)
        if tag >> 16 & 0xFF00 == 0x6000 and action == "K":
            action, why = self.rules.overlay(dataset, tag >> 16)
        if action in ("K", "S", "C", "U"):
            sound = as_standard(element, vr)
            if sound is None and action != "U":
                action, why = self.rules.without(tag, name, inside), f"no value of the VR {vr}"
            element = sound or element
        made = self._acted(element, vr, action, inside, f"{path}{name}")
        if tag in _PATIENT or tag == _SUBJECT:
            self.done[f"{path}{name}"] = "the patient's pseudonym: HMAC of the PatientID"
        elif why or action != "K":
            self.done[f"{path}{name}"] = f"{_SAID[action]}: {why}"
        return made

    def _acted(
        self, element: DataElement, vr: str, action: Action, inside: str, path: str
    ) -> DataElement | None:
        tag = int(element.tag)
        name = keyword_for_tag(tag)
        if tag in _PATIENT or tag == _SUBJECT:
            own = str(element.value or "").strip() if tag == 0x00100020 and inside else ""
            return DataElement(tag, vr, self.settings.key.identifier(own or self.patient))
        if vr == "SQ" or element.VR == "SQ":
            return self._sequence(element, name, action, path)
        if action == "X" or (element.is_empty and action != "D"):
            return None if action == "X" else DataElement(tag, vr, None)
        if action == "Z":
            return DataElement(tag, vr, None)
        if action == "D" and vr != "UI":
            return dummy(tag, vr)
        if element.is_empty:
            return DataElement(tag, "UI", self.settings.key.uid(f"{path} of {self.patient}"))
        if action in ("U", "D"):
            made = [self._uid(each) for each in values_of(element)]
            return DataElement(tag, "UI", made[0] if len(made) == 1 else made)
        if action == "S":
            return self._moved(element, vr, inside)
        if action == "C":
            return self._cleaned(element, vr, name, inside)
        self._allow(vr, values_of(element))
        if tag == _AGE and isinstance(element.value, str):
            age = capped_age(element.value)
            self.capped |= age != element.value
            return DataElement(tag, "AS", age)
        return element

    def _allow(self, vr: str, values: Iterable[object]) -> None:
        """Note days and UIDs that stay."""
        for value in values:
            day = parsed(str(value)) if vr in ("DA", "DT") else None
            if vr == "UI":
                self.allowed.add(str(value))
            elif day is not None:
                self.allowed.update(written_forms(day))

    def _changed(self, element: DataElement, vr: str, inside: str) -> DataElement | None:
        """Return what is in place of an element whose value may not stay; None where nothing is."""
        tag = int(element.tag)
        action = self.rules.without(tag, keyword_for_tag(tag), inside)
        if action == "X":
            return None
        return DataElement(tag, vr, None) if action == "Z" else dummy(tag, vr)

    def _uid(self, original: object) -> str:
        text = str(original).strip(" \0")
        return text if not text or text.startswith(_STANDARD) else self.settings.key.uid(text)

    def _moved(self, element: DataElement, vr: str, inside: str) -> DataElement | None:
        days = self.settings.days(self.patient)
        moved = [shifted(vr, str(value), days) for value in values_of(element)]
        if any(each is None for each in moved):
            return self._changed(element, vr, inside)
        self._allow(vr, moved)
        return DataElement(element.tag, vr, moved[0] if len(moved) == 1 else moved)

    def _cleaned(self, element: DataElement, vr: str, name: str, inside: str) -> DataElement | None:
        if vr not in FREE_TEXT:
            # an AE title, a code: nothing in it can be told from a name
            return self._changed(element, vr, inside)
        texts = []
        for value in values_of(element):
            text, cut = cleaned_text(str(value), self.words)
            self.cut[name] += cut
            texts.append(text)
        if not self.cut[name]:
            del self.cut[name]
        if not any(texts) and int(element.tag) not in rows():
            return dummy(int(element.tag), vr)
        if not any(texts):
            return self._changed(element, vr, inside)
        return DataElement(element.tag, vr, texts[0] if len(texts) == 1 else texts)

    def _sequence(self, element: DataElement, name: str, action: Action, path: str) -> DataElement | None:
        tag = int(element.tag)
        if action == "X" or (action == "D" and tag == _ANNOTATIONS):
            return None
        if action == "Z" or element.VR != "SQ":
            return DataElement(tag, "SQ", Sequence())
        if action == "D":
            return self._dummy_sequence(element, name, path)
        before, self.cleaning = self.cleaning, self.cleaning or action == "C"
        items = self._items(element, name, path)
        self.cleaning = before
        if action == "U":
            for item in items:
                _keep_references(item)
        return DataElement(tag, "SQ", Sequence(items))

    def _items(self, element: DataElement, name: str, path: str) -> list[Dataset]:
        coded = self.coded
        items = [self.dataset(item, name, f"{path}[{number}].") for number, item in enumerate(element.value)]
        self.coded = coded
        return items

    def _dummy_sequence(self, element: DataElement, name: str, path: str) -> DataElement:
        tag = int(element.tag)
        if tag == _CONTENT:
            return DataElement(tag, "SQ", content())
        if any("CodeMeaning" in item or "CodeValue" in item for item in element.value):
            return dummy(tag, "SQ")
        return DataElement(tag, "SQ", Sequence(self._items(element, name, path)))


def _keep_references(item: Dataset) -> None:
    """Leave no text in an item that is kept for its reference (X/Z/U* of PS3.15 table E.1-1a)."""
    for tag in list(item.keys()):
        if item[tag].VR in FREE_TEXT or item[tag].VR in ("AE", "PN", "UR"):
            del item[tag]


_SAID = {"D": "dummy", "Z": "emptied", "X": "removed", "U": "UID replaced", "K": "kept", "C": "cleaned",
         "S": "date moved"}  # fmt: skip
