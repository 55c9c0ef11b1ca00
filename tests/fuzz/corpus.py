"""What each target starts from: small inputs, all made here."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import tifffile
from dicombake.pipeline.deidentify.table import rows as table_rows
from dicombake.pipeline.samples import files, volume_files, xim
from dicombake.pipeline.store.database import _TABLES as TABLES
from dicombake.pipeline.store.database import VERSION
from pydicom.datadict import dictionary_has_tag

from ..pipeline.deidentify.marked_study import CLASSES, whole
from ..pipeline.loaders.input_files import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    compressed,
    dataset_of,
    encoded,
    make_npy,
    make_png,
)

GREY = np.arange(24 * 20, dtype=np.uint16).reshape(24, 20) * 97
EIGHT = (GREY % 251).astype(np.uint8)
COLOUR = np.stack([EIGHT, 255 - EIGHT, EIGHT // 2], axis=-1)


def _saved(pixels: np.ndarray[Any, Any], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def _tiff(pixels: np.ndarray[Any, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def jpegs() -> list[bytes]:
    return [
        _saved(EIGHT, "JPEG"),
        _saved(COLOUR, "JPEG", progressive=True),
        _saved(COLOUR, "JPEG", restart_marker_blocks=2),
        imagecodecs.jpeg8_encode(EIGHT, lossless=True),
        imagecodecs.jpeg8_encode(GREY >> 4, bitspersample=12),
        imagecodecs.jpegls_encode(GREY),
    ]


def jpeg2000s() -> list[bytes]:
    kinds = ("J2K", "JP2")
    return [imagecodecs.jpeg2k_encode(GREY, level=0, codecformat=kind, reversible=True) for kind in kinds]


def pictures() -> list[bytes]:
    return [
        *jpegs(),
        *jpeg2000s(),
        _tiff(GREY, photometric="minisblack"),
        _tiff(COLOUR, photometric="rgb", compression="lzw"),
        _tiff(EIGHT, photometric="minisblack", compression="jpeg"),
        _tiff(np.stack([GREY, GREY]), photometric="minisblack", bigtiff=True),
        make_png(4, 2, 8, 0, [b"\1\2\3\4"] * 2),
        _saved(COLOUR, "PNG"),
        _saved(COLOUR, "BMP"),
        _saved(EIGHT, "GIF"),
        _saved(COLOUR, "WEBP", lossless=True),
    ]


def dicoms() -> list[bytes]:
    coded = {
        "1.2.840.10008.1.2.4.50": _saved(EIGHT, "JPEG"),
        "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode(EIGHT),
        "1.2.840.10008.1.2.4.90": imagecodecs.jpeg2k_encode(
            EIGHT, level=0, codecformat="J2K", reversible=True
        ),
    }
    return [
        *(encoded(dataset_of(GREY), GREY, syntax) for syntax in (EXPLICIT, IMPLICIT, DEFLATED)),
        *(compressed(dataset_of(EIGHT), [data], syntax) for syntax, data in coded.items()),
    ]


BETWEEN = b"\n--- next file ---\n"
"""Between the files of a series, in one input."""


def series() -> list[bytes]:
    """Folders of CT slices: a volume, one of tilted slices, and one with a gap."""

    def folder(places: Sequence[float], orientation: Sequence[str], **values: Any) -> bytes:
        files = []
        for number, place in enumerate(places):
            pixels = np.full((4, 6), number, np.int16)
            dataset = dataset_of(
                pixels, SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID=f"1.2.3.{number + 1}",
                Modality="CT", StudyInstanceUID="1.2.3", SeriesInstanceUID="1.2.4",
                FrameOfReferenceUID="1.2.5", ImagePositionPatient=["-20", "-30", str(place)],
                ImageOrientationPatient=list(orientation), PixelSpacing=["0.5", "0.75"],
                SliceThickness="2.5", RescaleSlope="1", RescaleIntercept="-1024", **values,
            )  # fmt: skip
            files.append(encoded(dataset, pixels))
        return BETWEEN.join(files)

    flat, tilted = ("1", "0", "0", "0", "1", "0"), ("1", "0", "0", "0", "0.98", "0.199")
    return [
        folder((-10, -7.5, -5), flat, SpacingBetweenSlices="2.5"),
        folder((0, 2), tilted, GantryDetectorTilt="11.5"),
        folder((0, 2, 6), flat),
        folder((0,), flat),
    ]


def xims() -> list[bytes]:
    """Both sources, both widths, compressed or not, with what a machine writes and with what it may."""
    properties: list[dict[str, Any]] = [
        xim.mv_properties(gantry=10.0),
        xim.kv_properties(),
        {
            "Name": "text",
            "Number": 3,
            "Real": 1.5,
            "Reals": [1.0, 2.0],
            "Numbers": [1, 2],
            "MVEnergy": "6xFFF",
        },
    ]
    wide = GREY.astype(np.int32) ** 2 * 3
    return [
        xim.encode(pixels, said, compressed=how, histogram=(1, 2))
        for pixels, said in zip((wide, GREY, wide[:3, :4]), properties, strict=True)
        for how in (True, False)
    ] + [xim.encode(GREY[:2, :3], {}, version=1)]


def arrays() -> list[bytes]:
    """Arrays of many types, orders and dimensions, alone and in archives."""
    packed, shrunk = io.BytesIO(), io.BytesIO()
    np.savez(packed, a=GREY)
    np.savez_compressed(shrunk, a=EIGHT, b=GREY)
    kinds = (">f4", "<f8", "<f2", "|b1", "<i8", ">u2", "<c8", "<M8[s]", "|S3", "<U2")
    small = GREY[:4, :5]
    return [
        make_npy(GREY),
        make_npy(GREY.astype(">f4"), (3, 0)),
        make_npy(np.asfortranarray(GREY), (2, 0)),
        make_npy(np.stack([small, small + 1])),
        make_npy(np.zeros((2, 3), [("a", "<u2"), ("b", "<f4")])),
        make_npy(np.full((2, 3), np.nan)),
        *(make_npy(small.astype(kind)) for kind in kinds),
        packed.getvalue(),
        shrunk.getvalue(),
    ]


def raws() -> list[bytes]:
    return [files.cyberknife(GREY), GREY.astype("<u4").tobytes(), b"P5\n20 24\n65535\n" + GREY.tobytes()]


def states() -> list[bytes]:
    """Databases as SQLite writes them, and as the statements that make them (`targets`): ours with rows of
    all types, and what somebody else may put there."""
    ours = "\n".join([f"PRAGMA user_version = {VERSION}", *TABLES.values()])
    one, known = "X'612e64636d'", "a" * 64
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT * FROM n"
    quoted = '"seen""; ATTACH \'x\' AS y; --"'
    rows = (
        f"INSERT INTO seen VALUES ({one}, 3, 4, 5, '{known}'), (X'62', 'x', 1.5, NULL, X'00')",
        f"INSERT INTO written VALUES ({one}), ('text'), (7)",
        f"INSERT INTO claimed VALUES ({one}, '{known}'), ({one}, X'6161')",
        f"INSERT INTO journal (line) VALUES ('output {known}  out:a.dcm'), (X'00ff'), (1e300)",
    )
    scripts = [
        "\n".join([ours, *rows]),
        ours,
        "CREATE TABLE journal (line TEXT)\nINSERT INTO journal VALUES ('out a.dcm')",
        f"{ours}\nCREATE VIEW more AS {endless}",
        f"{ours}\nDROP TABLE seen\nCREATE VIEW seen AS {endless}",
        f"{ours}\nCREATE TRIGGER t AFTER INSERT ON written BEGIN DELETE FROM seen; END",
        f"CREATE TABLE {quoted} (a)\nCREATE INDEX i ON {quoted} (a)",
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.executescript("PRAGMA page_size = 512;" + scripts[0].replace("\n", ";"))
        return [path.read_bytes(), *(script.encode() for script in scripts)]


VOXELS = (np.arange(60, dtype=np.int16) - 20).reshape(3, 4, 5)
ORIGIN, PITCH = (-4.0, -3.0, 2.5), (2.0, 1.5, 3.0)


def niftis() -> list[bytes]:
    """Plain and packed, of two types, with a qform besides the sform, and as NIfTI-2."""
    import nibabel

    affine = ((-2.0, 0, 0, 4), (0, -1.5, 0, 3), (0, 0, 3, 2.5))
    plain = volume_files.nifti(VOXELS, affine)
    other = nibabel.nifti2.Nifti2Image(VOXELS.T.astype(np.float32), np.diag([2.0, 3.0, 4.0, 1.0]))
    both = nibabel.nifti1.Nifti1Image(np.stack([VOXELS.T] * 2, axis=-1), np.diag([-2.0, 3.0, 4.0, 1.0]))
    both.set_qform(both.affine, 1)
    scaled = bytearray(plain)
    scaled[112:120] = np.array([0.5, -100], "<f4").tobytes()
    return [
        plain, volume_files.nifti(VOXELS.astype(np.float32), affine), bytes(scaled),
        gzip.compress(plain, mtime=0), both.to_bytes(), other.to_bytes(),
    ]  # fmt: skip


def nrrds() -> list[bytes]:
    """Plain, packed in both ways, flat, of several volumes, and without a place."""
    steps = ((PITCH[0], 0.0, 0.0), (0.0, PITCH[1], 0.0), (0.0, 0.0, PITCH[2]))
    plain = volume_files.nrrd(VOXELS, ORIGIN, steps)
    head, values = plain.split(b"\n\n", 1)
    four = head.replace(b"dimension: 3", b"dimension: 4").replace(b"sizes: ", b"sizes: 2 ")
    four = four.replace(b"directions: ", b"directions: none ").replace(b"kinds: ", b"kinds: list ")
    flat = b"NRRD0005\ntype: uchar\ndimension: 2\nsizes: 4 5\nencoding: raw\nspacings: 0.5 0.25\n\n"
    return [
        plain,
        head.replace(b"encoding: raw", b"encoding: gzip") + b"\n\n" + gzip.compress(values, mtime=0),
        head.replace(b"encoding: raw", b"encoding: bzip2") + b"\n\n" + bz2.compress(values),
        four + b"\n\n" + values * 2,
        flat + bytes(20),
        head + b"\ndata file: input\nbyte skip: -1\n",
    ]


def metaimages() -> list[bytes]:
    plain = volume_files.metaimage(VOXELS, ORIGIN, PITCH)
    head, values = plain.split(b"ElementDataFile", 1)
    packed = zlib.compress(values.split(b"\n", 1)[1])
    more = b"ElementToIntensityFunctionSlope = 0.5\nCenterOfRotation = 1 0 0\nElementDataFile = LOCAL\n"
    return [
        plain,
        head + b"CompressedData = True\nElementDataFile = LOCAL\n" + packed,
        head + more + values.split(b"\n", 1)[1],
        head + b"HeaderSize = -1\nElementDataFile = input\n" + VOXELS.tobytes(),
    ]


def doses() -> list[bytes]:
    """Grids of three frames, upwards and downwards, with offsets from 0 and with places."""

    def dose(offsets: list[str], **values: Any) -> bytes:
        dataset = dataset_of(
            DOSE, SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE", DoseUnits="GY",
            DoseType="PHYSICAL", DoseSummationType="PLAN", DoseGridScaling="1e-4",
            ImagePositionPatient=["-20", "-30", "5"], ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
            PixelSpacing=["2", "2.5"], GridFrameOffsetVector=offsets,
            FrameIncrementPointer=0x3004000C, FrameOfReferenceUID="1.2.5", PatientID="A", **values,
        )  # fmt: skip
        return encoded(dataset, DOSE)

    return [dose(["0", "3", "6"]), dose(["5", "8", "11"], StudyInstanceUID="1.2.3"), dose(["0", "-3", "-6"])]


DOSE = np.arange(3 * 4 * 5, dtype=np.uint32).reshape(3, 4, 5) * 1000


def objects() -> list[bytes]:
    """DICOM without pixels, each attribute of a few kinds with a value in it, at two depths."""
    rows = [tag for tag in table_rows() if dictionary_has_tag(tag)]
    made = []
    for at, uid in enumerate(CLASSES.values()):
        dataset = whole(uid, rows[at :: 3 * len(CLASSES)])
        for keyword in ("Rows", "BitsAllocated", "PixelData"):
            if keyword in dataset:
                del dataset[keyword]
        made.append(encoded(dataset, None))
    return made


def texts(*lines: str) -> Callable[[], list[bytes]]:
    return lambda: [line.encode() for line in lines]


RECIPE = """version: 1
vars: {patient: A}
conversions:
  film:
    inputs: {files: "film/g{gantry:d}_*.tif", exclude: "*.bak"}
    source: {format: image, channel: red}
    geometry: {dpi: 300, sid: 1000, gantry: "{gantry}"}
    process: [{crop: {top: 2}}, invert]
    exports: [{to: rt-image, path: "dicom/{stem}.dcm"}, {to: png, path: "p/{index:04d}.png"}]
    tags: {PatientID: "{vars.patient}", "(0010,0020)": x, ExposureSequence[0].ExposureTime: 3}
