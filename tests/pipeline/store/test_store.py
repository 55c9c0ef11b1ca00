"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.errors import DifferenceError, StoreError, VerificationError
from dicombake.pipeline.reading import file_sha256
from dicombake.pipeline.store.files import (
    Store,
    Written,
    write_file,
    write_named,
)
from dicombake.pipeline.store.scratch import Scratch
from dicombake.pipeline.store.temporary import part_name, remove_abandoned, remove_leftovers, write_part

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and signals")


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_chunks_become_one_file_with_its_hash(tmp_path: Path) -> None:
    wide = memoryview(bytearray(range(24))).cast("H", (3, 4))
    empty = memoryview(bytearray()).cast("d")
    content = b"head" + bytes(range(24)) + b"tail"
    seen: list[bytes] = []
    written = Store(tmp_path).put(
        "a/b/c.dcm", (b"head", wide, empty, b"tail"), lambda path: seen.append(path.read_bytes())
    )
    assert written == Written("a/b/c.dcm", len(content), hashlib.sha256(content).hexdigest())
    assert (tmp_path / "a/b/c.dcm").read_bytes() == content
    assert seen == [content]
    assert names(tmp_path) == ["a/b/c.dcm"]
    assert file_sha256(tmp_path / "a/b/c.dcm") == written.sha256


def test_the_temporary_file_lies_hidden_in_the_same_folder(tmp_path: Path) -> None:
    seen: list[Path] = []
    Store(tmp_path, durable=True).put("a/b.dcm", (b"x",), seen.append)
    assert seen == [tmp_path / "a" / f".b.dcm.{os.getpid()}.part"]


def test_what_is_read_back_wrong_is_removed_and_the_old_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"old")

    def wrong(path: Path) -> None:
        raise VerificationError("pixels differ", subject=str(path.name))

    with pytest.raises(VerificationError, match="pixels differ"):
        Store(tmp_path, overwrite=True).put("a.dcm", (b"new",), wrong)
    assert names(tmp_path) == ["a.dcm"]
    assert (tmp_path / "a.dcm").read_bytes() == b"old"


def test_an_unreadable_file_is_not_put_in_place(tmp_path: Path) -> None:
    def gone(path: Path) -> None:
        path.with_name("other").read_bytes()

    with pytest.raises(VerificationError, match=r"^a\.dcm: cannot be read back after writing: "):
        Store(tmp_path).put("a.dcm", (b"new",), gone)
    assert names(tmp_path) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interruption_leaves_nothing(tmp_path: Path, interruption: type[BaseException]) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise interruption

    with pytest.raises(interruption):
        Store(tmp_path).put("a.dcm", chunks())
    assert names(tmp_path) == []


def test_a_file_that_is_not_ours_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"foreign")
    with pytest.raises(StoreError) as caught:
        Store(tmp_path, ours={"b.dcm"}).put("a.dcm", (b"new",))
    assert str(caught.value) == (
        "a.dcm: exists and was not written by this recipe; move it away, or give --overwrite to replace it"
    )
    assert (tmp_path / "a.dcm").read_bytes() == b"foreign"
    for store in (Store(tmp_path, ours={"a.dcm"}), Store(tmp_path, overwrite=True)):
        store.put("a.dcm", (b"new",))
        assert (tmp_path / "a.dcm").read_bytes() == b"new"
        (tmp_path / "a.dcm").write_bytes(b"foreign")
    assert names(tmp_path) == ["a.dcm"]


def test_expected_content_is_compared_before_it_is_put_in_place(tmp_path: Path) -> None:
    store = Store(tmp_path, expected={"a.dcm": hashlib.sha256(b"right").hexdigest()})
    with pytest.raises(DifferenceError, match=r"^a\.dcm: its content would be "):
        store.put("a.dcm", (b"wrong",))
    assert names(tmp_path) == []
    store.put("a.dcm", (b"right",))
    store.put("b.dcm", (b"nobody expects this",))
    assert names(tmp_path) == ["a.dcm", "b.dcm"]


