"""Write the files in which a command reports what it did: ``--junit``, ``--report`` and ``--html``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ...confined import refuse_leaving
from ...errors import DicombakeError, UsageError

if TYPE_CHECKING:
    from ...check.compare import Checked
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

    def check(self, *, dry_run: bool = False) -> None:
        """Check that reports can be written.

        Raises: UsageError, before anything is done, where a report could not be written after it.
        """
        if dry_run and (self.junit or self.provenance or self.page):
            raise UsageError("a dry run has no results for --junit, --report or --html")
        for path in (self.junit, self.provenance):
            if path:
                refuse_leaving(path, self.confined_to)
        if self.page:
            self.page.confined_to = self.confined_to
            self.page.check()
        if self.provenance:
            from ...report.provenance import require

            require()

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
