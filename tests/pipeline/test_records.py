"""Records are the standard library's frozen dataclasses in all that they do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from functools import cached_property
from typing import Any

import pytest
from dicombake.pipeline.records import dataclass as record
from hypothesis import given
from hypothesis import strategies as st


@record(frozen=True, slots=True)
class Quick:
    """Four fields."""

    first: Any
    second: Any = ()
    third: Any = dataclasses.field(default_factory=dict)
    apart: Any = dataclasses.field(default="", compare=False)


@record(frozen=True)
class Loose:
    """The same without slots."""

    first: Any
    second: Any = ()
    third: Any = dataclasses.field(default_factory=dict)
    apart: Any = dataclasses.field(default="", compare=False)

    @cached_property
    def twice(self) -> Any:
        return 2 * self.first


@record(frozen=True)
class Looser(Loose):
    more: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """Four fields."""

    first: Any
    second: Any = ()
    third: Any = dataclasses.field(default_factory=dict)
    apart: Any = dataclasses.field(default="", compare=False)


@record(frozen=True, slots=True)
class Doubled:
    value: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", 2 * self.value)


@record(frozen=True, slots=True)
class Nothing:
    """No field."""


VALUES = st.one_of(st.integers(), st.text(max_size=3), st.tuples(st.integers(0, 1)), st.floats())
ARGUMENTS = st.tuples(VALUES, VALUES, VALUES, VALUES)


@given(ARGUMENTS, ARGUMENTS)
def test_they_compare_hash_and_show_as_the_standard_ones(one: Any, other: Any) -> None:
    standard = (Standard(*one), Standard(*other))
    for kind in (Quick, Loose):
        quick = (kind(*one), kind(*other))
        assert (quick[0] == quick[1]) is (standard[0] == standard[1])
        assert (quick[0] == kind(*one)) is (standard[0] == Standard(*one))
        assert [hash(each) for each in quick] == [hash(each) for each in standard]
        assert repr(quick[0]) == repr(standard[0]).replace("Standard", kind.__name__, 1)
        assert quick[0] != standard[0]


def test_they_are_made_as_the_standard_ones() -> None:
    names = list(inspect.signature(Standard).parameters)
    assert (
        list(inspect.signature(Quick).parameters)
        == names
        == [each.name for each in dataclasses.fields(Quick)]
    )
    assert Quick(1) == Quick(first=1, second=(), third={})
    assert Quick(1).third is not Quick(1).third
    assert Looser(1, more=2) == Looser(1, (), {}, "", 2) and Looser(1) != Loose(1)
    assert Doubled(2).value == 4 and Doubled.__doc__ == "Doubled"
    assert Nothing() == Nothing() and repr(Nothing()) == "Nothing()"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'first'"):
        Quick()  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [Quick, Loose, Looser, Standard])
def test_they_never_change(kind: Any) -> None:
    one = kind(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'first'"):
        one.first = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'first'"):
        del one.first
    assert one.first == 1 and dataclasses.replace(one, first=2) == kind(2)


def test_those_without_slots_remember_what_is_worked_out_once() -> None:
    one = Loose([1])
    assert one.twice is one.twice and one.twice == [1, 1]
    assert dataclasses.replace(one, first=[2]).twice == [2, 2]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
@pytest.mark.parametrize("kind", [Quick, Loose, Looser])
def test_they_travel(kind: Any, again: Any) -> None:
    one = kind([1], "x", {"y": Doubled(3)}, apart="z")
    other = again(one)
    assert other == one and other.apart == "z" and other.third["y"].value == 6


def test_what_a_class_says_itself_stands() -> None:
    @record(frozen=True, slots=True)
    class Own:
        value: float

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert repr(Own(1)) == "own" and Own(1) == Own(2) and hash(Own(1)) == 7


def test_any_other_options_are_the_standard_librarys() -> None:
    @record(slots=True)
    class Changing:
        value: int = 0

    @record
    class Plain:
        value: int = 0

    one, plain = Changing(), Plain()
    one.value = plain.value = 3
    assert (one.value, plain.value) == (3, 3) and hasattr(plain, "__dict__")
    match Quick(1, 2):
        case Quick(first, second):
            assert (first, second) == (1, 2)
