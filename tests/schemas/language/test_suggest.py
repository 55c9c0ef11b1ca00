"""The one "did you mean": as good as comparing with every name, and bounded."""

from __future__ import annotations

import time
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path

import pytest
from dicombake.pipeline.errors import RecipeError
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.schemas.language.suggest import LIKENESS, at_most, did_you_mean, nearest, suggestion
from dicombake.schemas.language.tags import keywords
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = sorted(keywords())


@st.composite
def one_typo(draw: st.DrawFn) -> str:
    """A DICOM keyword with a letter left out, doubled, replaced or changed for its neighbour."""
    name = draw(st.sampled_from([each for each in NAMES if len(each) > 4]))
    at = draw(st.integers(0, len(name) - 2))
    return draw(
        st.sampled_from(
            [
                name[:at] + name[at + 1 :],
                name[:at] + name[at] + name[at:],
                f"{name[:at]}x{name[at + 1 :]}",
                name[:at] + name[at + 1] + name[at] + name[at + 2 :],
            ]
        )
    )


@settings(deadline=None, max_examples=12)
@given(one_typo())
def test_finds_what_comparing_with_every_keyword_finds(text: str) -> None:
    found = nearest(text, keywords())
    folded = [name.lower() for name in NAMES]
    best = get_close_matches(text.lower(), folded, n=1, cutoff=LIKENESS)
    assert found is not None
    assert SequenceMatcher(None, found.lower(), text.lower()).ratio() == pytest.approx(
        SequenceMatcher(None, best[0], text.lower()).ratio(), abs=0.02
    )


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("dip", ("sid", "sad", "dpi"), "dpi"),
        ("pgn", ("jpg", "png", "npy"), "png"),
        ("RTIMAGELABEL", keywords(), "RTImageLabel"),
        ("RTImageLable", keywords(), "RTImageLabel"),
        ("wholly-other", ("sid", "sad", "dpi"), None),
        ("", ("sid",), None),
        ("x", (), None),
        ("é" * 10_000, keywords(), None),
    ],
)
def test_finds_the_name_that_was_meant(text: str, names: tuple[str, ...], found: str | None) -> None:
    assert nearest(text, names) == found


def test_says_it_as_a_question() -> None:
    assert did_you_mean("gentry", ["gantry"]) == "did you mean 'gantry'?"
    assert suggestion("gentry", ["gantry"]) == "; did you mean 'gantry'?"
    assert suggestion("couch", ["gantry"]) == ""
    assert did_you_mean("couch", ["gantry"], otherwise="known are gantry") == "known are gantry"


def test_a_bound_ends_the_search() -> None:
    with at_most(2):
        assert [nearest("gentry", ["gantry"]) for _ in range(3)] == ["gantry", "gantry", None]
    assert nearest("gentry", ["gantry"]) == "gantry"


@pytest.mark.parametrize("count", [400, 4_000])
def test_many_unknown_tags_are_all_told_soon(tmp_path: Path, count: int) -> None:
    recipe = tmp_path / "r.yaml"
    conversion = "inputs: x, source: dicom, exports: {to: npy, path: a}"
    tags = ", ".join(f"PatientNameX{number}: x" for number in range(count))
    recipe.write_text(
        f"version: 1\nconversions:\n  a: {{{conversion}, tags: {{{tags}}}}}\n", encoding="utf-8"
    )
    start = time.process_time()
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe)
    assert time.process_time() - start < 2 + count / 1000  # 7 s and 70 s where each is compared with all
    assert len(caught.value.problems) == count
    assert "did you mean 'PatientName'?" in str(caught.value.problems[0])
