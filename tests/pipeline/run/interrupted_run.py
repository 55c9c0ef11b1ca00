"""A run in a process of its own, for tests that interrupt or kill it: folder, number of workers, files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import Unwatched, run_plan
from dicombake.pipeline.run.unit.results import UnitResult

from .made_plans import make_plan, shout


class Telling(Unwatched):
    def finished(self, unit: object, result: UnitResult) -> None:
        print(result.unit, flush=True)  # noqa: T201


def main() -> None:
    folder, jobs, files = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    outcome = run_plan(make_plan(folder, files), RunOptions(jobs=jobs), Telling(), shout)
    sys.exit(int(outcome.exit_status))


if __name__ == "__main__":
    main()
