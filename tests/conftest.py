"""What many tests share: the folder of real files, and external checkers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real sample files; its absence skips the test."""
    folder = Path(os.environ.get("DICOMBAKE_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real sample files at {folder}; set DICOMBAKE_REAL_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def checker() -> Callable[[str], str]:
    """The path of an external program; its absence skips the test, or fails it where all are required."""

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            if os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") == "1":
                pytest.fail(f"{name} is required here and not installed")
            pytest.skip(f"the checker {name} is not installed")
        return found

    return find


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write golden files and generated pages anew; read the diff before committing",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compares text with a golden file; with --rewrite, writes it."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--rewrite"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"{path.name} does not exist; pytest --rewrite writes it"
        assert text == path.read_text(encoding="utf-8")

    return compare
