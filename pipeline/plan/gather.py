"""Find the files of one conversion (by globs or chained), and group and count them.

Their outputs are not known yet: `units` names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ...schemas.inputs import Inputs
from ...schemas.language.conditions import Condition
from ...schemas.language.patterns import parse_glob
from ...schemas.recipe import Conversion
from ..confined import REFUSED, escapes
from ..errors import Note, PlanError, Problem, SourceError, StoreError
from ..inputs.globs import Globs
from ..inputs.hints import near_miss
from ..inputs.render import SourceLookup, split_name
from ..inputs.search import natural_key, search, unmatched
from ..loaders.detached import may_be_detached
from ..loaders.options import Limits, SourceOptions
from ..loaders.registry import FORMATS
from ..places.client import ChangedError, reason_of
from ..places.listing import Listing
from ..places.names import nfc
from ..places.place import Place
from ..reading import fingerprint_of
from ..recipe.loaded import LoadedRecipe
from .lowered import LoweredRecipe
from .model import InputFile, Unit
from .scope import lookup_of, shared_captures

if TYPE_CHECKING:
    from ..imaging.probe import Probe

Probing = Callable[[Path, SourceOptions, Limits], "Probe"]
"""Reads the headers of a file. Raises: SourceError."""


class Planning(Struct):
    """The state of a plan while it is made."""

    loaded: LoadedRecipe
    lowered: LoweredRecipe
    data: Path
    out: Path
    place: Place
    """Where the files of the data folder lie."""
    probe: Probing
    never: frozenset[str] = frozenset()
    """Paths under `data` that are never inputs."""
    produced: dict[str, Sequence[Unit]] = field(default_factory=dict)
    """The units of the conversions that are planned already."""
    linked: set[str] = field(default_factory=set)
    """Inputs under `data` that are symbolic links."""
    refusals: dict[str, None] = field(default_factory=dict)
    """Why it cannot be carried out, in order, each once."""
    listing: Listing = field(default_factory=Listing)
    notes: list[Note] = field(default_factory=list)
    stats: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """The stat() fingerprint of files of the data folder, taken before anything of them was read."""
    private: list[tuple[str, tuple[InputFile, ...]]] = field(default_factory=list)
    """Conversions that de-identify, with files of theirs that reasons against the plan may name."""

    def note(self, path: str) -> None:
        """Note the stat() of a file of the data folder on which the plan depends.

        Raises: PlanError, where it is a link out of the folder.
        """
        if not self.loaded.trusted and escapes(self.data / path, self.data):
            raise PlanError(f"lies outside of the data folder; {REFUSED}", subject=path)
        if path not in self.stats:
            with suppress(OSError):
                self.stats[path] = fingerprint_of(self.place.stat(path))

    def read(self, path: str) -> Path:
        """Return a file that holds the bytes of one of the data folder, which is about to be read.

        Raises: PlanError, as `note`; SourceError, where it cannot be brought here.
        """
        try:
            self.note(path)
            return self.place.file(path)
        except (OSError, ChangedError, StoreError) as error:
            raise SourceError(f"cannot be read: {reason_of(error)}", subject=path) from error

    def header(self, path: str, source: SourceOptions) -> Probe:
        """Return what the headers of a file of the data folder say.

        Raises: PlanError, as `note`, also for a file beside it that holds its values; SourceError.
        """
        found = self.read(path)
        if not self.loaded.trusted and may_be_detached(source.format, path):
            from ..loaders.registry import parts_of

            folder, slash, _ = path.rpartition("/")
            for part in parts_of(found, source):
                self.note(f"{folder}{slash}{part.name}")
        return self.probe(found, source, self.lowered.limits)


def refuse(planning: Planning, location: tuple[str | int, ...], what: str) -> None:
    """Add a reason not to run, with its place in the recipe; each is told once."""
    place = planning.loaded.place(*location)
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    if place:
        reason = str(Problem(place.file, place.line, place.column, where, what))
    else:
        reason = str(Problem(str(planning.loaded.path), 0, 0, where, what))
    planning.refusals[reason] = None


class Job(Struct, frozen=True):
    """A file, or a group of files that are combined or are the slices of a volume."""

    files: tuple[InputFile, ...]
    id: str
    group: str = ""
    problem: str = ""


class Gathered(Struct, frozen=True):
    """The files of a conversion, in order."""

    files: tuple[InputFile, ...]
    makers: Mapping[str, str] = field(default_factory=dict)
    """For each chained file the unit that makes it."""
    broken: tuple[Unit, ...] = ()
    """Units that would make further files and cannot."""


def gather(name: str, conversion: Conversion, planning: Planning) -> Gathered:
    """Return the files that a conversion takes. Raises: PlanError."""
    inputs = conversion.inputs
    if inputs.from_:
        gathered = _chained(inputs, planning)
    else:
        found, linked = search(
            inputs,
            planning.data,
            never=planning.never,
            confined=not planning.loaded.trusted,
            listing=planning.listing,
        )
        planning.linked |= linked
        planning.notes += [
            Note("glob-without-match", f"{name}: no file matches '{glob}'")
            for glob in unmatched(inputs, found)
        ]
        files = tuple(InputFile(path, "data", captures) for path, captures in found)
        gathered = Gathered(tuple(_asked(name, conversion, files, planning)))
        if inputs.where and found and not gathered.files:
            _tell_empty(name, conversion, planning, f"'where' leaves out all {len(found)} files that match")
            return gathered
    if not gathered.files and not gathered.broken:
        _tell_empty(name, conversion, planning)
    return gathered


def _chained(inputs: Inputs, planning: Planning) -> Gathered:
    wanted, barred = Globs(inputs.files), Globs(inputs.exclude)
    files: dict[str, InputFile] = {}
    makers: dict[str, str] = {}
    units = [unit for other in inputs.from_ for unit in planning.produced[other]]
    for unit in units:
        carried = dict(shared_captures(unit.inputs)[0])
        for output in unit.outputs:
            matched = wanted.match(output.path) if inputs.files else (0, ())
            if matched is not None and barred.match(output.path) is None:
                captures = tuple((carried | dict(matched[1])).items())
                files.setdefault(output.path, InputFile(output.path, "out", captures))
                makers.setdefault(output.path, unit.id)
    ordered = sorted(files, key=natural_key if inputs.sort == "natural" else _name_key)
    broken = tuple(unit for unit in units if unit.problem)
    return Gathered(tuple(files[path] for path in ordered), makers, broken)


def _name_key(path: str) -> tuple[str, str]:
    return nfc(path), path


def _asked(
    name: str, conversion: Conversion, files: Sequence[InputFile], planning: Planning
) -> Iterator[InputFile]:
    """Keep files whose headers say what `where` asks. One that cannot be read stays: its unit tells why."""
    where = conversion.inputs.where
    if not where:
        yield from files
        return
    lowered = planning.lowered
    source = lowered.conversions[name].source
    for file in files:
        try:
            header = planning.header(file.path, source)
        except SourceError:
            yield file
            continue
        finally:
            planning.place.release()
        if not unlike(where, lookup_of(header)):
            yield file


def unlike(where: Mapping[str, Condition], find: SourceLookup) -> str:
    """Return the first property that is not as `where` asks; empty where all are."""
    for name, condition in where.items():
        try:
            value = find(name)
        except KeyError:
            value = None
        if not condition.holds(None if value == "" else value):
            return name
    return ""


def _tell_empty(name: str, conversion: Conversion, planning: Planning, what: str = "") -> None:
    inputs = conversion.inputs
    globs = " or ".join(f"'{glob}'" for glob in inputs.files)
    if what:
        pass
    elif inputs.from_:
        makers = " or ".join(f"'{other}'" for other in inputs.from_)
        what = f"nothing that {makers} writes matches {globs}" if globs else f"{makers} writes nothing"
    else:
        near = near_miss(inputs, planning.data) if _may_hint(conversion, planning) else ""
        what = f"no file matches {globs} in {planning.place.shown}{f'; {near}' if near else ''}"
    mode = inputs.on_empty or conversion.on_empty or "error"
    if mode == "error":
        refuse(planning, ("conversions", name, "inputs"), what)
    elif mode == "warn":
        planning.notes.append(Note("no-match", f"{name}: {what}"))


def _may_hint(conversion: Conversion, planning: Planning) -> bool:
    """Tell whether a message may name files that are no inputs: not where these may name a patient."""
    return planning.place.near and conversion.deidentify is None


def jobs_of(name: str, conversion: Conversion, gathered: Gathered, kinds: Mapping[str, str]) -> Iterator[Job]:
    """Yield one job per file, or per group where files are combined or are slices of a series.

    Raises: PlanError, where a group has too few or too many files.
    """
    inputs = grouping(conversion)
    groups = _groups(inputs, gathered.files, kinds)
    lost = _lost(inputs, kinds, gathered.broken)
    whole = lost.get(None, "")
    wrong = [
        what
        for key, members in groups.items()
        if not (whole or key in lost) and (what := _wrong_count(inputs, members))
    ]
    if wrong:
        raise PlanError("; ".join(wrong))
    folders = _common_folders(inputs)
    for key, members in groups.items():
        group = _group(inputs, members)
        if conversion.combine:
            problem = lost.get(key, whole)
            yield Job(tuple(members), "/".join([name, *map(str, key)]), group, problem)
        elif FORMATS[conversion.source.format].series:
            parts = [name, *(str(part) for part in key if part != "")]
            yield Job(tuple(members), "/".join(parts), group, lost.get(key, whole))
        else:
            for file in members:
                yield Job((file,), f"{name}/{_rest(file.path, folders)}", group)


def grouping(conversion: Conversion) -> Inputs:
    """Return a conversion's inputs; files of a series are grouped by folder where it states no `group_by`."""
    inputs = conversion.inputs
    if FORMATS[conversion.source.format].series and not inputs.group_by:
        return inputs.model_copy(update={"group_by": ("parent",)})
    return inputs


