"""What every worker needs, imported once by the server that workers are forked from (Linux).

Nothing of it is ever garbage: the collector is off while it is imported, and never looks at it later.
"""

# ruff: noqa: E402, F401

from __future__ import annotations

import gc

gc.disable()

from ...schemas import tags
from ..dicom import finish, provenance
from ..exporters import ct_series, rt_image
from ..loaders import array, image_file, volume, xim
from . import work, worker

tags.keywords()
provenance.program_version()
gc.freeze()
gc.enable()
