"""``x.lock`` beside ``x.yaml``: what a run read, what it wrote, and with which program.

Text for git: UTF-8, LF, one fact per line, sorted, nothing but hashes, versions and paths::

    dicombake-lock 1
    codec imagecodecs 2026.3.6
    input 6a3c...  data:raw/epid/a.xim
    option 5d21...  epid:tags.PatientID
    output 9f01...  out:dicom/a.dcm
    program dicombake 0.1.0
    recipe 77ab...
    unit 0b2e...  out:dicom/a.dcm

``data:`` paths are relative to the data folder, ``out:`` paths to the output folder, always with ``/``.
``unit`` gives the fingerprint (`pipeline.run.fingerprint`) of the unit whose first output it names; it
decides, and is `UNFINISHED` for a unit of which only some outputs were made. ``option`` gives a short hash of
one key of a conversion, so that what changed has a name.
An output's line without its first word and the ``out:`` is a line of ``sha256sum -c``. In a path, a
backslash is ``\\\\``, a line end ``\\n`` or ``\\r``, a part of a name that is no Unicode ``\\uNNNN``.
"""

from __future__ import annotations

import os
import re
from binascii import unhexlify
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from io import BufferedReader
from itertools import groupby
from pathlib import Path

from msgspec import Struct, field, structs

from ..errors import PlanError
from ..packed import PackingError, Row, Rows
from ..reading import content_of, open_regular
from .hashes import PackedHashes, in_order, kept, key_of_path, merged

VERSION = 1
UNFINISHED = "9b569cd062350ef2205068fc6eab4dee71ba9dc7d7855ce4815fde7aee7f5787"
"""The fingerprint for a unit that failed with some outputs in place: sha256 of ``unfinished``."""

_HEADER = re.compile(r"dicombake-lock (\d{1,9})")
_FACT = re.compile(r"(input|output|unit) ([0-9a-f]{64})  (data|out):(.+)")
_OPTION = re.compile(r"option ([0-9a-f]{12})  (\w[\w.\-]*:.+)")
_NAMED = re.compile(r"(program|codec) (\S+) (\S+)")
_RECIPE = re.compile(r"recipe ([0-9a-f]{64})")
_CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")
_ESCAPED = re.compile(r"\\(?:(?P<plain>[\\nr])|u(?P<half>d[89a-f][0-9a-f]{2}))")
_PLAIN = {"\\": "\\", "n": "\n", "r": "\r"}


class Lock(Struct, frozen=True):
    """The facts of a lock; paths are without their prefix, hashes are sha256 in hex."""

    recipe: str = ""
    """The digest of the recipe (`LoadedRecipe.digest`)."""
    program: str = ""
    """The version of dicombake."""
    codecs: Mapping[str, str] = field(default_factory=dict)
    """Distribution -> version, of those whose version can change a byte."""
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Path relative to the data folder -> sha256."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Path relative to the output folder -> sha256."""
    units: Mapping[str, str] = field(default_factory=dict)
    """First output of a unit -> its fingerprint."""
    options: Mapping[str, str] = field(default_factory=dict)
    """``conversion:key`` -> a short hash of what the recipe said there."""

    def only(self, inputs: Collection[str], outputs: Collection[str], conversions: Collection[str]) -> Lock:
        """Return the lock with only these files and conversions."""
        return structs.replace(
            self,
            inputs=kept(self.inputs, inputs.__contains__),
            outputs=kept(self.outputs, outputs.__contains__),
            units=kept(self.units, outputs.__contains__),
            options={key: known for key, known in self.options.items() if _conversion(key) in conversions},
        )

    def updated(self, newer: Lock) -> Lock:
        """Return the lock with the facts of `newer` over these; a conversion's options change as a whole."""
        renewed = {_conversion(key) for key in newer.options}
        others = {key: known for key, known in self.options.items() if _conversion(key) not in renewed}
        return Lock(
            recipe=newer.recipe or self.recipe,
            program=newer.program or self.program,
            codecs=newer.codecs or self.codecs,
            inputs=merged(self.inputs, newer.inputs),
            outputs=merged(self.outputs, newer.outputs),
            units=merged(self.units, newer.units),
            options={**others, **newer.options},
        )


def _conversion(key: str) -> str:
    """Return the conversion of an option's key."""
    return key.partition(":")[0]


