"""The input that is being tried, in a file that outlives the process which tries it."""

from __future__ import annotations

import mmap
from pathlib import Path

LARGEST = 20_000
"""Bytes of an input."""
_HEAD = 8


def new_tried(path: Path) -> None:
    """Make the file, with an input of no bytes."""
    path.write_bytes(bytes(_HEAD + LARGEST))


def write_tried(memory: mmap.mmap, data: bytes) -> None:
    """Keep an input, before it is tried."""
    memory[_HEAD : _HEAD + len(data)] = data
    memory[:_HEAD] = len(data).to_bytes(_HEAD, "little")


def read_tried(path: Path) -> bytes:
    """Return the input that was tried last."""
    content = path.read_bytes()
    return content[_HEAD : _HEAD + int.from_bytes(content[:_HEAD], "little")]
