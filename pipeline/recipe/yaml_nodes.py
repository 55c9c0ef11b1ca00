"""Read YAML text into nodes: every scalar is the text in the file, and everything has its line.

Only PyYAML's event stream is used. Its composer recurses (the C one crashes on 100,000 levels) and its
constructor guesses types, so the nodes are composed here, within bounds that are checked before memory or
stack is used up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml
from msgspec import Struct, field

from .syntax_slips import BREAK, CURLY, slip_of

MAX_BYTES = 2**22
MAX_DEPTH = 64
MAX_NODES = 250_000
"""The most nodes, counted with every alias expanded."""
SMALLER = "name many files by one glob with captures, or split the recipe: one command takes several"
"""The hint for a recipe that is too large."""

_NULLS = frozenset({"", "~", "null"})
_UNPRINTABLE = yaml.reader.Reader.NON_PRINTABLE
_PURE_BYTES = 2**16
_QUOTE = "text that begins with '{char}' needs quotes"


class Node(Struct, frozen=True, eq=False):
    """A scalar (text, or None for null), a list or a mapping; lines and columns count from 1."""

    value: str | list[Node] | dict[str, Node] | None
    line: int
    column: int
    flow: bool = False
    """Whether it is written with braces or brackets."""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each key of a mapping."""
    size: int = 1
    height: int = 1


class YamlProblem(Struct, frozen=True):
    """One mistake of the text; `path` is its location in the document, as far as that was read."""

    line: int
    column: int
    path: tuple[str | int, ...]
    what: str


class YamlError(ValueError):
    """The text is not YAML as recipes use it."""

    def __init__(self, problems: list[YamlProblem]) -> None:
        super().__init__(problems[0].what)
        self.problems = problems


