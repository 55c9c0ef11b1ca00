"""Handle Ctrl-C, SIGTERM and closed outputs from the program's first moment, never with a traceback.

Imported before all else, so it imports nothing that takes time: an interruption during that is a traceback.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # built in; the module around it takes time
import os
import sys

TYPE_CHECKING = False  # typing's own definition, whose import takes longer still
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType
    from typing import Any

INTERRUPTED = 130
_working: list[bool] = []
"""Not empty while a command runs that cleans up when it is interrupted."""
_told: list[bool] = []
"""Not empty when the user was told already."""


def watch() -> None:
    """Handle Ctrl-C, SIGTERM and on Windows Ctrl-Break from now on.

    Where the caller ignores them, they stay ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    for name in ("SIGTERM", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _as_interrupt)
    sys.unraisablehook = _unraisable


class stoppable:  # noqa: N801  a context manager; contextlib would have to be loaded for it
    """Within it, an interruption is a KeyboardInterrupt; else it ends the program at once."""

    def __enter__(self) -> None:
        _working.append(True)

    def __exit__(self, *_: object) -> None:
        _working.pop()


def told() -> None:
    """Note that the user was told of the interruption."""
    _told.append(True)


def end_at_once() -> None:
    """Report the interruption and end. Nothing is lost: the next run makes what is not yet in its place."""
    try:
        if not _told:
            os.write(2, b"dicombake: interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def _stop(number: int, frame: FrameType | None) -> None:
    if not _working or _in_a_library(frame):
        end_at_once()
    raise KeyboardInterrupt


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """Let SIGTERM do what Ctrl-C does at this moment."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(number, frame)
    else:
        _stop(number, frame)


def _in_a_library(frame: FrameType | None) -> bool:
    """Tell whether a module is being imported, or Pydantic builds what it validates with.

    Libraries report an interruption in the one, and Pydantic in the other, as their own failure.
    """
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib") or f"{os.sep}pydantic{os.sep}" in file:
            return True
        frame = frame.f_back
    return False


def _unraisable(unraisable: Any) -> None:
    """End for an interruption that came where Python raises nothing (a finalizer)."""
    if unraisable.exc_type is KeyboardInterrupt:
        end_at_once()
    sys.__unraisablehook__(unraisable)


class Output:
    """stdout or stderr; it keeps the error that writing to it raised, so that this is recognised."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> Any:
        return self._tried(self.stream.write, text)

    def flush(self) -> None:
        self._tried(self.stream.flush)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _tried(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except OSError as error:
            self.error = error
            raise


def open_outputs() -> None:
    """Replace stdin, stdout and stderr where the caller closed them.

    Else the next file that is opened would take their place, and what is printed would go into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)  # workers inherit it
    os.close(number)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  open to the end
        setattr(sys, name, Output(stream))


def lost(error: BaseException) -> str | None:
    """Return why output could not be written; empty where nobody would read it.

    None: the error came from somewhere else.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, Output) and stream.error is error:
            gone = isinstance(error, BrokenPipeError) or stream is sys.stderr
            return "" if gone else f"the output could not be written: {stream.error.strerror}"
    return None
