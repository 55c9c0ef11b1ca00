"""Pages in a real Chromium: values and places under the pointer, window, zoom, keys, search, blinking."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake import plan, run
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.drafts.examples import example_text, examples
from dicombake.pipeline.report.html.page import rendered
from dicombake.pipeline.samples import write_samples
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path(os.environ.get("DICOMBAKE_NODE_MODULES", ROOT / "build" / "page" / "node_modules"))
POINTS = 20
OWN = "willReadFrequently"
"""What Chromium remarks on these tests' reading of canvases."""
RECIPE = """
version: 1
name: turned
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
conversions:
  plain: {inputs: "epid/*.xim", source: xim, exports: {to: rt-image, path: "plain/{stem}.dcm"}}
  quarter:
    inputs: epid/mlc_g000.xim
    source: xim
    process: [rotate90]
    exports: {to: rt-image, path: "quarter/{stem}.dcm"}
  flipped:
    inputs: epid/field_g090.xim
    source: xim
    process: [flip_horizontal, {crop: {top: 31, left: 17}}]
    exports: {to: rt-image, path: "flipped/{stem}.dcm"}
  centred:
    inputs: film/g090_wedge.tif
    source: {format: image, channel: red}
    geometry: {pixel_spacing: [0.3, 0.4], sid: 1200, sad: 1000, center: [40.5, 60.25]}
    process: [normalize: {to: max}]
    exports: {to: rt-image, path: "centred/{stem}.dcm", pixels: quantize}
  oblique:
    inputs: volume/phantom.npy
    source:
      {format: volume, slice_axis: 2, spacing: [0.5, 0.75, 2.5], units: hu, origin: [-10, 20, 30.5],
       orientation: [0.8, 0.6, 0, 0, 0, -1]}
    exports: {to: ct-series, path: "oblique/{slice:04d}.dcm"}
"""


@pytest.fixture(scope="module")
def browser(checker: Callable[[str], str]) -> Iterator[Any]:
    """A Chromium without network."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium-browser") or checker("chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file, and at the end holds that no request left it and no error was told."""
    told: list[str] = []
    opened = []

    def open_it(path: Path, place: str = "", **options: Any) -> Any:
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 900}, **options})
        page.on("console", lambda message: OWN in message.text or told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        own = path.as_uri()
        page.on(
            "request",
            lambda request: (
                request.url.startswith(("data:", own)) or told.append(f"asks for {request.url[:80]}")
            ),
        )
        page.goto(f"{own}{place}")
        opened.append(page)
        return page

    yield open_it
    for page in opened:
        page.close()
    assert told == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_samples(folder)
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(folder / "r.yaml"), "--html", str(folder / "turned.html")])
    assert done.exit_code == 0, done.output
    return folder


def titles(page: Any) -> list[str]:
    found: list[str] = page.locator(".card .path").all_inner_texts()
    return found


def until(page: Any, condition: str) -> None:
    """Wait for a condition; Playwright's own waiting would need `unsafe-eval`, which the page forbids."""
    for _ in range(300):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"waited in vain for {condition}")


def ready(page: Any) -> None:
    """Wait until the picture is shown."""
    until(page, "Boolean(document.querySelector('.viewer')?.viewer)")
    page.evaluate("document.querySelector('.viewer').viewer.ready")


def hover(page: Any, row: int, column: int) -> dict[str, str]:
    """Move the mouse over the middle of a pixel, and return what the page tells of it."""
    x, y = page.evaluate(
        """([row, column]) => {
            const {canvas} = document.querySelector('.viewer').viewer;
            canvas.canvas.scrollIntoView({block: 'center'});
            const at = canvas.transform(), box = canvas.canvas.getBoundingClientRect();
            return [box.x + at.x + (column + 0.5) * at.sx, box.y + at.y + (row + 0.5) * at.sy];
        }""",
        [row, column],
    )
    page.mouse.move(x, y)
    told: dict[str, str] = page.evaluate("({...document.querySelector('.readout').dataset})")
    return told


def place_of(dataset: pydicom.Dataset, row: int, column: int) -> np.ndarray[Any, Any]:
    """PS3.3 C.8.8.2 and C.7.6.2.1.1, from what pydicom reads."""
    if "ImagePositionPatient" in dataset:
        start, direction = dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        down, along = dataset.PixelSpacing
    else:
        start, direction = dataset.RTImagePosition, dataset.RTImageOrientation
        down, along = dataset.ImagePlanePixelSpacing
    axes = len(start)
    row_way, column_way = np.array(direction[:3], float)[:axes], np.array(direction[3:], float)[:axes]
    return np.array(start, float) + column * float(along) * row_way + row * float(down) * column_way


