"""The picture of the docs: every reader sees the made body as it was made."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from .left_and_right import body, drawn, rows


@pytest.mark.checker
def test_left_is_left_for_every_source_and_reader(checker: Callable[[str], str]) -> None:
    checker("dcm2niix")
    meant = drawn(body().transpose(2, 1, 0))
    for row in rows():
        assert np.array_equal(row, np.concatenate([meant, meant], axis=1))
