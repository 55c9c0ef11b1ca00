"""Globs with captures, as they are parsed; matching them is the pipeline's."""

from __future__ import annotations

import fnmatch
import re

import pytest
from dicombake.schemas.language.patterns import PatternError, captures_of, parse_glob
from hypothesis import assume, given
from hypothesis import strategies as st


def matches(glob: str, name: str) -> bool:
    (component,) = parse_glob(glob).components
    assert component.regex is not None
    return re.fullmatch(component.regex, name, re.DOTALL) is not None


def test_components_and_captures() -> None:
    pattern = parse_glob("./raw//{machine}/**/g{gantry:d}_{x:f}*.tif")
    assert [component.text for component in pattern.components] == [
        "raw",
        "{machine}",
        "**",
        "g{gantry:d}_{x:f}*.tif",
    ]
    assert [component.literal for component in pattern.components] == ["raw", None, None, None]
    assert pattern.components[2].regex is None
    assert pattern.captures == (("machine", ""), ("gantry", "d"), ("x", "f"))
    assert captures_of(["{a}/x", "{b:d}"]) == {"a": "", "b": "d"}


@pytest.mark.parametrize(
    ("glob", "name", "captured"),
    [
        ("g{n:d}.tif", "g-12.tif", {"n": "-12"}),
        ("g{n:d}.tif", "g1.5.tif", None),
        ("g{n:d}.tif", "g\u0663.tif", None),
        ("{x:f}.tif", "-.5.tif", {"x": "-.5"}),
        ("{x:f}.tif", "1e3.tif", None),
        ("{a}_{b}", "x_y_z", {"a": "x", "b": "y_z"}),
        ("{a}", "", None),
        ("[ab]?*", "axyz", {}),
        ("[!ab]x", "cx", {}),
        ("[^ab]x", "ax", None),
        ("a+(b).tif", "a+(b).tif", {}),
    ],
)
def test_one_component(glob: str, name: str, captured: dict[str, str] | None) -> None:
    (component,) = parse_glob(glob).components
    found = re.fullmatch(component.regex or "", name)
    assert (None if found is None else found.groupdict()) == captured


@pytest.mark.parametrize(
    ("glob", "what"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("/a", "must be relative"),
        ("\\\\server\\a", "must be relative"),
        ("C:\\a", "must be relative"),
        ("a/../b", "must not climb out of its folder"),
        ("a/**b", "'**' stands alone between slashes"),
        ("a[", "has no ']'"),
        ("{stem}", "takes the name of a built-in one"),
        ("{vars}", "takes the name of a built-in one"),
        ("{a}/{a}", "stands twice"),
        ("{a:x}", "a capture is {name}, {name:d} or {name:f}"),
        ("{", "begins no capture"),
        ("}", "begins no capture"),
        ("{1}", "begins no capture"),
    ],
)
def test_what_is_no_glob(glob: str, what: str) -> None:
    with pytest.raises(PatternError) as caught:
        parse_glob(glob)
    assert what in str(caught.value)


@given(
    st.text(st.sampled_from("ab*?.+()^$|-"), min_size=1, max_size=8),
    st.text(st.sampled_from("ab.+()^$|-"), max_size=8),
)
def test_globs_without_captures_match_as_fnmatch_does(glob: str, name: str) -> None:
    assume("**" not in glob and glob not in (".", ".."))
    assert matches(glob, name) is fnmatch.fnmatchcase(name, glob)


@given(st.text(max_size=20))
def test_any_text_is_a_glob_that_compiles_or_is_refused(text: str) -> None:
    try:
        pattern = parse_glob(text)
    except PatternError:
        return
    for component in pattern.components:
        re.compile(component.regex or "")
