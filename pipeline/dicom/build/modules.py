"""Write attributes that every kind of DICOM file shares, in layers.

Defaults of the kind, then what the file says, then geometry; the recipe's tags come last, in `finish`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag
from pydicom.uid import UID

from ...decimal_string import ds
from ...errors import ExportError, Note
from ...imaging.image import Image, Origin, SourceFile
from ...loaders.registry import FORMATS
from ...trace import UNTRACED, Trace
from ..encode.character_set import state_character_set
from ..encode.encoding import Encoded, Rescale
from ..encode.uids import set_uid
from ..moving.grid import moving_of
from .carry import carried, cleaned, is_uid
from .origins import from_dataset, from_properties

_PRESENT = (
    "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "Manufacturer", "SeriesNumber", "PatientOrientation",
)  # fmt: skip
"""Type 2 of Patient, General Study, General Equipment, Series and General Image (PS3.3 C.7)."""

_OF_ONE_FRAME = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{end}"
    for end in [
        "1",
        "1.1",
        "1.1.1",
        "1.2",
        "1.2.1",
        "1.3",
        "1.3.1",
        "2",
        "4",
        "6.1",
        "7",
        "128",
        "77.1.1",
        "77.1.2",
        "77.1.3",
        "77.1.4",
    ]
)
"""SOP classes whose images have one frame, so that no reference to them names one (PS3.3 10.3): CR, DX, MG,
IO, CT, MR, PET, ultrasound, Secondary Capture and visible light."""
_LONGEST_ST = 1024
_MOST_ROWS = 2**16 - 1


def common(
    image: Image, *, sop_class: str, modality: str, trace: Trace = UNTRACED
) -> tuple[Dataset, tuple[Note, ...]]:
    """Return patient, study, equipment, image and SOP attributes of an output made of this image, and notes.

    Study and series UIDs are not among them: they depend on the recipe's tags.
    """
    dataset = Dataset()
    state_character_set(dataset, [image])
    leave_empty(dataset, _PRESENT)
    dataset.InstanceNumber = str(image.source.page)
    trace.layer(dataset, Origin("rule", "every image has it, if only empty; PS3.3 C.7"))
    notes = _from_sources(dataset, image, modality, trace)
    if image.source.in_volume:
        dataset.InstanceNumber = str(image.source.page)
        trace.layer(dataset, Origin("derived", "the place of the slice in its volume"))
    dataset.SOPClassUID = UID(sop_class)
    dataset.Modality = modality
    trace.layer(dataset, Origin("rule", "the kind that the export names"))
    if not dataset.get("StudyDate") and image.source.dataset is None:
        # without a study date of its own, the study is of the day of its image
        dataset.StudyDate = dataset.get("AcquisitionDate") or dataset.get("ContentDate") or None
        trace.layer(dataset, Origin("derived", "AcquisitionDate, else ContentDate"))
    _derivation(dataset, image)
    trace.layer(dataset, Origin("derived", "what was done, and the images that it was done to"))
    record_loss(dataset, image)
    trace.layer(dataset, Origin("file", "the loss of its compression"))
    return dataset, notes


def leave_empty(dataset: Dataset, keywords: Iterable[str]) -> None:
    """Add those of these attributes that are missing, empty."""
    for keyword in keywords:
        tag, vr, nothing = _empty(keyword)
        if tag not in dataset:
            dataset[tag] = DataElement(tag, vr, nothing, already_converted=True)


@cache
def _empty(keyword: str) -> tuple[BaseTag, str, Any]:
    dataset = Dataset()
    setattr(dataset, keyword, None)
    element = dataset[keyword]
    return element.tag, element.VR, element.value


def _from_sources(dataset: Dataset, image: Image, modality: str, trace: Trace) -> tuple[Note, ...]:
    source = image.source
    notes: tuple[Note, ...] = ()
    if source.dataset is not None:
        same = str(source.dataset.get("Modality") or "") == modality
        found, notes = carried(source.dataset, same_modality=same, computed=image.computed)
        moving = moving_of([image])
        if moving is not None:
            from ..moving.follow import follow

            notes += follow(found, moving, own_kind=False)
        _of_this_frame(found, source)
        dataset.update(found)
        trace.layer(dataset, from_dataset(source))
    if source.attributes is not None:
        found, more = cleaned(source.attributes)
        dataset.update(found)
        notes += more
        trace.layer(dataset, from_properties(source))
    return notes


def _of_this_frame(dataset: Dataset, source: SourceFile) -> None:
    """Keep the exposures of this frame alone, which is the only one of the output."""
    exposures = dataset.get("ExposureSequence")
    if not exposures:
        return
    if source.frames > 1:
        exposures = [
            item for item in exposures if item.get("ReferencedFrameNumber") in (None, "", source.frame)
        ]
    dataset.ExposureSequence = Items(exposures)
    for item in dataset.ExposureSequence:
        if "ReferencedFrameNumber" in item:
            del item.ReferencedFrameNumber


def _derivation(dataset: Dataset, image: Image) -> None:
    """Write what was done, and to which DICOM images (PS3.3 C.7.6.1.1.3 and C.7.6.1.1.4)."""
    if image.history:
        add_derivation(dataset, "; ".join(image.history))
    items = source_items([image])
    if items:
        dataset.SourceImageSequence = items


def source_items(images: Iterable[Image]) -> Items:
    """Return SourceImageSequence: an item for each DICOM image, or frame of one, that went in."""
    found = (_source_item(source) for image in images for source in image.sources)
    return Items([item for item in found if item is not None])


def add_derivation(dataset: Dataset, text: str) -> None:
    """Add text to DerivationDescription, as far as its 1024 characters go."""
    whole = "; ".join(part for part in (str(dataset.get("DerivationDescription") or ""), text) if part)
    dataset.DerivationDescription = whole if len(whole) <= _LONGEST_ST else whole[: _LONGEST_ST - 3] + "..."


def _source_item(source: SourceFile) -> Dataset | None:
    origin = source.dataset
    if origin is None:
        return None
    kind, instance = (str(origin.get(word) or "") for word in ("SOPClassUID", "SOPInstanceUID"))
    if not (kind and instance and is_uid(kind) and is_uid(instance)):
        return None
    item = Dataset()
    set_uid(item, "ReferencedSOPClassUID", kind)
    set_uid(item, "ReferencedSOPInstanceUID", instance)
    if source.frames > 1 and kind not in _OF_ONE_FRAME:
        item.ReferencedFrameNumber = str(source.frame)
    purpose = Dataset()
    purpose.CodeValue = "121322"
    purpose.CodingSchemeDesignator = "DCM"
    purpose.CodeMeaning = "Source image for image processing operation"
    item.PurposeOfReferenceCodeSequence = Items([purpose])
    return item


def record_loss(dataset: Dataset, image: Image) -> None:
    """Record a loss, whatever was done afterwards (PS3.3 C.7.6.1.1.5); what the source says of it stays."""
    loss = image.lossy
    for source in image.sources:
        if source.dataset is not None and str(source.dataset.get("LossyImageCompression") or "") == "01":
            dataset.LossyImageCompression = "01"
    if loss is None:
        return
    dataset.LossyImageCompression = "01"
    if not dataset.get("LossyImageCompressionMethod"):
        dataset.LossyImageCompressionMethod = loss.method
    if not dataset.get("LossyImageCompressionRatio"):
        dataset.LossyImageCompressionRatio = ds(round(loss.ratio, 3))


def pixel_module(dataset: Dataset, encoded: Encoded, *, photometric: str, frames: int | None = None) -> None:
    """Write the Image Pixel module (PS3.3 C.7.6.3); for floats its part in C.7.6.24 and C.7.6.25.

    Raises: ExportError for more rows or columns than their 16 bits count (VR US, PS3.5 section 6.2).
    """
    shape = encoded.stored.shape
    samples = 3 if photometric == "RGB" else 1
    rows, columns = shape[-3:-1] if samples == 3 else shape[-2:]
    if max(rows, columns) > _MOST_ROWS:
        raise ExportError(
            f"has {rows} rows and {columns} columns, and DICOM holds {_MOST_ROWS:,} of each at most",
            hint="crop it, or write 'npy' or 'tiff'",
        )
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = photometric
    if samples == 3:
        dataset.PlanarConfiguration = 0
    if frames is not None:
        dataset.NumberOfFrames = str(frames)
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = encoded.bits_allocated
    if encoded.element != "PixelData":
        return
    dataset.BitsStored = encoded.bits_stored
    dataset.HighBit = encoded.bits_stored - 1
    dataset.PixelRepresentation = int(encoded.stored.dtype.kind == "i")


def rescale(dataset: Dataset, encoded: Encoded, units: str | None, *, computed: bool = False) -> None:
    """Write the Modality LUT module (PS3.3 C.11.1), where the values need one.

    Values that were `computed` in a unit need one, if only of 1 and 0: nothing else says the unit.
    """
    found = encoded.rescale
    if found is None and computed and units not in (None, "US") and encoded.element == "PixelData":
        found = Rescale()
    if found is None:
        return
    dataset.RescaleIntercept = found.intercept
    dataset.RescaleSlope = found.slope
    dataset.RescaleType = found.kind or units or "US"
    if encoded.error:
        add_derivation(dataset, f"quantized to 16 bits, largest error {encoded.error:.3g}")


def conversion_type(image: Image) -> str:
    """Return DI for what came as numbers from a machine, WSD for what a workstation had (PS3.3 C.8.6.1)."""
    return FORMATS[image.source.format].conversion_type if image.sources else "WSD"
