"""An object store as a place. Objects are read whole onto this computer, one unit's at a time.

A plan, a job and what a worker gets carry the URL alone: each process finds credentials in its own
environment.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..errors import PlanError, StoreError
from .client import PAUSES, ChangedError, Client, Found, Page, TransientError, reason_of, refused
from .cores import cores
from .listing import Entry, Listing, distinct
from .names import nfc
from .spool import check_names, empty, spool
from .url import S3, URL

T = TypeVar("T")

FEW = 8
"""Up to so many files of a folder are asked for one by one; more are found by listing it."""
_REQUESTS = 8
"""Requests at once, for each core."""
_MODE = stat.S_IFREG | 0o444


class ObjectStat(NamedTuple):
    """The state of an object, in the words of `os.stat_result`.

    `st_ctime_ns` stands for ETag and time: another number for another state, below any real time.
    """

    st_size: int
    st_ctime_ns: int
    st_mtime_ns: int = 0
    st_mode: int = _MODE
    st_ino: int = 0
    st_dev: int = 0


def stat_of_object(found: Found) -> ObjectStat:
    """Return the state of an object; one without tag and time can change unseen, and is never remembered."""
    if not found.tag and not found.modified:
        return ObjectStat(found.size, 0, 2**62)
    text = f"{found.tag}\0{found.modified}".encode()
    return ObjectStat(found.size, int.from_bytes(hashlib.sha256(text).digest()[:7], "big"))


class ObjectPlace:
    """A prefix of a bucket. What is known of its objects, and the connection, stay in this process."""

    near = False

    def __init__(self, url: URL) -> None:
        self.url = url
        self._known: dict[str, ObjectStat | None] = {}
        self._laid: dict[str, str] = {}
        """The objects in `folder`, by their paths without case."""
        self._client: Client | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return ObjectPlace, (self.url,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectPlace) and other.url == self.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __repr__(self) -> str:
        return f"<ObjectPlace {self.url}>"

    @property
    def shown(self) -> str:
        return str(self.url)

    @property
    def start(self) -> str:
        return f"{self.url}/"

    @property
    def folder(self) -> Path:
        return spool().joinpath(self.url.scheme, *self.url.rest.split("/"))

    @property
    def conditions(self) -> str:
        """What the store cannot promise when an output is written; empty where it can do everything."""
        return self.client.conditions

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = client_of(self.url)
        return self._client

    def key(self, path: str) -> str:
        """Return the key of an object: without the bucket for S3, with it for others."""
        return path if not self._prefix else f"{self._prefix}/{path}"

    @property
    def _prefix(self) -> str:
        return self.url.rest.partition("/")[2] if self.url.scheme in S3 else self.url.rest

    def ask(self, path: str, call: Callable[[], T]) -> T:
        """Return what a call gives, tried again with growing pauses where that may help.

        Raises: FileNotFoundError, ChangedError, TakenError; StoreError with bucket and key for the rest.
        """
        return asked(call, f"{self.url}/{path}".rstrip("/"))

    def check_data(self) -> None:
        if not self._holds():
            raise PlanError("holds no object", subject=self.shown, hint="see bucket and prefix")

    def check_out(self) -> None:
        self._holds()

    def _holds(self) -> bool:
        """Tell whether there is any object. Raises: PlanError, StoreError."""
        try:
            page, _ = self.ask("", lambda: self.client.page(self.key(""), ""))
        except FileNotFoundError:
            if self.url.scheme not in S3:
                return False
            raise PlanError("there is no such bucket", subject=self.shown) from None
        return bool(page.folders or page.objects)

    def listing(self, *, kept: bool = False) -> Listing:
        return ObjectListing(self, kept=kept)

    def pages(self, folder: str, beginning: str = "") -> Iterator[Page]:
        """Yield the pages of a folder (``a/b/``, or empty). Raises: StoreError, FileNotFoundError."""
        mark = ""
        while True:
            page, mark = self.ask(folder, partial(self.client.page, self.key(f"{folder}{beginning}"), mark))
            yield page
            if not mark:
                return

    def note(self, path: str, found: Found | None) -> None:
        """Remember what a listing said of an object."""
        self._known[path] = None if found is None else stat_of_object(found)

    def look(self, paths: Iterable[str]) -> None:
        folders: dict[str, set[str]] = {}
        for path in paths:
            folder, slash, _ = path.rpartition("/")
            folders.setdefault(folder + slash, set()).add(path)
        for folder, wanted in folders.items():
            if len(wanted) <= FEW:
                for path in wanted:
                    self._known.pop(path, None)
                continue
            self._known |= dict.fromkeys(wanted)
            start = len(self.key(folder)) - len(folder)
            with suppress(FileNotFoundError):
                for page in self.pages(folder):
                    for key, found in page.objects:
                        if key[start:] in wanted:
                            self.note(key[start:], found)

    def stat(self, path: str) -> ObjectStat:
        if path not in self._known:
            self.now(path)
        known = self._known[path]
        if known is None:
            raise FileNotFoundError(2, "No such object", f"{self.url}/{path}")
        return known

    def now(self, path: str) -> Found | None:
        """Ask the store for an object; None where there is none. Raises: StoreError."""
        found: Found | None = None
        with suppress(FileNotFoundError):
            found = self.ask(path, lambda: self.client.head(self.key(path)))
        self.note(path, found)
        return found

    lstat = stat

    def exists(self, path: str) -> bool:
        try:
            self.stat(path)
        except FileNotFoundError:
            return False
        return True

    def is_folder(self, path: str) -> bool:
        try:
            page = next(self.pages(f"{path}/" if path else ""))
        except FileNotFoundError:
            return False
        return bool(page.folders or page.objects)

    def file(self, path: str) -> Path:
        check_names((self._laid.setdefault(nfc(path).casefold(), path), path), self.start)
        file = self.folder.joinpath(*path.split("/"))
        if not file.exists():
            known = self.stat(path)
            found = self.now(path)
            if found is None or stat_of_object(found) != known:
                raise ChangedError
            self.fetch(path, file, found)
        return file

    def release(self) -> None:
        empty(self.folder)
        self._laid.clear()

    def fetch(self, path: str, file: Path, found: Found) -> str:
        """Lay an object into a file that does not exist yet; return its sha256 (hex).

        `found`: the object, as the store told of it. Raises: ChangedError, StoreError, OSError.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as into:
            try:
                return self.stream(path, into.write, found)
            except BaseException:
                into.close()
                file.unlink(missing_ok=True)
                raise

    def stream(self, path: str, sink: Callable[[bytes], object], found: Found) -> str:
        """Pass the bytes of an object on, one state of it from beginning to end; return their sha256 (hex).

        A body that ends early is asked for again from where it ended. Raises: as `fetch`.
        """
        digest, done, kept = hashlib.sha256(), 0, ""

        def take(piece: bytes) -> None:
            nonlocal done
            digest.update(piece)
            done += len(piece)
            sink(piece)

        def rest() -> None:
            nonlocal kept
            if done < found.size or not found.size:
                kept = self.client.read(self.key(path), found, done, take) or kept
            if done < found.size:
                raise TransientError(f"{done} of {found.size} bytes came")

        try:
            self.ask(path, rest)
        except FileNotFoundError:
            raise ChangedError from None
        if done != found.size or (kept and kept != digest.hexdigest()):
            raise StoreError(
                "the store gave other bytes than it holds by its own sha256", subject=f"{self.url}/{path}"
            )
        return digest.hexdigest()

    def sha256(self, path: str) -> str:
        found = self.now(path)
        if found is None:
            raise FileNotFoundError(2, "No such object", f"{self.url}/{path}")
        return self.sha256_of(path, found)

    def sha256_of(self, path: str, found: Found) -> str:
        """Return the sha256 (hex) of an object, as the store told of it a moment ago. Raises: as `sha256`."""
        try:
            return self.stream(path, lambda piece: None, found)
        except ChangedError as error:
            raise OSError(5, reason_of(error), path) from None

    def hashes(self, paths: Iterable[str], jobs: int | None = None) -> dict[str, str | OSError]:
        def hashed(path: str) -> tuple[str, str | OSError]:
            if self._known.get(path, ...) is None:
                return path, FileNotFoundError(2, "No such object", path)
            try:
                return path, self.sha256(path)
            except OSError as error:
                return path, error

        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_REQUESTS * (jobs or cores()), "sha256") as pool:
            return dict(pool.map(hashed, paths))


