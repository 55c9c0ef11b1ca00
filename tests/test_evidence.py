"""Ten real sources, converted: what dciodvfy says, and which attributes came along (docs/evidence.md)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset

from .support import bake, failures
from .test_recipes import MISJUDGED

PAGE = Path(__file__).resolve().parent.parent / "docs" / "evidence.md"
RECIPE = Path(__file__).with_name("evidence.yaml")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@pytest.mark.real
@pytest.mark.checker
def test_ten_real_sources(
    real: Path,
    tmp_path: Path,
    checker: Callable[[str], str],
    generated: Callable[[Path, str, str], None],
) -> None:
    programs = {name: checker(name) for name in ("dciodvfy", "dcentvfy")}
    recipe = tmp_path / "evidence.yaml"
    recipe.write_bytes(RECIPE.read_bytes())
    outcome = bake(recipe, real, tmp_path / "out")
    assert failures(outcome) == []
    made: dict[str, list[Path]] = {}
    for result in outcome.results:
        # several units may share a volume
        source = result.inputs[0][0].removeprefix("data:")
        made.setdefault(source, []).extend(tmp_path / "out" / written.path for written in result.written)
    assert len(made) == 10
    generated(PAGE, "evidence", "\n".join(section(*one, programs) for one in made.items()))


def section(name: str, outputs: list[Path], programs: dict[str, str]) -> str:
    """The facts of one source: its name, the checkers' words, the attributes with a value."""
    datasets = [pydicom.dcmread(path) for path in outputs]
    told = {errors(path, programs["dciodvfy"]) for path in outputs}
    if len(outputs) > 1:
        done = subprocess.run([programs["dcentvfy"], *map(str, outputs)], capture_output=True, check=False)
        told.add(f"dcentvfy status {done.returncode}, {len(done.stderr.splitlines())} lines")
    first = datasets[0]
    values = ", ".join(carried(first))
    return (
        f"### {name}\n\n"
        f"{first.SOPClassUID.name}, {len(datasets)} file{'s' if len(datasets) > 1 else ''}: "
        f"{'; '.join(sorted(told))}\n\n{values}\n"
    )


def errors(path: Path, program: str) -> str:
    """Fails for an error that dciodvfy is right about."""
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    found = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert [line for line in found if line not in MISJUDGED] == [], path.name
    assert done.returncode in (0, 1), path.name
    warnings = sum(line.startswith("Warning") for line in done.stderr.splitlines())
    misjudged = f" ({len(found)} misjudged)" if found else ""
    return f"dciodvfy 0 errors{misjudged}, {warnings} warning{'s' if warnings != 1 else ''}"


def carried(dataset: Dataset) -> Iterator[str]:
    """Keywords of the elements that have a value, in the order of their tags; of an item in brackets."""
    private = 0
    for element in dataset:
        if element.tag.is_private:
            private += 1
        elif element.VR == "SQ":
            inside = [" + ".join(carried(item)) for item in element.value]
            yield f"{element.keyword} [{inside[0]}{f' and {len(inside) - 1} more' if inside[1:] else ''}]"
        elif element.keyword not in PIXELS and not element.is_empty:
            yield element.keyword
    if private:
        yield f"{private} private elements"
