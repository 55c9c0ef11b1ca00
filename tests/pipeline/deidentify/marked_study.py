"""A made study: every attribute of the profile's table filled with marks that must not be found again.

Also objects without pixels that belong to one: registration, treatment record, presentation, PDF.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from ...pydicom_api import write_whole

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
_REAL = {
    "CT Image": "CT_small.dcm", "MR Image": "MR_small.dcm", "RT Structure Set": "rtstruct.dcm",
    "RT Plan": "rtplan.dcm", "RT Dose": "rtdose.dcm",
}  # fmt: skip

CLASSES = {
    "CT Image": "1.2.840.10008.5.1.4.1.1.2",
    "MR Image": "1.2.840.10008.5.1.4.1.1.4",
    "RT Image": "1.2.840.10008.5.1.4.1.1.481.1",
    "RT Dose": "1.2.840.10008.5.1.4.1.1.481.2",
    "RT Structure Set": "1.2.840.10008.5.1.4.1.1.481.3",
    "RT Beams Treatment Record": "1.2.840.10008.5.1.4.1.1.481.4",
    "RT Plan": "1.2.840.10008.5.1.4.1.1.481.5",
    "Spatial Registration": "1.2.840.10008.5.1.4.1.1.66.1",
    "Basic Text SR": "1.2.840.10008.5.1.4.1.1.88.11",
    "Grayscale Presentation State": "1.2.840.10008.5.1.4.1.1.11.1",
    "Encapsulated PDF": "1.2.840.10008.5.1.4.1.1.104.1",
}
NAMES = {
    "ISO_IR 192": "Παπαδόπουλος^Ελένη",
    "ISO_IR 144": "Люкceмбypг^Aнна",
    "ISO_IR 127": "قباني^لنزار",
    "GB18030": "Wang^XiaoDong=王^小东",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "\\ISO 2022 IR 149": "Hong^Gildong=洪^吉洞=홍^길동",
}
SWEEP = pytest.mark.skipif(
    os.environ.get("DICOMBAKE_SWEEPS") != "1", reason="DICOMBAKE_SWEEPS=1 runs it: nox -s sweeps"
)
MARK = "ZQX"
"""In every text of the source that has to go."""
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
"""A document without a page."""
_VALUES = {
    "DA": "19781203", "DT": "19781203114522", "TM": "114522", "AS": "047Y", "DS": "47.11", "IS": "4711",
    "FD": 47.11, "FL": 47.11, "SL": 4711, "SS": 4711, "UL": 4711, "US": 4711, "SV": 4711, "UV": 4711,
    "UR": f"https://example.org/{MARK}", "UI": "1.2.3.4711.99",
}  # fmt: skip


def marked(tag: int) -> DataElement:
    """Return an attribute with a value that is marked, in the VR of the standard."""
    vr = dictionary_VR(tag).split(" or ")[0]
    if vr == "SQ":
        item = Dataset()
        item.CodeMeaning, item.PersonName = f"{MARK} meaning", f"{MARK}^Person"
        return DataElement(tag, "SQ", Sequence([item]))
    if vr in ("OB", "OW", "UN", "OF", "OD", "OL"):
        return DataElement(tag, vr, f"{MARK}MARKED".encode().ljust(16, b"\0"))
    value = _VALUES.get(vr, f"{MARK}{tag:08X}"[:16])
    least = int(dictionary_VM(tag).partition("-")[0].replace("n", "1") or 1)
    return DataElement(tag, vr, value if least == 1 else [value] * least)


def whole(sop_class: str, tags: list[int]) -> Dataset:
    """Return an object with these attributes at its top, in a sequence that stays, and in a private block."""
    dataset = Dataset()
    for tag in tags:
        if tag >> 16 > 6:
            dataset.add(marked(tag))
    item = Dataset()
    for tag in tags:
        if tag >> 16 > 6:
            item.add(marked(tag))
    kept = tag_for_keyword("ReferencedSeriesSequence")
    assert kept is not None and keyword_for_tag(kept)
    dataset[kept] = DataElement(kept, "SQ", Sequence([item]))
    block = dataset.private_block(0x0009, "ACME 1.0", create=True)
    block.add_new(0x10, "LO", f"{MARK} private")
    block.add_new(0x11, "PN", f"{MARK}^Private")
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID, dataset.StudyInstanceUID = "1.2.3.4711.1", "1.2.3.4711.2"
    dataset.SeriesInstanceUID, dataset.Modality = "1.2.3.4711.3", "OT"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def hard_study(folder: Path, tags: list[int], kinds: Collection[str] = tuple(CLASSES)) -> None:
    """Write an object of each kind, marked in every place where a file can hold text; each in an alphabet.

    In every attribute of the table, at the top, in sequences and in private blocks; in curves, overlays, the
    preamble, file meta, padding, what no dictionary has, and behind the end. Names of files are marked, too.
    """
    folder.mkdir(parents=True)
    for number, (kind, sop_class) in enumerate(CLASSES.items()):
        if kind not in kinds:
            continue
        dataset = _kind(kind, sop_class, [tag for tag in tags if tag >> 16 > 6])
        charset = list(NAMES)[number % len(NAMES)]
        dataset.SpecificCharacterSet = charset.split("\\")
        dataset.PatientName, dataset.PatientID = NAMES[charset], f"{MARK}4711"
        dataset.SOPInstanceUID, dataset.StudyInstanceUID = f"1.2.3.4711.1.{number}", "1.2.3.4711.2"
        dataset.SeriesInstanceUID = f"1.2.3.4711.3.{number}"
        _hide(dataset, NAMES[charset])
        stream = BytesIO()
        write_whole(stream, dataset)
        name = f"{MARK}_{kind.replace(' ', '_')}.dcm"
        (folder / name).write_bytes(stream.getvalue() + f"{MARK} at the end".encode())


def _kind(kind: str, sop_class: str, tags: list[int]) -> Dataset:
    """Return an object of a kind, of pydicom's samples where there is one, with these attributes marked."""
    dataset = dcmread(FILES / _REAL[kind], force=True) if kind in _REAL else Dataset()
    if "TransferSyntaxUID" not in getattr(dataset, "file_meta", ()):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = (
            "1.2.840.10008.1.2" if kind in _REAL else str(ExplicitVRLittleEndian)
        )
    own = {tag for tag in dataset.keys() if not tag.is_private and dictionary_VR(tag) == "SQ"}  # noqa: SIM118
    for element in whole(sop_class, tags):
        if element.tag not in own:
            dataset.add(element)
    dataset.SOPClassUID = sop_class
    dataset.Modality = {"CT Image": "CT", "MR Image": "MR", "RT Image": "RTIMAGE"}.get(kind, "RTPLAN")
    if kind == "RT Image":
        dataset.Rows = dataset.Columns = 16
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 0, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.add_new(0x7FE00010, "OW", bytes(512))
        dataset.RTImageSID, dataset.RadiationMachineSAD, dataset.ImagePlanePixelSpacing = 1000, 1000, [1, 1]
    return dataset


