"""Each fault: done at many moments, and what must hold afterwards. A figure of tries comes back."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from dicombake.pipeline.api import run
from dicombake.pipeline.errors import DicombakeError

from .moments import Moments
from .project import COMMAND, Project

MOMENTS = (sys.executable, "-m", "tests.faults.moments")
ROOT = Path(__file__).resolve().parents[2]


def killed_at_every_call(project: Project, step: int) -> int:
    """The process is killed before each call that changes the file system (every `step`-th)."""
    number = 1
    while True:
        project.again()
        done = project.call(before=(*MOMENTS, str(number)))
        if done.returncode == 0:
            assert int(done.stdout) < number, "the moment was passed"
            return (number - 1) // step
        assert done.returncode == -signal.SIGKILL, done.stderr
        project.assert_nothing_half_written()
        project.assert_goes_on()
        number += step


def killed_at_random(project: Project, tries: int, whom: str) -> int:
    """The program, a worker of it or the server that starts workers is killed at some moment of its life.

    Only moments at which there was one to kill are counted: the workers of a small recipe do not live long.
    """
    dice = random.Random(whom)
    begun, ended = _life(project, whom)
    killed = 0
    for _ in range(10 * tries):
        if killed == tries:
            break
        project.again()
        with _running(project) as process:
            _await(process, whom)
            time.sleep(dice.uniform(0, ended - begun))
            victims = [] if process.poll() is not None else _victims(process.pid, whom)
            for victim in victims:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            said, _ = process.communicate(timeout=300)
        killed += bool(victims)
        assert "Traceback" not in said.replace("forkserver", "") or process.returncode < 0, said
        assert "Aborted" not in said, said
        project.assert_nothing_half_written()
        project.assert_goes_on()
    return killed


def _running(project: Project) -> subprocess.Popen[str]:
    command = [*COMMAND, "run", "--jobs", "2", str(project.folder / "r.yaml")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _life(project: Project, whom: str) -> tuple[float, float]:
    """When the first of them was seen, and when none was left, in a run that nobody disturbs."""
    project.again()
    with _running(project) as process:
        _await(process, whom)
        begun = time.monotonic()
        while process.poll() is None and _victims(process.pid, whom):
            time.sleep(0.002)
        ended = time.monotonic()
        process.communicate(timeout=300)
    return begun, ended


def _await(process: subprocess.Popen[str], whom: str) -> None:
    while process.poll() is None and not _victims(process.pid, whom):
        time.sleep(0.002)


def _victims(program: int, whom: str) -> list[int]:
    if whom == "program":
        return [program]
    servers = [pid for pid in _children(program) if "forkserver" in _command(pid)]
    return servers if whom == "server" else [pid for server in servers for pid in _children(server)]


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def foreign_at_every_call(project: Project, step: int, watch: list[Moments]) -> int:
    """Somebody puts a file at an output's name before each call; it is there for ever after.

    `watch`: what the caller's audit hook asks.
    """
    name, mine = "out/1.npy", b"somebody's own"
    number = 1
    while True:
        project.again()
        placed: list[bool] = []

        def put(placed: list[bool] = placed) -> None:
            watch.clear()
            path = project.folder / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(mine)
                placed.append(True)

        moments = Moments(number, put)
        watch[:] = [moments]
        with contextlib.suppress(DicombakeError):
            run(project.folder / "r.yaml")
        watch.clear()
        if moments.count < number:
            return (number - 1) // step
        for _ in range(2 if placed else 0):
            assert (project.folder / name).read_bytes() == mine
            with contextlib.suppress(DicombakeError):
                run(project.folder / "r.yaml")
        number += step


def little_space(project: Project, mount: Path, step: int) -> int:
    """The disk of recipe, state and outputs has this little left: one sentence, and the next run goes on."""
    tries = 0
    for free in range(0, 200, 4 * step):
        with _tmpfs(mount):
            shutil.copytree(project.again().folder, mount / "project")
            small = Project(mount / "project", project.wanted)
            _leave(mount, free * 1024)
            done = small.call("run", "--quiet", "--jobs", "1")
            (mount / "filler").unlink()
            assert done.returncode in (0, 1), done
            assert "Traceback" not in done.stderr, done.stderr
            small.assert_nothing_half_written()
            small.assert_goes_on()
            tries += 1
            if done.returncode == 0:
                return tries
    raise AssertionError("it never fitted")


@contextlib.contextmanager
def _tmpfs(mount: Path) -> Iterator[None]:
    mount.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def _leave(mount: Path, free: int) -> None:
    found = os.statvfs(mount)
    (mount / "filler").write_bytes(b"x" * max(0, found.f_bavail * found.f_bsize - free))
