"""Tables of metadata with very many columns: bounded messages, in time that grows with their number."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.inputs.tables import read_table
from dicombake.schemas.companions import Metadata


@pytest.mark.parametrize("match", ["stem", "name"])
def test_unknown_columns_are_told_in_bounded_time(tmp_path: Path, match: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(",".join(["stem", *(f"column {number}" for number in range(200_000))]) + "\n")
    started = time.process_time()
    with pytest.raises(PlanError) as caught:
        read_table(path, Metadata(csv="m.csv", match=match), [], 1 << 30)
    assert time.process_time() - started < 5
    wrong = 200_000 if match == "stem" else 200_001
    assert str(caught.value).endswith(f"and {wrong - 20} more")
    assert len(str(caught.value)) < 5000


def test_a_column_that_stands_twice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("stem,PatientID,PatientName,PatientID\n")
    with pytest.raises(PlanError, match="the column 'PatientID' stands twice"):
        read_table(path, Metadata(csv="m.csv"), [], 1 << 20)
