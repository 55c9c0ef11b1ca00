"""Tell users of a recipe without a namespace that its images share no study, and which line changes that."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from ...schemas.language.tags import path_of
from ...schemas.recipe import Conversion
from ..errors import Note
from ..exporters.registry import DICOM, TARGETS
from ..loaders.registry import FORMATS
from ..plan.model import Plan
from .unit.results import UnitResult


def separate_studies(plan: Plan, results: Iterable[UnitResult]) -> Iterator[Note]:
    """Yield one note, if images were written that a namespace would have put into studies together.

    `results`: of every unit, in the plan's order. The UUID in the note is random: it is a suggestion for the
    recipe, and goes into no output.
    """
    recipe = plan.loaded.recipe
    if recipe.uid_namespace is not None:
        return
    derives = {name: _derives_studies(each) for name, each in recipe.conversions.items()}
    first: dict[str, int] = {}
    several: set[str] = set()
    written: set[str] = set()
    for unit, result in zip(plan.units, results, strict=True):
        name = unit.conversion
        if derives[name]:
            if first.setdefault(name, unit.index) != unit.index:
                several.add(name)
            if result.status == "written":
                written.add(name)
    apart = [name for name in first if name in several and name in written]
    if apart:
        yield Note(
            "own-studies",
            f"{', '.join(apart)}: without a namespace each image is a study of its own; to let images of one "
            f"patient and day share a study, add the line 'uid_namespace: {uuid.uuid4()}' to the recipe",
        )


def _derives_studies(conversion: Conversion) -> bool:
    """Tell whether a conversion makes DICOM from files without a study, and states none."""
    targets = [TARGETS[export.to] for export in conversion.exports]
    derived = any(target.file is DICOM and target.made_of != "dicom" for target in targets)
    given = any(path.steps == path_of("StudyInstanceUID").steps for path in conversion.tags)
    return derived and FORMATS[conversion.source.format].dicom != "always" and not given
