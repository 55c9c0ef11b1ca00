"""What a notebook shows of a recipe, a plan, an outcome and an image: one short line, and a table."""

from __future__ import annotations

from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from dicombake import load_recipe, plan, run
from dicombake.pipeline.imaging.image import Geometry, Image
from dicombake.pipeline.notebook import ROWS, details, table

RECIPE = """\
version: 1
name: arrays
conversions:
  flat:
    inputs: "*.npy"
    source: array
    exports: [{to: npy, path: "out/{stem}.npy"}, {to: png, path: "out/{stem}.png"}]
"""


class Read(HTMLParser):
    """Tags that are not closed are a failure; collects the text of cells, items and captions."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.pictures: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attrs)["src"] or "")
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1], []).append(data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "good.npy", np.arange(6, dtype=np.uint8).reshape(2, 3))
    (tmp_path / "bad &lt;.npy").write_bytes(b"none")
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def test_a_plan_and_an_outcome(folder: Path) -> None:
    recipe = load_recipe(folder / "r.yaml")
    planned = plan(recipe)
    outcome = run(planned)
    assert repr(recipe) == "<LoadedRecipe arrays: conversions: 1>"
    assert repr(planned) == "<Plan arrays: units: 2, outputs: 4>"
    assert repr(outcome) == "<Outcome arrays: 1 written, 1 failed, exit status 1>"
    page = Read(planned._repr_html_())
    assert page.texts["th"] == ["conversion", "source", "files", "to", "outputs"]
    assert page.texts["td"] == ["flat", "array", "2", "npy, png", "4"]
    assert page.texts["caption"] == ["Plan arrays: units: 2, outputs: 4"]
    assert [text for text in page.texts["li"] if "bad" in text] == ["out/bad &lt;.npy", "out/bad &lt;.png"]
    page = Read(outcome._repr_html_())
    assert page.texts["td"] == ["flat", "1", "0", "1", "0"]
    assert any("bad &lt;.npy" in text for text in page.texts["li"])
    assert {"out/good.npy", "out/good.png"} <= set(page.texts["li"])
    assert repr(run(planned)) == "<Outcome arrays: 1 up to date, 1 failed, exit status 1>"


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float32, np.float64])
def test_an_image_of_every_type_has_a_thumbnail(dtype: type) -> None:
    pixels = np.arange(600 * 300).reshape(600, 300).astype(dtype)
    image = Image(pixels, Geometry(spacing=(0.4, 0.5), sid=1500.0))
    name = np.dtype(dtype).name
    assert repr(image) == f"<Image in memory: 600 rows x 300 columns, {name}, MONOCHROME2>"
    page = Read(image._repr_html_())
    assert page.texts["td"] == ["spacing (row, column), mm", "(0.4, 0.5)", "SID, mm", "1500.0"]
    (source,) = page.pictures
    with PIL.Image.open(BytesIO(b64decode(source.removeprefix("data:image/png;base64,")))) as shown:
        assert (shown.size, shown.mode) == ((100, 200), "L")


def levels(image: Image) -> list[object]:
    (source,) = Read(image._repr_html_()).pictures
    with PIL.Image.open(BytesIO(b64decode(source.removeprefix("data:image/png;base64,")))) as shown:
        return list(np.asarray(shown).tolist())


def test_a_thumbnail_shows_what_is_meant() -> None:
    ramp = np.array([[0.0, 100.0], [50.0, np.nan]])
    assert levels(Image(ramp)) == [[0, 255], [128, 0]]
    assert levels(Image(np.array([[0, 9]], np.uint8), photometric="MONOCHROME1")) == [[255, 0]]
    assert levels(Image(np.full((1, 2), 7, np.int16))) == [[0, 0]]
    assert levels(Image(np.full((1, 2), np.nan))) == [[0, 0]]
    assert levels(Image(np.array([[[1, 2, 3]]], np.uint8), photometric="RGB")) == [[[1, 2, 3]]]
    deep = np.array([[[0, 30000, 60000]]], np.uint16)
    assert levels(Image(deep, photometric="RGB")) == [[[0, 128, 255]]]


def test_what_is_long_is_cut_and_says_so() -> None:
    page = Read(table("many", ("number",), [(number,) for number in range(ROWS + 3)]))
    assert page.texts["td"][-1] == "and 3 more" and len(page.texts["td"]) == ROWS + 1
    assert Read(details("many", range(ROWS + 3))).texts["li"][-1] == "and 3 more"
    assert details("none", ()) == ""
    assert "<script" not in table("<script>", ("<script>",), [("<script>",)])