@posix
def test_the_mode_is_the_users_usual_one(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        Store(tmp_path).put("new/a.dcm", (b"x",))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new/a.dcm").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o750


@pytest.mark.parametrize("length", [200, 255])
def test_long_names_are_written(tmp_path: Path, length: int) -> None:
    name = "n" * (length - 4) + ".dcm"
    Store(tmp_path).put(name, (b"x",))
    assert names(tmp_path) == [name]


def test_a_name_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"dcm: cannot be written: the name is too long"):
        Store(tmp_path).put("n" * 300 + ".dcm", (b"x",))
    assert names(tmp_path) == []


def test_a_file_where_a_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("file")
    with pytest.raises(StoreError) as caught:
        Store(tmp_path).put("a/b.dcm", (b"x",))
    assert str(caught.value) == "a/b.dcm: cannot be written: a part of its path is a file, not a folder"


def test_a_folder_of_that_name_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").mkdir()
    with pytest.raises(StoreError, match=r"^a\.dcm: "):
        Store(tmp_path, overwrite=True).put("a.dcm", (b"x",))
    assert names(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StoreError, match=r"^a\.dcm: cannot be written: the disk is full$"):
        Store(tmp_path).put("a.dcm", chunks())
    assert names(tmp_path) == []


def test_a_process_killed_while_writing_leaves_only_a_part_that_the_next_run_removes(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import os, sys
        from pathlib import Path
        from dicombake.pipeline.store.files import Store
        def chunks():
            yield b"x" * 100_000
            os._exit(9)
        Store(Path(sys.argv[1]), overwrite=True).put("out/a.dcm", chunks())
        """
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.dcm").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == 9
    left = [name for name in names(tmp_path) if name != "out/a.dcm"]
    assert len(left) == 1
    assert left[0].startswith("out/.a.dcm.")
    assert left[0].endswith(".part")
    assert (tmp_path / "out/a.dcm").read_bytes() == b"old"
    assert remove_leftovers(tmp_path, ["out/a.dcm", "absent/b.dcm"]) == 1
    assert names(tmp_path) == ["out/a.dcm"]


def test_leftovers_of_others_stay(tmp_path: Path) -> None:
    long = "n" * 251 + ".dcm"
    for name in (".a.dcm.12.part", ".b.dcm.12.part", ".a.dcm.part", "a.dcm.12.part", part_name(long)):
        (tmp_path / name).write_text("half")
    assert remove_leftovers(tmp_path, ["a.dcm", long]) == 2
    assert names(tmp_path) == [".a.dcm.part", ".b.dcm.12.part", "a.dcm.12.part"]


@posix
class TestNamedByTheUser:
    def test_a_file_is_replaced_whole_and_keeps_its_mode(self, tmp_path: Path) -> None:
        (tmp_path / "report").write_text("old")
        (tmp_path / "report").chmod(0o600)
        before = (tmp_path / "report").stat().st_ino
        write_named(tmp_path / "report", b"new")
        assert (tmp_path / "report").read_bytes() == b"new"
        assert (tmp_path / "report").stat().st_ino != before
        assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o600

    def test_what_a_killed_process_left_of_it_is_removed(self, tmp_path: Path) -> None:
        with subprocess.Popen([sys.executable, "-c", ""]) as gone:
            pass
        left = tmp_path / f".a.html.{gone.pid}.part"
        stay = [
            tmp_path / name
            for name in (f".b.html.{gone.pid}.part", f".a.html.{os.getppid()}.part", ".a.html.part")
        ]
        for path in (left, *stay):
            path.write_bytes(b"half")
        write_named(tmp_path / "a.html", b"new")
        assert sorted(tmp_path.iterdir()) == sorted([*stay, tmp_path / "a.html"])

    def test_only_what_a_process_may_have_left_is_removed(self, tmp_path: Path) -> None:
        """Numbers that machines share are of nobody here, one's own only before one has written."""
        own, shared = f".a.html.{os.getpid()}.part", ".a.html.18446744073709551615.part"
        for name in (own, shared):
            (tmp_path / name).write_bytes(b"half")
        remove_abandoned(tmp_path, "a.html".__eq__)
        assert names(tmp_path) == sorted([own, shared])
        remove_abandoned(tmp_path, "a.html".__eq__, begun=False)
        assert names(tmp_path) == [shared]

    @posix
    def test_a_link_to_a_pipe_is_written_through(self, tmp_path: Path) -> None:
        code = (
            "from pathlib import Path; from dicombake.pipeline.store.files import write_named; "
            "write_named(Path('/dev/stdout'), b'page')"
        )
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
        assert done.stdout == b"page"

    def test_a_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "real/file").write_text("old")
        (tmp_path / "link").symlink_to("real/file")
        (tmp_path / "dangling").symlink_to("real/other")
        write_named(tmp_path / "link", b"new")
        write_named(tmp_path / "dangling", b"other")
        assert (tmp_path / "link").is_symlink() and (tmp_path / "dangling").is_symlink()
        assert names(tmp_path / "real") == ["file", "other"]
        assert (tmp_path / "real/file").read_bytes() == b"new"

    def test_a_link_in_a_circle_stays(self, tmp_path: Path) -> None:
        (tmp_path / "one").symlink_to("two")
        (tmp_path / "two").symlink_to("one")
        with pytest.raises(StoreError, match="symbolic links"):
            write_named(tmp_path / "one", b"new")
        assert (tmp_path / "one").is_symlink() and len([*tmp_path.iterdir()]) == 2

    def test_a_pipe_is_written_to(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE) as reader:
            write_named(tmp_path / "pipe", b"x" * 100_000)
            assert reader.communicate(timeout=20)[0] == b"x" * 100_000
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)

    def test_a_device_stays_one(self) -> None:
        write_named(Path("/dev/null"), b"x")
        assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_program_file_is_replaced_whole(tmp_path: Path) -> None:
    write_file(tmp_path / "state/x.lock", b"one")
    write_file(tmp_path / "state/x.lock", b"two")
    assert (tmp_path / "state/x.lock").read_bytes() == b"two"
    assert names(tmp_path) == ["state/x.lock"]
    with pytest.raises(StoreError, match="a part of its path is a file"):
        write_file(tmp_path / "state/x.lock/y", b"")


