"""No conversion asks for the time, a random number, the host or the user: watched call by call."""

from __future__ import annotations

import datetime
import getpass
import os
import platform
import random
import secrets
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from dicombake import pipeline
from dicombake.pipeline.samples import write_samples

from ..support import bake, copy_of_every_kind, failures

HERE = Path(__file__).resolve().parent
PIPELINE = Path(pipeline.__file__).parent

CLOCKS = {
    time.time, time.time_ns, time.localtime, time.gmtime, time.strftime, time.ctime, time.asctime,
    os.urandom, os.getpid, socket.gethostname,
    *([os.uname, os.getlogin, os.getuid] if os.name == "posix" else []),
}  # fmt: skip
METHODS = {"now", "utcnow", "today", "fromtimestamp", "utcfromtimestamp"}
GENERATORS = {"random", "getrandbits", "seed"}
PYTHONS = {
    function.__code__
    for function in (
        uuid.uuid1, uuid.uuid4, uuid.getnode, getpass.getuser, platform.node, platform.uname,
        random.Random.seed, random.Random.randint, secrets.token_bytes, secrets.token_hex,
        np.random.default_rng, socket.getfqdn,
    )
    if hasattr(function, "__code__")
}  # fmt: skip

HARMLESS = {
    # when a file was last looked at, in the state that may be deleted; whether it is as old as the clock's
    # tick; names of temporary files and of claims
    "pipeline/store/files.py", "pipeline/store/state.py", "pipeline/store/running.py",
    "pipeline/store/database.py", "pipeline/store/temporary.py", "pipeline/store/claims.py",
    "pipeline/run/unit/contents.py",
}  # fmt: skip


@contextmanager
def watched() -> Iterator[set[tuple[str, str]]]:
    """Gathers (function, file that called it) of every forbidden call, in whatever library."""
    found: set[tuple[str, str]] = set()

    def look(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            owner = getattr(argument, "__self__", None)
            a_date = (
                isinstance(owner, type) and issubclass(owner, datetime.date) and argument.__name__ in METHODS
            )
            a_generator = isinstance(owner, random.Random) and argument.__name__ in GENERATORS
            if (a_date or a_generator or argument in CLOCKS) and not importing(frame):
                found.add((argument.__name__, where(frame)))
        elif event == "call" and frame.f_code in PYTHONS and frame.f_back and not importing(frame):
            found.add((frame.f_code.co_name, where(frame.f_back)))

    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(None)


def importing(frame: FrameType | None) -> bool:
    """Whether a module is just being loaded: numpy's dates its own documentation, for instance."""
    while frame is not None and "importlib._bootstrap" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame is not None


def where(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename).resolve()
    own = path.is_relative_to(PIPELINE)
    return f"pipeline/{path.relative_to(PIPELINE).as_posix()}" if own else path.as_posix()


@pytest.mark.parametrize(
    "call",
    [time.time, datetime.datetime.now, uuid.uuid4, random.random, lambda: os.urandom(2)],
    ids=["time", "now", "uuid4", "random", "urandom"],
)
def test_the_watch_sees_what_it_should(call: Callable[[], object]) -> None:
    with watched() as found:
        call()
    assert found


def test_no_conversion_asks_for_anything_outside_its_inputs(tmp_path: Path) -> None:
    write_samples(tmp_path)
    recipe = copy_of_every_kind(tmp_path)
    with watched() as found:
        outcome = bake(recipe)
    assert failures(outcome) == []
    assert {call for call in found if call[1] not in HARMLESS} == set()
