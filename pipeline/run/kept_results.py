"""The results of a run by the positions of their units; many are packed, in the order in which they came."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from ..packed import FEW, Packed, Sliceable
from ..plan.model import Unit
from .unit.results import UnitResult

T = TypeVar("T")


class Results(Sliceable[UnitResult | None]):
    """What became of each unit of a plan; None for one that nothing is known of yet."""

    def __init__(self, count: int) -> None:
        self._came: list[UnitResult] | Packed[UnitResult] = [] if count <= FEW else Packed(UnitResult)
        self._at = array("q", [-1]) * count

    def note(self, number: int, result: UnitResult) -> None:
        """Note the result of a unit, in place of one that it may have."""
        self._at[number] = len(self._came)
        self._came.append(result)

    def __len__(self) -> int:
        return len(self._at)

    def at(self, number: int) -> UnitResult | None:
        at = self._at[number]
        return None if at < 0 else self._came[at]

    def __iter__(self) -> Iterator[UnitResult | None]:
        if self._in_order():
            return iter(self._came)
        return map(self.at, range(len(self._at)))

    def _in_order(self) -> bool:
        """Tell whether they all came in the plan's order: then each block is opened once."""
        return len(self._came) == len(self._at) and self._at == array("q", range(len(self._at)))

    def missing(self) -> Iterator[int]:
        """Yield the positions of the units that nothing is known of."""
        return (number for number, at in enumerate(self._at) if at < 0)

    def all(self) -> Sequence[UnitResult]:
        """Return the results of all units, in the plan's order. Each has one."""
        if isinstance(self._came, list):
            return tuple(self._came[at] for at in self._at)
        return self._came if self._in_order() else Chosen(self._came, self._at)


class Chosen(Sliceable[T]):
    """Some records of a sequence, by their positions, in the order of these."""

    def __init__(self, records: Sequence[T], positions: Sequence[int]) -> None:
        self._records, self.positions = records, positions

    def __len__(self) -> int:
        return len(self.positions)

    def at(self, number: int) -> T:
        return self._records[self.positions[number]]

    def __iter__(self) -> Iterator[T]:
        return map(self._records.__getitem__, self.positions)


class Reached(Iterable[tuple[Unit, UnitResult]]):
    """The chosen units that have a result, each with it; can be gone through several times."""

    def __init__(self, chosen: Chosen[Unit], results: Results) -> None:
        self._chosen, self._results = chosen, results

    def __iter__(self) -> Iterator[tuple[Unit, UnitResult]]:
        for unit, position in zip(self._chosen, self._chosen.positions, strict=True):
            result = self._results[position]
            if result is not None:
                yield unit, result

    def results(self) -> Iterable[UnitResult]:
        """Return the results alone, to be gone through several times."""
        return _Second(self)


class _Second(Iterable[UnitResult]):
    def __init__(self, reached: Reached) -> None:
        self._reached = reached

    def __iter__(self) -> Iterator[UnitResult]:
        return (result for _, result in self._reached)
