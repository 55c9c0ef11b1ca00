"""Turn the results of a run into lock entries."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import structs

from ..plan.model import Plan, Unit
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


class Facts:
    """The options' facts of a plan's units, as the lock keeps them.

    `described` is the options' part of the fingerprint of each unit that is not known to be up to date by
    stat().
    """

    def __init__(self, plan: Plan) -> None:
        self._loaded = plan.loaded
        self._options = Options(plan.loaded)
        self.described: dict[str, str] = {}

    def origin(self, conversions: Collection[str]) -> Lock:
        """Return a lock of only the recipe, the program, the codecs, and the options of these conversions."""
        options = {
            f"{name}:{key}": known for name in conversions for key, known in self._options.facts(name).items()
        }
        return Lock(self._loaded.digest, program_version(), codecs(self._loaded.recipe), options=options)

    def of(self, units: Mapping[str, Unit], results: Collection[UnitResult], origin: Lock) -> Lock:
        """Return `origin` with the files of results that were written, or up to date by their contents.

        A unit that failed after some outputs were in place counts as not made: the lock names what is in
        place, and the next run does the unit again.
        """
        inputs: dict[str, str] = {}
        outputs: dict[str, str] = {}
        fingerprints: dict[str, str] = {}
        for result in results:
            done = result.status in ("written", "current")
            if not done and not result.written:
                continue
            for key, known in result.inputs:
                if key.startswith("data:"):
                    inputs[key.removeprefix("data:")] = known
            outputs |= {file.path: file.sha256 for file in result.written}
            first = units[result.unit].outputs[0].path
            fingerprints[first] = (
                fingerprint(self.described[result.unit], dict(result.inputs)) if done else UNFINISHED
            )
        return structs.replace(origin, inputs=inputs, outputs=outputs, units=fingerprints)
