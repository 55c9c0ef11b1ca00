"""What CI sees: a colleague changes a SID in the site's file, and the check says so where it was changed.

The transcript in the docs is the program's; so are the workflow, the job and the hooks, as far as they can be
tried without GitHub, GitLab and a network.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from dicombake.pipeline.cli.main import COMMANDS, load
from dicombake.pipeline.samples import samples

from .support import bake, called, failures
from .test_docs import call

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "ci.md"

SITE = """\
version: 1
defaults:
  geometry: {sad: 1000, sid: 1000}
  tags: {InstitutionName: North Hospital}
"""
RECIPE = """\
version: 1
name: film
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
extends: [sites/north.yaml]
conversions:
  scans:
    inputs: "film/g{gantry:d}_*.tif"
    source: {format: image, channel: red}
    geometry: {dpi: 75, gantry: "{gantry}"}
    exports: {to: rt-image, path: "dicom/{stem}.dcm"}
    tags: {PatientID: QA-FILM}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose outputs are fresh."""
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    for sample in samples():
        if sample.path.startswith("film/"):
            (tmp_path / sample.path).parent.mkdir(exist_ok=True)
            (tmp_path / sample.path).write_bytes(sample.content)
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "north.yaml").write_text(SITE, encoding="utf-8", newline="\n")
    (tmp_path / "film.yaml").write_text(RECIPE, encoding="utf-8", newline="\n")
    assert failures(bake(tmp_path / "film.yaml")) == []
    return tmp_path


def change_the_sid(site: Path) -> None:
    path = site / "sites" / "north.yaml"
    path.write_text(SITE.replace("sid: 1000", "sid: 1050"), encoding="utf-8", newline="\n")


def test_the_transcript_of_a_failure(
    site: Path, generated: Callable[[Path, str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (site / "film.lock").read_text(encoding="utf-8")
    assert call(site, "check", "film.yaml") == "film: 2 fresh\n"
    change_the_sid(site)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    checked = call(site, "check", "film.yaml")
    monkeypatch.delenv("GITHUB_ACTIONS")
    diffed = call(site, "check", "film.yaml", "--diff")
    diffed = diffed[diffed.index("dicom/g000_wedge.dcm\n") :]
    call(site, "run", "film.yaml", "--quiet")
    after = (site / "film.lock").read_text(encoding="utf-8")
    changes = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "a/film.lock", "b/film.lock", n=0, lineterm=""
    )
    text = (
        f"```text\n$ dicombake check film.yaml\n{checked}```\n\n"
        f"```text\n$ dicombake check film.yaml --diff\n...\n{diffed}```\n\n"
        "```diff\n" + "\n".join(_without_versions(changes)) + "\n```\n"
    )
    generated(PAGE, "failure", text)
    assert "::error file=sites/north.yaml,line=3,col=" in checked


def _without_versions(lines: Iterable[str]) -> Iterator[str]:
    """Fingerprints of units hang on the versions of libraries; the page shows only that they change."""
    for line in lines:
        yield re.sub(r"^([-+]unit )[0-9a-f]{64}", r"\1...", line)


def exit_status(folder: Path, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "dicombake.pipeline.cli", *arguments],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode


def test_every_exit_status(site: Path) -> None:
    assert exit_status(site, "run", "film.yaml") == 0
    assert exit_status(site, "run", "film.yaml", "--locked") == 0
    assert exit_status(site, "check", "film.yaml") == 0
    assert exit_status(site, "run", "absent.yaml") == 2
    assert exit_status(site, "run", "film.yaml", "--no-such-option") == 2
    assert exit_status(site, "run", "film.yaml", "--dry-run", "--junit", "x.xml") == 2
    change_the_sid(site)
    for command in (["check", "film.yaml"], ["run", "film.yaml", "--locked"]):
        assert exit_status(site, *command) == 3, command
    (site / "film" / "g000_wedge.tif").write_bytes(b"no picture")
    assert exit_status(site, "run", "film.yaml", "--set", "x=1") == 2
    assert exit_status(site, "run", "film.yaml") == 1


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_an_interrupted_command_ends_with_130(site: Path) -> None:
    code = (
        "import os, signal; from dicombake.pipeline.recipe import load\n"
        "load.load_recipe = "
        "lambda *a, **k: os.kill(os.getpid(), signal.SIGINT) or __import__('time').sleep(5)\n"
        "from dicombake.pipeline.cli.main import main\n"
        "import sys; sys.argv = ['dicombake', 'validate', 'film.yaml']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=site, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "dicombake: interrupted\n")


def test_junit_of_a_check_and_a_run(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    change_the_sid(site)
    assert called("check", "film.yaml", "--junit", "reports/check.xml").returncode == 3
    root = ET.parse(site / "reports" / "check.xml").getroot()
    cases = {case.get("name"): [part.get("message") for part in case] for case in root.iter("testcase")}
    assert cases == {
        "dicom/g000_wedge.dcm": ["stale: geometry.sid changed"],
        "dicom/g090_wedge.dcm": ["stale: geometry.sid changed"],
        "film.lock": ["it is of another state of the recipe"],
    }
    assert called("run", "film.yaml", "--junit", "reports/run.xml").returncode == 0
    assert ET.parse(site / "reports" / "run.xml").getroot().get("failures") == "0"
    (site / "broken.yaml").write_text(RECIPE.replace("dpi", "dpii"), encoding="utf-8")
    assert called("run", "broken.yaml", "--junit", "reports/broken.xml").returncode == 2
    (case,) = ET.parse(site / "reports" / "broken.xml").getroot().iter("testcase")
    assert (case.get("file"), case.get("line")) == ("broken.yaml", "9")


@pytest.mark.parametrize("command", ["validate", "plan", "run", "check"])
def test_annotations_stand_on_the_line_and_leave_json_alone(
    site: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (site / "film.yaml").write_text(RECIPE.replace("dpi", "dpii"), encoding="utf-8")
    monkeypatch.chdir(site)
    told = "::error file=film.yaml,line=9,col=16,title=dicombake%3A the recipe is wrong::"
    for options, environment, expected in (
        ([], {"GITHUB_ACTIONS": "true"}, True),
        ([], {}, False),
        (["--annotations", "none"], {"GITHUB_ACTIONS": "true"}, False),
        (["--annotations", "github"], {}, True),
    ):
        done = called(command, "film.yaml", "--json", *options, **environment)
        assert done.returncode == 2
        assert done.stdout.startswith("{") and "::error" not in done.stdout
        assert (told in done.stderr) is expected, (options, environment)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def commands(document: Any) -> list[str]:
    """Every line of shell in a workflow or job."""
    found: list[str] = []
    if isinstance(document, dict):
        for key, value in document.items():
            if key in ("run", "script", "before_script"):
                lines = value.splitlines() if isinstance(value, str) else value
                found += [line for line in lines if line.strip()]
            else:
                found += commands(value)
    elif isinstance(document, list):
        for value in document:
            found += commands(value)
    return found


def test_the_workflow_and_the_job_run_as_written(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    services = [yaml.safe_load(text) for text in blocks("yml")]
    assert len(services) >= 2
    lines = [line for document in services for line in commands(document)]
    ours = [line.split() for line in lines if line.startswith("dicombake ")]
    assert {words[1] for words in ours} >= {"validate", "check", "run"}
    shutil.move(site / "film.yaml", site / "qa.yaml")
    shutil.move(site / "film.lock", site / "qa.lock")
    for line in dict.fromkeys(map(tuple, ours)):
        words = [word.replace("recipes/*.yaml", "qa.yaml") for word in line]
        assert called(*words[1:]).returncode == 0, line
    assert (site / "dicombake.xml").exists()


def test_the_hooks_name_commands_that_there_are(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site)
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["dicombake-validate", "dicombake-check"]
    for hook in hooks:
        program, command, *options = hook["entry"].split()
        assert program == "dicombake" and command in COMMANDS
        known = {name for parameter in load(command).params for name in parameter.opts}
        assert set(options) <= known
        assert called(command, *options, "film.yaml").returncode == 0
        pattern = re.compile(hook["files"])
        assert pattern.search("recipes/film.yaml") and not pattern.search("recipes/film.lock")


@pytest.mark.skipif(
    find_spec("pre_commit") is None or not shutil.which("git"), reason="needs pre-commit and git"
)
def test_pre_commit_runs_the_hooks(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The hooks as pre-commit reads them, with the installed program: nothing is downloaded."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    bin_folder = str(Path(sys.executable).parent)
    local = [hook | {"language": "system", "files": "^film"} for hook in hooks]
    config = {"repos": [{"repo": "local", "hooks": local}]}
    (site / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    environment = os.environ | {
        "PATH": bin_folder + os.pathsep + os.environ["PATH"],
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("home")),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
    }

    def told(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments, cwd=site, env=environment, capture_output=True, text=True, check=False
        )

    assert told("git", "init", "-q").returncode == 0
    assert told("git", "add", "-A").returncode == 0
    checked = told(
        sys.executable, "-m", "pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")
    )
    assert (checked.returncode, checked.stdout) == (0, "")
    done = told(sys.executable, "-m", "pre_commit", "run", "--files", "film.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 2
    change_the_sid(site)
    done = told(sys.executable, "-m", "pre_commit", "run", "--files", "film.yaml")
    assert done.returncode == 1 and "geometry.sid changed" in done.stdout