"""

NRRD_WORDS = """
type: ;dimension: ;sizes: ;space: ;space directions: ;space origin: ;space units: ;spacings: ;kinds: ;endian:
encoding: ;data file: ;byte skip: ;line skip: ;(nan,nan,nan);(1e308,0,0);none;gzip;bzip2;raw;list;1e400;LIST
"""
META_WORDS = """
NDims = ;DimSize = ;ElementType = ;ElementSpacing = ;Offset = ;TransformMatrix = ;ElementDataFile = ;LOCAL
LIST;CompressedData = True;HeaderSize = -1;BinaryData = ;ElementNumberOfChannels = ;MET_DOUBLE;1e308;inf;-0;4
"""
LOCK = """codec imagecodecs 2026.3.6
dicombake-lock 1
input {one}  data:raw/epid/a.xim
option 5d21aa00bb11  epid:tags.PatientID
option 5d21aa00bb12  p\u00fclpe:exports[0].path
output {one}  out:dicom/a.dcm
output {two}  out:dicom/with\\\\back\\nslash\\udc80.dcm
program dicombake 0.1.0
recipe {two}
unit {one}  out:dicom/a.dcm
""".format(one="0a" * 32, two="f1" * 32)
CONFLICT = LOCK.replace("program", "<<<<<<< ours\nprogram").replace("recipe", ">>>>>>> theirs\nrecipe")
LOCK_WORDS = "input ;output ;unit ;option ;recipe ;codec ;  data:;  out:;======="
SQL_WORDS = """
SELECT;INSERT INTO;VALUES;CREATE TABLE;CREATE VIEW;CREATE TRIGGER;CREATE INDEX;DROP TABLE;ALTER TABLE;PRAGMA
user_version;WITHOUT ROWID;VIRTUAL TABLE;USING;GENERATED ALWAYS AS;seen;written;claimed;journal;sqlite_master
writable_schema;NULL;1e999
"""
RECIPE_WORDS = """
version: 1;conversions:;defaults:;extends:;requires:;machines:;profiles:;limits:;strict:;vars:;tests:;study:
inputs:;files:;exclude:;group:;sort:;metadata:;sidecar:;csv:;source:;format:;geometry:;process:;combine:
exports:;to:;path:;tags:;remove_tags:;pixels:;window:;transfer_syntax:;keep:;{stem};{index:04d};{vars.x}
{env.X};{source.X};&a;*a;<<: *a;!!python/object;? ;- ;---;%YAML 1.1;|;>;~;.inf;0x10;1_0:30
"""