_LARGEST = 2**28
"""Bytes of a lock that is read as a whole."""
_LARGEST_IN_ORDER = 2**31
"""Bytes of one that is read line by line, as it is written: some seven million files."""
_LONGEST = 2**16
"""Bytes of a line of such a lock; one with a longer one is read as a whole."""
_MANY = 2**22
"""Bytes of a lock from which on it is read line by line, and its hashes are packed."""


def read_lock(path: Path) -> Lock:
    """Return the lock at `path`; an empty one where there is none.

    The order of the lines does not matter, so that a merge of two branches can be read.

    Raises:
        PlanError: conflict markers, an unknown line, two hashes for one file, a lock of a newer program; with
            the line and a hint.
    """
    try:
        found = _read_in_order(path)
        if found is not None:
            return found
        text = content_of(path, _LARGEST).decode("utf-8")
    except FileNotFoundError:
        return Lock()
    except OSError as error:
        raise PlanError(f"cannot be read: {error.strerror or error}", subject=str(path)) from error
    except UnicodeDecodeError as error:
        raise _wrong(path, 0, "is no UTF-8 text") from error
    return parse_lock(text, path)


def _read_in_order(path: Path) -> Lock | None:
    """Return a large lock as this program writes it, without ever holding its text; None for any other."""
    tables: dict[bytes, Mapping[str, str]] = {}
    others = []
    room = _MOST_OTHERS
    try:
        with open_regular(path) as file, BufferedReader(file, 2**20) as buffered:
            if not _MANY <= os.fstat(file.fileno()).st_size <= _LARGEST_IN_ORDER:
                return None
            for kind, found in groupby(iter(partial(buffered.readline, _LONGEST), b""), _kind):
                base = _BASES.get(kind)
                if base is None:
                    for line in found:
                        room -= len(line)
                        if room < 0:
                            return None
                        others.append(line.decode().removesuffix("\n"))
                elif kind in tables:
                    return None
                else:
                    tables[kind] = PackedHashes(Rows(_rows(found, kind, base)))
        _check_header(others, path)
        rest = _parsed(others, path)
    except (PlanError, PackingError, UnicodeDecodeError):
        return None  # whoever reads it whole says what is wrong
    return structs.replace(
        rest,
        inputs=tables.get(b"input", {}),
        outputs=tables.get(b"output", {}),
        units=tables.get(b"unit", {}),
    )


_MOST_OTHERS = 2**24
"""Bytes of the lines of a lock that are of no file."""
_BASES = {b"input": b"data", b"output": b"out", b"unit": b"out"}


def _kind(line: bytes) -> bytes:
    return line.partition(b" ")[0]


def _rows(lines: Iterable[bytes], kind: bytes, base: bytes) -> Iterator[Row]:
    """Yield what lines of one kind say. Raises: PackingError, UnicodeDecodeError."""
    fact_of = re.compile(rb"%b ([0-9a-f]{64})  %b:([^\r\n]+)\n?" % (kind, base)).fullmatch
    for line in lines:
        fact = fact_of(line)
        if fact is None:
            raise PackingError("another line")
        known, path = fact.groups()
        if not path.isascii() or b"\\" in path:
            path = key_of_path(unescape(path.decode()))
        yield path, unhexlify(known)


def parse_lock(text: str, path: Path = Path("lock")) -> Lock:
    """Return the facts of a lock's text. Raises: PlanError, as `read_lock`."""
    lines = text.replace("\r\n", "\n").removesuffix("\r").split("\n")
    if any(mark in text for mark in _CONFLICT):
        for number, line in enumerate(lines, 1):
            if line.startswith(_CONFLICT):
                raise _wrong(path, number, "has the marks of an unsolved merge", "solve it, or ")
    _check_header(lines, path)
    return _parsed(lines, path)


def _check_header(lines: list[str], path: Path) -> None:
    """Check the header, which must be among the lines, anywhere."""
    headers = [matched for line in lines if line[:1] == "d" and (matched := _HEADER.fullmatch(line))]
    if not headers:
        raise _wrong(path, 1, f"does not say 'dicombake-lock {VERSION}'")
    if any(int(header[1]) != VERSION for header in headers):
        raise PlanError(
            f"has version {headers[0][1]}, this program reads version {VERSION}",
            subject=str(path),
            hint="update dicombake",
        )


