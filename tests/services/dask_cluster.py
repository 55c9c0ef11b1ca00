"""A Dask cluster for tests: on loopback, or each host in a network namespace with an address of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from .servers import free_port

ROOT = Path(__file__).resolve().parents[2]
QUIET = {
    "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h",
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "0.95",
    "OPENBLAS_NUM_THREADS": "1",
}


def no_namespaces() -> str:
    """Why network namespaces cannot be made here; empty where they can."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        return "hosts of their own need Linux and the program ip (iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"bake{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"network namespaces cannot be made here ({made.stderr.strip()})"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


@dataclass
class Host:
    """Where a process runs: its network namespace, and its address there."""

    namespace: str = ""
    address: str = "127.0.0.1"
    cable: str = ""
    """The end of its cable at the switch."""

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *words] if self.namespace else [*words]

    def plug(self, *, in_: bool) -> None:
        """Pull its cable, or plug it in again."""
        subprocess.run(["ip", "link", "set", self.cable, "up" if in_ else "down"], check=True)


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Hosts on one switch, each in a network namespace of its own."""
    mark = f"{os.getpid() % 46656:x}"
    switch, net = f"bk{mark}", f"10.{100 + os.getpid() % 100}.{os.getpid() % 250}"
    made = []
    try:
        _ip("link", "add", switch, "type", "bridge")
        _ip("addr", "add", f"{net}.1/24", "dev", switch)
        _ip("link", "set", switch, "up")
        for number in range(count):
            host = Host(f"{switch}n{number}", f"{net}.{number + 2}", f"{switch}v{number}")
            made.append(host)
            _ip("netns", "add", host.namespace)
            _ip("link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
            _ip("link", "set", host.cable, "master", switch, "up")
            _ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
            _ip("-n", host.namespace, "link", "set", "eth0", "up")
            _ip("-n", host.namespace, "link", "set", "lo", "up")
        yield made
    finally:
        for host in made:
            subprocess.run(["ip", "netns", "del", host.namespace], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", switch], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@dataclass
class DaskCluster:
    """A scheduler and its workers, each a process of its own."""

    folder: Path
    scheduler_host: Host
    worker_hosts: Sequence[Host]
    options: tuple[str, ...] = ("--no-nanny",)
    environment: dict[str, str] = field(default_factory=dict)
    scheme: str = "tcp"
    port: int = field(default_factory=free_port)
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.scheme}://{self.scheduler_host.address}:{self.port}"

    def start(self) -> None:
        self.start_scheduler()
        self.workers = [self._worker(number) for number in range(len(self.worker_hosts))]

    def start_scheduler(self) -> None:
        host = self.scheduler_host
        words = ["--host", host.address, "--port", str(self.port), "--no-dashboard", "--no-show"]
        words += ["--protocol", self.scheme]
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *words]
        self.scheduler = self._process(host, "scheduler", command)

    def present(self) -> set[str]:
        """The addresses of the workers that the scheduler knows."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return set(client.nthreads())

    @contextmanager
    def another(self, environment: dict[str, str], *before: str) -> Iterator[str]:
        """One more worker, on the first one's host, started by the program `before`; its address."""
        host, port = self.worker_hosts[0], free_port()
        address = f"tcp://{host.address}:{port}"
        process = self._worker(0, *before, port=port, environment=environment)
        try:
            until(lambda: address in self.present())
            yield address
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            until(lambda: address not in self.present())

    def restart_worker(self, number: int) -> None:
        """Start a worker again, as a nanny or a service does."""
        self.workers[number].wait()
        self.workers[number] = self._worker(number)

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _worker(
        self, number: int, *before: str, port: int = 0, environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        host = self.worker_hosts[number]
        address = (
            ["--listen-address", f"{self.scheme}://{host.address}:{port}"]
            if port
            else ["--host", host.address]
        )
        words = [
            self.address, *address, "--nthreads", "1", "--no-dashboard",
            "--local-directory", str(self.folder / "dask"), *self.options,
        ]  # fmt: skip
        command = [*before, sys.executable, "-m", "distributed.cli.dask_worker", *words]
        return self._process(host, f"worker-{number}", command, environment)

    def _process(
        self, host: Host, name: str, command: Sequence[str], environment: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        both = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), **self.environment, **(environment or {})}
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                host.command(*command), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True, cwd=self.folder, env=both,
            )  # fmt: skip


@contextmanager
def dask_cluster(
    count: int,
    options: Sequence[str] = ("--no-nanny",),
    at: Sequence[Host] | None = None,
    environment: dict[str, str] | None = None,
    scheme: str = "tcp",
) -> Iterator[DaskCluster]:
    """A cluster of so many workers; `at`: a host for the scheduler, then one for each worker."""
    at = at or [Host()] * (count + 1)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        cluster = DaskCluster(Path(name), at[0], at[1 : count + 1], tuple(options), environment or {}, scheme)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a call says yes."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to that")
        time.sleep(0.02)
