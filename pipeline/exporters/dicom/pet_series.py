"""Write PET Image (PS3.3 A.21): one file per slice; study, series and frame of reference are the volume's.

Values are integers of 16 bits with a slope for each slice, which PET scanners write too; the intercept is 0
by the standard (C.8.9.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.uid import PositronEmissionTomographyImageStorage

from ....schemas.language.tags import path_of
from ...dicom.build.carry import cleaned
from ...dicom.build.origins import from_dataset
from ...dicom.encode.encoding import PET_IMAGE, Allowed, Encoded
from ...errors import Note
from ...imaging.image import Image, Origin
from ...output import Context
from .kinds import in_no_unit
from .slices import SliceKind, unsaid, with_rescale

if TYPE_CHECKING:
    from ....schemas.exports import Pixels as How

_CARRIED_GROUP = 0x0054
_CARRIED = tag_for_keyword("CorrectedImage")
_OWN = frozenset({"NumberOfSlices", "ImageIndex"})
"""Of the volume as it is written (C.8.9.1 and C.8.9.4.1.9)."""
_TYPE_1 = (
    "SeriesDate", "SeriesTime", "Units", "CountsSource", "DecayCorrection", "FrameReferenceTime",
)  # fmt: skip
"""What a PET Image has and only its maker knows (C.8.9.1 and C.8.9.4)."""


def _pet_image(dataset: Dataset, image: Image, context: Context) -> tuple[Note, ...]:
    """Write the PET modules: what a PET source says, else empty and said."""
    notes = _carried(dataset, image, context)
    dataset.NumberOfSlices = image.source.pages
    dataset.ImageIndex = image.source.page
    if not dataset.get("SeriesType"):
        dataset.SeriesType = ["STATIC", "IMAGE"]
    context.trace.layer(dataset, Origin("derived", "the slices of one volume"))
    needed = _TYPE_1 if _decay_correction(dataset, context) == "NONE" else (*_TYPE_1, "DecayFactor")
    missing = unsaid(dataset, needed, context)
    for keyword in missing:
        setattr(dataset, keyword, None)
    context.trace.layer(dataset, Origin("rule", "a PET Image has it, PS3.3 C.8.9.1 and C.8.9.4"))
    if not missing:
        return notes
    text = (
        f"nobody says {', '.join(missing)} of this PET image, which the kind asks for: left empty; 'tags' "
        "says them, as in 'tags: {Units: BQML, DecayCorrection: START}'"
    )
    return (*notes, Note("pet-unknown", text, contradiction=True))


def _carried(dataset: Dataset, image: Image, context: Context) -> tuple[Note, ...]:
    """Carry the attributes of nuclear medicine from a PET source, which other kinds do not take."""
    source = image.source.dataset
    if source is None or source.get("Modality") != "PT":
        return ()

    def wanted(tag: int) -> bool:
        return (tag >> 16 == _CARRIED_GROUP and keyword_for_tag(tag) not in _OWN) or tag == _CARRIED

    found, notes = cleaned(source, wanted)
    dataset.update(found)
    context.trace.layer(dataset, from_dataset(image.source))
    return notes + in_no_unit(dataset, image)


def _decay_correction(dataset: Dataset, context: Context) -> str:
    """Return the term that tags say, else the source; without one there is a DecayFactor (C.8.9.4)."""
    wanted = path_of("DecayCorrection").steps
    told = [value.items for path, value in context.tags.items() if path.steps == wanted and value.items]
    return told[0][0] if told else str(dataset.get("DecayCorrection") or "")


def _encoded(image: Image, how: How, allowed: Allowed) -> Encoded:
    """Return 16 bits with a slope; `auto` keeps a source's own where the kind may hold them."""
    stored = image.stored
    held = image.pixels if stored is None else stored.pixels
    fits = held.dtype.name in allowed.dtypes and (stored is None or stored.intercept == 0)
    if how == "auto" and not fits:
        image = image.replace(computed=True)
    return with_rescale(image, how, allowed)


EXPORTER = SliceKind(
    name="a PET Image",
    sop_class=PositronEmissionTomographyImageStorage,
    modality="PT",
    allowed=PET_IMAGE,
    image_type=("DERIVED", "PRIMARY"),
    type_2=(
        "CollimatorType", "CorrectedImage", "RadiopharmaceuticalInformationSequence",
        "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence", "AcquisitionDate",
        "AcquisitionTime", "ActualFrameDuration", "PositionReferenceIndicator",
        "Laterality",
    ),
    modules="PET and General Series modules, PS3.3 C.8.9 and C.7.3.1",
    own=_pet_image,
    encoding=_encoded,
    of_reference=(),  # PatientOrientationCodeSequence is in place of PatientPosition (C.7.3.1)
    alike=False,
).exporter  # fmt: skip
