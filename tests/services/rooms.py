"""Places that only root can make: a small disk, and a network with one machine that can be cut off."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

AS_ROOT = [] if not hasattr(os, "geteuid") or os.geteuid() == 0 else ["sudo", "-n"]


def run(*words: str, check: bool = True) -> bool:
    """Run a command as root; whether it succeeded."""
    return subprocess.run([*AS_ROOT, *words], check=check, capture_output=True).returncode == 0


def refused(what: str) -> None:
    """Skip where a machine does not permit it, and fail where nothing may be skipped."""
    if os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") == "1":
        pytest.fail(f"{what} is required here, and this user may not make one")
    pytest.skip(f"this user may not make {what}")


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own in memory."""

    folder: Path

    def resize(self, kilobytes: int) -> None:
        run("mount", "-o", f"remount,size={kilobytes}k", str(self.folder))


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[SmallDisk]:
    """Mount a file system of this size, which this user may write to."""
    folder.mkdir()
    options = f"size={kilobytes}k,mode=0777"
    if shutil.which("mount") is None or not run(
        "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder), check=False
    ):
        refused("a small file system")
    try:
        yield SmallDisk(folder)
    finally:
        run("umount", "--lazy", str(folder))


@dataclass(frozen=True)
class Machine:
    """A network namespace with an address, reached over one cable."""

    name: str
    address: str

    def inside(self, *words: str) -> list[str]:
        """The command that runs a program in it."""
        return [*AS_ROOT, "ip", "netns", "exec", self.name, *words]

    def cable(self, state: str) -> None:
        """Plug its cable in (`up`) or out (`down`)."""
        run("ip", "link", "set", f"{self.name}h", state)


@contextmanager
def machine(number: int) -> Iterator[Machine]:
    """Make one with the address 10.203.NUMBER.2; nobody else on this machine may use that network."""
    found = Machine(f"bake{number}", f"10.203.{number}.2")
    if shutil.which("ip") is None or not run("ip", "netns", "add", found.name, check=False):
        refused("a network namespace")
    try:
        here, there = f"{found.name}h", f"{found.name}n"
        run("ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", found.name)
        run("ip", "addr", "add", f"10.203.{number}.1/24", "dev", here)
        run("ip", "link", "set", here, "up")
        for words in (("addr", "add", f"{found.address}/24", "dev", there), ("link", "set", there, "up")):
            run("ip", "-n", found.name, *words)
        yield found
    finally:
        run("ip", "netns", "del", found.name)
