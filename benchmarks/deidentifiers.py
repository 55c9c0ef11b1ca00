"""Compare what tools that take identity out leave: ``python -m benchmarks.deidentifiers``.

Two studies are made. One has an object of each kind with marks in every attribute of the profile's table, in
a sequence and in private blocks, curves, overlays, preamble and behind the end: counted is what is left of
them. The other has CT, structure set, plan and dose that name each other: counted are references that lead
nowhere afterwards, files in which dciodvfy finds new errors, and the time of a processor for each file
without the start of programs.

The Python tools run in an environment of their own, which is made once, or is named by
DICOMBAKE_DEIDENTIFIERS_PYTHON. Programs that are not installed are left out, and said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dicombake.pipeline.deidentify.table import rows
from pydicom import DataElement, Dataset, dcmread
from pydicom.datadict import dictionary_has_tag

from tests.pipeline.deidentify.marked_study import MARK, elements, hard_study, linked_study

from .environments import python_of

RECIPE = """version: 1
conversions:
  share:
    inputs: '**/*.dcm'
    source: auto
    deidentify: {key: '{env.DEID_KEY}'}
    exports: {to: dicom, path: '{SOPInstanceUID}.dcm'}
"""
_API = """
import sys, pathlib, pydicom
from dicomanonymizer.simpledicomanonymizer import anonymize_dataset, initialize_actions
source, out = map(pathlib.Path, sys.argv[1:])
for path in source.rglob("*.dcm"):
    dataset = pydicom.dcmread(path, force=True)
    anonymize_dataset(dataset, base_rules_gen=lambda: initialize_actions("dicomfields_2026c"))
    dataset.save_as(out / path.name)
"""
_DEID = """
import sys, pathlib, warnings
from deid.config import DeidRecipe
from deid.dicom import get_identifiers, replace_identifiers
source, out = sys.argv[1:]
files = [str(path) for path in pathlib.Path(source).rglob("*.dcm")]
replace_identifiers(files, deid=DeidRecipe(), save=True, output_folder=out, ids=get_identifiers(files),
                    remove_private=True, force=True)
"""
_DICOGNITO = """
import sys, pathlib, pydicom
from dicognito.anonymizer import Anonymizer
source, out = map(pathlib.Path, sys.argv[1:])
anonymizer = Anonymizer()
for path in source.rglob("*.dcm"):
    dataset = pydicom.dcmread(path, force=True)
    anonymizer.anonymize(dataset)
    dataset.save_as(out / path.name)
"""
Run = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Tool:
    """A tool, and how a folder goes through it into another one."""

    name: str
    run: Run


def tools(python: str, folder: Path) -> Iterator[Tool]:
    """Yield each tool that is here; `folder`: for its settings."""
    yield Tool("copying", _copy)
    yield Tool("dicombake", lambda source, out: _ours(source, out, folder))
    yield Tool("dicom-anonymizer 2.1, its API with table 2026c", _script(python, _API))
    command = str(Path(python).with_name("dicom-anonymizer"))
    yield Tool("dicom-anonymizer 2.1, its command", lambda source, out: _call(command, source, out))
    yield Tool("deid 0.4, its default recipe", _script(python, _DEID))
    yield Tool("dicognito 0.19", _script(python, _DICOGNITO))
    if shutil.which("gdcmanon") and shutil.which("openssl"):
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        _call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key,
              "-out", certificate)  # fmt: skip
        yield Tool("gdcmanon 3.0 (encrypting)", lambda source, out: _gdcm(source, out, certificate))


def _copy(source: Path, out: Path) -> None:
    for path in source.rglob("*.dcm"):
        shutil.copyfile(path, out / path.name)


def _ours(source: Path, out: Path, folder: Path) -> None:
    (folder / "share.yaml").write_text(RECIPE, encoding="utf-8")
    _call(sys.executable, "-m", "dicombake.pipeline.cli", "run", folder / "share.yaml", "--force", "--quiet",
          "--data", source, "--out", out, "--jobs", "1")  # fmt: skip


def _script(python: str, text: str) -> Run:
    return lambda source, out: _call(python, "-W", "ignore", "-c", text, source, out)


def _gdcm(source: Path, out: Path, certificate: Path) -> None:
    for path in source.rglob("*.dcm"):
        _call("gdcmanon", "-e", "-c", certificate, "-i", path, "-o", out / path.name)


def _call(*command: object) -> None:
    subprocess.run(
        [str(each) for each in command],
        check=False,
        capture_output=True,
        env=os.environ | {"DEID_KEY": "a key for measuring"},
    )


_MARKS = (MARK.encode(), b"19781203", b"4711")


def left(folder: Path) -> tuple[int, int]:
    """Count files, and elements, headers and ends in which a mark is."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = 0
    for path in files:
        content = path.read_bytes()
        dataset = dcmread(path, force=True)
        found += sum(any(mark in _bytes_of(each) for mark in _MARKS) for _, each in elements(dataset))
        found += sum(any(mark in str(each.value).encode() for mark in _MARKS) for each in dataset.file_meta)
        found += MARK.encode() in content[:128]
        found += MARK.encode() in content[-20:]
    return len(files), found


