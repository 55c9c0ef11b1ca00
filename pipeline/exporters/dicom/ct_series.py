"""Write CT Image (PS3.3 A.3): one file per slice; study, series and frame of reference are the volume's."""

from __future__ import annotations

from pydicom.uid import CTImageStorage

from ...dicom.encode.encoding import CT_IMAGE
from .slices import SliceKind, with_rescale

EXPORTER = SliceKind(
    name="a CT Image",
    sop_class=CTImageStorage,
    modality="CT",
    allowed=CT_IMAGE,
    image_type=("DERIVED", "SECONDARY", "AXIAL"),
    type_2=("KVP", "AcquisitionNumber", "PatientPosition", "PositionReferenceIndicator", "Laterality"),
    modules="CT Image and General Series modules, PS3.3 C.8.2.1 and C.7.3.1",
    encoding=with_rescale,
    rescale_type=True,  # of CT alone (C.8.2.1)
).exporter
