"""Show a lock, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...store.lock import Lock

SCHEMA_VERSION = 1


def lock_lines(lock: Lock) -> Iterator[str]:
    """Yield the contents of a lock in few lines."""
    codecs = ", ".join(f"{name} {version}" for name, version in sorted(lock.codecs.items()))
    yield f"recipe   {lock.recipe}"
    yield f"program  dicombake {lock.program}"
    yield f"codecs   {codecs or 'none'}"
    yield f"inputs   {len(lock.inputs)}"
    yield f"outputs  {len(lock.outputs)}"


def lock_as_json(lock: Lock) -> dict[str, Any]:
    """Return the contents of a lock without the fingerprints; keys sorted."""
    return {
        "schema_version": SCHEMA_VERSION,
        "recipe": lock.recipe,
        "program": lock.program,
        "codecs": dict(sorted(lock.codecs.items())),
        "inputs": dict(sorted(lock.inputs.items())),
        "outputs": dict(sorted(lock.outputs.items())),
    }
