"""Read DICOM tags as a recipe names them, and the values it may give them.

The dictionary of keywords is pydicom's own; it is loaded as a single module file, since importing pydicom for
it would take a hundred times longer. Where pydicom is imported already, so is its dictionary.
"""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct

from .suggest import suggestion
from .template import TemplateError, is_template, places
from .values import ValueFormError, normal_value

MAX_KEY = 256
_HEX = r"\(?\s*([0-9A-Fa-f]{4})\s*,?\s*([0-9A-Fa-f]{4})\s*\)?"
_PRIVATE = r"\(\s*([0-9A-Fa-f]{4})\s*,\s*(.+?)\s*,\s*([0-9A-Fa-f]{1,2})\s*\)"
_HALF = r"\(\s*[0-9A-Fa-f]{4}|\s*[0-9A-Fa-f]{1,4}\s*\)"
"""The text of a tag that stands in a flow mapping without quotes, split by YAML."""
_INDEX = re.compile(r"(.+?)\[(\d{1,6})\]")


class TagStep(Struct, frozen=True):
    """One element on the way to a tag; `index` is the number of the item of a sequence to go into.

    `number` is group * 65536 + element; of a private element the element is the two digits that its creator's
    block completes.
    """

    number: int
    creator: str | None = None
    index: int | None = None


class TagPath(Struct, frozen=True):
    """The path of a tag, from the dataset downwards."""

    text: str
    steps: tuple[TagStep, ...]

    @property
    def last(self) -> TagStep:
        return self.steps[-1]

    def __str__(self) -> str:
        return self.text


@cache
def dictionary() -> dict[int, tuple[str, str, str, str, str]]:
    """Return pydicom's table of PS3.6: tag number -> (VR, VM, name, retired, keyword)."""
    return _tables()[0]


@cache
def keywords() -> dict[str, int]:
    """Return the tag number of each keyword."""
    return {row[4]: number for number, row in dictionary().items() if row[4]}


@cache
def _tables() -> tuple[dict[int, tuple[str, str, str, str, str]], dict[str, Any]]:
    loaded = sys.modules.get("pydicom._dicom_dict")
    module = _read_tables() if loaded is None else loaded
    return module.DicomDictionary, module.RepeatersDictionary


def _read_tables() -> ModuleType:
    package = find_spec("pydicom")
    if package is None or not package.submodule_search_locations:
        raise ImportError("pydicom is not installed")
    path = Path(package.submodule_search_locations[0]) / "_dicom_dict.py"
    loader = SourceFileLoader("dicombake._dicom_dict", str(path))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def vr_of(step: TagStep) -> str | None:
    """Return the VR that the standard gives a public element (``US or SS`` as in the standard); else None."""
    if step.creator is not None:
        return None
    row = dictionary().get(step.number)
    return row[0] if row else _repeating_vr(step.number)


@lru_cache(maxsize=256)
def _repeating_vr(number: int) -> str | None:
    """Return the VR of an element whose group repeats, such as the overlays' (60xx,3000)."""
    digits = f"{number:08x}"
    for mask, row in _tables()[1].items():
        if all(wanted in ("x", digit) for wanted, digit in zip(mask, digits, strict=True)):
            return str(row[0])
    return None


@lru_cache(maxsize=1024)
def path_of(keyword: str) -> TagPath:
    """Return the path of an element of the top level. Raises: KeyError for an unknown keyword."""
    return TagPath(keyword, (TagStep(keywords()[keyword]),))


@lru_cache(maxsize=4096)
def parse_tag(text: str) -> TagPath:
    """Return the path that a recipe's key names.

    Raises:
        ValueError: an unknown keyword (with the one that was perhaps meant), a malformed key, a step into
            something that is no sequence.
    """
    parts = _split(text)
    steps = tuple(_step(part, last=part is parts[-1]) for part in parts)
    for step in steps[:-1]:
        if vr_of(step) not in ("SQ", None):
            raise ValueError(f"'{text}': only a sequence has items")
    return TagPath(text, steps)


def _split(text: str) -> list[str]:
    parts = re.findall(r"(?:\([^)]*\)|[^.()])+", text) if len(text) <= MAX_KEY else []
    if re.fullmatch(_HALF, text):
        raise ValueError(f"'{text[:64]}' is half of a tag, cut at its comma; quote the tag within {{ }}")
    if not parts or ".".join(parts) != text:
        raise ValueError(
            f"'{text[:64]}' is no tag: write a keyword, (0010,0020), 00100020 or (0009,CREATOR,10)"
        )
    return [part.strip() for part in parts]