def _hide(dataset: Dataset, name: str) -> None:
    """Put marks where no attribute of the table is."""
    mark = f"{MARK} {MARK} ".encode()
    dataset.preamble = mark * 16
    dataset.file_meta.SourceApplicationEntityTitle = dataset.file_meta.ImplementationVersionName = MARK
    dataset.file_meta.PrivateInformationCreatorUID = "1.2.3.4711.88"
    dataset.file_meta.PrivateInformation = mark
    for group in (0x5000, 0x501E):
        dataset.add_new((group << 16) | 0x2500, "LO", MARK)
        dataset.add_new((group << 16) | 0x3000, "OW", mark)
    for group in (0x6002, 0x601E):
        for element, vr, value in (
            (0x0010, "US", 4), (0x0011, "US", 4), (0x0022, "LO", MARK), (0x0040, "CS", "G"),
            (0x0050, "SS", [1, 1]), (0x0100, "US", 1), (0x0102, "US", 0), (0x1500, "LO", MARK),
            (0x3000, "OW", mark), (0x4000, "LT", MARK),
        ):  # fmt: skip
            dataset.add_new((group << 16) | element, vr, value)
    dataset.add_new(0xFFFCFFFC, "OB", mark)
    dataset.add_new(0x00127777, "LO", MARK)
    item = Dataset()
    item.PatientName = f"{MARK}^Private"
    for group in (0x000B, 0x0029, 0x7FE1):
        block = dataset.private_block(group, f"{MARK} CREATOR", create=True)
        block.add_new(1, "LO", MARK)
        block.add_new(2, "PN", name)
        block.add_new(3, "UN", mark)
        block.add_new(4, "SQ", [item])


