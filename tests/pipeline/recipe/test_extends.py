"""What a recipe may extend: files that are kept with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import RecipeError
from dicombake.pipeline.recipe.load import load_recipe

FILM = """
conversions:
  film:
    inputs: film/*.tif
    source: image
    exports: {to: png, path: "{stem}.png"}
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``repo`` is a git repository with a recipe in ``repo/qa``; ``other`` lies beside it."""
    for folder in ("repo/.git", "repo/qa", "repo/sites", "other"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("repo/sites", "other"):
        (tmp_path / folder / "site.yaml").write_text("vars: {x: y}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "repo"


def write(extends: str, path: str = "repo/qa/recipe.yaml") -> Path:
    Path(path).write_text(f"version: 1\nextends: {extends}\n{FILM}", encoding="utf-8")
    return Path(path)


OUTSIDE = "leaves the git repository that holds the recipe; what it extends is kept in git with it"


def test_a_file_elsewhere_in_the_repository_can_be_extended(repository: Path) -> None:
    assert load_recipe(write("../sites/site.yaml")).recipe.vars == {"x": "y"}


def test_a_file_outside_of_the_repository_cannot(repository: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write("../../other/site.yaml"))
    assert str(caught.value) == f"repo/qa/recipe.yaml:2:10: extends: '../../other/site.yaml' {OUTSIDE}"


def test_nor_by_a_file_in_between(repository: Path) -> None:
    (repository / "sites" / "more.yaml").write_text("extends: ../../other/site.yaml\n", encoding="utf-8")
    with pytest.raises(RecipeError) as caught:
        load_recipe(write("../sites/more.yaml"))
    assert str(caught.value) == f"repo/sites/more.yaml:1:10: extends: '../../other/site.yaml' {OUTSIDE}"


def test_nor_through_a_link(repository: Path) -> None:
    try:
        (repository / "qa" / "link.yaml").symlink_to("../../other/site.yaml")
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(RecipeError, match="leaves the git repository"):
        load_recipe(write("link.yaml"))


def test_a_worktree_has_a_file_in_the_place_of_the_folder(repository: Path) -> None:
    (repository / ".git").rmdir()
    (repository / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="leaves the git repository"):
        load_recipe(write("../../other/site.yaml"))


def test_without_a_repository_any_file_beside_can_be_extended(repository: Path) -> None:
    (repository / ".git").rmdir()
    assert load_recipe(write("../../other/site.yaml")).recipe.vars == {"x": "y"}


@pytest.mark.parametrize(
    "text", ["/x.yaml", "~/x.yaml", "'C:\\x.yaml'", "C:/x.yaml", "file:///x.yaml", "'\\\\server\\x.yaml'"]
)
def test_a_path_is_relative(repository: Path, text: str) -> None:
    with pytest.raises(RecipeError, match=r"must be relative to the file that extends it$"):
        load_recipe(write(text))
