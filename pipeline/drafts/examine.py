"""Find out what a file is, and which conversion of a draft it belongs to."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from msgspec import Struct
from msgspec.structs import replace

from ...schemas.language.words import FILL_IN
from ..errors import SourceError
from ..exporters.registry import default_target
from ..imaging.angles import Axis
from ..imaging.probe import Probe
from ..loaders.auto import recognise
from ..loaders.base import Drafted, Unsaid
from ..loaders.files import head_of
from ..loaders.flat import file_dtype, size_of, usual_shapes
from ..loaders.options import Limits, defaults_of
from ..loaders.registry import FORMATS, loader
from ..places.names import nfc
from .asked import AskedSource

_RAW_SUFFIXES = frozenset({".raw", ".bin", ".dat", ".img"})
_RAW_DTYPES = ("uint8", "uint16", "uint32", "float32")
_SHAPES_EACH = 2


class Kind(Struct, frozen=True):
    """The properties that separate one conversion from another."""

    folder: str
    """In NFC, in which globs compare names."""
    suffix: str
    """In lower case; empty where what follows the last dot is a number, as in names made of a UID."""
    format: str
    target: str
    source: str
    """The YAML of `source`."""
    unsaid: tuple[Unsaid, ...] = ()
    """Values that the recipe must have and only the user knows."""
    fits: tuple[str, ...] = ()
    """For a raw file: the sources that its size allows, as YAML."""
    series: str = ""
    """For slices that make a volume: their SeriesInstanceUID."""
    angles: tuple[Axis, ...] = ()
    """The angles that its names give and the files do not have, in the order of the names."""


class Found(Struct, frozen=True):
    """A file, what it is, and what its headers say."""

    name: PurePosixPath
    path: Path
    kind: Kind
    probe: Probe | None


def examine(path: Path, name: PurePosixPath, asked: AskedSource | None = None) -> Found:
    """Return what a file is, by its content or as the user says. Raises: SourceError with the reason."""
    drafted, fits = _drafted(path, asked)
    suffix = name.suffix.lower()
    if asked is not None and drafted.format == asked.options.format:
        drafted, source = replace(drafted, unsaid=()), asked.text
    else:
        source = FILL_IN if fits else _source(drafted)
    kind = Kind(
        folder=nfc(str(name.parent)),
        suffix="" if suffix[1:].isdigit() else suffix,
        format=drafted.format,
        target=_target(drafted),
        source=source,
        unsaid=drafted.unsaid,
        fits=fits,
    )
    return Found(name, path, kind, drafted.probe)


def _drafted(path: Path, asked: AskedSource | None) -> tuple[Drafted, tuple[str, ...]]:
    """Return what a draft says of the file; of a raw one that nobody names, what its size allows."""
    limits = Limits()
    try:
        format_ = recognise(path)
    except SourceError as error:
        if asked is not None and FORMATS[asked.options.format].raw:
            probe = loader(asked.options.format).probe(path, asked.options, limits)
            return Drafted(asked.options.format, probe), ()
        return _raw(path, limits, error)
    own = loader(format_)
    drafted = own.drafted(path, limits) if own.drafted else None
    drafted = drafted or Drafted(format_, own.probe(path, own.defaults, limits))
    if asked is not None and asked.options.format == drafted.format and not FORMATS[drafted.format].series:
        probe = loader(drafted.format).probe(path, asked.options, limits)
        drafted = replace(drafted, probe=probe)
    return drafted, ()


def _raw(path: Path, limits: Limits, error: SourceError) -> tuple[Drafted, tuple[str, ...]]:
    """Return a raw file that its own header shows, or one whose size alone is known. Raises: SourceError."""
    for name in (name for name, row in FORMATS.items() if row.raw):
        by_header = loader(name).drafted
        drafted = by_header(path, limits) if by_header else None
        if drafted is not None:
            return drafted, ()
    fits = _fitting(path, limits) if path.suffix.lower() in _RAW_SUFFIXES else ()
    if not fits:
        raise error
    question = f"nothing says what these raw files are; the size fits {fits[0]}"
    return Drafted("raw", None, (Unsaid("", FILL_IN, question),)), fits


def _fitting(path: Path, limits: Limits) -> tuple[str, ...]:
    """Return the sources, as YAML, whose size is the file's; none for text. Raises: SourceError."""
    if b"\0" not in head_of(path) and head_of(path).isascii():
        return ()
    named = [name for name, row in FORMATS.items() if row.raw and _fits(path, name, limits)]
    size, plain = size_of(path), []
    for dtype in _RAW_DTYPES:
        width = file_dtype(dtype, "little").itemsize
        shapes = list(usual_shapes(size // width))[:_SHAPES_EACH] if size % width == 0 else []
        plain += [f"{{format: raw, dtype: {dtype}, shape: [{shape[0]}, {shape[1]}]}}" for shape in shapes]
    return (*named, *plain)


def _fits(path: Path, name: str, limits: Limits) -> bool:
    """Tell whether a format that needs no options can read a file of this size."""
    options = defaults_of(FORMATS[name].options)
    if options is None:
        return False
    try:
        loader(name).probe(path, options, limits)
    except SourceError:
        return False
    return True


def _source(drafted: Drafted) -> str:
    if not drafted.unsaid:
        return drafted.format
    options = "".join(f", {item.option}: {item.value}" for item in drafted.unsaid)
    return f"{{format: {drafted.format}{options}}}"


def _target(drafted: Drafted) -> str:
    """Return the kind of DICOM that such files become.

    Colour whose channel is yet to be chosen will be grey.
    """
    row = FORMATS[drafted.format]
    if row.dicom == "always":
        return default_target("dicom")
    if row.holds == "slices":
        return default_target("slices")
    colour = drafted.probe is not None and len(drafted.probe.shape) == 3 and not drafted.unsaid
    return default_target("colour" if colour else "image")
