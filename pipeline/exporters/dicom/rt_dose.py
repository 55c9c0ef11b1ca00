"""Write RT Dose (PS3.3 A.18.3): the slices of a volume as frames, dose as integers x DoseGridScaling."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag
from pydicom.uid import RTDoseStorage

from ....schemas.language.decimal_string import exact_ds
from ...dicom.build.modules import common, leave_empty, pixel_module, source_items
from ...dicom.build.origins import FRAMES, of_geometry
from ...dicom.build.overrides import is_given
from ...dicom.build.places import patient_places, texts
from ...dicom.encode.encoding import Encoded
from ...dicom.encode.pixel_element import PixelElement
from ...dicom.encode.rescaling import rounded
from ...dicom.encode.uids import set_uid
from ...dicom.finish import Draft, artifact
from ...errors import ExportError, Note
from ...imaging.image import Image, Origin, Pixels
from ...imaging.vectors import length
from ...output import Artifact, Context
from ..base import Exporter
from ..volumes.stack import volume_of
from .contents import contents
from .reference import RT_PLANS, referenced, take_reference

if TYPE_CHECKING:
    from ..options import RtDoseOptions

_TYPE_2 = ("OperatorsName", "PositionReferenceIndicator")
_GRID_OFFSETS = Tag("GridFrameOffsetVector")
_UNITS = {"gy": "GY", "relative": "RELATIVE"}
_PLANNED = ("PLAN", "MULTI_PLAN", "FRACTION", "BEAM", "BRACHY", "FRACTION_SESSION", "BEAM_SESSION",
            "BRACHY_SESSION", "CONTROL_POINT")  # fmt: skip
"""Summation types that ask for the plan (PS3.3 C.8.8.3)."""


class _Stored(Struct, frozen=True):
    """Dose = stored x scaling; the scaling as the text in the file."""

    frames: Pixels
    """(frames, rows, columns), unsigned, little endian."""
    scaling: str
    notes: tuple[Note, ...] = ()


def export(images: Sequence[Image], options: RtDoseOptions, context: Context) -> Artifact:
    """Return the RT Dose of a volume. Raises: ExportError, GeometryError."""
    return artifact(draft(images, options, context), context, options.transfer_syntax)


def draft(images: Sequence[Image], options: RtDoseOptions, context: Context) -> Draft:
    """Return the RT Dose before the recipe's tags. Raises: ExportError, GeometryError."""
    volume = volume_of(images, "an RT Dose")
    first = images[0]
    _refuse_units(first, options)
    stored = _stored(images, options.bits, context)
    trace = context.trace
    dataset, notes = common(first, sop_class=RTDoseStorage, modality="RTDOSE", trace=trace)
    dataset.InstanceNumber = "1"
    leave_empty(dataset, _TYPE_2)
    trace.layer(
        dataset, Origin("rule", "RT Series and Frame of Reference modules, PS3.3 C.8.8.1 and C.7.4.1")
    )
    items = source_items(images)
    if items:
        dataset.SourceImageSequence = items
    trace.layer(dataset, FRAMES)
    take_reference(dataset, options.reference, context, images)
    notes += _dose(dataset, first, options, context, stored.scaling)
    step = length(volume.steps[2])
    count = len(images)
    encoded = Encoded(stored.frames if count > 1 else stored.frames[0], bits_stored=options.bits)
    pixel_module(dataset, encoded, photometric="MONOCHROME2", frames=count)
    if count > 1:
        dataset.FrameIncrementPointer = _GRID_OFFSETS
        dataset.GridFrameOffsetVector = texts(tuple(round(step * index, 10) for index in range(count)))
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "SpacingBetweenSlices"):
        if keyword in dataset:
            del dataset[keyword]
    trace.layer(dataset, Origin("rule", "RT Dose module, PS3.3 C.8.8.3"))
    numbers = {}
    for keyword, (_, values) in patient_places(first.geometry).items():
        if values is not None and keyword != "SpacingBetweenSlices":
            setattr(dataset, keyword, texts(values))
            numbers[keyword] = values
    if "SliceThickness" not in dataset:
        dataset.SliceThickness = None
    trace.layer(dataset, of_geometry(patient_places(first.geometry), first.geometry))
    return Draft(
        dataset,
        PixelElement(encoded.stored),
        images,
        notes=notes + stored.notes,
        frame="needed",
        numbers=numbers,
    )


def _refuse_units(image: Image, options: RtDoseOptions) -> None:
    """Refuse values that are no dose. Raises: ExportError."""
    known = image.units
    if known not in (None, "US", "GY", "RELATIVE") or (known == "RELATIVE" and options.units == "gy"):
        raise ExportError(
            f"values in {known} are no dose in {_UNITS[options.units]}",
            hint="the operation 'calibrate' with 'units: gy' makes dose of a response",
        )


