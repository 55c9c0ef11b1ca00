"""Keep the crosswalks that a plan's conversions ask for: written before the first output is.

Whatever is killed when, no output lies anywhere whose pseudonyms the crosswalk does not know.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DicombakeError, PlanError
from ..loaders.registry import probe
from ..plan.crosswalks import crosswalk_path
from ..plan.deidentified import dataset_of
from ..plan.model import Plan, Unit
from ..reading import content_of
from ..store.files import write_file
from ..store.refusals import store_error
from ..store.running import held
from .unit.contents import input_path

if TYPE_CHECKING:
    from ..deidentify.crosswalk import Crosswalk


def keep_crosswalks(plan: Plan, units: Iterable[Unit]) -> None:
    """Add what stands for whom in these units to the crosswalks of their conversions.

    Raises: PlanError, without a password, with a wrong one, and where another run holds the file.
        StoreError, where it cannot be written.
    """
    asked = any(crosswalk_path(plan.loaded, name) for name in plan.lowered.conversions)
    if not plan.loaded.trusted or not asked:
        return
    files: dict[tuple[Path, str], list[Unit]] = {}
    for unit in units:
        path = crosswalk_path(plan.loaded, unit.conversion)
        if path is not None and not unit.problem:
            files.setdefault((path, _variable(plan, unit)), []).append(unit)
    for (path, variable), own in files.items():
        password = os.environ.get(variable, "")
        if not password:
            raise PlanError(
                f"the environment has no variable '{variable}', which holds the password of the crosswalk",
                subject=str(path),
            )
        _add(path, password, _found(plan, own))


def _variable(plan: Plan, unit: Unit) -> str:
    said = plan.conversion(unit).deidentify
    assert said is not None
    assert said.crosswalk is not None
    return said.crosswalk.variable


def _add(path: Path, password: str, found: Crosswalk) -> None:
    from ..deidentify.crosswalk import Crosswalk, opened, sealed

    with held(path.with_name(f"{path.name}.running")) as holder:
        if holder.by:
            raise PlanError(f"another run writes this crosswalk ({holder.by})", subject=str(path))
        try:
            content = content_of(path) if path.exists() else b""
        except OSError as error:
            raise store_error(error, str(path)) from error
        known = opened(content, password, str(path)) if content else Crosswalk()
        if known.merge(found) or not content:
            write_file(path, sealed(known, password), durable=True)


def _found(plan: Plan, units: Iterable[Unit]) -> Crosswalk:
    from ..deidentify.crosswalk import Crosswalk
    from ..deidentify.engine import deidentify, patient_of
    from ..deidentify.instance import instance_uids, operations_of

    found = Crosswalk()
    for unit in units:
        conversion = plan.lowered.conversion(unit.conversion, unit.machine)
        settings = conversion.deidentify
        assert settings is not None
        operations = operations_of(conversion.process, conversion.combine, conversion.source)
        for item in unit.inputs:
            try:
                header = probe(input_path(item, plan.data, plan.out), conversion.source, plan.lowered.limits)
            except DicombakeError:
                continue  # the unit fails for the same reason, and has no output
            dataset = dataset_of(header)
            if dataset is None:
                continue
            made = deidentify(dataset, settings)
            found.patients[made.patient] = {
                "id": str(dataset.get("PatientID") or ""),
                "name": str(dataset.get("PatientName") or ""),
                "days": settings.days(patient_of(dataset)),
            }
            new = instance_uids(settings, [made.dataset], [made.original], operations, None)
            found.uids |= {uid: str(dataset.get(keyword) or "") for keyword, uid in new.items()}
    return found
