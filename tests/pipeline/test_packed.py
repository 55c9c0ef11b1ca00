"""Packed records are what plain sequences and dictionaries of them would be."""

from __future__ import annotations

import pytest
from dicombake.pipeline import packed
from dicombake.pipeline.packed import Packed, PackingError, Rows
from dicombake.pipeline.plan.model import NO_COMPANIONS, InputFile, Output, Unit
from hypothesis import given, settings
from hypothesis import strategies as st

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
inputs = st.builds(
    InputFile, texts, st.sampled_from(["data", "out"]), st.lists(st.tuples(texts, texts)).map(tuple)
)
outputs = st.builds(Output, texts, st.integers(0, 3), st.none() | st.integers(1, 9))
units = st.builds(
    Unit,
    texts,
    texts,
    st.integers(1, 10**6),
    st.lists(inputs, max_size=3).map(tuple),
    st.lists(outputs, max_size=3).map(tuple),
    pages=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
    needs=st.lists(texts, max_size=2).map(tuple),
    named=st.lists(st.tuples(texts, st.lists(inputs, max_size=2).map(tuple)), max_size=2).map(tuple),
)


@settings(max_examples=25)
@given(st.lists(units, max_size=7), st.slices(7))
def test_packed_units_are_the_units(made: list[Unit], part: slice) -> None:
    before, packed.BLOCK = packed.BLOCK, 3
    try:
        found = Packed(Unit, made)
        assert (list(found), len(found)) == (made, len(made))
        assert [found[number] for number in range(len(made))] == made
        assert [found[-number] for number in range(1, len(made) + 1)] == made[::-1]
        assert found[part] == tuple(made[part])
        assert found == made and found != [*made, made]
    finally:
        packed.BLOCK = before
    with pytest.raises(IndexError):
        found[len(made)]


def test_a_file_without_companions_stays_one() -> None:
    found = Packed(Unit, [Unit("a", "c", 1, (InputFile("a.tif"),), ())] * packed.BLOCK)
    assert found[0].inputs[0].companions is NO_COMPANIONS


def test_a_name_that_is_no_unicode_is_held_as_it_is() -> None:
    made = [Unit("\udcff", "c", number, (), ()) for number in range(packed.BLOCK + 1)]
    assert list(Packed(Unit, made)) == made


@given(st.dictionaries(st.binary(max_size=4), st.binary(max_size=3), max_size=20), st.binary(max_size=4))
def test_rows_are_the_dictionary(made: dict[bytes, bytes], other: bytes) -> None:
    before, packed.BLOCK = packed.BLOCK, 3
    try:
        rows = Rows(sorted(made.items()))
    finally:
        packed.BLOCK = before
    assert dict(rows) == made and len(rows) == len(made)
    assert list(rows.rows()) == sorted(made.items())
    assert rows.get(other) == made.get(other)
    assert rows.keys() == made.keys()


def test_rows_that_are_not_in_order_or_disagree_are_refused() -> None:
    assert dict(Rows([(b"a", b"1"), (b"a", b"1")])) == {b"a": b"1"}
    for wrong in ([(b"b", b""), (b"a", b"")], [(b"a", b"1"), (b"a", b"2")]):
        with pytest.raises(PackingError):
            Rows(wrong)
