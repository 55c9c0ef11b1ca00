"""Ask git about a file that must not get into a repository; without git, look into the repository."""

from __future__ import annotations

from pathlib import Path


def repository_of(path: Path) -> Path | None:
    """Return the root of the repository that a path lies in; None outside of any."""
    return next((each for each in path.absolute().parents if (each / ".git").exists()), None)


def is_tracked(path: Path) -> bool:
    """Tell whether git keeps a file; without git installed, whether a repository's index names it."""
    root = repository_of(path)
    if root is None:
        return False
    tracked = _says_yes(root, "ls-files", "--error-unmatch", "--", str(path.absolute()))
    if tracked is None:
        index = root / ".git" / "index"
        name = path.absolute().relative_to(root).as_posix().encode()
        return index.is_file() and name in index.read_bytes()
    return tracked


def would_be_kept(path: Path) -> bool:
    """Tell whether git tracks a file, or would at the next ``git add``.

    Without git installed: whether the file lies in a repository.
    """
    root = repository_of(path)
    if root is None:
        return False
    return not _says_yes(root, "check-ignore", "-q", "--", str(path)) or is_tracked(path)


def _says_yes(root: Path, *words: str) -> bool | None:
    """Run a command of git; None where it cannot be run."""
    import subprocess

    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode == 0
