"""Put finished and verified outputs into an object store, and delete them there."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import asdict

from ..errors import StoreError, VerificationError
from ..places.client import ChangedError, Found, TakenError
from ..places.objects import ObjectPlace, stat_of_object
from .files import FOREIGN, OTHER_CONTENT, Store
from .stamp import Stamp
from .temporary import discard


class ObjectStore(Store, frozen=True):
    """The output folder of a run in an object store; `out` is where this process makes its files."""

    place: ObjectPlace | None = None

    @classmethod
    def like(cls, store: Store, place: ObjectPlace) -> ObjectStore:
        """Return a store with the same rules."""
        return cls(**asdict(store), place=place)

    def _finish(self, path: str, part: Path, final: Path, sha256: str, *, keep: bool) -> Stamp:
        """Send the file under its name, and read it back.

        It is sent with its sha256, and on the condition that nobody's object is there, or the very one that
        may be replaced. Raises: StoreError; VerificationError, where the store gives other bytes back.
        """
        if self.claims is not None:
            self.claims.add(path, sha256)
        made = self._send(path, part, sha256, keep=keep)
        found = self._here.now(path)
        if found is None or (found.tag, found.version) != (made.tag, made.version):
            raise StoreError("was replaced by somebody else at once", subject=path, hint="run again")
        self._read_back(path, found, sha256)
        discard(part)
        return Stamp.of(stat_of_object(found))

    @property
    def _here(self) -> ObjectPlace:
        assert self.place is not None
        return self.place

    def _send(self, path: str, part: Path, sha256: str, *, keep: bool) -> Found:
        allowed = self.overwrite or path in self.ours
        over = self._here.now(path) if allowed or keep else None
        if keep and over is not None and self._here.sha256_of(path, over) != sha256:
            raise StoreError(OTHER_CONTENT[0], subject=path, hint=OTHER_CONTENT[1])
        if over is not None and not allowed:
            raise StoreError(FOREIGN[0], subject=path, hint=FOREIGN[1])
        try:
            return self._write(path, part, sha256, over)
        except (TakenError, FileNotFoundError):
            there = self._here.now(path)
            proven = "" if there is None else self._proven(path, sha256)
            if there is not None and proven == sha256:
                return there  # the answer to an earlier try was lost
            if allowed or there is None:
                what = "was changed by somebody else at the same moment"
                raise StoreError(what, subject=path, hint="run again") from None
            if not proven:
                raise StoreError(FOREIGN[0], subject=path, hint=FOREIGN[1]) from None
        try:
            return self._write(path, part, sha256, there)
        except (TakenError, FileNotFoundError):
            raise StoreError(FOREIGN[0], subject=path, hint=FOREIGN[1]) from None

    def _write(self, path: str, part: Path, sha256: str, over: Found | None) -> Found:
        place = self._here
        digest = bytes.fromhex(sha256)
        return place.ask(path, lambda: place.client.write(place.key(path), part, digest, over))

    def _proven(self, path: str, sha256: str) -> str:
        """Return the sha256 (hex) of an object, where it is what was to be put there; else empty."""
        if self.claims is not None:
            return self.claims.proves(path)
        try:
            return sha256 if self._here.sha256(path) == sha256 else ""
        except OSError:
            return ""

    def _read_back(self, path: str, found: Found, sha256: str) -> None:
        """Compare what the store gives back; what is damaged is deleted, where it is still ours."""
        try:
            read = self._here.stream(path, lambda piece: None, found)
        except (ChangedError, OSError):
            what = "was replaced by somebody else at once"
            raise StoreError(what, subject=path, hint="run again") from None
        if read != sha256:
            left = "and was deleted" if delete(self._here, path, found) else "and was not deleted"
            raise VerificationError(f"is damaged in the store {left}: it gave other bytes back", subject=path)


def delete(place: ObjectPlace, path: str, found: Found) -> bool:
    """Delete one very object; tell whether it was. Raises: StoreError, where the store does not answer."""
    now = place.now(path)
    same = now is not None and (now.tag, now.version) == (found.tag, found.version)
    return same and _remove(place, path, found)


def _remove(place: ObjectPlace, path: str, found: Found) -> bool:
    try:
        place.ask(path, lambda: place.client.remove(place.key(path), found))
    except (ChangedError, FileNotFoundError):
        return False
    place.note(path, None)
    return True


def remove_object(place: ObjectPlace, path: str) -> None:
    """Delete an output, whichever it is. Raises: StoreError."""
    found = place.now(path)
    if found is not None and not _remove(place, path, found):
        raise StoreError("was changed by somebody else at the same moment", subject=path, hint="run again")
