"""A Dask cluster does what one machine does: the contract, the bytes, and who is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import tifffile
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import Unwatched, run_plan
from dicombake.pipeline.run.unit.results import UnitResult
from dicombake.pipeline.run.workers.cluster.settings import ClusterSettings

from ..pipeline.run.made_plans import make_plan, shout
from ..pipeline.run.test_run import tree
from ..pipeline.run.workers.contract import CONTRACT, Case
from ..support import bake
from .dask_cluster import ROOT, DaskCluster, dask_cluster
from .servers import free_port

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def cluster() -> Iterator[DaskCluster]:
    with dask_cluster(2, environment={"BAKE_SITE": "LINAC7"}) as found:
        yield found


def options(cluster: DaskCluster, **more: object) -> RunOptions:
    return RunOptions(cluster=ClusterSettings("dask", cluster.address), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("keeps", CONTRACT, ids=lambda keeps: keeps.__name__)
def test_a_cluster_keeps_the_contract_of_executors(
    cluster: DaskCluster, tmp_path: Path, keeps: Callable[[Case], None]
) -> None:
    keeps(Case(tmp_path, options(cluster)))


RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  film:
    inputs: raw/*.tif
    source: image
    geometry: {dpi: 100, sid: 1000}
    tags: {StationName: "{env.BAKE_SITE}"}
    exports: {to: rt-image, path: "d/{stem}.dcm"}
  sum:
    inputs: raw/*.tif
    source: image
    combine: mean
    geometry: {dpi: 100, sid: 1000}
    exports: {to: rt-image, path: mean.dcm}
  volume:
    inputs: v.npy
    source: {format: volume, slice_axis: 0, spacing: [1, 1, 1], units: hu}
    exports: {to: ct-series, path: "ct/{slice}.dcm"}
  picture: {inputs: raw/*.tif, source: image, exports: {to: png, path: "p/{stem}.png"}}
  again: {inputs: {from: film}, source: dicom, exports: {to: npy, path: "n/{stem}.npy"}}
"""


def project(folder: Path, count: int = 12) -> Path:
    """A recipe over chains, ranges of slices and combined files, with its inputs."""
    rng = np.random.default_rng(5)
    (folder / "raw").mkdir(parents=True)
    for number in range(count):
        pixels = rng.integers(0, 4000, (60, 40), dtype=np.uint16)
        tifffile.imwrite(folder / f"raw/f{number:03d}.tif", pixels, resolution=(100, 100), resolutionunit=2)
    np.save(folder / "v.npy", rng.integers(-500, 500, (40, 20, 20), dtype=np.int16))
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return folder / "r.yaml"


def made(recipe: Path) -> dict[str, bytes]:
    """The lock, and every output."""
    return {path: content for path, content in tree(recipe.parent).items() if not path.startswith("raw/")}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes of the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BAKE_SITE", "LINAC7")
        recipe = project(tmp_path_factory.mktemp("reference"))
        assert bake(recipe).exit_status == 0
        return made(recipe)


def test_it_makes_the_same_bytes_and_the_same_lock(
    cluster: DaskCluster, reference: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKE_SITE", "LINAC7")
    recipe = project(tmp_path / "it")
    outcome = run_plan(plan(load_recipe(recipe)), options(cluster))
    assert outcome.exit_status == 0 and len({result.worker for result in outcome.results}) > 1
    assert made(recipe) == reference


def test_a_recipe_is_run_by_the_command_from_any_folder(
    cluster: DaskCluster, reference: dict[str, bytes], tmp_path: Path
) -> None:
    project(tmp_path / "it")
    words = ["run", "it/r.yaml", "--executor", "dask", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "dicombake.pipeline.cli", *words],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "BAKE_SITE": "LINAC7", "DASK_SCHEDULER_ADDRESS": cluster.address},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["exit_status"] == 0
    assert made(tmp_path / "it/r.yaml") == reference


