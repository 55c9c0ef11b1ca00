"""Where bytes lie: one interface for a folder of this computer and for an object store.

Paths are those of a plan: with ``/``, relative to the data or the output folder. What asks for a file's
state, its content or the names in a folder asks its place, and does not know which kind it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Protocol

from ..errors import PlanError
from ..reading import Stat, file_sha256
from .listing import Listing


class Place(Protocol):
    """A data or an output folder."""

    @property
    def shown(self) -> str:
        """What messages call it."""

    @property
    def near(self) -> bool:
        """Tell whether looking around in it costs nothing, as for a hint."""

    @property
    def start(self) -> str:
        """What the names of its files in the database begin with."""

    @property
    def folder(self) -> Path:
        """The folder of its files; of an object store, the one where this process lays what it reads."""

    def check_data(self) -> None:
        """Check that inputs can be read from it. Raises: PlanError."""

    def check_out(self) -> None:
        """Check that outputs can be written to it. Raises: PlanError."""

    def listing(self, *, kept: bool = False) -> Listing:
        """Return what lists its folders."""

    def look(self, paths: Iterable[str]) -> None:
        """Prepare for being asked of all these files: an object store is listed by pages, not one by one."""

    def stat(self, path: str) -> Stat:
        """Return the state of a file. Raises: OSError; StoreError where the store does not answer."""

    def lstat(self, path: str) -> Stat:
        """Return the state of a file, or of a link in its place. Raises: as `stat`."""

    def exists(self, path: str) -> bool:
        """Tell whether something has that name. Raises: StoreError, where the store does not answer."""

    def is_folder(self, path: str) -> bool:
        """Tell whether it is a folder that can be listed; the place itself where `path` is empty."""

    def file(self, path: str) -> Path:
        """Return a file of this computer with its bytes. Raises: OSError, StoreError."""

    def release(self) -> None:
        """Let go what `file` laid on this computer."""

    def sha256(self, path: str) -> str:
        """Return the sha256 (hex) of a file's content. Raises: OSError, StoreError."""

    def hashes(self, paths: Iterable[str], jobs: int | None = None) -> dict[str, str | OSError]:
        """Return the sha256 (hex) of each file, or why it cannot be read.

        `jobs`: number of threads; None: as many as there are cores. Raises: StoreError.
        """


class LocalPlace:
    """A folder of this computer."""

    near = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._below = f"{os.fspath(folder)}{os.sep}"

    @property
    def shown(self) -> str:
        return str(self.folder)

    @cached_property
    def start(self) -> str:
        return f"{os.path.realpath(self.folder)}{os.sep}"

    def check_data(self) -> None:
        if not self.folder.is_dir():
            exists = self.folder.exists()
            what = "the data folder is a file" if exists else "the data folder does not exist"
            raise PlanError(what, subject=self.shown)

    def check_out(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise PlanError("the output folder is a file", subject=self.shown)

    def listing(self, *, kept: bool = False) -> Listing:
        return Listing(kept=kept)

    def look(self, paths: Iterable[str]) -> None:
        pass

    def stat(self, path: str) -> os.stat_result:
        return os.stat(self._below + path)  # noqa: PTH116 - Path costs ten times as much

    def lstat(self, path: str) -> os.stat_result:
        return os.lstat(self._below + path)

    def exists(self, path: str) -> bool:
        return os.path.lexists(self._below + path)

    def is_folder(self, path: str) -> bool:
        try:
            os.scandir(self._below + path).close()
        except OSError:
            return False
        return True

    def file(self, path: str) -> Path:
        return self.folder.joinpath(*path.split("/"))

    def release(self) -> None:
        pass

    def sha256(self, path: str) -> str:
        return file_sha256(self._below + path)

    def hashes(self, paths: Iterable[str], jobs: int | None = None) -> dict[str, str | OSError]:
        from .hashing import file_hashes

        return file_hashes(paths, jobs, self._below)
