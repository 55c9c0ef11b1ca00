"""A program: run every recipe of a folder, and print the sha256 of all that it wrote, as JSON.

``python runs.py RECIPES DATA OUT JOBS``. Locks lie beside the recipes and are part of it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path


def digests(recipes: Path, data: Path, out: Path, jobs: int) -> dict[str, str]:
    """Path (of an output, or of a lock) -> sha256. Each recipe has an output folder of its own."""
    from dicombake.pipeline.plan.build import plan
    from dicombake.pipeline.recipe.load import load_recipe
    from dicombake.pipeline.run.preflight import RunOptions
    from dicombake.pipeline.run.run import run_plan

    for recipe in sorted(recipes.glob("*.yaml")):
        outcome = run_plan(plan(load_recipe(recipe), data=data, out=out / recipe.stem), RunOptions(jobs=jobs))
        wrong = [f"{result.unit}: {result.error}" for result in outcome.results if result.error]
        if wrong:
            raise SystemExit(f"{recipe.name}: {wrong}")
    found = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    found |= {path.name: path for path in recipes.glob("*.lock")}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(found.items())}


if __name__ == "__main__":
    places = [Path(argument) for argument in sys.argv[1:4]]
    sys.stdout.write(json.dumps(digests(places[0], places[1], places[2], int(sys.argv[4]))))