class Telling(Unwatched):
    """Keeps what is told of the workers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def told(self, line: str) -> None:
        self.lines.append(line)


def refusal(cluster: DaskCluster, recipe: Path) -> list[str]:
    """Why a run does not begin; nothing was written then."""
    before = tree(recipe.parent)
    with pytest.raises(PlanError) as caught:
        run_plan(plan(load_recipe(recipe)), options(cluster))
    assert tree(recipe.parent) == before
    return list(caught.value.lines)


def test_workers_that_would_do_something_else_are_refused(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKE_SITE", "LINAC7")
    recipe = project(tmp_path / "it")
    other = tmp_path / "other"
    for name, number in (("pydicom", "2.99"), ("imagecodecs", "1999.1")):
        (other / f"{name}-{number}.dist-info").mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
        (other / f"{name}-{number}.dist-info/METADATA").write_text(text)
    changed = {"BAKE_SITE": "LINAC8", "PYTHONPATH": f"{other}{os.pathsep}{ROOT}"}
    with cluster.another(changed) as address:
        found = refusal(cluster, recipe)
        ours = {name: version(name) for name in ("pydicom", "imagecodecs")}
        assert sorted(found) == sorted(
            [
                f"worker {address} has pydicom 2.99, this machine {ours['pydicom']}",
                f"worker {address} has imagecodecs 1999.1, this machine {ours['imagecodecs']}",
                f"worker {address} has another value of {{env.BAKE_SITE}} in its own environment",
            ]
        )


def test_a_worker_that_sees_other_folders_is_one_message(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAKE_SITE", "LINAC7")
    recipe = project(tmp_path / "it")
    mounted = f'mount -t tmpfs none {recipe.parent} && exec "$@"'
    enter = ["unshare", "-m", "sh", "-c", mounted, "sh"]
    tried = [*enter[:2], "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(tried, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount anything in a namespace of its own")
    with cluster.another({}, *enter) as address:
        time.sleep(1.1)  # else the folder may be of the second of the one that is mounted over it
        found = refusal(cluster, recipe)
    assert found == [
        f"worker {address} sees another folder of data and outputs at {recipe.parent}: it is not on a file "
        "system that both share; give workers the environment and the folders of this program"
    ]


def test_one_that_comes_later_and_would_do_something_else_is_told_and_not_used(
    cluster: DaskCluster, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "pydicom-2.99.dist-info").mkdir(parents=True)
    (other / "pydicom-2.99.dist-info/METADATA").write_text("Name: pydicom\nVersion: 2.99\n")
    files = {f"f{number:03d}": "hold" for number in range(60)}
    late: list[str] = []

    class Adding(Telling):
        def finished(self, unit: object, result: UnitResult) -> None:
            if not late:
                late.append(stack.enter_context(cluster.another({"PYTHONPATH": f"{other}:{ROOT}"})))

    with ExitStack() as stack:
        told = Adding()
        outcome = run_plan(make_plan(tmp_path / "it", files), options(cluster), told, work=shout)
    assert outcome.exit_status == 0
    assert late[0] not in {result.worker for result in outcome.results}
    assert f"not used: worker {late[0]} has pydicom 2.99, this machine {version('pydicom')}" in told.lines


def test_a_unit_that_kills_three_workers_has_failed_and_the_others_are_done(tmp_path: Path) -> None:
    files = {f"f{number:02d}": "text" for number in range(30)} | {"killer": "die", "last": "fine"}
    plan = make_plan(tmp_path / "it", files, needs={"last": ["killer"]})
    with dask_cluster(4) as cluster:
        outcome = run_plan(plan, options(cluster), work=shout)
        died = [worker.returncode for worker in cluster.workers if worker.poll() is not None]
    assert died == [9, 9, 9]
    found = {result.unit: result.status for result in outcome.results}
    assert [name for name, status in found.items() if status != "written"] == ["killer", "last"]
    (error,) = [result.error for result in outcome.results if result.unit == "killer"]
    assert str(error) == (
        "3 workers died while they did it, most likely for want of memory or by a crash in a codec; "
        "try it alone with --jobs 1 --only"
    )
    assert list(tmp_path.rglob("*.part")) == []


def test_no_scheduler_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicombake.pipeline.run.workers.cluster.connection.CONNECT_SECONDS", 1)
    settings = ClusterSettings("dask", f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(PlanError, match="no scheduler answers there"):
        run_plan(make_plan(tmp_path, {"a": "one"}), RunOptions(cluster=settings), work=shout)
    assert not (tmp_path / "out").exists() and not (tmp_path / "fake.lock").exists()
