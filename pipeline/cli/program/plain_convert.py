"""``dicombake convert FILE OUT`` where all is plain: read here, so that neither Typer nor Pydantic is loaded.

What is not known here, is no single file, is wrong or fails is left to the command itself, which says what is
to be said; it finds everything as it was.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ...printable import printable
from . import stopping
from .installed import unfit

if TYPE_CHECKING:
    from ...convert.options import Request

GEOMETRY = ("sid", "sad", "dpi", "pixel_spacing", "at", "center", "gantry", "collimator", "couch")
EXPORT = ("pixels", "transfer_syntax")
_OF_VALUES = {f"--{key.replace('_', '-')}": key for key in ("to", "source", "tag", *GEOMETRY, *EXPORT)}
_OVERWRITE = "--overwrite"


def convert(words: list[str]) -> bool:
    """Whether what stands behind ``convert`` was carried out, and told."""
    read = _read(words)
    if read is None or next(unfit(), None):
        return False
    request, overwrite = read
    from ...convert.plainly import converted

    gc.set_threshold(100_000)  # a file of thousands of frames leaves garbage; one of few has no time for it
    gc.enable()
    try:
        with stopping.stoppable():
            result = converted(request, overwrite=overwrite)
    except KeyboardInterrupt:
        stopping.end_at_once()
    if result is None:
        return False
    lines = [f"wrote {request.out.parent / file.path}" for file in result.written]
    if result.notes:
        from ...report.table import notes_of

        lines = [*notes_of(result), *lines]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))
    return True


def _read(words: list[str]) -> tuple[Request, bool] | None:
    """Return the request and whether files are replaced; None where an option is not one of those here."""
    said: dict[str, str] = {}
    tags: list[str] = []
    paths: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            paths.append(word)
        elif word != _OVERWRITE:
            name, equals, value = word.partition("=")
            value = value if equals else next(rest, "")
            if name not in _OF_VALUES or not value:
                return None
            said[_OF_VALUES[name]] = value
            tags += [value] if name == "--tag" else []
    if len(paths) != 2 or paths[1].endswith(("/", os.sep)) or Path(paths[1]).is_dir():
        return None
    from ...convert.options import Request

    file, out = paths
    request = Request(
        files=(Path(file),),
        out=Path(out),
        folder=False,
        to=said.get("to", ""),
        source=said.get("source", ""),
        tags=tuple(tags),
        geometry={key: said[key] for key in GEOMETRY if key in said},
        export={key: said[key] for key in EXPORT if key in said},
    )
    return request, _OVERWRITE in words
