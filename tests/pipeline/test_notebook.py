"""What a notebook shows of a recipe, a plan, an outcome, an image: one short line, and parts of the page."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from dicombake import load_recipe, plan, run
from dicombake.pipeline.imaging.image import Geometry, Image, Origin
from dicombake.pipeline.loaders.options import Limits, XimOptions
from dicombake.pipeline.loaders.registry import load
from dicombake.pipeline.printable import printable
from dicombake.pipeline.report.html import notebook
from dicombake.pipeline.report.html.notebook import CARDS, MOST
from dicombake.pipeline.report.html.place import gantry_place

from ..support import made_samples

EVIL = "<img src=x onerror=alert(1)>"
RECIPE = """\
version: 1
name: arrays
conversions:
  flat:
    inputs: "*.npy"
    source: array
    exports: [{to: npy, path: "out/{stem}.npy"}, {to: png, path: "out/{stem}.png"}]
"""
ALONE = ("img", "image", "polyline", "path", "rect", "circle")


class Read(HTMLParser):
    """The texts of a part of a page, by element. What is left open, runs or asks for something fails."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.pictures: list[str] = []
        self.tags: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []
        assert all(picture.startswith("data:image/png;base64,") for picture in self.pictures)
        assert "url(" not in page and "@import" not in page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "link", "object", "form", "a")
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on") and name != "style"
            if name in ("src", "href"):
                self.pictures.append(value or "")
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALONE
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.setdefault(self.open[-1], []).append(data)

    def rows(self) -> dict[str, str]:
        """The first cell of each row with a name."""
        cells = [(tag, text) for tag in ("th", "td") for text in self.texts.get(tag, ())]
        return dict(cells)


def picture(source: str) -> PIL.Image.Image:
    return PIL.Image.open(BytesIO(b64decode(source.removeprefix("data:image/png;base64,"))))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.save(tmp_path / "good.npy", np.arange(6, dtype=np.uint8).reshape(2, 3))
    (tmp_path / "bad &lt;.npy").write_bytes(b"none")
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


def test_a_plan_and_an_outcome(folder: Path) -> None:
    recipe = load_recipe(folder / "r.yaml")
    planned = plan(recipe)
    page = Read(planned._repr_html_())
    assert page.texts["td"] == ["flat", "array", "2", "npy, png", "4"]
    assert page.texts["p"][0] == "Plan arrays: units: 2, outputs: 4"
    assert "flat/good.npy: runs: not made before" in page.texts["li"]
    assert [text for text in page.texts["li"] if "out/bad" in text] == [
        "out/bad &lt;.npy",
        "out/bad &lt;.png",
    ]
    outcome = run(planned)
    assert repr(recipe) == "<LoadedRecipe arrays: conversions: 1>"
    assert repr(planned) == "<Plan arrays: units: 2, outputs: 4>"
    assert repr(outcome) == "<Outcome arrays: 1 written, 1 failed, exit status 1>"
    page = Read(outcome._repr_html_())
    counts = list(zip(page.texts["b"], (text.strip() for text in page.texts["li"]), strict=False))
    assert counts[:4] == [("4", "outputs"), ("2", "written"), ("2", "failed"), ("1", "with a problem")] or (
        counts[:4] == [("4", "outputs"), ("2", "failed"), ("2", "written"), ("1", "with a problem")]
    )
    assert any("bad &lt;.npy" in text for text in page.texts["b"])
    assert page.texts["span"].count("out/good.npy") == 1 and len(page.pictures) == 2
    assert page.texts["strong"].count("Geometry, and where it comes from") == 2
    assert repr(run(planned)) == "<Outcome arrays: 1 up to date, 1 failed, exit status 1>"
    assert not any(str(folder) in text for texts in page.texts.values() for text in texts)


def test_what_changed_since_is_told(folder: Path) -> None:
    outcome = run(folder / "r.yaml")
    np.save(folder / "out" / "good.npy", np.zeros((2, 3)))
    (folder / "out" / "good.png").unlink()
    page = Read(outcome._repr_html_())
    assert page.texts["span"].count("altered") == 2
    assert "not there" in page.texts["td"]


@pytest.mark.skipif(os.name != "posix", reason="no such names there")
def test_names_are_text(folder: Path) -> None:
    np.save(folder / f"{EVIL}.npy", np.arange(6, dtype=np.uint8).reshape(2, 3))
    (folder / f"{EVIL}&bad.npy").write_bytes(b"none")
    (folder / "r.yaml").write_text(
        RECIPE.replace("name: arrays", f"name: arrays\ndescription: '{EVIL}'"), encoding="utf-8"
    )
    planned = plan(folder / "r.yaml")
    for page in (Read(planned._repr_html_()), Read(run(planned)._repr_html_())):
        assert EVIL in " ".join(text for texts in page.texts.values() for text in texts)
        assert page.tags.count("img") == len(page.pictures)
    image = Image(np.zeros((2, 2)), Geometry(spacing=(1, 1), origins={"spacing": Origin("file", EVIL)}))
    assert f"file ({EVIL})" in Read(image._repr_html_()).texts["td"]


