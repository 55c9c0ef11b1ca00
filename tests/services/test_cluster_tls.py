"""A scheduler that is spoken to under TLS, with Dask's own settings, and whoever has no certificate of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.run.workers.cluster.settings import ClusterSettings

from ..pipeline.run.made_plans import make_plan, shout
from .dask_cluster import dask_cluster

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        os.environ.get("DICOMBAKE_CLUSTER") != "1", reason="each wrong certificate waits: nox -s cluster"
    ),
]


def certificate(folder: Path, name: str, openssl: str) -> dict[str, str]:
    """Make a certificate that is its own authority; return Dask's settings that use it for every part."""
    key, cert = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subject = ["-subj", f"/CN={name}", "-keyout", key, "-out", cert]
    subprocess.run([openssl, "req", "-x509", *words, *subject], check=True, capture_output=True)
    found = {"distributed.comm.tls.ca-file": cert}
    for part in ("scheduler", "worker", "client"):
        found |= {f"distributed.comm.tls.{part}.cert": cert, f"distributed.comm.tls.{part}.key": key}
    return found


def variable(setting: str) -> str:
    """Return the variable of the environment that Dask reads a setting from."""
    return f"DASK_{setting.upper().replace('.', '__').replace('-', '_')}"


def test_a_cluster_under_tls(
    tmp_path: Path, checker: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    openssl = checker("openssl")
    ours, other = (certificate(tmp_path, name, openssl) for name in ("ours", "other"))
    files = {f"f{number}": "text" for number in range(4)}
    environment = {variable(name): value for name, value in ours.items()}
    monkeypatch.setattr("dicombake.pipeline.run.workers.cluster.connection.CONNECT_SECONDS", 5)
    with dask_cluster(1, environment=environment, scheme="tls") as cluster:
        options = RunOptions(cluster=ClusterSettings("dask", cluster.address))
        for settings in ({}, other):
            plan = make_plan(tmp_path / "refused", files)
            with dask.config.set(settings), pytest.raises(PlanError, match="no scheduler answers there"):
                run_plan(plan, options, work=shout)
            assert not (tmp_path / "refused/out").exists()
        with dask.config.set(ours):
            outcome = run_plan(make_plan(tmp_path / "done", files), options, work=shout)
    assert outcome.exit_status == 0
    assert {result.worker.partition(":")[0] for result in outcome.results} == {"tls"}