def read_yaml(data: bytes) -> Node:
    """Return the document in a file's bytes.

    Raises:
        YamlError: with every mistake that was found before the text could no longer be followed.
    """
    text = _decoded(data)
    composer = _Composer(_events(text))
    try:
        node = composer.document()
    except yaml.YAMLError as error:
        stop = _syntax(text, error)
        # what is wrong with a line already is what stopped the parser in it
        told = [stop] if all(problem.line != stop.line for problem in composer.problems) else []
        raise YamlError([*composer.problems, *told]) from None
    except _StopError as ended:
        raise YamlError([*composer.problems, ended.problem]) from None
    if composer.problems:
        raise YamlError(composer.problems)
    return node


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise _error(0, 0, f"has more than {MAX_BYTES} bytes, which is no recipe; {SMALLER}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _error(0, 0, "is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig", "replace")
        byte = error.object[error.start]
        raise _error(*_position(before), f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from None
    found = _UNPRINTABLE.search(text)
    if found:
        what = f"the control character {found[0]!a} cannot stand in YAML"
        raise _error(*_position(text[: found.start()]), what)
    return text


def _position(before: str) -> tuple[int, int]:
    ends = [found.end() for found in BREAK.finditer(before)]
    return len(ends) + 1, len(before) - (ends[-1] if ends else 0) + 1


def _error(line: int, column: int, what: str) -> YamlError:
    return YamlError([YamlProblem(line, column, (), what)])


def _events(text: str, *, pure: bool = False) -> Iterator[Any]:
    loader = yaml.SafeLoader if pure or not yaml.__with_libyaml__ else yaml.CSafeLoader
    return iter(yaml.parse(text, Loader=loader))


def _syntax(text: str, error: yaml.YAMLError) -> YamlProblem:
    """Return what stopped the parser, in the words of PyYAML's own parser, whichever parser read the text.

    libyaml looks ahead and may give up before our own bounds are reached; they come first.
    """
    try:
        _Composer(_events(text[:_PURE_BYTES], pure=True)).document()
    except _StopError as stop:
        return stop.problem
    except yaml.YAMLError as own:
        if len(text) <= _PURE_BYTES:
            error = own
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or "not YAML")
    if mark is None:
        return YamlProblem(0, 0, (), f"not YAML: {problem}")
    slip = slip_of(text, error)
    if slip is not None:
        return YamlProblem(slip.line, slip.column, (), slip.what)
    return YamlProblem(mark.line + 1, mark.column + 1, (), f"not YAML: {problem}")


class _StopError(Exception):
    """The rest of the document cannot be read."""

    def __init__(self, event: Any, path: tuple[str | int, ...], what: str) -> None:
        super().__init__(what)
        mark = event.start_mark
        self.problem = YamlProblem(mark.line + 1, mark.column + 1, path, what)


class _Composer:
    def __init__(self, events: Iterator[Any]) -> None:
        self.events = events
        self.problems: list[YamlProblem] = []
        self.anchors: dict[str, Node | None] = {}
        """None while the anchor's own node is still open."""
        self.count = 0

    def document(self) -> Node:
        node: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent) and node is not None:
                raise _StopError(event, (), "a second document begins here; a recipe is one document")
            if isinstance(event, yaml.NodeEvent):
                node = self.node(event, (), 1)
        return node or Node(None, 1, 1)

    def node(self, event: Any, path: tuple[str | int, ...], depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path, depth)
        if depth > MAX_DEPTH:
            raise _StopError(event, (), f"nested more than {MAX_DEPTH} deep")
        self.grow(1, event)
        if event.tag is not None:
            self.wrong(event, path, f"the YAML tag {_shown(event.tag)} is not used here; {_TAG_HINT}")
        if event.anchor is not None:
            if event.anchor in self.anchors:
                self.wrong(event, path, f"the anchor '&{event.anchor}' stands twice")
            self.anchors[event.anchor] = None
        node = self.content(event, path, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def content(self, event: Any, path: tuple[str | int, ...], depth: int) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0]
            if plain and event.value[:1] in CURLY and event.value:
                whole = event.value[-1] in CURLY
                straight = f'"{event.value.strip(CURLY)}"' if whole else '"..."'
                what = f"curly quotes are letters to YAML; write straight ones: {straight}"
                self.wrong(event, path, what)
            return Node(None if plain and event.value in _NULLS else event.value, line, column)
        flow = bool(event.flow_style)
        keys: dict[str, tuple[int, int]] = {}
        value: list[Node] | dict[str, Node]
        if isinstance(event, yaml.SequenceStartEvent):
            inner = value = self.items(path, depth)
        else:
            value = self.entries(path, depth, keys)
            inner = list(value.values())
        size = 1 + sum(node.size for node in inner)
        height = 1 + max((node.height for node in inner), default=0)
        return Node(value, line, column, flow, keys, size, height)

    def items(self, path: tuple[str | int, ...], depth: int) -> list[Node]:
        found: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.node(event, (*path, len(found)), depth + 1))
        return found

    def entries(
        self, path: tuple[str | int, ...], depth: int, keys: dict[str, tuple[int, int]]
    ) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, path, depth)
            line, column = event.start_mark.line + 1, event.start_mark.column + 1
            node = self.node(next(self.events), (*path, key), depth + 1)
            if node.value is None:  # parsers disagree on the place of an empty value
                node = Node(None, line, column)
            if key in keys:
                self.wrong(event, (*path, key), f"stands twice; the first is in line {keys[key][0]}")
            elif key == "<<" and event.implicit[0]:
                self.wrong(
                    event, path, "merge keys (<<) are not used here; 'defaults' and 'extends' do what they do"
                )
            else:
                keys[key] = (line, column)
                found[key] = node
        return found

    def key(self, event: Any, path: tuple[str | int, ...], depth: int) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise _StopError(event, path, "a key must be text")
        self.node(event, path, depth + 1)
        if event.implicit[0] and event.value == "":
            self.wrong(event, path, "a key is missing before ':'")
        return str(event.value)

    def alias(self, event: Any, path: tuple[str | int, ...], depth: int) -> Node:
        name = event.anchor
        if name not in self.anchors:
            hint = _QUOTE.format(char="*")
            raise _StopError(event, path, f"the alias '*{name}' names no anchor; {hint}")
        node = self.anchors[name]
        if node is None:
            raise _StopError(event, path, f"the alias '*{name}' holds itself")
        if depth + node.height - 1 > MAX_DEPTH:
            raise _StopError(event, path, f"nested more than {MAX_DEPTH} deep")
        self.grow(node.size, event)
        return node

    def grow(self, size: int, event: Any) -> None:
        self.count += size
        if self.count > MAX_NODES:
            raise _StopError(event, (), f"more than {MAX_NODES} values, aliases counted; {SMALLER}")

    def wrong(self, event: Any, path: tuple[str | int, ...], what: str) -> None:
        mark = event.start_mark
        self.problems.append(YamlProblem(mark.line + 1, mark.column + 1, path, what))


_TAG_HINT = "text is text as it stands, and bytes are {base64: ..}"


def _shown(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!") if len(tag) < 80 else f"{tag[:60]}..."
