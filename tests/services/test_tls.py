"""TLS with certificates made here: both sides show one, names are checked, strangers are refused."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from dicombake.pipeline.deliver.deliver import deliver_plan
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.watch.followed import Settings
from dicombake.pipeline.watch.receive import Receiver
from dicombake.pipeline.watch.watch import Watch

from ..support import bake
from .servers import free_port, storescp, wait_for

pytest.importorskip("pynetdicom")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("no_leftovers")]

RECIPE = """\
version: 1
destinations:
  there:
    {{to: dicom, host: {host}, port: {port}, ae_title: DICOMBAKE, calling_ae_title: BAKE, tries: 1, {tls}}}
receive:
  port: {port}
  into: received
  allow: BAKE
  tls: {{cert: server.pem, key: server.key, ca: ca.pem}}
  limits: {{free_bytes: 1 MB, idle: 5}}
conversions:
  a:
    inputs: raw/*.npy
    source: array
    geometry: {{dpi: 100, sid: 1000}}
    exports: {{to: rt-image, path: "d/{{stem}}.dcm"}}
    deliver: there
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory, checker: Callable[[str], str]) -> Path:
    """An authority, a server called localhost, a client; and a client of another authority."""
    folder, openssl = tmp_path_factory.mktemp("certificates"), checker("openssl")

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True)

    for authority in ("ca", "other-ca"):
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={authority}",
            "-keyout", f"{authority}.key", "-out", f"{authority}.pem")  # fmt: skip
    for name, authority in (("server", "ca"), ("client", "ca"), ("stranger", "other-ca")):
        (folder / "names").write_text("subjectAltName=DNS:localhost\n", encoding="utf-8")
        run(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            "csr",
        )
        run("x509", "-req", "-in", "csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip
    (folder / "raw").mkdir()
    np.save(folder / "raw/1.npy", np.arange(64, dtype=np.uint16).reshape(8, 8))
    return folder


MINE = "tls: {ca: ca.pem, cert: client.pem, key: client.key}"


@pytest.mark.parametrize(
    ("host", "tls", "state"),
    [
        ("localhost", MINE, "sent"),
        ("127.0.0.1", MINE, "pending"),
        ("localhost", "tls: {ca: other-ca.pem, cert: client.pem, key: client.key}", "pending"),
        ("localhost", "tls: {ca: ca.pem, cert: stranger.pem, key: stranger.key}", "pending"),
        ("localhost", "tls: {ca: ca.pem}", "pending"),
        ("localhost", "timeout: 5", "pending"),
    ],
    ids=["right", "another-name", "another-authority", "a-stranger", "no-certificate", "no-tls"],
)
def test_what_is_sent_and_received_over_tls(certificates: Path, host: str, tls: str, state: str) -> None:
    port = free_port()
    recipe = certificates / f"r{port}.yaml"
    recipe.write_text(
        RECIPE.format(host=host, port=port, tls=tls).replace('"d/', f'"d{port}/'), encoding="utf-8"
    )
    bake(recipe)
    receiver = Receiver(load_recipe(recipe), certificates / f"in{port}", lambda event: None, lambda: None)
    receiver.data.mkdir()
    with receiver.listening():
        (entry,) = deliver_plan(plan(load_recipe(recipe))).entries
    assert entry.state == state, entry.status
    assert len(list(receiver.data.rglob("*.dcm"))) == (state == "sent")


@pytest.mark.old_pydicom
def test_dcmtk_takes_it_over_tls(certificates: Path, tmp_path: Path, checker: Callable[[str], str]) -> None:
    names = [str(certificates / name) for name in ("server.key", "server.pem", "ca.pem")]
    with storescp(checker("storescp"), tmp_path / "scp", "+tls", names[0], names[1], "+cf", names[2]) as port:
        recipe = certificates / "dcmtk.yaml"
        text = RECIPE.format(host="localhost", port=port, tls=MINE).replace('"d/', '"dcmtk/')
        recipe.write_text(text, encoding="utf-8")
        bake(recipe)
        (entry,) = deliver_plan(plan(load_recipe(recipe))).entries
    assert (entry.state, len(list((tmp_path / "scp").iterdir()))) == ("sent", 1)


def test_where_nothing_listens_each_look_tries_again(certificates: Path, tmp_path: Path) -> None:
    """The new port is taken, and the authority's certificate of the last right one is gone."""
    port, events = free_port(), list[dict[str, Any]]()
    recipe, authority, away = tmp_path / "r.yaml", tmp_path / "ca.pem", tmp_path / "away.pem"
    for name in ("server.pem", "server.key", "ca.pem"):
        shutil.copy(certificates / name, tmp_path)
    whole = yaml.safe_load(RECIPE.format(host="localhost", port=port, tls=MINE))

    def edit(**changed: object) -> None:
        text = yaml.safe_dump({**whole, "receive": {**whole["receive"], **changed}})
        recipe.write_text(text, encoding="utf-8")

    def told() -> list[str]:
        events.clear()
        watch.step()
        return [event["message"].rpartition("; ")[2] for event in events if "receive: " in event["message"]]

    edit()
    watch = Watch([recipe], Settings(settle=1000), events.append)
    with watch.listening():
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = other.getsockname()[1]
            authority.rename(away)
            edit(port=taken)
            assert told() == ["nothing listens"] and told() == []
            away.rename(authority)
            assert told() == ["the last right one is kept"] and told() == []
            wait_for(port)
            authority.rename(away)
            edit(port=taken, ae_title="OTHER")
            assert told() == ["nothing listens"]
        away.rename(authority)
        edit(port=port, ae_title="OTHER")
        assert told() == ["receive: it listens again"] and told() == []
        wait_for(port)
