"""numpy arrays and volumes: values, geometry, refusals."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.imaging.exact import DTYPES
from dicombake.pipeline.imaging.image import Image, Origin, PatientPlane
from dicombake.pipeline.loaders import kept_map
from dicombake.pipeline.loaders.arrays import array, npy, volume
from dicombake.pipeline.loaders.arrays import slices as slices_module
from dicombake.pipeline.loaders.options import ArrayOptions, Limits, VolumeOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ..input_files import make_npy, make_npz

VALUES = np.arange(12, dtype=np.int16).reshape(3, 4) - 5
SPACING = (0.5, 0.75, 1.25)


def load(path: Path, data: bytes, **options: Any) -> Image:
    path.write_bytes(data)
    (image,) = array.load(path, ArrayOptions(**options), Limits())
    return image


def slices(path: Path, pages: range | None = None, **options: Any) -> list[Image]:
    given: dict[str, Any] = {"slice_axis": 0, "spacing": SPACING, **options}
    return list(volume.load(path, VolumeOptions(**given), Limits(), pages))


def refusal(path: Path, data: bytes, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        load(path, data, **options)
    assert caught.value.subject == str(path)
    return caught.value.what


ANY = st.sampled_from(sorted(DTYPES, key=str)).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6))
)


@settings(max_examples=80, deadline=None)
@given(ANY, st.sampled_from("<>"), st.sampled_from("CF"), st.sampled_from([(1, 0), (2, 0), (3, 0)]))
def test_every_array_comes_back(
    tmp_path_factory: pytest.TempPathFactory, values: Any, mark: str, order: Any, version: tuple[int, int]
) -> None:
    written = np.asarray(values.astype(values.dtype.newbyteorder(mark)), order=order)
    path = tmp_path_factory.mktemp("a") / "a.npy"
    for data in (make_npy(written, version), make_npz(a=written), make_npz(compressed=True, a=written)):
        image = load(path, data)
        assert image.pixels.dtype == values.dtype
        assert image.pixels.dtype.isnative
        assert image.pixels.tobytes() == np.ascontiguousarray(values).tobytes()
        probe = array.probe(path, ArrayOptions(), Limits())
        assert (probe.shape, probe.dtype, probe.pages) == (values.shape, values.dtype.name, 1)


@settings(max_examples=400, deadline=None)
@given(
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=12),
    st.sampled_from(["<i2", ">u4", "|b1", "|u1", "<f8", "<f2", "<c8", "<M8[s]", "|S3", "<U2", "|V6", "<f16"]),
    st.sampled_from("CF"),
    st.sampled_from([(1, 0), (2, 0), (3, 0)]),
    st.lists(st.tuples(st.integers(0, 140), st.binary(min_size=1, max_size=2)), max_size=2),
)
def test_a_header_reads_as_numpy_reads_it(
    shape: tuple[int, ...], descr: str, order: Any, version: tuple[int, int], damage: list[tuple[int, bytes]]
) -> None:
    """Sound or damaged: what is read without numpy is what its parser finds; the rest is left to that."""
    data = bytearray(make_npy(np.zeros(shape, descr, order), version))
    for place, other in damage:
        data[place : place + len(other)] = other
    found = npy._plain(io.BytesIO(bytes(data)))
    if found is not None:
        assert found == npy._parsed(io.BytesIO(bytes(data)), Path())
    elif not damage:
        assert len(shape) == 1 or descr not in ("<i2", ">u4", "|b1", "|u1", "<f8", "<f2")


def test_npz_wants_a_key_where_it_holds_several(tmp_path: Path) -> None:
    path, data = tmp_path / "a.npz", make_npz(first=VALUES, second=VALUES + 1)
    assert refusal(path, data) == "holds 2 arrays: first, second"
    assert refusal(path, data, key="third") == "has no array 'third'; it holds first, second"
    image = load(path, data, key="second")
    assert np.array_equal(image.pixels, VALUES + 1)
    assert image.source.properties == {"key": "second"}
    assert refusal(path, make_npy(VALUES), key="a") == "is a .npy and holds one array without a name"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((2, 2), complex), "holds complex numbers (dtype complex128), which cannot be converted"),
        (np.zeros((2, 2), [("a", "i2")]), "holds records (dtype structured), which cannot be converted"),
        (np.zeros((2, 2), "M8[s]"), "holds dates (dtype datetime64[s]), which cannot be converted"),
        (np.zeros((2, 2), "U3"), "holds text (dtype str96), which cannot be converted"),
        (
            np.zeros((2, 2), np.longdouble),
            f"holds numbers of a size that no output can hold (dtype {np.dtype(np.longdouble).name}), "
            "which cannot be converted",
        ),
        (np.zeros((2, 2, 2)), "holds a 3D array of shape (2, 2, 2), not an image of rows and columns"),
        (np.zeros(4), "holds an array of shape (4,), not one of rows and columns"),
        (np.zeros((0, 4)), "claims 0 rows and 4 columns, which is no image"),
    ],
)
def test_what_is_no_image_is_refused_by_name(tmp_path: Path, values: Any, reason: str) -> None:
    if values.dtype == np.longdouble and values.dtype == np.float64:
        pytest.skip("long double is float64 on this machine")
    assert refusal(tmp_path / "a.npy", make_npy(values)) == reason


class Bomb:
    """Its unpickling would show."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("an object array was unpickled",))


