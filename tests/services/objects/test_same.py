"""A recipe over an object store: the bytes, the lock and the exit statuses are those of local files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dicombake.pipeline.api import ExitStatus, check, plan, run
from dicombake.pipeline.cli.main import app
from typer.testing import CliRunner, Result

from .server import Proxy
from .trees import FILM, RECIPE, Bucket, films, hashes, tree


def cli(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "remote").mkdir()
    file = tmp_path / "remote" / "r.yaml"
    file.write_text(RECIPE)
    return file


def test_the_server_keeps_conditions(client: Any, bucket: Bucket) -> None:
    """What all others rest on: some versions of some servers answer 500, or 200."""

    def status(**options: Any) -> int:
        try:
            client.put_object(Bucket=bucket.name, Key="a", **options)
        except client.exceptions.ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    assert status(Body=b"1", IfNoneMatch="*") == 200
    tag = client.head_object(Bucket=bucket.name, Key="a")["ETag"]
    assert status(Body=b"2", IfNoneMatch="*") == 412
    assert status(Body=b"2", IfMatch='"0"') == 412
    assert status(Body=b"2", IfMatch=tag) == 200
    assert bucket.content("a") == b"2"


def test_bytes_lock_and_statuses_are_those_of_local_files(
    bucket: Bucket, recipe: Path, tmp_path: Path, network: Proxy
) -> None:
    local = tmp_path / "local"
    tree(local / "data")
    bucket.fill(local / "data", "in/here")
    (local / "r.yaml").write_text(RECIPE)
    here = run(local / "r.yaml", data=local / "data", out=local / "out")
    data, out = bucket.url("in/here"), bucket.url("out")
    there = run(recipe, data=data, out=out)
    assert there.exit_status == here.exit_status == 0, there
    assert bucket.hashes("out") == hashes(local / "out")
    assert recipe.with_suffix(".lock").read_bytes() == (local / "r.lock").read_bytes()
    assert not (recipe.parent / "out").exists()

    network.requests.clear()
    assert run(recipe, data=data, out=out).count("current") == len(there.results)
    assert not [request for request in network.requests if request[0] == "PUT"]
    fresh = check(plan(recipe, data=data, out=out))
    assert (fresh.exit_status, fresh.count("fresh")) == (0, len(hashes(local / "out")))

    (path, *_) = bucket.keys("out/dicom/")
    bucket.put(path, b"altered")
    bucket.client.delete_object(Bucket=bucket.name, Key="out/ct/v/007.dcm")
    changed = check(plan(recipe, data=data, out=out))
    assert changed.exit_status == ExitStatus.DIFFERENT
    assert (changed.count("altered"), changed.count("missing")) == (1, 1)
    assert run(recipe, data=data, out=out).exit_status == 0
    assert bucket.hashes("out") == hashes(local / "out")


def test_a_pool_finds_its_own_credentials(bucket: Bucket, tmp_path: Path) -> None:
    films(tmp_path / "data", 6)
    bucket.fill(tmp_path / "data", "in")
    for where in ("one", "two"):
        (tmp_path / where).mkdir()
        (tmp_path / where / "r.yaml").write_text(FILM)
    run(tmp_path / "one/r.yaml", data=tmp_path / "data")
    done = run(tmp_path / "two/r.yaml", data=bucket.url("in"), out=bucket.url("out"), jobs=2)
    assert done.exit_status == 0, done
    assert bucket.hashes("out/dicom") == hashes(tmp_path / "one/dicom")
    assert (tmp_path / "two/r.lock").read_bytes() == (tmp_path / "one/r.lock").read_bytes()


def test_no_credential_is_kept_or_told(
    bucket: Bucket, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    films(tmp_path / "data", 1)
    bucket.fill(tmp_path / "data", "in")
    (tmp_path / "r.yaml").write_text(FILM)
    at = ["--data", bucket.url("in"), "--out", bucket.url("out")]
    for command in (["run", "--json"], ["run", "--verbose"], ["plan", "--json"], ["check", "--json"]):
        result = cli(command[0], str(tmp_path / "r.yaml"), *at, *command[1:])
        assert result.exit_code == 0, result.output
        assert "AKIDOFTHETEST" not in result.output
    files = [file for file in tmp_path.rglob("*") if file.is_file() and "data" not in file.parts]
    assert {file.name for file in files} >= {"r.lock", "r.sqlite"}
    for file in files:
        content = file.read_bytes()
        assert b"AKIDOFTHETEST" not in content
        assert b"verysecret" not in content


def test_orphans_are_pruned_and_foreign_objects_stay(bucket: Bucket, tmp_path: Path) -> None:
    films(tmp_path / "data", 4)
    bucket.fill(tmp_path / "data", "in")
    (tmp_path / "r.yaml").write_text(FILM)
    at = [str(tmp_path / "r.yaml"), "--data", bucket.url("in"), "--out", bucket.url("out")]
    assert cli("run", *at).exit_code == 0
    bucket.put("out/dicom/foreign.dcm", b"foreign")
    bucket.client.delete_object(Bucket=bucket.name, Key="in/raw/a3.tif")
    result = cli("run", *at, "--prune", "--yes", "--json")
    assert json.loads(result.stdout)["runs"][0]["orphans"] == [
        {"path": "dicom/a3.dcm", "pruned": True, "why": None}
    ]
    assert bucket.keys("out/dicom/") == [
        *(f"out/dicom/a{index}.dcm" for index in range(3)),
        "out/dicom/foreign.dcm",
    ]


def test_many_keys_are_listed_by_pages(
    bucket: Bucket, tmp_path: Path, network: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that no glob names are not kept, and a beginning that is named narrows what is asked for."""
    from dicombake.pipeline.places.objects import ObjectPlace
    from dicombake.pipeline.places.s3 import S3Client

    for index in range(30):
        bucket.put(f"in/raw/{'x' if index % 3 else 'a'}{index:02d}.tif", b"")
    asked = S3Client._call
    monkeypatch.setattr(
        S3Client,
        "_call",
        lambda self, name, **options: asked(
            self, name, **(options | ({"MaxKeys": 4} if name == "list_objects_v2" else {}))
        ),
    )
    (tmp_path / "r.yaml").write_text(FILM.replace("raw/*.tif", "raw/a*.tif"))
    network.requests.clear()
    made = plan(tmp_path / "r.yaml", data=bucket.url("in"))
    assert [unit.inputs[0].path for unit in made.units] == [
        f"raw/a{index:02d}.tif" for index in range(0, 30, 3)
    ]
    place = made.remote["data"]
    assert isinstance(place, ObjectPlace)
    assert len(place._known) == 10
    assert len(network.requests) == 5  # is there anything; the folder raw; three pages of the ten names
