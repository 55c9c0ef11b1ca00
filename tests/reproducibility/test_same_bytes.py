"""The same recipes and inputs give the same bytes, whatever changes around them.

Each condition changes several things at once, to be quick; what differs is named by its path. Everything is
compared: all the examples of `recipes/` and `every.yaml`, which has every target, transfer syntax and kind of
arithmetic; outputs and locks.
"""

from __future__ import annotations

import json
import locale
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from dicombake.pipeline.exporters.registry import TARGETS
from dicombake.pipeline.samples import companions, samples
from dicombake.schemas.exports import EXPORT_TARGETS

from ..support import copy_of_every_kind

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent

LOCALES = ("tr_TR.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8", "en_US.UTF-8", "C.UTF-8")
SIMD = "NPY_DISABLE_CPU_FEATURES"


@dataclass(frozen=True)
class Condition:
    """What is changed; the rest is as in the reference."""

    recipes: tuple[str, ...] = ()
    """Which recipes are run; empty: all."""
    folder: str = "plain"
    jobs: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    reverse: bool = False
    """Files are made in the other order, and have times of the year 1999."""
    umask: int = 0o022
    elsewhere: bool = False
    """The working directory is another, and every path is absolute."""
    program: tuple[str, ...] = (sys.executable,)


def other_locale() -> str:
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in LOCALES:
            try:
                locale.setlocale(locale.LC_ALL, name)
            except locale.Error:
                continue
            return name
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return "C"


def vector_units() -> str:
    """The vector extensions that numpy found and can do without."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))


CONDITIONS = {
    "other folder, two workers, C locale, other zone, umask 077, other user": Condition(
        recipes=("demo", "every"),
        folder="Ordner mit Umlauten äöü/" + "tief " * 9 + "/x",
        jobs=2,
        umask=0o077,
        elsewhere=True,
        environment={
            "LC_ALL": "C", "LANG": "C", "TZ": "Asia/Kolkata", "PYTHONHASHSEED": "0", "PYTHONUTF8": "0",
            "USER": "somebody", "LOGNAME": "somebody", "USERNAME": "somebody", "HOSTNAME": "elsewhere",
        },
    ),
    "four workers": Condition(recipes=("every",), jobs=4),
    "other order and times of files, other locale, other zone, umask 0": Condition(
        reverse=True,
        umask=0,
        environment={
            "LC_ALL": other_locale(), "LANG": other_locale(), "TZ": "America/St_Johns",
            "PYTHONHASHSEED": "4242", "PYTHONUTF8": "1",
        },
    ),
    "without the processor's vector extensions": Condition(
        recipes=("demo", "every", "starshot"),
        environment={
            SIMD: vector_units(), "OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1", "JSIMD_FORCENONE": "1",
        },
    ),
}  # fmt: skip


def run(base: Path, condition: Condition) -> dict[str, str]:
    """The digests of a run under a condition."""
    folder = base / condition.folder
    data, recipes = folder / "data", folder / "recipes"
    made = [
        (at / sample.path, sample)
        for sample in (*samples(), *companions())
        for at in (data, data / "samples")
    ]
    for path, sample in reversed(made) if condition.reverse else made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.content)
        if condition.reverse:
            os.utime(path, (930_000_000, 930_000_000))
    shutil.copytree(ROOT / "recipes", recipes)
    copy_of_every_kind(recipes)
    for recipe in recipes.glob("*.yaml") if condition.recipes else ():
        if recipe.stem not in condition.recipes:
            recipe.unlink()
    (folder / "home").mkdir()
    home = {"HOME": str(folder / "home"), "USERPROFILE": str(folder / "home")}
    start = folder if condition.elsewhere else recipes
    places = (recipes, data, folder / "out")
    named = [str(place if condition.elsewhere else os.path.relpath(place, start)) for place in places]
    done = subprocess.run(
        [*condition.program, str(HERE / "runs.py"), *named, str(condition.jobs)],
        cwd=start, env=os.environ | home | condition.environment,
        umask=condition.umask if os.name == "posix" else -1,
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    environment = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "1"}
    return run(tmp_path_factory.mktemp("reference"), Condition(environment=environment))


def made_by(name: str) -> str:
    """The recipe of an output (``every/rt/a.dcm``) or of a lock (``every.lock``)."""
    return name.partition("/")[0].removesuffix(".lock")


@pytest.fixture
def same(reference: dict[str, str], tmp_path: Path) -> Callable[[Condition], None]:
    def compare(condition: Condition) -> None:
        found = run(tmp_path, condition)
        wanted = {name for name in reference if not condition.recipes or made_by(name) in condition.recipes}
        assert found.keys() == wanted
        assert [name for name in found if found[name] != reference[name]] == []

    return compare


def test_the_reference_has_every_target_and_kind_of_file(reference: dict[str, str]) -> None:
    text = (HERE / "every.yaml").read_text(encoding="utf-8")
    for name in EXPORT_TARGETS:
        assert f"to: {name}," in text, name
    suffixes = {Path(name).suffix for name in reference}
    assert suffixes == {row.file.suffix for row in TARGETS.values()} | {".lock", ".gz"}
    assert {path.stem for path in (ROOT / "recipes").glob("*.yaml")} | {"every"} == {
        Path(name).stem for name in reference if name.endswith(".lock")
    }


@pytest.mark.parametrize("name", CONDITIONS)
def test_the_same_bytes(name: str, same: Callable[[Condition], None]) -> None:
    condition = CONDITIONS[name]
    if condition.environment.get(SIMD) == "":
        pytest.skip("numpy uses no vector extension here that it can do without")
    same(condition)


@pytest.mark.checker
def test_the_same_bytes_in_another_century(
    same: Callable[[Condition], None], checker: Callable[[str], str]
) -> None:
    program = (checker("faketime"), "1999-12-31 23:59:50", sys.executable)
    same(Condition(recipes=("demo", "every"), program=program))


def other_pythons() -> list[str]:
    return [part for part in os.environ.get("DICOMBAKE_OTHER_PYTHONS", "").split(os.pathsep) if part]


@pytest.mark.parametrize("program", other_pythons() or [""])
def test_the_same_bytes_with_another_python(program: str, same: Callable[[Condition], None]) -> None:
    if not program:
        pytest.skip("DICOMBAKE_OTHER_PYTHONS names no interpreter with dicombake and the same codecs")
    same(Condition(program=(program,)))
