"""The fields of a NIfTI header.

The header of nearly every file, NIfTI-1 and little endian, is read here, since to import nibabel takes longer
than to convert a volume; any other one by nibabel.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from ...errors import SourceError
from ...extras import require

Order = Literal["<", ">"]
ORDERS: tuple[Order, ...] = ("<", ">")
Rows = Sequence[Sequence[float]]
"""Three rows of four: voxel (i, j, k, 1) to x, y, z."""

_PLAIN = struct.Struct("<40x8h14xhh2x8f3f3xB24x80s24shh3f3f12f16s4x")
"""nifti1.h; the fields that count here."""
_UNDER_ONE = -1e-6
"""1 - b^2 - c^2 - d^2 of a quaternion in float32 may be this little below 0."""


class Fields(Struct, frozen=True):
    """What a header says; lengths in its own unit, axes RAS."""

    header_bytes: int
    order: Order
    dim: tuple[int, ...]
    datatype: int
    pixdim: tuple[float, ...]
    offset: float
    slope: float
    intercept: float
    units: int
    """xyzt_units."""
    descrip: bytes
    aux_file: bytes
    qform_code: int
    sform_code: int
    quaternion: tuple[float, float, float]
    qoffset: tuple[float, float, float]
    sform: Rows
    intent_name: bytes

    def qform(self) -> Rows:
        """Return the affine that the quaternion, the spacings and the offset say (nifti1.h, method 2).

        Raises: ValueError, for a quaternion that is none, or spacings that are not above 0.
        """
        b, c, d = self.quaternion
        rest = 1.0 - (b * b + c * c + d * d)
        if not rest >= _UNDER_ONE:
            raise ValueError("its quaternion is longer than 1")
        a = math.sqrt(max(rest, 0.0))
        lengths = self.pixdim[1:4]
        if not min(lengths) > 0:
            raise ValueError("its spacings are not above 0")
        hand = -1.0 if self.pixdim[0] < 0 else 1.0
        turn = (
            (a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c),
            (2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b),
            (2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b),
        )
        return [
            (row[0] * lengths[0], row[1] * lengths[1], row[2] * lengths[2] * hand, start)
            for row, start in zip(turn, self.qoffset, strict=True)
        ]

    def properties(self) -> dict[str, Any]:
        """Return the names and values that templates may ask for."""
        texts = {"descrip": self.descrip, "intent_name": self.intent_name, "aux_file": self.aux_file}
        shown = {name: text.rstrip(b"\0").decode("utf-8", "replace") for name, text in texts.items()}
        numbers = {
            "sform_code": self.sform_code,
            "qform_code": self.qform_code,
            "xyzt_units": self.units,
        }
        return {name: text for name, text in shown.items() if text} | numbers


def fields_of(head: bytes, order: Order, path: Path) -> Fields:
    """Return the fields of a header, 348 or 540 bytes in a byte order.

    Raises: SourceError for a damaged header; UsageError where nibabel is needed and not there.
    """
    if len(head) != _PLAIN.size or order != "<":
        return _by_nibabel(head, order, path)
    found = _PLAIN.unpack(head)
    return Fields(
        header_bytes=len(head),
        order=order,
        dim=found[:8],
        datatype=found[8],
        pixdim=found[10:18],
        offset=found[18],
        slope=found[19],
        intercept=found[20],
        units=found[21],
        descrip=found[22],
        aux_file=found[23],
        qform_code=found[24],
        sform_code=found[25],
        quaternion=found[26:29],
        qoffset=found[29:32],
        sform=[found[at : at + 4] for at in (32, 36, 40)],
        intent_name=found[44],
    )


def _by_nibabel(head: bytes, order: Order, path: Path) -> Fields:
    require("volumes", str(path))
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header
    from nibabel.spatialimages import HeaderDataError

    kind: Any = Nifti1Header if len(head) == _PLAIN.size else Nifti2Header
    try:
        header = kind(head, order, check=False)
    except (HeaderDataError, ValueError, TypeError, KeyError) as error:
        raise SourceError(f"has a damaged NIfTI header: {error}", subject=str(path)) from None

    def numbers(*names: str) -> Any:
        values = [header[name].tolist() for name in names]
        return tuple(values) if len(values) > 1 else tuple(values[0])

    def number(name: str) -> Any:
        return header[name].tolist()

    return Fields(
        len(head), order, numbers("dim"), number("datatype"), numbers("pixdim"),
        float(number("vox_offset")), number("scl_slope"), number("scl_inter"), number("xyzt_units"),
        number("descrip"), number("aux_file"), number("qform_code"), number("sform_code"),
        numbers("quatern_b", "quatern_c", "quatern_d"), numbers("qoffset_x", "qoffset_y", "qoffset_z"),
        [numbers(name) for name in ("srow_x", "srow_y", "srow_z")], number("intent_name"),
    )  # fmt: skip
