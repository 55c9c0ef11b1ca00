"""Compare names of files as Unicode text."""

from __future__ import annotations

import unicodedata


def nfc(text: str) -> str:
    """Return the text in Unicode's normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
