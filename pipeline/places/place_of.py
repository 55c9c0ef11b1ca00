"""Find the place that a folder or a URL names."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar, cast

from ..errors import UsageError
from .place import LocalPlace, Place
from .url import S3, URL, Where

if TYPE_CHECKING:
    from .objects import ObjectPlace

T = TypeVar("T", bound=str)


def place_of(where: Where, *, trusted: bool = True) -> Place:
    """Return a place. Raises: UsageError: a URL with an untrusted recipe, a package that is missing."""
    if not isinstance(where, URL):
        return LocalPlace(where)
    if not trusted:
        raise UsageError(
            "does not go together with --untrusted", subject=where, hint="leave one of the two out"
        )
    _require(where)
    from .objects import ObjectPlace

    return ObjectPlace(where)


def remote_of(places: Mapping[T, Place]) -> dict[T, ObjectPlace]:
    """Return those places that are object stores."""
    return {
        base: cast("ObjectPlace", place)
        for base, place in places.items()
        if not isinstance(place, LocalPlace)
    }


def _require(url: URL) -> None:
    """Check that the packages for a store are there. Raises: UsageError with the line that installs them."""
    needed = ["fsspec", "s3fs", "aiobotocore"] if url.scheme in S3 else ["fsspec"]
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        what = f"needs the package{'s' if len(missing) > 1 else ''} {' and '.join(missing)}"
        raise UsageError(what, subject=url, hint="pip install 'dicombake[cluster]'")
    if url.scheme not in S3:
        import fsspec

        try:
            fsspec.get_filesystem_class(url.scheme)
        except (ImportError, ValueError) as error:
            raise UsageError(f"cannot be reached: {error}", subject=url) from None
