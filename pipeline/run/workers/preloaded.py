"""Import what every worker needs, once, in the server that workers are forked from (Linux).

Nothing of it is ever garbage: the collector is off during the import, and later skips these objects.
"""

# ruff: noqa: E402, F401

from __future__ import annotations

import gc

gc.disable()

from ....schemas.language import tags
from ...dicom import finish
from ...exporters.registry import TARGETS, exporter
from ...loaders.registry import FORMATS, loader
from ...version import program_version
from ..unit import work
from . import worker

for to, target in TARGETS.items():
    if target.preloaded:
        exporter(to)
for name, row in FORMATS.items():
    if row.preloaded:
        loader(name)
tags.keywords()
program_version()
gc.freeze()
gc.enable()
