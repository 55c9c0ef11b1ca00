"""Turn an array, a dataset or a file into a finished DICOM dataset, without a recipe."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import TypeAdapter

from ..schemas.exports import DICOM_TARGETS, EXPORT_TARGETS, DicomTarget
from ..schemas.exports import Pixels as How
from ..schemas.geometry import Geometry
from ..schemas.language.tag_fields import TagKey, Tags
from ..schemas.language.tags import TagPath, TagValue
from .dicom.finish import Draft, finish, whole_dataset
from .errors import UsageError
from .exporters.options import ExportOptions
from .exporters.registry import TARGETS, exporter, refuse_objects
from .imaging.exact import native
from .imaging.geometry import resolve
from .imaging.image import Image, Origin
from .loaders.options import AutoOptions, DicomOptions, Limits
from .output import Context, Identity
from .plan.lower import lowered, lowered_geometry
from .plan.lowered import Quantity
from .reading import file_sha256
from .recipe.arguments import as_model, plain_tags, tag_key, validated

if TYPE_CHECKING:
    import numpy.typing as npt
    from pydicom import Dataset

_KINDS = tuple(name for name in EXPORT_TARGETS if name in DICOM_TARGETS)
_TAGS: TypeAdapter[dict[TagPath, TagValue]] = TypeAdapter(Tags)
_KEYS: TypeAdapter[tuple[TagPath, ...]] = TypeAdapter(tuple[TagKey, ...])


def to_dataset(
    source: npt.NDArray[Any] | Dataset | Image | str | PathLike[str],
    *,
    to: DicomTarget = "rt-image",
    geometry: Geometry | Mapping[str, Any] | None = None,
    tags: Mapping[Any, Any] | None = None,
    remove_tags: Iterable[Any] = (),
    pixels: How = "auto",
    name: str = "image",
    namespace: UUID | str | None = None,
) -> Dataset:
    """Return the DICOM dataset of one image, pixels and file meta included: ``save_as`` writes it.

    Args:
        source: pixels (rows, columns) or (rows, columns, 3) as an array, a pydicom dataset with pixels,
            an `Image`, or the path of a file of a format that its content tells.
        to: the kind of DICOM, as ``to`` in a recipe.
        geometry: as in a recipe, lengths in mm and angles in degrees: ``{"dpi": 300, "sid": 1000}``.
        tags: as in a recipe, by keyword, number, private creator or path; they win over everything. Keys
            may be pydicom's tags, values also dates, times, bytes and numpy's numbers.
        remove_tags: keys of tags to leave out.
        pixels: how values are stored, as ``pixels`` in a recipe.
        name: of the image, for its label; and of the conversion, for its UIDs.
        namespace: as ``uid_namespace`` in a recipe; without it each image is a study of its own.

    Returns:
        A dataset with the same bytes for the same arguments, as `dicombake run` writes them.

    Raises:
        UsageError: an argument that a recipe could not say either; what is no image.
        SourceError: a file that cannot be converted truly.
        GeometryError, ExportError: as for a recipe.
    """
    if to not in _KINDS:
        raise UsageError(f"there is no kind '{to}'", hint=f"kinds are {', '.join(_KINDS)}")
    stated = lowered_geometry(as_model(Geometry, geometry or {}, "geometry")).filled(_number)
    said = as_model(EXPORT_TARGETS[to], {"to": to, "path": "image.dcm", "pixels": pixels}, "options")
    options = lowered(TARGETS[to].options, said)
    images = [
        image
        if image.without_pixels
        else resolve(image, stated, origins=dict.fromkeys(Geometry.model_fields, Origin("conversion")))
        for image in _images(source)
    ]
    overrides = validated(_TAGS, plain_tags(tags or {}), "tags")
    context = Context(
        identity=_identity(source, name, namespace),
        tags=overrides,
        remove_tags=validated(_KEYS, tuple(tag_key(key) for key in remove_tags), "remove_tags"),
        stem=name,
    )
    return whole_dataset(finish(_draft(images, options, context), context))


def _number(given: Quantity) -> float:
    if isinstance(given, str):
        raise UsageError(f"'{given}' is a template, which only a recipe fills", hint="give a number")
    return given


def _draft(images: Sequence[Image], options: ExportOptions, context: Context) -> Draft:
    if len(images) != 1 and TARGETS[options.to].holds == "image":
        raise UsageError(
            f"the source holds {len(images)} images, and '{options.to}' takes one", hint="give one of them"
        )
    refuse_objects(images, options.to)
    draft = exporter(options.to).draft
    if draft is None:
        raise TypeError(f"{options.to} is no kind of DICOM")
    return draft(images, options, context)


def _images(source: Any) -> list[Image]:
    """Return the images of the source. Raises: UsageError, SourceError."""
    from pydicom import Dataset

    if isinstance(source, Image):
        return [source]
    if isinstance(source, str | PathLike):
        from .loaders.registry import load

        return list(load(Path(source), AutoOptions(), Limits()))
    if isinstance(source, Dataset):
        return _of_dataset(source)
    return [_of_array(source)]


def _of_array(array: Any) -> Image:
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        raise UsageError(f"{type(array).__name__} is no array, dataset, image or path")
    samples = {3: "RGB", 4: "RGBA"}.get(array.shape[2] if len(array.shape) == 3 else 0)
    if len(array.shape) != 2 and samples is None:
        raise UsageError(
            f"an array of shape {tuple(array.shape)} is no image",
            hint="give (rows, columns) or (rows, columns, 3)",
        )
    try:
        pixels = native(array)
    except TypeError as error:
        raise UsageError(str(error)) from None
    if samples is None:
        return Image(pixels)
    return Image(pixels, photometric="RGB" if samples == "RGB" else "RGBA")


def _of_dataset(dataset: Dataset) -> list[Image]:
    """Load a dataset by the loader of DICOM files, so that it gives the same as its file."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    from .loaders.dicom.loader import images_of
    from .pydicom_versions.elements import original_encoding

    plain = Dataset(dataset)
    plain.file_meta = FileMetaDataset(getattr(dataset, "file_meta", None) or {})
    if not plain.file_meta.get("TransferSyntaxUID"):
        implicit, little = original_encoding(dataset)
        if little is False:
            raise UsageError("the dataset is big endian and has no transfer syntax in its file meta")
        plain.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return list(images_of(plain, Path("dataset"), DicomOptions(), Limits()))


def _identity(source: Any, name: str, namespace: UUID | str | None) -> Identity:
    """Return the identity, named after the image; the content of a file is that of its bytes, as in a run."""
    try:
        known = UUID(str(namespace)) if namespace is not None else None
    except ValueError:
        raise UsageError(f"'{namespace}' is no UUID") from None
    content = ""
    if isinstance(source, str | PathLike):
        content = file_sha256(source)
    return Identity(namespace=known, recipe=name, conversion=name, content=content)
