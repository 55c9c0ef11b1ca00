"""Arrays that wait in a file without a name for the output that holds them all."""

from __future__ import annotations

import mmap
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .refusals import store_error

if TYPE_CHECKING:
    import numpy as np

    from ..imaging.image import Pixels


class Scratch:
    """A temporary file in the output folder, which has to hold as much as an output; it goes with its arrays.

    Its pages are mapped, so that the system can take them back at any time.
    """

    def __init__(self, folder: Path) -> None:
        """Make the file in a folder, which is made if need be. Raises: StoreError."""
        self._folder = folder
        self._kinds: list[tuple[np.dtype, tuple[int, ...]]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".", suffix=".part")  # noqa: SIM115
        except OSError as error:
            raise store_error(error, str(folder)) from error

    def add(self, array: Pixels) -> None:
        """Write an array behind the others. Raises: StoreError."""
        import numpy as np

        contiguous = np.ascontiguousarray(array)
        try:
            self._file.write(contiguous.reshape(-1).view(np.uint8).data)
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

        dtype, shape = self._kinds[0]
        return np.ndarray((len(self._kinds), *shape), dtype, self._mapped())

    def _mapped(self) -> mmap.mmap:
        try:
            self._file.flush()
            return mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise store_error(error, str(self._folder)) from error
