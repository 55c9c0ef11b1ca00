"""How fast delivering and receiving are beside dcmtk: ``python -m tests.services.speed [INSTANCES]``.

On loopback, the same instances of 3 MB go from dcmsend and from us to a storescp that throws them away, and
from dcmsend to a storescp that writes them and to us.
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
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.watch.receive import Receiver

from .servers import free_port, storescp, wait_for

RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
destinations:
  there: {{to: dicom, host: 127.0.0.1, port: {port}, ae_title: SCP, associations: {associations}}}
receive: {{ae_title: SCP, port: {port}, into: received, allow: DCMSEND, limits: {{free_bytes: 1 MB}}}}
conversions:
  a:
    inputs: raw/*.npy
    source: array
    geometry: {{dpi: 100, sid: 1000}}
    exports: {{to: rt-image, path: "d/{{stem}}.dcm"}}
    deliver: there
"""


def main(count: int) -> None:
    """Make the instances, send and receive them, and print instances per second."""
    os.environ["TCP_NODELAY"] = "1"  # dcmtk otherwise waits 40 ms between two packets
    with tempfile.TemporaryDirectory(dir=os.environ.get("DICOMBAKE_SPEED_IN")) as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        rng = np.random.default_rng(1)
        for number in range(count):
            np.save(folder / f"raw/{number}.npy", rng.integers(0, 4000, (1225, 1225), dtype=np.uint16))
        recipe = folder / "r.yaml"
        theirs, ours = _sent(recipe, count)
        _compare("sending", ours / theirs)
        theirs, ours = _received(recipe, count)
        _compare("receiving, not synced,", ours / theirs)


def _sent(recipe: Path, count: int) -> tuple[float, float]:
    """Instances a second of dcmsend, and of two associations of ours (the default)."""
    folder, speed = recipe.parent, 0.0
    with storescp(shutil.which("storescp") or "storescp", folder / "scp", "--ignore", "--fork") as port:
        recipe.write_text(RECIPE.format(port=port, associations=1), encoding="utf-8")
        assert run_plan(plan(load_recipe(recipe))).exit_status == 0
        dcmsend = _dcmsend(folder, port, count, "dcmsend to storescp, thrown away")
        for associations in (1, 2):
            recipe.write_text(RECIPE.format(port=port, associations=associations), encoding="utf-8")
            for outbox in (folder / ".dicombake").glob("*.outbox*"):
                outbox.unlink()
            planned = plan(load_recipe(recipe))
            start = time.monotonic()
            assert deliver_plan(planned).exit_status == 0
            speed = _tell(f"dicombake to storescp, {associations} at once", count, time.monotonic() - start)
    return dcmsend, speed


def _received(recipe: Path, count: int) -> tuple[float, float]:
    """Instances a second to storescp, and to us without syncing, as storescp does."""
    folder, speeds = recipe.parent, []
    with storescp(shutil.which("storescp") or "storescp", folder / "kept") as port:
        storescp_speed = _dcmsend(folder, port, count, "dcmsend to storescp, written")
    shutil.rmtree(folder / "kept")
    for durable in (False, True):
        port = free_port()
        recipe.write_text(RECIPE.format(port=port, associations=1), encoding="utf-8")
        receiver = Receiver(load_recipe(recipe), folder, lambda event: None, lambda: None, durable=durable)
        with receiver.listening():
            wait_for(port)
            who = f"dcmsend to dicombake, {'synced' if durable else 'not synced'}"
            speeds.append(_dcmsend(folder, port, count, who))
        assert len(list((folder / "received").iterdir())) == count
        shutil.rmtree(folder / "received")
    return storescp_speed, speeds[0]


def _dcmsend(folder: Path, port: int, count: int, who: str) -> float:
    files = sorted(map(str, (folder / "d").glob("*.dcm")))
    start = time.monotonic()
    command = ["dcmsend", "-aet", "DCMSEND", "-aec", "SCP", "127.0.0.1", str(port), *files]
    subprocess.run(command, check=True)
    return _tell(who, count, time.monotonic() - start)


def _tell(who: str, count: int, seconds: float) -> float:
    sys.stdout.write(f"{who:36} {count / seconds:7.1f} instances/s {3 * count / seconds:7.0f} MB/s\n")
    sys.stdout.flush()
    return count / seconds


def _compare(what: str, ratio: float) -> None:
    sys.stdout.write(f"{what} at {ratio:.2f} of dcmtk's speed\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
