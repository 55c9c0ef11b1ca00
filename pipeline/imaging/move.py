"""The move of an image's pixels: where each new pixel was before."""

from __future__ import annotations

from msgspec import Struct


class Move(Struct, frozen=True):
    """The places of new pixels in the old image: old (row, column) = matrix x new (row, column) + offset."""

    matrix: tuple[tuple[float, float], tuple[float, float]]
    offset: tuple[float, float]

    @property
    def on_axes(self) -> bool:
        """Whether rows and columns stay parallel to the old rows or columns, and pixels of their size."""
        (a, b), (c, d) = self.matrix
        return all(part in (-1, 0, 1) for part in (a, b, c, d)) and a * d - b * c in (-1, 1)

    @property
    def turns(self) -> bool:
        return self.matrix != ((1, 0), (0, 1))

    @property
    def swaps(self) -> bool:
        """Whether rows became columns."""
        return self.on_axes and self.matrix[0][0] == 0

    @property
    def scales(self) -> bool:
        """Whether rows and columns stay what they are, at other distances."""
        (a, b), (c, d) = self.matrix
        return b == 0 and c == 0 and a > 0 and d > 0 and (a, d) != (1, 1)

    @property
    def mirrors(self) -> bool:
        (a, b), (c, d) = self.matrix
        return a * d - b * c < 0

    def after(self, before: Move) -> Move:
        """Return the move that does `before` first, and then this one."""
        (a, b), (c, d) = before.matrix
        (e, f), (g, h) = self.matrix
        down, along = self.offset
        return Move(
            ((a * e + b * g, a * f + b * h), (c * e + d * g, c * f + d * h)),
            (a * down + b * along + before.offset[0], c * down + d * along + before.offset[1]),
        )

    def new(self, row: float, column: float) -> tuple[float, float]:
        """Return the new place of an old (row, column)."""
        (a, b), (c, d) = self.matrix
        down, along = row - self.offset[0], column - self.offset[1]
        determinant = a * d - b * c
        return (d * down - b * along) / determinant, (a * along - c * down) / determinant


STILL = Move(((1, 0), (0, 1)), (0, 0))


def shift(rows: float, columns: float) -> Move:
    """Shift the grid: new pixel (0, 0) is the old pixel (rows, columns)."""
    return Move(((1, 0), (0, 1)), (rows, columns))
