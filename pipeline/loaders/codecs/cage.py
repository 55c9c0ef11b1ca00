"""Run decoders that damaged data can crash in a process of their own: a crash costs one frame.

These are the decoders that mutated streams crashed: gdcm aborts or faults in every coding that it reads;
libjpeg-turbo, OpenJPEG and CharLS did not. Each process that needs a helper keeps one. The helper is started
anew after it died, ends when its input does, and has a limit on its memory (where the system can set one).
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .jpeg import CodestreamError

if TYPE_CHECKING:
    from ...imaging.image import Pixels

CAGED = frozenset({"gdcm"})
"""pydicom's plugins that run in the helper."""

LENGTHS = struct.Struct("<IQ")
"""The lengths before each message: bytes of its JSON, and of the binary data behind it."""
FACTOR = 24
"""Bytes of memory that a decoder may take for each byte of its pixels, in addition to `GROUND`."""
GROUND = 256 * 2**20
_SECONDS = 60.0
_SECONDS_PER_BYTE = 1e-6


class _Helper:
    """A running helper, and the process that may talk to it (a fork of it may not)."""

    def __init__(self) -> None:
        hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self.owner = os.getpid()
        self.process = subprocess.Popen(
            # -P: no module is imported from the current folder
            [sys.executable, "-P", "-m", f"{__package__}.caged"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=hidden,
        )

    def alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def end(self) -> None:
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                with suppress(OSError):  # what was not sent yet is for nobody
                    pipe.close()


_lock = threading.Lock()
_helpers: list[_Helper] = []
"""At most one."""


def decode_caged(
    syntax: str, plugin: str, described: Mapping[str, int | str], data: bytes, size: int
) -> tuple[Pixels, str]:
    """Decode one frame with `plugin.decode_frame` in the helper. `size`: bytes of the decoded frame.

    Raises:
        CodestreamError: with the decoder's message, or because it crashed, took too long or too much memory.
    """
    asked = {
        "syntax": syntax,
        "plugin": plugin,
        "described": dict(described),
        "memory": GROUND + FACTOR * size,
    }
    with _lock:
        helper = _running()
        watch = threading.Timer(_SECONDS + _SECONDS_PER_BYTE * size, helper.process.kill)
        watch.start()
        try:
            answer, raw = _exchange(helper, asked, data, size)
        except (OSError, EOFError) as error:
            timed_out = not watch.is_alive()
            helper.process.kill()
            raise CodestreamError(_death(plugin, helper.process.wait(), timed_out=timed_out)) from error
        finally:
            watch.cancel()
    if "error" in answer:
        raise CodestreamError(f"its decoder ({plugin}) says: {answer['error']}")
    pixels = np.frombuffer(raw, np.dtype(answer["dtype"])).reshape(answer["shape"])
    return pixels, str(answer["photometric"])


def _running() -> _Helper:
    if not _helpers or not _helpers[0].alive():
        if _helpers:
            _helpers.pop().end()
        _helpers.append(_Helper())
    return _helpers[0]


def _exchange(
    helper: _Helper, asked: Mapping[str, object], data: bytes, size: int
) -> tuple[dict[str, Any], bytes]:
    """Send a frame and read the answer. Raises: OSError, EOFError where the helper is gone."""
    into, out = helper.process.stdin, helper.process.stdout
    assert into is not None
    assert out is not None
    write_message(into, asked, data)
    answer, raw = read_message(out, most=4 * size + 2**16)
    return answer, raw


def write_message(pipe: IO[bytes], header: Mapping[str, object], data: bytes | memoryview) -> None:
    text = json.dumps(header).encode()
    pipe.write(LENGTHS.pack(len(text), len(data)) + text)
    pipe.write(data)
    pipe.flush()


def read_message(pipe: IO[bytes], most: int | None = None) -> tuple[dict[str, Any], bytes]:
    """Return a message as `write_message` gives it.

    Raises: EOFError, also for one of more than `most` bytes.
    """
    head = pipe.read(LENGTHS.size)
    if len(head) < LENGTHS.size:
        raise EOFError
    text, count = LENGTHS.unpack(head)
    if most is not None and text + count > most:
        raise EOFError
    header, data = pipe.read(text), pipe.read(count)
    if len(header) < text or len(data) < count:
        raise EOFError
    return json.loads(header), data


def _death(plugin: str, status: int, *, timed_out: bool) -> str:
    if timed_out:
        return f"its decoder ({plugin}) did not come to an end"
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return f"its decoder ({plugin}) crashed on it ({how})"


@atexit.register
def _end() -> None:
    while _helpers:
        _helpers.pop().end()
