"""Make files of the formats other than XIM, as bytes: film scans, pictures, DICOM, numpy, raw."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ...schemas.language.decimal_string import nearest_ds

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

Pixels = npt.NDArray[Any]

_NAMESPACE = uuid.UUID("0d3f6a3e-5b4b-4c1c-9d55-0c4d2a6a8f10")
_LABEL = "made sample"


def tiff(*pages: Pixels, dpi: float | None = None) -> bytes:
    """Return a TIFF of one or more pages, grey or colour, in the dtype of the arrays."""
    import tifffile

    stream = io.BytesIO()
    resolution: dict[str, Any] = {} if dpi is None else {"resolution": (dpi, dpi), "resolutionunit": "INCH"}
    with tifffile.TiffWriter(stream) as writer:
        for page in pages:
            writer.write(
                page,
                photometric="rgb" if page.ndim == 3 else "minisblack",
                metadata=None,
                software=False,
                description=_LABEL,
                **resolution,
            )
    return stream.getvalue()


def imagej_stack(values: Pixels, spacing: tuple[float, float, float]) -> bytes:
    """Return a TIFF of (slices, rows, columns) as ImageJ writes it, with `spacing` in mm in its description.

    Args: spacing: between rows, columns, slices.
    """
    import tifffile

    rows, columns, slices = spacing
    text = f"ImageJ=1.54f\nimages={len(values)}\nslices={len(values)}\nunit=mm\nspacing={slices!r}\n"
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for index, page in enumerate(values):
            writer.write(
                page,
                photometric="minisblack",
                metadata=None,
                software=False,
                description=text if index == 0 else None,
                resolution=(1 / columns, 1 / rows),
                resolutionunit="NONE",
            )
    return stream.getvalue()


def picture(pixels: Pixels, kind: str, *, dpi: float | None = None) -> bytes:
    """Return a PNG, JPEG or BMP (by Pillow's name) of a uint8 array, or a PNG of a grey uint16 one."""
    from PIL import Image

    stream = io.BytesIO()
    options: dict[str, Any] = {} if dpi is None else {"dpi": (dpi, dpi)}
    if kind == "JPEG":
        options |= {"quality": 92, "subsampling": 0}
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def npy(pixels: Pixels) -> bytes:
    stream = io.BytesIO()
    np.save(stream, pixels, allow_pickle=False)
    return stream.getvalue()


def npz(**arrays: Pixels) -> bytes:
    """Return an archive of arrays, without time stamps of the clock."""
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, pixels in arrays.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), npy(pixels))
    return stream.getvalue()


def cyberknife(pixels: Pixels) -> bytes:
    """Return an ASCII header of 20 bytes with width and height, then uint16."""
    rows, columns = pixels.shape
    header = f"P5 {columns} {rows} 65535".ljust(19) + "\n"
    return header.encode("ascii") + pixels.astype("<u2").tobytes()


def visionrt(pixels: Pixels) -> bytes:
    """Return uint32 pixels and nothing else."""
    return pixels.astype("<u4").tobytes()


def flat(pixels: Pixels, *, byte_order: Literal["little", "big"] = "little", header: bytes = b"") -> bytes:
    """Return some header, then the pixels."""
    return header + pixels.astype(pixels.dtype.newbyteorder(byte_order)).tobytes()


