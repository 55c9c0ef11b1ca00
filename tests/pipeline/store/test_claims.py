"""Workers that outlive their run, on this machine or another."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import StoreError
from dicombake.pipeline.places.place import LocalPlace
from dicombake.pipeline.store.claims import Claims, claim_files
from dicombake.pipeline.store.files import Store
from dicombake.pipeline.store.state import State
from msgspec.structs import replace


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "r.yaml")
    state.prepare()
    return state


@pytest.fixture
def claims(tmp_path: Path, state: State) -> Claims:
    return replace(state.claims(LocalPlace(tmp_path / "out")), run=state.name_run())


def store(tmp_path: Path, claims: Claims) -> Store:
    return Store(tmp_path / "out", claims=claims, shared=True)


def test_a_worker_puts_nothing_in_place_after_its_run(tmp_path: Path, state: State, claims: Claims) -> None:
    assert store(tmp_path, claims).put("a", [b"one"]).size == 3
    state.end_run()
    with pytest.raises(StoreError) as caught:
        store(tmp_path, claims).put("b", [b"two"])
    assert str(caught.value) == "b: is not put in place: the run that this worker worked for has ended"
    state.name_run()  # of the next run
    with pytest.raises(StoreError):
        store(tmp_path, claims).put("b", [b"two"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_two_workers_with_one_process_number_do_not_meet(tmp_path: Path, claims: Claims) -> None:
    """The second begins and ends while the first writes; its process number is the same."""

    def slowly() -> object:
        yield b"same "
        assert store(tmp_path, claims).put("a", [b"same bytes"]).size == 10
        yield b"bytes"

    first = store(tmp_path, claims).put("a", slowly())  # type: ignore[arg-type]
    assert first.size == 10 and (tmp_path / "out/a").read_bytes() == b"same bytes"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a"]


def test_what_is_there_already_is_left_to_its_readers(tmp_path: Path, claims: Claims) -> None:
    store(tmp_path, claims).put("a", [b"same bytes"])
    before = (tmp_path / "out/a").stat()
    store(tmp_path, claims).put("a", [b"same bytes"])
    after = (tmp_path / "out/a").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_files_of_claims_are_not_named_by_process(tmp_path: Path, claims: Claims) -> None:
    claims.add("a", "0" * 64)
    (file,) = claim_files(claims.start)
    assert len(file.name) > len("r.claims.4194304")  # the largest number of a process on Linux
