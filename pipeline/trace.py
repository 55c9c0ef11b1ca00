"""Trace which layer set each element of a DICOM output: the site's file, the recipe, its source, a rule.

The code that makes a dataset calls `layer` after each layer. A run uses `Trace`, which does nothing and costs
nothing; `Following` compares the dataset with its state after the layer before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

    from .imaging.image import Origin

    Says = Origin | Callable[[str], Origin]
    """The origin of all values of a layer, or a function that returns it for each element's name."""


class Trace:
    """A trace that records nothing."""

    def layer(self, dataset: Dataset, says: Says, stated: str = "") -> None:
        """Record a layer: it set, changed or deleted what changed since the one before.

        `stated` is an element that this layer set, even if it had that value before.
        """


UNTRACED = Trace()


class Layer(Struct, frozen=True):
    """The effect of one layer on an element; `value` None: it deleted it."""

    origin: Origin
    value: str | None


@dataclass(slots=True)
class Following(Trace):
    """A trace that keeps every layer of every element, the first one first, by the element's name."""

    layers: dict[str, list[Layer]] = field(default_factory=dict)
    present: dict[str, Element] = field(default_factory=dict)
    """The elements after the last layer, in the order of the file."""

    def layer(self, dataset: Dataset, says: Says, stated: str = "") -> None:
        now = dict(elements(dataset))
        for name, element in now.items():
            before = self.present.get(name)
            if before is None or before.value != element.value or _within(name, stated):
                self._add(name, says, element.value)
        for name in self.present.keys() - now.keys():
            self._add(name, says, None)
        self.present = now

    def _add(self, name: str, says: Says, value: str | None) -> None:
        origin = says(name) if callable(says) else says
        self.layers.setdefault(name, []).append(Layer(origin, value))


def _within(name: str, stated: str) -> bool:
    return bool(stated) and (name == stated or name.startswith((f"{stated}.", f"{stated}[")))


class Element(Struct, frozen=True):
    """An element with a value of its own, so no sequence with items."""

    name: str
    """The name in a recipe: ``PatientID``, ``(0009,ACME 1.0,10)``, ``ExposureSequence[0].ExposureTime``."""
    tag: str
    """``(0010,0020)``, of the innermost element."""
    vr: str
    value: str
    """Several values are separated by a backslash; bytes are counted."""


def elements(dataset: Dataset, start: str = "") -> Iterator[tuple[str, Element]]:
    """Yield every element of a dataset and of the items of its sequences, in the order of the file."""
    for element in dataset:
        name = f"{start}{_name(dataset, element)}"
        if element.VR == "SQ" and element.value:
            for number, item in enumerate(element.value):
                yield from elements(item, f"{name}[{number}].")
        else:
            tag = f"({element.tag.group:04X},{element.tag.elem:04X})"
            yield name, Element(name, tag, element.VR, text_of(element))


def _name(dataset: Dataset, element: DataElement) -> str:
    tag = element.tag
    if tag.is_private and tag.elem > 0xFF:
        creator = dataset.get((tag.group, tag.elem >> 8))
        if creator is not None and creator.value:
            return f"({tag.group:04X},{creator.value},{tag.elem & 0xFF:02X})"
    return element.keyword or f"({tag.group:04X},{tag.elem:04X})"


def text_of(element: DataElement) -> str:
    """Return the value of an element as one line of text."""
    value: Any = element.value
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if value else ""
    if element.VR == "SQ" or value is None:
        return ""
    values: Sequence[Any] = value if element.VM > 1 else [value]
    return "\\".join(_text(each) for each in values)


def _text(value: Any) -> str:
    """Return a number as it stands in the file; a name's own `original_string` would be its bytes."""
    original = getattr(value, "original_string", None)
    return original if isinstance(original, str) else str(value)
