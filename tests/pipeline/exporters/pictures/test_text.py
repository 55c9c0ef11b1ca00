"""Properties as JSON and as PNG text."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.exporters.pictures.png_file import encode_png
from dicombake.pipeline.exporters.pictures.text import ODD_NAMES, is_keyword, plain, text_entries
from hypothesis import given
from hypothesis import strategies as st
from PIL.PngImagePlugin import PngImageFile
from pydicom.valuerep import DSfloat, PersonName

from ...exporting import image, pixels


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (np.float32(0.5), 0.5),
        (np.int16(-3), -3),
        (np.bool_(True), True),
        (np.array([[1, 2]], np.uint8), [[1, 2]]),
        ((1, (2.5, "a")), [1, [2.5, "a"]]),
        (b"\x00\xff", {"base64": "AP8="}),
        (float("-inf"), "-Infinity"),
        (np.float64("nan"), "NaN"),
        ({1: {"a": np.int8(4)}}, {"1": {"a": 4}}),
        (DSfloat("1.50"), 1.5),
        (PersonName("Doe^Jane"), "Doe^Jane"),
        (None, None),
    ],
)
def test_plain(value: Any, meant: Any) -> None:
    found = plain(value)
    assert found == meant
    assert type(found) is type(meant)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists)
)
def test_plain_is_always_strict_json(value: Any) -> None:
    json.dumps(plain(value), allow_nan=False)


@pytest.mark.parametrize("name", ["", " a", "a ", "a  b", "x" * 80, "a\tb", "a\xa0b", "日", ODD_NAMES])
def test_names_that_png_does_not_take(name: str) -> None:
    assert not is_keyword(name)


@given(st.dictionaries(st.text(max_size=85), st.text(max_size=30) | st.integers(), max_size=6))
def test_every_property_is_found_again_by_pillow(properties: dict[str, Any]) -> None:
    from io import BytesIO

    entries = text_entries(image(pixels("uint8", (1, 1)), properties=properties))
    assert len(entries) == len({name for name, _ in entries})
    with PngImageFile(BytesIO(b"".join(encode_png(pixels("uint8", (1, 1)), texts=entries)))) as file:
        found = dict(file.text)
    odd = json.loads(found.pop(ODD_NAMES, "{}"))
    assert found.keys() | odd.keys() == properties.keys()
    for name, value in properties.items():
        if name in odd:
            assert odd[name] == value
        elif isinstance(value, str) and "\0" not in value:
            assert found[name] == value
        else:
            assert json.loads(found[name]) == value
