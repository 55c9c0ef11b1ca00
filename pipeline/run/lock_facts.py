"""Turn the results of a run into lock entries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from msgspec import structs

from ..plan.model import Plan, Unit
from ..store.hashes import hashes
from ..store.lock import UNFINISHED, Lock
from ..version import program_version
from .fingerprint import Options, fingerprint
from .unit.results import UnitResult
from .versions import codecs


def replaced(result: UnitResult, before: Lock) -> tuple[str, ...]:
    """Return the outputs of a result that had other content before, where an input changed since."""
    if result.status == "current" or not any(_changed(key, known, before) for key, known in result.inputs):
        return ()
    return tuple(
        file.path for file in result.written if before.outputs.get(file.path, file.sha256) != file.sha256
    )


def _changed(key: str, known: str, before: Lock) -> bool:
    base, _, path = key.partition(":")
    return (before.inputs if base == "data" else before.outputs).get(path, known) != known


Done = Iterable[tuple[Unit, UnitResult]]
"""Units and what became of them; gone through several times."""


class Facts:
    """The options' facts of a plan's units, as the lock keeps them."""

    def __init__(self, plan: Plan) -> None:
        self._loaded = plan.loaded
        self.options = Options(plan.loaded)

    def origin(self, conversions: Collection[str]) -> Lock:
        """Return a lock of only the recipe, the program, the codecs, and the options of these conversions."""
        options = {
            f"{name}:{key}": known for name in conversions for key, known in self.options.facts(name).items()
        }
        return Lock(self._loaded.digest, program_version(), codecs(self._loaded.recipe), options=options)

    def of(self, done: Done, origin: Lock) -> Lock:
        """Return `origin` with the files of results that were written, or up to date by their contents.

        A unit that failed after some outputs were in place counts as not made: the lock names what is in
        place, and the next run does the unit again.
        """
        return structs.replace(
            origin,
            inputs=hashes(_inputs(done)),
            outputs=hashes(_outputs(done)),
            units=hashes(self._units(done)),
        )

    def _units(self, done: Done) -> Iterator[tuple[str, str]]:
        for unit, result in _in_place(done):
            first = unit.outputs[0].path
            whole = result.status in ("written", "current")
            yield first, fingerprint(self.options.of(unit), dict(result.inputs)) if whole else UNFINISHED


def _in_place(done: Done) -> Iterator[tuple[Unit, UnitResult]]:
    """Yield those of which outputs are in place."""
    for unit, result in done:
        if result.status in ("written", "current") or result.written:
            yield unit, result


def _inputs(done: Done) -> Iterator[tuple[str, str]]:
    for _, result in _in_place(done):
        for key, known in result.inputs:
            if key.startswith("data:"):
                yield key.removeprefix("data:"), known


def _outputs(done: Done) -> Iterator[tuple[str, str]]:
    for _, result in _in_place(done):
        for file in result.written:
            yield file.path, file.sha256