def _parsed(lines: list[str], path: Path) -> Lock:
    single: dict[str, str] = {}
    codecs: dict[str, str] = {}
    options: dict[str, str] = {}
    tables: dict[tuple[str, str], dict[str, str]] = {
        ("input", "data"): {},
        ("output", "out"): {},
        ("unit", "out"): {},
    }
    fact_of = _FACT.fullmatch
    for number, line in enumerate(lines, 1):
        if fact := fact_of(line):
            kind, known, base, name = fact.groups()
            table = tables.get((kind, base))
            if table is None:
                raise _nothing_known(line, path, number)
            _put(table, unescape(name) if "\\" in name else name, known, path, number)
        elif option := _OPTION.fullmatch(line):
            _put(options, unescape(option[2]), option[1], path, number)
        elif recipe := _RECIPE.fullmatch(line):
            _put(single, "recipe", recipe[1], path, number)
        elif (named := _NAMED.fullmatch(line)) and named[1] == "codec":
            _put(codecs, named[2], named[3], path, number)
        elif named and named[2] == "dicombake":
            _put(single, "program", named[3], path, number)
        elif line.strip() and not _HEADER.fullmatch(line):
            raise _nothing_known(line, path, number)
    return Lock(
        single.get("recipe", ""),
        single.get("program", ""),
        codecs,
        tables["input", "data"],
        tables["output", "out"],
        tables["unit", "out"],
        options,
    )


def facts_of(kind: str, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield path and sha256 of those lines that are of files and of one kind, in their order."""
    base = _BASES[kind.encode()].decode()
    for line in lines:
        fact = _FACT.fullmatch(line)
        if fact is not None and fact[1] == kind and fact[3] == base:
            yield unescape(fact[4]), fact[2]


def is_of_file(line: str) -> bool:
    """Tell whether `facts_of` yields what a line says."""
    fact = _FACT.fullmatch(line)
    return fact is not None and _BASES[fact[1].encode()].decode() == fact[3]


def _nothing_known(line: str, path: Path, number: int) -> PlanError:
    return _wrong(path, number, f"'{line[:60]}' says nothing that a lock says")


def _put(table: dict[str, str], key: str, value: str, path: Path, number: int) -> None:
    if table.setdefault(key, value) != value:
        raise _wrong(path, number, f"says two things about {key}", "remove the wrong line, or ")


def _wrong(path: Path, number: int, what: str, way_out: str = "") -> PlanError:
    place = f"{path}:{number}" if number else str(path)
    return PlanError(
        what, subject=place, hint=f"{way_out}remove the file: the next run checks everything and writes it"
    )


def format_lock(lock: Lock) -> str:
    """Return the text of a lock."""
    return "".join(lock_lines(lock))


def lock_lines(lock: Lock) -> Iterator[str]:
    """Yield the lines of a lock: the header, then by kind and path. A changed hash does not move its line."""
    yield f"dicombake-lock {VERSION}\n"
    yield from sorted(f"codec {name} {version}\n" for name, version in lock.codecs.items())
    yield from _lines("input", "data:", lock.inputs)
    yield from _lines("option", "", lock.options)
    yield from _lines("output", "out:", lock.outputs)
    if lock.program:
        yield f"program dicombake {lock.program}\n"
    if lock.recipe:
        yield f"recipe {lock.recipe}\n"
    yield from _lines("unit", "out:", lock.units)


def _lines(kind: str, start: str, facts: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of one kind, in the order of what they say of."""
    escaped = _ESCAPES.search
    return (
        f"{kind} {known}  {start}{escape(path) if escaped(path) else path}\n"
        for path, known in in_order(facts)
    )


_ESCAPES = re.compile("[\\\\\n\r\ud800-\udfff]")
"""Characters that are written otherwise."""


def escape(path: str) -> str:
    """Return a path as one line of UTF-8 text."""
    text = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return re.sub(r"[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def unescape(text: str) -> str:
    """Return the inverse of `escape`."""
    return _ESCAPED.sub(
        lambda found: chr(int(found["half"], 16)) if found["half"] else _PLAIN[found["plain"]], text
    )


def sums_of(lock: Lock) -> bytes:
    """Return the outputs as lines for ``sha256sum -c`` in the output folder, sorted by path.

    A name with a backslash or a line end is written as GNU coreutils do it: escaped, its line begun with
    a backslash.
    """
    lines = []
    for path, known in sorted(lock.outputs.items()):
        name = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        lines.append(os.fsencode(f"{'' if name == path else chr(92)}{known}  {name}\n"))
    return b"".join(lines)
