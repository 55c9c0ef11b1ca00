"""The executors of this machine keep the contract; tests/services/test_cluster.py tries the third."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from dicombake.pipeline.run.preflight import RunOptions

from .contract import CONTRACT, Case


@pytest.mark.parametrize("jobs", [1, 2], ids=["in process", "pool"])
@pytest.mark.parametrize("keeps", CONTRACT, ids=lambda keeps: keeps.__name__)
def test_an_executor_keeps_the_contract(tmp_path: Path, keeps: Callable[[Case], None], jobs: int) -> None:
    keeps(Case(tmp_path, RunOptions(jobs=jobs)))
