"""The benchmarks' own arithmetic, their inputs, and that they start; what they measure is in the docs."""

from __future__ import annotations

import py_compile
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import report
from benchmarks.growth import Line
from benchmarks.inputs import Inputs, recipe
from benchmarks.jobs import OUT, Bench, Row, volume
from benchmarks.measuring import Spread, ratios, run
from benchmarks.parts import PARTS

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are measured as POSIX does")


def test_they_start_and_name_every_job() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in ("xim", "decode", "tiff", "volume", "mean", "workers", "start", "plan", "durable", "memory"):
        assert name in done.stdout


def test_the_alternatives_are_python(tmp_path: Path) -> None:
    scripts = sorted((ROOT / "benchmarks" / "others").glob("*.py"))
    assert len(scripts) > 10
    for script in scripts:
        py_compile.compile(str(script), cfile=str(tmp_path / "x.pyc"), doraise=True)


def test_ratios_are_taken_round_by_round() -> None:
    times = ratios([1.0, 2.0, 4.0], [12.0, 20.0, 60.0])
    assert (times.least, times.median, times.most) == (10.0, 12.0, 15.0)
    assert Row("a", "b", times, 12, at_least=True).reached
    assert not Row("a", "b", times, 12.1, at_least=True).reached
    assert not Row("a", "b", times, 11, at_least=False).reached


@pytest.mark.parametrize("power", [0.0, 1.0, 1.5])
def test_the_slope_is_the_power(power: float) -> None:
    line = Line("x", tuple((float(x), 3 * x**power) for x in (1, 10, 100, 1000)))
    assert line.slope() == pytest.approx(power)
    bent = Line("x", ((1.0, 50.0), *line.points[1:]))
    assert bent.slope(10.0) == pytest.approx(power)


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="ended with 3:\nno such thing"):
        run([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"])


def test_inputs_are_made_once_and_always_the_same(tmp_path: Path) -> None:
    first, second = (Inputs(tmp_path / name, None) for name in "ab")
    for make in (lambda inputs: inputs.tiff(2, 16), lambda inputs: inputs.volume(2, (3, 8, 9))):
        one, other = make(first), make(second)
        assert make(first) == one
        assert [path.read_bytes() for path in sorted(one.iterdir())] == [
            path.read_bytes() for path in sorted(other.iterdir())
        ]
    assert np.load(first.volume(2, (3, 8, 9)) / "volume.npy").shape == (8, 9, 3)


def test_a_table_goes_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(report.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    row = Row("a job", "an other", Spread((2.0, 3.0, 4.0)), 2.5, True, "1 s against 3 s")
    for _ in range(2):
        report.put("against", report.against([row]), page)
        text = page.read_text(encoding="utf-8")
        assert text.count("| a job | an other | 3.00 (2.00 to 4.00) | ≥ 2.5 | yes | 1 s against 3 s |\n") == 1
        assert text.count("<!-- against: end -->") == 1


@pytest.mark.parametrize("axis", [0, 2])
def test_the_parts_of_a_volume_are_measured(tmp_path: Path, axis: int) -> None:
    data = Inputs(tmp_path, None).volume(axis, (70, 16, 12))
    path = recipe(tmp_path / "recipe" / "r.yaml", volume(axis))
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "benchmarks.parts", str(path), str(data), str(tmp_path / "out"), "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = dict(zip((*PARTS, "least"), map(float, done.stdout.split()), strict=True))
    assert all(seconds > 0 for name, seconds in found.items() if name != PARTS[0])
    assert found["all"] > found["read and decode"] + found["write and hash"] + found["read back and verify"]


def test_a_run_has_a_folder_of_its_own_and_the_one_before_is_emptied(tmp_path: Path) -> None:
    bench = Bench(Inputs(tmp_path, None), tmp_path, 1)
    (bench.fresh() / "a.dcm").write_bytes(b"content")
    command = bench.into_fresh(["program", OUT, "--quiet"])
    assert command == ["program", str(bench.outs[1]), "--quiet"]
    assert bench.outs[0] != bench.outs[1]
    assert [path.stat().st_size for path in tmp_path.rglob("a.dcm")] == [0]
    bench.clear()
    assert not list(tmp_path.rglob("a.dcm"))
