"""A part of the faults of `cluster_faults`, which nox -s cluster causes all of."""

from __future__ import annotations

import pytest

from .cluster_faults import Row, program_killed, site, workers_killed
from .dask_cluster import no_namespaces
from .rooms import refused

pytest.importorskip("distributed")


def test_whoever_dies_nothing_is_lost_doubled_or_other() -> None:
    if reason := no_namespaces():
        refused(f"a host of its own ({reason})")
    with site(60) as found:
        for cause, tries in ((workers_killed, 2), (program_killed, 1)):
            row = Row(cause.__name__)
            cause(found, row, tries)
            assert row.is_good, row
            assert row.tries >= 1 and row.units >= 60
