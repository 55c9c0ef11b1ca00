"""The move of the pixel grid of a DICOM source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct
from pydicom import Dataset

from ...imaging.image import Image
from ...imaging.move import STILL, Move

Class = Literal["shift", "turn", "resample"]
"""The kind of move: rows and columns stay (crop, pad, roll), change places or direction, or are new ones."""


class Moving(Struct, frozen=True):
    """The move of the pixel grid of a DICOM source, the same for all frames."""

    move: Move
    before: tuple[int, int]
    after: tuple[int, int]
    """Rows, columns."""
    images: Sequence[Image]

    @property
    def what(self) -> Class:
        if not self.move.turns:
            return "shift"
        return "turn" if self.move.on_axes else "resample"

    @property
    def done(self) -> str:
        return "; ".join(self.images[0].history)


def moving_of(images: Sequence[Image]) -> Moving | None:
    """Return how the pixels of a DICOM source moved; None where they did not."""
    image = images[0]
    source = image.source.dataset
    if source is None or "Rows" not in source:
        return None
    before, after = (int(source.Rows), int(source.Columns)), (image.rows, image.columns)
    if image.move == STILL and before == after:
        return None
    return Moving(image.move, before, after, images)


class Walk(Protocol):
    """The walk through a dataset that calls a mover: it collects what was dropped, and walks into items."""

    dropped: list[str]

    def dataset(self, dataset: Dataset, path: str = "") -> None: ...
