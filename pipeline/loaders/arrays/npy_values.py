"""Read the values of a ``.npy``, or of a member of a ``.npz``, whose header was checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import SourceError
from ...imaging.image import Pixels
from ..files import opened, stat_of
from ..flat import plain_values
from ..kept_map import kept
from .npy import Member, archive_of


def read(member: Member) -> Pixels:
    """Return all values, in the shape of the header and the byte order of the machine.

    Raises: SourceError.
    """
    header = member.header
    if member.mappable:
        with opened(member.path) as file:
            file.seek(header.offset)
            data = file.read(header.size)
    else:
        with archive_of(member.path) as archive, archive.open(member.name) as stream:
            stream.read(header.offset)
            data = stream.read(header.size)
            # reading on to the end lets zipfile compare the checksum
            stream.read(1)
    if len(data) != header.size:
        raise SourceError(
            f"its header claims {header.size} bytes of values, only {len(data)} could be read",
            subject=str(member.path),
        )
    values = np.frombuffer(data, np.dtype(header.descr)).reshape(
        header.shape, order="F" if header.fortran else "C"
    )
    return plain_values(values, member.path)


def mapped(member: Member) -> np.ndarray[Any, np.dtype[Any]]:
    """Return the values of a ``.npy`` as a memory map: they are read from the file when they are used.

    Raises: SourceError.
    """
    try:
        return kept((member.path, stat_of(member.path)), lambda: _map(member))
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be mapped into memory: {error}", subject=str(member.path)) from error


def _map(member: Member) -> np.ndarray[Any, np.dtype[Any]]:
    header = member.header
    values = np.memmap(
        member.path,
        np.dtype(header.descr),
        mode="r",
        offset=header.offset,
        shape=header.shape,
        order="F" if header.fortran else "C",
    )
    return values.view(np.ndarray)
