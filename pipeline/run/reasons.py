"""Say what changed since a unit was made, in words: keys of the recipe, versions, inputs.

No value is told.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..plan.model import Unit
from ..store.lock import Lock
from ..version import PROGRAM, program_version
from .fingerprint import MACHINES, VERSIONS, Options, machine_fact

UNNAMED = "the recipe, its program or the files that go in changed since it was made"
SHOWN = 5


class Reasons:
    """The lock's facts held against those of a recipe as it is now."""

    def __init__(self, lock: Lock, options: Options) -> None:
        self._lock = lock
        self._options = options
        self._changes: dict[str, dict[str, str]] = {}

    def of(self, unit: Unit, inputs: Mapping[str, str]) -> str:
        """Return why a unit's fingerprint is not the lock's.

        `inputs`: what the lock has for each, by `key_of`.
        """
        own = machine_fact(unit.machine, "")
        changes = self.changes(unit.conversion)
        reasons = [f"{key.removeprefix(own)} {changes[key]}" for key in self.keys(unit)]
        if VERSIONS in self.changes(unit.conversion):
            reasons += self._versions() or ["versions changed"]
        reasons += [f"{key.partition(':')[2]} is a new input" for key, known in inputs.items() if not known]
        more = [f"and {len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else []
        return ", ".join([*reasons[:SHOWN], *more]) or UNNAMED

    def keys(self, unit: Unit) -> tuple[str, ...]:
        """Return the keys of the recipe that changed for a unit.

        They are written as ``geometry.sid``, ``machines.TB1.geometry.sad``.
        """
        own = machine_fact(unit.machine, "")
        return tuple(
            key
            for key in self.changes(unit.conversion)
            if key != VERSIONS and (key.startswith(own) or not key.startswith(MACHINES) or not unit.machine)
        )

    def changes(self, conversion: str) -> Mapping[str, str]:
        """Return ``tags.PatientID`` -> ``changed``, ``added`` or ``removed``; {} without keys."""
        if conversion not in self._changes:
            start = f"{conversion}:"
            before = {
                key.removeprefix(start): known
                for key, known in self._lock.options.items()
                if key.startswith(start)
            }
            now = self._options.facts(conversion) if before else {}
            self._changes[conversion] = {
                key: "added" if key not in before else "removed" if key not in now else "changed"
                for key in sorted(before.keys() | now.keys())
                if before.get(key) != now.get(key)
            }
        return self._changes[conversion]

    def _versions(self) -> list[str]:
        """Return ``pillow 11.1.0 -> 11.2.0``, for the program and the codecs that the recipe uses."""
        now = {PROGRAM: program_version(), **self._options.codecs()}
        before = {PROGRAM: self._lock.program, **self._lock.codecs}
        return [
            f"{name} {before.get(name, 'none')} -> {version}"
            for name, version in now.items()
            if before.get(name) != version
        ]
