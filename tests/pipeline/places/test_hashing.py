"""Hashes of many files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from dicombake.pipeline.places.hashing import absent, file_hashes


@pytest.mark.parametrize("jobs", [None, 1, 3])
def test_every_file_has_its_own(tmp_path: Path, jobs: int | None) -> None:
    contents = {f"f{number}": bytes([number]) * number * 9973 for number in range(200)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = file_hashes([str(tmp_path / name) for name in contents], jobs)
    assert found == {
        str(tmp_path / name): hashlib.sha256(content).hexdigest() for name, content in contents.items()
    }


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    paths = [str(tmp_path / name) for name in ("file", "none", "file/below")]
    found = file_hashes([*paths, str(tmp_path)])
    assert found[paths[0]] == hashlib.sha256().hexdigest()
    assert [absent(found[path]) for path in paths] == [False, True, True]
    assert isinstance(found[str(tmp_path)], OSError)
    assert not absent(found[str(tmp_path)])
