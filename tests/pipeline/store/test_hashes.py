"""Packed hashes are what a dictionary of them would be, and make the same lock."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.packed import Packed
from dicombake.pipeline.store import hashes as module
from dicombake.pipeline.store import lock as locks
from dicombake.pipeline.store.database import Remembered
from dicombake.pipeline.store.hashes import PackedHashes, hashes, kept, merged
from dicombake.pipeline.store.lock import Lock, _read_in_order, format_lock, parse_lock, read_lock, unescape
from dicombake.pipeline.store.state import journal_lines, journal_of
from hypothesis import given
from hypothesis import strategies as st

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
paths = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=5)
tables = st.dictionaries(paths, digests, max_size=12)


@pytest.fixture(autouse=True, scope="module")
def few() -> None:
    """Pack from the third record on."""
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "FEW", 2)
    patch.setattr(locks, "_MANY", 1)
    yield
    patch.undo()


@given(tables, tables, paths)
def test_packed_hashes_are_the_dictionary(one: dict[str, str], other: dict[str, str], path: str) -> None:
    packed = hashes(one.items())
    assert isinstance(packed, PackedHashes) == (len(one) >= 2)
    assert packed == one and dict(packed.items()) == one and len(packed) == len(one)
    assert packed.get(path) == one.get(path)
    assert merged(packed, hashes(other.items())) == {**one, **other}
    assert merged(one, hashes(other.items())) == {**one, **other}
    wanted = set(list(one)[::2])
    assert kept(packed, wanted.__contains__) == {key: one[key] for key in wanted}
    assert hashes([*one.items(), *((key, "00" * 32) for key in one)]) == dict.fromkeys(one, "00" * 32)
    assert (packed == other) == (one == other)


@given(st.lists(st.tuples(paths, digests), max_size=12))
def test_a_path_that_comes_twice_ends_nothing(pairs: list[tuple[str, str]]) -> None:
    assert hashes(iter(pairs)) == dict(pairs)


@given(tables, tables, tables)
def test_a_lock_is_the_same_packed_or_not(
    tmp_path_factory: pytest.TempPathFactory,
    inputs: dict[str, str],
    outputs: dict[str, str],
    units: dict[str, str],
) -> None:
    plain = Lock("ab" * 32, "0.1.0", {"numpy": "2"}, inputs, outputs, units, {"a:tags.X": "ab" * 6})
    packed = Lock(
        plain.recipe,
        plain.program,
        plain.codecs,
        *(hashes(table.items()) for table in (inputs, outputs, units)),
        options=plain.options,
    )
    text = format_lock(plain)
    assert format_lock(packed) == text
    facts = text.split("\n")[1:-1]
    assert facts == sorted(
        facts, key=lambda fact: (fact.partition(" ")[0], unescape(fact.partition("  ")[2]) or fact)
    )
    file = tmp_path_factory.mktemp("lock") / "x.lock"
    file.write_text(text, encoding="utf-8", newline="\n")
    assert _read_in_order(file) == read_lock(file) == parse_lock(text) == plain


@given(tables, tables, tables, tables)
def test_the_journal_of_many_files_gives_the_last_that_it_says_of_each(
    inputs: dict[str, str], outputs: dict[str, str], units: dict[str, str], later: dict[str, str]
) -> None:
    first = Lock("ab" * 32, "0.1.0", {"numpy": "2"}, inputs, outputs, units, {"a:tags.X": "ab" * 6})
    lines = [*journal_lines(first), *journal_lines(Lock(outputs=later), "output")]
    expected = Lock(
        first.recipe, first.program, first.codecs, inputs, {**outputs, **later}, units, first.options
    )
    found = journal_of(Remembered(journal=Packed(str, lines)))
    assert found == (expected if expected.outputs else Lock())
    wrong = Packed(str, [*lines, "nothing that a lock says"])
    assert journal_of(Remembered(journal=wrong)) == Lock()


HEAD = "dicombake-lock 1\n"
A, B = (f"input {digit * 64}  data:{digit}.tif\n" for digit in "ab")


@pytest.mark.parametrize(
    "text",
    [
        HEAD + B + A, A + HEAD + B, (HEAD + A + B).replace("\n", "\r\n"), HEAD + A + A + B,
        HEAD + A + f"recipe {'c' * 64}\n" + B, HEAD + A.rstrip("\n"), HEAD + "\n" + A,
        HEAD + A.replace("\n", "\r\n") + B,
    ],
)  # fmt: skip
def test_another_order_is_read_too(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.lock"
    file.write_bytes(text.encode())
    assert read_lock(file) == parse_lock(text)
    assert read_lock(file).inputs["a.tif"] == "a" * 64


def test_a_large_lock_of_other_lines_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_MOST_OTHERS", 100)
    file = tmp_path / "x.lock"
    file.write_text(HEAD + "".join(f"codec a{number} 1\n" for number in range(20)), encoding="utf-8")
    assert _read_in_order(file) is None


@pytest.mark.parametrize(
    "text",
    [
        A + B, HEAD + "<<<<<<< one\n" + A, HEAD + A + A.replace("a" * 64, "b" * 64), HEAD + "inputs\n",
        HEAD + A.replace("data:", "out:"), "dicombake-lock 2\n" + A, HEAD + A + "\xff",
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_as_ever(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.lock"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(PlanError) as packed:
        read_lock(file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locks, "_MANY", 2**30)
        with pytest.raises(PlanError) as plain:
            read_lock(file)
    assert packed.value.lines == plain.value.lines