def rt_image(
    pixels: Pixels,
    *,
    name: str,
    spacing: tuple[float, float] = (0.784, 0.784),
    sid: float = 1500.0,
    sad: float = 1000.0,
    gantry: float = 0.0,
    collimator: float = 0.0,
    couch: float = 0.0,
    machine: str = "TB1",
    rescale: tuple[float, float] | None = None,
) -> Dataset:
    """Return an RT Image as a linac's imager exports it.

    `name` makes its UIDs, `rescale` is slope and intercept.
    """
    from pydicom import Dataset

    rows, columns = pixels.shape
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "PORTAL"]
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.1"
    ds.SOPInstanceUID = uid(name)
    ds.StudyDate = ds.AcquisitionDate = ds.ContentDate = "20240102"
    ds.StudyTime = ds.AcquisitionTime = ds.ContentTime = "080000"
    ds.AccessionNumber = ds.ReferringPhysicianName = ds.StudyID = ds.OperatorsName = ""
    ds.Modality = "RTIMAGE"
    ds.ConversionType = "DI"
    ds.Manufacturer = "dicombake samples"
    ds.PatientName = "QA^Phantom"
    ds.PatientID = f"QA-{machine}"
    ds.PatientBirthDate = ""
    ds.PatientSex = "O"
    ds.StudyInstanceUID = uid(f"{machine} study")
    ds.SeriesInstanceUID = uid(f"{machine} series")
    ds.SeriesNumber = 1
    ds.InstanceNumber = 1
    ds.PatientOrientation = ""
    ds.RTImageLabel = name[:16]
    ds.RTImageDescription = _LABEL
    ds.ReportedValuesOrigin = "ACTUAL"
    ds.RTImagePlane = "NORMAL"
    ds.XRayImageReceptorAngle = "0"
    ds.RTImageOrientation = ["1", "0", "0", "0", "-1", "0"]
    ds.ImagePlanePixelSpacing = [_ds(spacing[0]), _ds(spacing[1])]
    ds.RTImagePosition = [_ds(-(columns - 1) / 2 * spacing[1]), _ds((rows - 1) / 2 * spacing[0])]
    ds.RadiationMachineName = machine
    ds.RadiationMachineSAD = _ds(sad)
    ds.RTImageSID = _ds(sid)
    ds.PrimaryDosimeterUnit = "MU"
    ds.GantryAngle = _ds(gantry)
    ds.BeamLimitingDeviceAngle = _ds(collimator)
    ds.PatientSupportAngle = _ds(couch)
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = 0
    if rescale is not None:
        ds.RescaleSlope, ds.RescaleIntercept = (_ds(number) for number in rescale)
        ds.RescaleType = "US"
    ds.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    ds["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    return ds


def ct_image(
    pixels: Pixels,
    *,
    number: int,
    position: tuple[float, float, float],
    spacing: tuple[float, float, float],
    scan: str = "CT",
) -> Dataset:
    """Return an axial CT Image of int16 Hounsfield units, as one slice of a scan.

    `spacing`: between rows, columns, slices; `position` of the first pixel; both mm. `scan` makes its UIDs.
    """
    from pydicom import Dataset

    rows, columns = pixels.shape
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = uid(f"{scan} {number}")
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20240102"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "080000"
    ds.AccessionNumber = ds.ReferringPhysicianName = ""
    ds.Modality = "CT"
    ds.Manufacturer = "dicombake samples"
    ds.PatientName, ds.PatientID = "QA^Phantom", "QA-CT"
    ds.PatientBirthDate, ds.PatientSex = "", "O"
    ds.StudyID = "1"
    ds.SliceThickness = _ds(spacing[2])
    ds.KVP = "120"
    ds.PatientPosition = "HFS"
    for keyword, name in (("Study", "study"), ("Series", "series")):
        setattr(ds, f"{keyword}InstanceUID", uid(f"{scan} {name}"))
    ds.SeriesNumber, ds.AcquisitionNumber, ds.InstanceNumber = 1, 1, number
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = uid(f"{scan} space"), ""
    ds.ImagePositionPatient = [_ds(part) for part in position]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.PixelSpacing = [_ds(spacing[0]), _ds(spacing[1])]
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.PixelData = pixels.astype("<i2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def dicom(ds: Dataset) -> bytes:
    """Return a complete file: preamble, file meta, Explicit VR Little Endian."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    from ..pydicom_versions.elements import file_bytes

    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.ImplementationClassUID = uid("implementation of the samples")
    ds.file_meta.ImplementationVersionName = "SAMPLES"
    return file_bytes(ds)


def bare_dicom(ds: Dataset) -> bytes:
    """Write the dataset alone, Implicit VR Little Endian: no preamble, no file meta."""
    from ..pydicom_versions.elements import implicit_bytes

    return implicit_bytes(ds)


def uid(name: str) -> UID:
    """Return a UID that derives from a name."""
    from pydicom.uid import UID

    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, name).int}")


def _ds(value: float) -> str:
    """Write a number as a machine does that knows six decimals."""
    return nearest_ds(round(value, 6))
