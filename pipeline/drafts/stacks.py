"""Find pictures that are the slices of a volume: pages that ImageJ counts, or files whose names count slices.

Numbers alone are no slices: scans and portal images are numbered, too. Names must say it (``slice_001``,
``z12``), or their folder (``slices``), or ImageJ the distance of slices; and all must fit together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from ...schemas.language.words import FILL_IN
from ..errors import SourceError
from ..exporters.registry import default_target
from ..inputs.render import split_name
from ..loaders.base import Unsaid
from ..loaders.options import ImageStackOptions, Limits
from ..loaders.pictures.imagej import imagej_of
from ..loaders.pictures.stack import Stack, survey
from .examine import Found, Kind

STACK = "image-stack"
PAGES = "{pages}"
"""The `series` of files that are a volume each; of others it is what stands before the numbers."""
_LEAST = 3
_COUNTED = re.compile(r"(?P<before>.*?)(?P<number>[0-9]{1,6})", re.S)
_SLICE = re.compile(r"(?i)(?<![^\W\d_])(slices?|slc|sl|z)[ _-]?$")
_FOLDER = re.compile(r"(?i)(z[ _-]?)?(slices?|stacks?|volumes?)")


def parted(kind: Kind, items: Sequence[Found]) -> Iterator[tuple[Kind, Found]]:
    """Yield files of pictures with their kind: that of a stack where they are one, else their own."""
    runs: dict[str | None, list[Found]] = {}
    for item in items:
        runs.setdefault(_run(item), []).append(item)
    for name, members in runs.items():
        other = None if name is None else _stack(kind, name, members)
        yield from ((other or kind, item) for item in members)


def _run(item: Found) -> str | None:
    """Return what joins a file with others to a run of slices; None where it can be none."""
    probe = item.probe
    if probe is None or len(probe.shape) != 2 or item.kind.unsaid:
        return None
    if probe.pages > 1:
        return PAGES if _counted_by_imagej(item) else None
    counted = _COUNTED.fullmatch(_stem(item))
    return counted["before"] if counted else None


def _counted_by_imagej(item: Found) -> bool:
    try:
        said = imagej_of(item.probe.properties, item.path) if item.probe else None
    except SourceError:
        return False
    return said is not None and said.images > 1 and said.channels == said.times == 1


def _stem(item: Found) -> str:
    return split_name(str(item.name))[1]


def _stack(kind: Kind, run: str, members: Sequence[Found]) -> Kind | None:
    """Return the kind of a stack that some files are; None where they are none."""
    if run == PAGES:
        stacks = [_surveyed([item]) for item in members]
    else:
        stacks = [_surveyed(members) if _are_counted(members) else None]
        if stacks[0] and not (_named(run, kind) or all(each.step for each in stacks[0].slices)):
            return None
    first = stacks[0]
    if first is None or not all(stacks):
        return None
    unsaid = (*_spacing(stacks), Unsaid("units", "none", ""))
    options = "".join(f", {item.option}: {item.value}" for item in unsaid)
    source = f"{{format: {STACK}{options}}}"
    return replace(
        kind, format=STACK, target=default_target("slices"), source=source, unsaid=unsaid, series=run
    )


def _are_counted(members: Sequence[Found]) -> bool:
    """Tell whether files are numbered one after the other."""
    numbers = sorted(int(_COUNTED.fullmatch(_stem(item))["number"]) for item in members)  # type: ignore[index]
    return len(numbers) >= _LEAST and numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _named(run: str, kind: Kind) -> bool:
    folder = kind.folder.rpartition("/")[2]
    return bool(_SLICE.search(run) or _FOLDER.fullmatch(folder))


def _surveyed(members: Sequence[Found]) -> Stack | None:
    """Return the volume that files are, wherever its slices lie; None where they are of different kinds."""
    try:
        return survey([item.path for item in members], ImageStackOptions(spacing=(1.0, 1.0, 1.0)), Limits())
    except SourceError:
        return None


def _spacing(stacks: Sequence[Stack | None]) -> Iterator[Unsaid]:
    """Yield what the files do not say of the spacing of their voxels."""
    firsts = [stack.slices[0] for stack in stacks if stack]
    if all(each.pixel.spacing and each.step for each in firsts):
        return
    pixels = {each.pixel.spacing for each in firsts}
    pixel = pixels.pop() if len(pixels) == 1 else None
    if pixel is None:
        yield Unsaid("spacing", f"[{', '.join([FILL_IN] * 3)}]", "mm between rows, columns and slices")
    else:
        value = f"[{pixel[0]:.6g}, {pixel[1]:.6g}, {FILL_IN}]"
        yield Unsaid("spacing", value, "mm between slices; rows and columns are the files' own")
