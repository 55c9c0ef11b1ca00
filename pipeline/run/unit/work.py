"""The unit of work: load, combine, process, export, read back, put in place; on one worker.

Arrays never leave this module's functions. Images are taken one at a time; they are held together only
for an output that holds them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from ...errors import DicombakeError, ExportError, Note, SourceError
from ...exporters.options import ExportOptions
from ...exporters.registry import DICOM, TARGETS, exporter, refuse_objects
from ...imaging.geometry import resolve
from ...imaging.image import Image
from ...inputs.render import Scope, render, split_name
from ...loaders.files import stat_of
from ...loaders.registry import FORMATS, load_each
from ...output import Context, Identity
from ...plan.model import InputFile, Output, Unit
from ...reading import hashing_thread, open_regular
from ...store.files import Check, Written
from ...trace import Trace
from .companions import row_origins, with_row, with_row_tags, with_sidecar
from .contents import AGAIN, input_path, item_sha256, key_of, refuse_changed, sealed, steady_stat
from .held import Held, gathered
from .machine import conversion_of
from .rendering import geometry_origins, rendered_geometry, rendered_tags, scope_for, tag_origins
from .results import Failure, Job, UnitResult

if TYPE_CHECKING:
    from ...deidentify.engine import Deidentified
    from ...process.operations import Operation


class Taken(NamedTuple):
    """An image of the unit, and the file that it is of; None where it was combined from several."""

    image: Image
    item: InputFile | None


def do_unit(unit: Unit, job: Job) -> UnitResult:
    """Carry out one unit. An output that fails leaves the unit's other outputs standing.

    Raises:
        DicombakeError: what is wrong with an input, and so with every output.
    """
    return _Work(unit, job).result()


def _volume(unit: Unit, scope: Scope) -> str:
    """Return what tells one volume of a conversion from another."""
    return scope.path if unit.volume is None else f"{scope.path}\0{unit.volume}"


@contextmanager
def _readable(item: InputFile) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}", subject=item.path) from error


@dataclass
class _Work:
    unit: Unit
    job: Job
    written: list[Written] = field(default_factory=list)
    notes: dict[Note, None] = field(default_factory=dict)
    failures: list[DicombakeError] = field(default_factory=list)
    stats: dict[InputFile, tuple[int, ...]] = field(default_factory=dict)
    """The stat() of each input when its reading began."""
    identities: dict[InputFile, Deidentified] = field(default_factory=dict)
    """What was taken out of each input that is de-identified."""

    def __post_init__(self) -> None:
        self._open_inputs()
        self.recipe = self.job.recipe
        self.conversion = conversion_of(self.unit, self.job)
        self.store = self.job.store()
        self.hashing = self._hashing()

    def result(self) -> UnitResult:
        exports = self.conversion.exports
        singles: dict[int, list[Output]] = {}
        for output in self.unit.outputs:
            if output.page is not None:
                singles.setdefault(output.page, []).append(output)
        together = [output for output in self.unit.outputs if output.page is None]
        targets = [TARGETS[exports[each.export].to] for each in together]
        # DICOM keeps the integers, and a picture's padding and window are looked up by them
        stored = any(target.file is DICOM or target.holds == "image" for target in targets)
        items: list[InputFile | None] = []
        with Held(self.job.out, stored=stored) as held:
            for taken in self._images():
                for output in singles.pop(taken.image.source.page, ()):
                    self._try(output, exports[output.export], [taken])
                if together:
                    held.add(taken.image)
                    items.append(taken.item)
            every = [Taken(*pair) for pair in zip(held.images(), items, strict=True)]
            for output in together:
                self._try(output, exports[output.export], every)
        for page, outputs in singles.items():
            for output in outputs:
                self.failures.append(
                    ExportError(f"the input has no page or frame {page}", subject=output.path)
                )
        self._compare_inputs_again()
        return self._summary()

    def _summary(self) -> UnitResult:
        failures = [Failure.of(failure) for failure in self.failures]
        return UnitResult(
            self.unit.id,
            "failed" if failures else "written",
            tuple(self.written),
            () if self.job.hashed_apart else tuple(self.inputs.items()),
            tuple(self.notes),
            failures[0] if failures else None,
            tuple((key_of(item), stat) for item, stat in self.stats.items()) if self.job.hashed_apart else (),
            further=tuple(failures[1:]),
        )

    def _open_inputs(self) -> None:
        """Open each file to see whether it can be read, and note its stat(), before any is read.

        Raises: SourceError, also where the plan was made from the header of another file of that name.
        """
        for item in self.unit.files:
            path = input_path(item, self.job.data, self.job.out)
            with _readable(item):
                open_regular(path).close()
                # a chained input was written by this run, and what was brought here is this process's own:
                # nobody else changes them, and no tick of the clock need be waited for
                at_rest = item.base == "out" or key_of(item) in self.job.hashes
                self.stats[item] = stat = stat_of(path) if at_rest else steady_stat(path)
            if self.job.planned_on.get(key_of(item), stat) != stat:
                raise SourceError("changed since the plan was made", subject=item.path, hint=AGAIN)

    def _compare_inputs_again(self) -> None:
        """Compare stat() again: a unit of which an input changed while it was read has failed."""
        try:
            refuse_changed(self.stats, self.job.data, self.job.out)
        except SourceError as error:
            self.failures.insert(0, error)

    def _read_for(self, images: Sequence[Taken]) -> dict[InputFile, tuple[int, ...]]:
        """Return the files that an output is made of, with their companions, and their stat()."""
        items = {each.item for each in images}
        if None in items:
            return self.stats
        others = items.symmetric_difference(self.unit.inputs) - items
        return {item: stat for item, stat in self.stats.items() if item not in others}

    def _hashing(self) -> dict[str, Future[str]]:
        """Start hashing the inputs in a thread, while they are read."""
        if self.job.hashed_apart:
            return {}
        data, out = self.job.data, self.job.out
        files = (item for item in self.unit.files if key_of(item) not in self.job.hashes)
        return {key_of(item): hashing_thread("inputs").submit(item_sha256, item, data, out) for item in files}

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The sha256 (hex) of each input."""
        found = {}
        for item in self.unit.files:
            key = key_of(item)
            with _readable(item):
                known = self.job.hashes.get(key)
                found[key] = self.hashing[key].result() if known is None else sealed(item, known)
        return found

    def _images(self) -> Iterator[Taken]:
        """Yield the unit's images, with their geometry resolved, combined and processed."""
        pages = range(*self.unit.pages) if self.unit.pages else None
        for taken in self._processed(self.conversion.process, pages):
            self.notes |= dict.fromkeys(taken.image.notes)
            self._refuse_contradictions(taken.image.notes)
            yield taken

    def _processed(self, process: Sequence[Operation], pages: range | None) -> Iterator[Taken]:
        """Yield the images after some operations; `pages` picks some of these, from 0."""
        if not process:
            yield from self._combined(pages)
            return
        from ...process.apply import apply
        from ...process.known import Known

        known = Known(self._named, self.recipe.limits)
        last = self._last_of_volume(process)
        before = self._combined(pages) if last is None else self._of_volume(process[: last + 1], pages)
        for taken in before:
            after = process if last is None else process[last + 1 :]
            yield taken._replace(image=apply(taken.image, after, known))

    def _last_of_volume(self, process: Sequence[Operation]) -> int | None:
        """Return where the last operation stands that needs a whole volume; None where there is none."""
        if FORMATS[self.conversion.source.format].holds != "slices":
            return None
        from ...process.apply import of_whole_volumes

        return max((index for index, each in enumerate(process) if of_whole_volumes(each)), default=None)

    def _of_volume(self, process: Sequence[Operation], pages: range | None) -> Iterator[Taken]:
        """Yield slices after the last operation, which needs the whole volume."""
        from ...process.apply import apply
        from ...process.known import Known
        from .volume import Volume

        *before, last = process

        def slices(wanted: range) -> Iterator[Image]:
            return (taken.image for taken in self._processed(before, wanted))

        paths = [input_path(item, self.job.data, self.job.out) for item in self.unit.inputs]
        known = Known(self._named, self.recipe.limits)
        if self.conversion.combine is not None:
            paths = paths[:1]  # all have its grid
        volume = Volume(paths, self.conversion.source, (self.unit.volume or 1) - 1, known)
        if last.op != "resample":
            ends = volume.extremes(slices, before, tuple(self.stats.values()))
            for taken in self._processed(before, pages):
                yield taken._replace(image=apply(taken.image, [last], replace(known, extremes=ends)))
            return
        item = self.unit.inputs[0] if len(self.unit.inputs) == 1 else None
        yield from (Taken(image, item) for image in volume.resampled(slices, before, last, pages))

    def _combined(self, pages: range | None) -> Iterator[Taken]:
        if self.conversion.combine is None:
            yield from (Taken(image, item) for item, image in self._loaded(pages))
            return
        if FORMATS[self.conversion.source.format].holds == "slices":
            from ...process.combine_volumes import combine_volumes

            volumes = [(image for _, image in self._loaded(pages, (item,))) for item in self.unit.inputs]
            for image in combine_volumes(volumes, self.conversion.combine):
                yield Taken(image, None)
            return
        from ...process.combine import combine

        every = (image for _, image in self._loaded(pages))
        yield Taken(combine(every, self.conversion.combine, self._once_more), None)

    def _once_more(self) -> Iterator[Image]:
        """Yield again the images that are combined, from unchanged files. Raises: SourceError."""
        refuse_changed(self.stats, self.job.data, self.job.out)
        pages = range(*self.unit.pages) if self.unit.pages else None
        yield from (image for _, image in self._loaded(pages))

    def _loaded(
        self, pages: range | None, some: Sequence[InputFile] | None = None
    ) -> Iterator[tuple[InputFile, Image]]:
        """Yield the images of the unit's inputs, or of some of them, with their geometry resolved."""
        origins, weak = geometry_origins(self.conversion)
        inputs = self.unit.inputs if some is None else some
        items = {input_path(item, self.job.data, self.job.out): item for item in inputs}
        for path, image in load_each(tuple(items), self.conversion.source, self.recipe.limits, pages):
            item = items[path]
            image = self._without_identity(image, item)
            if image.without_pixels:
                yield item, image
                continue
            image = with_sidecar(image, item, self.job.data)
            scope = partial(scope_for, self.recipe, self.unit, image, item)
            stated, known, fills, notes = with_row(
                rendered_geometry(self.conversion.geometry, scope), item.companions, origins, weak
            )
            resolved = resolve(image, stated, weak=fills, origins=known, strict=self.conversion.strict)
            yield item, resolved.noting(*notes)

    def _without_identity(self, image: Image, item: InputFile) -> Image:
        """Return the image with its file's elements de-identified, where the conversion says so."""
        settings = self.conversion.deidentify
        if settings is None:
            return image
        from .identity import without_identity

        alias = settings.key.alias(item.path)
        image, self.identities[item] = without_identity(image, settings, alias, self.identities.get(item))
        return image

    def _try(self, output: Output, options: ExportOptions, images: Sequence[Taken]) -> None:
        try:
            self._export(output, options, images)
        except DicombakeError as error:
            error.subject = error.subject or output.path
            self.failures.append(error)

    def _export(self, output: Output, options: ExportOptions, images: Sequence[Taken]) -> None:
        target = TARGETS[options.to]
        if not images:
            raise ExportError("the input holds no image", subject=output.path)
        if len(images) > 1 and target.holds == "image":
            raise ExportError(
                f"{len(images)} pages or frames would go into one file, which {options.to} cannot hold",
                subject=output.path,
                hint="put {page} or {frame} into the path, or choose one in 'source'",
            )
        taken = [each.image for each in images]
        refuse_objects(taken, options.to)
        context = self._context(images[0], self.job.trace(output.path, taken))
        identities = self._identities_of(images)
        if self.conversion.deidentify is not None:
            from .identity import listed, pinned, refuse_burned_in, unmarked

            refuse_burned_in(taken, self.conversion.deidentify)
            taken = unmarked(taken)
            uids = pinned(self.conversion, identities, taken[0], output.page)
            context = replace(context, identity=replace(context.identity, pinned=uids))
            self.notes |= dict.fromkeys(listed(self.conversion, identities))
        artifact = exporter(options.to).export(taken, options, context)
        self._refuse_contradictions(artifact.notes)
        if self.conversion.verify == "full":
            self._refuse_dtype(artifact.notes, options.to)
        check = self._checking(artifact.check, self._read_for(images), dicom=target.file is DICOM)
        check = self._proving(check, output, identities)
        keep = self.job.keep or (self.conversion.keep if options.keep is None else options.keep)
        self.written.append(self.store.put(output.path, artifact.chunks, check, keep=keep))
        self.notes |= dict.fromkeys(artifact.notes)

    def _refuse_dtype(self, notes: Sequence[Note], to: str) -> None:
        """Refuse values of a type that this kind of DICOM may not hold. Raises: ExportError."""
        note = next((note for note in notes if note.code == "dtype-not-allowed"), None)
        if note is not None:
            other = "'to: parametric-map' is the kind made for floats, and " if to != "parametric-map" else ""
            raise ExportError(note.text, hint=f"{other}'verify: values' writes it all the same")

    def _checking(self, read_back: Check, stats: dict[InputFile, tuple[int, ...]], *, dicom: bool) -> Check:
        """Return the check of an output before it is put in place.

        `verify: full` also checks against the standard's tables.
        """

        def check(path: Path) -> None:
            read_back(path)
            if dicom and self.conversion.verify == "full":
                from ...dicom.standard.check import check_written

                check_written(path)
            refuse_changed(stats, self.job.data, self.job.out)

        return check

    def _identities_of(self, images: Sequence[Taken]) -> list[Deidentified]:
        items = [each.item for each in images]
        if None in items:
            return list(self.identities.values())
        return [self.identities[item] for item in dict.fromkeys(items) if item in self.identities]

    def _proving(self, check: Check, output: Output, identities: Sequence[Deidentified]) -> Check:
        """Return the check with the proof that nothing of the sources' identity is in what was written."""
        if not identities:
            return check

        def proved(path: Path) -> None:
            from .identity import check_proof, stated_tags

            check(path)
            found = check_proof(path, output.path, identities, stated_tags(self.conversion))
            self.notes |= dict.fromkeys(found)

        return proved

    def _context(self, taken: Taken, trace: Trace) -> Context:
        recipe, conversion = self.recipe, self.conversion
        scope = scope_for(recipe, self.unit, taken.image, taken.item)
        # the slices of a series share their study and series, though each comes from a file of its own
        whole = scope_for(recipe, self.unit, taken.image) if taken.image.source.in_volume else scope
        identity = Identity(
            namespace=recipe.namespace,
            recipe=recipe.name,
            conversion=self.unit.conversion,
            group=self.unit.group,
            study=render(conversion.study, whole) if conversion.study else None,
            content=self._content(),
            volume=_volume(self.unit, whole) if taken.image.geometry.patient is not None else "",
        )
        items = self.unit.inputs if taken.item is None else (taken.item,)
        tags, notes = with_row_tags(rendered_tags(conversion, scope), conversion, items)
        self._refuse_contradictions(notes)
        self.notes |= dict.fromkeys(notes)
        return Context(
            identity=identity,
            tags=tags,
            remove_tags=conversion.remove_tags,
            tag_origins={**row_origins(tags, items), **tag_origins(conversion)},
            strict=conversion.strict,
            stem=self.unit.inputs[0].alias or split_name(scope.path)[1],
            trace=trace,
            named=self._named,
            gather=partial(gathered, self.job.out),
        )

    @cached_property
    def _named(self) -> Mapping[str, tuple[Path, ...]]:
        """The files that operations and targets name, by the text in the recipe."""
        return {
            text: tuple(input_path(item, self.job.data, self.job.out) for item in files)
            for text, files in self.unit.named
        }

    def _content(self) -> str:
        if self.job.hashed_apart:
            return ""
        # of the images alone: companion files must not move an image to another study
        hashes = [self.inputs[key_of(item)] for item in (*self.unit.inputs, *self.unit.parts)]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    def _refuse_contradictions(self, notes: Sequence[Note]) -> None:
        contradictions = [note.text for note in notes if note.contradiction]
        if self.conversion.strict and contradictions:
            raise ExportError(f"under strict: {'; '.join(contradictions)}", subject=self.unit.inputs[0].path)
