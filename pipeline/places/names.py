"""Compare names of files as Unicode text, and with what a system can hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_NOT_ON_WINDOWS = r'(?i)[:*?"<>|\x00-\x1f]|[. ](?:/|$)|(?:^|/)(?:con|prn|aux|nul|(?:com|lpt)[0-9])(?:[./ ]|$)'


def nfc(text: str) -> str:
    """Return the text in Unicode's normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def misplaced(paths: Iterable[str], *, windows: bool, folds: bool) -> Iterator[tuple[str, str]]:
    """Yield the paths (with /) that cannot lie as files beside the others on some systems, and why.

    Args:
        paths: of files of one folder.
        windows: whether names must be such that Windows has; ``C:a`` would lie in another folder there.
        folds: whether names that differ in case or normal form alone are one file (macOS, Windows).
    """
    seen: dict[str, str] = {}
    for path in paths:
        if windows and re.search(_NOT_ON_WINDOWS, path):
            yield path, "Windows can have no file of that name"
        other = seen.setdefault(nfc(path).casefold(), path)
        if folds and other != path:
            yield path, f"this system takes it and '{other}' for one file"
