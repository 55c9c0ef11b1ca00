"""Volumes beyond what is held in memory: the same bytes, and nothing left beside them."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from dicombake.pipeline.exporters.volumes import nifti
from dicombake.pipeline.imaging.image import Image, Stored
from dicombake.pipeline.run.unit import held
from dicombake.pipeline.samples import write_samples

from ....support import bake, failures

RECIPE = """version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  dose:
    inputs: model/dose.nii
    source: nifti
    exports:
      - {to: npy, path: "o/{stem}.npy"}
      - {to: nifti, path: "o/{stem}.nii"}
      - {to: nifti, path: "o/{stem}.nii.gz"}
      - {to: nrrd, path: "o/{stem}.nrrd"}
      - {to: metaimage, path: "o/{stem}.mha"}
      - {to: rt-dose, path: "o/{stem}.dcm", bits: 16}
  again:
    inputs: {from: dose, files: "o/*.dcm"}
    source: rt-dose
    exports:
      - {to: rt-dose, path: "again/{stem}.dcm", bits: 16}
      - {to: nifti, path: "again/{stem}.nii"}
"""


def made(folder: Path) -> dict[str, bytes]:
    """What the recipe wrote, hidden files too."""
    write_samples(folder)
    (folder / "r.yaml").write_text(RECIPE)
    assert failures(bake(folder / "r.yaml", folder, folder / "out")) == []
    return {
        path.relative_to(folder / "out").as_posix(): path.read_bytes()
        for path in sorted((folder / "out").rglob("*"))
        if path.is_file()
    }


def test_every_target_has_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = made(tmp_path / "plain")
    assert len(plain) == 8
    monkeypatch.setattr(held, "IN_MEMORY", 3000)  # a slice has 1920 bytes: the second one passes it
    assert made(tmp_path / "held") == plain


def test_images_come_back_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "IN_MEMORY", 100)
    images = []
    with held.Held(tmp_path / "out", stored=True) as kept:
        for dtype, stored in (("u1", "i2"), ("f8", None), ("i2", "same"), ("b1", "u4")):
            pixels = np.arange(35).reshape(5, 7).astype(dtype)
            own = pixels if stored == "same" else np.arange(35).reshape(5, 7).astype(stored or "u1")
            image = Image(pixels, stored=None if stored is None else Stored(own, 2.0, 1.0, "US", 16))
            images.append(image)
            kept.add(image)
        every = kept.images()
    for found, meant in zip(every, images, strict=True):
        assert found.pixels.dtype == meant.pixels.dtype and np.array_equal(found.pixels, meant.pixels)
        assert not found.pixels.flags.writeable
        assert (found.stored is None) == (meant.stored is None)
        if found.stored is not None and meant.stored is not None:
            assert found.stored.pixels.dtype == meant.stored.pixels.dtype
            assert np.array_equal(found.stored.pixels, meant.stored.pixels)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_large_nii_gz_is_several_members_that_other_readers_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = made(tmp_path / "plain")
    monkeypatch.setattr(nifti, "_WHOLE", 8000)
    monkeypatch.setattr(nifti, "_MEMBER", 4000)
    shutil.rmtree(tmp_path / "plain")
    packed = made(tmp_path / "plain")
    assert packed["o/dose.nii.gz"] != plain["o/dose.nii.gz"]
    assert gzip.decompress(packed["o/dose.nii.gz"]) == plain["o/dose.nii"]
    found = nibabel.load(tmp_path / "plain" / "out" / "o" / "dose.nii.gz")
    assert np.array_equal(found.get_fdata(), nibabel.load(tmp_path / "plain/out/o/dose.nii").get_fdata())
