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
    values = {source: list(carried(pydicom.dcmread(paths[0]))) for source, paths in made.items()}
    first, *others = values.values()
    common = [keyword for keyword in first if all(keyword in other for other in others)]
    text = f"In all of them: {', '.join(common)}\n"
    for source, paths in made.items():
        own = ", ".join(keyword for keyword in values[source] if keyword not in common)
        text += f"\n### {source}\n\n{checked(paths, programs)}\n\n{own}\n"
    generated(PAGE, "evidence", text)


def checked(outputs: list[Path], programs: dict[str, str]) -> str:
    """The kind and number of the files of one source, and the checkers' words."""
    told = {errors(path, programs["dciodvfy"]) for path in outputs}
    if len(outputs) > 1:
        done = subprocess.run(
            [programs["dcentvfy"], *map(str, outputs)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        told.add("dcentvfy finds nothing")
    kind = pydicom.dcmread(outputs[0], stop_before_pixels=True).SOPClassUID.name
    return f"{kind}, {len(outputs)} file{'s' if len(outputs) > 1 else ''}: {'; '.join(sorted(told))}"


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
