"""NIfTI, NRRD and MetaImage as other programs write them: values, types, packings, and what is refused."""

from __future__ import annotations

import gzip
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.image import Image
from dicombake.pipeline.loaders.options import Limits, VolumeFileOptions
from dicombake.pipeline.loaders.registry import load, probe
from dicombake.pipeline.loaders.volumes.fields import fields_of
from hypothesis import given
from hypothesis import strategies as st

SHAPE = (4, 3, 2)
AFFINE = np.array([[-2.0, 0, 0, 10], [0, -3.0, 0, 20], [0, 0, 4.0, -30], [0, 0, 0, 1]])
TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
every_type = pytest.mark.parametrize("dtype", TYPES)


def values(dtype: str, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return np.random.default_rng(3).normal(size=shape).astype(kind) * 100
    ends = np.iinfo(kind)
    found = np.random.default_rng(3).integers(ends.min, ends.max, shape, dtype=kind, endpoint=True)
    found.flat[0], found.flat[-1] = ends.min, ends.max
    return found


def read(path: Path, **options: Any) -> list[Image]:
    suffixes = {".nii": "nifti", ".hdr": "nifti", ".nrrd": "nrrd", ".nhdr": "nrrd"}
    name = path.name.removesuffix(".gz")
    return list(
        load(path, VolumeFileOptions(suffixes.get(Path(name).suffix, "metaimage"), **options), Limits())
    )


def stacked(images: list[Image]) -> np.ndarray:
    """(i, j, k), as it is stored."""
    return np.stack([image.pixels for image in images]).T


def same(found: np.ndarray, meant: np.ndarray) -> bool:
    return found.dtype == meant.dtype.newbyteorder("=") and np.array_equal(found, meant)


def nifti(
    path: Path, array: np.ndarray, affine: np.ndarray = AFFINE, kind: Any = nibabel.Nifti1Image
) -> Path:
    header = kind.header_class(endianness="<")
    header.set_data_dtype(array.dtype)
    nibabel.save(kind(array, affine, header), path)
    return path


@every_type
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_of_every_type(dtype: str, name: str, tmp_path: Path) -> None:
    path = nifti(tmp_path / name, values(dtype))
    assert same(stacked(read(path)), values(dtype))


@pytest.mark.parametrize("kind", [nibabel.Nifti2Image, nibabel.Nifti1Pair, nibabel.Nifti2Pair])
@pytest.mark.parametrize("order", "<>")
def test_nifti_2_pairs_and_big_endian(kind: Any, order: str, tmp_path: Path) -> None:
    array = values("int16")
    header = kind.header_class(endianness=order)
    header.set_data_dtype("int16")
    path = tmp_path / ("a.hdr" if "Pair" in kind.__name__ else "a.nii")
    image = kind(array, AFFINE, header)
    nibabel.save(image, path)
    found = read(path)
    assert same(stacked(found), array)
    told = probe(path, VolumeFileOptions("nifti"), Limits())
    assert told.parts == (() if path.suffix == ".nii" else (path.with_suffix(".img"),))
    assert found[0].geometry.patient is not None
    assert found[0].geometry.patient.position == (-10, -20, -30)


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3),
    st.lists(st.floats(-500, 500, width=32), min_size=3, max_size=3),
    st.sampled_from([1.0, -1.0]),
)
def test_our_fields_are_those_of_nibabel(quaternion: list[float], offset: list[float], hand: float) -> None:
    header = nibabel.Nifti1Header(endianness="<")
    for name, value in zip("bcd", quaternion, strict=True):
        header[f"quatern_{name}"] = value
    for name, value in zip("xyz", offset, strict=True):
        header[f"qoffset_{name}"] = value
    header["pixdim"][:4] = [hand, 0.5, 2, 3.25]
    header["qform_code"], header["sform_code"], header["xyzt_units"] = 1, 4, 10
    header["srow_y"], header["descrip"], header["scl_slope"], header["scl_inter"] = [1, 2, 3, 4], b"x", 3, -7
    own = fields_of(header.binaryblock, "<", Path("x"))
    try:
        meant = header.get_qform()
    except ValueError:
        with pytest.raises(ValueError, match="longer than 1"):
            own.qform()
    else:
        assert np.allclose(own.qform(), meant[:3], atol=1e-5)
    assert np.array_equal(own.sform, header.get_sform()[:3])
    assert (own.slope, own.intercept, own.units, own.sform_code) == (3, -7, 10, 4)
    big = fields_of(header.as_byteswapped(">").binaryblock, ">", Path("x"))
    assert (big.quaternion, big.sform, big.pixdim) == (
        own.quaternion,
        [tuple(r) for r in own.sform],
        own.pixdim,
    )


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@every_type
def test_nrrd_of_every_type_and_packing(dtype: str, encoding: str, tmp_path: Path) -> None:
    header = {"space": "left-posterior-superior", "space directions": np.diag([2.0, 3, 4]),
              "space origin": [1, 2, 3], "encoding": encoding}  # fmt: skip
    path = tmp_path / "a.nrrd"
    nrrd.write(str(path), values(dtype), header)
    found = read(path)
    assert same(stacked(found), values(dtype))
    plane = found[1].geometry.patient
    assert plane is not None and plane.position == (1, 2, 7) and found[1].geometry.spacing == (3, 2)


