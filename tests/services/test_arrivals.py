"""Many files that arrive at once under `watch`, as a process of its own that is ended by SIGTERM."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .arrivals import Arrivals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process may heed")


def test_nothing_is_lost_or_done_twice(tmp_path: Path) -> None:
    """`python -m tests.services.arrivals` has thousands."""
    arrivals = Arrivals(tmp_path, 150)
    arrivals.carry_out()
    arrivals.judge()
    assert arrivals.seconds_to_end < 10
