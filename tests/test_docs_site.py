"""The docs as a house: the site builds, every page is in it, and names of the code are those of the code."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CODE = sorted(
    path for top in ("schemas", "pipeline", "tests", "benchmarks") for path in (ROOT / top).rglob("*.py")
)
EXPLAINED = [DOCS / "architecture.md", *sorted((DOCS / "decisions").glob("*.md"))]


def nav() -> list[str]:
    """The pages in the navigation of mkdocs.yml, which has a tag that only mkdocs loads."""
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    return re.findall(r"^ +- (?:.*: )?(\S+\.md)$", text.partition("\nnav:\n")[2], re.M)


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(nav()) == sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def test_every_page_is_named_by_the_readme_of_the_docs() -> None:
    readme = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in nav():
        if page != "README.md" and not page.startswith("decisions/0"):
            assert f"({page})" in readme, page


@pytest.mark.slow
def test_the_site_builds_strictly(tmp_path: Path) -> None:
    mkdocs = shutil.which("mkdocs")
    if mkdocs is None:
        if os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") == "1":
            pytest.fail("mkdocs is required here and not installed")
        pytest.skip("mkdocs is not installed; nox -s docs builds the site")
    done = subprocess.run(
        [mkdocs, "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    assert {"index.html", "architecture.html", "formats/xim.html", "decisions/index.html"} <= pages
    index = (tmp_path / "site" / "search" / "search_index.json").read_text(encoding="utf-8")
    assert "ImageSourceType" in index


def named() -> list[tuple[str, str, str]]:
    """Page, file and name of each "`name` in `pipeline/x.py`" of the explaining pages; of a path, no name."""
    found = []
    for page in EXPLAINED:
        text = page.read_text(encoding="utf-8")
        found += [(page.name, file, name) for name, file in re.findall(r"`(\w+)` in `([a-z]\S*\.py)`", text)]
        found += [
            (page.name, path, "")
            for path in re.findall(r"`((?:pipeline|schemas|tests|recipes)(?:/[\w.]+)*)`", text)
        ]
    return found


def test_what_the_explanations_name_is_there() -> None:
    places = named()
    assert len([name for *_, name in places if name]) > 25
    for page, path, name in places:
        assert (ROOT / path).exists(), f"{page}: {path}"
        if name:
            text = (ROOT / path).read_text(encoding="utf-8")
            assert re.search(rf"^ *(?:def|class) {name}\b", text, re.M), f"{page}: no {name} in {path}"


def comments(text: str) -> Iterator[str]:
    """Docstrings and comments of a module."""
    tokens = tokenize.generate_tokens(StringIO(text).readline)
    yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(docstring))):
                yield docstring


def test_no_docstring_points_outside_the_repository() -> None:
    """A page that is cited is one of ours."""
    cited, outside = re.compile(r"[\w/.-]+\.md\b"), re.compile(r"XIM_MAPPING|RECIPE:|\(FORMATS\b")
    checked = 0
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        if not (cited.search(text) or outside.search(text)):
            continue
        for comment in comments(text):
            for page in cited.findall(comment):
                assert (ROOT / page).is_file() or (DOCS / page).is_file(), f"{path}: no page {page}"
                checked += 1
            assert not outside.search(comment), f"{path}: {comment}"
    assert checked >= 8
