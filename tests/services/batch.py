"""A batch of outputs to deliver, and whether a destination has each of them once, as it was written."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from dicombake.pipeline.deliver.compare import compared
from dicombake.pipeline.deliver.deliver import DeliverOptions, deliver_plan
from dicombake.pipeline.deliver.model import Delivered
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe

from ..support import bake

COUNT = 12
RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
destinations:
  there: {{{destination}}}
conversions:
  a:
    inputs: raw/*.npy
    source: array
    geometry: {{dpi: 100, sid: 1000}}
    exports: {{to: rt-image, path: "{name}/{{stem}}.dcm"{syntax}}}
    deliver: there
"""


def make_inputs(folder: Path, count: int = COUNT) -> Path:
    """Write arrays of 128 KB; recipes that stand beside them share them."""
    (folder / "raw").mkdir()
    rng = np.random.default_rng(1)
    for number in range(count):
        np.save(folder / f"raw/{number}.npy", rng.integers(0, 4000, (256, 256), dtype=np.uint16))
    return folder


def write_recipe(made: Path, name: str, destination: str, syntax: str = "") -> Path:
    """Write a recipe whose outputs lie in a folder of its name, and carry it out."""
    path = made / f"{name}.yaml"
    path.write_text(RECIPE.format(destination=destination, syntax=syntax, name=name), encoding="utf-8")
    assert bake(path).exit_status == 0
    return path


def deliver(path: Path, **options: Any) -> Delivered:
    return deliver_plan(plan(load_recipe(path)), DeliverOptions(**options))


def forget(path: Path) -> None:
    """Delete the outbox of a recipe."""
    for outbox in (path.parent / ".dicombake").glob(f"{path.stem}.outbox*"):
        outbox.unlink()


def states(result: Delivered) -> set[str]:
    return {entry.state for entry in result.entries}


def files(path: Path) -> dict[str, bytes]:
    """What was written, by UID."""
    found = [each.read_bytes() for each in (path.parent / path.stem).glob("*.dcm")]
    return {uid(content): content for content in found}


@cache
def uid(content: bytes) -> str:
    return str(pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True).SOPInstanceUID)


@dataclass
class Figures:
    """What became of the instances of one or several rounds of a fault."""

    tries: int = 0
    """How often the fault struck."""
    instances: int = 0
    lost: int = 0
    doubled: int = 0
    damaged: int = 0

    @property
    def right(self) -> bool:
        return self.tries > 0 and not (self.lost or self.doubled or self.damaged)

    def __add__(self, other: Figures) -> Figures:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Figures(*(one + two for one, two in pairs))

    def judge(self, path: Path, held: Collection[bytes], taken: Counter[str] | None = None) -> None:
        """Count one round: `held` is what the destination has; `taken`, how often it took each UID."""
        written, there = files(path), Counter(map(uid, held))
        self.instances += len(written)
        self.lost += sum(there[each] == 0 for each in written)
        self.doubled += sum(max(there[each], (taken or there)[each]) > 1 for each in written)
        self.damaged += sum(
            bool(compared(written[uid(content)], content).damaged)
            for content in held
            if uid(content) in written
        )
