"""npy: the array as numpy reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.errors import ExportError, VerificationError
from dicombake.pipeline.exporters.npy import export
from dicombake.pipeline.exporters.options import PlainOptions
from dicombake.pipeline.imaging.image import Image

from ..exporting import CONTEXT, DTYPES, image, pixels, written


def of(*images: Image):  # type: ignore[no-untyped-def]
    return export(images, PlainOptions(to="npy", path="{stem}.npy"), CONTEXT)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_every_type_comes_back(dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    values = pixels(dtype, shape)
    path = written(of(image(values, "RGB" if len(shape) == 3 else "MONOCHROME2")), tmp_path)
    found = np.load(path)
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()


def test_it_is_version_1_in_c_order_and_little_endian() -> None:
    values = np.asfortranarray(pixels("uint16", (3, 4)))
    data = b"".join(of(image(values)).chunks)
    assert data[:8] == b"\x93NUMPY\x01\x00"
    assert data[10:].startswith(b"{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4), }")
    assert data.endswith(values.astype("<u2").tobytes(order="C"))


def test_several_are_stacked(tmp_path: Path) -> None:
    images = [pixels("float32", (4, 5), seed) for seed in range(3)]
    found = np.load(written(of(*map(image, images)), tmp_path))
    np.testing.assert_array_equal(found, np.stack(images))


def test_a_stack_of_one_kind_only() -> None:
    with pytest.raises(ExportError) as caught:
        of(image(pixels("uint8", (4, 5))), image(pixels("uint8", (5, 4))))
    assert str(caught.value) == (
        "image 2 is uint8 (5, 4), the first one uint8 (4, 5); one array holds one kind; "
        "write a file per page, with {page} in its path"
    )


@pytest.mark.parametrize("found", [np.zeros((2, 2)), np.zeros((2, 3), np.float32), np.array([{}])])
def test_another_array_is_found(found: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "out.npy", found)
    with pytest.raises(VerificationError):
        of(image(np.zeros((2, 3)))).check(tmp_path / "out.npy")
