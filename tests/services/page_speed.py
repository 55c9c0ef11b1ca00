"""How long pages take to open: ``python -m tests.services.page_speed [OUTPUTS ...]`` (default: 10 100 500).

Each is the page of a run of as many made XIM of 384 x 512, opened in Chromium three times.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.samples.xim import encode, mv_properties
from playwright.sync_api import sync_playwright
from typer.testing import CliRunner

RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  a: {inputs: "raw/*.xim", source: xim, exports: {to: rt-image, path: "d/{stem}.dcm"}}
"""


def main(counts: list[int]) -> None:
    """Print a row of the table in docs/results.md for each count."""
    program = shutil.which("chromium-browser") or shutil.which("chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for count in counts:
            page = _page(Path(name) / str(count), count)
            seconds = [_opened(browser, page, count) for _ in range(3)]
            size = page.stat().st_size / 1e6
            spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
            sys.stdout.write(f"| {count} | {size:.1f} MB | {statistics.median(seconds):.1f} s ({spread}) |\n")
            sys.stdout.flush()
        browser.close()


def _page(folder: Path, count: int) -> Path:
    rng = np.random.default_rng(1)
    (folder / "raw").mkdir(parents=True)
    shape = np.outer(np.hanning(384), np.hanning(512))
    for number in range(count):
        pixels = (20000 * shape + rng.normal(0, 60, shape.shape) + 200).astype(np.int32)
        content = encode(pixels, mv_properties(gantry=number % 360))
        (folder / "raw" / f"{number:04d}.xim").write_bytes(content)
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    page = folder / "page.html"
    done = CliRunner().invoke(app, ["run", str(folder / "r.yaml"), "--html", str(page)])
    assert done.exit_code == 0, done.output
    return page


def _opened(browser: Any, page: Path, count: int) -> float:
    """Return the seconds until the contact sheet is there and the page answers."""
    view = browser.new_page(viewport={"width": 1280, "height": 900})
    start = time.perf_counter()
    view.goto(page.as_uri())
    shown = view.evaluate("document.querySelectorAll('.card').length")
    seconds = time.perf_counter() - start
    assert shown == count
    view.close()
    return seconds


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or [10, 100, 500])
