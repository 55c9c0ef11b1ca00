"""Lint, format and types are clean. These are tests, so that one command says whether the project is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .pydicom_api import PYDICOM_3
from .typecheck import check

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12) or not PYDICOM_3, reason="looked at on the oldest Python, with pydicom 3"
)


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--no-cache", "--quiet", "."],
        ["ruff", "format", "--no-cache", "--quiet", "--check", "."],
        ["codespell_lib"],
    ],
    ids=["lint", "format", "spelling"],
)
def test_clean(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_types_are_right() -> None:
    assert check(ROOT, "--no-error-summary") == (0, "")
