"""The workflow of the continuous integration, the sessions of nox, and the hooks of pre-commit."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import slow_tests

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
WORKFLOWS = sorted(WORKFLOW.parent.glob("*.yml"))


def sessions() -> dict[str, ast.FunctionDef]:
    """The sessions of the noxfile, read without nox."""
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {
        node.name: node
        for node in functions
        if any(ast.unparse(decorator).startswith("nox.session") for decorator in node.decorator_list)
    }


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return loaded


def test_actionlint_finds_nothing(checker: Callable[[str], str]) -> None:
    done = subprocess.run(
        [checker("actionlint"), *map(str, WORKFLOWS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_finds_nothing() -> None:
    found = shutil.which("zizmor", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("zizmor is not installed; pip install -e '.[test]' brings it")
    done = subprocess.run(
        [found, "--color", "never", "--offline", "--quiet", "--persona", "pedantic", *map(str, WORKFLOWS)],
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "No findings to report. Good job!")


def test_actions_are_pinned_by_hash() -> None:
    uses = [
        line for path in WORKFLOWS for line in re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    ]
    assert uses
    for line in uses:
        assert re.fullmatch(r"actions/(checkout|setup-python)@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_tools_are_pinned_by_hash() -> None:
    """Whatever the workflows, the sessions and `.ci/run` install from PyPI besides the project itself."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / ".ci/tools").glob("*.txt")}
    for name, text in files.items():
        pinned = re.findall(r"^[a-z][\w.-]*(.*)\\$(?:\n    --hash=sha256:[0-9a-f]{64}.*)+", text, re.M)
        assert pinned and len(pinned) == len(re.findall(r"^[a-z]", text, re.M)), name
        assert all(each.startswith("==") for each in pinned)
    asked = [*WORKFLOWS, ROOT / ".ci" / "run"]
    lines = [line for path in asked for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if " install" in line and "pip" in line:
            pinned_file = re.search(r"--require-hashes -r \.ci/tools/(\w+)\.txt$", line)
            itself = line.endswith("--no-deps .") or ".[test]" in line
            assert itself or (pinned_file and pinned_file[1] in files), line
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    named = re.findall(r"tools\(session, \"(\w+)\"\)", source)
    assert {"audit", "fuzz", "lint", "package", "sbom", "site"} == set(named) <= set(files)


def test_every_system_and_every_python_is_tried(workflow: dict[str, Any]) -> None:
    matrix = workflow["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    pythons = next(
        ast.literal_eval(node.value)
        for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PYTHONS"
    )
    assert matrix["python"] == pythons
    assert pythons[0] == "3.11" and len(pythons) >= 4


def test_it_runs_sessions_that_there_are(workflow: dict[str, Any]) -> None:
    jobs = workflow["jobs"].values()
    lines = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    release = yaml.safe_load(WORKFLOW.with_name("release.yml").read_text(encoding="utf-8"))
    lines += [step["run"] for step in release["jobs"]["release"]["steps"] if "run" in step]
    named = {word for line in lines for word in shlex.split(line)[2:] if line.startswith("nox -s")}
    for job in ("checks", "nightly"):
        named |= set(workflow["jobs"][job]["strategy"]["matrix"]["session"])
    plain = {re.sub(r"-3\.\d+$", "", name) for name in named}  # a session of several Pythons, for one
    assert plain - {"$SESSION"} <= set(sessions())
    assert {"tests", "lint", "types", "docs", "audit", "sbom", "fuzz", "faults"} <= named
    assert ".ci/run" in lines


def test_what_is_called_slow_is_there() -> None:
    """But for a few that were renamed since: a list of names that are gone would leave out nothing."""
    names = slow_tests()
    assert list(names) == sorted(set(names))
    gone = [name for name in names if not defined(*name.split("::"))]
    assert len(gone) <= len(names) // 10, gone


def defined(path: str, test: str = "") -> bool:
    """Whether there is a folder or file, or a test in it."""
    file = ROOT / path
    return file.exists() and (not test or f"def {test}(" in file.read_text(encoding="utf-8"))


def test_every_session_says_what_it_does() -> None:
    found = sessions()
    assert {"tests", "quick", "nightly", "lint", "types", "docs", "bench"} <= set(found)
    for name, node in found.items():
        assert ast.get_docstring(node), name


@pytest.mark.skipif(
    find_spec("pre_commit") is None or not shutil.which("git"), reason="needs pre-commit and git"
)
def test_the_hooks_of_the_project_run(tmp_path: Path) -> None:
    """On a small repository with the project's settings: one file with mistakes, then without."""
    for name in (".pre-commit-config.yaml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "SKIP": "mypy",
    }

    def told(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    assert told("git", "init", "-q").returncode == 0
    (tmp_path / "wrong.py").write_text('"""Teh file."""\nimport os\n', encoding="utf-8")
    assert told("git", "add", "-A").returncode == 0
    done = told(sys.executable, "-m", "pre_commit", "run", "--files", "wrong.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.findall(r"^(\S.*?)\.+(?:\(.*\))?(\w+)$", done.stdout, re.M) == [
        ("ruff check", "Failed"), ("ruff format", "Passed"), ("codespell", "Failed"), ("mypy", "Skipped"),
    ]  # fmt: skip
    (tmp_path / "wrong.py").write_text('"""The file."""\n', encoding="utf-8")
    done = told(sys.executable, "-m", "pre_commit", "run", "--files", "wrong.py")
    assert done.returncode == 0, done.stdout + done.stderr
