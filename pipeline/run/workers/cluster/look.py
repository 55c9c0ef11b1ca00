"""See whether a worker can do what this process would do: on the worker, with the answer in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from ....deidentify.keys import Origin, derived
from ....store.claims import named_run
from ....version import installed


class Wanted(Struct, frozen=True):
    """What every worker must have, as this process has it. Nothing secret is in it."""

    versions: Mapping[str, str | None]
    """By distribution, None: not installed."""
    folders: tuple[tuple[str, str, int, int], ...]
    """Name, path, inode and mtime (s) of each folder that workers read or write."""
    writable: frozenset[str]
    """The names of folders that workers write to."""
    claims: str
    """The start of the files of claims; empty where none are kept."""
    run: str
    """The name of the run, which stands beside them."""
    secrets: tuple[tuple[Origin, str], ...]
    """Variables and files, each with a proof of its value (`proof`)."""
    nonce: str
    system: str = os.name


def proof(value: str, nonce: str) -> str:
    """Return what only somebody can say who has the value; to guess it costs scrypt for each guess."""
    return derived(value).hexadecimal("worker", nonce)


def look(wanted: Wanted) -> list[str]:
    """Return what is wrong with this process as a worker; empty where nothing is."""
    if os.name != wanted.system:
        return [f"runs on another system ({os.name}), where a path means something else"]
    return [*_versions(wanted), *(_folders(wanted) or _unshared(wanted)), *_secrets(wanted)]


def _versions(wanted: Wanted) -> Iterator[str]:
    for name, ours in wanted.versions.items():
        found = installed(name)
        if found != ours:
            yield another_version(name, found, ours)


def another_version(name: str, theirs: str | None, ours: str | None) -> str:
    """Return the sentence about two versions, a worker's and this process's."""
    return f"has {name} {theirs or 'not installed'}, this machine {ours or 'has it not installed'}"


def _folders(wanted: Wanted) -> list[str]:
    found = []
    for name, path, inode, modified in wanted.folders:
        try:
            seen = Path(path).stat()
        except OSError as error:
            found.append(f"does not see the {name} {path} ({error.strerror or error})")
            continue
        if seen.st_ino != inode and int(seen.st_mtime) != modified:
            found.append(f"sees another {name} at {path}: it is not on a file system that both share")
        elif name in wanted.writable and not os.access(path, os.W_OK | os.X_OK):
            found.append(f"may not write to the {name} {path}")
    return found


def _unshared(wanted: Wanted) -> list[str]:
    """Prove the state's folder to be the same one, by what this run wrote there a moment ago."""
    folder = Path(wanted.claims).parent
    if not wanted.claims or (named_run(Path(wanted.claims)) == wanted.run and os.access(folder, os.W_OK)):
        return []
    return [f"does not see or may not write to the recipe's state in {folder}"]


def _secrets(wanted: Wanted) -> Iterator[str]:
    for origin, expected in wanted.secrets:
        where = f"{{env.{origin.name}}}" if origin.kind == "env" else origin.name
        try:
            value = origin.read()
        except (OSError, UnicodeDecodeError):
            value = ""
        if not value:
            yield f"has no {where}, which it must have in its own environment"
        elif proof(value, wanted.nonce) != expected:
            yield f"has another value of {where} in its own environment"
