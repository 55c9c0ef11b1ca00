"""What of a conversion counts in digests and fingerprints, so that both agree on it."""

from __future__ import annotations

from typing import Any

_ADDED_SINCE = ("keep", "deidentify")
"""Keys that came after the first locks; absent from those of a recipe that does not use them."""


def keep_what_counts(conversion: dict[str, Any]) -> None:
    """Take out of a conversion's dump, in place, what changes nothing of its outputs.

    That is where they are sent, and each key that was added to the language later and is not used: neither
    may change the digest or a fingerprint of a recipe that stays as it was.
    """
    for part in (conversion, *conversion["exports"]):
        part.pop("deliver", None)
        for key in _ADDED_SINCE:
            if part.get(key) is None:
                part.pop(key, None)
    if conversion.get("deidentify"):
        conversion["deidentify"].pop("crosswalk", None)
    if not conversion["inputs"].get("where"):
        conversion["inputs"].pop("where", None)
