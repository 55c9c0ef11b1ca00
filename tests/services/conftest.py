"""What tests beside servers share."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .batch import make_inputs
from .servers import PLUGIN, Orthanc, free_port, orthanc

COMMIT_PORT = free_port()


@pytest.fixture(scope="module")
def no_leftovers() -> Iterator[None]:
    """Wait for pynetdicom's threads at the end, and let it drop sockets that never had a connection."""
    yield
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(
        type(thread).__module__.startswith("pynetdicom") for thread in threading.enumerate()
    ):
        time.sleep(0.1)
    gc.collect()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inputs, which recipes beside them share."""
    return make_inputs(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with four inputs, for what does not get truer by more."""
    return make_inputs(tmp_path_factory.mktemp("few"), 4)


@pytest.fixture(scope="session")
def server(checker: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc with DICOMweb, which sends its reports of storage commitment to COMMIT_PORT."""
    if not PLUGIN.exists() and os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") != "1":
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    with orthanc(checker("Orthanc"), tmp_path_factory.mktemp("orthanc"), COMMIT_PORT) as found:
        yield found
