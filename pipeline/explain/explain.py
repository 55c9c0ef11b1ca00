"""Explain where an output's numbers and tags come from: its unit is done again in memory, layers traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ..check.remake import Memory, Trial
from ..errors import DicombakeError, ExportError, Note, UsageError
from ..imaging.image import Geometry, Image, Origin
from ..plan.model import Plan, Unit
from ..reading import file_sha256
from ..trace import Element, Following, Layer, Trace

NOBODY = "nobody says it"


class Spatial(Struct, frozen=True):
    """One value of the geometry ledger."""

    name: str
    value: tuple[float, ...]
    """Empty where it is unknown."""
    unit: str
    origin: Origin


class Story(Struct, frozen=True):
    """An element, and every layer that set it, the last one first."""

    element: Element
    layers: tuple[Layer, ...]


class Explained(Struct, frozen=True):
    """The origins of everything in an output."""

    path: str
    """Relative to the output folder."""
    plan: Plan
    unit: Unit
    ledger: tuple[Spatial, ...]
    stories: tuple[Story, ...]
    """The elements of a DICOM output, in the order of the file."""
    notes: tuple[Note, ...] = ()
    changed: str = ""
    """How the existing file differs from what the recipe gives now; empty where it does not."""


class _Job(Trial, frozen=True):
    """A job that traces its one output."""

    following: Following = field(default_factory=Following)
    images: list[Image] = field(default_factory=list)

    def trace(self, path: str, images: Sequence[Image]) -> Trace:
        self.images[:] = images
        return self.following


def explain(plan: Plan, path: str) -> Explained:
    """Do the unit of an output again and tell where all that it says comes from; nothing is written.

    Args:
        plan: of the recipe.
        path: of the output, relative to the output folder.

    Raises:
        UsageError: the recipe does not make this output.
        DicombakeError: why the output cannot be made.
    """
    from ..run.unit.work import do_unit

    unit, output = next(
        ((unit, output) for unit in plan.units for output in unit.outputs if output.path == path),
        (None, None),
    )
    if unit is None or output is None:
        raise UsageError(
            f"{plan.loaded.path} does not make it", subject=path, hint="'dicombake plan' lists what it makes"
        )
    memory = Memory(plan.out, wanted=frozenset({path}))
    job = _Job(plan.lowered, plan.data, plan.out, memory=memory)
    result = do_unit(replace(unit, outputs=(output,)), job)
    if result.error:
        failed = result.error
        raise ExportError(failed.message, subject=failed.subject or path, hint=failed.hint)
    return Explained(
        path,
        plan,
        unit,
        tuple(ledger(job.images[0].geometry)),
        tuple(_stories(job)),
        result.notes,
        _changed(plan.out.joinpath(*path.split("/")), result.written[0].sha256),
    )


def _changed(file: Path, made: str) -> str:
    try:
        if file_sha256(file) == made:
            return ""
    except FileNotFoundError:
        return "the file is not there; this is what a run would write"
    except (OSError, DicombakeError) as error:
        return f"the file cannot be read: {getattr(error, 'strerror', None) or error}"
    return "the file is not what the recipe gives now: it was altered, or recipe, inputs or versions were"


def stories_of(following: Following) -> Iterator[Story]:
    """Yield what was followed, element by element."""
    for name, element in following.present.items():
        yield Story(element, tuple(reversed(following.layers[name])))


def _stories(job: _Job) -> Iterator[Story]:
    yield from stories_of(job.following)
    if job.following.present:
        yield from _pixels(job)


def _pixels(job: _Job) -> Iterator[Story]:
    """Yield the story of the pixels, which no dataset holds while it is made."""
    if any(name.endswith("PixelData") for name in job.following.present):
        return
    first = job.images[0]
    files = ", ".join(dict.fromkeys(source.path.name for source in first.sources)) or "memory"
    done = f"; {'; '.join(first.history)}" if first.history else ""
    shape = " x ".join(map(str, (first.rows, first.columns)))
    several = f"{len(job.images)} frames of " if len(job.images) > 1 else ""
    value = f"{several}{shape} {first.pixels.dtype}, modality values"
    origin = Origin("derived" if done else "file", f"{files}{done}")
    yield Story(Element("PixelData", "(7FE0,0010)", "OW", value), (Layer(origin, value),))


_LENGTHS = {"spacing": "mm", "sid": "mm", "sad": "mm", "position": "mm", "translation": "mm"}
_ANGLES = {"gantry": "degrees", "collimator": "degrees", "couch": "degrees", "receptor_angle": "degrees"}
_UNITS = {**_LENGTHS, **_ANGLES, "orientation": "cosines"}
_RECEPTOR = (
    "spacing", "sid", "sad", "gantry", "collimator", "couch", "position", "orientation", "translation",
    "receptor_angle",
)  # fmt: skip
_PLANE = {"position": "mm", "orientation": "cosines", "thickness": "mm", "spacing": "mm"}


def ledger(geometry: Geometry) -> Iterator[Spatial]:
    """Yield every spatial value with its one origin; for a slice those of its plane."""
    for name in ("spacing",) if geometry.patient is not None else _RECEPTOR:
        yield _spatial(geometry, name, getattr(geometry, name), _UNITS[name], name)
    if geometry.patient is not None:
        for name, unit in _PLANE.items():
            yield _spatial(geometry, f"patient.{name}", getattr(geometry.patient, name), unit, "patient")
        for name in ("gantry", "sid", "sad"):
            if getattr(geometry, name) is not None:
                yield _spatial(geometry, name, getattr(geometry, name), _UNITS[name], name)


def _spatial(geometry: Geometry, name: str, value: Any, unit: str, key: str) -> Spatial:
    numbers = () if value is None else value if isinstance(value, tuple) else (value,)
    if value is None:
        return Spatial(name, (), unit, Origin("rule", geometry.blank.get(key, NOBODY)))
    return Spatial(name, numbers, unit, geometry.origins.get(key, Origin("rule", "no origin is recorded")))
