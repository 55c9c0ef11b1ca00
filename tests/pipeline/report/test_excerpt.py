"""The line of a recipe with a caret under the place of a problem."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import Problem
from dicombake.pipeline.report.excerpt import WIDTH, excerpt
from rich.cells import cell_len


def problem(path: Path, line: int, column: int) -> Problem:
    return Problem(str(path), line, column, "", "is wrong")


@pytest.mark.parametrize(
    ("text", "column"),
    [("    sid: 1000mm", 10), ("日本: {sid: x}", 11), ("\tsid: x", 2), ("a" * 300 + ": x", 303), ("é: x", 4)],
)
def test_the_caret_stands_under_the_place(tmp_path: Path, text: str, column: int) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(f"version: 1\n{text}\n", encoding="utf-8")
    line, caret = excerpt(problem(path, 2, column))
    assert line.startswith("    2 | ")
    under = caret.index("^")
    before, marked = next(
        (line[:end], line[end]) for end in range(len(line)) if cell_len(line[:end]) == under
    )
    assert marked == text.replace("\t", " ")[column - 1], before
    assert cell_len(line) <= WIDTH + 20


def test_what_cannot_be_shown_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes(b"version: 1\n\n")
    assert excerpt(problem(path, 2, 1)) == ()
    assert excerpt(problem(path, 9, 1)) == ()
    assert excerpt(problem(path, 0, 0)) == ()
    assert excerpt(problem(tmp_path / "absent.yaml", 1, 1)) == ()
