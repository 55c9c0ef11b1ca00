"""What tests beside servers share."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def no_leftovers() -> Iterator[None]:
    """Wait for pynetdicom's threads at the end, and let it drop sockets of callers that broke off."""
    yield
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(
        type(thread).__module__.startswith("pynetdicom") for thread in threading.enumerate()
    ):
        time.sleep(0.1)
    gc.collect()
