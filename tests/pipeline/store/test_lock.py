"""The lock: a text that git can merge, and that says what is wrong with itself."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.recipe.lock_path import lock_path
from dicombake.pipeline.store.lock import (
    Lock,
    escape,
    format_lock,
    parse_lock,
    read_lock,
    sums_of,
    unescape,
)
from hypothesis import given
from hypothesis import strategies as st

HASH = st.text("0123456789abcdef", min_size=64, max_size=64)
PATH = st.text(st.characters(), min_size=1, max_size=30)
TABLE = st.dictionaries(PATH, HASH, max_size=5)
SHORT = st.text("0123456789abcdef", min_size=12, max_size=12)
CONVERSION = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,9}", fullmatch=True)
WORD = st.text("abcdefghijklmnop-.0123456789", min_size=1, max_size=12)

EXAMPLE = Lock(
    recipe="7" * 64,
    program="0.1.0",
    codecs={"imagecodecs": "2026.3.6"},
    inputs={"raw/epid/a.xim": "6" * 64, "raw/epid/b.xim": "5" * 64},
    outputs={"dicom/a.dcm": "9" * 64},
    units={"dicom/a.dcm": "0" * 64},
    options={"epid:tags.PatientID": "3" * 12, "epid:exports[0].to": "4" * 12},
)
TEXT = f"""\
dicombake-lock 1
codec imagecodecs 2026.3.6
input {"6" * 64}  data:raw/epid/a.xim
input {"5" * 64}  data:raw/epid/b.xim
option {"4" * 12}  epid:exports[0].to
option {"3" * 12}  epid:tags.PatientID
output {"9" * 64}  out:dicom/a.dcm
program dicombake 0.1.0
recipe {"7" * 64}
unit {"0" * 64}  out:dicom/a.dcm
"""


def test_the_text_of_a_lock() -> None:
    assert format_lock(EXAMPLE) == TEXT
    assert parse_lock(TEXT) == EXAMPLE


@given(
    st.builds(
        Lock,
        recipe=HASH,
        program=WORD,
        codecs=st.dictionaries(WORD, WORD, max_size=4),
        inputs=TABLE,
        outputs=TABLE,
        units=TABLE,
        options=st.dictionaries(st.builds("{}:{}".format, CONVERSION, PATH), SHORT, max_size=5),
    ),
    st.randoms(use_true_random=False),
)
def test_reading_inverts_writing_in_any_order_of_lines(lock: Lock, dice: random.Random) -> None:
    lines = format_lock(lock).encode("utf-8").decode("utf-8").split("\n")
    assert parse_lock("\n".join(lines)) == lock
    dice.shuffle(lines)
    assert parse_lock("\r\n".join(lines)) == lock


@given(st.text(st.characters() | st.sampled_from("\\\n\r\udc80\udcff\ud800"), max_size=30))
def test_a_path_is_one_line_of_utf8_and_comes_back(path: str) -> None:
    text = escape(path)
    assert "\n" not in text
    assert "\r" not in text
    text.encode("utf-8")
    assert unescape(text) == path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TEXT.replace("output", "<<<<<<< HEAD\noutput"),
            "x.lock:7: has the marks of an unsolved merge; solve it, or remove the file: "
            "the next run checks everything and writes it",
        ),
        (
            TEXT + f"output {'8' * 64}  out:dicom/a.dcm\n",
            "x.lock:11: says two things about dicom/a.dcm; remove the wrong line, or remove the file: "
            "the next run checks everything and writes it",
        ),
        (
            TEXT + "output 12  out:dicom/b.dcm\n",
            "x.lock:11: 'output 12  out:dicom/b.dcm' says nothing that a lock says; remove the file: "
            "the next run checks everything and writes it",
        ),
        (
            "conversions: {}\n",
            "x.lock:1: does not say 'dicombake-lock 1'; remove the file: "
            "the next run checks everything and writes it",
        ),
        (
            TEXT.replace("lock 1", "lock 2"),
            "x.lock: has version 2, this program reads version 1; update dicombake",
        ),
    ],
    ids=["conflict", "two hashes", "malformed", "another file", "newer"],
)
def test_a_wrong_lock_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_lock(text, Path("x.lock"))
    assert str(caught.value) == message


def test_the_same_fact_twice_is_one_fact() -> None:
    assert parse_lock(TEXT + TEXT) == EXAMPLE


def test_a_lock_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "x.lock") == Lock()


def test_a_lock_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.lock").write_bytes(b"\xff\xfe")
    with pytest.raises(PlanError, match=r"x\.lock: is no UTF-8 text; remove the file"):
        read_lock(tmp_path / "x.lock")


def test_where_a_lock_lies() -> None:
    assert lock_path(Path("qa/film.v2.yaml")) == Path("qa/film.v2.lock")


def test_a_changed_hash_changes_one_line() -> None:
    changed = EXAMPLE.updated(Lock(inputs={"raw/epid/a.xim": "0" * 64}))
    before, after = TEXT.splitlines(), format_lock(changed).splitlines()
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [
        (f"input {'6' * 64}  data:raw/epid/a.xim", f"input {'0' * 64}  data:raw/epid/a.xim")
    ]


def test_two_branches_merge_in_git(tmp_path: Path) -> None:
    """Facts about different files, added on two branches, need no hand."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    inputs = {f"raw/{number:02d}.xim": hashlib.sha256(bytes([number])).hexdigest() for number in range(20)}
    base = Lock(program="0.1.0", inputs=inputs)
    ours = base.updated(Lock(inputs={"raw/02b.xim": "a" * 64}))
    theirs = base.updated(Lock(inputs={"raw/15b.xim": "b" * 64}))
    for name, lock in (("ours", ours), ("base", base), ("theirs", theirs)):
        (tmp_path / name).write_bytes(format_lock(lock).encode())
    subprocess.run(["git", "merge-file", "ours", "base", "theirs"], cwd=tmp_path, check=True)
    assert read_lock(tmp_path / "ours") == ours.updated(theirs)


def test_the_options_of_a_conversion_change_as_a_whole() -> None:
    before = Lock(options={"a:tags.X": "1" * 12, "a:source.format": "2" * 12, "b:tags.X": "3" * 12})
    after = before.updated(Lock(options={"a:source.format": "4" * 12}))
    assert after.options == {"a:source.format": "4" * 12, "b:tags.X": "3" * 12}
    assert after.only((), (), {"b"}).options == {"b:tags.X": "3" * 12}


@pytest.mark.parametrize("name", ["a b.dcm", "ü (1).dcm", "sub/deep.dcm", "back\\slash", "line\nend", "*x"])
def test_outputs_are_lines_for_sha256sum(tmp_path: Path, name: str) -> None:
    """Against GNU's own reader, odd names included."""
    program = shutil.which("sha256sum")
    if program is None or os.name == "nt":
        pytest.skip("sha256sum is not installed")
    file = tmp_path / "dicom" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"content")
    lock = Lock(outputs={f"dicom/{name}": hashlib.sha256(b"content").hexdigest()})
    command = [program, "--check", "--strict", "--status"]
    done = subprocess.run(command, input=sums_of(lock), cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    file.write_bytes(b"altered")
    assert subprocess.run(command, input=sums_of(lock), cwd=tmp_path, check=False).returncode == 1


@pytest.mark.skipif(os.name != "posix", reason="a file with a hole takes its room on Windows")
def test_a_lock_that_is_none_by_its_size_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "r.lock"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(PlanError, match="cannot be read: File too large"):
        read_lock(path)
