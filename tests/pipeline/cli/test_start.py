"""Workers are started ahead of the program where they will be wanted, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.cli.__main__ import _wants_workers


@pytest.fixture(autouse=True)
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("new.yaml", "old.yaml", "old.lock"):
        (tmp_path / name).touch()
    (tmp_path / "mean.yaml").write_text("combine: {method: mean}")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("run new.yaml", True),
        ("run old.yaml", False),
        ("run old.yaml new.yaml", True),
        ("run absent.yaml", False),
        ("run mean.yaml", False),
        ("run mean.yaml --jobs 2", True),
        ("run old.yaml --jobs 2", True),
        ("run old.yaml --jobs=8", True),
        ("run -j 2 old.yaml", True),
        ("run -j2 old.yaml", True),
        ("run old.yaml --out 5", False),
        ("run new.yaml --jobs 1", False),
        ("run new.yaml --jobs=1 --quiet", False),
        ("run new.yaml --jobs many", True),
        ("run new.yaml --dry-run", False),
        ("run --help", False),
        ("run", False),
        ("check new.yaml", False),
        ("plan new.yaml --jobs 2", False),
        ("", False),
    ],
)
def test_workers_are_wanted(words: str, wanted: bool) -> None:
    assert _wants_workers(words.split()) is wanted