FILES = [
    "plain/field_g090.dcm",
    "plain/mlc_g000.dcm",
    "quarter/mlc_g000.dcm",
    "flipped/field_g090.dcm",
    "centred/g090_wedge.dcm",
    "oblique/0001.dcm",
]


@pytest.mark.parametrize("name", FILES)
def test_value_and_place_under_the_pointer(name: str, folder: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(folder / "turned.html")
    page.goto(f"{(folder / 'turned.html').as_uri()}#o{titles(page).index(name)}")
    ready(page)
    slice_at = page.evaluate("document.querySelector('.viewer').viewer.at")
    file = f"oblique/{slice_at + 1:04d}.dcm" if name.startswith("oblique") else name
    dataset = pydicom.dcmread(folder / file)
    values = dataset.pixel_array * float(dataset.get("RescaleSlope", 1)) + float(
        dataset.get("RescaleIntercept", 0)
    )
    chosen = np.random.default_rng(15)
    for _ in range(POINTS):
        row, column = (int(chosen.integers(0, size)) for size in values.shape)
        told = hover(page, row, column)
        assert (int(told["row"]), int(told["column"])) == (row, column)
        assert float(told["value"]) == values[row, column]
        mm = np.array([float(part) for part in told["mm"].split(",")])
        assert mm == pytest.approx(place_of(dataset, row, column), abs=1e-6)
        if told["isocentre"]:
            x, y, _ = dataset.get("XRayImageReceptorTranslation") or (0, 0, 0)
            factor = float(dataset.RadiationMachineSAD) / float(dataset.RTImageSID)
            at = np.array([float(part) for part in told["isocentre"].split(",")])
            assert at == pytest.approx((mm + np.array([x, y], float)) * factor, abs=1e-6)


def grey_at(page: Any, row: int, column: int, canvas: str = "canvas") -> int:
    found: int = page.evaluate(
        """([row, column, name]) => {
            const each = document.querySelector('.viewer').viewer[name];
            const at = each.transform(), ratio = window.devicePixelRatio;
            const x = (at.x + (column + 0.5) * at.sx) * ratio, y = (at.y + (row + 0.5) * at.sy) * ratio;
            return each.canvas.getContext('2d').getImageData(Math.floor(x), Math.floor(y), 1, 1).data[0];
        }""",
        [row, column, canvas],
    )
    return found


def test_window_zoom_and_keys(folder: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(folder / "turned.html")
    page.goto(f"{(folder / 'turned.html').as_uri()}#o{titles(page).index('centred/g090_wedge.dcm')}")
    ready(page)
    while page.locator(".layers input:checked").count():
        page.locator(".layers input:checked").first.uncheck()
    dataset = pydicom.dcmread(folder / "centred" / "g090_wedge.dcm")
    values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    for low, high in ((0.0, 1.0), (0.2, 0.5)):
        page.get_by_label("window from").fill(str(low))
        page.get_by_label("window to").fill(str(high))
        page.get_by_label("window to").press("Enter")
        for row, column in ((30, 60), (150, 200), (220, 330)):
            expected = np.clip((values[row, column] - low) / (high - low) * 255, 0, 255)
            assert abs(grey_at(page, row, column) - expected) <= 2
    page.locator("canvas").first.focus()
    page.keyboard.press("i")
    expected = 255 - np.clip((values[150, 200] - 0.2) / 0.3 * 255, 0, 255)
    assert abs(grey_at(page, 150, 200) - expected) <= 2
    page.keyboard.press("i")
    hover(page, 150, 200)
    page.mouse.wheel(0, -600)
    until(page, "document.querySelector('.viewer').viewer.view.zoom > 2")
    page.mouse.move(*[each + 0.01 for each in page.evaluate("[innerWidth / 2, innerHeight / 2]")])
    told = hover(page, 150, 200)
    assert (told["row"], told["column"]) == ("150", "200")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    told = page.evaluate("({...document.querySelector('.readout').dataset})")
    assert (told["row"], told["column"]) == ("151", "210")
    page.keyboard.press("0")
    assert page.evaluate("document.querySelector('.viewer').viewer.view.zoom") == 0
    page.keyboard.press("f")
    assert float(page.get_by_label("window to").input_value()) == pytest.approx(values.max(), rel=1e-5)


def test_search_filter_and_ways(folder: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(folder / "turned.html")
    every = titles(page)
    page.keyboard.press("/")
    page.keyboard.type("MLC quarter")
    assert page.locator(".card:visible .path").all_inner_texts() == ["quarter/mlc_g000.dcm"]
    page.get_by_label("Search").fill("")
    page.get_by_label("conversion").select_option("plain")
    assert page.locator(".card:visible").count() == 3
    assert page.locator("#shown").inner_text() == f"3 of {len(every)} shown"
    page.locator(".card:visible a").first.click()
    ready(page)
    page.keyboard.press("n")
    until(page, f"document.querySelector('#detail h1').innerText === {json.dumps(every[1])}")
    assert page.evaluate("location.hash") == "#o1"
    page.keyboard.press("Escape")
    until(page, "!document.getElementById('overview').hidden")


def test_a_volume_scrolls_and_has_planes_across(folder: Path, open_page: Callable[..., Any]) -> None:
    page = open_page(folder / "turned.html")
    page.goto(f"{(folder / 'turned.html').as_uri()}#o{titles(page).index('oblique/0001.dcm')}")
    ready(page)
    page.wait_for_selector(".planes canvas")
    assert page.locator(".planes canvas").count() == 2
    datasets = [pydicom.dcmread(path) for path in sorted((folder / "oblique").iterdir())]
    volume = np.stack(
        [each.pixel_array * float(each.RescaleSlope) + float(each.RescaleIntercept) for each in datasets]
    )
    page.locator("canvas").first.focus()
    at = page.evaluate("document.querySelector('.viewer').viewer.at")
    page.keyboard.press("PageUp")
    until(page, f"document.querySelector('.viewer').viewer.at === {at + 1}")
    told = hover(page, 40, 50)
    assert float(told["value"]) == volume[at + 1, 40, 50]
    low, high = (float(page.get_by_label(f"window {name}").input_value()) for name in ("from", "to"))
    shown = page.evaluate(
        """() => [...document.querySelectorAll('.planes canvas')].map((each) => {
            const {data} = each.getContext('2d').getImageData(0, 0, each.width, each.height);
            return [each.width, each.height, [...data].filter((_, at) => at % 4 === 0)];
        })"""
    )
    upwards = datasets[-1].ImagePositionPatient[2] > datasets[0].ImagePositionPatient[2]
    for (width, height, greys), plane in zip(shown, (volume[:, 40, :], volume[:, :, 50]), strict=True):
        plane = plane[::-1] if upwards else plane
        expected = np.clip((plane - low) / (high - low) * 255, 0, 255)
        assert np.abs(np.array(greys).reshape(height, width) - expected).max() <= 1.5


def test_a_difference_blinks_and_is_signed(
    folder: Path, tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    changed = np.array(pydicom.dcmread(folder / "plain" / "field_g000.dcm").pixel_array)
    a = changed.astype(np.float64)
    changed[100:110, 100:110] += 7
    changed[200, 300] -= 350
    np.save(tmp_path / "b.npy", changed)
    words = ["diff", str(folder / "plain" / "field_g000.dcm"), str(tmp_path / "b.npy")]
    assert CliRunner().invoke(app, [*words, "--html", str(tmp_path / "d.html")]).exit_code == 1
    page = open_page(tmp_path / "d.html")
    ready(page)
    told = page.evaluate("({...document.querySelector('.readout').dataset})")
    assert (told["row"], told["column"]) == ("200", "300")
    assert [float(part) for part in told["values"].split()] == [a[200, 300], a[200, 300] - 350, -350]
    differences = page.evaluate("[...document.querySelector('.viewer').viewer.middle.values]")
    assert np.array_equal(np.array(differences).reshape(a.shape), changed - a)
    assert float(page.get_by_label("scale of the difference").input_value()) == 350
    page.get_by_label("window to").fill("1000")
    page.get_by_label("window to").press("Enter")
    page.locator("canvas").first.focus()
    before = grey_at(page, 105, 105, "left")
    page.keyboard.press("b")
    assert page.evaluate("document.querySelector('.viewer').viewer.left.canvas.dataset.shows") == "B"
    page.keyboard.press("b")
    assert grey_at(page, 105, 105, "left") == before
    page.get_by_label("Blink").check()
    for side in ("B", "A"):
        until(page, f"document.querySelector('.viewer').viewer.left.canvas.dataset.shows === '{side}'")


@pytest.mark.parametrize("name", examples())
def test_every_example_has_a_page(name: str, tmp_path: Path, open_page: Callable[..., Any]) -> None:
    write_samples(tmp_path / "samples")
    (tmp_path / "r.yaml").write_text(example_text(name), encoding="utf-8")
    words = ["run", str(tmp_path / "r.yaml"), "--html", str(tmp_path / "p.html"), "--jobs", "1"]
    done = CliRunner().invoke(app, words)
    assert (tmp_path / "p.html").exists(), done.output
    page = open_page(tmp_path / "p.html")
    count = len(titles(page))
    assert count or done.exit_code
    for number in {0, count - 1} if count else ():
        page.goto(f"{(tmp_path / 'p.html').as_uri()}#o{number}")
        if page.locator(".viewer").count():
            ready(page)


@pytest.fixture(scope="module")
def axe() -> str:
    """The accessibility checker axe-core."""
    return (node_module("axe-core") / "axe.min.js").read_text(encoding="utf-8")


def node_module(name: str) -> Path:
    if not (MODULES / name).is_dir():
        if os.environ.get("DICOMBAKE_REQUIRE_CHECKERS") == "1":
            pytest.fail(f"{name} is required in {MODULES}")
        pytest.skip(f"npm install --prefix build/page {name}")
    return MODULES / name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_it(
    scheme: str, width: int, folder: Path, axe: str, open_page: Callable[..., Any]
) -> None:
    page = open_page(folder / "turned.html", viewport={"width": width, "height": 900}, color_scheme=scheme)
    number = titles(page).index("oblique/0001.dcm")
    for place in ("", "#o1", f"#o{number}"):
        page.goto(f"{(folder / 'turned.html').as_uri()}{place}")
        if place:
            ready(page)
        assert violations(page, axe) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def violations(page: Any, axe: str) -> list[tuple[str, list[str]]]:
    """Return each rule that the page breaks, with the first places."""
    page.evaluate(axe)
    found = page.evaluate("axe.run().then((found) => found.violations)")
    return [(each["id"], [node["html"][:120] for node in each["nodes"][:3]]) for each in found]


@pytest.fixture(scope="module")
def difference(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two images that differ in one pixel."""
    made, one = tmp_path_factory.mktemp("difference"), folder / "plain" / "field_g000.dcm"
    changed = np.array(pydicom.dcmread(one).pixel_array)
    changed[200, 300] -= 350
    np.save(made / "b.npy", changed)
    words = ["diff", str(one), str(made / "b.npy"), "--html", str(made / "d.html")]
    assert CliRunner().invoke(app, words).exit_code == 1
    return made / "d.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_compare(
    scheme: str, width: int, difference: Path, axe: str, open_page: Callable[..., Any]
) -> None:
    page = open_page(difference, viewport={"width": width, "height": 900}, color_scheme=scheme)
    ready(page)
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


NOTEBOOK = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A notebook</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<style>body { background: %s; color: %s; font: 14px/1.4 sans-serif; margin: 1rem; }</style>
</head><body><main><h1>A notebook</h1>%s</main></body></html>"""
THEMES = {"light": ("#ffffff", "#1f1f1f"), "dark": ("#111111", "#e0e0e0")}


@pytest.mark.parametrize("theme", THEMES)
def test_a_notebook_shows_the_parts_of_the_page(
    theme: str, folder: Path, axe: str, tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    planned = plan(folder / "r.yaml")
    shown = f"{planned._repr_html_()}\n{run(planned)._repr_html_()}"
    (tmp_path / "n.html").write_text(NOTEBOOK % (*THEMES[theme], shown), encoding="utf-8")
    page = open_page(tmp_path / "n.html", viewport={"width": 1000, "height": 900})
    cards = page.locator(".card")
    assert cards.count() == len(page.locator(".card img").all()) > 5
    card = page.locator(".card", has_text="quarter/mlc_g000.dcm")
    assert not card.locator(".dial").first.is_visible()
    card.locator("summary").click()
    assert card.locator(".dial").first.is_visible()
    assert card.get_by_role("row", name="gantry").is_visible()
    assert card.bounding_box()["width"] > 900
    assert violations(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1000


def test_the_script_is_clean(checker: Callable[[str], str], tmp_path: Path) -> None:
    """ESLint on the scripts as a page has them, joined."""
    eslint = node_module("eslint") / "bin" / "eslint.js"
    for template, own in (("page.html", ("one_picture.js", "page.js")), ("diff.html", ("diff.js",))):
        values: dict[str, Any] = {
            "chapters": [],
            "items": [],
            "filters": [],
            "pairs": [],
            "counts": [],
            "names": ["", ""],
        }
        page = rendered(template, own, title="", with_tags=False, tolerance=0.0, **values).decode()
        script = page.rpartition("<script>")[2].partition("</script>")[0]
        (tmp_path / "page.js").write_text(script, encoding="utf-8")
        rules = {
            "no-undef": 2, "no-unused-vars": 2, "eqeqeq": 2, "no-shadow": 2, "prefer-const": 2, "no-var": 2,
            "no-implicit-globals": 2, "no-unreachable": 2, "no-eval": 2, "no-dupe-keys": 2, "use-isnan": 2,
        }  # fmt: skip
        names = (
            "document window element atob Blob DecompressionStream Response ResizeObserver Path2D ImageData"
        )
        names += " setInterval clearInterval"
        globals_ = dict.fromkeys(names.split(), "readonly")
        config = [
            {
                "languageOptions": {"sourceType": "script", "ecmaVersion": 2022, "globals": globals_},
                "rules": rules,
            }
        ]
        (tmp_path / "eslint.config.mjs").write_text(f"export default {json.dumps(config)};", encoding="utf-8")
        done = subprocess.run(
            [checker("node"), str(eslint), "page.js"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
