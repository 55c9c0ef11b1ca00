"""The memory: kept, read without a trace, and never in the way when it is damaged or gone."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from dicombake.pipeline.store.database import Database, Remembered, remembered

ROW = (12, 34, 56, "ab" * 32)


def filled(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    database = Database(path)
    assert not database.lost
    database.note_seen({b"a": ROW, b"\xff": ROW})
    database.note_written([b"a", b"b"])
    database.begin_journal(["one", "two"])
    database.close()
    return path


def test_what_is_noted_comes_back(tmp_path: Path) -> None:
    path = filled(tmp_path / "x.sqlite")
    assert remembered(path) == Remembered({b"a": ROW, b"\xff": ROW}, frozenset({b"a", b"b"}), ("one", "two"))
    database = Database(path)
    database.note_seen({b"a": (1, 2, 3, "cd")}, gone=[b"\xff", b"never there"])
    database.note_written([b"b", b"c"], gone=[b"a"])
    database.add_to_journal(["three"])
    database.close()
    assert remembered(path) == Remembered(
        {b"a": (1, 2, 3, "cd")}, frozenset({b"b", b"c"}), ("one", "two", "three")
    )
    database = Database(path)
    database.end_journal()
    database.close()
    assert remembered(path).journal == ()


def test_reading_leaves_no_trace(tmp_path: Path) -> None:
    path = filled(tmp_path / "state of #1?/x.sqlite")
    before = [(file, file.stat().st_mtime_ns, file.read_bytes()) for file in sorted(tmp_path.rglob("*.*"))]
    assert remembered(path).journal == ("one", "two")
    after = [(file, file.stat().st_mtime_ns, file.read_bytes()) for file in sorted(tmp_path.rglob("*.*"))]
    assert after == before
    assert remembered(tmp_path / "none.sqlite") == Remembered()
    assert not (tmp_path / "none.sqlite").exists()


def damaged(path: Path) -> None:
    path.write_bytes(b"no database " * 500)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def poorer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE seen")
    db.close()


@pytest.mark.parametrize("harm", [damaged, cut, emptied, newer, poorer])
def test_a_database_that_is_none_says_nothing_and_is_made_anew(tmp_path: Path, harm: object) -> None:
    path = filled(tmp_path / "x.sqlite")
    assert callable(harm)
    harm(path)
    assert remembered(path) == Remembered()
    assert remembered(filled(path)).written == frozenset({b"a", b"b"})


def test_without_its_folder_memory_serves(tmp_path: Path) -> None:
    path = filled(tmp_path / "state/x.sqlite")
    database = Database(path)
    shutil.rmtree(tmp_path / "state")
    for _ in range(2):
        database.note_written([b"c"])
        database.add_to_journal(["x"])
    database.close()
    assert not path.exists()
    database = Database(tmp_path / "state/deeper/x.sqlite")
    assert database.lost
    database.note_seen({b"a": ROW})
    database.close()
