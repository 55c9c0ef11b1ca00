"""Write messages for GitHub Actions, which shows them on the lines of the recipe in a pull request.

The form and its escapes are those of "Workflow commands for GitHub Actions"; a command is one line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import DicombakeError, RecipeError
from ..first_of import first_of
from ..plan.aliases import Aliases
from ..printable import printable
from ..recipe.lock_path import lock_path

if TYPE_CHECKING:
    from ..check.compare import Checked, Finding
    from ..plan.model import Plan
    from ..recipe.loaded import LoadedRecipe, Place
    from ..run.unit.results import Outcome
    from ..testing import Result

Level = Literal["error", "warning"]


def annotation(
    level: Level, message: str, *, file: str = "", line: int = 0, column: int = 0, title: str = ""
) -> str:
    """Return one workflow command; lines and columns count from 1, 0 leaves them out."""
    known = {"file": file, "line": line or "", "col": column or "", "title": title}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in known.items() if value != "")
    return f"::{level}{' ' if given else ''}{given}::{_data(message)}"


def _data(text: str) -> str:
    """Return a text of some lines, in which the terminal that shows the log obeys nothing, either."""
    safe = "\n".join(printable(line) for line in text.replace("\r\n", "\n").split("\n"))
    return safe.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def in_repository(path: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return a file's path relative to the checkout, with /; unchanged where the checkout is not known."""
    workspace = environment.get("GITHUB_WORKSPACE")
    if workspace:
        try:
            return Path(path).resolve().relative_to(Path(workspace).resolve()).as_posix()
        except (ValueError, OSError):
            pass
    return Path(path).as_posix()


def of_error(recipe: Path, error: DicombakeError) -> Iterator[str]:
    """Yield messages for a recipe that was not run: each mistake on its line, other errors on the recipe."""
    if isinstance(error, RecipeError):
        for problem in error.problems:
            yield annotation(
                "error",
                f"{problem.where}: {problem.what}" if problem.where else problem.what,
                file=in_repository(problem.file),
                line=problem.line,
                column=problem.column,
                title="dicombake: the recipe is wrong",
            )
    else:
        yield annotation("error", str(error), file=in_repository(str(recipe)), line=1, title="dicombake")


def of_outcome(outcome: Outcome) -> Iterator[str]:
    """Yield messages for a run: failures as errors, accepted contradictions as warnings, each text once."""
    loaded = outcome.plan.loaded
    told: set[tuple[str, str]] = set()
    aliases = Aliases(outcome.plan)
    for unit, result in zip(outcome.plan.units, outcome.results, strict=True):
        if result.error is not None:
            for error in (result.error, *result.further):
                what = aliases.text(str(error), unit.id)
                yield of_conversion(loaded, unit.conversion, "error", what, aliases.id(unit.id))
        for note in result.notes:
            if note.contradiction and (unit.conversion, note.text) not in told:
                told.add((unit.conversion, note.text))
                what = aliases.text(note.text, unit.id)
                named = aliases.id(unit.id)
                yield of_conversion(loaded, unit.conversion, "warning", what, named)


def of_plan(plan: Plan, obstacle: DicombakeError | None = None) -> Iterator[str]:
    """Yield messages for a plan: what would stop its run, and each unit that cannot be done."""
    if obstacle is not None:
        yield from of_error(plan.loaded.path, obstacle)
    aliases: Aliases | None = None
    for unit in plan.units:
        if unit.problem:
            aliases = aliases or Aliases(plan)
            what, named = aliases.text(unit.problem, unit.id), aliases.id(unit.id)
            yield of_conversion(plan.loaded, unit.conversion, "error", what, named)


def of_tests(results: Iterable[Result]) -> Iterator[str]:
    """Yield messages for a recipe's own tests: each failed one on its line, with what is not as stated."""
    for result in results:
        if not result.passed:
            message = "\n".join(str(mismatch) for mismatch in result.mismatches)
            yield annotation(
                "error",
                message,
                file=in_repository(result.file),
                line=result.line or 1,
                title=f"dicombake: test {result.name}",
            )


LIKE = 3
"""The most outputs that one message names; GitHub shows ten messages of a step."""


def of_checked(checked: Checked) -> Iterator[str]:
    """Yield messages for a check: what is not fresh, once per reason, at the first key that changed."""
    loaded = checked.plan.loaded
    conversions = {unit.id: unit.conversion for unit in checked.plan.units}
    aliases = Aliases(checked.plan)
    like: dict[tuple[str, str, tuple[str, ...]], list[Finding]] = {}
    for finding in checked.findings:
        if not checked.fine(finding):
            like.setdefault((finding.kind, finding.why, finding.keys), []).append(finding)
    for (kind, why, keys), findings in like.items():
        names = first_of([finding.path for finding in findings], LIKE)
        message = aliases.text(f"{names}{f': {why}' if why else ''}", findings[0].unit)
        conversion = conversions.get(findings[0].unit, "")
        yield _at(_place(loaded, conversion, keys[0] if keys else ""), loaded, message, f"dicombake: {kind}")
    for unit, why in checked.problems:
        named = aliases.id(unit)
        yield of_conversion(loaded, conversions[unit], "error", aliases.text(why, unit), named)
    for what in checked.lock:
        lock = in_repository(str(lock_path(loaded.path)))
        yield annotation("error", what, file=lock, line=1, title="dicombake: the lock")


_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _place(loaded: LoadedRecipe, conversion: str, key: str) -> Place | None:
    """Return the place of a key of a conversion (``geometry.sid``), machine or variable, or of its parent."""
    steps = [int(number) if number else name for name, number in _STEP.findall(key)]
    elsewhere = steps[:1] in (["machines"], ["vars"])
    return loaded.place(*steps) if elsewhere else loaded.place("conversions", conversion, *steps)


def _at(place: Place | None, loaded: LoadedRecipe, message: str, title: str) -> str:
    file, line, column = (place.file, place.line, place.column) if place else (str(loaded.path), 1, 0)
    return annotation("error", message, file=in_repository(file), line=line, column=column, title=title)


def of_conversion(loaded: LoadedRecipe, conversion: str, level: Level, message: str, title: str) -> str:
    """Return a message on the line where a conversion begins, in whichever file that is."""
    place = loaded.place("conversions", conversion)
    file, line, column = (place.file, place.line, place.column) if place else (str(loaded.path), 1, 0)
    return annotation(level, message, file=in_repository(file), line=line, column=column, title=title)