def _groups(
    inputs: Inputs, files: Sequence[InputFile], kinds: Mapping[str, str]
) -> Mapping[tuple[object, ...], Sequence[InputFile]]:
    if not inputs.group_by:
        return {(): files} if files else {}
    groups: dict[tuple[object, ...], list[InputFile]] = {}
    for file in files:
        groups.setdefault(tuple(_key(file, by, kinds) for by in inputs.group_by), []).append(file)
    return groups


def _group(inputs: Inputs, members: Sequence[InputFile]) -> str:
    """Return the value of ``{group}``: the values of the group's keys, joined by ``_``."""
    return "_".join(_shown(members[0], by) for by in inputs.group_by)


def group_of(conversion: Conversion, file: InputFile) -> str:
    """Return what messages call the group of a file; empty where files are not grouped. Raises: PlanError."""
    return _group(grouping(conversion), (file,))


def _key(file: InputFile, by: str, kinds: Mapping[str, str]) -> object:
    """Return what the files of one group share: numbers by value, folders by their whole path."""
    if by == "parent":
        return nfc(file.path).rpartition("/")[0]
    text = _shown(file, by)
    try:
        return {"d": int, "f": float}.get(kinds.get(by, ""), str)(text)
    except ValueError:
        return text


def _shown(file: InputFile, by: str) -> str:
    for name, text in file.captures:
        if name == by:
            return text
    parent, stem, suffix = split_name(file.path)
    built_in = {"parent": parent, "stem": stem, "suffix": suffix, "name": stem + suffix}
    if by not in built_in:
        raise PlanError(f"'{file.path}' has no '{by}' to group by: the glob that matches it captures none")
    return built_in[by]


