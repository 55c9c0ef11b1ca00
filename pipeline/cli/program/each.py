"""The loop over recipes of `check`, `plan`, `run`, `test` and `validate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import typer

from ...errors import DicombakeError, ExitStatus
from ..common import Annotate, annotate, complain, print_json, worst
from .reports import Reports

Shown = tuple[dict[str, Any], ExitStatus]
"""The result for one recipe, as an object for programs, and its exit status."""


@dataclass
class EachRecipe:
    """The same work for every recipe.

    Errors are reported, and the worst exit status is that of the command.
    """

    json: bool
    annotations: Annotate = Annotate.NONE
    reports: Reports = field(default_factory=Reports)
    found: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[ExitStatus] = field(default_factory=list)

    def run(self, paths: Iterable[Path], work: Callable[[Path], Shown | None]) -> None:
        """Do `work` for each recipe; an error of one is reported and does not stop the others."""
        for path in paths:
            self.one(path, partial(work, path))

    def one(self, path: Path, work: Callable[[], Shown | None]) -> ExitStatus:
        """Do `work` for one recipe, keep its result, and report its error."""
        try:
            shown = work()
        except DicombakeError as error:
            shown = self._refused(path, error)
        if shown is None:
            return ExitStatus.DONE
        self.found.append(shown[0])
        self.statuses.append(shown[1])
        return shown[1]

    def _refused(self, path: Path, error: DicombakeError) -> Shown:
        """Report to people, GitHub, the JUnit report and programs why a recipe cannot be done."""
        from ...plan.aliases import masked_error
        from ...report.annotations import of_error
        from ...report.outcome import error_as_json

        if not self.json:
            complain(error)
        error = masked_error(error)
        annotate(self.annotations, of_error(path, error))
        self.reports.refused(path, error)
        return error_as_json(path, error), error.status

    def finish(self, key: str = "runs", **facts: object) -> None:
        """Write the reports, print the JSON object, and end with the worst status.

        `key` is the name of the list of recipes in the object, in the order of the command line; `facts` come
        before it.
        """
        status = worst(self.statuses)
        self.reports.write()
        if self.json:
            from ...report.outcome import runs_as_json

            print_json(runs_as_json(self.found, status, key, **facts))
        if status is not ExitStatus.DONE:
            raise typer.Exit(int(status))
