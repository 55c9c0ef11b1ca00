"""Sources of several pages or frames: a file for each, or one for all, as the recipe's path says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import tifffile
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import AutoOptions, Limits
from dicombake.pipeline.loaders.registry import load
from PIL import Image as Pillow

from ....support import JPEG_LS, bake, failures

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
COLOUR = "SC_rgb_rle_2frame.dcm"
DOSE = "rtdose.dcm"


def run(folder: Path, source: Path, *exports: str, more: str = "") -> list[str]:
    """What failed of a recipe with one input."""
    shutil.copy(source, folder)
    lines = "\n".join(f"      - {each}" for each in exports)
    (folder / "qa.yaml").write_text(
        f'version: 1\nconversions:\n  qa:\n    inputs: "{source.name}"\n    source: auto\n'
        f"{more}    exports:\n{lines}\n",
        encoding="utf-8",
    )  # fmt: skip
    return failures(bake(folder / "qa.yaml"))


def images(path: Path) -> list[Image]:
    return list(load(path, AutoOptions(), Limits()))


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A TIFF of three pages."""
    path = tmp_path / "from" / "cine.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, np.random.default_rng(4).integers(0, 65536, (3, 37, 41)).astype(np.uint16),
                     photometric="minisblack", metadata=None)  # fmt: skip
    return path


@pytest.mark.parametrize("name", [COLOUR, "SC_rgb_rle_16bit_2frame.dcm", DOSE, "rtdose_expb.dcm"])
def test_frames_of_dicom_files(tmp_path: Path, name: str) -> None:
    meant = np.stack([image.pixels for image in images(FILES / name)])
    deep = name == "SC_rgb_rle_16bit_2frame.dcm"
    told = run(
        tmp_path, FILES / name,
        '{to: npy, path: "all.npy"}', '{to: npy, path: "{frame:02d}.npy"}',
        '{to: tiff, path: "all.tif"}', '{to: dicom, path: "same.dcm"}',
        '{to: dicom, path: "{frame:02d}.dcm"}',
        *(() if deep else ('{to: secondary-capture, path: "sc.dcm"}',)),
    )  # fmt: skip
    assert told == []
    assert np.array_equal(np.load(tmp_path / "all.npy"), meant)
    assert np.array_equal(tifffile.imread(tmp_path / "all.tif"), meant)
    stored = pydicom.dcmread(FILES / name).pixel_array
    assert np.array_equal(pydicom.dcmread(tmp_path / "same.dcm").pixel_array, stored)
    for number in range(1, len(meant) + 1):
        assert np.array_equal(np.load(tmp_path / f"{number:02d}.npy"), meant[number - 1])
        assert np.array_equal(
            pydicom.dcmread(tmp_path / f"{number:02d}.dcm").pixel_array.squeeze(), stored[number - 1]
        )
    if not deep:
        found = pydicom.dcmread(tmp_path / "sc.dcm")
        assert (found.NumberOfFrames, len(found.PageNumberVector)) == (len(meant), len(meant))
        assert np.array_equal(found.pixel_array, meant)


def test_deep_colour_has_no_multi_frame_capture(tmp_path: Path) -> None:
    (told,) = run(
        tmp_path, FILES / "SC_rgb_rle_16bit_2frame.dcm", '{to: secondary-capture, path: "sc.dcm"}'
    )  # fmt: skip
    assert "a multi-frame Secondary Capture holds colour of 8 bits, not uint16" in told


@pytest.mark.checker
@pytest.mark.parametrize("syntax", ["explicit-le", "rle", pytest.param("jpegls-lossless", marks=JPEG_LS)])
def test_pages_of_a_tiff(tmp_path: Path, pages: Path, checker: Callable[[str], str], syntax: str) -> None:
    meant = tifffile.imread(pages)
    told = run(
        tmp_path, pages,
        f'{{to: secondary-capture, path: "sc.dcm", transfer_syntax: {syntax}}}',
        f'{{to: secondary-capture, path: "sc_{{page}}.dcm", transfer_syntax: {syntax}}}',
        f'{{to: rt-image, path: "rt.dcm", transfer_syntax: {syntax}}}',
        f'{{to: rt-image, path: "rt_{{page}}.dcm", transfer_syntax: {syntax}}}',
        more="    geometry: {dpi: 100, sid: 1000, gantry: 90}\n",
    )  # fmt: skip
    assert told == []
    for name in ("sc", "rt"):
        assert np.array_equal(pydicom.dcmread(tmp_path / f"{name}.dcm").pixel_array, meant)
        for page in (1, 2, 3):
            single = pydicom.dcmread(tmp_path / f"{name}_{page}.dcm")
            assert "NumberOfFrames" not in single and np.array_equal(single.pixel_array, meant[page - 1])
    for path in sorted(tmp_path.glob("*.dcm")):
        done = subprocess.run([checker("dciodvfy"), str(path)], capture_output=True, text=True, check=False)
        errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
        assert (done.returncode, errors) == (0, []), path.name


def test_pictures_hold_one_page_each(tmp_path: Path, pages: Path) -> None:
    (told,) = run(tmp_path, pages, '{to: png, path: "{stem}.png"}')
    assert "3 pages or frames would go into one file, which png cannot hold; put {page} or {frame}" in told
    assert run(tmp_path, pages, '{to: png, path: "{stem}_{page}.png"}') == []
    for page, meant in enumerate(tifffile.imread(pages), 1):
        assert np.array_equal(np.asarray(Pillow.open(tmp_path / f"cine_{page}.png")), meant)
