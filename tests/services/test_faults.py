"""A few of each fault: whatever happens when, in the end every output is there once, as it was written."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from .servers import Orthanc
from .sweep import Fault, Place, faults

pytest.importorskip("pynetdicom")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("no_leftovers")]
TRIED = [fault for fault in faults() if fault[2]]


@pytest.fixture
def place(made: Path, tmp_path: Path, server: Orthanc, checker: Callable[[str], str]) -> Place:
    return Place(made, tmp_path, server, checker, random.Random(1))


@pytest.mark.parametrize("fault", TRIED, ids=lambda fault: fault[0])
def test_nothing_is_lost_doubled_or_damaged(
    fault: Fault, place: Place, record_property: Callable[[str, object], None]
) -> None:
    what, _, few, tried = fault
    found = tried(place, few)
    record_property(f"fault: {what}", found.tries)
    assert found.right, found
