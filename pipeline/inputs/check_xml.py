"""Read Check.xml, which Machine Performance Check writes next to its images: serial number, time, zone.

The layout was read from 8 files of three TrueBeams (FileFormatVersion 6): a ``Check`` in the namespace of
MPC, with ``MachineSerialNumber`` and ``Date`` (``2025-09-19T07:41:49.0219614-05:00``) directly in it.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any
from xml.parsers import expat

from msgspec import Struct

from ..errors import SourceError
from ..loaders.files import opened

ROOT = "http://www.varian.com/MPC Check"
_NAMESPACE = ROOT.rpartition(" ")[0]
_MOST_BYTES = 2**20
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_SERIAL = re.compile(r"[^\\\x00-\x1f\x7f]{1,64}")


class Check(Struct, frozen=True):
    """The contents of one Check.xml; empty for what it does not say."""

    serial: str = ""
    date: str = ""
    """DA, by the machine's clock."""
    time: str = ""
    """TM."""
    zone: str = ""
    """TimezoneOffsetFromUTC: ``-0500``. Empty for a time in UTC, which no machine's clock shows."""


def read_check(path: Path) -> Check:
    """Return the contents of a file.

    Raises:
        SourceError: for what is not a Check.xml, declares a document type or is too large; for invalid
            values.
    """
    found = _children(_data(path), path)
    return Check(_serial(found.get("MachineSerialNumber", ""), path), *_moment(found.get("Date", ""), path))


def _data(path: Path) -> bytes:
    with opened(path) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise SourceError(f"has more than {_MOST_BYTES} bytes, and is no Check.xml", subject=str(path))
    return data


def _children(data: bytes, path: Path) -> dict[str, str]:
    """Return the texts of the elements directly below the root. No entity is ever expanded."""
    parser = expat.ParserCreate(namespace_separator=" ")
    stack: list[str] = []
    found: dict[str, str] = {}

    def refuse(*_: Any) -> None:
        raise SourceError("declares a document type, which no Check.xml does", subject=str(path))

    def start(name: str, _: Any) -> None:
        if not stack and name != ROOT and name.rpartition(" ")[2] == "Check":
            raise SourceError(
                "is no Check.xml of Machine Performance Check: its root element 'Check' is not in the "
                f"namespace {_NAMESPACE}",
                subject=str(path),
                hint=f'write it as <Check xmlns="{_NAMESPACE}">',
            )
        if not stack and name != ROOT:
            shown = name.rpartition(" ")[2][:60]
            raise SourceError(
                f"is no Check.xml of Machine Performance Check: its root element is '{shown}'",
                subject=str(path),
            )
        stack.append(name)
        if len(stack) == 2 and name in found:
            raise SourceError(f"has the element '{name.rpartition(' ')[2]}' twice", subject=str(path))
        if len(stack) == 2:
            found[name] = ""

    def text(part: str) -> None:
        if len(stack) == 2:
            found[stack[1]] += part

    def end(_: str) -> None:
        stack.pop()

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SourceError(f"is no XML: {error}", subject=str(path)) from None
    except (LookupError, ValueError):
        raise SourceError("is XML in an encoding that is not known", subject=str(path)) from None
    own = f"{_NAMESPACE} "
    return {name.removeprefix(own): value.strip() for name, value in found.items() if name.startswith(own)}


def _serial(text: str, path: Path) -> str:
    if text and not _SERIAL.fullmatch(text):
        raise SourceError("has a MachineSerialNumber that is no LO of DICOM", subject=str(path))
    return text


def _moment(text: str, path: Path) -> tuple[str, str, str]:
    """Return date, time (microseconds, as DICOM has them) and zone."""
    if not text:
        return "", "", ""
    matched = _DATE.fullmatch(text)
    try:
        if matched is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(part) for part in matched.groups()[:6])
        datetime.datetime(year, month, day, hour, minute, second)
    except ValueError:
        raise SourceError("has a Date that is no time", subject=str(path)) from None
    date, time = f"{year:04}{month:02}{day:02}", f"{hour:02}{minute:02}{second:02}"
    fraction, zone = matched[7], matched[8]
    if zone == "Z":
        return "", "", ""
    return date, f"{time}.{fraction[:6]:0<6}" if fraction else time, (zone or "").replace(":", "")
