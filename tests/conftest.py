"""What many tests share: the folder of real files, and external checkers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Programs that tests start keep their compiled modules: compiling takes each longer than its work."""

# how busy a machine is decides no test
settings.register_profile("dicombake", deadline=None, max_examples=50)
settings.register_profile("nightly", deadline=None, max_examples=200)
settings.load_profile("dicombake")


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


@pytest.fixture(scope="session")
def pylinac() -> str:
    """The Python that has pylinac; its absence skips the test, or fails it where all are required."""
    python = os.environ.get("DICOMBAKE_PYLINAC_PYTHON")
    if not python:
        if os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") == "1":
            pytest.fail("DICOMBAKE_PYLINAC_PYTHON must name a Python that has pylinac")
        pytest.skip("pylinac is tried where DICOMBAKE_PYLINAC_PYTHON names a Python that has it")
    return python


@pytest.fixture(scope="session")
def orthanc(checker: Callable[[str], str]) -> list[str]:
    """The command that starts Orthanc where only this machine reaches it: in a network of its own."""
    program = checker("Orthanc")
    for enter in (["unshare", "-n"], ["unshare", "-rn"], ["sudo", "-n", "unshare", "-n"]):
        if not shutil.which(enter[0]):
            continue
        if subprocess.run([*enter, "true"], capture_output=True, check=False).returncode == 0:
            return [*enter, program]
    if os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") == "1":
        pytest.fail("Orthanc is required here, and this user may not make a network namespace")
    pytest.skip("Orthanc is tried where this user may make a network namespace")


@cache
def slow_tests() -> tuple[str, ...]:
    """What tests/slow.txt names: folders, files, and tests without their parameters."""
    lines = (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out unread what `-m "not slow"` leaves out whole: importing all of it takes seconds."""
    if config.option.markexpr != "not slow" or not collection_path.is_relative_to(ROOT):
        return None
    return True if collection_path.relative_to(ROOT).as_posix() in slow_tests() else None


@cache
def _is_in(file: str, named: frozenset[str]) -> bool:
    """Tell whether a file or a folder that holds it is named: thousands of tests stand in few files."""
    return not named.isdisjoint((file, *map(str, PurePosixPath(file).parents)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks as `slow` what tests/slow.txt names, and what needs another program or real files.

    What is in tests/services is skipped where nobody asked for it: servers and browsers take minutes.
    """
    asked = os.environ.get("DICOMBAKE_SERVICES") == "1"
    unasked = pytest.mark.skip(reason="tests beside servers and browsers: nox -s services")
    named = frozenset(slow_tests())
    waiting = {"checker", "pylinac", "orthanc", "real"}
    for item in items:
        file, _, test = item.nodeid.partition("::")
        if file.startswith("tests/services/") and not asked:
            item.add_marker(unasked)
        slow = f"{file}::{test.partition('[')[0]}" in named or _is_in(file, named)
        if slow or not waiting.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


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


@pytest.fixture
def generated(golden: Callable[[Path, str], None]) -> Callable[[Path, str, str], None]:
    """Compares what stands between two marks of a page; with --rewrite, writes it."""

    def compare(path: Path, name: str, text: str) -> None:
        page = path.read_text(encoding="utf-8")
        marks = re.search(rf"(<!-- {name}: begin.*?-->\n)(.*?)(<!-- {name}: end -->)", page, re.S)
        assert marks, f"no marks for '{name}'"
        golden(path, page[: marks.end(1)] + text + page[marks.start(3) :])

    return compare


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what the tests of faults tried in this very run (tests/faults)."""
    passed = terminalreporter.stats.get("passed", [])
    figures = [pair for report in passed for pair in report.user_properties if pair[0].startswith("fault: ")]
    if figures:
        terminalreporter.section("faults tried, none of which lost anything")
        for name, count in sorted(figures):
            terminalreporter.write_line(f"{count:6}  {name.removeprefix('fault: ')}")
