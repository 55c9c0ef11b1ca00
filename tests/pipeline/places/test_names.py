"""Names of objects that cannot lie as files on a system, or not beside each other."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from dicombake.pipeline.errors import StoreError
from dicombake.pipeline.places.names import misplaced
from dicombake.pipeline.places.spool import check_names


@pytest.mark.parametrize(
    "name",
    [
        "C:a.dcm",
        "a/C:b.dcm",
        "12:30.dcm",
        "nul",
        "a/aux.dcm",
        "COM1/a",
        "a?.dcm",
        "a. /b",
        "a.",
        "tab\t.dcm",
        'a".dcm',
    ],
)
def test_what_windows_has_no_file_for(name: str) -> None:
    assert [path for path, _ in misplaced([name], windows=True, folds=True)] == [name]
    assert list(misplaced([name], windows=False, folds=True)) == []


@pytest.mark.parametrize("name", ["a.dcm", "a b/c.d.dcm", "é/ü.dcm", "console/a.dcm", "com10.dcm", ".hidden"])
def test_what_windows_takes_stays_in_its_folder(name: str) -> None:
    assert list(misplaced([name], windows=True, folds=True)) == []
    folder = PureWindowsPath("D:/spool")
    assert folder in folder.joinpath(*name.split("/")).parents


def test_names_that_are_one_file() -> None:
    names = ["a/B.dcm", "A/b.dcm", "e\u0301.dcm", "\u00e9.dcm", "c.dcm"]
    found = dict(misplaced(names, windows=False, folds=True))
    assert list(found) == ["A/b.dcm", "\u00e9.dcm"]
    assert found["A/b.dcm"] == "this system takes it and 'a/B.dcm' for one file"
    assert list(misplaced(names, windows=False, folds=False)) == []


def test_objects_are_refused_as_this_system_takes_names(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    names = ["a.dcm", "A.dcm"]
    check_names(["a.dcm", "b.dcm", "a.dcm"], "s3://bucket/")
    if not (tmp_path / "A").exists():
        check_names(names, "s3://bucket/")
        return
    with pytest.raises(StoreError, match=r"takes it and 'a\.dcm' for one file") as caught:
        check_names(names, "s3://bucket/")
    assert caught.value.subject == "s3://bucket/A.dcm"