def test_a_detached_nrrd_and_its_space(tmp_path: Path) -> None:
    header = {"space": "right-anterior-superior", "space directions": np.diag([-2.0, -3, 4]),
              "space origin": [10, 20, -30], "encoding": "raw"}  # fmt: skip
    nrrd.write(str(tmp_path / "a.nhdr"), values("int16"), header, detached_header=True)
    found = read(tmp_path / "a.nhdr")
    assert same(stacked(found), values("int16"))
    assert found[0].geometry.patient is not None
    assert found[0].geometry.patient.position == (-10, -20, -30)
    assert found[0].geometry.patient.orientation == (1, 0, 0, 0, 1, 0)
    told = probe(tmp_path / "a.nhdr", VolumeFileOptions("nrrd"), Limits())
    assert [part.name for part in told.parts] == ["a.raw"]


@every_type
@pytest.mark.parametrize(
    "name, packed", [("a.mha", False), ("a.mha", True), ("a.mhd", False), ("a.mhd", True)]
)
def test_metaimage_of_every_type_and_packing(dtype: str, name: str, packed: bool, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(values(dtype).T)
    image.SetSpacing((2, 3, 4))
    image.SetOrigin((1, 2, 3))
    sitk.WriteImage(image, str(tmp_path / name), packed)
    if dtype in ("int64", "uint64"):
        # ITK calls them MET_LONG, which is 4 bytes elsewhere
        data = (tmp_path / name).read_bytes()
        for long in (b"MET_LONG\n", b"MET_ULONG\n"):
            data = data.replace(long, long[:-1] + b"_LONG\n")
        (tmp_path / name).write_bytes(data)
    found = read(tmp_path / name)
    assert same(stacked(found), values(dtype))
    plane = found[1].geometry.patient
    assert plane is not None and plane.position == (1, 2, 7) and found[1].geometry.spacing == (3, 2)


def scaled(path: Path, slope: float, intercept: float, array: np.ndarray) -> Path:
    nifti(path, array)
    data = bytearray(path.read_bytes())
    struct.pack_into("<2f", data, 112, slope, intercept)
    path.write_bytes(data)
    return path


def test_a_scale_is_a_rescale_where_it_is_exact(tmp_path: Path) -> None:
    array = values("int16")
    whole = read(scaled(tmp_path / "a.nii", 1, -1024, array), units="hu")
    assert same(stacked(whole), array.astype(np.int32) - 1024)
    assert whole[0].stored is not None and (whole[0].stored.slope, whole[0].stored.intercept) == (1, -1024)
    assert whole[0].units == "HU"
    half = read(scaled(tmp_path / "b.nii", 0.5, 3, array))
    assert same(stacked(half), array * 0.5 + 3)
    assert half[0].stored is not None
    # 0.1 in float32 has more digits than a DS holds, so that no rescale says it
    tenth = read(scaled(tmp_path / "c.nii", 0.1, 0, array))
    assert np.array_equal(stacked(tenth), nibabel.load(tmp_path / "c.nii").get_fdata())
    assert tenth[0].stored is None
    none = read(scaled(tmp_path / "d.nii", 0, 5, array))
    assert same(stacked(none), array)
    assert probe(tmp_path / "b.nii", VolumeFileOptions("nifti"), Limits()).dtype == "float64"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_four_axes_are_volumes(name: str, tmp_path: Path) -> None:
    array = values("uint16", (4, 3, 2, 5))
    path = nifti(tmp_path / name, array)
    found = read(path)
    assert [(image.source.volume, image.source.page) for image in found] == [
        (volume, page) for volume in range(1, 6) for page in (1, 2)
    ]
    assert same(np.stack([image.pixels for image in found]).reshape(5, 2, 3, 4).T, array)
    assert same(stacked(read(path, frame=4)), array[..., 3])
    told = probe(path, VolumeFileOptions("nifti"), Limits())
    assert (told.volumes, told.pages, told.in_ranges) == (5, 2, name == "a.nii")
    with pytest.raises(SourceError, match="holds 5 volumes, and 'frame' is 6"):
        read(path, frame=6)


def test_a_nrrd_whose_first_axis_counts_volumes(tmp_path: Path) -> None:
    array = values("int16", (5, 4, 3, 2))
    ways = np.vstack([[np.nan] * 3, np.diag([2.0, 3, 4])])
    header = {"space": "left-posterior-superior", "space directions": ways, "space origin": [1, 2, 3],
              "kinds": ["list", "domain", "domain", "domain"]}  # fmt: skip
    nrrd.write(str(tmp_path / "a.nrrd"), array, header)
    assert same(stacked(read(tmp_path / "a.nrrd", frame=3)), array[2])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_each_axis_may_count_the_slices_and_left_handed_grids_run_backwards(
    axis: int, name: str, tmp_path: Path
) -> None:
    array = values("int16", (7, 6, 5))
    for hand in (1, -1):
        path = nifti(tmp_path / name, array, AFFINE @ np.diag([hand, 1, 1, 1]))
        found = read(path, slice_axis=axis)
        meant = np.moveaxis(array, axis, 0).swapaxes(1, 2)
        # (columns, rows, normal) of slices along j is left-handed where that of the grid is not
        backwards = (hand == -1) != (axis == 1)
        assert same(np.stack([image.pixels for image in found]), meant[::-1] if backwards else meant)
        (third,) = load(path, VolumeFileOptions("nifti", slice_axis=axis), Limits(), range(2, 3))
        assert np.array_equal(third.pixels, found[2].pixels)
        assert third.geometry == found[2].geometry


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_packed_values_that_are_many_wait_in_a_temporary_file(
    axis: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicombake.pipeline.loaders.volumes.values.IN_MEMORY", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    test_each_axis_may_count_the_slices_and_left_handed_grids_run_backwards(axis, "a.nii.gz", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]
    content = gzip.decompress((tmp_path / "a.nii.gz").read_bytes())
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content[:-1]))
    with pytest.raises(SourceError, match="ended before its last value"):
        read(tmp_path / "a.nii.gz", slice_axis=axis)


