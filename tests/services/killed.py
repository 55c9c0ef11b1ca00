"""Deliver in children that are killed: ``python -m tests.services.killed RECIPE``.

Reads seconds, one number a line: after so many the child is killed. Answers, one line each, ``killed`` or the
child's exit status and how long it took. Everything is imported before, so that moments fall into delivering.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from importlib import import_module
from pathlib import Path

from dicombake.pipeline.deliver.deliver import deliver_plan
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe

NEEDED = (
    "dicomweb_client.api",
    "pynetdicom",
    "dicombake.pipeline.deliver.destinations.dicom",
    "dicombake.pipeline.deliver.destinations.dicomweb",
)


def main() -> None:
    """Fork a child for each line: there are no threads here that it could miss."""
    for name in NEEDED:
        import_module(name)
    planned = plan(load_recipe(Path(sys.argv[1])))
    for line in sys.stdin:
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os._exit(int(deliver_plan(planned).exit_status))
        while time.monotonic() - start < float(line):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            time.sleep(0.002)
        else:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        sys.stdout.write(
            "killed\n" if killed else f"{os.waitstatus_to_exitcode(status)} {time.monotonic() - start}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
