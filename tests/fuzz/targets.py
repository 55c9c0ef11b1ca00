"""What is fuzzed: each target takes bytes and may raise nothing but what it says of bad input."""

from __future__ import annotations

import contextlib
import importlib.util
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dicombake.pipeline.dicom.standard.check import check_file
from dicombake.pipeline.errors import DicombakeError
from dicombake.pipeline.inputs.check_xml import read_check
from dicombake.pipeline.inputs.globs import Globs
from dicombake.pipeline.inputs.tables import read_table
from dicombake.pipeline.loaders.codecs.jpeg import CodestreamError, read_jpeg
from dicombake.pipeline.loaders.codecs.jpeg2000 import read_jpeg2000
from dicombake.pipeline.loaders.codecs.jpeg_pixels import decode_jpeg
from dicombake.pipeline.loaders.options import (
    ArrayOptions,
    AutoOptions,
    CyberKnifeRawOptions,
    DicomObjectOptions,
    DicomOptions,
    DicomSeriesOptions,
    ImageOptions,
    Limits,
    RawOptions,
    RtDoseOptions,
    VisionRtRawOptions,
    VolumeFileOptions,
    VolumeOptions,
    XimOptions,
)
from dicombake.pipeline.loaders.registry import load, load_each, probe
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.store.database import Database, remembered
from dicombake.pipeline.store.lock import parse_lock
from dicombake.schemas.companions import Metadata
from dicombake.schemas.language.patterns import PatternError
from dicombake.schemas.language.tags import parse_tag
from dicombake.schemas.language.template import TemplateError, parse

from . import corpus, whole

SMALL = Limits(image_pixels=2**20, frames=50, header_bytes=2**20)
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz"))


@dataclass(frozen=True)
class Target:
    """Something that reads bytes, and what to start from."""

    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    words: str = ""
    """What a language is made of, between ``;`` and line ends: put in as a whole (libFuzzer's ``-dict``)."""


def _file(data: bytes, name: str = "input") -> Path:
    path = _FOLDER / name
    path.write_bytes(data)
    return path


def _loads(source: Any) -> Callable[[bytes], object]:
    def run(data: bytes) -> None:
        path = _file(data)
        with contextlib.suppress(DicombakeError):
            for image in load(path, source, SMALL):
                assert image.pixels.size <= SMALL.image_pixels
                list(image.source.properties.items())

    return run


def _probes(data: bytes) -> None:
    path = _file(data)
    volumes = (VolumeFileOptions(name) for name in ("nifti", "nrrd", "metaimage"))
    for source in (DicomOptions(), ImageOptions(), XimOptions(), ArrayOptions(), AutoOptions(), *volumes):
        with contextlib.suppress(DicombakeError):
            probe(path, source, SMALL)


def _jpeg(data: bytes) -> None:
    with contextlib.suppress(CodestreamError):
        stream = read_jpeg(data)
        if 0 < stream.header.rows * stream.header.columns * stream.header.components <= SMALL.image_pixels:
            decode_jpeg(data, stream)


def _jpeg2000(data: bytes) -> None:
    with contextlib.suppress(CodestreamError):
        read_jpeg2000(data)


def _recipe(data: bytes) -> None:
    with contextlib.suppress(DicombakeError):
        load_recipe(_file(data, "recipe.yaml"))


def _template(data: bytes) -> None:
    with contextlib.suppress(TemplateError):
        parse(data.decode("utf-8", "replace"))


def _glob(data: bytes) -> None:
    glob, _, name = data.decode("utf-8", "replace").partition("\n")
    with contextlib.suppress(PatternError):
        Globs([glob[:200]]).match(name[:250] or "a")


