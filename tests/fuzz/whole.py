"""Whole ways through the program: a file that is converted to every target, a recipe that is planned."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from functools import cache
from pathlib import Path

from dicombake.pipeline.errors import DicombakeError
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.recipe.loaded import LoadedRecipe
from dicombake.pipeline.run.preflight import RunOptions
from dicombake.pipeline.run.run import run_plan
from dicombake.pipeline.store.state import Stateless

BOUNDS = "limits: {image_pixels: 1000000, frames: 50, header_bytes: 1000000}\n"
CONVERTED = """
version: 1
conversions:
  kind: {inputs: in/file, source: auto, exports: [{to: npy, path: "o/a.npy"}, {to: dicom, path: "o/a.dcm"}]}
  volume:
    inputs: in/file
    source: auto
    exports: [{to: nifti, path: "o/a.nii"}, {to: rt-dose, path: "o/d.dcm"}]
  slices:
    inputs: in/file
    source: auto
    geometry: {sid: unknown, dpi: unknown}
    exports:
      - {to: rt-image, path: "o/{page}.dcm", pixels: quantize}
      - {to: secondary-capture, path: "o/s{page}.dcm"}
      - {to: png, path: "o/{page}.png", window: auto}
      - {to: jpg, path: "o/{page}.jpg"}
      - {to: tiff, path: "o/{page}.tif"}
  named:
    inputs: in/file
    source: auto
    exports: {to: secondary-capture, path: "o/{source.Modality}.dcm", pixels: retain}
    tags: {PatientName: "{source.PatientName}", "(0009,ACME,01)": "{source.SOPInstanceUID}"}
"""
DEIDENTIFIED = """
version: 1
conversions:
  one:
    inputs: in/file
    source: auto
    deidentify: {profile: basic, key: {file: key}}
    exports:
      - {to: dicom, path: "o/{PatientID}/{Modality}.dcm"}
      - {to: png, path: "o/{index}.png", window: full}
  two:
    inputs: in/file
    source: auto
    deidentify:
      profile: basic
      options: [clean_descriptors, clean_structured_content, clean_graphics, retain_safe_private]
      dates: shift
      burned_in: accept
      key: {file: other}
    exports: {to: dicom, path: "o/{SOPInstanceUID}.dcm"}
"""
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))


@cache
def _loaded(text: str) -> LoadedRecipe:
    (_FOLDER / "in").mkdir(exist_ok=True)
    for name in ("key", "other"):
        (_FOLDER / name).write_text(name * 16, encoding="utf-8")
    path = _FOLDER / f"{len(text)}.yaml"
    path.write_text(text + BOUNDS, encoding="utf-8")
    return load_recipe(path)


def convert(text: str, data: bytes) -> None:
    """A file that cannot be converted fails with a sentence; anything else is a defect."""
    loaded = _loaded(text)
    (_FOLDER / "in" / "file").write_bytes(data)
    shutil.rmtree(_FOLDER / "o", ignore_errors=True)
    with contextlib.suppress(DicombakeError):
        for result in run_plan(plan(loaded), RunOptions(), state=Stateless(loaded.path)).results:
            for error in (result.error, *result.further):
                assert error is None or not error.traceback, error.traceback


def planned(data: bytes) -> None:
    """A recipe that is planned, over the files that are there."""
    path = _FOLDER / "stranger" / "recipe.yaml"
    if not path.parent.exists():
        for name in ("film/g10_a.tif", "film/g20_a.tif", "a.dcm", "t.csv"):
            (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / name).write_bytes(b"stem,gantry\ng10_a,3\n")
    path.write_bytes(data)
    with contextlib.suppress(DicombakeError):
        plan(load_recipe(path, trusted=False))
