"""Write the files in which a command reports what it did: ``--junit``, ``--report`` and ``--html``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...confined import refuse_leaving
from ...errors import DicombakeError, UsageError
from ...recipe.lock_path import lock_path

if TYPE_CHECKING:
    from ...check.compare import Checked
    from ...plan.model import Plan
    from ...report.html.write import PageWriter
    from ...report.junit import Suite
    from ...run.unit.results import Outcome
    from ...testing import Result


@dataclass
class Reports:
    """Collect what is done, and write it at the end."""

    junit: Path | None = None
    provenance: Path | None = None
    suites: list[Suite] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    page: PageWriter | None = None
    confined_to: tuple[Path, ...] = ()
    """Folders of recipes that are not trusted: what seems to lie in them must do so."""

    def check(self, recipes: Iterable[Path], *, dry_run: bool = False) -> None:
        """Check that reports can be written, and replace none of these recipes or their locks.

        Raises: UsageError, before anything is done, where a report could not be written after it.
        """
        if dry_run and (self.junit or self.provenance or self.page):
            raise UsageError("a dry run has no results for --junit, --report or --html")
        for path in self._named():
            refuse_leaving(path, self.confined_to)
            if path.is_dir():
                raise UsageError("is a folder", subject=str(path), hint="name a file, such as report.xml")
        self._spare(file for recipe in recipes for file in (recipe, lock_path(recipe)))
        if self.page:
            self.page.confined_to = self.confined_to
            self.page.check()
        if self.provenance:
            from ...report.provenance import require

            require()

    def spare(self, plan: Plan) -> None:
        """Check that no report replaces an input or an output of a plan. Raises: UsageError."""
        try:
            self._spare(_files_of(plan))
        except UsageError:
            self.junit = self.provenance = None
            raise

    def _named(self) -> list[Path]:
        return [path for path in (self.junit, self.provenance) if path]

    def _spare(self, files: Iterable[Path]) -> None:
        named: dict[str, list[Path]] = {}
        for path in self._named():
            for name in {path.name.casefold(), _place(path)[1]}:
                named.setdefault(name, []).append(path)
        for file in files if named else ():
            for path in named.get(file.name.casefold(), ()):
                if _same(file, path):
                    raise UsageError(
                        "is a file of the recipe, and no report is written over it", subject=str(path)
                    )

    def refused(self, path: Path, error: DicombakeError) -> None:
        if self.junit:
            from ...report.junit import suite_of_error

            self.suites.append(suite_of_error(path, error))
        if self.page:
            self.page.refused(path, error)

    def checked(self, checked: Checked) -> None:
        if self.junit:
            from ...report.junit import suite_of_checked

            self.suites.append(suite_of_checked(checked))

    def tested(self, path: Path, results: Sequence[Result]) -> None:
        if self.junit:
            from ...report.junit import suite_of_tests

            self.suites.append(suite_of_tests(path, results))

    def done(self, outcome: Outcome) -> None:
        if self.junit:
            from ...report.junit import suite_of_outcome

            self.suites.append(suite_of_outcome(outcome))
        if self.provenance:
            self.outcomes.append(outcome)
        if self.page:
            self.page.add(outcome.plan, outcome)

    def write(self) -> None:
        """Write the reports that were asked for."""
        if self.junit:
            from ...report.junit import junit_xml
            from ...store.files import write_named

            write_named(self.junit, junit_xml(self.suites))
        if self.provenance:
            from ...report.provenance import prov_json
            from ...store.files import write_named

            write_named(self.provenance, prov_json(self.outcomes))
        if self.page:
            self.page.write()


def _same(file: Path, report: Path) -> bool:
    """Tell whether both are one file, which may be yet to be made."""
    if file.exists() and report.exists():
        return file.samefile(report)
    return not file.exists() and not report.exists() and _place(file) == _place(report)


def _place(path: Path) -> tuple[Path, str]:
    """Return the folder and name that a path leads to, the name without case as on Windows and macOS."""
    real = Path(os.path.realpath(path))
    return real.parent, real.name.casefold()


def _files_of(plan: Plan) -> Iterator[Path]:
    """Yield what a plan is made of, reads and writes on this machine."""
    yield from {Path(place.file) for place in plan.loaded.places.values() if place.file}
    for unit in plan.units:
        if "data" not in plan.remote:
            yield from (plan.data / item.path for item in unit.files if item.base == "data")
        if "out" not in plan.remote:
            yield from (plan.out / output.path for output in unit.outputs)
