"""Pack tasks for a worker on another machine: plan data alone, and of the job only what these tasks need.

A pack stands for itself: a worker that came a moment ago needs nothing else, and a scheduler that was started
anew has lost nothing. No key is in it: it says where the worker finds it.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from ....deidentify.keys import Key, key_from
from ....plan.lowered import LoweredRecipe
from ...unit.contents import key_of
from ...unit.results import Job, UnitResult, Work
from ..schedule import Chunk

Value = TypeVar("Value")


def pack(job: Job, work: Work, chunk: Chunk) -> bytes:
    """Return a chunk with all that its worker needs."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=5)
    pickler.dispatch_table = _TABLE
    pickler.dump((narrowed(job, chunk), work, chunk))
    return buffer.getvalue()


def unpack(packed: bytes) -> tuple[Job, Work, Chunk]:
    """Return what `pack` was given. Raises: OSError, UnicodeDecodeError, where a key cannot be read."""
    job, work, chunk = pickle.loads(packed)
    return job, work, chunk


def pack_answer(results: list[UnitResult], seconds: float) -> bytes:
    return pickle.dumps((results, seconds), protocol=5)


def unpack_answer(packed: bytes) -> tuple[list[UnitResult], float]:
    results, seconds = pickle.loads(packed)
    return results, seconds


def narrowed(job: Job, chunk: Chunk) -> Job:
    """Return the job with what these tasks need: that of a million files would travel with each chunk."""
    outputs = {output.path for task in chunk for output in task.unit.outputs}
    inputs = {key_of(item) for task in chunk for item in task.unit.files}
    return replace(
        job,
        recipe=_recipe(job.recipe, frozenset(task.unit.conversion for task in chunk)),
        ours=frozenset(outputs & job.ours),
        expected=_of(job.expected, outputs),
        planned_on=_of(job.planned_on, inputs),
        placed=[],
    )


def _recipe(recipe: LoweredRecipe, names: frozenset[str]) -> LoweredRecipe:
    return replace(
        recipe,
        conversions=_of(recipe.conversions, names),
        variants={machine: _of(variant, names) for machine, variant in recipe.variants.items()},
    )


def _of(found: Mapping[str, Value], names: set[str] | frozenset[str]) -> dict[str, Value]:
    return {name: found[name] for name in sorted(names) if name in found}


def _unread(key: Key) -> tuple[object, ...]:
    if key.origin is None:
        raise pickle.PicklingError("a key that no worker can read for itself stays here")
    return key_from, (key.origin,)


_TABLE: dict[type, Any] = {**copyreg.dispatch_table, Key: _unread}