def _dose(
    dataset: Dataset, image: Image, options: RtDoseOptions, context: Context, scaling: str
) -> tuple[Note, ...]:
    """Write the attributes of the dose itself (PS3.3 C.8.8.3). Raises: ExportError."""
    dataset.DoseUnits = _UNITS[options.units]
    dataset.DoseType = options.type.upper() if options.type else _type_of(image)
    dataset.DoseGridScaling = scaling
    if options.plan is not None:
        item = Dataset()
        for keyword, uid in referenced(options.plan, context, RT_PLANS, "RT Plan").items():
            set_uid(item, f"Referenced{keyword}", uid)
        dataset.ReferencedRTPlanSequence = Items([item])
    plans = len(dataset.get("ReferencedRTPlanSequence") or ())
    dataset.DoseSummationType = summation = options.summation or _summation_of(image, plans)
    if summation in _PLANNED and not plans and not is_given(context.tags, "ReferencedRTPlanSequence"):
        text = f"a dose of the type {summation} asks for the plan that it is of; name it with 'plan: FILE'"
        return (Note("plan-missing", text, contradiction=True),)
    if plans > 1 and summation != "MULTI_PLAN":
        text = (
            f"a dose of the type {summation} is of one plan, and its sources are of {plans}; "
            "'summation: MULTI_PLAN' says so"
        )
        return (Note("several-plans", text, contradiction=True),)
    return ()


def _said(image: Image, keyword: str) -> set[str]:
    """Return what the RT Doses among the sources say; empty text where one does not say it."""
    doses = [each.dataset for each in image.sources if each.dataset is not None]
    return {str(each.get(keyword) or "") for each in doses if each.get("Modality") == "RTDOSE"}


def _type_of(image: Image) -> str:
    """Return the type of dose that the sources say, else PHYSICAL. Raises: ExportError where they differ."""
    found = _said(image, "DoseType")
    if len(found) > 1:
        raise ExportError(
            "its sources are doses of different types (DoseType)",
            hint="'type: physical' or 'effective' says which the result is",
        )
    return next(iter(found), "") or "PHYSICAL"


def _summation_of(image: Image, plans: int) -> str:
    """Return what a dose is summed over: what its one source says; of several, whole plans."""
    if plans > 1:
        return "MULTI_PLAN"
    found = _said(image, "DoseSummationType")
    alone = len({each.path for each in image.sources}) == 1
    return (next(iter(found), "") if alone else "") or "PLAN"


def _stored(images: Sequence[Image], bits: int, context: Context) -> _Stored:
    """Return the integers of all frames. Raises: ExportError for what is no dose."""
    for number, image in enumerate(images, 1):
        wrong = int(np.count_nonzero(~(image.pixels >= 0) | ~np.isfinite(image.pixels)))
        if wrong:
            raise ExportError(
                f"{wrong} values of slice {number} are negative, NaN or infinite, which no dose is"
            )
    kept = _kept(images, bits, context)
    if kept is not None:
        return kept
    top = 2**bits - 1
    highest = max(float(image.pixels.max()) for image in images)
    scaling = rounded(highest / top, up=True) if highest > 0 else "1"
    if float(scaling) == 0 or not math.isfinite(float(scaling)):
        raise ExportError(f"a dose up to {highest:g} cannot be told apart in {bits} bits")
    error = 0.0

    def scaled() -> Iterator[Pixels]:
        nonlocal error
        for image in images:
            dose = image.pixels.astype(np.float64)
            frame = np.clip(np.rint(dose / float(scaling)), 0, top).astype(f"<u{bits // 8}")
            error = max(error, float(np.abs(frame * float(scaling) - dose).max()))
            yield frame

    frames = context.gather(scaled())
    if error == 0:
        return _Stored(frames, scaling)
    text = f"dose stored in {bits} bits with a largest error of {error:.3g} (values up to {highest:.6g})"
    return _Stored(frames, scaling, (Note("quantized", text),))


def _kept(images: Sequence[Image], bits: int, context: Context) -> _Stored | None:
    """Return the integers and the scaling of an RT Dose that was not computed on; None for any other."""
    stored = [image.stored for image in images]
    found = [each for each in stored if each is not None]
    if len(found) != len(images) or any(image.computed for image in images):
        return None
    slopes = {(each.slope, each.intercept) for each in found}
    text = exact_ds(found[0].slope)
    unsigned = all(each.pixels.dtype.kind == "u" and each.pixels.max() < 2**bits for each in found)
    if len(slopes) > 1 or found[0].intercept != 0 or found[0].slope <= 0 or text is None or not unsigned:
        return None
    return _Stored(context.gather(each.pixels.astype(f"<u{bits // 8}") for each in found), text)


EXPORTER = Exporter(export, contents, draft)