def test_objects_are_refused_without_unpickling(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.array([[Bomb()]], dtype=object), allow_pickle=True)
    reason = (
        "holds Python objects, which would have to be unpickled (dtype object), which cannot be converted"
    )
    assert refusal(tmp_path / "a.npy", stream.getvalue()) == reason
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a.npy", stream.getvalue())
    assert refusal(tmp_path / "a.npz", archive.getvalue()) == reason


def test_a_header_that_claims_more_than_the_file_has(tmp_path: Path) -> None:
    data = make_npy(np.zeros((3, 4), np.uint16)).replace(b"(3, 4)", b"(9, 9)")
    assert refusal(tmp_path / "a.npy", data) == (
        "its header claims shape (9, 9) of uint16, which is 162 bytes of values, but 24 follow"
    )


def test_a_header_that_claims_terabytes_takes_no_memory(tmp_path: Path) -> None:
    data = make_npy(np.zeros((3, 4), np.uint16)).replace(
        b"(3, 4), }      ", b"(999999, 999999999), }"[:15] + b""
    )
    assert "damaged .npy header" in refusal(tmp_path / "a.npy", data)
    big = b"{'descr': '<u2', 'fortran_order': False, 'shape': (99999999, 99999999), }"
    big += b" " * (117 - len(big)) + b"\n"
    assert refusal(tmp_path / "a.npy", b"\x93NUMPY\x01\x00\x76\x00" + big + bytes(24)).endswith(
        "but 24 follow"
    )


def test_a_member_that_claims_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(make_npz(compressed=True, a=np.zeros((400, 400))))
    with pytest.raises(SourceError, match=r"claims 1280128 bytes, more than the limit of 66336"):
        list(array.load(path, ArrayOptions(), Limits(image_pixels=100)))


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    data = bytearray(make_npz(compressed=True, a=np.arange(400.0).reshape(20, 20)))
    data[200] ^= 0xFF
    assert refusal(tmp_path / "a.npz", bytes(data)).startswith("is a damaged .npz archive: ")
    assert refusal(tmp_path / "a.npz", b"PK\x03\x04nothing").startswith("is a damaged .npz archive: ")
    assert refusal(tmp_path / "a.npz", b"neither") == "is neither a .npy nor a .npz file"


def test_a_bool_that_is_neither_is_refused(tmp_path: Path) -> None:
    data = make_npy(np.ones((2, 2), bool))
    assert refusal(tmp_path / "a.npy", data[:-1] + b"\x02") == "holds the value 2, but bool is 0 or 1"


