"""Read a recipe's file and the files that it extends into one tree of parts."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from msgspec.structs import replace
from pydantic import ValidationError

from ...schemas.language.requirement import meets, parse_requirement
from ...schemas.profiles import PROFILES, is_profile_file
from ...schemas.testing.select import model_of
from ..confined import REFUSED, escapes
from ..errors import Problem
from ..reading import start_of
from ..version import UNKNOWN, program_version
from .loaded import Place
from .problems import make_problem, problems_in
from .profiles import built_in, naming
from .tree import Part, merge, parts_of, plain, with_fills
from .yaml_nodes import MAX_BYTES, Node, YamlError, read_yaml

MAX_FILES = 64

Chain = tuple[tuple[Path, str], ...]
"""The files on the way to this one: path, and the path as messages show it."""

_OWN_KEYS = ("name", "extends", "requires")
"""Keys that a recipe does not take over from the files that it extends."""


class FileReader:
    """Read files, and collect their mistakes in `problems`."""

    def __init__(self, *, trusted: bool = True) -> None:
        self.trusted = trusted
        self.problems: list[Problem] = []
        self.files = 0
        self.profiles: dict[str, Part] = {}
        """The contents of each profile that is named, by its name or its path relative to the recipe."""

    def read(self, path: Path, shown: str) -> Part | None:
        """Return the recipe's own file over the files that it extends; None where a file cannot be read."""
        if not self.trusted and escapes(path, path.parent):
            self._wrong(Place(shown, 0, 0, "recipe"), (), f"is a link out of its folder; {REFUSED}")
            return None
        return self._read(path, shown, Part(shown, Place(shown, 0, 0, "recipe")), ())

    def take(self, tree: Part, path: Path) -> Part:
        """Read a tree that is in no file, with the profiles that it names as if it were at `path`."""
        return naming(tree, lambda item: self._profile(item, ((path, path.name),)))

    def _read(self, path: Path, shown: str, named: Part, chain: Chain) -> Part | None:
        """Return the merged file; None where a file cannot be read.

        `named` is the part that names the file.
        """
        node = self._mapping(path, shown, named, chain)
        return None if node is None else self._parse(node, path, shown, chain)

    def _mapping(self, path: Path, shown: str, named: Part, chain: Chain) -> Node | None:
        """Return a file's mapping; None where it cannot be read or is no mapping."""
        self.files += 1
        try:
            data = start_of(path, MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "this is no path"
            subject = f"'{named.value}' " if chain else ""
            what = f"{subject}cannot be read: {reason}"
            if path.is_dir():
                what = f"{subject}is a folder, no recipe"
                what += "" if chain else f"; to draft one from its files: dicombake new {shown}"
            self._wrong(named.place, named.path, what)
            return None
        return self._parsed(data, shown)

    def _parsed(self, data: bytes, shown: str) -> Node | None:
        top = Place(shown, 0, 0, "recipe")
        try:
            node = read_yaml(data)
        except YamlError as error:
            for found in error.problems:
                place = replace(top, line=found.line, column=found.column)
                self._wrong(place, found.path, found.what)
            return None
        if not isinstance(node.value, dict):
            what = "is empty" if node.value is None else "must be a mapping (key: value) at its top"
            self._wrong(replace(top, line=node.line, column=node.column), (), what)
            return None
        return node

    def _parse(self, node: Node, path: Path, shown: str, chain: Chain) -> Part | None:
        part = with_fills(parts_of(node, shown, own=not chain))
        self._check_alone(part, own=not chain)
        chain = (*chain, (path, shown))
        return self._extended(naming(part, lambda item: self._profile(item, chain)), path, chain)

    def _profile(self, item: Part, chain: Chain) -> Part:
        """Read the profile that is named, once; return its name as the recipe itself would write it."""
        text = str(item.value).replace("\\", "/")
        if text in PROFILES:
            if text not in self.profiles:
                node = self._parsed(built_in(text), f"profile {text}")
                assert node is not None
                self.profiles[text] = parts_of(node, f"profile {text}", profile=True)
            return item
        if not is_profile_file(text):  # the models report that there is no such profile
            return item
        path, shown = chain[-1]
        target, shown = path.parent / text, posixpath.normpath(posixpath.join(posixpath.dirname(shown), text))
        name = posixpath.relpath(shown, posixpath.dirname(chain[0][1]) or ".")
        if what := self._outside(text, target, chain[0][0], "names"):
            self._wrong(item.place, item.path, f"'{item.value}' {what}")
        elif name not in self.profiles:
            self.profiles[name] = item  # its mistakes are reported once
            node = self._mapping(target, shown, item, chain)
            if node is not None:
                self.profiles[name] = parts_of(node, shown, profile=True)
                self._check_profile(self.profiles[name])
        return replace(item, value=name)

    def _outside(self, text: str, target: Path, recipe: Path, does: str) -> str:
        """Return why a recipe must not extend or name a path; empty where it may."""
        if not self.trusted and escapes(target, recipe.parent):
            return f"leaves the folder of the recipe; {REFUSED}"
        return _outside(text, target, recipe, does)

    def _check_profile(self, part: Part) -> None:
        nested = part.entries.get("profile")
        if nested is not None:
            self._wrong(nested.place, nested.path, "a profile is not made of another one")
        alone = replace(part, value={"profile": _without(part, "profile")})
        self._check_part(replace(part, value={"conversions": alone}))

    def _extended(self, part: Part, path: Path, chain: Chain) -> Part | None:
        """Return the part over what it extends; None where some of that is missing."""
        lower: Part | None = None
        complete = True
        for item in self._names(part.entries.get("extends")):
            read = self._one(item, path, chain)
            complete = complete and read is not None
            if read is not None:
                inherited = {key: inner for key, inner in read.entries.items() if key not in _OWN_KEYS}
                read = replace(read, value=inherited)
                lower = read if lower is None else merge(lower, read, "recipe")
        if not complete:
            self._check_part(_without(part, "extends", "defaults"))
            return None
        return part if lower is None else merge(lower, part, "recipe")

    def _one(self, item: Part, path: Path, chain: Chain) -> Part | None:
        text = str(item.value).replace("\\", "/")
        target = path.parent / text
        shown = posixpath.normpath(posixpath.join(posixpath.dirname(chain[-1][1]), text))
        for index, (other, _) in enumerate(chain):
            if _same(other, target):
                cycle = " -> ".join([*(name for _, name in chain[index:]), chain[index][1]])
                self._wrong(item.place, item.path, f"a recipe cannot extend itself: {cycle}")
                return None
        if what := self._outside(text, target, chain[0][0], "extends"):
            self._wrong(item.place, item.path, f"'{item.value}' {what}")
            return None
        if self.files >= MAX_FILES:
            self._wrong(item.place, item.path, f"more than {MAX_FILES} files are extended")
            return None
        return self._read(target, shown, item, chain)

    def _names(self, part: Part | None) -> list[Part]:
        if part is None or part.value is None:
            return []
        items = part.value if isinstance(part.value, list) else [part]
        if all(isinstance(item.value, str) and item.value for item in items):
            return items
        self._wrong(part.place, part.path, "must be the path of a recipe file, or a list of paths")
        return []

    def _check_alone(self, part: Part, *, own: bool) -> None:
        """Find mistakes of a file that do not depend on others: its `requires`, its `defaults`."""
        self._check_requires(part.entries.get("requires"))
        defaults = part.entries.get("defaults")
        if defaults is not None and defaults.value is not None:
            alone = replace(part, value={"defaults": defaults})
            self._check_part(replace(part, value={"conversions": alone}))
        if not own:
            self._check_part(_without(part, "extends", "defaults"))

    def _check_part(self, part: Part) -> None:
        data = plain(part)
        model = model_of(data)
        try:
            model.model_validate(data)
        except ValidationError as error:
            self.problems += problems_in(error, part, model, partial=True)

    def _check_requires(self, part: Part | None) -> None:
        if part is None or not isinstance(part.value, str):
            return
        installed = program_version()
        if installed == UNKNOWN:
            self._wrong(part.place, part.path, "this program is not installed, so its version is unknown")
            return
        try:
            requirement = parse_requirement(part.value)
        except ValueError:
            return  # the models report it
        if not meets(installed, requirement):
            what = f"needs dicombake {part.value.strip()}, and this is {installed}; update it"
            self._wrong(part.place, part.path, what)

    def _wrong(self, place: Place, path: tuple[str | int, ...], what: str) -> None:
        self.problems.append(make_problem(place, path, what))


def _without(part: Part, *keys: str) -> Part:
    return replace(part, value={key: inner for key, inner in part.entries.items() if key not in keys})


def _outside(text: str, target: Path, recipe: Path, does: str) -> str:
    """Return why a recipe must not extend or name a path; empty where it may.

    What is not in the recipe's repository is not versioned with it, and another machine does not have it.
    """
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", text):
        return f"must be relative to the file that {does} it"
    try:
        found, folder = target.resolve(), recipe.resolve().parent
    except (OSError, ValueError, RuntimeError):  # reading it reports what is wrong
        return ""
    root = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)
    if root is None or found.is_relative_to(root):
        return ""
    return f"leaves the git repository that holds the recipe; what it {does} is kept in git with it"


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False