def _tag(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_tag(data.decode("utf-8", "replace"))


def _csv(data: bytes) -> None:
    options = Metadata.model_validate({"csv": "t.csv"})
    with contextlib.suppress(DicombakeError):
        read_table(_file(data, "t.csv"), options, ("gantry",), 2**20)


def _check_xml(data: bytes) -> None:
    with contextlib.suppress(DicombakeError):
        read_check(_file(data, "Check.xml"))


def _lock(data: bytes) -> None:
    with contextlib.suppress(DicombakeError):
        parse_lock(data.decode("utf-8", "replace"))


def _series(data: bytes) -> None:
    paths = [_file(each, f"slice{at}") for at, each in enumerate(data.split(corpus.BETWEEN)[:6])]
    with contextlib.suppress(DicombakeError):
        for path, image in load_each(paths, DicomSeriesOptions(), SMALL):
            assert path in paths
            assert image.pixels.size <= SMALL.image_pixels


def _state(data: bytes) -> None:
    """A database, or the statements that make one (flipped bytes of one seldom get behind its header)."""
    if data.startswith(b"SQLite format"):
        path = _file(data, "state.sqlite")
    else:
        path = _FOLDER / "state.sqlite"
        _made_by(path, data.decode("utf-8", "replace"))
    remembered(path)
    with contextlib.suppress(DicombakeError), contextlib.closing(Database(path)):
        pass
    for left in _FOLDER.glob("state.sqlite*"):
        left.unlink()


def _made_by(path: Path, script: str) -> None:
    """Each statement that works, within limits; none reaches another file."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        database.execute("PRAGMA max_page_count = 500")
        database.execute("PRAGMA synchronous = OFF")
        steps = iter(range(50))
        database.set_progress_handler(lambda: next(steps, None) is None, 1000)
        for statement in script.splitlines():
            with contextlib.suppress(sqlite3.Error, sqlite3.Warning, ValueError):
                database.execute(statement)


def _check_dicom(data: bytes) -> None:
    with contextlib.suppress(DicombakeError):
        check_file(_file(data))


TARGETS: dict[str, Target] = {
    "dicom": Target(_loads(DicomOptions()), corpus.dicoms),
    "dicom-series": Target(_series, corpus.series),
    "image": Target(_loads(ImageOptions()), corpus.pictures),
    "xim": Target(_loads(XimOptions()), corpus.xims),
    "array": Target(_loads(ArrayOptions()), corpus.arrays),
    "volume": Target(_loads(VolumeOptions(slice_axis=0, spacing=(1.0, 1.0, 1.0))), corpus.arrays),
    "nifti": Target(_loads(VolumeFileOptions("nifti")), corpus.niftis),
    "nrrd": Target(_loads(VolumeFileOptions("nrrd")), corpus.nrrds, corpus.NRRD_WORDS),
    "metaimage": Target(_loads(VolumeFileOptions("metaimage")), corpus.metaimages, corpus.META_WORDS),
    "rt-dose": Target(_loads(RtDoseOptions()), corpus.doses),
    "dicom-object": Target(_loads(DicomObjectOptions()), corpus.objects),
    "cyberknife-raw": Target(_loads(CyberKnifeRawOptions()), corpus.raws),
    "visionrt-raw": Target(_loads(VisionRtRawOptions(shape=(24, 20))), corpus.raws),
    "raw": Target(_loads(RawOptions(shape=(24, 20), dtype="uint16")), corpus.raws),
    "auto": Target(_loads(AutoOptions()), lambda: corpus.pictures() + corpus.dicoms() + corpus.xims()),
    "headers": Target(_probes, lambda: corpus.pictures() + corpus.dicoms() + corpus.arrays()),
    "jpeg": Target(_jpeg, corpus.jpegs),
    "jpeg-2000": Target(_jpeg2000, corpus.jpeg2000s),
    "yaml": Target(_recipe, corpus.texts(corpus.RECIPE), corpus.RECIPE_WORDS),
    "template": Target(_template, corpus.texts("{stem}_{index:04d}{vars.x}{{", "{source.PatientName}")),
    "glob": Target(
        _glob, corpus.texts("film/g{gantry:d}_*.tif\nfilm/g10_a.tif", "**/[a-c]?*{x:f}*\na/b1.5c")
    ),
    "tag": Target(_tag, corpus.texts("(0009,ACME 1.0,10)", "ExposureSequence[0].ExposureTime", "00100020")),
    "csv": Target(_csv, corpus.texts("stem,gantry\na,10\nb,20\n", "stem;gantry\n'a';1,5\n")),
    "check-xml": Target(
        _check_xml,
        corpus.texts(
            '<?xml version="1.0" encoding="utf-8"?><Check xmlns="http://www.varian.com/MPC">'
            "<MachineSerialNumber>H1</MachineSerialNumber><Date>2025-09-19T07:41:49-05:00</Date></Check>"
        ),
    ),
    "lock": Target(_lock, corpus.texts(corpus.LOCK, corpus.CONFLICT), corpus.LOCK_WORDS),
    "state": Target(_state, corpus.states, corpus.SQL_WORDS),
    "check-dicom": Target(_check_dicom, corpus.dicoms),
    "convert-dicom": Target(
        partial(whole.convert, whole.CONVERTED), lambda: corpus.dicoms() + corpus.objects()
    ),
    "convert-other": Target(
        partial(whole.convert, whole.CONVERTED),
        lambda: [*corpus.pictures(), *corpus.xims(), *corpus.arrays(), *corpus.niftis()],
    ),
    "deidentify": Target(
        partial(whole.convert, whole.DEIDENTIFIED),
        lambda: [*corpus.dicoms(), *corpus.objects(), *corpus.doses()],
    ),
    "plan": Target(whole.planned, corpus.texts(corpus.RECIPE), corpus.RECIPE_WORDS),
}
if importlib.util.find_spec("pynetdicom"):
    from .network import calls, received

    TARGETS["received"] = Target(received, calls)
