"""List the files that a draft examines, and those that it cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ..errors import UsageError

MOST_FILES = 10_000
"""A folder with more files was most likely given by mistake."""


class Listing:
    """The files below some paths, each with its path relative to `base` (with /), in the order of these.

    Raises: UsageError for a path that does not exist or not below `base`, no file, or too many.
    """

    def __init__(self, paths: Sequence[Path], base: Path) -> None:
        self.files: dict[PurePosixPath, Path] = {}
        self.skipped: dict[PurePosixPath, str] = {}
        """The reason why a path is not examined."""
        for path in paths:
            for found in _walk(path) if path.is_dir() else [path]:
                self._add(found, below(found, base))
                if len(self.files) > MOST_FILES:
                    raise UsageError(f"holds more than {MOST_FILES} files", hint="name some of them")
        if not self.files and not self.skipped:
            raise UsageError("there are no files in it", subject=", ".join(str(path) for path in paths))
        self.files = dict(sorted(self.files.items(), key=lambda item: item[0].as_posix()))

    def _add(self, path: Path, name: PurePosixPath) -> None:
        why = _why_not(path)
        if why:
            self.skipped[name] = why
        else:
            self.files[name] = path


def _walk(folder: Path) -> Iterator[Path]:
    """Yield files at any depth, and links to folders, which are not entered; no dotfiles."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        links = [name for name in folders if (Path(root) / name).is_symlink()]
        yield from (Path(root) / name for name in sorted([*links, *names]) if not name.startswith("."))


def _why_not(path: Path) -> str:
    """Return why a path cannot be examined; empty if it can. Raises: UsageError where nothing exists."""
    if not path.exists():
        if path.is_symlink():
            return "is a link to a file that is not there"
        raise UsageError("does not exist", subject=str(path))
    if path.is_dir():
        return "is a link to a folder; name it to examine it"
    if "\\" in path.name:
        return "has a backslash in its name, which no recipe can say"
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "has a name that is no Unicode text"
    return ""


def below(path: Path, base: Path) -> PurePosixPath:
    """Return the path relative to `base`; links in it are not resolved. Raises: UsageError."""
    tries = [(path.parent.resolve() / path.name, base.resolve())]
    if ".." not in path.parts:
        tries.insert(0, (path.absolute(), base.absolute()))
    for whole, folder in tries:
        if whole.is_relative_to(folder):
            return PurePosixPath(whole.relative_to(folder).as_posix())
    raise UsageError(
        f"does not lie below {base}, which the recipe's globs are relative to",
        subject=str(path),
        hint="name the folder that the files lie in with --data",
    )
