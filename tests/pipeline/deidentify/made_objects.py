"""Objects without pixels that belong to the made study: registration, treatment record, presentation, PDF."""

from __future__ import annotations

from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from ...pydicom_api import write_whole
from .made_study import CLASSES

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
"""A document without a page."""


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
