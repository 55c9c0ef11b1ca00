"""A listing that is kept finds what one that is not kept finds, and looks at what can match only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dicombake.pipeline.errors import PlanError
from dicombake.pipeline.inputs.search import search
from dicombake.pipeline.places.listing import Listing
from dicombake.schemas.inputs import Inputs
from hypothesis import given
from hypothesis import strategies as st

FOLDERS = ("", "a/", "ab/", "b/a/")
NAMES = ("a1.png", "a10.png", "ab.png", "b.png", ".a.png", "é.png", "e\u0301.png", "[.png")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (root / folder / name).touch()
    return root


pieces = st.sampled_from(["a", "b", "1", "é", "*", "?", "[ab]", "[[]", "{x}", ".png", "e\u0301", "."])
components = st.one_of(st.just("**"), st.lists(pieces, min_size=1, max_size=4).map("".join))
globs = st.lists(components, min_size=1, max_size=3).map("/".join)


def readable(files: list[str]) -> Inputs | None:
    try:
        return Inputs.model_validate({"files": files})
    except ValueError:
        return None


some_inputs = st.lists(globs, min_size=1, max_size=3).map(readable).filter(lambda inputs: inputs is not None)


@given(st.lists(some_inputs, min_size=1, max_size=4))
def test_what_is_kept_gives_the_same_files(tree: Path, all_inputs: list[Inputs]) -> None:
    kept = Listing(kept=True)
    for inputs in all_inputs:
        assert search(inputs, tree, listing=kept) == search(inputs, tree)


def test_only_names_that_begin_so_are_looked_at_and_each_once(tree: Path) -> None:
    def names(*beginnings: str) -> Iterator[str]:
        return (name for name, _ in Listing(kept=True).entries(str(tree), beginnings))

    assert list(names("a1")) == ["a1.png", "a10.png"]
    assert list(names("a1", "a", "a10")) == ["a", "a1.png", "a10.png", "ab", "ab.png"]
    assert list(names("z")) == []
    everything = sorted(name for name, _ in Listing().entries(str(tree), ["z"]))
    assert sorted(names("", "a")) == everything


@pytest.mark.parametrize("kept", [True, False])
def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, kept: bool) -> None:
    with pytest.raises(PlanError, match="the folder cannot be listed") as told:
        list(Listing(kept=kept).entries(str(tmp_path / "gone"), [""]))
    assert "gone" in str(told.value)