CUBE = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("mark", ["<", ">"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_slices_of_a_volume(tmp_path: Path, axis: int, order: Any, mark: str, suffix: str) -> None:
    path = tmp_path / f"v{suffix}"
    written = np.asarray(CUBE.astype(np.dtype("i2").newbyteorder(mark)), order=order)
    path.write_bytes((make_npy if suffix == ".npy" else lambda cube: make_npz(v=cube))(written))
    images = slices(path, slice_axis=axis)
    expected = np.moveaxis(CUBE, axis, 0)
    assert len(images) == len(expected)
    for index, (image, pixels) in enumerate(zip(images, expected, strict=True)):
        assert np.array_equal(image.pixels, pixels)
        assert image.pixels.dtype == np.int16
        assert image.pixels.flags.c_contiguous
        assert (image.source.page, image.source.pages) == (index + 1, len(expected))
    probe = volume.probe(path, VolumeOptions(slice_axis=axis, spacing=SPACING), Limits())
    assert (probe.shape, probe.pages) == (images[0].pixels.shape, len(images))
    assert probe.geometry == images[0].geometry


def test_axial_slices_rise_in_z(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    path.write_bytes(make_npy(CUBE))
    images = slices(path, origin=(-1.0, 2.0, 100.0))
    planes = [image.geometry.patient for image in images]
    axial = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert planes == [
        PatientPlane((-1.0, 2.0, 100.0), axial, 1.25, 1.25),
        PatientPlane((-1.0, 2.0, 101.25), axial, 1.25, 1.25),
    ]
    assert [image.geometry.spacing for image in images] == [(0.5, 0.75)] * 2
    assert images[0].geometry.origins["patient"] == Origin("conversion", "source")


def test_slices_follow_the_normal(tmp_path: Path) -> None:
    """Coronal: rows run to +x, columns to -z, so the normal is +y."""
    path = tmp_path / "v.npy"
    path.write_bytes(make_npy(np.zeros((3, 2, 2), np.uint8)))
    images = slices(path, orientation=(1.0, 0.0, 0.0, 0.0, 0.0, -1.0))
    positions = [image.geometry.patient.position for image in images if image.geometry.patient]
    assert positions == [(0.0, 0.0, 0.0), (0.0, 1.25, 0.0), (0.0, 2.5, 0.0)]


def test_a_range_of_slices(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    path.write_bytes(make_npy(np.zeros((5, 2, 2), np.uint8)))
    assert [image.source.page for image in slices(path, range(3, 9))] == [4, 5]


@pytest.mark.parametrize(
    ("stored", "intercept", "dtype"),
    [("uint8", -1024, "int16"), ("uint16", -1024, "int32"), ("uint16", 0, "int32"), ("uint32", -5, "int64")],
)
def test_intercept_keeps_the_stored_values(tmp_path: Path, stored: str, intercept: int, dtype: str) -> None:
    cube = np.array([[[0, 1], [7, np.iinfo(stored).max]]], stored)
    path = tmp_path / "v.npy"
    path.write_bytes(make_npy(cube))
    (image,) = slices(path, units="hu", intercept=float(intercept))
    assert image.pixels.dtype == dtype
    assert image.pixels.tolist() == (cube[0].astype(object) + intercept).tolist()
    assert image.units == "HU"
    assert image.stored is not None
    assert np.array_equal(image.stored.pixels, cube[0])
    assert image.stored.pixels.dtype == stored
    assert (image.stored.slope, image.stored.intercept, image.stored.rescale_type) == (1.0, intercept, "HU")
    assert image.stored.bits_stored == np.dtype(stored).itemsize * 8


def test_units(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    path.write_bytes(make_npy(CUBE))
    assert {image.units for image in slices(path, units="hu")} == {"HU"}
    assert {image.units for image in slices(path)} == {None}


@pytest.mark.parametrize(
    ("cube", "options", "reason"),
    [
        (np.zeros((2, 2)), {}, "holds an array of shape (2, 2), not a 3D one"),
        (
            CUBE,
            {"intercept": -1024.0, "units": "hu"},
            "'intercept' is for unsigned arrays, this one is int16",
        ),
        (
            CUBE.astype("u2"),
            {"intercept": -1.5, "units": "hu"},
            "'intercept' is -1.5; only a whole number is exact",
        ),
        (CUBE.astype("u2"), {"intercept": -1.0}, "'intercept' says where 0 HU lies, but 'units' is not hu"),
        (
            CUBE,
            {"orientation": (1.0, 0.0, 0.0, 0.5, 0.5, 0.0)},
            "cannot be placed: 'orientation' is two directions of length 1 at a right angle",
        ),
        (
            CUBE,
            {"orientation": (1.0, 0.0, 0.0, 0.6, 0.8, 0.0)},
            "cannot be placed: 'orientation' is two directions of length 1 at a right angle",
        ),
    ],
)
def test_a_volume_that_cannot_be_is_refused(
    tmp_path: Path, cube: Any, options: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "v.npy"
    path.write_bytes(make_npy(cube))
    with pytest.raises(SourceError) as caught:
        slices(path, **options)
    assert caught.value.what == reason


@pytest.mark.real
def test_every_real_array_equals_numpy(real: Path) -> None:
    seen = 0
    for path in sorted((real / "npy").iterdir()):
        if "objarr" in path.name:
            with pytest.raises(SourceError, match="Python objects"):
                list(array.load(path, ArrayOptions(), Limits()))
            continue
        loaded = np.load(path)
        arrays = dict(loaded.items()) if path.suffix == ".npz" else {None: loaded}
        for key, values in arrays.items():
            if values.ndim == 2:
                (image,) = array.load(path, ArrayOptions(key=key), Limits())
                assert np.array_equal(image.pixels, values)
                assert image.pixels.dtype == values.dtype.newbyteorder("=")
                seen += 1
            elif values.ndim == 3:
                assert np.array_equal([image.pixels for image in slices(path)], values)
                seen += 1
    assert seen == 6


@pytest.mark.parametrize("pages", [None, range(3, 11), range(1, 12, 2), range(9, 40), range(5, 6)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_that_are_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axis: int, order: Any, pages: range | None
) -> None:
    """Blocks of four slices, where slices lie interleaved: the same slices as one by one."""
    monkeypatch.setattr(slices_module, "_BLOCK", 4 * 5 * 6 * 2)
    shape = [5, 6]
    shape.insert(axis, 13)
    values = np.arange(390, dtype=np.int16).reshape(shape)
    path = tmp_path / "v.npy"
    np.save(path, np.asarray(values, order=order))
    expected = np.moveaxis(values, axis, 0)
    wanted = [index for index in (pages or range(13)) if index < 13]
    found = slices(path, pages, slice_axis=axis)
    assert [image.source.page - 1 for image in found] == wanted
    for image, index in zip(found, wanted, strict=True):
        assert image.pixels.flags.c_contiguous
        assert np.array_equal(image.pixels, expected[index])
        assert image.geometry.patient is not None
        assert image.geometry.patient.position == (0.0, 0.0, index * SPACING[2])


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is mapped cannot be replaced there")
def test_a_file_that_became_another_is_mapped_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "v.npy", tmp_path / "w.npy"
    kept_map.keep()
    try:
        for value, shape in ((1, (3, 4, 9)), (2, (3, 4, 9)), (3, (5, 4, 9))):
            np.save(other, np.full(shape, value, np.int16))
            other.replace(path)
            for pages in (range(4), range(4, 9)):
                found = slices(path, pages, slice_axis=2)
                assert all(np.array_equal(image.pixels, np.full(shape[:2], value)) for image in found)
                assert len(found) == len(pages)
    finally:
        kept_map.let_go()


def test_a_volume_that_ends_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    np.save(path, np.zeros((9, 64, 64), np.int16))
    source = VolumeOptions(slice_axis=0, spacing=(1.0, 1.0, 1.0))
    taken = volume.load(path, source, Limits())
    next(taken)
    with path.open("r+b") as file:
        file.truncate(10_000)
    with pytest.raises(SourceError, match="ended before its last slice was read"):
        list(taken)


def test_a_header_that_claims_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path, claim = tmp_path / "a.npy", 2**31
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x02\x00" + claim.to_bytes(4, "little"))
        file.truncate(claim)
    with pytest.raises(SourceError, match=f"{claim} bytes, where 65536 are read at most"):
        array.probe(path, ArrayOptions(), Limits())
