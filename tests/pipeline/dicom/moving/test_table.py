"""The table has one row for each attribute of the standard that might say where pixels are."""

from __future__ import annotations

from dicombake.pipeline.dicom.moving import candidates, table
from dicombake.pipeline.dicom.moving.movers import MOVERS
from pydicom.datadict import keyword_dict, repeater_has_keyword

from ....pydicom_api import PYDICOM_3
from ....support import standard_tables

ROWS = table.PATH.read_text(encoding="utf-8").splitlines()
DECISIONS = {"holds", "dropped", "refused", *MOVERS}


def test_each_candidate_of_the_standard_is_decided_once() -> None:
    names = [row.partition(",")[0] for row in ROWS[1:]]
    assert len(names) == len(set(names)) == len(table.table())
    assert names == sorted(names)
    assert candidates.candidates(standard_tables()) <= set(names)


def test_each_decision_is_one_and_has_a_reason() -> None:
    used = set()
    for name, row in table.table().items():
        assert {row["shift"], row["turn"], row["resample"]} <= DECISIONS, name
        assert row["why"], name
        used |= {row["shift"], row["turn"], row["resample"]}
    assert used == DECISIONS


def test_each_row_is_an_attribute_of_the_standard() -> None:
    younger = {"CenterFrequency", "IssuerOfClinicalTrialTimePointID", "VertexDistance"}  # than pydicom 2.4
    for name in table.table().keys() - (set() if PYDICOM_3 else younger):
        assert name in keyword_dict or repeater_has_keyword(name) or name in ("50xx", "60xx"), name


def test_the_kinds_are_those_of_the_standard() -> None:
    import json

    classes = json.loads((standard_tables() / "sop_class_iod_map.json").read_text(encoding="utf-8"))
    assert {uid: classes[uid] for uid in candidates.KINDS} == candidates.KINDS


def test_what_is_not_in_the_table_is_not_carried() -> None:
    assert table.decision("SlabOrientation", "shift") == "refused"
    assert table.decision("", "turn") == "refused"
    assert table.decision("PatientName", "turn") == "holds"
