"""Style and spelling are clean (types: test_contributing). So one command says whether the project is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .pydicom_api import PYDICOM_3

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