def broken(folder: Path) -> int:
    """Count references to instances and frames of reference of the study that lead nowhere."""
    datasets = [dcmread(path, force=True) for path in folder.rglob("*") if path.is_file()]
    instances = {str(each.get("SOPInstanceUID")) for each in datasets}
    frames = {str(each.FrameOfReferenceUID) for each in datasets if "FrameOfReferenceUID" in each}
    return sum(
        value not in (frames if kind == "frame" else instances)
        for dataset in datasets
        for kind, value in _references(dataset)
    ) + (4 - len(datasets))


def _bytes_of(element: DataElement) -> bytes:
    value = element.value
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def _references(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for path, element in elements(dataset):
        if element.keyword == "ReferencedSOPInstanceUID":
            yield "instance", str(element.value)
        elif "[" in path and element.keyword == "FrameOfReferenceUID":
            yield "frame", str(element.value)


def errors(path: Path) -> set[str]:
    """Return what dciodvfy finds wrong, without values."""
    told = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    lines = told.stdout.splitlines() + told.stderr.splitlines()
    return {line.partition("<")[0] for line in lines if line.startswith("Error")}


def refused(source: Path, folder: Path) -> int:
    """Count files with errors that no file of the study had before; a lost file is one."""
    before = set().union(*(errors(path) for path in source.rglob("*.dcm")))
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sum(bool(errors(path) - before) for path in files) + (4 - len(files))


def table(folder: Path) -> str:
    """Return the comparison as a table of Markdown."""
    python = python_of("deidentifiers", folder)
    marked, linked = folder / "marked", folder / "linked"
    hard_study(marked, [tag for tag in sorted(rows()) if dictionary_has_tag(tag)])
    linked_study(linked)
    lines = [
        "| tool | marks left | files of 11 | references broken | refused of 4 | processor ms for a file |",
        "|---|---|---|---|---|---|",
    ]
    for number, tool in enumerate(tools(python, folder)):
        outs = [folder / f"{kind}-{number}" for kind in ("marked", "linked", "timed")]
        for out in outs:
            out.mkdir()
        tool.run(marked, outs[0])
        many = _many(linked, folder)
        start = _processor_time()
        tool.run(linked, outs[1])
        few = _processor_time() - start
        start = _processor_time()
        tool.run(many, outs[2])
        each = (_processor_time() - start - few) / (len(list(many.iterdir())) - 4) * 1000
        files, marks = left(outs[0])
        checked = refused(linked, outs[1]) if shutil.which("dciodvfy") else "-"
        lines.append(f"| {tool.name} | {marks} | {files} | {broken(outs[1])} | {checked} | {each:.1f} |")
    return "\n".join(lines)


def _processor_time() -> float:
    """Return the seconds of a processor that this process and those that it ended have had."""
    return sum(os.times()[:4])


def _many(linked: Path, folder: Path, copies: int = 25) -> Path:
    """Return the four files many times, each with a UID of its own, for the time that one file costs."""
    many = folder / "many"
    if not many.exists():
        many.mkdir()
        for number in range(copies):
            for path in linked.rglob("*.dcm"):
                dataset = dcmread(path, force=True)
                dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}.{number}"
                if dataset.file_meta:
                    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
                dataset.save_as(many / f"{path.stem}-{number}.dcm")
    return many


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(f"{table(Path(folder))}\n")


if __name__ == "__main__":
    main()
