"""Every export target: one row says all that the rest of the program has to know of it.

A target's module is loaded when it is used: rows cost no numpy and no pydicom. What a recipe may say of a
target is its model, in `schemas/exports.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from ..errors import ExportError
from .options import (
    CtSeriesOptions,
    ExportOptions,
    JpgOptions,
    MrSeriesOptions,
    ParametricMapOptions,
    PetSeriesOptions,
    PlainOptions,
    PngOptions,
    RtDoseOptions,
    RtImageOptions,
    SameKindOptions,
    SecondaryCaptureOptions,
)

if TYPE_CHECKING:
    from ..imaging.image import Image
    from .base import Exporter


class FileKind(Struct, frozen=True, kw_only=True):
    """A kind of file that targets write."""

    name: str
    """Its name in a recipe's tests."""
    suffix: str
    other_suffixes: tuple[str, ...]
    """Other suffixes that users give such files."""
    signatures: tuple[bytes, ...]
    """The bytes at `offset` of such a file: one of these."""
    offset: int
    read_by: str | None
    """The source format that reads every file of a target of this kind. None: of some, such as arrays of
    several images, content does not show the format; then `contents` of the target reads the pixels.
    """


DICOM = FileKind(
    name="dicom", suffix=".dcm", other_suffixes=(), signatures=(b"DICM",), offset=128, read_by="dicom"
)


class Target(Struct, frozen=True, kw_only=True):
    """One export target. No field has a default: whoever adds a target decides each of them."""

    module: str
    """The module of this folder that has its `EXPORTER`."""
    options: type[ExportOptions]
    """The options that its exporter takes, with the same fields as the recipe's model."""
    describes: str
    """What it writes, in one line, for `dicombake formats` and the docs."""
    file: FileKind
    """`DICOM`: its model is a `DicomExportBase`, it takes tags, and its `EXPORTER` has `draft`."""
    holds: Literal["image", "pages", "slices"]
    """What fits into one file: one image; also several pages or frames; also the slices of a volume."""
    made_of: Literal["image", "slices", "dicom"]
    """The images that its source must give: any; the slices of a volume.

    Images of DICOM files, of which it keeps the kind, the tags and the study.
    """
    default_for: Literal["image", "colour", "slices", "dicom"] | None
    """The images that become this kind of DICOM where the user names no target, as in `dicombake new` and
    `convert`: grey images, pictures in colour of 8 bits, the slices of a volume, images of DICOM files. None:
    no images.
    """
    codecs: tuple[str, ...]
    """Distributions whose version can change its bytes, without those of a transfer syntax."""
    extra: str | None
    """The extra (`extras.EXTRAS`) whose packages it needs; None: those of every installation do."""
    preloaded: bool
    """Whether workers import its module ahead: for targets that are written by the thousand, and whose module
    imports little that is not imported in any case.
    """


