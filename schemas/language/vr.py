"""The table of value representations (PS3.5 section 6.2) and their kinds; no other module lists them."""

from __future__ import annotations

BYTES = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
"""Bytes, or numbers that are handled as bytes."""

INTEGERS = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
"""Binary whole numbers; IS is text."""

NUMBERS = INTEGERS | {"AT", "FD", "FL"}
"""Binary numbers of any kind, tags included: an empty element has no text."""

PARAGRAPHS = frozenset({"LT", "ST", "UT"})
"""Text of several lines, which always is a single value."""

WITH_BACKSLASH = PARAGRAPHS | {"UR"}
"""Text in which a backslash is a character, not the next value."""

IN_CHARACTER_SET = PARAGRAPHS | {"LO", "PN", "SH", "UC"}
"""Text that is written in the Specific Character Set (PS3.5 section 6.1.2.3)."""

TEXT = IN_CHARACTER_SET | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
"""Text of any kind."""

LONG = BYTES | {"SQ", "SV", "UC", "UR", "UT", "UV"}
"""VRs whose length takes four bytes in explicit VR (PS3.5 section 7.1.2)."""

ALL = BYTES | NUMBERS | TEXT | {"SQ"}
"""The 34 of the standard."""
