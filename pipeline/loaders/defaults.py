"""The options of the formats that content tells, where a recipe asks for nothing: plain values, no models."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

DICOM: Any = SimpleNamespace(format="dicom", raw_values=False, frame=None, charset=None)
IMAGE: Any = SimpleNamespace(format="image", channel=None, page=None)
XIM: Any = SimpleNamespace(format="xim")
ARRAY: Any = SimpleNamespace(format="array", key=None)
