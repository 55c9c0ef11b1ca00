"""Which addresses are taken, and what is said where something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.errors import UsageError
from dicombake.pipeline.run.workers.cluster.settings import ClusterSettings, check_address
from typer.testing import CliRunner

RECIPE = "version: 1\nconversions: {a: {inputs: '*.npy', source: array, exports: {to: npy, path: o/a.npy}}}\n"


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://10.1.2.3:1", "tcp://172.31.0.1:1",
     "tcp://192.168.7.7:1", "tcp://[::1]:1", "tcp://[fd00::1]:1", "tcp://[fe80::1]:1", "tls://8.8.8.8:8786"],
)  # fmt: skip
def test_addresses_that_are_taken(address: str) -> None:
    check_address(address, insecure=False)


@pytest.mark.parametrize("address", ["tcp://8.8.8.8:8786", "tcp://172.32.0.1:1", "tcp://[2001:db8::1]:1"])
def test_addresses_beyond_private_networks_need_tls_or_a_word(address: str) -> None:
    with pytest.raises(
        UsageError, match=r"beyond loopback and private networks.*use tls://, or give --insec"
    ):
        check_address(address, insecure=False)
    check_address(address, insecure=True)


@pytest.mark.parametrize(
    "address",
    ["", "host:8786", "http://host:1", "tcp://host", "tcp://:1", "inproc://x:1", "tcp://[::1:1", "tcp://h:x"],
)
@pytest.mark.parametrize("insecure", [False, True])
def test_what_is_no_address(address: str, insecure: bool) -> None:
    with pytest.raises(
        UsageError, match="is no address of a scheduler; write tcp://HOST:8786 or tls://HOST:8786"
    ):
        check_address(address, insecure=insecure)


def test_the_extra_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicombake.pipeline.extras.find_spec", lambda name: None)
    (tmp_path / "r.yaml").write_text(RECIPE)
    for kind in ("dask", "slurm"):
        done = CliRunner().invoke(app, ["run", str(tmp_path / "r.yaml"), "--executor", kind])
        assert done.exit_code == 2
        assert done.output == (
            f"dicombake: --executor {kind}: needs the packages distributed and dask-jobqueue; "
            "pip install 'dicombake[cluster]'\n"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["r.yaml"]
    assert CliRunner().invoke(app, ["validate", str(tmp_path / "r.yaml")]).exit_code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--scheduler", "tcp://127.0.0.1:1"], "--scheduler: goes with --executor dask"),
        (["--insecure"], "--insecure: goes with --executor dask"),
        (["--executor", "dask", "--untrusted"], "--executor: does not go together with --untrusted"),
        (["--executor", "slurm", "--untrusted"], "--executor: does not go together with --untrusted"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, words: list[str], told: str) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    done = CliRunner().invoke(app, ["run", str(tmp_path / "r.yaml"), *words])
    assert (done.exit_code, told in done.output) == (2, True)


def test_a_scheduler_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    dask = pytest.importorskip("dask")
    with dask.config.set({"scheduler-address": None}), pytest.raises(UsageError) as caught:
        ClusterSettings("dask").check()
    assert str(caught.value) == (
        "--executor dask: needs the address of a scheduler; "
        "give --scheduler tcp://HOST:8786, or set DASK_SCHEDULER_ADDRESS"
    )
    with dask.config.set({"scheduler-address": "tcp://127.0.0.1:9"}):
        assert ClusterSettings("dask").address() == "tcp://127.0.0.1:9"
    with pytest.raises(UsageError, match="goes with --executor dask"):
        ClusterSettings("slurm", "tcp://127.0.0.1:9").check()
