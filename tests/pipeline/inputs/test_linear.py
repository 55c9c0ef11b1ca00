"""Globs with many stars: what `re` finds, and in bounded time."""

from __future__ import annotations

import re
import time

import pytest
from dicombake.pipeline.inputs.globs import Globs
from dicombake.pipeline.inputs.linear import LinearPattern
from dicombake.schemas.language.patterns import parse_glob
from hypothesis import given
from hypothesis import strategies as st

PARTS = st.lists(
    st.sampled_from(["*", "a", "b", "1", "-", ".", "?", "[ab]", "[!a]", "N", "D", "F"]), max_size=9
)


def glob_of(parts: list[str]) -> str:
    """A glob; N, D and F become captures of names of their own."""
    kinds = {"N": "", "D": ":d", "F": ":f"}
    pieces = [f"{{x{at}{kinds[part]}}}" if part in kinds else part for at, part in enumerate(parts)]
    return re.sub(r"\*+", "*", "".join(pieces))


@given(PARTS, st.text("ab1-.", max_size=14))
def test_it_matches_and_captures_as_re_does(parts: list[str], name: str) -> None:
    glob = glob_of(parts)
    if glob.strip() in ("", ".", ".."):
        return
    (component,) = parse_glob(glob).components
    assert component.regex is not None
    expected = re.fullmatch(component.regex, name)
    found = LinearPattern(component.pieces).fullmatch(name)
    assert (found and found.groups()) == (expected and expected.groups())


@pytest.mark.parametrize(
    "glob", ["*a*a*a*a*a*b.png", "*a" * 100 + "b", "*[ab]*?*a*[!x]*b", "{x}a{y}a{z}a*a*a*b", "*?*?*?*?*?*?b"]
)
def test_a_long_name_ends_soon(glob: str) -> None:
    started = time.perf_counter()
    assert Globs([glob]).match("a" * 250 + ".png") is None
    assert Globs([glob]).match("a" * 250 + "b") is not None or glob.endswith(".png")
    assert time.perf_counter() - started < 1


def test_many_globs_that_do_not_match_are_quick() -> None:
    globs = Globs([*(f"*n*{number}*{{x}}*.png" for number in range(1000)), "*.png"])
    started = time.process_time()
    for letter in "abcdefghij":
        assert globs.match(f"name-{30 * letter}.png") == (1000, ())
    assert time.process_time() - started < 1
