"""What a user sees of every wrong recipe in ``tests/bad``: exactly this, in one go."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from dicombake.pipeline.errors import ExitStatus, RecipeError
from dicombake.pipeline.recipe.load import load_recipe

BAD = Path(__file__).resolve().parents[2] / "bad"


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_tells_every_mistake(
    name: str, golden: Callable[[Path, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)
    with pytest.raises(RecipeError) as caught:
        load_recipe(Path(f"{name}.yaml"))
    told = str(caught.value).replace(f"this is {version('dicombake')};", "this is VERSION;")
    golden(BAD / f"{name}.err.txt", f"{told}\n")
    assert caught.value.status is ExitStatus.WRONG


def test_no_golden_text_is_left_over() -> None:
    assert {path.name.removesuffix(".err.txt") for path in BAD.glob("*.err.txt")} == {
        path.stem for path in BAD.glob("*.yaml")
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_says_the_same_without_the_parser_in_c(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BAD)
    told = []
    for compiled in (True, False):
        monkeypatch.setattr(yaml, "__with_libyaml__", compiled and yaml.__with_libyaml__)
        with pytest.raises(RecipeError) as caught:
            load_recipe(Path(f"{name}.yaml"))
        told.append(str(caught.value))
    assert told[0] == told[1]
