"""Plans of text files, and a unit of work that needs no image: it writes its inputs in capitals.

What a unit does is told by its input's content, so that it also happens on a worker.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dicombake.pipeline.errors import Note, SourceError
from dicombake.pipeline.plan.lower import lower
from dicombake.pipeline.plan.model import InputFile, Output, Plan, Unit
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.run.unit.contents import input_path, key_of
from dicombake.pipeline.run.unit.results import Job, UnitResult
from dicombake.schemas.recipe import Recipe


def recipe(**changes: object) -> Recipe:
    conversion = {
        "inputs": "*.txt",
        "source": "xim",
        "exports": [{"to": "npy", "path": "{stem}.out"}],
        **changes,
    }
    return Recipe.model_validate({"version": 1, "name": "fake", "conversions": {"c": conversion}})


def make_plan(
    folder: Path,
    files: Mapping[str, str],
    *,
    needs: Mapping[str, Sequence[str]] | None = None,
    out: Path | None = None,
    loaded: LoadedRecipe | None = None,
) -> Plan:
    """One unit for each file: ``a`` reads a.txt below `folder` and writes out/a.out.

    A unit that needs others reads their outputs after its own file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    units = []
    for index, (name, content) in enumerate(files.items(), 1):
        folder.joinpath(f"{name}.txt").write_text(content, encoding="utf-8")
        needed = tuple((needs or {}).get(name, ()))
        inputs = (InputFile(f"{name}.txt"), *(InputFile(f"out/{need}.out", "out") for need in needed))
        units.append(Unit(name, "c", index, inputs, (Output(f"out/{name}.out", 0),), needs=needed))
    loaded = loaded or LoadedRecipe(recipe(), folder / "fake.yaml", digest="0" * 64)
    return Plan(loaded, lower(loaded), folder, out or folder, tuple(units))


def shout(unit: Unit, job: Job) -> UnitResult:
    """The unit of work. An input's words: fail, defect, die, hold (a second), half (dies while writing)."""
    texts: dict[str, bytes] = {}
    for item in unit.inputs:
        texts[key_of(item)] = input_path(item, job.data, job.out).read_bytes()
    own = next(iter(texts.values())).decode()
    if "fail" in own:
        raise SourceError("is not what it should be", subject=unit.inputs[0].path)
    if "defect" in own:
        raise ZeroDivisionError("nobody thought of this")
    if "die" in own:
        os._exit(9)
    if "hold" in own:
        time.sleep(0.3)
    store = job.store()
    written = tuple(
        store.put(output.path, (b" ".join(text.upper() for text in texts.values()),))
        for output in unit.outputs
    )
    hashes = tuple((key, hashlib.sha256(text).hexdigest()) for key, text in texts.items())
    notes = (Note("loud", "it is loud now"),)
    return UnitResult(unit.id, "written", written, hashes, notes)
