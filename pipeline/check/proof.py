"""The proof of a de-identified output once more: its sources are read, and their values looked for in it."""

from __future__ import annotations

from ..deidentify.engine import deidentify
from ..errors import DicombakeError
from ..loaders.registry import probe
from ..plan.deidentified import dataset_of
from ..plan.model import Plan, Unit
from ..run.unit.identity import check_proof, stated_tags


def identity_in(plan: Plan, unit: Unit, output: str) -> str:
    """Say which element of an output still tells of its source; nothing where none does."""
    conversion = plan.lowered.conversion(unit.conversion, unit.machine)
    assert conversion.deidentify is not None
    file = plan.out.joinpath(*output.split("/"))
    try:
        made = []
        for item in unit.inputs:
            folder = plan.data if item.base == "data" else plan.out
            header = probe(folder.joinpath(*item.path.split("/")), conversion.source, plan.lowered.limits)
            dataset = dataset_of(header)
            if dataset is not None:
                made.append(deidentify(dataset, conversion.deidentify))
        check_proof(file, output, made, stated_tags(conversion))
    except DicombakeError as error:
        return error.what
    return ""
