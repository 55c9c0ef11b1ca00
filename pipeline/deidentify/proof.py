"""The proof of a de-identified output: values of its source are looked for in what was written.

Long ones in every byte, in each character set, inside of deflated data and PNG chunks too; short ones as
whole words where text stands, so that a name of four letters does not condemn pixels that happen to spell it.
What is found is told by the element that it stands in and the one it comes from, never by itself.
"""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING

from ..errors import VerificationError
from .identifying import LONG

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

_ENCODINGS = (
    "utf-8", "latin-1", "iso8859-2", "iso8859-5", "iso8859-6", "iso8859-7", "gb18030", "shift_jis", "euc_jp",
    "iso2022_jp_2", "euc_kr", "iso2022_kr", "big5", "utf-16-le", "utf-16-be",
)  # fmt: skip
_OURS = frozenset({0x00120062, 0x00120063, 0x00120064})
"""What `statements` writes: that and how identity was removed."""
_TEXT = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_WORD = re.compile(r"[^\W_]+")
_PNG = b"\x89PNG\r\n\x1a\n"
_DEFLATED = b"1.2.840.10008.1.2.1.99"


def prove(
    content: bytes, path: str, identifying: Mapping[str, str], stated: Collection[int] = ()
) -> list[str]:
    """Look for values in a file and in its path; returns the elements where the recipe's own text has one.

    Args:
        content: the bytes of the file.
        path: relative to the output folder.
        identifying: each value, with the element of the source that it stands in.
        stated: tags to which the recipe gives a literal value: the author's word, which is listed.

    Raises: VerificationError, naming the element of the output, and that of the source.
    """
    texts = list(_texts(content))
    author: list[str] = []
    short = {value: name for value, name in identifying.items() if not _is_long(value)}
    for tag, where, text in [*texts, (0, "the path", path)]:
        if tag in _OURS:
            continue
        for value, name in _found(text, identifying, short):
            if tag in stated:
                author.append(where)
                continue
            raise _refusal(where, name, value)
    data = _opened(content)
    for value, name in identifying.items():
        if _is_long(value) and any(needle in data for needle in _needles(value)):
            if any(value.lower() in text.lower() for tag, _, text in texts if tag in stated):
                continue
            raise _refusal(_place(content, value), name, value)
    return list(dict.fromkeys(author))


def _refusal(where: str, name: str, value: str) -> VerificationError:
    return VerificationError(
        f"a value of the source's {name} is still in {where}, so it is not de-identified",
        hint="take the element out with 'remove_tags', or give it a value under 'tags'",
    )


def _is_long(value: str) -> bool:
    return len(value.encode("utf-8")) >= LONG


def _found(text: str, identifying: Mapping[str, str], short: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    lowered = text.lower()
    words, small = set(_WORD.findall(text)), set(_WORD.findall(lowered))
    for value, name in short.items():
        # a name is one however it is written; an institution called Here is no here
        value_is, there, line = (value.lower(), small, lowered) if _is_name(name) else (value, words, text)
        parts = _WORD.findall(value_is)
        if value_is in there or (len(parts) > 1 and _stands_in(value_is, line)):
            yield value, name
    for value, name in identifying.items():
        if _is_long(value) and value.lower() in lowered:
            yield value, name


@lru_cache(maxsize=4096)
def _is_name(element: str) -> bool:
    """Tell whether an element, by its keyword, is of a person."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(element)
    return tag is None or dictionary_VR(tag) == "PN"


def _stands_in(value: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


@lru_cache(maxsize=4096)
def _needles(value: str) -> tuple[bytes, ...]:
    found = set()
    for encoding in _ENCODINGS:
        for text in (value, value.upper(), value.lower()):
            try:
                found.add(text.encode(encoding))
            except UnicodeError:
                continue
    return tuple(sorted(each for each in found if len(each) >= LONG))


def _opened(content: bytes) -> bytes:
    """Return the bytes of a file, and behind them those of what is compressed in it as text."""
    if content.startswith(_PNG):
        return content + b"\0".join(text.encode("utf-8", "replace") for _, text in _png_texts(content))
    if content[128:132] == b"DICM" and _DEFLATED in content[:1024]:
        length = int.from_bytes(content[140:144], "little")  # (0002,0000), which comes first (PS3.10 7.1)
        return content + zlib.decompress(content[132 + 12 + length :], -zlib.MAX_WBITS)
    return content


def _texts(content: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield each text in a file: the tag at its top, the name of its element, and what it says."""
    if content.startswith(_PNG):
        yield from ((0, f"the text '{name}' of the picture", text) for name, text in _png_texts(content))
    elif content[128:132] == b"DICM":
        yield from _dicom_texts(content)


def _dicom_texts(content: bytes) -> Iterator[tuple[int, str, str]]:
    from pydicom import dcmread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag, name, element in _elements(dcmread(BytesIO(content), stop_before_pixels=True)):
            if element.VR in _TEXT and element.value:
                yield tag, name, str(element.value) if element.VM < 2 else "\\".join(map(str, element.value))


def _elements(dataset: Dataset, start: str = "", top: int = 0) -> Iterator[tuple[int, str, DataElement]]:
    """Yield each element that is no sequence, at any depth: the tag at its top, its name, itself."""
    for element in dataset:
        name = f"{start}{element.keyword or str(element.tag).replace(' ', '')}"
        tag = top or int(element.tag)
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _elements(item, f"{name}[{number}].", tag)
        else:
            yield tag, name, element


def _png_texts(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield keyword and text of each chunk that holds text (PNG 11.3.3)."""
    at = len(_PNG)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind, body = content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += 12 + length
        name, _, rest = body.partition(b"\0")
        if kind == b"tEXt":
            yield name.decode("latin-1"), rest.decode("latin-1")
        elif kind == b"zTXt":
            yield name.decode("latin-1"), zlib.decompress(rest[1:]).decode("latin-1")
        elif kind == b"iTXt":
            text = rest[2:].split(b"\0", 2)[2]
            plain = zlib.decompress(text) if rest[:1] == b"\1" else text
            yield name.decode("latin-1"), plain.decode("utf-8", "replace")


def _place(content: bytes, value: str) -> str:
    """Name the element of a file that holds a value, as far as one does."""
    if content[128:132] != b"DICM":
        return "the file"
    from pydicom import dcmread

    needles = _needles(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(BytesIO(content))
        for _, name, element in chain(_elements(dataset.file_meta), _elements(dataset)):
            held = element.value if isinstance(element.value, bytes) else str(element.value).encode()
            if any(needle in held for needle in needles):
                return name
    return "the file"
