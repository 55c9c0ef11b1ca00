"""Pictures of DICOM files are those that dcmtk draws, within one grey level."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.exporters.pictures.window import Window, picture
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import DicomOptions, Limits
from dicombake.pipeline.loaders.registry import load
from PIL import Image as Pillow
from pydicom import Dataset
from pydicom.sequence import Sequence

from ...loaders.input_files import dataset_of, encoded, written

Drawn = tuple[Any, ...]
"""The window here, and what dcmj2pnm takes for the same."""

pytestmark = pytest.mark.checker
FILES = Path(pydicom.__file__).parent / "data" / "test_files"
GREY = np.random.default_rng(7).integers(0, 4096, (19, 23)).astype(np.uint16)
MINIMUM_TO_MAXIMUM = ("+Wm",)
STORED = ("-M", "+Wm")
"""Without the rescale, which dcmtk rounds to whole numbers: for values that are none."""


def ours(path: Path, window: Window) -> np.ndarray[Any, Any]:
    image: Image = next(iter(load(path, DicomOptions(), Limits())))
    return picture(image, window).levels.astype(int)


def dcmtks(checker: Callable[[str], str], path: Path, folder: Path, options: tuple[str, ...]) -> Any:
    out = folder / "dcmtk.ppm"
    command = [checker("dcmj2pnm"), "-O", "--frame", "1", *options, str(path), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "cannot select" not in done.stderr, done.stderr
    return np.asarray(Pillow.open(out)).astype(int)


def same(checker: Callable[[str], str], path: Path, folder: Path, window: Window, *options: str) -> None:
    theirs = dcmtks(checker, path, folder, options)
    levels = ours(path, window)
    assert levels.shape == theirs.shape
    assert np.abs(levels - theirs).max() <= 1


@pytest.mark.parametrize(
    ("name", "window", "options"),
    [
        ("CT_small.dcm", "full", MINIMUM_TO_MAXIMUM),
        ("MR_small.dcm", "auto", ("+Wi", "1")),
        ("MR_small_RLE.dcm", "full", MINIMUM_TO_MAXIMUM),
        ("MR_small_bigendian.dcm", "auto", ("+Wi", "1")),
        ("MR_small_implicit.dcm", "auto", ("+Wi", "1")),
        ("JPEG-lossy.dcm", "full", MINIMUM_TO_MAXIMUM),
        ("JPGExtended.dcm", "full", MINIMUM_TO_MAXIMUM),
        ("image_dfl.dcm", "full", MINIMUM_TO_MAXIMUM),
        ("liver_1frame.dcm", "full", MINIMUM_TO_MAXIMUM),
        ("rtdose.dcm", "full", STORED),
        ("examples_overlay.dcm", "auto", ("+Wi", "1")),
        ("examples_palette.dcm", "auto", ()),
        ("examples_rgb_color.dcm", "auto", ()),
        ("examples_ybr_color.dcm", "auto", ()),
        ("SC_ybr_full_422_uncompressed.dcm", "auto", ()),
        ("SC_rgb_small_odd_jpeg.dcm", "auto", ()),
        ("SC_rgb_dcmtk_+eb+cy+s4.dcm", "auto", ()),
        ("SC_rgb_dcmtk_+eb+cr.dcm", "auto", ()),
        ("SC_jpeg_no_color_transform.dcm", "auto", ()),
        ("SC_jpeg_no_color_transform_2.dcm", "auto", ()),
        ("SC_rgb_jpeg_dcmtk.dcm", "auto", ()),
        ("SC_rgb_jpeg_app14_dcmd.dcm", "auto", ()),
        ("SC_rgb_rle_16bit_2frame.dcm", "auto", ()),
    ],
)
def test_files_of_pydicom(
    checker: Callable[[str], str], tmp_path: Path, name: str, window: Window, options: tuple[str, ...]
) -> None:
    if not (FILES / name).is_file():
        pytest.skip(f"pydicom {pydicom.__version__} does not ship {name}")
    same(checker, FILES / name, tmp_path, window, *options)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("rtimage/BeamScheme_6FFF.dcm", ("full", *STORED)),
        ("rtimage/fodicom_RI6XDosiGap.dcm", ("full", *STORED)),
        ("rtimage/LinaQA_Leeds1.dcm", ("auto", "+Wi", "1")),
        ("rtimage/alexserante_gantry0coll0couch0.dcm", ("full", *MINIMUM_TO_MAXIMUM)),
        ("ct-series/LinaQA_CatPhan604/CT.CP600.Image_40.dcm", ("full", *MINIMUM_TO_MAXIMUM)),
        ("ct-series/rtutils_mock/ct_1.dcm", ("auto", "+Wi", "1")),
        ("mr-series/pydicom_MR700/4467", ("auto", "+Wi", "1")),
    ],
)
def test_real_files(
    real: Path, checker: Callable[[str], str], tmp_path: Path, name: str, drawn: Drawn
) -> None:
    same(checker, real / name, tmp_path, *drawn)


RESCALE = {"RescaleSlope": "2", "RescaleIntercept": "-1024"}


def made(folder: Path, pixels: np.ndarray[Any, Any] = GREY, **values: Any) -> Path:
    return written(folder, encoded(dataset_of(pixels, BitsStored=12, HighBit=11, **values), pixels))


def lut(first: int, entries: np.ndarray[Any, Any], bits: int = 12) -> Sequence:
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries), first, bits])
    item.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    return Sequence([item])


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("options", "values"),
    [
        (("+Wi", "1"), {"WindowCenter": "1500", "WindowWidth": "900"}),
        (("+Wi", "1"), {"WindowCenter": "477", "WindowWidth": "2000.5", **RESCALE}),
        (("+Wi", "1"), {"WindowCenter": "1500", "WindowWidth": "900", "VOILUTFunction": "SIGMOID"}),
        (("+Wl", "1"), {"VOILUTSequence": lut(500, np.sort(GREY.ravel())[:300])}),
    ],
    ids=["window", "rescale-window", "sigmoid", "voi-lut"],
)  # fmt: skip
def test_voi_and_polarity(
    checker: Callable[[str], str],
    tmp_path: Path,
    photometric: str,
    options: tuple[str, ...],
    values: dict[str, Any],
) -> None:
    path = made(tmp_path, PhotometricInterpretation=photometric, **values)
    same(checker, path, tmp_path, "auto", *options)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_modality_luts(checker: Callable[[str], str], tmp_path: Path, photometric: str) -> None:
    table = np.random.default_rng(2).integers(0, 4096, 4096)
    path = made(tmp_path, PhotometricInterpretation=photometric, ModalityLUTSequence=lut(0, table, 16))
    same(checker, path, tmp_path, "full", "+Wm")


def test_padding_is_black_and_stays_out_of_the_range(tmp_path: Path) -> None:
    padded = GREY.copy()
    padded[:5] = 4095
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        path = made(tmp_path, padded, PhotometricInterpretation=photometric, PixelPaddingValue=4095)
        levels = ours(path, "full")
        assert (levels[:5] == 0).all()
        rest = made(tmp_path, padded[5:], PhotometricInterpretation=photometric)
        assert np.array_equal(levels[5:], ours(rest, "full"))