def linked_study(folder: Path, **said: object) -> list[Dataset]:
    """CT, structure set, plan and dose that name each other, of one patient."""
    folder.mkdir(parents=True)
    made = [
        dcmread(FILES / name, force=True)
        for name in ("CT_small.dcm", "rtstruct.dcm", "rtplan.dcm", "rtdose.dcm")
    ]
    ct, structures, rt_plan, dose = made
    for dataset in made:
        dataset.PatientName, dataset.PatientID = "Doe^Jane Marie", "MRN-471147"
        dataset.StudyInstanceUID, dataset.ReferringPhysicianName = "1.2.3.4.5.6", "House^Gregory"
        dataset.PatientBirthDate = "19781203"
        for keyword, value in said.items():
            setattr(dataset, keyword, value)
    structures.SOPInstanceUID = "1.2.3.4.5.7"
    structures.file_meta = FileMetaDataset()
    structures.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    contour = Dataset()
    contour.ReferencedSOPClassUID, contour.ReferencedSOPInstanceUID = ct.SOPClassUID, ct.SOPInstanceUID
    structures.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID = ct.FrameOfReferenceUID
    structures.ROIContourSequence[0].ContourSequence[0].ContourImageSequence = Sequence([contour])
    rt_plan.ReferencedStructureSetSequence[0].ReferencedSOPInstanceUID = structures.SOPInstanceUID
    dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID = rt_plan.SOPInstanceUID
    for name, dataset in zip(("Doe_ct", "struct", "plan", "dose"), made, strict=True):
        with (folder / f"{name}.dcm").open("wb") as file:
            write_whole(file, dataset)
    return made