def _lost(inputs: Inputs, kinds: Mapping[str, str], broken: tuple[Unit, ...]) -> dict[object, str]:
    """Return the reason why groups are incomplete, by key; None holds files that may belong to any group.

    A group that misses a file is refused: its combined image would look plausible and be wrong.
    """
    lost: dict[object, str] = {}
    for unit in broken:
        carried = InputFile("", "out", shared_captures(unit.inputs)[0])
        names = {name for name, _ in carried.captures}
        known = all(by in names for by in inputs.group_by)
        key = tuple(_key(carried, by, kinds) for by in inputs.group_by) if known else None
        lost.setdefault(key, f"needs what '{unit.id}' cannot make: {unit.problem}")
    return lost


def _wrong_count(inputs: Inputs, members: Sequence[InputFile]) -> str:
    count, group = len(members), _group(inputs, members)
    where = f"group '{group}' has" if group else "there are"
    if inputs.min_files and count < inputs.min_files:
        return f"{where} {count} files, fewer than min_files: {inputs.min_files}"
    if inputs.max_files and count > inputs.max_files:
        return f"{where} {count} files, more than max_files: {inputs.max_files}"
    return ""


def _common_folders(inputs: Inputs) -> int:
    """Return how many leading folders all globs name in full, and alike."""
    named = []
    for glob in inputs.files:
        literals = [component.literal for component in parse_glob(nfc(glob)).components[:-1]]
        named.append(literals[: literals.index(None)] if None in literals else literals)
    count = 0
    while named and all(len(each) > count and each[count] == named[0][count] for each in named):
        count += 1
    return count


def _rest(path: str, folders: int) -> str:
    return path.split("/", folders)[-1] if folders else path