def test_sform_and_qform_that_differ_are_told(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(values("int16"), AFFINE)
    other = AFFINE.copy()
    other[0, 3] += 5
    image.set_sform(AFFINE, 1)
    image.set_qform(other, 1)
    nibabel.save(image, tmp_path / "a.nii")
    found = read(tmp_path / "a.nii")
    (note,) = found[0].notes
    assert note.contradiction and "up to 5 mm apart; the sform counts" in note.text
    assert found[0].geometry.patient is not None and found[0].geometry.patient.position[0] == -10
    image.set_sform(None, 0)
    nibabel.save(image, tmp_path / "b.nii")
    (only,) = {
        image.geometry.patient.position[0] for image in read(tmp_path / "b.nii") if image.geometry.patient
    }
    assert only == -15


def test_without_a_place_there_is_none(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(values("int16"), None)
    image.header["pixdim"][1:4] = [2, 3, 4]
    nibabel.save(image, tmp_path / "a.nii")
    found = read(tmp_path / "a.nii")
    assert found[0].geometry.patient is None and found[0].geometry.spacing == (3, 2)
    assert "nobody says where left is" in found[0].notes[0].text


def sheared(degrees: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[1, 2] = 4 * np.tan(np.radians(degrees))
    return affine


def test_shear_is_refused_and_rounding_is_not(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"not at right angles \(78 degrees"):
        read(nifti(tmp_path / "a.nii", values("int16"), sheared(12)))
    read(nifti(tmp_path / "b.nii", values("int16"), sheared(0.001)))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def claiming(path: Path, *sizes: int) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into(f"<{len(sizes) + 1}h", data, 40, len(sizes), *sizes)
    path.write_bytes(data)


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut": (cut, "claims 48 bytes of values from byte 352 on, but a.nii has 399 bytes"),
    "huge": (lambda path: claiming(path, 32767, 32767, 2), "more than the limit"),
    "empty axis": (lambda path: claiming(path, 4, 0, 2), "which is no image"),
    "vectors": (lambda path: claiming(path, 4, 1, 1, 1, 6), "vectors, or several channels"),
    "colour": (lambda path: _put(path, "<h", 70, 128), "RGB colour values"),
    "complex": (lambda path: _put(path, "<h", 70, 32), "complex values"),
    "offset": (lambda path: _put(path, "<f", 108, float("nan")), "begin at byte nan"),
    "offset of 0": (lambda path: _put(path, "<f", 108, 0), "begin at byte 0, within its header"),
    "offset of the header": (lambda path: _put(path, "<f", 108, 348), "begin at byte 348, within its header"),
    "analyze": (lambda path: _put(path, "<4s", 344, b"\0\0\0\0"), "ANALYZE 7.5"),
    "number": (lambda path: _put(path, "<f", 280, float("inf")), "a sform that is no number"),
    "other": (lambda path: path.write_bytes(b"GIF89a" * 100), "is no NIfTI file"),
}  # fmt: skip


def _put(path: Path, form: str, at: int, value: Any) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, at, value)
    path.write_bytes(data)


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_nifti_should_be_is_refused(name: str, tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", values("int16"))
    change, told = REFUSED[name]
    change(path)
    with pytest.raises(SourceError, match=told):
        read(path)
    with pytest.raises(SourceError, match=told):
        probe(path, VolumeFileOptions("nifti"), Limits())


def test_bytes_behind_the_values_are_told(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", values("int16"))
    longer(path)
    assert [note.code for note in read(path)[0].notes] == ["bytes-left-over"]


def test_packed_values_are_bound_by_what_the_header_claims(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", np.zeros((300, 300, 300), np.int16))
    packed = tmp_path / "a.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    options = VolumeFileOptions("nifti")
    with pytest.raises(
        SourceError, match="claims 54000000 bytes of packed values, more than the limit of 800000"
    ):
        list(load(packed, options, Limits(image_pixels=100_000)))
    data = path.read_bytes()
    packed.write_bytes(gzip.compress(data[:-1], 1))
    with pytest.raises(SourceError, match="ended before its last value"):
        list(load(packed, options, Limits()))
    damaged = bytearray(gzip.compress(data, 1))
    damaged[-5] ^= 1
    packed.write_bytes(damaged)
    with pytest.raises(SourceError, match=r"damaged packed values|cannot be read"):
        list(load(packed, options, Limits()))


@pytest.mark.parametrize(
    "line, told",
    [
        (b"data file: /etc/passwd", "only one in the same folder is read"),
        (b"data file: ../a.raw", "only one in the same folder is read"),
        (b"kinds: RGB-color domain domain", "one number in a voxel"),
        (b"encoding: ascii", "has the encoding 'ascii'"),
        (b"type: block", "type 'block'"),
        (b"sizes: 4 3 200000000", "more than the limit"),
        (b"space directions: (1,0,0) (0,1,0) (0,0,x)", "damaged NRRD header"),
        (b"space units: \"s\" \"s\" \"s\"", "no length"),
    ],
)  # fmt: skip
def test_what_no_nrrd_should_be_is_refused(line: bytes, told: str, tmp_path: Path) -> None:
    fields = {
        b"type": b"int16", b"dimension": b"3", b"space": b"left-posterior-superior", b"sizes": b"4 3 2",
        b"endian": b"little", b"encoding": b"raw", b"space origin": b"(0,0,0)",
        b"space directions": b"(1,0,0) (0,1,0) (0,0,1)",
    }  # fmt: skip
    key, _, value = line.partition(b": ")
    fields[key] = value
    if key == b"kinds":
        fields[b"space directions"] = b"none (0,1,0) (0,0,1)"
    head = b"NRRD0005\n" + b"".join(name + b": " + text + b"\n" for name, text in fields.items()) + b"\n"
    path = tmp_path / "a.nrrd"
    path.write_bytes(head + bytes(48))
    with pytest.raises(SourceError, match=told):
        read(path)


@pytest.mark.parametrize(
    "line, told",
    [
        ("ElementDataFile = ../a.raw", "only one in the same folder is read"),
        ("ElementDataFile = LIST", "a list of files"),
        ("ElementType = MET_LONG", "MET_LONG is 4 bytes on one system"),
        ("ElementNumberOfChannels = 3", "3 values in a voxel"),
        ("DimSize = 4 3 200000000", "more than the limit"),
        ("DimSize = 4 3", "are not 3 numbers"),
        ("ElementSpacing = 1 1 0", "ElementSpacing = 1 1 0"),
        ("TransformMatrix = 1 0 0 0 1 0 0 0.5 1", "not at right angles"),
        ("BinaryData = False", "as text"),
        ("HeaderSize = 9999999", "9999999"),
    ],
)
def test_what_no_metaimage_should_be_is_refused(line: str, told: str, tmp_path: Path) -> None:
    fields = {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "DimSize": "4 3 2",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "0 0 0", "ElementSpacing": "1 1 1",
        "ElementType": "MET_SHORT",
    }  # fmt: skip
    key, _, value = line.partition(" = ")
    fields[key] = value
    if key == "HeaderSize":
        (tmp_path / "a.raw").write_bytes(bytes(48))
    last = {"ElementDataFile": "a.raw" if key == "HeaderSize" else fields.pop("ElementDataFile", "LOCAL")}
    path = tmp_path / "a.mha"
    text = "".join(f"{name} = {text}\n" for name, text in (fields | last).items())
    path.write_bytes(text.encode() + bytes(48))
    with pytest.raises(SourceError, match=told):
        read(path)


def test_a_negative_spacing_turns_its_axis(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(values("int16").T)
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    data = (tmp_path / "a.mha").read_bytes().replace(b"ElementSpacing = 1 1 1", b"ElementSpacing = -1 1 1")
    (tmp_path / "a.mha").write_bytes(data)
    plane = read(tmp_path / "a.mha")[0].geometry.patient
    assert plane is not None and plane.orientation == (-1, 0, 0, 0, 1, 0)


def test_nan_is_told(tmp_path: Path) -> None:
    array = values("float32")
    array[0, 0, 1] = np.nan
    found = read(nifti(tmp_path / "a.nii", array))
    assert [[note.code for note in image.notes] for image in found] == [[], ["not-finite"]]
    assert np.array_equal(stacked(found), array, equal_nan=True)


def test_packed_values_that_cannot_be_there_take_no_memory(tmp_path: Path) -> None:
    """Deflate gives 1032 bytes for one at most; the claim is within the limits."""
    plain = bytearray(nibabel.Nifti1Image(values("int16"), AFFINE).to_bytes())
    struct.pack_into("<8h", plain, 40, 3, 8000, 8000, 10, 1, 1, 1, 1)
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(bytes(plain)))
    with pytest.raises(SourceError, match=r"more than the [0-9]+ packed bytes of a.nii.gz can hold"):
        read(path)


@pytest.mark.parametrize("part", ["3e38", "nan", "inf", "-2e9"])
def test_a_grid_nowhere_is_refused(tmp_path: Path, part: str) -> None:
    image = nibabel.Nifti1Image(values("int16"), AFFINE)
    image.header["srow_x"] = [-2.0, 0, 0, float(part)]
    image.header["vox_offset"] = 352
    path = tmp_path / "a.nii"
    path.write_bytes(image.header.binaryblock + bytes(4) + values("int16").tobytes())
    with pytest.raises(SourceError, match=r"is no place|is no number"):
        read(path)
    image = sitk.GetImageFromArray(values("int16"))
    sitk.WriteImage(image, tmp_path / "a.mha")
    content = (tmp_path / "a.mha").read_bytes()
    (tmp_path / "a.mha").write_bytes(content.replace(b"Offset = 0", b"Offset = " + part.encode(), 1))
    with pytest.raises(SourceError, match=r"is no place|are not 3 numbers"):
        read(tmp_path / "a.mha")


@pytest.mark.parametrize(
    "form, at, value, code",
    [
        ("<2f", 112, (0.0, 5.0), "intercept-without-slope"),
        ("<2f", 112, (float("nan"), 5.0), "intercept-without-slope"),
        ("<4f", 76, (1.0, 2.0, 3.0, 5.0), "spacing-differs"),
        ("<4f", 76, (1.0, 0.0, 3.0, 4.0), "spacing-differs"),
        ("<4f", 76, (1.0, float("nan"), 3.0, 4.0), "spacing-differs"),
        ("<h", 254, (6,), "form-code-unknown"),
        ("<h", 254, (5,), "place-in-atlas"),
    ],
)
def test_what_readers_of_nifti_disagree_on_is_told(
    form: str, at: int, value: tuple[float, ...], code: str, tmp_path: Path
) -> None:
    path = nifti(tmp_path / "a.nii", values("int16"))
    data = bytearray(path.read_bytes())
    struct.pack_into("<h", data, 252, 0)  # the sform alone
    struct.pack_into(form, data, at, *value)
    path.write_bytes(data)
    found = read(path)
    assert [note.code for note in found[0].notes] == [code]
    meant = nibabel.load(path)
    assert np.array_equal(stacked(found), meant.get_fdata())
    plane = found[1].geometry.patient
    assert plane is not None and plane.position == (-10, -20, -26)


@pytest.mark.parametrize("kind", ["list", "vector", "RGB-color", "time"])
def test_an_axis_of_no_space_has_no_space_direction(kind: str, tmp_path: Path) -> None:
    header = {"space": "left-posterior-superior", "space directions": np.diag([2.0, 3, 4]),
              "space origin": [1, 2, 3], "encoding": "raw", "kinds": [kind, "domain", "domain"]}  # fmt: skip
    nrrd.write(str(tmp_path / "a.nrrd"), values("int16"), header)
    with pytest.raises(SourceError, match=f"an axis of the kind {kind.lower()}, which is none of space"):
        read(tmp_path / "a.nrrd")


def test_fields_of_a_nrrd_in_any_case_and_keys_of_ones_own(tmp_path: Path) -> None:
    """Names of fields may have capitals, as teem has it; what stands before ``:=`` is no field."""
    head = (
        "NRRD0005\nType: int16\nDimension: 3\nspace: LPS\nSizes: 4 3 2\nSpace Directions: (2,0,0) (0,3,0) "
        "(0,0,4)\nendian: little\nEncoding: raw\nSpace Origin: (1,2,3)\nByte Skip: -1\nbyte skip:=2\n"
        "space:=RAS\n\n"
    )
    path = tmp_path / "a.nrrd"
    path.write_bytes(head.encode() + b"before" + values("int16").tobytes("F"))
    found = read(path)
    meant = sitk.ReadImage(str(path))
    assert np.array_equal(stacked(found), sitk.GetArrayFromImage(meant).T)
    plane = found[1].geometry.patient
    assert plane is not None and plane.position == meant.TransformIndexToPhysicalPoint((0, 0, 1)) == (1, 2, 7)
    assert found[0].source.properties["byte skip"] == -1


def test_space_units_are_converted_and_told(tmp_path: Path) -> None:
    header = {"space": "left-posterior-superior", "space directions": np.diag([2.0, 3, 4]),
              "space origin": [1, 2, 3], "encoding": "raw", "space units": ["cm"] * 3}  # fmt: skip
    nrrd.write(str(tmp_path / "a.nrrd"), values("int16"), header)
    found = read(tmp_path / "a.nrrd")
    plane = found[1].geometry.patient
    assert plane is not None and plane.position == (10, 20, 70)
    assert [note.code for note in found[0].notes] == ["space-units"]


@pytest.mark.parametrize("key", ["BinaryDataByteOrderMSB", "ElementByteOrderMSB"])
@pytest.mark.parametrize("text", ["True", "t", "T", "1", "False", "f", "F", "0"])
def test_flags_of_a_metaimage_are_those_of_itk(key: str, text: str, tmp_path: Path) -> None:
    path = metaimage(tmp_path, f"{key} = {text}")
    assert np.array_equal(stacked(read(path)), sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T)


def metaimage(tmp_path: Path, *lines: str, before: bytes = b"") -> Path:
    fields = {"ObjectType": "Image", "NDims": "3", "DimSize": "4 3 2", "Offset": "1 2 3",
              "ElementSpacing": "2 3 4", "ElementType": "MET_SHORT"}  # fmt: skip
    fields |= dict(line.split(" = ") for line in lines)
    text = "".join(f"{key} = {value}\n" for key, value in fields.items()) + "ElementDataFile = LOCAL\n"
    path = tmp_path / "a.mha"
    path.write_bytes(text.encode() + before + values("int16").tobytes("F"))
    return path


@pytest.mark.parametrize(
    "lines, told",
    [
        (("BinaryDataByteOrderMSB = Yes",), "MSB = Yes, and that is neither True nor False"),
        (("BinaryDataByteOrderMSB = True", "ElementByteOrderMSB = False"), "these contradict each other"),
        (("Position = 1 2 4",), "says different things as Offset and as Position"),
        (
            ("TransformMatrix = 1 0 0 0 1 0 0 0 1", "Rotation = 0 1 0 1 0 0 0 0 1"),
            "as TransformMatrix and as Rotation",
        ),
        (("HeaderSize = 4",), "HeaderSize = 4, and its header ends at byte"),
        (("ElementToIntensityFunctionSlope = 0",), "leaves nothing of its values"),
        (
            (
                "NDims = 4", "DimSize = 2 2 2 3", "Offset = 0 0 0 0", "ElementSpacing = 1 1 1 1",
                "TransformMatrix = 1 0 0 0.5 0 1 0 0 0 0 1 0 0 0 0 1",
            ),
            "through space and through the fourth axis at once",
        ),
    ],
)  # fmt: skip
def test_a_metaimage_that_says_two_things_is_refused(
    lines: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=told):
        read(metaimage(tmp_path, *lines))


def test_values_at_the_end_of_a_metaimage_and_its_intensity_function(tmp_path: Path) -> None:
    path = metaimage(tmp_path, "HeaderSize = -1", before=b"before")
    found = read(path)
    assert np.array_equal(stacked(found), sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T)
    assert found[0].notes == ()
    path = metaimage(tmp_path, "ElementToIntensityFunctionSlope = 2", "ElementToIntensityFunctionOffset = 7")
    found = read(path)
    assert np.array_equal(stacked(found), values("int16").astype(int) * 2 + 7)
    assert [note.code for note in found[0].notes] == ["intensity-function"]


@pytest.mark.parametrize("centring", ["cell cell cell", "node node node", "cell node ???"])
def test_the_centring_of_axes_moves_no_nrrd(centring: str, tmp_path: Path) -> None:
    """`space origin` is the centre of the first sample in any case; teem, in ITK, agrees."""
    header = {"space": "left-posterior-superior", "space directions": np.diag([2.0, 3, 4]),
              "space origin": [1, 2, 3], "encoding": "raw", "centerings": centring.split()}  # fmt: skip
    nrrd.write(str(tmp_path / "a.nrrd"), values("int16"), header)
    assert b"center" in (tmp_path / "a.nrrd").read_bytes()
    found = read(tmp_path / "a.nrrd")[1].geometry.patient
    meant = sitk.ReadImage(str(tmp_path / "a.nrrd")).TransformIndexToPhysicalPoint((0, 0, 1))
    assert found is not None and found.position == meant == (1, 2, 7)


def test_a_center_of_rotation_moves_no_metaimage(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(values("int16").T)
    image.SetSpacing((2, 3, 4))
    image.SetOrigin((1, 2, 3))
    image.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1))
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    data = (tmp_path / "a.mha").read_bytes()
    changed = data.replace(b"CenterOfRotation = 0 0 0", b"CenterOfRotation = 9 8 7")
    assert changed != data
    (tmp_path / "a.mha").write_bytes(changed)
    found = read(tmp_path / "a.mha")
    assert [note.code for note in found[0].notes] == ["center-of-rotation"]
    meant = sitk.ReadImage(str(tmp_path / "a.mha")).TransformIndexToPhysicalPoint((0, 0, 1))
    plane = found[1].geometry.patient
    assert plane is not None and np.allclose(plane.position, meant, atol=1e-9)


NOTHING = gzip.compress(b"", mtime=0)
"""A member of gzip that holds no byte."""


def members(tmp_path: Path, before: int = 0, between: int = 0, behind: bytes = b"") -> Path:
    """Return a NIfTI in three members of gzip, with empty ones before and between them."""
    content = nifti(tmp_path / "plain.nii", values("int16")).read_bytes()
    parts = [gzip.compress(part, mtime=0) for part in (content[:200], content[200:360], content[360:])]
    path = tmp_path / "a.nii.gz"
    path.write_bytes(NOTHING * before + (NOTHING * between).join(parts) + behind)
    return path


@pytest.mark.parametrize("behind", [b"", bytes(5), bytes(600_000), bytes(700) + NOTHING])
def test_members_of_gzip_are_read_as_one_and_zeros_pad_them(behind: bytes, tmp_path: Path) -> None:
    path = members(tmp_path, before=3, between=200, behind=behind)
    assert gzip.decompress(path.read_bytes())  # a reader that is not ours takes it, too
    assert same(stacked(read(path)), values("int16"))


def test_members_without_end_are_refused_at_once(tmp_path: Path) -> None:
    path = members(tmp_path, before=200_000)
    start = time.process_time()
    with pytest.raises(SourceError, match="more than 1000 of its gzip members hold nothing"):
        read(path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("place", [-12, -6, -2])
def test_a_wrong_checksum_or_length_or_no_member_behind_the_last_is_refused(
    place: int, tmp_path: Path
) -> None:
    damaged = bytearray(members(tmp_path).read_bytes())
    damaged[place] ^= 1
    (tmp_path / "b.nii.gz").write_bytes(damaged)
    for path in (tmp_path / "b.nii.gz", members(tmp_path, behind=b"more")):
        with pytest.raises(SourceError, match="holds damaged packed values"):
            read(path)


@pytest.mark.parametrize("scaled", [(1e38, 0.0), (3e38, 3e38)])
def test_a_rescale_beyond_float64_is_refused_in_one_line(
    scaled: tuple[float, float], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = nifti(tmp_path / "a.nii", np.full(SHAPE, 1e300))
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, *scaled)
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"values x \S+ \+ \S+, its rescale, are beyond what float64 holds"):
        read(path)
    assert list(recwarn) == []
