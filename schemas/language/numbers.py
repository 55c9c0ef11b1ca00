"""Numbers as text: in recipes, tables, templates and DICOM elements alike."""

from __future__ import annotations

import re

NUMBER = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
"""A decimal number in ASCII digits. No more than 40 stand before the point: Python reads no text of thousands
of digits as an integer, and no quantity has them."""
