"""What stores and networks do wrong: nothing is lost, doubled or damaged, and nothing of others overwritten.

The numbers are those of docs/object-stores.md; ``nox -s stores`` makes them with more objects and tries.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from dicombake.pipeline.api import Outcome, run
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.errors import ExitStatus
from typer.testing import CliRunner

from .server import Fault, Proxy, Request, slow
from .trees import FILM, Bucket, films, hashes

TRIES = int(os.environ.get("DICOMBAKE_STORE_TRIES", "1"))
"""How often each fault is tried; the night's session says more."""
FILMS = 4 if TRIES == 1 else 12
FOREIGN = "dicom/foreign.dcm"


class Case(NamedTuple):
    """A recipe whose inputs lie in a bucket, and what its outputs are."""

    recipe: Path
    bucket: Bucket
    wanted: dict[str, str]

    def go(self, **options: bool) -> Outcome:
        """Run it once."""
        return run(self.recipe, data=self.bucket.url("in"), out=self.bucket.url("out"), **options)

    def found(self) -> dict[str, str]:
        """The objects that are there, but for the one of somebody else."""
        return {path: sha256 for path, sha256 in self.bucket.hashes("out").items() if path != FOREIGN}

    def tell(self, fault: str, overwritten: int = 0) -> None:
        """Print a line of the docs' table: what is there now, against what should be."""
        found = self.found()
        lost, more = self.wanted.keys() - found.keys(), found.keys() - self.wanted.keys()
        damaged = [path for path in self.wanted.keys() & found.keys() if found[path] != self.wanted[path]]
        overwritten += self.bucket.content(f"out/{FOREIGN}") != b"foreign"
        numbers = (TRIES, TRIES * len(self.wanted), len(lost), len(more), len(damaged), overwritten)
        assert numbers[2:] == (0, 0, 0, 0)
        sys.stdout.write(f"\n| {fault} | {' | '.join(map(str, numbers))} |\n")


@pytest.fixture
def case(bucket: Bucket, tmp_path: Path) -> Case:
    films(tmp_path / "local" / "data", FILMS)
    bucket.fill(tmp_path / "local" / "data", "in")
    bucket.put(f"out/{FOREIGN}", b"foreign")
    for where in ("local", "remote"):
        (tmp_path / where).mkdir(exist_ok=True)
        (tmp_path / where / "r.yaml").write_text(FILM)
    run(tmp_path / "local/r.yaml", data=tmp_path / "local/data", out=tmp_path / "local/out")
    return Case(tmp_path / "remote/r.yaml", bucket, hashes(tmp_path / "local/out"))


def fails_with(status: int, code: str) -> Fault:
    def fault(request: Request) -> bool:
        request.refuse(status, code)
        return True

    return fault


def dropped(request: Request) -> bool:
    request.drop()
    return True


def answer_lost(request: Request) -> bool:
    """Do it, and say nothing."""
    if request.method not in ("PUT", "DELETE"):
        return False
    request.passed_on()
    request.drop()
    return True


