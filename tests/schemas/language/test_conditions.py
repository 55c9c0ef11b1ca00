"""Conditions of `where`, on values as files give them."""

from __future__ import annotations

from typing import Any

import pytest
from dicombake.schemas.language.conditions import as_written, parse_condition


@pytest.mark.parametrize(
    ("said", "value", "holds"),
    [
        ("CT", "CT", True),
        ("CT", "ct", False),
        ("CT", None, False),
        ("*QA*", "Morning QA 1", True),
        ("*QA", "QA 1", False),
        ("a?c", "abc", True),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        (["CT", "MR"], "MR", True),
        (["CT", None], None, True),
        (None, None, True),
        (None, "CT", False),
        ("90", 90.0, True),
        ("9e1", "90", True),
        ("007", "7", False),
        ("7", "007", True),
        ({"min": "89", "max": "91"}, "91", True),
        ({"min": "89", "max": "91"}, 91.01, False),
        ({"min": "89"}, 1e9, True),
        ({"max": "89"}, None, False),
        ({"max": "89"}, "text", False),
        ({"max": "89"}, [1, 90], False),
        ({"max": "89"}, [1, 2], True),
        ({"max": "89"}, [], False),
        ("PRIMARY", ["ORIGINAL", "PRIMARY"], True),
        ("ORIGINAL\\PRIMARY", ["ORIGINAL", "PRIMARY"], True),
    ],
)
def test_a_condition_holds(said: Any, value: Any, holds: bool) -> None:
    condition = parse_condition(said)
    assert condition.holds(value) is holds
    assert parse_condition(as_written(condition)) == condition
