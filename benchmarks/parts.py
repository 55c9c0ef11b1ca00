"""Where the time of one image goes, and the least that reading, hashing, writing and reading back would take.

``python -m benchmarks.parts RECIPE DATA OUT COUNT`` carries out some units in this process and prints, in
milliseconds for each output, what `PARTS` names, then `FLOOR`.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PARTS = (
    "hash the input (on a thread)",
    "read and decode",
    "draft, tags, encode, hash the pixels",
    "write and hash",
    "of which hashing",
    "read back and verify",
    "all",
)
VERIFY, ALL = PARTS[-2:]
FLOOR = "least: hash twice, write, read twice"


def main(recipe: str, data: str, out: str, count: int) -> None:
    """Print one number a line: seconds of `PARTS`, then of `FLOOR`, for each output."""
    from dicombake.pipeline.loaders.kept_map import keep
    from dicombake.pipeline.plan.build import plan
    from dicombake.pipeline.recipe.load import load_recipe
    from dicombake.pipeline.run.unit import contents, work
    from dicombake.pipeline.run.unit.results import Job
    from dicombake.pipeline.run.workers.malloc import keep_freed_memory
    from dicombake.pipeline.store import files as store

    keep_freed_memory()
    keep()
    spent: dict[str, list[float]] = defaultdict(list)
    _timed(contents, "file_sha256", spent, PARTS[0])
    _timed_steps(work, "load_each", spent, PARTS[1])
    _timed(store, "_read_back", spent, VERIFY)
    _timed(store.Store, "put", spent, "put")
    _timed(work._Work, "_export", spent, "export")
    loaded = load_recipe(Path(recipe))
    planned = plan(loaded, data=Path(data), out=Path(out))
    job = Job(planned.lowered, planned.data, planned.out)
    files: list[Path] = []
    units = planned.units[: count + 1]
    for number, unit in enumerate(units):
        if number == 1:  # the first imports and warms up
            spent.clear()
            files.clear()
        start = time.perf_counter()
        result = work.do_unit(unit, job)
        spent[ALL].append(time.perf_counter() - start)
        if result.status != "written":
            raise RuntimeError(str(result.error))
        files += [planned.out / file.path for file in result.written]
    total = {name: sum(seconds) / len(files) for name, seconds in spent.items()}
    total[PARTS[2]] = total["export"] - total["put"]
    total[PARTS[3]] = total["put"] - total[VERIFY]
    total[PARTS[4]] = hashing(files)
    for name in PARTS:
        print(total.get(name, 0.0))
    inputs = [planned.data / item.path for unit in units[1:] for item in unit.inputs]
    print(floor(list(dict.fromkeys(inputs)), files, Path(out) / "floor.raw"))


def _timed(owner: Any, name: str, spent: dict[str, list[float]], label: str) -> None:
    function: Callable[..., Any] = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent[label].append(time.perf_counter() - start)

    setattr(owner, name, timed)


def _timed_steps(owner: Any, name: str, spent: dict[str, list[float]], label: str) -> None:
    """Return a generator that adds up the time until each item of another one."""
    function: Callable[..., Iterator[Any]] = getattr(owner, name)

    def timed(*arguments: Any, **named: Any) -> Iterator[Any]:
        following = function(*arguments, **named)
        while True:
            start = time.perf_counter()
            given = next(following, None)
            spent[label].append(time.perf_counter() - start)
            if given is None:
                return
            yield given

    setattr(owner, name, timed)


def hashing(outputs: list[Path]) -> float:
    """Seconds to hash an output that is in memory."""
    seconds = 0.0
    for path in outputs:
        content = path.read_bytes()
        start = time.perf_counter()
        hashlib.sha256(content).digest()
        seconds += time.perf_counter() - start
    return seconds / len(outputs)


def floor(inputs: list[Path], outputs: list[Path], scratch: Path) -> float:
    """Seconds for each output: its inputs read and hashed, its bytes hashed, written and read."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        for path in inputs:
            hashlib.sha256(path.read_bytes()).digest()
        for path in outputs:
            content = path.read_bytes()
            hashlib.sha256(content).digest()
            scratch.write_bytes(content)
        seconds.append(time.perf_counter() - start)
        scratch.unlink()
    return statistics.median(seconds) / len(outputs)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
