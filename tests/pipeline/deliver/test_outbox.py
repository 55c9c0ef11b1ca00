"""The outbox is believed in nothing: not in its types, its tables, or what lies in its place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from dicombake.pipeline.deliver.outbox import Outbox, Row, recorded

KNOWN = Row("a" * 64, "1.2.3", "sent", "told")


def kept(path: Path) -> None:
    """Keep a row and read it back."""
    with closing(Outbox(path)) as outbox:
        outbox.note("pacs", "a.dcm", KNOWN)
        assert outbox.rows("pacs", "a.dcm") == [KNOWN]
    assert recorded(path) == {("pacs", "a.dcm", KNOWN.sha256): "sent"}


def changed(path: Path, *statements: str) -> None:
    """Change the file as somebody else may."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


WRONG = {
    "a BLOB for the state's words": "UPDATE delivered SET status = X'00ff'",
    "a number for the UID": "UPDATE delivered SET uid = NULL",
    "an unknown state": "UPDATE delivered SET state = 'done'",
    "a BLOB for the state": "UPDATE delivered SET state = X'73656e74'",
    "bytes that are no text": "UPDATE delivered SET path = CAST(X'ff' AS TEXT), uid = CAST(X'fffe' AS TEXT)",
}


@pytest.mark.parametrize("what", WRONG)
def test_rows_of_other_types_are_ignored(what: str, tmp_path: Path) -> None:
    path = tmp_path / "r.outbox.sqlite"
    kept(path)
    changed(path, WRONG[what])
    with closing(Outbox(path)) as outbox:
        assert outbox.rows("pacs", "a.dcm") == []
        outbox.note("pacs", "a.dcm", KNOWN)
        assert outbox.rows("pacs", "a.dcm") == [KNOWN]
    assert all(isinstance(part, str) for key in recorded(path) for part in key)


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT x, x, x, x, x, x FROM n"


def view(path: Path) -> None:
    kept(path)
    changed(path, "DROP TABLE delivered", f"CREATE VIEW delivered AS {ENDLESS}")


def trigger(path: Path) -> None:
    kept(path)
    changed(path, "CREATE TRIGGER t AFTER INSERT ON delivered BEGIN DELETE FROM delivered; END")


def damaged(path: Path) -> None:
    kept(path)
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 8192)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def journal(path: Path) -> None:
    kept(path)
    os.mkfifo(f"{path}-journal")


def link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    kept(elsewhere)
    path.symlink_to(elsewhere)


def hanging_link(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes among its files")
@pytest.mark.parametrize("put", [view, trigger, damaged, pipe, journal, link, hanging_link])
def test_what_is_no_outbox_is_made_anew(put: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "r.outbox.sqlite"
    put(path)
    assert recorded(path) == {}
    kept(path)
    assert path.is_file() and not path.is_symlink()
    assert not (tmp_path / "nothing").exists()
