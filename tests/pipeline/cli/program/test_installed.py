"""A package that cannot work is one line at the start, whatever the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dicombake.pipeline.cli.program.installed import _holds, unfit
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet


def test_what_is_installed_here_is_fit() -> None:
    assert list(unfit()) == []


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("pydicom-2.3.1.dist-info", "needs pydicom <4,>=2.4.5, and 2.3.1 is installed"),
        ("pydicom-4.0.0.dist-info", "needs pydicom <4,>=2.4.5, and 4.0.0 is installed"),
        ("numpy-1.25.2.dist-info", "needs numpy >=1.26, and 1.25.2 is installed"),
        ("PyYAML-5.4.egg-info", "needs pyyaml >=6, and 5.4 is installed"),
    ],
)
def test_what_cannot_work_is_one_line_and_2(tmp_path: Path, folder: str, said: str) -> None:
    (tmp_path / folder).mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "dicombake.pipeline.cli", "formats"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"dicombake: {said}; pip install ")


plain = st.lists(st.integers(0, 30), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@given(plain, st.sampled_from([">=", "<=", "<", ">", "==", "!="]), plain)
def test_bounds_are_those_of_packaging(version: str, sign: str, bound: str) -> None:
    assert _holds(version, f"{sign}{bound}") == (version in SpecifierSet(f"{sign}{bound}"))
