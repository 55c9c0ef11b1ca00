"""Find the companion files of a conversion's inputs: sidecars in their folders, rows of its table."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ...schemas.language.template import places
from ...schemas.recipe import Conversion
from ...schemas.rules.templates import templates
from ..confined import REFUSED, escapes
from ..errors import Note, PlanError
from ..inputs.render import split_name
from ..inputs.tables import Table, key_of, read_table
from ..places.names import nfc
from .gather import Gathered, Planning, refuse
from .model import NO_COMPANIONS, Companions, InputFile


def with_companions(name: str, gathered: Gathered, planning: Planning) -> Gathered:
    """Return the files of a conversion with their companions; a wrong table is refused in `planning`."""
    conversion = planning.loaded.recipe.conversions[name]
    if conversion.sidecar is None and conversion.metadata is None:
        return gathered
    found = _Found(name, conversion, planning)
    return replace(
        gathered, files=tuple(found.with_companions(file) for file in gathered.files if found.wanted(file))
    )


class _Found:
    """The sidecars and the table of one conversion."""

    def __init__(self, name: str, conversion: Conversion, planning: Planning) -> None:
        self.name, self.conversion, self.planning = name, conversion, planning
        self.folders: dict[str, str] = {}
        self.kinds = planning.lowered.conversions[name].kinds
        self.table = self._table()

    def _table(self) -> Table | None:
        options = self.conversion.metadata
        if options is None:
            return None
        limit = self.planning.lowered.limits.header_bytes
        try:
            return read_table(
                self.planning.read(options.csv),
                options,
                tuple(dict.fromkeys(_asked(self.name, self.planning))),
                limit,
                self.kinds.get(options.match, ""),
            )
        except PlanError as error:
            refuse(self.planning, ("conversions", self.name, "metadata"), str(error))
            return None

    def wanted(self, file: InputFile) -> bool:
        """Tell whether a file is an input: a sidecar that a glob matches is none."""
        sidecar = self.conversion.sidecar
        return sidecar is None or nfc(file.path).rpartition("/")[2] != nfc(sidecar.file)

    def with_companions(self, file: InputFile) -> InputFile:
        """Return the file with its sidecar and its row, or with the reason why it cannot be used."""
        companions = self._with_row(file, self._with_sidecar(file))
        return file if companions is NO_COMPANIONS else replace(file, companions=companions)

    def _with_sidecar(self, file: InputFile) -> Companions:
        options = self.conversion.sidecar
        if options is None or file.base != "data":
            return NO_COMPANIONS
        folder = file.path.rpartition("/")[0]
        if folder not in self.folders:
            self.folders[folder] = self._sidecar_of(folder, options.file)
            if not self.folders[folder] and not options.required:
                where = f"in {folder}" if folder else "in the data folder"
                text = f"{self.name}: there is no sidecar '{options.file}' {where}"
                self.planning.notes.append(Note("no-sidecar", text))
        if self.folders[folder]:
            return Companions(sidecar=self.folders[folder])
        if not options.required:
            return NO_COMPANIONS
        where = f"{folder}/{options.file}" if folder else options.file
        hint = f"put it there, or say 'sidecar: {{file: {options.file}, required: false}}'"
        return Companions(problem=f"{file.path}: its sidecar {where} does not exist; {hint}")

    def _sidecar_of(self, folder: str, name: str) -> str:
        """Return the path of a folder's sidecar in its true case; empty where there is none.

        Raises: PlanError, where it is a link out of the data folder.
        """
        try:
            where = self.planning.data.joinpath(*folder.split("/")) if folder else self.planning.data
            entries = [entry.name for _, entry in self.planning.listing.entries(str(where), [nfc(name)])]
        except PlanError:
            return ""
        found = next((entry for entry in sorted(entries) if nfc(entry) == nfc(name)), "")
        path = f"{folder}/{found}" if folder and found else found
        if path and not self.planning.loaded.trusted and escapes(where / found, self.planning.data):
            raise PlanError(f"is a link out of the data folder; {REFUSED}", subject=path)
        return path

    def _with_row(self, file: InputFile, companions: Companions) -> Companions:
        options, table = self.conversion.metadata, self.table
        if options is None or table is None or companions.problem:
            return companions
        text = _matched(file, options.match)
        if text is None:
            what = f"{file.path}: has no '{options.match}' to find its row in {table.name} by"
            return replace(companions, problem=f"{what}; the glob that matches it captures none")
        row = table.rows.get(key_of(text, self.kinds.get(options.match, "")))
        if row is None:
            own = options.column or options.match
            what = f"{file.path}: {table.name} has no row for it: no '{own}' is '{text}'"
            return replace(companions, problem=f"{what}; add one, or 'exclude' the file")
        return replace(companions, table=table.name, line=row[0], row=row[1])


def _matched(file: InputFile, match: str) -> str | None:
    """Return the part of a file's name or captures that is looked up in the table."""
    parent, stem, suffix = split_name(file.path)
    built_in = {"stem": stem, "name": stem + suffix, "path": nfc(file.path), "parent": parent}
    return built_in.get(match) or dict(file.captures).get(match)


def _asked(name: str, planning: Planning) -> Iterator[str]:
    """Yield the columns that the templates of a conversion name, for any of its machines."""
    for loaded in (planning.loaded, *planning.loaded.variants.values()):
        for _, text in templates(loaded.recipe.conversions[name]):
            yield from (place.name for place in places(text) if place.namespace == "csv")
