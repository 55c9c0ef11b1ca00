"""What every export target must do, whatever it writes."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pydicom
import pytest
from dicombake.pipeline.errors import ExportError, VerificationError
from dicombake.pipeline.exporters.registry import DICOM, TARGETS, default_target, exporter
from dicombake.pipeline.imaging.image import Image, Origin
from dicombake.pipeline.loaders.options import AutoOptions, DicomOptions, Limits
from dicombake.pipeline.loaders.registry import load, probe
from dicombake.pipeline.output import Artifact
from dicombake.schemas.exports import DICOM_TARGETS, EXPORT_TARGETS, DicomExportBase, DicomTarget
from msgspec import structs

from ..exporting import CONTEXT, image, pixels

CT = Path(pydicom.__file__).parent / "data" / "test_files" / "CT_small.dcm"
EXACT = ("tiff", "npy")
"""Targets that hold every image there is."""

every_target = pytest.mark.parametrize("to", TARGETS)


def suitable() -> Image:
    """An image that every target can hold: 16 bits, spacing, SID, a slice's place, a DICOM source."""
    (found,) = load(CT, DicomOptions(raw_values=True), Limits())
    found.pixels.flags.writeable = False
    return structs.replace(found, geometry=found.geometry.having(Origin("rule"), sid=1500.0))


def above(image: Image) -> Image:
    """The next slice."""
    plane = image.geometry.patient
    assert plane is not None
    x, y, z = plane.position
    moved = structs.replace(plane, position=(x, y, z + 5.0))
    return structs.replace(image, geometry=image.geometry.having(Origin("rule"), patient=moved))


MODALITIES = {"mr-series": "MR", "pet-series": "PT"}
"""Of the source, for targets that take no CT."""


def exported(to: str, *images: Image) -> Artifact:
    return exporter(to).export(
        [of_modality(each, MODALITIES.get(to)) for each in images], options(to), CONTEXT
    )


def of_modality(image: Image, modality: str | None) -> Image:
    if modality is None or image.source.dataset is None:
        return image
    dataset = pydicom.Dataset(image.source.dataset)
    dataset.Modality = modality
    return image.replace(sources=(structs.replace(image.source, dataset=dataset),))


def options(to: str) -> Any:
    return EXPORT_TARGETS[to](path="{stem}")  # type: ignore[call-arg]


def content(artifact: Artifact) -> bytes:
    return b"".join(artifact.chunks)


def test_every_target_of_the_schema_has_an_exporter() -> None:
    assert set(TARGETS) == set(EXPORT_TARGETS)


@every_target
def test_it_describes_itself(to: str) -> None:
    row = TARGETS[to]
    assert row.describes and row.describes == " ".join(row.describes.split())
    for codec in row.codecs:
        assert metadata.version(codec)


@every_target
def test_its_row_its_model_and_its_exporter_say_the_same(to: str, tmp_path: Path) -> None:
    row = TARGETS[to]
    assert (row.file is DICOM) == issubclass(EXPORT_TARGETS[to], DicomExportBase) == (to in DICOM_TARGETS)
    assert (row.file is DICOM) == (exporter(to).draft is not None)
    data = content(exported(to, suitable()))
    assert data[row.file.offset :].startswith(row.file.signatures)
    read = exporter(to).contents(data)
    assert np.array_equal(np.asarray(read.pixels).shape[:2], suitable().pixels.shape)
    assert not read.colour
    if row.file.read_by is not None:
        path = tmp_path / "out"
        path.write_bytes(data)
        assert probe(path, AutoOptions(), Limits()).format == row.file.read_by


@pytest.mark.parametrize("source", ["image", "colour", "slices", "dicom"])
def test_one_kind_of_dicom_is_meant_where_nobody_names_it(source: Any) -> None:
    assert [to for to, row in TARGETS.items() if row.default_for == source] == [default_target(source)]
    assert TARGETS[default_target(source)].file is DICOM


def test_every_kind_of_dicom_can_be_asked_of_to_dataset() -> None:
    assert set(get_args(DicomTarget)) == {to for to, row in TARGETS.items() if row.file is DICOM}


@every_target
def test_it_writes_what_its_own_check_accepts(to: str, tmp_path: Path) -> None:
    artifact = exported(to, suitable())
    path = tmp_path / "out"
    path.write_bytes(content(artifact))
    artifact.check(path)


@every_target
def test_the_same_bytes_every_time_whatever_the_memory_looks_like(to: str) -> None:
    first = suitable()
    assert first.stored is not None
    turned = first.replace(
        pixels=np.asfortranarray(first.pixels),
        stored=structs.replace(first.stored, pixels=np.asfortranarray(first.stored.pixels)),
    )
    assert content(exported(to, first)) == content(exported(to, suitable()))
    assert content(exported(to, first)) == content(exported(to, turned))


@every_target
@pytest.mark.parametrize("damage", ["empty", "half", "other"])
def test_its_check_refuses_any_other_file(to: str, damage: str, tmp_path: Path) -> None:
    source = suitable()
    artifact = exported(to, source)
    assert source.stored is not None
    changed = source.pixels.copy()
    changed[60:70, 60:70] = 1500
    other = source.replace(pixels=changed, stored=structs.replace(source.stored, pixels=changed))
    data = {
        "empty": b"",
        "half": content(artifact)[: len(content(artifact)) // 2],
        "other": content(exported(to, other)),
    }[damage]
    path = tmp_path / "out"
    path.write_bytes(data)
    with pytest.raises(VerificationError):
        artifact.check(path)


@every_target
def test_no_image_is_refused(to: str) -> None:
    with pytest.raises(ExportError):
        exported(to)


@every_target
def test_several_images_are_one_file_or_refused(to: str, tmp_path: Path) -> None:
    images = (suitable(), above(suitable()))
    if TARGETS[to].holds != "image":
        artifact = exported(to, *images)
        path = tmp_path / "out"
        path.write_bytes(content(artifact))
        artifact.check(path)
        with pytest.raises(VerificationError):
            exported(to, images[0]).check(path)
    else:
        with pytest.raises(ExportError):
            exported(to, *images)


@every_target
def test_half_transparent_floats_are_refused_or_kept_exactly(to: str) -> None:
    colour = image(pixels("float32", (4, 4, 4)), "RGBA", (1.0, 1.0))
    if to in EXACT:
        assert colour.pixels.tobytes() in content(exported(to, colour))
    else:
        ready = structs.replace(
            suitable(), pixels=colour.pixels, photometric="RGBA", stored=None, computed=True
        )
        with pytest.raises(ExportError):
            exported(to, ready)


def test_names_cost_no_heavy_import() -> None:
    code = (
        "import sys, dicombake.pipeline.exporters.registry; "
        "print([name for name in ('numpy', 'pydicom', 'PIL', 'tifffile') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
