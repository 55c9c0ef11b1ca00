"""Cut the work of one conversion into units, and name their outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...schemas.language.template import ACQUIRED, places
from ...schemas.recipe import Conversion
from ...schemas.rules.templates import templates
from ..confined import WITHHELD
from ..errors import PlanError, SourceError
from ..exporters.registry import TARGETS
from ..inputs.acquired import Moment, checked_moment, moment_of
from ..inputs.render import Scope, render_path
from ..loaders.detached import may_be_detached
from ..loaders.registry import FORMATS
from .companions import with_companions
from .deidentified import dataset_of, is_element, own_elements, sealed
from .gather import Job, Planning, gather, jobs_of, refuse
from .machines import asks_source, machine_named
from .model import InputFile, Output, Unit
from .named import named_files
from .scope import lookup_of, scope_of_files, shared_lookup

if TYPE_CHECKING:
    from ..imaging.probe import Probe

SLICES = 32
"""Most slices of a volume that one unit takes."""

_ONE_OF_SEVERAL = "holds several volumes, of which 'combine' takes one; choose it with 'frame' in 'source'"

_PAGED = frozenset({("", "page"), ("", "frame"), ("", "slice")})


def units_of(name: str, planning: Planning) -> Iterator[Unit]:
    """Yield the units of one conversion in order; reasons against it go into `planning`."""
    conversion = planning.loaded.recipe.conversions[name]
    kinds = planning.lowered.conversions[name].kinds
    if not planning.loaded.trusted and (variable := next(_environment(conversion), "")):
        yield Unit(name, name, 1, (), (), problem=f"needs {{env.{variable}}}, which {WITHHELD}")
        return
    if not planning.loaded.trusted and conversion.deidentify is not None:
        yield Unit(name, name, 1, (), (), problem=f"needs a key, which {WITHHELD}")
        return
    try:
        gathered = gather(name, conversion, planning)
        _keep_private(name, gathered.files, planning)
        gathered = with_companions(name, gathered, planning)
        naming = _Naming(name, conversion, kinds, planning)
        for index, job in enumerate(jobs_of(name, conversion, gathered, kinds), 1):
            needs: tuple[str, ...] = ()
            if gathered.makers:
                needs = tuple(dict.fromkeys(gathered.makers[file.path] for file in job.files))
            yield from naming.units(job, index, needs)
    except PlanError as error:
        _keep_private(name, (InputFile(error.subject, "data"),), planning)
        refuse(planning, ("conversions", name, "inputs"), str(error))


def _keep_private(name: str, files: tuple[InputFile, ...], planning: Planning) -> None:
    """Note files that messages may name on the terminal alone, where a conversion de-identifies."""
    if planning.lowered.conversions[name].deidentify is not None:
        planning.private.append((name, files))


def _environment(conversion: Conversion) -> Iterator[str]:
    """Yield the variables of the environment that a conversion's templates name."""
    for _, text in templates(conversion):
        yield from (place.name for place in places(text) if place.namespace == "env")


