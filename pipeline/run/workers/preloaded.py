"""What every worker needs, imported once by the server that workers are forked from (Linux).

Nothing of it is ever garbage: the collector is off while it is imported, and never looks at it later.
"""

# ruff: noqa: E402, F401

from __future__ import annotations

import gc

gc.disable()

from ....schemas.language import tags
from ...dicom import finish
from ...exporters.dicom import ct_series, rt_image
from ...loaders.arrays import array, volume
from ...loaders.pictures import loader as image_file
from ...loaders.xim import loader as xim
from ...version import program_version
from ..unit import work
from . import worker

tags.keywords()
program_version()
gc.freeze()
gc.enable()
