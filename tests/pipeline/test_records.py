"""Records are the standard library's frozen dataclasses in all that they do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
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
    quick, standard = (Quick(*one), Quick(*other)), (Standard(*one), Standard(*other))
    assert (quick[0] == quick[1]) is (standard[0] == standard[1])
    assert (quick[0] == Quick(*one)) is (standard[0] == Standard(*one))
    assert [hash(each) for each in quick] == [hash(each) for each in standard]
    assert repr(quick[0]) == repr(standard[0]).replace("Standard", "Quick", 1)
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
    assert Doubled(2).value == 4 and Doubled.__doc__ == "Doubled"
    assert Nothing() == Nothing() and repr(Nothing()) == "Nothing()"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'first'"):
        Quick()  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", [Quick, Standard])
def test_they_never_change(kind: Any) -> None:
    one = kind(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'first'"):
        one.first = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'first'"):
        del one.first
    assert one.first == 1 and dataclasses.replace(one, first=2) == kind(2)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_they_travel(again: Any) -> None:
    one = Quick([1], "x", {"y": Doubled(3)}, apart="z")
    other = again(one)
    assert other == one and other.apart == "z" and other.third["y"].value == 6


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