def test_many_outputs_stay_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 65536, (200, 200), dtype=np.uint16)
    for number in range(70):
        np.save(tmp_path / f"{number:03d}.npy", noise + number)
    np.save(tmp_path / "volume.npy", np.arange(130 * 64, dtype=np.int16).reshape(130, 8, 8))
    volume = """\
  ct:
    inputs: volume.npy
    source: {format: volume, slice_axis: 0, spacing: [1, 1, 2], units: hu}
    exports: {to: ct-series, path: "ct/{slice:04d}.dcm"}
"""
    recipe = RECIPE.replace('"*.npy"', '"[0-9]*.npy"').replace("conversions:\n", f"conversions:\n{volume}")
    (tmp_path / "r.yaml").write_text(recipe, encoding="utf-8")
    planned = plan(tmp_path / "r.yaml")
    outcome = run(planned)
    assert outcome.exit_status == 0
    html = outcome._repr_html_()
    page = Read(html)
    assert len(html) < 1_000_000 and len(planned._repr_html_()) < 30_000
    assert len(page.pictures) <= CARDS
    assert "ct/0001.dcm" in page.texts["span"]
    assert any(text.endswith("ct-series, 130 images") for text in page.texts["span"])
    shown = 130 + len(page.pictures) - 1
    assert page.texts["p"][-1] == f"{shown} of 270 outputs are shown here; 'dicombake report' shows all"
    assert f"and {270 - MOST} more" in page.texts["li"]


def test_only_what_is_shown_is_put_into_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of de-identified inputs are looked for in each text, which takes long for each of many units."""
    conversions = []
    for number in range(MOST + 9):
        np.save(tmp_path / f"{number}.npy", np.zeros((2, 3), "u1"))
        source = f"inputs: {number}.npy, source: array"
        conversions.append(f'  c{number}: {{{source}, exports: {{to: npy, path: "out/{number}.npy"}}}}\n')
    (tmp_path / "r.yaml").write_text(f"version: 1\nconversions:\n{''.join(conversions)}", encoding="utf-8")
    worded = []

    def counted(text: str, limit: int) -> str:
        worded.append(text)
        return printable(text, limit)

    monkeypatch.setattr(notebook, "printable", counted)
    page = Read(plan(tmp_path / "r.yaml")._repr_html_())
    assert len(worded) == 2 * MOST  # names and reasons
    assert page.texts["td"] == [
        text for number in range(MOST) for text in (f"c{number}", "array", "1", "npy", "1")
    ]
    assert page.texts["p"][1:] == ["and 9 more"]
    assert page.texts["li"].count("and 9 more") == 2  # units and outputs


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, np.float32, np.float64])
def test_an_image_of_every_type_has_a_picture(dtype: type) -> None:
    pixels = np.arange(800 * 400).reshape(800, 400).astype(dtype)
    image = Image(pixels, Geometry(spacing=(0.4, 0.5), sid=1500.0))
    name = np.dtype(dtype).name
    assert repr(image) == f"<Image in memory: 800 rows x 400 columns, {name}, MONOCHROME2>"
    page = Read(image._repr_html_())
    assert page.texts["th"][3:6] == ["spacing", "sid", "sad"]
    assert page.texts["td"][0] == "0.4 0.5 mm"
    assert f"800 x 400 {name}" in page.texts["td"]
    (source,) = page.pictures
    with picture(source) as shown:
        assert (shown.size, shown.mode) == ((134, 267), "L")


def test_an_image_shows_what_lies_in_it_where_the_page_does(tmp_path: Path) -> None:
    sample = made_samples()["epid/field_g090.xim"]
    file = tmp_path / "a.xim"
    file.write_bytes(sample.content)
    (image,) = load(file, XimOptions(format="xim"), Limits())
    html = image._repr_html_()
    page = Read(html)
    (described,) = (text for text in page.texts["figcaption"] if text.startswith("isocentre: "))
    assert "; axes: " in described and "; jaws: " in described
    assert next(text for text in page.texts["figcaption"] if "°" in text).startswith("gantry 90")
    assert any(text.startswith("file (") for text in page.texts["td"])
    place = gantry_place(image.geometry)
    assert place is not None and image.geometry.spacing is not None
    row, column = place.pixel(0.0, 0.0) or (0.0, 0.0)
    down = image.geometry.spacing[0] / image.geometry.spacing[1]
    left, y, width = map(float, re.findall(r'<path d="M([\d.]+) ([\d.]+)h([\d.]+)m', html)[0])
    assert (left + width / 2, y) == pytest.approx((column + 0.5, (row + 0.5) * down))
    assert f'viewBox="0 0 {image.columns} {image.rows * down}"' in html


def levels(image: Image) -> list[object]:
    (source,) = Read(image._repr_html_()).pictures
    with picture(source) as shown:
        return list(np.asarray(shown).tolist())


def test_a_picture_shows_what_is_meant() -> None:
    ramp = np.array([[0.0, 100.0], [50.0, np.nan]])
    assert levels(Image(ramp)) == [[0, 255], [128, 0]]
    assert levels(Image(np.array([[0, 9]], np.uint8), photometric="MONOCHROME1")) == [[255, 0]]
    assert levels(Image(np.full((1, 2), 7, np.int16))) == [[0, 0]]
    assert levels(Image(np.full((1, 2), np.nan))) == [[0, 0]]
    assert levels(Image(np.array([[[1, 2, 3]]], np.uint8), photometric="RGB")) == [[[1, 2, 3]]]
    deep = np.array([[[0, 30000, 60000]]], np.uint16)
    assert levels(Image(deep, photometric="RGB")) == [[[0, 128, 255]]]


def test_an_object_without_pixels_has_no_picture() -> None:
    page = Read(Image(np.zeros((0, 0), np.uint8))._repr_html_())
    assert page.pictures == []
