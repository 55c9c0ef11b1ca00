"""Run the tests of a recipe, each in a temporary folder of its own, on made files only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct, structs

from ...schemas.testing.models import Expectation, RecipeTest
from ...schemas.testing.select import carried_tests
from ..errors import DicombakeError
from ..inputs.globs import Globs
from ..loaders.options import Limits
from ..plan.build import plan
from ..plan.lower import lowered
from ..recipe.load import load_recipe
from ..recipe.loaded import LoadedRecipe
from ..run.preflight import RunOptions
from ..run.run import run_plan
from ..run.unit.results import Outcome
from ..store.files import write_file
from .expecting import Mismatch, mismatches
from .making import made_files


class Result(Struct, frozen=True):
    """One test, its place, and what was not as stated."""

    name: str
    conversion: str
    mismatches: tuple[Mismatch, ...]
    file: str
    line: int = 0
    """The line of the test; 0 where it is not known."""

    @property
    def place(self) -> str:
        """``film.yaml:40``."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def passed(self) -> bool:
        return not self.mismatches


def run_tests(
    path: Path, variables: Mapping[str, str] | None = None, *, trusted: bool = True
) -> Iterator[Result]:
    """Yield the result of each test of a recipe, in its order; `variables` are those of ``--set``.

    Raises:
        RecipeError: with every mistake in the recipe.
    """
    given = dict(variables or {})
    loaded = load_recipe(path, given, trusted=trusted)
    for index, test in enumerate(carried_tests(loaded.recipe)):
        recipe = load_recipe(path, given | test.vars, trusted=trusted) if test.vars else loaded
        place = loaded.place("tests", index)
        found = tuple(_run(test, recipe))
        file, line = (place.file, place.line) if place else (str(path), 0)
        yield Result(test.name, test.conversion, found, file, line)


def _run(test: RecipeTest, loaded: LoadedRecipe) -> Iterator[Mismatch]:
    with tempfile.TemporaryDirectory(prefix="dicombake-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            outputs, errors = _carried_out(test, loaded, folder)
        except DicombakeError as error:
            outputs, errors = (), (str(error),)
        texts = tuple(_without_folder(error, folder) for error in errors)
        yield from _compared(test, outputs, texts, folder / "out")


def _carried_out(
    test: RecipeTest, loaded: LoadedRecipe, folder: Path
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the outputs of the tested conversion and what failed. Raises: DicombakeError."""
    data, out = folder / "data", folder / "out"
    limits = lowered(Limits, loaded.recipe.limits)
    for made in test.input:
        for path, content in made_files(made, limits):
            write_file(data / path, content)
    for path, text in test.files.items():
        write_file(data / path.replace("\\", "/"), text.encode())
    moved = structs.replace(loaded, path=folder / loaded.path.name)
    planned = plan(moved, data=data, out=out, only=(test.conversion,))
    outcome = run_plan(planned, RunOptions(jobs=1, partial=True))
    return _written(test.conversion, outcome), tuple(
        str(each.error) for each in outcome.results if each.error
    )


def _written(conversion: str, outcome: Outcome) -> tuple[str, ...]:
    own = {unit.id for unit in outcome.plan.units if unit.conversion == conversion}
    return tuple(
        sorted(file.path for result in outcome.results if result.unit in own for file in result.written)
    )


def _compared(
    test: RecipeTest, outputs: tuple[str, ...], errors: tuple[str, ...], out: Path
) -> Iterator[Mismatch]:
    failing = [stated.fails for stated in test.expect if stated.fails is not None]
    for text in failing:
        if not any(text in error for error in errors):
            yield Mismatch("", "failure", f"'{text}'", f"'{errors[0]}'" if errors else "none")
    if errors and not failing:
        for error in errors:
            yield Mismatch("", "failure", "none", f"'{error}'")
        return
    for stated in test.expect:
        if stated.fails is None:
            yield from _of(stated, outputs, out)


def _of(stated: Expectation, outputs: tuple[str, ...], out: Path) -> Iterator[Mismatch]:
    meant = outputs
    if stated.file is not None:
        globs = Globs((stated.file,))
        meant = tuple(path for path in outputs if globs.match(path) is not None)
        if not meant and stated.outputs is None:
            yield Mismatch("", f"outputs of '{stated.file}'", "at least 1", f"none of {', '.join(outputs)}")
    elif not meant and stated.outputs is None:
        yield Mismatch("", "outputs", "at least 1", "0")
    if stated.outputs is not None and len(meant) != stated.outputs:
        what = f"outputs of '{stated.file}'" if stated.file else "outputs"
        yield Mismatch("", what, str(stated.outputs), str(len(meant)))
    for path in meant:
        yield from mismatches(stated, path, out.joinpath(*path.split("/")))


def _without_folder(text: str, folder: Path) -> str:
    """Return an error's text without the temporary folder, whose name is another one each time."""
    for place in (top / part for top in (folder, folder.resolve()) for part in ("data", "out", "")):
        text = text.replace(f"{place}{os.sep}", "").replace(f"{place.as_posix()}/", "")
    return text