TARGETS: Mapping[str, Target] = {
    "rt-image": Target(
        module="dicom.rt_image",
        options=RtImageOptions,
        describes="RT Image; several pages or frames give one multi-frame file",
        file=DICOM,
        holds="pages",
        made_of="image",
        default_for="image",
        codecs=("pydicom",),
        extra=None,
        preloaded=True,
    ),
    "ct-series": Target(
        module="dicom.ct_series",
        options=CtSeriesOptions,
        describes="one CT Image per slice; one study, series and frame of reference",
        file=DICOM,
        holds="image",
        made_of="slices",
        default_for="slices",
        codecs=("pydicom",),
        extra=None,
        preloaded=True,
    ),
    "mr-series": Target(
        module="dicom.mr_series",
        options=MrSeriesOptions,
        describes="one MR Image per slice; one study, series and frame of reference",
        file=DICOM,
        holds="image",
        made_of="slices",
        default_for=None,
        codecs=("pydicom",),
        extra=None,
        preloaded=False,
    ),
    "pet-series": Target(
        module="dicom.pet_series",
        options=PetSeriesOptions,
        describes="one PET Image per slice, with a slope for each; one study, series and frame",
        file=DICOM,
        holds="image",
        made_of="slices",
        default_for=None,
        codecs=("pydicom",),
        extra=None,
        preloaded=False,
    ),
    "secondary-capture": Target(
        module="dicom.secondary_capture",
        options=SecondaryCaptureOptions,
        describes="grey or colour Secondary Capture; several pages give one file",
        file=DICOM,
        holds="slices",
        made_of="image",
        default_for="colour",
        codecs=("pydicom",),
        extra=None,
        preloaded=False,
    ),
    "parametric-map": Target(
        module="dicom.parametric_map",
        options=ParametricMapOptions,
        describes="a Parametric Map, the kind made for floats; several images give one file",
        file=DICOM,
        holds="slices",
        made_of="image",
        default_for=None,
        codecs=("pydicom",),
        extra=None,
        preloaded=False,
    ),
    "rt-dose": Target(
        module="dicom.rt_dose",
        options=RtDoseOptions,
        describes="RT Dose of a volume: integers with DoseGridScaling, whose largest error is told",
        file=DICOM,
        holds="slices",
        made_of="image",
        default_for=None,
        codecs=("pydicom",),
        extra=None,
        preloaded=False,
    ),
    "dicom": Target(
        module="dicom.same_kind",
        options=SameKindOptions,
        describes="the source DICOM's own kind: tags kept, pixels and overrides replaced",
        file=DICOM,
        holds="slices",
        made_of="dicom",
        default_for="dicom",
        codecs=("pydicom",),
        extra=None,
        preloaded=False,
    ),
    "png": Target(
        module="pictures.png",
        options=PngOptions,
        describes="picture without loss: values exactly in 8 or 16 bits, or a window at 8; "
        "properties as text",
        file=FileKind(
            name="png", suffix=".png", other_suffixes=(), signatures=(b"\x89PNG",), offset=0, read_by="image"
        ),
        holds="image",
        made_of="image",
        default_for=None,
        codecs=("imagecodecs",),
        extra=None,
        preloaded=False,
    ),
    "jpg": Target(
        module="pictures.jpg",
        options=JpgOptions,
        describes="picture with loss, 8 bits, grey or colour",
        file=FileKind(
            name="jpg",
            suffix=".jpg",
            other_suffixes=(".jpeg",),
            signatures=(b"\xff\xd8",),
            offset=0,
            read_by="image",
        ),
        holds="image",
        made_of="image",
        default_for=None,
        codecs=("pillow",),
        extra=None,
        preloaded=False,
    ),
    "tiff": Target(
        module="pictures.tiff",
        options=PlainOptions,
        describes="values exactly, of every type, with the resolution; several images are pages",
        file=FileKind(
            name="tiff",
            suffix=".tif",
            other_suffixes=(".tiff",),
            signatures=(b"II", b"MM"),
            offset=0,
            read_by="image",
        ),
        holds="slices",
        made_of="image",
        default_for=None,
        codecs=("tifffile",),
        extra=None,
        preloaded=False,
    ),
    "npy": Target(
        module="npy",
        options=PlainOptions,
        describes="values exactly, as a numpy array; several images are stacked",
        file=FileKind(
            name="npy", suffix=".npy", other_suffixes=(), signatures=(b"\x93NUMPY",), offset=0, read_by=None
        ),
        holds="slices",
        made_of="image",
        default_for=None,
        codecs=("numpy",),
        extra=None,
        preloaded=False,
    ),
    "nifti": Target(
        module="volumes.nifti",
        options=PlainOptions,
        describes="a volume in one NIfTI file, .nii or .nii.gz: values exactly, with its place in RAS",
        file=FileKind(
            name="nifti",
            suffix=".nii",
            other_suffixes=(".nii.gz",),
            signatures=(b"n+1\0",),
            offset=344,
            read_by="nifti",
        ),
        holds="slices",
        made_of="image",
        default_for=None,
        codecs=("imagecodecs", "nibabel"),
        extra="volumes",
        preloaded=False,
    ),
    "nrrd": Target(
        module="volumes.nrrd",
        options=PlainOptions,
        describes="a volume in one NRRD file: values exactly, with its place in LPS",
        file=FileKind(
            name="nrrd",
            suffix=".nrrd",
            other_suffixes=(),
            signatures=(b"NRRD0004",),
            offset=0,
            read_by="nrrd",
        ),
        holds="slices",
        made_of="image",
        default_for=None,
        codecs=("pynrrd",),
        extra="volumes",
        preloaded=False,
    ),
    "metaimage": Target(
        module="volumes.metaimage",
        options=PlainOptions,
        describes="a volume in one MetaImage file, .mha: values exactly, with its place in LPS",
        file=FileKind(
            name="metaimage",
            suffix=".mha",
            other_suffixes=(),
            signatures=(b"ObjectType = Image",),
            offset=0,
            read_by="metaimage",
        ),
        holds="slices",
        made_of="image",
        default_for=None,
        codecs=(),
        extra=None,
        preloaded=False,
    ),
}
"""By the name in a recipe."""


def default_target(source: Literal["image", "colour", "slices", "dicom"]) -> str:
    """Return the target of a source that is to become DICOM, where the user names none."""
    return next(name for name, row in TARGETS.items() if row.default_for == source)


def exporter(to: str) -> Exporter:
    """Return the exporter of a target. Raises: KeyError for an unknown name."""
    found: Exporter = import_module(f".{TARGETS[to].module}", __package__).EXPORTER
    return found


def refuse_objects(images: Sequence[Image], to: str) -> None:
    """Raise: ExportError where a target of images is given a DICOM object without pixels."""
    if TARGETS[to].made_of != "dicom" and any(image.without_pixels for image in images):
        raise ExportError(
            f"it holds no pixels, and '{to}' is made of them", hint="'to: dicom' writes such objects"
        )
