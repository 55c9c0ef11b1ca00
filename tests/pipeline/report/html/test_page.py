"""The page of a run: what stands in it, what never does, and that it is the same each time."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.report.html.packed import Packed, pack
from dicombake.pipeline.report.html.shown import Budget
from dicombake.pipeline.samples import files
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from typer.testing import CliRunner

from ....support import made_samples

EVIL = "<img src=x onerror=alert(1)>"
RECIPE = """\
version: 1
name: page
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
vars: {patient: Secret-Var}
defaults: {tags: {PatientName: "Secret^Name"}}
conversions:
  epid:
    inputs: "epid/*.xim"
    source: xim
    exports: [{to: rt-image, path: "dcm/{stem}.dcm"}, {to: png, path: "png/{stem}.png"}]
    tags: {PatientID: "{vars.patient}", StudyDescription: Secret-Study}
  ct:
    inputs: {files: volume/phantom.npy, on_empty: ok}
    source: {format: volume, slice_axis: 2, spacing: [0.5, 0.5, 2.5], units: hu}
    exports: {to: ct-series, path: "ct/{slice:04d}.dcm"}
  odd:
    inputs: {files: "odd/*.npy", on_empty: ok}
    source: array
    metadata: {csv: table.csv}
    exports: {to: npy, path: "npy/{stem}.npy"}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that was run: one input is broken, one has a name that is markup."""
    folder = tmp_path_factory.mktemp("page")
    for sample in made_samples().values():
        if sample.path.startswith(("epid/", "volume/phantom")):
            (folder / sample.path).parent.mkdir(exist_ok=True)
            (folder / sample.path).write_bytes(sample.content)
    (folder / "odd").mkdir()
    name = EVIL.replace("/", "") if os.name == "posix" else "odd"
    (folder / "odd" / f"{name}.npy").write_bytes(files.npy(np.arange(48, dtype=np.uint16).reshape(6, 8)))
    (folder / "table.csv").write_text(f'stem,PatientComments\n"{name}",Secret-Cell\nb,x\n')
    (folder / "odd" / "b.npy").write_bytes(b"\x93NUMPY\x01\x00broken")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["run", str(folder / "r.yaml"), "--jobs", "1", "--html", str(folder / "run.html")]
    )
    assert done.exit_code == 1, done.output
    assert CliRunner().invoke(app, ["report", str(folder / "r.yaml")]).exit_code == 0
    return folder


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.inside = tag if tag in ("script", "style") and not dict(attrs).get("type") else ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts.append(data)
            self.inside = ""


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def test_no_value_of_a_tag_is_in_it(folder: Path, tmp_path: Path) -> None:
    for name in ("run.html", "page.html"):
        page = read(folder / name)
        assert "Secret" not in page
        assert "PatientID: &#34;…&#34;" in page
        assert "csv: &#34;…&#34;" in page
    shown = tmp_path / "with.html"
    CliRunner().invoke(app, ["report", str(folder / "r.yaml"), "-o", str(shown), "--with-tags"])
    assert "Secret-Study" in read(shown)


def test_names_are_text_and_every_request_is_forbidden(folder: Path) -> None:
    page = read(folder / "page.html")
    found = Elements(page)
    assert not any(name.startswith("on") for _, attributes in found.found for name in attributes)
    sources = {attributes["src"] for _, attributes in found.found if attributes.get("src")}
    assert all(source and source.startswith("data:image/png;base64,") for source in sources)
    assert {attributes["href"][0] for _, attributes in found.found if attributes.get("href")} == {"#"}
    assert not any("style" in attributes for _, attributes in found.found)
    if os.name == "posix":
        assert "&lt;img src=x onerror=alert(1)&gt;.npy" in page
    (policy,) = (
        str(attributes["content"])
        for tag, attributes in found.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")
    for content in found.scripts:
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(found.scripts) == 2


def test_the_same_state_gives_the_same_bytes_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "elsewhere")
    again = CliRunner().invoke(app, ["report", str(tmp_path / "elsewhere" / "r.yaml")])
    assert again.exit_code == 0
    page = read(folder / "page.html")
    assert read(tmp_path / "elsewhere" / "page.html") == page
    assert str(folder) not in page
    assert str(folder.parent) not in page


def test_what_was_done_and_what_failed(folder: Path) -> None:
    page = read(folder / "run.html")
    assert re.search(r"<b>15</b> written|<b>1[0-9]</b> written", page)
    assert "odd/b.npy" in page
    cards = [
        attributes
        for tag, attributes in Elements(page).found
        if tag == "li" and attributes.get("class") == "card"
    ]
    assert [card["data-conversion"] for card in cards] == ["epid"] * 6 + ["ct"] + ["odd"] * (len(cards) - 7)
    lock = read(folder / "r.lock")
    for hashed in re.findall(r"(?:input|output) ([0-9a-f]{64})", lock):
        assert hashed in page or hashed == hashlib.sha256((folder / "table.csv").read_bytes()).hexdigest()


def test_a_recipe_that_is_wrong_has_a_page_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("version: 1\nconversionss: {}\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["run", "bad.yaml", "--html", "p.html"])
    assert done.exit_code == 2
    assert "did you mean" in read(Path("p.html"))


@pytest.mark.parametrize("command", ["run", "report", "diff"])
def test_only_a_page_of_ours_is_replaced(folder: Path, tmp_path: Path, command: str) -> None:
    mine = tmp_path / "mine.html"
    few = ("--only", "odd", "--pictures", "none")
    words = {
        "run": ("run", str(folder / "r.yaml"), *few, "--html"),
        "report": ("report", str(folder / "r.yaml"), *few, "-o"),
        "diff": ("diff", str(folder / "epid"), str(folder / "epid"), "--html"),
    }[command]
    mine.write_text("<!doctype html><p>mine", encoding="utf-8")
    done = CliRunner().invoke(app, [*words, str(mine)])
    assert done.exit_code == 2
    assert "is no page of dicombake" in done.output
    assert mine.read_text(encoding="utf-8") == "<!doctype html><p>mine"
    assert CliRunner().invoke(app, [*words, str(tmp_path)]).exit_code == 2
    mine.unlink()
    for _ in range(2):
        CliRunner().invoke(app, [*words, str(mine)])
        assert read(mine).startswith("<!doctype html>\n<!-- a page of dicombake")


@pytest.mark.skipif(os.name != "posix", reason="links need a right of their own on Windows")
def test_an_untrusted_recipe_leads_its_page_nowhere_else(folder: Path, tmp_path: Path) -> None:
    inside, outside = tmp_path / "repository", tmp_path / "host"
    shutil.copytree(folder / "epid", inside / "epid")
    outside.mkdir()
    (outside / "old.html").write_bytes((folder / "page.html").read_bytes())
    recipe = RECIPE.partition("  ct:")[0]
    (inside / "r.yaml").write_text(recipe, encoding="utf-8")
    (inside / "page.html").symlink_to(outside / "old.html")
    (inside / "deeper").symlink_to(outside)
    before = (outside / "old.html").read_bytes()
    for words in ([], ["-o", str(inside / "deeper" / "new.html")]):
        done = CliRunner().invoke(app, ["report", str(inside / "r.yaml"), "--untrusted", *words])
        assert done.exit_code == 2, done.output
    done = CliRunner().invoke(
        app, ["run", str(inside / "r.yaml"), "--untrusted", "--html", str(inside / "deeper" / "x.html")]
    )
    assert done.exit_code == 2
    assert sorted(path.name for path in outside.iterdir()) == ["old.html"]
    assert (outside / "old.html").read_bytes() == before
    (inside / "page.html").unlink()
    assert CliRunner().invoke(app, ["report", str(inside / "r.yaml"), "--untrusted"]).exit_code == 0


def pages(folder: Path, tmp_path: Path) -> Callable[..., str]:
    def call(*words: str) -> str:
        CliRunner().invoke(app, ["report", str(folder / "r.yaml"), "-o", str(tmp_path / "p.html"), *words])
        return read(tmp_path / "p.html")

    return call


def test_pictures_on_request(folder: Path, tmp_path: Path) -> None:
    page = pages(folder, tmp_path)
    odd = len(list((folder / "npy").iterdir()))
    assert page().count('id="values-') == 6 + 8 + odd
    none = page("--pictures", "none", "--only", "odd")
    assert none.count('id="values-') == 0
    assert none.count('src="data:image/png') >= odd
    assert page("--pictures", "first", "--only", "epid").count('id="values-') == 1
    taken = Budget(100)
    assert [taken.take(60), taken.take(60), taken.take(40)] == [True, False, True]


def unpacked(packed: Packed) -> Any:
    """What the page's script does, in numpy."""
    dtype = np.dtype(f"<{packed.dtype}")
    planes = np.frombuffer(zlib.decompress(base64.b64decode(packed.data)), np.uint8)
    joined = np.ascontiguousarray(planes.reshape(dtype.itemsize, -1).T).reshape(-1)
    if dtype.kind == "f":
        stored = joined.view(dtype)
    else:
        differences = joined.view(f"<u{dtype.itemsize}").reshape(packed.rows, packed.columns, packed.samples)
        stored = np.cumsum(differences, axis=1, dtype=differences.dtype).reshape(-1).view(dtype)
    shape = (
        (packed.rows, packed.columns, packed.samples) if packed.samples > 1 else (packed.rows, packed.columns)
    )
    return stored.reshape(shape)


@settings(max_examples=40)
@given(
    st.sampled_from(
        [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.float32, np.float64]
    ).flatmap(lambda dtype: arrays.arrays(dtype, st.sampled_from([(1, 1), (3, 5), (4, 2, 3)])))
)
def test_values_travel_without_loss(values: Any) -> None:
    image = Image(values, photometric="RGB" if values.ndim == 3 else "MONOCHROME2")
    packed = pack(image)
    assert np.array_equal(unpacked(packed), values, equal_nan=values.dtype.kind == "f")
    assert (packed.slope, packed.intercept) == (1.0, 0.0)


def test_stored_integers_travel_where_the_rescale_gives_the_values(folder: Path, tmp_path: Path) -> None:
    from dicombake.pipeline.diff.side import open_side
    from dicombake.pipeline.loaders.options import Limits

    path = tmp_path / "a.dcm"
    dataset = pydicom.dcmread(folder / "ct" / "0001.dcm")
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.1", "-1024.5"
    dataset.save_as(path)
    (image,) = open_side(path, None, Limits()).images
    packed = pack(image)
    assert packed.dtype == "i2"
    assert np.array_equal(unpacked(packed).astype(np.float64) * packed.slope + packed.intercept, image.pixels)