@pytest.mark.parametrize("sizes", [[2**18] * 12, [2**18, 3, 2**19 + 1] * 4, [2**21] * 5 + [0, 1]])
def test_many_large_chunks_are_hashed_as_they_are_written(sizes: list[int], tmp_path: Path) -> None:
    content = np.random.default_rng(1).integers(0, 256, sum(sizes), np.uint8)
    ends = np.cumsum(sizes)
    chunks = [content[end - size : end].data for size, end in zip(sizes, ends, strict=True)]
    size, sha256 = write_part(tmp_path / "a.part", chunks)
    assert (tmp_path / "a.part").read_bytes() == content.tobytes()
    assert (size, sha256) == (content.size, hashlib.sha256(content).hexdigest())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system that forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_hashes_on_a_thread_of_its_own(tmp_path: Path) -> None:
    chunks = [bytes([number]) * 2**18 for number in range(8)]
    code = textwrap.dedent(f"""
        import multiprocessing, pathlib
        from dicombake.pipeline.store.temporary import write_part
        chunks = [bytes([number]) * 2**18 for number in range(8)]
        write_part(pathlib.Path(r"{tmp_path}/a"), chunks)
        child = multiprocessing.get_context("fork").Process(
            target=write_part, args=(pathlib.Path(r"{tmp_path}/b"), chunks)
        )
        child.start()
        child.join(60)
        child.kill()
    """)
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)
    assert (tmp_path / "b").read_bytes() == b"".join(chunks)


def test_what_waits_for_an_output_is_read_against_its_checksum(tmp_path: Path) -> None:
    arrays = [np.arange(12, dtype="u2").reshape(3, 4) + number for number in range(3)]
    scratch = Scratch(tmp_path)
    for array in arrays:
        scratch.add(array)
    np.testing.assert_array_equal(scratch.together(), arrays)
    scratch._file.seek(9)
    scratch._file.write(b"\xff")
    for read in (scratch.together, scratch.arrays):
        with pytest.raises(StoreError, match="reads back as other values"):
            read()
    scratch.close()
