"""Write MR Image (PS3.3 A.4): one file per slice; study, series and frame of reference are the volume's."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.uid import MRImageStorage

from ...dicom.encode.encoding import MR_IMAGE
from ...errors import Note
from ...imaging.image import Image, Origin
from ...output import Context
from .slices import SliceKind, unsaid

_NEUTRAL = {"ScanningSequence": "RM", "SequenceVariant": "NONE"}
"""The terms that claim no sequence (PS3.3 C.8.3.1.1.2 and C.8.3.1.1.3): research mode, no variant."""


def _mr_image(dataset: Dataset, image: Image, context: Context) -> tuple[Note, ...]:
    """Write what the MR Image module has by rule (PS3.3 C.8.3.1), where the source does not say it."""
    source = image.source.dataset
    if source is not None and len(image.sources) == 1 and not image.computed:
        # magnitude, phase and the like (C.8.3.1.1.1)
        said = source.get("ImageType") or ()
        kinds = () if isinstance(said, str) else tuple(said)[2:]
        dataset.ImageType = ["DERIVED", "SECONDARY", *(kinds or ("OTHER",))]
        context.trace.layer(dataset, Origin("file", "ImageType"))
    missing = unsaid(dataset, _NEUTRAL, context)
    for keyword in missing:
        setattr(dataset, keyword, _NEUTRAL[keyword])
    context.trace.layer(dataset, Origin("rule", "an MR Image names a sequence, PS3.3 C.8.3.1"))
    if not missing:
        return ()
    written = " and ".join(f"{keyword} {_NEUTRAL[keyword]}" for keyword in missing)
    said = ", ".join(f"{keyword}: ..." for keyword in missing)
    text = f"nobody says the sequence of this MR image: {written} are written; 'tags: {{{said}}}' says it"
    return (Note("mr-sequence-unknown", text, contradiction=True),)


EXPORTER = SliceKind(
    name="an MR Image",
    sop_class=MRImageStorage,
    modality="MR",
    allowed=MR_IMAGE,
    image_type=("DERIVED", "SECONDARY", "OTHER"),
    type_2=(
        "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength",
        "PatientPosition", "PositionReferenceIndicator", "Laterality",
    ),
    modules="MR Image and General Series modules, PS3.3 C.8.3.1 and C.7.3.1",
    own=_mr_image,
).exporter  # fmt: skip
