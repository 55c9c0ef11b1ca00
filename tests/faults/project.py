"""A small recipe with its inputs, run in a process of its own, and what must hold whatever befell it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dicombake.pipeline.api import check, run

FILES = 3
RECIPE = """
version: 1
conversions:
  c:
    inputs: in/*.npy
    source: array
    exports:
      - {to: npy, path: "out/{stem}.npy"}
      - {to: tiff, path: "out/deep/{stem}.tif"}
"""
COMMAND = (sys.executable, "-m", "dicombake.pipeline.cli")


@dataclass(frozen=True)
class Project:
    """The folder of a recipe; its outputs are compared with those of an undisturbed run."""

    folder: Path
    wanted: dict[str, bytes]

    @classmethod
    def made(cls, folder: Path) -> Project:
        """Make it, and find out what its outputs have to be."""
        reference = _new(folder / "reference")
        run(reference / "r.yaml")
        return cls(_new(folder / "project"), outputs(reference))

    def again(self) -> Project:
        """As it was before the first run."""
        for name in ("out", ".dicombake"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for path in [*self.folder.glob("*.lock"), *self.folder.glob(".*.part")]:
            path.unlink()
        return self

    def call(self, *words: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run the program on its recipe; `before` stands before the command."""
        command = [*(before or COMMAND), *words, str(self.folder / "r.yaml")]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    def assert_nothing_half_written(self) -> None:
        """Every output that is there is whole."""
        for name, content in outputs(self.folder).items():
            assert content == self.wanted[name], f"{name} is there and not whole"

    def assert_goes_on(self) -> None:
        """The next run ends well, and leaves what an undisturbed one does, and nothing besides."""
        outcome = run(self.folder / "r.yaml")
        assert not outcome.exit_status, [str(result.error) for result in outcome.results if result.error]
        assert outputs(self.folder) == self.wanted
        assert not check(self.folder / "r.yaml").exit_status
        assert list(self.folder.rglob("*.part")) == []
        assert [path for path in self.folder.rglob("*.claims.*") if path.stat().st_size] == []


def _new(folder: Path) -> Path:
    (folder / "in").mkdir(parents=True)
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    for number in range(FILES):
        np.save(folder / f"in/{number}.npy", np.full((40, 40), number, np.uint16))
    return folder


def outputs(folder: Path) -> dict[str, bytes]:
    """Every file in the output folder that is no temporary one."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "out").rglob("*"))
        if path.is_file() and not path.name.endswith(".part")
    }