def texts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield what each element says, by its path."""
    return ((path, str(element.value)) for path, element in elements(dataset))


def elements(dataset: Dataset, start: str = "") -> Iterator[tuple[str, DataElement]]:
    """Yield each element that is no sequence, at any depth, by its path."""
    for element in dataset:
        name = f"{start}{element.keyword or f'({element.tag.group:04X},{element.tag.element:04X})'}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from elements(item, f"{name}[{number}].")
        else:
            yield name, element


def _of(**elements: object) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, Sequence([value]) if isinstance(value, Dataset) else value)
    return item


def code(value: str, scheme: str, meaning: str) -> Dataset:
    return _of(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _object(kind: str, modality: str, number: int, ct: Dataset, **elements: object) -> Dataset:
    """Return an object of the patient and the study of a CT, with what each kind has."""
    dataset = _of(
        SOPClassUID=CLASSES[kind], SOPInstanceUID=f"1.2.3.4.5.20.{number}",
        SeriesInstanceUID=f"1.2.3.4.5.10.{number}", StudyInstanceUID=str(ct.StudyInstanceUID),
        PatientName=ct.PatientName, PatientID=ct.PatientID, PatientBirthDate=ct.PatientBirthDate,
        PatientSex="F", ReferringPhysicianName=ct.ReferringPhysicianName, AccessionNumber="ACC4711",
        StudyID="4711", StudyDate="20040119", StudyTime="072730", SeriesNumber=number, InstanceNumber=1,
        Modality=modality, Manufacturer="ACME", InstitutionName="Infirmary of Middlemarch",
    )  # fmt: skip
    dataset.update(_of(**elements))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def registration(ct: Dataset) -> Dataset:
    """Return a Spatial Registration (PS3.3 A.39.1) of the CT's frame of reference with another one."""
    series = _of(SeriesInstanceUID=str(ct.SeriesInstanceUID), ReferencedInstanceSequence=_image(ct))

    def item(frame: str, shift: float) -> Dataset:
        matrix = _of(
            FrameOfReferenceTransformationMatrixType="RIGID",
            FrameOfReferenceTransformationMatrix=[1, 0, 0, shift, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
        )
        registered = _of(FrameOfReferenceTransformationComment="by bones", MatrixSequence=matrix)
        registered.RegistrationTypeCodeSequence = Sequence([code("125025", "DCM", "Visual Alignment")])
        return _of(
            FrameOfReferenceUID=frame,
            MatrixRegistrationSequence=registered,
            ReferencedImageSequence=_image(ct),
        )

    items = Sequence([item(str(ct.FrameOfReferenceUID), 0.0), item("1.2.3.4.5.30", 12.5)])
    return _object(
        "Spatial Registration", "REG", 21, ct, Laterality="R",
        FrameOfReferenceUID="1.2.3.4.5.30", PositionReferenceIndicator="", ContentLabel="CBCT",
        ContentDescription="CT on CBCT", ContentCreatorName="House^Gregory", ContentDate="20040119",
        ContentTime="072730", RegistrationSequence=items, ReferencedSeriesSequence=series,
        ManufacturerModelName="R1", DeviceSerialNumber="SN4711", SoftwareVersions="1.0",
    )  # fmt: skip


def record(ct: Dataset, rt_plan: Dataset) -> Dataset:
    """Return an RT Beams Treatment Record (PS3.3 A.29.3) of a fraction of the plan."""
    limits = Sequence([
        _of(RTBeamLimitingDeviceType=kind, NumberOfLeafJawPairs=1) for kind in ("ASYMX", "ASYMY")
    ])  # fmt: skip
    positions = Sequence([
        _of(RTBeamLimitingDeviceType=kind, LeafJawPositions=[-50, 50]) for kind in ("ASYMX", "ASYMY")
    ])  # fmt: skip

    def point(index: int, meterset: float) -> Dataset:
        return _of(
            ReferencedControlPointIndex=index, TreatmentControlPointDate="20040119",
            TreatmentControlPointTime="081500", SpecifiedMeterset=meterset, DeliveredMeterset=meterset,
            DoseRateSet=400, DoseRateDelivered=400, NominalBeamEnergy=6, NominalBeamEnergyUnit="MV",
            GantryAngle=0,
            GantryRotationDirection="NONE", BeamStopperPosition="", BeamLimitingDeviceAngle=0,
            BeamLimitingDeviceRotationDirection="NONE", PatientSupportAngle=0,
            PatientSupportRotationDirection="NONE", TableTopEccentricAngle=0,
            TableTopEccentricRotationDirection="NONE", TableTopVerticalPosition="",
            TableTopLongitudinalPosition="", TableTopLateralPosition="",
            BeamLimitingDevicePositionSequence=positions,
        )  # fmt: skip

    beam = _of(
        ReferencedBeamNumber=1, BeamName="AP", BeamType="STATIC", RadiationType="PHOTON",
        NumberOfWedges=0, NumberOfCompensators=0, NumberOfBoli=0, NumberOfBlocks=0, NumberOfControlPoints=2,
        CurrentFractionNumber=3, TreatmentDeliveryType="TREATMENT", TreatmentTerminationStatus="NORMAL",
        TreatmentTerminationCode="", TreatmentVerificationStatus="NOT_VERIFIED", SpecifiedPrimaryMeterset=100,
        DeliveredPrimaryMeterset=100, BeamLimitingDeviceLeafPairsSequence=limits,
        ControlPointDeliverySequence=Sequence([point(0, 0), point(1, 100)]),
    )  # fmt: skip
    machine = _of(
        TreatmentMachineName="LINAC1", Manufacturer="ACME", InstitutionName="Infirmary of Middlemarch",
        ManufacturerModelName="L1", DeviceSerialNumber="SN4711",
    )  # fmt: skip
    return _object(
        "RT Beams Treatment Record", "RTRECORD", 22, ct,
        OperatorsName="House^Gregory", TreatmentDate="20040119", TreatmentTime="081500",
        NumberOfFractionsPlanned=30, PrimaryDosimeterUnit="MU", TreatmentMachineSequence=machine,
        ReferencedRTPlanSequence=_image(rt_plan), TreatmentSessionBeamSequence=beam,
    )  # fmt: skip


def presentation(ct: Dataset) -> Dataset:
    """Return a Grayscale Softcopy Presentation State (PS3.3 A.33.1) that writes a name onto the CT."""
    text = _of(
        BoundingBoxAnnotationUnits="PIXEL", UnformattedTextValue="Doe, Jane Marie",
        BoundingBoxTopLeftHandCorner=[1, 1], BoundingBoxBottomRightHandCorner=[60, 20],
        BoundingBoxTextHorizontalJustification="LEFT",
    )  # fmt: skip
    area = _of(
        ReferencedImageSequence=_image(ct), DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[int(ct.Columns), int(ct.Rows)],
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelAspectRatio=[1, 1],
    )  # fmt: skip
    return _object(
        "Grayscale Presentation State", "PR", 23, ct, Laterality="R",
        ContentLabel="NAMED", ContentDescription="annotated", ContentCreatorName="House^Gregory",
        PresentationCreationDate="20040119", PresentationCreationTime="072730",
        ReferencedSeriesSequence=_of(
            SeriesInstanceUID=str(ct.SeriesInstanceUID), ReferencedImageSequence=_image(ct)
        ),
        DisplayedAreaSelectionSequence=area,
        GraphicAnnotationSequence=_of(
            ReferencedImageSequence=_image(ct), GraphicLayer="LAYER1", TextObjectSequence=text
        ),
        GraphicLayerSequence=_of(GraphicLayer="LAYER1", GraphicLayerOrder=1),
        PresentationLUTShape="IDENTITY",
    )  # fmt: skip


def document(ct: Dataset) -> Dataset:
    """Return an Encapsulated PDF (PS3.3 A.45.1)."""
    return _object(
        "Encapsulated PDF", "DOC", 24, ct,
        ContentDate="20040119", ContentTime="072730", AcquisitionDateTime="20040119072730",
        ConversionType="WSD", BurnedInAnnotation="NO", DocumentTitle="Letter",
        ConceptNameCodeSequence=Sequence([code("18842-5", "LN", "Discharge Summary")]),
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=PDF + b"\n" * (len(PDF) % 2),
    )  # fmt: skip


def _image(dataset: Dataset) -> Dataset:
    return _of(
        ReferencedSOPClassUID=str(dataset.SOPClassUID), ReferencedSOPInstanceUID=str(dataset.SOPInstanceUID)
    )


def write_objects(folder: Path, ct: Dataset, rt_plan: Dataset) -> dict[str, Dataset]:
    """Write one object of each kind into a folder; they are returned by the names of their files."""
    made = {
        "registration": registration(ct), "record": record(ct, rt_plan), "presentation": presentation(ct),
        "document": document(ct),
    }  # fmt: skip
    for name, dataset in made.items():
        with (folder / f"{name}.dcm").open("wb") as file:
            write_whole(file, dataset)
    return made
