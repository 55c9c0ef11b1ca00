"""Images and contexts made by hand for exporters, and outputs written, checked and read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from dicombake.pipeline.errors import VerificationError
from dicombake.pipeline.exporters.base import Exporter
from dicombake.pipeline.imaging.image import Geometry, Image, Origin, PatientPlane, Pixels, SourceFile
from dicombake.pipeline.output import Artifact, Context, Identity
from dicombake.schemas.language.tag_fields import Tags
from dicombake.schemas.language.tags import TagPath, TagValue, parse_tag
from pydantic import TypeAdapter
from pydicom import Dataset, dcmread
from pydicom.uid import RTImageStorage

NAMESPACE = UUID("4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11")
CONTEXT = Context(Identity(namespace=None, recipe="test", conversion="film"))
"""Of an output without study or namespace."""
DTYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip
RECIPE = Origin("conversion", "film.yaml:12")
FILE = Origin("file", "MVDetectorVrt")

PLACED = Geometry().having(
    FILE,
    spacing=(0.336, 0.336),
    sid=1500.0283,
    sad=1000.0,
    gantry=90.033,
    collimator=270.0005,
    couch=354.006,
    position=(-214.872, 214.872),
    orientation=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0),
    translation=(-160.0016, 0.0102, -499.977),
    receptor_angle=0.0,
)
SCANNED = Geometry().having(RECIPE, spacing=(0.254, 0.254), sid=1000.0)


def tags(**values: Any) -> dict[TagPath, TagValue]:
    """Overrides as a recipe gives them; keys that are no identifiers through `tagged`."""
    return tagged(values)


def tagged(values: dict[str, Any]) -> dict[TagPath, TagValue]:
    return TypeAdapter(Tags).validate_python(values)


def context(
    overrides: dict[str, Any] | None = None,
    *,
    remove: tuple[str, ...] = (),
    namespace: UUID | None = NAMESPACE,
    strict: bool = False,
    stem: str = "film",
    **identity: Any,
) -> Context:
    known = {"recipe": "qa", "conversion": "film", "content": "0" * 64} | identity
    return Context(
        Identity(namespace=namespace, **known),
        tags=tagged(overrides or {}),
        remove_tags=tuple(map(parse_tag, remove)),
        strict=strict,
        stem=stem,
    )


def ramp(dtype: str, rows: int = 5, columns: int = 7) -> np.ndarray:
    values = np.arange(rows * columns).reshape(rows, columns)
    if np.dtype(dtype).kind == "i":
        values = values - 17
    return values.astype(dtype)


def slice_of(pixels: np.ndarray, index: int = 1, **changes: Any) -> Image:
    plane = PatientPlane((-31.75, -23.75, 2.5 * (index - 1)), (1.0, 0, 0, 0, 1.0, 0), 2.5, 2.5)
    geometry = Geometry().having(RECIPE, spacing=(0.5, 0.75), patient=plane)
    source = SourceFile(Path("phantom.npy"), "volume", page=index, pages=9)
    return Image(pixels, geometry, sources=(source,), **changes)


def dicom_source(pixels: np.ndarray | None = None, **values: Any) -> SourceFile:
    """A DICOM source: an RT Image of a named patient unless told otherwise."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    defaults = {
        "SOPClassUID": RTImageStorage,
        "SOPInstanceUID": "1.2.3.4.5",
        "StudyInstanceUID": "1.2.3.4",
        "SeriesInstanceUID": "1.2.3.4.1",
        "Modality": "RTIMAGE",
        "PatientName": "Müller^Jürgen",
        "PatientID": "0042",
        "PatientBirthDate": "19500102",
        "StudyDate": "20240102",
        "AcquisitionDate": "20240102",
        "InstitutionName": "Hôpital",
        "Manufacturer": "Varian Medical Systems",
        "InstanceNumber": "7",
    }
    for keyword, value in (defaults | values).items():
        setattr(dataset, keyword, value)
    return SourceFile(Path("source.dcm"), "dicom", dataset=dataset)


def export(
    exporter: Exporter, images: Image | list[Image], options: Any, where: Context, folder: Path
) -> tuple[Path, Artifact]:
    """The output, written and read back by its own check."""
    artifact = exporter.export(images if isinstance(images, list) else [images], options, where)
    path = folder / "out.dcm"
    path.write_bytes(b"".join(artifact.chunks))
    artifact.check(path)
    return path, artifact


def every_flipped_byte_is_seen(path: Path, artifact: Artifact) -> None:
    good = path.read_bytes()
    for at in range(len(good)):
        bad = bytearray(good)
        bad[at] ^= 0x11
        path.write_bytes(bad)
        with pytest.raises(VerificationError):
            artifact.check(path)


def read(path: Path) -> Dataset:
    return dcmread(path)


def codes(artifact: Artifact) -> list[str]:
    return [note.code for note in artifact.notes]


def pixels(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Pixels:
    """Values all over the range of a type, its ends included."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random(shape) > 0.5
    if kind.kind == "f":
        values = (rng.normal(size=shape) * 100).astype(kind)
    else:
        ends = np.iinfo(kind)
        values = rng.integers(ends.min, ends.max, shape, dtype=kind, endpoint=True)
        values.flat[0], values.flat[-1] = ends.min, ends.max
    return values


def image(
    values: Pixels,
    photometric: Any = "MONOCHROME2",
    spacing: tuple[float, float] | None = None,
    properties: dict[str, Any] | None = None,
    **more: Any,
) -> Image:
    source = SourceFile(Path("in.xim"), "xim", properties or {})
    return Image(values, Geometry(spacing=spacing), photometric, **{"sources": (source,), **more})


def written(artifact: Artifact, folder: Path) -> Path:
    """The artifact's file, checked."""
    path = folder / "out"
    path.write_bytes(b"".join(artifact.chunks))
    artifact.check(path)
    return path