class _Naming:
    """Names the outputs of a conversion's jobs; what cannot be named goes into `planning`."""

    def __init__(
        self, name: str, conversion: Conversion, kinds: Mapping[str, str], planning: Planning
    ) -> None:
        self.name, self.kinds, self.planning = name, kinds, planning
        self.source, self.exports = planning.lowered.conversions[name].source, conversion.exports
        self.format = FORMATS[self.source.format]
        named = [{(place.namespace, place.name) for place in places(export.path)} for export in self.exports]
        self.framed = [("", "frame") in names for names in named]
        # where a file may hold several volumes, {frame} counts these
        several = self.format.holds == "slices" and self.format.picked_by == "frame"
        pages = _PAGED - {("", "frame")} if several else _PAGED
        self.paged = [bool(names & pages) for names in named]
        self.volume = self.format.holds == "slices"
        # volumes are combined slice by slice, and stay volumes
        self.combined = conversion.combine is not None and not self.volume
        self.summed = conversion.combine is not None and self.volume
        page = self._page()
        self.single = () if page is None else (page,)
        self.series = self.format.series
        self.settings = planning.lowered.conversions[name].deidentify
        self.asks_own = self.settings is not None and any(
            is_element(each) for names in named for space, each in names if not space
        )
        self.asks_moment = any(
            not space and each in ACQUIRED and each not in kinds for names in named for space, each in names
        )
        self.asks_source = self.asks_moment or any(space == "source" for names in named for space, _ in names)
        self.counted = (any(self.paged) or self.volume) and not self.combined and page is None
        self.splits = self.volume and not self.series and all(self.paged)
        self.machine = planning.lowered.conversions[name].machine or ""
        self.asks_machine = asks_source(self.machine)
        self.refused: set[int] = set()
        self.named = named_files(name, planning)

    def _page(self) -> int | None:
        """Return the one page or frame that the source chooses, from 1; None where only the file can say."""
        if self.format.holds == "image":
            return 1
        if self.format.holds == "slices":
            return None
        picked: int | None = getattr(self.source, self.format.picked_by) if self.format.picked_by else None
        return picked

    def units(self, job: Job, index: int, needs: tuple[str, ...]) -> Iterator[Unit]:
        """Yield the job's unit; of a volume, one for each range of slices."""

        def unit(
            outputs: tuple[Output, ...],
            problem: str = "",
            pages: tuple[int, int] | None = None,
            volume: int | None = None,
        ) -> Unit:
            files = sealed(job.files, self.settings)
            ident = f"{self.name}/{files[0].alias}" if files[0].alias else job.id
            own = ident if volume is None else f"{ident}[{volume}]"
            if pages and (volume is None or pages[1] - pages[0] < len(numbers)):
                first = 0 if volume is None else (volume - 1) * len(numbers)
                own = f"{own}[{pages[0] - first + 1}-{pages[1] - first}]"
            return Unit(
                own,
                self.name,
                index,
                files,
                outputs,
                job.group,
                pages,
                needs,
                problem,
                parts=parts,
                named=self.named,
                volume=volume,
                machine=machine,
            )

        machine = ""
        numbers: Sequence[int] = ()
        parts: tuple[InputFile, ...] = ()
        problem = job.problem
        for file in job.files:
            problem = problem or file.companions.problem
        if problem:
            yield unit((), problem)
            return
        try:
            job, headers = self._surveyed(job) if self.series else (job, self._headers(job))
            numbers = self._numbers(job, headers)
            scope = scope_of_files(
                self.planning.lowered.variables,
                self.kinds,
                job.files,
                index,
                group=job.group,
                source=shared_lookup(job.id, headers),
                moments=tuple(self._moments(job, headers)) if self.asks_moment else (),
            )
            scope = self._with_own(scope, headers)
            machine = self._machine(job, scope)
            parts = self._parts(job, headers)
            several = bool(headers) and headers[0].volumes > 1
            if self.summed and any(header.volumes > 1 for header in headers):
                yield unit((), f"{job.files[0].path}: {_ONE_OF_SEVERAL}")
                return
            if several and not all(self.framed):
                yield unit((), self._one_of_several(job, headers[0].volumes))
                return
            splits = self.splits and len(numbers) > SLICES and headers[0].in_ranges
            for volume in range(headers[0].volumes if several else 1):
                own = replace(scope, frame=volume + 1) if several else scope
                first = volume * len(numbers)
                for start, stop in ranges(len(numbers)) if splits else [(0, len(numbers))]:
                    yield unit(
                        self._outputs(own, numbers[start:stop]),
                        pages=(first + start, first + stop) if splits or several else None,
                        volume=volume + 1 if several else None,
                    )
        except SourceError as error:
            yield unit((), str(error))
        finally:
            self.planning.place.release()

    def _parts(self, job: Job, headers: tuple[Probe, ...]) -> tuple[InputFile, ...]:
        """Return the files beside the inputs that hold their values. Raises: SourceError."""
        found = []
        for file, header in zip_longest(job.files, headers):
            if header is None and file.base == "data" and may_be_detached(self.source.format, file.path):
                header = self.planning.header(file.path, self.source)
            if header is None or not header.parts:
                continue
            folder, slash, _ = file.path.rpartition("/")
            names = (f"{folder}{slash}{part.name}" for part in header.parts)
            found += [InputFile(name, file.base) for name in names]
        for each in found:
            if each.base == "data":
                self.planning.note(each.path)
        return tuple(found)

    def _one_of_several(self, job: Job, count: int) -> str:
        path = next(
            export.path for export, framed in zip(self.exports, self.framed, strict=True) if not framed
        )
        return (
            f"{job.files[0].path}: holds {count} volumes, and '{path}' is a path for one of them; put "
            "{frame} into it"
        )

    def _with_own(self, scope: Scope, headers: tuple[Probe, ...]) -> Scope:
        """Return the scope with the elements that an output will have, where a path names some."""
        if self.settings is None or not (self.asks_own and headers):
            return scope
        datasets = [dataset for each in headers if (dataset := dataset_of(each)) is not None]
        if len(datasets) < len(headers):
            raise SourceError("is no DICOM file, and 'deidentify' is for those", subject=scope.path)
        lowered = self.planning.lowered.conversions[self.name]
        return replace(scope, own=own_elements(lowered, self.settings, datasets, scope))

    def _surveyed(self, job: Job) -> tuple[Job, tuple[Probe, ...]]:
        """Return the job with only the files of its series, and their headers in the order of its slices."""
        if _chained(job):
            return job, self._headers(job) if self.asks_source or self.asks_own or any(self.paged) else ()
        from ..loaders.registry import survey

        limits, folder = self.planning.lowered.limits, self.planning.data
        found = survey([self.planning.read(file.path) for file in job.files], self.source, limits)
        members = frozenset(found.paths)
        return replace(
            job, files=tuple(file for file in job.files if folder / file.path in members)
        ), found.probes

    def _moments(self, job: Job, headers: tuple[Probe, ...]) -> Iterator[Moment]:
        """When each file says that its image was acquired, else its sidecar."""
        for file, header in zip(job.files, headers, strict=True):
            moment = moment_of(lookup_of(header))
            if not moment.date and file.companions.sidecar:
                from ..inputs.check_xml import read_check

                check = read_check(self.planning.read(file.companions.sidecar))
                moment = checked_moment(check.date, check.time)
            yield moment

    def _machine(self, job: Job, scope: Scope) -> str:
        """Return the machine that a template names; empty where the file that says it is yet to be made."""
        if not self.machine or (self.asks_machine and _chained(job)):
            return ""
        try:
            return machine_named(self.machine, scope, self.planning.lowered.machines)
        except PlanError as error:
            refuse(self.planning, ("conversions", self.name, "machine"), str(error))
            return ""

    def _headers(self, job: Job) -> tuple[Probe, ...]:
        if not (self.asks_source or self.asks_own or self.counted):
            if not self.asks_machine or _chained(job):
                return ()
        elif _chained(job):
            if not (self.asks_source or self.asks_own or any(self.paged)):
                return ()  # one file of each volume, which this recipe writes
            reason = "the path needs the header of a file that another conversion has yet to write"
            for position, export in enumerate(self.exports):
                self._refuse(position, f"'{export.path}': {reason}")
            return ()
        return tuple(self.planning.header(file.path, self.source) for file in job.files)

    def _numbers(self, job: Job, headers: tuple[Probe, ...]) -> Sequence[int]:
        """Return the numbers of the pages, frames or slices that there will be, as far as outputs need them.

        Raises: SourceError, where an operation cannot give a volume other slices.
        """
        if self.combined:
            return ()
        if self.counted:
            return range(1, self._count(job, headers) + 1) if headers else ()
        return self.single

    def _count(self, job: Job, headers: tuple[Probe, ...]) -> int:
        process = self.planning.lowered.conversions[self.name].process
        if not self.volume or not any(each.op == "resample" for each in process):
            return headers[0].pages
        from ..process.resampling.grids import count_after

        named = {text: [self.planning.read(file.path) for file in files] for text, files in self.named}
        return count_after(headers, process, named, self.planning.lowered.limits, job.files[0].path)

    def _outputs(self, scope: Scope, numbers: Sequence[int]) -> tuple[Output, ...]:
        outputs: list[Output] = []
        for position, export in enumerate(self.exports):
            if position in self.refused:
                continue
            try:
                if self.paged[position]:
                    outputs += [
                        Output(render_path(export.path, replace(scope, page=number)), position, number)
                        for number in numbers or (None,)
                    ]
                else:
                    if self.volume:
                        self._check_one(position, len(numbers))
                    outputs.append(Output(render_path(export.path, scope), position))
            except PlanError as error:
                self._refuse(position, str(error))
        return tuple(outputs)

    def _check_one(self, position: int, count: int) -> None:
        export = self.exports[position]
        if count > 1 and TARGETS[export.to].holds != "slices":
            raise PlanError(
                f"'{export.path}' is one file for {count} slices, and {export.to} holds one in a file; "
                "put {slice:04d} into it"
            )

    def _refuse(self, position: int, what: str) -> None:
        self.refused.add(position)
        refuse(self.planning, ("conversions", self.name, "exports", position, "path"), what)


def ranges(count: int) -> list[tuple[int, int]]:
    """Return ranges of slices of about equal size, at most `SLICES` each; they depend on the count alone."""
    parts = -(-count // SLICES)
    edges = [count * part // parts for part in range(parts + 1)]
    return list(pairwise(edges))


def _chained(job: Job) -> bool:
    return any(file.base == "out" for file in job.files)
