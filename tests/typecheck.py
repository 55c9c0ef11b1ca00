"""Check types where one edits: ``python -m tests.typecheck``, with mypy's own options behind it.

The packages are mapped to folders of other names (`dicombake.pipeline` is `pipeline`), by a hook that Python
follows and type checkers do not. For them, `build/types/dicombake` holds links to the folders themselves:
a new file is there at once, and a path that mypy prints differs from the edited one only by its beginning.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINKED = Path("build", "types", "dicombake")
"""Named in pyproject.toml, too, as the place where mypy and pyright find the package."""


def link(target: Path, place: Path) -> None:
    """Make a link to a folder. On Windows a junction, which needs no privilege."""
    if sys.platform == "win32":
        import _winapi

        _winapi.CreateJunction(str(target), str(place))
    else:
        place.symlink_to(target, target_is_directory=True)


def linked(root: Path) -> dict[str, str]:
    """Bring the folder of links up to date. Returns: beginnings of paths below it, and the edited ones'."""
    mapped = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    folders = dict(mapped["tool"]["setuptools"]["package-dir"])
    package = folders.pop("dicombake")
    (root / LINKED).mkdir(parents=True, exist_ok=True)
    for source in (root / package).iterdir():
        if source.is_file():
            shutil.copyfile(source, root / LINKED / source.name)
    edited = {}
    for name, folder in folders.items():
        place = root / LINKED / name.removeprefix("dicombake.")
        if not place.exists():
            place.unlink(missing_ok=True)  # a link whose target was moved
            link(root / folder, place)
        edited[f"{LINKED / place.name}{os.sep}"] = f"{folder}{os.sep}"
    return edited | {f"{LINKED}{os.sep}": f"{package}{os.sep}"}


def check(root: Path, *options: str) -> tuple[int, str]:
    """Run mypy over the packages. Returns: its exit status; what it says, by the paths that one edits."""
    edited = linked(root)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options],
        cwd=root, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    for below, path in edited.items():
        said = said.replace(below, path)
    return done.returncode, said


if __name__ == "__main__":
    status, said = check(ROOT, *sys.argv[1:])
    sys.stdout.write(said)
    sys.exit(status)
