"""Power cuts: the system calls of a run, recorded by strace, replayed to every prefix (ALICE, CrashMonkey).

What a disk holds after a cut is not one state. Of each prefix three are made: all that was done (a kill);
every name, but of the content only what was synced (names are often written first); and only what was
synced, names by their folder, content by its file (POSIX promises no more). In each the next run goes on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dicombake.pipeline.store.lock import read_lock

from .project import COMMAND, Project, outputs

CALLS = (
    "openat,write,pwrite64,lseek,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir"
)
_LINE = re.compile(r"^\d+ +(?P<name>\w+)\((?P<args>.*)\) += +(?P<result>\d+)(?:<(?P<file>[^<>]*)>)?")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"(\d+)<([^<>]*)>")

State = dict[str, bytes | None]
"""Path relative to the project -> content; None: a folder."""


@dataclass
class Content:
    """A file, whatever its names: its bytes now, and those that were synced."""

    now: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


@dataclass
class Disk:
    """What is below a folder; None stands for a folder."""

    names: dict[str, Content | None] = field(default_factory=dict)
    synced_names: dict[str, Content | None] = field(default_factory=dict)
    opened: dict[int, tuple[Content, int]] = field(default_factory=dict)
    """Descriptor -> the file, and where the next write goes."""

    def states(self) -> Iterator[State]:
        """What a cut may leave now."""
        yield {name: None if file is None else bytes(file.now) for name, file in self.names.items()}
        yield {name: None if file is None else file.synced for name, file in self.names.items()}
        yield {
            name: None if file is None else file.synced
            for name, file in self.synced_names.items()
            if all(above in self.synced_names for above in _above(name))
        }

    def sync_folder(self, folder: str) -> None:
        """Names in it are on the disk, and those that are gone are gone."""
        for name in [each for each in self.synced_names if os.path.dirname(each) == folder]:  # noqa: PTH120
            if name not in self.names:
                del self.synced_names[name]
        self.synced_names |= {
            name: file
            for name, file in self.names.items()
            if os.path.dirname(name) == folder  # noqa: PTH120
        }


def _above(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def recorded(project: Project, strace: str, log: Path) -> Iterator[Disk]:
    """Run with ``--durable``; the disk after each call that changes the project's folder."""
    before = (strace, "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(log), *COMMAND)
    done = project.again().call("run", "--durable", "--jobs", "1", "--quiet", before=before)
    assert done.returncode == 0, done.stderr
    assert outputs(project.folder) == project.wanted
    disk = Disk()
    base = f"{os.path.realpath(project.folder)}/"
    for line in log.read_text(encoding="ascii").splitlines():
        matched = _LINE.match(line)
        if matched and _replay(disk, base, matched):
            yield disk


def _replay(disk: Disk, base: str, matched: re.Match[str]) -> bool:
    """Do one call to the model; whether anything changed."""
    name, args, result = matched["name"], matched["args"], int(matched["result"])
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(args)]
    descriptor, on = next(((int(number), _plain(file)) for number, file in _FILE.findall(args)), (-1, ""))
    if name == "openat":
        return _opened(disk, base, args, result, _plain(matched["file"] or ""))
    if name in ("write", "pwrite64", "lseek", "ftruncate"):
        return descriptor in disk.opened and _written(disk, name, args, descriptor, texts, result)
    if name in ("fsync", "fdatasync"):
        if descriptor in disk.opened:
            file = disk.opened[descriptor][0]
            file.synced = bytes(file.now)
        elif f"{on}/".startswith(base):
            disk.sync_folder(on[len(base) :])
        else:
            return False
        return True
    paths = [os.fsdecode(text) for text in texts]
    if not paths or not all(path.startswith(base) for path in paths):
        assert not any(path.startswith(base) for path in paths), matched[0][:200]
        return False
    _named(disk, name, [path[len(base) :] for path in paths], removes_folder="AT_REMOVEDIR" in args)
    return True


def _plain(text: str) -> str:
    return os.fsdecode(bytes.fromhex(text.replace("\\x", ""))) if text.startswith("\\x") else text


def _opened(disk: Disk, base: str, args: str, descriptor: int, path: str) -> bool:
    disk.opened.pop(descriptor, None)
    if not path.startswith(base) or "O_DIRECTORY" in args:
        return False
    name = path[len(base) :]
    made = "O_CREAT" in args and name not in disk.names
    if made:
        disk.names[name] = Content()
    file = disk.names.get(name)
    if file is None:
        return False
    if "O_TRUNC" in args:
        file.now.clear()
    disk.opened[descriptor] = (file, len(file.now) if "O_APPEND" in args else 0)
    return made or "O_TRUNC" in args


def _written(  # noqa: PLR0917
    disk: Disk, name: str, args: str, descriptor: int, texts: list[bytes], result: int
) -> bool:
    file, at = disk.opened[descriptor]
    if name == "lseek":
        disk.opened[descriptor] = (file, result)
        return False
    if name == "ftruncate":
        size = int(args.rpartition(",")[2])
        file.now[size:] = bytes(max(0, size - len(file.now)))
        return True
    data = texts[0][:result]
    place = int(args.rpartition(",")[2]) if name == "pwrite64" else at
    file.now.extend(bytes(max(0, place - len(file.now))))
    file.now[place : place + len(data)] = data
    if name == "write":
        disk.opened[descriptor] = (file, at + len(data))
    return True


def _named(disk: Disk, name: str, paths: list[str], *, removes_folder: bool) -> None:
    if name.startswith("mkdir"):
        disk.names[paths[0]] = None
    elif name.startswith("rename"):
        disk.names[paths[1]] = disk.names.pop(paths[0])
    elif name.startswith("link"):
        disk.names[paths[1]] = disk.names[paths[0]]
    elif name.startswith("unlink") or name == "rmdir" or removes_folder:
        disk.names.pop(paths[0], None)


def power_cut_at_every_call(project: Project, strace: str, log: Path, step: int = 1) -> int:
    """In every state that a cut may leave: no output is there without its content, the lock names nothing
    that is not there, and the next run goes on. How many states there were (every `step`-th is tried)."""
    seen: set[int] = set()
    kept = [path for path in project.folder.iterdir() if path.name in ("in", "r.yaml")]
    assert len(kept) == 2
    every: list[tuple[State, bool]] = []
    for disk in recorded(project, strace, log):
        for at, state in enumerate(disk.states()):
            mark = hash(tuple(sorted(state.items(), key=lambda item: item[0])))
            if mark not in seen:
                seen.add(mark)
                every.append((state, at == 0))
    tried = every[::step]
    for state, killed in tried:
        _make(project, state)
        project.assert_nothing_half_written()
        if not killed:
            locked = read_lock(project.folder / "r.lock").outputs
            assert set(locked) <= set(outputs(project.folder)), "the lock names what is not there"
        project.assert_goes_on()
    return len(tried)


def _make(project: Project, state: State) -> None:
    project.again()
    for name, content in sorted(state.items()):
        path = project.folder / name
        if content is None:
            path.mkdir(exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o600)