def _step(part: str, *, last: bool) -> TagStep:
    indexed = _INDEX.fullmatch(part)
    index = int(indexed[2]) if indexed else None
    name = indexed[1] if indexed else part
    if index is None and not last:
        raise ValueError(f"'{part}' needs the number of an item, as in {part}[0]")
    private = re.fullmatch(_PRIVATE, name)
    if private:
        group = int(private[1], 16)
        if group % 2 == 0:
            raise ValueError(f"'{name}': a private element has an odd group")
        if not 0x0009 <= group <= 0xFFFD:  # PS3.5 section 7.8
            raise ValueError(f"'{name}': the groups of private elements are 0009 to FFFD")
        if len(private[2]) > 64:
            raise ValueError(f"'{name}': a private creator has at most 64 characters")
        return TagStep(group << 16 | int(private[3], 16), private[2], index)
    matched = re.fullmatch(_HEX, name)
    if matched:
        return TagStep(_in_dataset(name, int(matched[1] + matched[2], 16)), None, index)
    number = keywords().get(name)
    if number is None:
        raise _UnknownKeywordError(name)
    return TagStep(_in_dataset(name, number), None, index)


def _in_dataset(name: str, number: int) -> int:
    """Return the number of an element that a dataset can hold (PS3.10 7.1; PS3.5 7.1, 7.2, 7.5)."""
    group = number >> 16
    if group == 0x0002:
        raise ValueError(f"'{name}' belongs to the file meta, which follows the finished dataset")
    if group < 0x0008 or group >= 0xFFFE or number & 0xFFFF == 0:
        raise ValueError(f"'{name}' is no element of a dataset")
    return number


class _UnknownKeywordError(ValueError):
    def __init__(self, name: str) -> None:
        super().__init__(f"'{name}' is no DICOM keyword{suggestion(name, keywords())}")


class TagValue(Struct, frozen=True):
    """A value for a tag.

    `items` is the text of one or several values (templates are rendered later), `nested` the items of a
    sequence, `data` bytes. All three None: an empty element.
    """

    items: tuple[str, ...] | None = None
    nested: tuple[Mapping[TagPath, TagValue], ...] | None = None
    data: bytes | None = None
    vr: str | None = None

    @property
    def empty(self) -> bool:
        return self.items is None and self.nested is None and self.data is None


def as_written(value: TagValue) -> Any:
    """Return the value as a recipe would write it; reading that gives the same value."""
    if value.data is not None:
        written: dict[str, Any] = {"base64": base64.b64encode(value.data).decode("ascii")}
        return written if value.vr is None else {"vr": value.vr, **written}
    plain: Any = None
    if value.nested is not None:
        plain = [{str(path): as_written(inner) for path, inner in item.items()} for item in value.nested]
    elif value.items is not None:
        plain = value.items[0] if len(value.items) == 1 else list(value.items)
    return plain if value.vr is None else {"vr": value.vr, "value": plain}


def problem_of(path: TagPath, value: TagValue, *, literal: bool = False, unseen: bool = False) -> str | None:
    """Return a sentence on what is wrong with the value of a tag; None where nothing is.

    Items that are templates are not judged, unless `literal` says that they were rendered already; with
    `unseen` the sentence does not show them.
    """
    # A value is wrong in itself (normal_value), or its shape (empty, texts, bytes, items) does not fit the
    # VR, which the recipe states or the dictionary knows; a private element without one is judged when the
    # file is written. The order matters: a wrong shape is told before the texts in it, which the wrong VR
    # would misjudge. The same rules serve recipes (templates not yet rendered), tables and values of a
    # patient's file (never shown).
    step = path.last
    if step.index is not None and not (value.empty or len(value.nested or ()) == 1):
        return f"{path}: an item of a sequence is a list of one mapping, or null"
    vr = value.vr or vr_of(step)
    plain = not value.empty and value.data is None and value.nested is None
    if vr is None and plain and step.creator is None:
        return f"{path}: the standard has no such element; give its VR, as in {{vr: LO, value: ..}}"
    if value.nested is not None and vr not in ("SQ", None):
        return f"{path}: only a sequence (SQ) takes a list of mappings, this is {vr}"
    if vr == "SQ" and value.items:
        return f"{path}: a sequence takes a list of mappings"
    for item in value.items or ():
        if vr and (literal or not is_template(item)):
            try:
                normal_value(vr, item)
            except ValueFormError as error:
                return f"{path}: {error.unseen if unseen else error}"
    for mapping in value.nested or ():
        for inner_path, inner in mapping.items():
            problem = problem_of(inner_path, inner, literal=literal, unseen=unseen)
            if problem:
                return f"{path}: {problem}"
    return None


def templates_of(value: TagValue) -> Iterator[str]:
    """Yield every text of a value, sequences included, that holds a place of a template."""
    for item in value.items or ():
        try:
            if places(item):
                yield item
        except TemplateError:
            continue
    for mapping in value.nested or ():
        for inner in mapping.values():
            yield from templates_of(inner)
