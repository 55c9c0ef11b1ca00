"""Inputs and outputs in an object store, and the workers of a cluster: each finds its own way there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dicombake.pipeline.places.url import where
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.run.workers.cluster.settings import ClusterSettings

from ...support import bake
from ..dask_cluster import dask_cluster
from .trees import RECIPE, Bucket, hashes, tree

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        os.environ.get("DICOMBAKE_CLUSTER") != "1", reason="stores and clusters together: nox -s stores"
    ),
]


def test_a_cluster_over_a_store_is_one_machine_over_a_folder(bucket: Bucket, tmp_path: Path) -> None:
    for name in ("local", "remote"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "r.yaml").write_text(RECIPE, encoding="utf-8")
    local, remote = tmp_path / "local", tmp_path / "remote/r.yaml"
    tree(local / "data")
    bucket.fill(local / "data", "in")
    bake(local / "r.yaml", local / "data", local / "out")
    places = {"data": where(bucket.url("in")), "out": where(bucket.url("out"))}
    with dask_cluster(2) as cluster:
        options = RunOptions(cluster=ClusterSettings("dask", cluster.address))
        done = run_plan(plan(load_recipe(remote), **places), options)
        again = run_plan(plan(load_recipe(remote), **places), options)
    assert done.exit_status == 0, [str(each.error) for each in done.results if each.error]
    assert {each.worker.partition(":")[0] for each in done.results} == {"tcp"}
    assert again.count("current") == len(again.results)
    assert bucket.hashes("out") == hashes(local / "out")
    assert remote.with_suffix(".lock").read_bytes() == (local / "r.lock").read_bytes()
