"""De-identification as a plan needs it: its key, what inputs are called, and what outputs will say."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ...schemas.language.tags import keywords
from ...schemas.language.template import Template
from ..errors import PlanError
from ..inputs.render import Scope, render
from ..recipe.loaded import LoadedRecipe
from .aliases import names_of
from .gather import Planning, group_of, refuse
from .git import is_tracked
from .lowered import LoweredConversion
from .model import InputFile, Unit

if TYPE_CHECKING:
    from pydicom import Dataset

    from ...schemas.deidentify import Deidentify
    from ..deidentify.keys import Key
    from ..deidentify.settings import Settings
    from ..imaging.probe import Probe

UNKNOWN = "unknown"
"""In a path, for an element that is empty."""


def settings_of(loaded: LoadedRecipe, name: str) -> Settings | None:
    """Return how a conversion is de-identified; None where it is not.

    Raises: PlanError, where there is no key, or one that is too short or kept in git.
    """
    said = loaded.recipe.conversions[name].deidentify
    if said is None:
        return None
    from ..deidentify.keys import Key
    from ..deidentify.settings import Settings

    if not loaded.trusted:
        return Settings(Key(b""))  # whose units cannot be done
    return Settings(
        key=_key(said, loaded.path),
        options=frozenset(said.options),
        dates=said.dates,
        times=said.times or "keep",
        burned_in=said.burned_in,
    )


def _key(said: Deidentify, recipe: Path) -> Key:
    from ...schemas.deidentify import SecretFile, environment_of
    from ..deidentify.keys import LEAST, Origin, derived

    if isinstance(said.key, SecretFile):
        path = recipe.parent / said.key.file
        if is_tracked(path):
            raise PlanError("holds a key and is tracked by git", subject=str(path), hint="take it out of git")
        try:
            text = (origin := Origin("file", str(path.absolute()))).read()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is no text"
            raise PlanError(f"the key cannot be read: {reason}", subject=str(path)) from None
        where = str(path)
    else:
        variable = environment_of(said.key)
        origin, where = Origin("env", variable), f"{{env.{variable}}}"
        text = origin.read()
        if not text:
            raise PlanError(
                f"the environment has no variable '{variable}', which holds the key of 'deidentify'"
            )
    if len(text) < LEAST:
        raise PlanError(f"{where}: a key has {LEAST} characters or more")
    return dataclasses.replace(derived(text), origin=origin)


def sealed(items: Iterable[InputFile], settings: Settings | None) -> tuple[InputFile, ...]:
    """Return inputs whose path and hash go nowhere without the key."""
    if settings is None:
        return tuple(items)
    return tuple(
        item if item.base == "out" else replace(item, seal=settings.key, alias=settings.key.alias(item.path))
        for item in items
    )


def sealed_everywhere(units: Sequence[Unit]) -> Sequence[Unit]:
    """Return the units, with a file that one of them has sealed sealed in all of them."""
    seals = {item.path: item for unit in units for item in unit.inputs if item.seal is not None}
    if not seals:
        return units

    def same(item: InputFile) -> InputFile:
        found = seals.get(item.path)
        if found is None or item.base == "out" or item.seal is not None:
            return item
        return replace(item, seal=found.seal, alias=found.alias)

    return tuple(replace(unit, inputs=tuple(map(same, unit.inputs))) for unit in units)


def private_names(planning: Planning) -> dict[str, str]:
    """Return what may give inputs away that would be de-identified, each with its alias."""
    names: dict[str, str] = {}
    for name, files in planning.private:
        settings = planning.lowered.conversions[name].deidentify
        said = "\n".join(planning.loaded.recipe.conversions[name].inputs.files)
        private = sealed((item for item in files if item.path), settings)
        names |= names_of(private, said, planning.data)
        for item in private:
            with suppress(PlanError):
                group = group_of(planning.loaded.recipe.conversions[name], item)
                names[f"'{group}'"] = f"'{item.alias}'"
    return names


def dataset_of(header: Probe) -> Dataset | None:
    """Return the elements of a DICOM file's header; None of another format."""
    from ..loaders.dicom.properties import DicomProperties

    return header.properties.dataset if isinstance(header.properties, DicomProperties) else None


def is_element(name: str) -> bool:
    """Tell whether a template's name is a keyword of the standard."""
    return name in keywords()


def own_elements(
    conversion: LoweredConversion, settings: Settings, datasets: Sequence[Dataset], scope: Scope
) -> Callable[[str, int | None], Any]:
    """Return what looks up an element of the output by keyword, made of the headers of its source.

    `datasets`: of a file, or of the slices of a series in order. Of several, an output that is not one
    slice's has what all of them agree on.

    Raises (what is returned): KeyError, for an element that differs between files that are one output.
    """
    from ..deidentify.engine import deidentify
    from ..deidentify.instance import instance_uids, operations_of

    made = [deidentify(dataset, settings) for dataset in datasets]
    operations = operations_of(conversion.process, conversion.combine, conversion.source)
    stated = {path.last.number: value for path, value in conversion.tags.items() if len(path.steps) == 1}
    pages = [int(dataset.get("NumberOfFrames") or 1) for dataset in datasets]

    def find(keyword: str, page: int | None) -> Any:
        number = keywords()[keyword]
        value = stated.get(number)
        if value is not None:
            return "\\".join(render(item, scope) for item in value.items or ()) or UNKNOWN
        if any(len(path.steps) == 1 and path.last.number == number for path in conversion.remove_tags):
            return UNKNOWN
        several = len(made) > 1
        chosen = [made[page - 1]] if several and page is not None and page <= len(made) else made
        frame = page if not several and page is not None and pages[0] > 1 else None
        uids: Mapping[str, str] = instance_uids(
            settings, [each.dataset for each in chosen], [each.original for each in chosen], operations, frame
        )
        if keyword in uids:
            return uids[keyword]
        found = {_text(each.dataset, number) for each in chosen}
        if len(found) > 1:
            raise KeyError(keyword)
        return found.pop() or UNKNOWN

    return find


def _text(dataset: Dataset, number: int) -> str:
    if number not in dataset or dataset[number].is_empty:
        return ""
    value = dataset[number].value
    several = not isinstance(value, str | bytes) and hasattr(value, "__iter__") and dataset[number].VM > 1
    return "\\".join(str(each) for each in value) if several else str(value)


def check_instances(units: Sequence[Unit], planning: Planning) -> None:
    """Refuse two conversions, or two exports, that would give other content one SOP Instance UID."""
    lowered = planning.lowered.conversions
    made: dict[tuple[str, str], tuple[str, int, Any]] = {}
    for unit in units:
        conversion = lowered[unit.conversion]
        settings = conversion.deidentify
        if settings is None or unit.problem:
            continue
        from ..deidentify.instance import operations_of

        for position, export in enumerate(conversion.exports):
            if export.to != "dicom":
                continue
            done = operations_of(conversion.process, conversion.combine, conversion.source)
            split = str([output.page for output in unit.outputs if output.export == position])
            named = (f"{settings.key.content(chr(0).join(file.path for file in unit.inputs))} {done}", split)
            said = (
                settings,
                conversion.process,
                conversion.tags,
                conversion.remove_tags,
                conversion.source,
                replace(export, path=Template(""), keep=None),
            )
            before = made.setdefault(named, (unit.conversion, position, said))
            if before[2] != said:
                refuse(
                    planning,
                    ("conversions", unit.conversion, "exports", position),
                    f"would write other content under the SOP Instance UIDs that '{before[0]}' writes; "
                    "one input has one instance under one key",
                )
