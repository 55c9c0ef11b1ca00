"""The memory: kept, read without a trace, and never in the way when it is damaged or gone."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import struct
import sys
from contextlib import closing
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest
from dicombake.pipeline.store.database import Database, Remembered, read_only, remembered

ROW = (12, 34, 56, "ab" * 32)


def filled(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    database = Database(path)
    assert not database.lost
    database.note_seen([(b"a", ROW), (b"\xff", ROW)])
    database.note_claimed([(b"a", "ab" * 32), (b"c", "ab" * 32), (b"c", "cd" * 32)])
    database.begin_journal(["one"])
    database.note_finished([b"a", b"b"], ["two"])
    database.close()
    return path


def test_what_is_noted_comes_back(tmp_path: Path) -> None:
    path = filled(tmp_path / "x.sqlite")
    claimed = {b"c": frozenset({"ab" * 32, "cd" * 32})}
    assert remembered(path) == Remembered(
        {b"a": ROW, b"\xff": ROW}, frozenset({b"a", b"b"}), ("one", "two"), claimed
    )
    database = Database(path)
    database.note_seen([(b"a", (1, 2, 3, "cd" * 32))], gone=[b"\xff", b"never there"])
    database.note_finished([b"b", b"c"], ["three"])
    database.forget_written([b"a"])
    database.close()
    assert remembered(path) == Remembered(
        {b"a": (1, 2, 3, "cd" * 32)}, frozenset({b"b", b"c"}), ("one", "two", "three")
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


def altered(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as db:
        for text in statements:
            db.execute(text)
    db.close()


def endless(path: Path) -> None:
    """A view in place of a table: reading it has no end."""
    numbers = "WITH RECURSIVE n(path) AS (SELECT 1 UNION ALL SELECT path + 1 FROM n) SELECT path FROM n"
    altered(path, "DROP TABLE written", f"CREATE VIEW written AS {numbers}")


def triggered(path: Path) -> None:
    altered(path, "CREATE TRIGGER t AFTER INSERT ON written BEGIN DELETE FROM seen; END")


def escaping(path: Path) -> None:
    """A table whose name ends a quoted name and goes on: nothing may be made beside the database."""
    beside = path.with_name("elsewhere.sqlite")
    altered(
        path,
        f"""CREATE TABLE "x""; ATTACH '{beside}' AS e; CREATE TABLE e.t(a); --" (a)""",
        "PRAGMA user_version = 1",
    )


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("elsewhere.sqlite"))


def naming_another(path: Path) -> None:
    """A hot journal that names a file, which SQLite takes for that of several databases, and removes."""
    victim = path.with_name("precious").as_posix().encode()
    total = sum(victim) & 0xFFFFFFFF
    header = bytes.fromhex("d9d505f920a163d7") + struct.pack(">IIIII", 0, 0, 1, 512, 4096)
    tail = struct.pack(">I", 1) + victim + struct.pack(">II", len(victim), total)
    path.with_name("x.sqlite-journal").write_bytes(
        header.ljust(512, b"\0") + tail + bytes.fromhex("d9d505f920a163d7")
    )


@pytest.mark.parametrize(
    "harm",
    [damaged, cut, emptied, newer, poorer, endless, triggered, escaping, linked, naming_another],
)
def test_a_database_that_is_none_says_nothing_and_is_made_anew(tmp_path: Path, harm: object) -> None:
    path = filled(tmp_path / "x.sqlite")
    (tmp_path / "precious").write_text("mine")
    assert callable(harm)
    harm(path)
    assert remembered(path) == Remembered()
    assert remembered(filled(path)).written == frozenset({b"a", b"b"})
    assert sorted(file.name for file in tmp_path.iterdir() if file.stat().st_size) == ["precious", "x.sqlite"]


@pytest.mark.parametrize(
    "row",
    [
        "INSERT INTO journal (line) VALUES (x'00ff')",
        "INSERT INTO journal (line) VALUES (CAST(x'ff' AS TEXT))",
        "INSERT INTO seen VALUES ('text', 1, 2, 3, 'x')",
        "INSERT INTO seen VALUES (x'00', 'many', NULL, 3.5, x'00')",
        "INSERT INTO written VALUES (7)",
        "INSERT INTO claimed VALUES (x'00', 'no hash')",
        "INSERT INTO seen VALUES (x'00', 1, 2, 3, CAST(hex(zeroblob(32)) || char(0) || 'z' AS TEXT))",
    ],
)
def test_a_row_of_other_types_says_nothing(tmp_path: Path, row: str) -> None:
    path = filled(tmp_path / "x.sqlite")
    before = remembered(path)
    altered(path, row)
    after = remembered(path)
    assert after._replace(journal=after.journal[:2]) == before
    assert all(isinstance(line, str) for line in after.journal)
    assert remembered(filled(path)).written >= before.written


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_it_is_the_owners_alone(tmp_path: Path) -> None:
    assert stat.S_IMODE(filled(tmp_path / "x.sqlite").stat().st_mode) == 0o600


def test_without_its_folder_memory_serves(tmp_path: Path) -> None:
    path = filled(tmp_path / "state/x.sqlite")
    database = Database(path)
    shutil.rmtree(tmp_path / "state")
    for _ in range(2):
        database.note_finished([b"c"], ["x"])
    database.close()
    assert not path.exists()
    database = Database(tmp_path / "state/deeper/x.sqlite")
    assert database.lost
    database.note_seen([(b"a", ROW)])
    database.close()


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PureWindowsPath(r"\\server\share\qa\x y.sqlite"), "file:////server/share/qa/x%20y.sqlite?mode=ro"),
        (PureWindowsPath(r"C:\qa\x.sqlite"), "file:///C:/qa/x.sqlite?mode=ro"),
        (PurePosixPath("/qa/x?.sqlite"), "file:///qa/x%3F.sqlite?mode=ro"),
    ],
)
def test_a_share_of_windows_has_no_host_in_its_uri(path: PurePath, uri: str) -> None:
    assert read_only(path) == uri


def test_four_slashes_are_a_path_to_sqlite(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.sqlite").execute("CREATE TABLE t (a)").connection.close()
    uri = f"file:///{(tmp_path / 'x.sqlite').as_posix()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as db:
        assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
