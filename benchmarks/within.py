"""Timed within one process of ours: ``python -m benchmarks.within WHAT ...`` prints numbers, one a line."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path


def median_of(repeats: int, work: Callable[[], object]) -> float:
    """Seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def decode(repeats: int, *names: str) -> None:
    """Milliseconds to open a XIM file and decode its pixels, as a worker does it."""
    from dicombake.pipeline.loaders.xim.file import Cursor, read_header, read_pixels
    from dicombake.pipeline.run.workers.malloc import keep_freed_memory
    from dicombake.schemas.recipe import Limits

    def work(path: Path) -> None:
        with path.open("rb") as file:
            cursor = Cursor(file, path)
            read_pixels(cursor, read_header(cursor, Limits()))

    keep_freed_memory()
    for name in names:
        print(median_of(repeats, lambda path=Path(name): work(path)) * 1e3)


def plan(repeats: int, recipe: str, data: str) -> None:
    """Seconds to plan, and to list the folder."""
    from dicombake.pipeline.plan.build import plan
    from dicombake.pipeline.recipe.load import load_recipe

    loaded = load_recipe(Path(recipe))

    def listing() -> int:
        with os.scandir(data) as entries:
            return sum(1 for _ in entries)

    plan(loaded, data=Path(data))
    for _ in range(repeats):
        print(median_of(1, lambda: plan(loaded, data=Path(data))), median_of(3, listing))


if __name__ == "__main__":
    {"decode": decode, "plan": plan}[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])