def client_of(url: URL) -> Client:
    """Return what asks the store. Raises: UsageError, where its package is not installed."""
    if url.scheme in S3:
        from .s3 import bucket_client

        return bucket_client(url.rest.partition("/")[0])
    from .other import OtherClient

    return OtherClient(url.scheme)


def asked(call: Callable[[], T], url: str) -> T:
    """Return what a call gives; see `ObjectPlace.ask`."""
    for pause in (*PAUSES, None):
        try:
            return call()
        except FileNotFoundError:
            raise
        except TransientError as error:
            if pause is None:
                raise refused(error, url) from error
            time.sleep(pause)
        except OSError as error:
            if isinstance(error, PermissionError) or error.errno is None:
                raise refused(error, url) from error
            raise
    raise AssertionError


class ObjectEntry:
    """An object or a folder of a listing, in the words of `os.DirEntry`."""

    __slots__ = ("_found", "_place", "name", "path")

    def __init__(self, place: ObjectPlace, folder: str, name: str, found: Found | None) -> None:
        self._place, self._found, self.name, self.path = place, found, name, f"{folder}{os.sep}{name}"

    def is_dir(self) -> bool:
        return self._found is None

    def is_file(self) -> bool:
        """Tell whether it is an object; what is asked of is one that a recipe may name, and remembered."""
        if self._found is None:
            return False
        below = self.path[len(os.fspath(self._place.folder)) + 1 :]
        self._place.note(below.replace(os.sep, "/"), self._found)
        return True

    def is_symlink(self) -> bool:
        return False


class ObjectListing(Listing):
    """Lists the folders of an object store, page by page."""

    def __init__(self, place: ObjectPlace, *, kept: bool = False) -> None:
        super().__init__(kept=kept)
        self._place = place

    def _listed(self, folder: str, beginnings: Sequence[str]) -> Iterator[Entry]:
        below = folder[len(os.fspath(self._place.folder)) :].replace(os.sep, "/").strip("/")
        prefix = f"{below}/" if below else ""
        try:
            for beginning in distinct(_plain(text) for text in beginnings):
                for page in self._place.pages(prefix, beginning):
                    yield from self._entries(folder, prefix, page)
        except FileNotFoundError:
            return

    def _entries(self, folder: str, prefix: str, page: Page) -> Iterator[Entry]:
        start = len(self._place.key(prefix))
        both: list[tuple[str, Any]] = [(name[start:-1], None) for name in page.folders]
        both += [(name[start:], found) for name, found in page.objects]
        for name, found in both:
            if _is_name(name):
                yield nfc(name), ObjectEntry(self._place, folder, name, found)


def _is_name(name: str) -> bool:
    """Tell whether a part of a key can be the name of a file: an empty one marks a folder in some tools."""
    return name not in ("", ".", "..") and not set(name) & {"\0", "/", "\\"}


def _plain(text: str) -> str:
    """Return the beginning of a text that is the same in every normal form of Unicode."""
    return next((text[:at] for at in range(len(text)) if not text[at].isascii()), text)
