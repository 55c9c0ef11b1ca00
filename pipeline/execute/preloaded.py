"""What every worker needs, imported once by the server that workers are forked from (Linux).

Nothing of it is ever garbage: the collector is off while it is imported, and never looks at it later.
"""

# ruff: noqa: E402, F401

from __future__ import annotations

import gc

gc.disable()

from ..dicom import finish
from ..exporters import ct_series, rt_image
from . import work, worker

gc.freeze()
gc.enable()
