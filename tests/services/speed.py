"""How fast delivery is beside dcmtk's dcmsend, on loopback: ``python -m tests.services.speed [INSTANCES]``.

Each sends the same instances of 3 MB to a storescp that throws them away.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from dicombake.pipeline.deliver.deliver import deliver_plan
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe

from ..support import bake
from .servers import storescp

RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
destinations:
  there: {{to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, associations: {associations}}}
conversions:
  a:
    inputs: raw/*.npy
    source: array
    geometry: {{dpi: 100, sid: 1000}}
    exports: {{to: rt-image, path: "d/{{stem}}.dcm"}}
    deliver: there
"""


def main(count: int) -> None:
    """Make the instances, send them three times, and print instances per second."""
    os.environ["TCP_NODELAY"] = "1"  # dcmtk otherwise waits 40 ms between two packets
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        rng = np.random.default_rng(1)
        for number in range(count):
            np.save(folder / f"raw/{number}.npy", rng.integers(0, 4000, (1225, 1225), dtype=np.uint16))
        recipe = folder / "r.yaml"
        with storescp(shutil.which("storescp") or "storescp", folder / "scp", "--ignore", "--fork") as port:
            recipe.write_text(RECIPE.format(port=port, associations=1), encoding="utf-8")
            bake(recipe)
            files = sorted(map(str, (folder / "d").glob("*.dcm")))
            start = time.monotonic()
            subprocess.run(["dcmsend", "-aec", "SCP", "127.0.0.1", str(port), *files], check=True)
            _tell("dcmsend", count, time.monotonic() - start)
            for associations in (1, 2, 4):
                recipe.write_text(RECIPE.format(port=port, associations=associations), encoding="utf-8")
                for outbox in (folder / ".dicombake").glob("*.outbox*"):
                    outbox.unlink()
                planned = plan(load_recipe(recipe))
                start = time.monotonic()
                assert deliver_plan(planned).exit_status == 0
                _tell(f"dicombake, associations: {associations}", count, time.monotonic() - start)


def _tell(who: str, count: int, seconds: float) -> None:
    sys.stdout.write(f"{who:28} {count / seconds:7.1f} instances/s {3 * count / seconds:7.0f} MB/s\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
