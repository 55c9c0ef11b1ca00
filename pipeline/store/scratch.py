"""Arrays that wait in a file without a name for the output that holds them all."""

from __future__ import annotations

import errno
import mmap
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .refusals import store_error

if TYPE_CHECKING:
    import numpy as np

    from ..imaging.image import Pixels


class Scratch:
    """A temporary file in the output folder, which has to hold as much as an output; it goes with its arrays.

    Its pages are mapped, so that the system can take them back at any time. What a disk gave back otherwise
    would be in the output and in what the output is compared with: the file is read against its checksum.
    """

    def __init__(self, folder: Path) -> None:
        """Make the file in a folder, which is made if need be. Raises: StoreError."""
        self._folder = folder
        self._kinds: list[tuple[np.dtype, tuple[int, ...]]] = []
        self._checksum = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".", suffix=".part")  # noqa: SIM115
        except OSError as error:
            raise store_error(error, str(folder)) from error

    def add(self, array: Pixels) -> None:
        """Write an array behind the others. Raises: StoreError."""
        import numpy as np

        contiguous = np.ascontiguousarray(array)
        content = contiguous.reshape(-1).view(np.uint8).data
        self._checksum = zlib.crc32(content, self._checksum)
        try:
            self._file.write(content)
        except OSError as error:
            raise store_error(error, str(self._folder)) from error
        self._kinds.append((contiguous.dtype, contiguous.shape))

    def close(self) -> None:
        """Let the file go; what was mapped stays for as long as it is used."""
        with suppress(OSError):  # what a full disk did not take was told when it was written
            self._file.close()

    def arrays(self) -> list[Pixels]:
        """Return what was written, in order; read-only. Raises: StoreError."""
        import numpy as np

        mapped = self._mapped()
        found, place = [], 0
        for dtype, shape in self._kinds:
            found.append(np.ndarray(shape, dtype, mapped, place))
            place += found[-1].nbytes
        return found

    def together(self) -> Pixels:
        """Return what was written, all of one kind, as one array; read-only. Raises: StoreError."""
        import numpy as np

        ((dtype, shape),) = set(self._kinds)
        return np.ndarray((len(self._kinds), *shape), dtype, self._mapped())

    def _mapped(self) -> mmap.mmap:
        try:
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            if zlib.crc32(mapped) != self._checksum:
                raise OSError(errno.EIO, "what waited in it for the output reads back as other values")
            return mapped
        except OSError as error:
            raise store_error(error, str(self._folder)) from error
