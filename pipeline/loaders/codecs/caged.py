"""The helper process of `cage`: it reads frames from standard input and writes pixels to standard output."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .cage import read_message, write_message
from .plugin import decode_frame

_LONGEST_TEXT = 300
_OUTPUT = 1
"""The descriptor of standard output."""


def serve() -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    # what a codec prints must not get between the answers
    answers = os.fdopen(os.dup(_OUTPUT), "wb")
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), _OUTPUT)
    with suppress(EOFError, OSError):
        while True:
            asked, data = read_message(sys.stdin.buffer)
            header, raw = _answer(asked, data)
            write_message(answers, header, raw)


def _answer(asked: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes | memoryview]:
    _bound_memory(int(asked["memory"]) + len(data))
    try:
        pixels, photometric = decode_frame(asked["syntax"], asked["plugin"], asked["described"], data)
    except Exception as error:  # noqa: BLE001  whatever the codec raises is its answer
        text = " ".join(str(error).split())[:_LONGEST_TEXT]
        return {"error": text or type(error).__name__}, b""
    pixels = np.ascontiguousarray(pixels)
    header = {"shape": pixels.shape, "dtype": pixels.dtype.str, "photometric": photometric}
    return header, pixels.reshape(-1).view(np.uint8).data


def _bound_memory(more: int) -> None:
    """Let this process take at most so many bytes more than it has; do nothing where the system cannot."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError, ValueError):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + more
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


if __name__ == "__main__":
    serve()
