"""Any other store that fsspec reaches. What only S3 promises is looked for before and after, and told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from .client import ChangedError, Found, Page, TakenError, TransientError

_PIECE = 2**20
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modify")
_TAGS = ("ETag", "etag", "md5Hash", "content_md5")
"""What file systems of fsspec call the time of the last change, and what stands for a content."""


class OtherClient:
    """A store behind fsspec's own interface."""

    def __init__(self, scheme: str) -> None:
        import fsspec

        self._system: Any = fsspec.filesystem(scheme, use_listings_cache=False)
        self._scheme = scheme
        self.conditions = (
            f"{scheme}:// is written without the conditions and checksums that S3 checks: what somebody else "
            "writes at the same moment may be lost"
        )

    def _url(self, key: str) -> str:
        return str(self._system._strip_protocol(f"{self._scheme}://{key}"))

    def page(self, prefix: str, after: str) -> tuple[Page, str]:
        folder, _, beginning = prefix.rpartition("/")
        with _meaning():
            try:
                entries = self._system.ls(self._url(folder), detail=True)
            except NotADirectoryError:
                entries = []
        page = Page([], [])
        for entry in entries:
            name = entry["name"].rstrip("/").rpartition("/")[2]
            if not name.startswith(beginning):
                continue
            if entry["type"] == "directory":
                page.folders.append(f"{folder}/{name}/")
            else:
                page.objects.append((f"{folder}/{name}", _found(entry)))
        return page, ""

    def head(self, key: str) -> Found:
        with _meaning():
            found = self._system.info(self._url(key))
        if found["type"] != "file":
            raise FileNotFoundError(2, "is no object")
        return _found(found)

    def read(self, key: str, found: Found, start: int, sink: Callable[[bytes], object]) -> str:
        self._compare(key, found)
        with _meaning(), self._system.open(self._url(key), "rb", block_size=_PIECE) as file:
            if start:
                file.seek(start)
            while piece := file.read(_PIECE):
                sink(piece)
        self._compare(key, found)
        return ""

    def _compare(self, key: str, found: Found) -> None:
        if self.head(key) != found:
            raise ChangedError

    def write(self, key: str, file: Path, sha256: bytes, over: Found | None) -> Found:
        there = None
        with suppress(FileNotFoundError):
            there = self.head(key)
        if there != over:
            raise TakenError
        with _meaning():
            folder = self._url(key).rpartition("/")[0]
            self._system.makedirs(folder, exist_ok=True)
            self._system.put_file(str(file), self._url(key))
        return self.head(key)

    def remove(self, key: str, found: Found) -> None:
        self._compare(key, found)
        with _meaning():
            self._system.rm_file(self._url(key))


class _meaning:  # noqa: N801 - it reads as a word of the language
    """Turn what a store's library raises into what the methods of `Client` raise."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
            return
        if isinstance(error, ConnectionError | TimeoutError):
            raise TransientError(str(error) or type(error).__name__) from error
        if isinstance(error, Exception) and not isinstance(error, OSError):
            raise OSError(f"{type(error).__name__}: {error}") from error


def _found(entry: Any) -> Found:
    modified = next((entry[key] for key in _TIMES if entry.get(key)), None)
    if isinstance(modified, datetime):
        modified = modified.timestamp()
    tag = next((str(entry[key]) for key in _TAGS if entry.get(key)), "")
    seconds = int(modified) if isinstance(modified, int | float) else 0
    return Found(int(entry.get("size") or 0), seconds, tag or str(modified or ""))