def cut(request: Request) -> bool:
    """Send half of a body."""
    if not request.is_of("GET"):
        return False
    status, headers, body = request.passed_on()
    request.answer(status, headers, body, cut=len(body) // 2 + 1)
    return True


def damaged_on_its_way(request: Request) -> bool:
    """Change a byte of what is sent; the store sees that it is not what the checksum says."""
    if not request.is_of("PUT"):
        return False
    request.body = request.body[:-1] + bytes([request.body[-1] ^ 1])
    if not request.is_damaged():
        return False
    request.refuse(400, "BadDigest")
    return True


TRANSIENT: dict[str, Fault] = {
    "503 SlowDown": fails_with(503, "SlowDown"),
    "500 InternalError": fails_with(500, "InternalError"),
    "429 throttled": fails_with(429, "TooManyRequests"),
    "409 conflict of two writers": fails_with(409, "ConditionalRequestConflict"),
    "connection dropped": dropped,
    "answer to a write lost": answer_lost,
    "body cut short": cut,
    "upload damaged on its way": damaged_on_its_way,
    "slow answers": slow(0.3),
}


SIMILAR = {"500 InternalError", "429 throttled", "409 conflict of two writers", "slow answers"}
"""Those of which another stands for the kind, so that they are caused at night alone."""


@pytest.mark.parametrize(
    "name", TRANSIENT if TRIES > 1 else [each for each in TRANSIENT if each not in SIMILAR]
)
def test_what_passes_is_tried_again(name: str, case: Case, network: Proxy) -> None:
    chosen = random.Random(name)
    for _ in range(TRIES):
        network.faults.clear()

        def now_and_then(request: Request) -> bool:
            return chosen.random() < 0.3 and TRANSIENT[name](request)

        network.faults.append(now_and_then)
        outcome = case.go(force=True)
        tries = 0
        while outcome.exit_status != 0 and tries < 5:  # every try of one call met the fault: it says so
            assert all("does not answer" in str(r.error) for r in outcome.results if r.error), outcome
            outcome, tries = case.go(), tries + 1
        assert outcome.exit_status == 0, outcome
        network.faults.clear()
        assert case.found() == case.wanted
    case.tell(name)


def test_what_does_not_pass_is_told_once_with_bucket_and_key(case: Case, network: Proxy) -> None:
    network.faults.append(
        lambda request: request.is_of("PUT", "a1.") and fails_with(403, "AccessDenied")(request)
    )
    network.requests.clear()
    outcome = case.go()
    assert outcome.exit_status == ExitStatus.FAILED
    (error,) = [str(result.error) for result in outcome.results if result.error]
    assert f"{case.bucket.name}/out/dicom/a1.dcm: access denied" in error
    assert (
        len([each for each in network.requests if each == ("PUT", f"{case.bucket.name}/out/dicom/a1.dcm")])
        == 1
    )
    network.faults.clear()
    assert case.found().keys() == case.wanted.keys() - {"dicom/a1.dcm"}
    assert case.go().exit_status == 0
    assert case.found() == case.wanted


def test_a_store_that_is_gone_ends_the_run_and_loses_nothing(case: Case, network: Proxy) -> None:
    assert case.go().exit_status == 0
    lock = case.recipe.with_suffix(".lock").read_bytes()
    network.faults.append(dropped)
    at = ["--data", case.bucket.url("in"), "--out", case.bucket.url("out")]
    for command in ("plan", "run", "check"):
        result = CliRunner().invoke(app, [command, str(case.recipe), *at])
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert f"s3://{case.bucket.name}/in: the store does not answer" in line
    network.faults.clear()
    assert case.recipe.with_suffix(".lock").read_bytes() == lock
    assert case.found() == case.wanted


def test_a_damaged_object_is_deleted_where_the_store_does_not_look(case: Case, network: Proxy) -> None:
    def damage(request: Request) -> bool:
        if request.is_of("PUT", "a2"):
            request.body = request.body[:-1] + bytes([request.body[-1] ^ 1])
            request.headers = {
                name: value for name, value in request.headers.items() if "checksum" not in name.lower()
            }
        return False

    network.faults.append(damage)
    outcome = case.go()
    (error,) = [str(result.error) for result in outcome.results if result.error]
    assert "damaged in the store and was deleted" in error
    network.faults.clear()
    assert case.found() == {path: sha for path, sha in case.wanted.items() if "a2" not in path}


def test_what_somebody_else_put_there_meanwhile_stays(case: Case, network: Proxy) -> None:
    """Between our looking and our writing, and between our writing and our reading back."""

    def before(request: Request) -> bool:
        if request.is_of("PUT", "a0"):
            case.bucket.put("out/dicom/a0.dcm", b"foreign")
        return False

    def behind(request: Request) -> bool:
        if not request.is_of("PUT", "a1."):
            return False
        answer = request.passed_on()
        case.bucket.put("out/dicom/a1.dcm", b"foreign")
        request.answer(*answer)
        return True

    network.once(behind)
    network.faults.append(before)
    outcome = case.go()
    network.faults.clear()
    errors = [str(result.error) for result in outcome.results if result.error]
    assert len(errors) == 2
    assert "exists and was not written by this recipe" in errors[0]
    assert "was replaced by somebody else" in errors[1]
    assert case.bucket.content("out/dicom/a0.dcm") == b"foreign"
    assert case.bucket.content("out/dicom/a1.dcm") == b"foreign"
    overwritten = sum(case.bucket.content(f"out/dicom/a{index}.dcm") != b"foreign" for index in (0, 1))
    there = json.dumps(sorted(case.found().items()))
    again = CliRunner().invoke(
        app, ["run", str(case.recipe), "--data", case.bucket.url("in"), "--out", case.bucket.url("out")]
    )
    assert again.exit_code == ExitStatus.WRONG
    assert "in the way that this recipe did not write" in again.stderr
    assert json.dumps(sorted(case.found().items())) == there
    assert case.go(overwrite=True).exit_status == 0
    assert case.found() == case.wanted
    case.tell("another writer at the same moment", overwritten)


def test_an_input_that_changes_while_it_is_read_fails_its_unit(case: Case, network: Proxy) -> None:
    def change(request: Request) -> bool:
        if not request.is_of("GET", "a3"):
            return False
        status, headers, body = request.passed_on()
        case.bucket.put("in/raw/a3.tif", body[:-1] + b"\x01")
        request.answer(status, headers, body, cut=len(body) // 2)
        return True

    network.once(change)
    outcome = case.go()
    (error,) = [str(result.error) for result in outcome.results if result.error]
    assert "a3.tif: changed while it was read" in error
    assert "dicom/a3.dcm" not in case.found()


def test_a_killed_run_goes_on(case: Case, network: Proxy) -> None:
    """At random moments; the last run makes what is left, and all is there once, as it should be."""
    chosen = random.Random(3)
    network.faults.append(slow(0.05))
    command = [
        sys.executable, "-m", "dicombake.pipeline.cli", "run", str(case.recipe), "--jobs", "1",
        "--data", case.bucket.url("in"), "--out", case.bucket.url("out"),
    ]  # fmt: skip
    for _ in range(2 * TRIES):
        killed_at_some_write(command, network, chosen.random() * 0.5)
        assert case.found().items() <= case.wanted.items()
    network.faults.clear()
    assert case.go().exit_status == 0
    assert case.found() == case.wanted
    case.tell("our process killed, twice each")


def killed_at_some_write(command: list[str], network: Proxy, seconds: float) -> None:
    """Start a run, and kill it so long after it began to write."""

    def writes() -> int:
        return sum(method == "PUT" for method, _ in list(network.requests))

    began, deadline = writes(), time.monotonic() + 60
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and writes() == began and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(seconds)
    process.kill()
    process.wait()
