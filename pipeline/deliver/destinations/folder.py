"""A folder as a destination: outputs keep their relative paths, appear whole, and replace nothing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from msgspec.structs import replace

from ...errors import StoreError
from ...reading import content_of, file_sha256
from ...store.files import Store
from ..model import Entry, Item

THERE = "it is there with other content, which is never replaced"


def put(item: Item, root: Path, name: str) -> Entry:
    """Copy an output, read the copy back and compare it."""
    final = root.joinpath(*item.path.split("/"))
    if not root.is_dir() and not root.parent.is_dir():
        return Entry(item.path, name, "pending", f"the folder is not there: {root}")
    try:
        if os.path.lexists(final):
            return replace(_there(item, final, name), known=True)
        content = content_of(item.file)
        if hashlib.sha256(content).hexdigest() != item.sha256:
            return Entry(item.path, name, "pending", "it changed since it was checked; it is not sent")
        Store(root, durable=True).put(item.path, (content,))
        return _there(item, final, name)
    except StoreError as error:
        if os.path.lexists(final):
            return _there(item, final, name)
        return Entry(item.path, name, "pending", error.what)
    except OSError as error:
        return Entry(item.path, name, "pending", error.strerror or str(error))


def _there(item: Item, final: Path, name: str) -> Entry:
    if not final.is_file() or file_sha256(final) != item.sha256:
        return Entry(item.path, name, "failed", THERE)
    return Entry(item.path, name, "proven", "", reached=True)
