"""Check one file against the standard's tables, without any other program or network."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct
from pydicom import Dataset, dcmread
from pydicom.uid import UID

from ...errors import SourceError, VerificationError
from ...loaders.dicom.dataset import HEAD, PREFIX, check_deflated, guarded
from ...loaders.files import opened
from ...loaders.options import Limits
from ...loaders.signatures import other_than_dicom
from .findings import Finding
from .meta import head
from .pixels import pixels
from .presence import presence
from .supply import supplied_by
from .tables import kind_of, title
from .values import values


class Report(Struct, frozen=True):
    """The findings of one file."""

    path: Path
    kind: str
    """The kind as people call it: RT Image; for a kind without a table, what is known of it."""
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")


def check_file(path: Path) -> Report:
    """Check a file. Raises: SourceError for one that cannot be read as DICOM at all."""
    with opened(path) as file, guarded(path):
        head = file.read(HEAD)
        preamble = head[128:132] == PREFIX
        if not preamble and (other := other_than_dicom(head)):
            raise SourceError(f"is {other}, no DICOM file", subject=str(path))
        check_deflated(path, head, Limits())
        file.seek(0)
        dataset = dcmread(file, force=True)
        if not dataset:
            raise SourceError("is no DICOM file", subject=str(path))
        meta = dataset.file_meta if preamble else Dataset()
        return Report(path, _kind_name(dataset), tuple(_findings(dataset, meta, preamble)))


def check_written(path: Path) -> None:
    """Check an output as `check_file` does. Raises: VerificationError with the first errors."""
    try:
        errors = check_file(path).errors
    except SourceError as error:
        raise VerificationError(f"what was written {error.what}") from error
    if errors:
        more = f"; and {len(errors) - 1} more" if len(errors) > 1 else ""
        raise VerificationError(
            f"is not as the standard says: {errors[0]}{more}",
            hint="'dicombake check-dicom' tells all of them; 'verify: values' writes it all the same",
        )


def findings_of(dataset: Dataset) -> tuple[Finding, ...]:
    """Return what is wrong with a dataset in memory; its file meta is checked if it has one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta = getattr(dataset, "file_meta", None)
        found = head(dataset, meta, preamble=True) if meta else iter(())
        return (*found, *_body(dataset, meta))


def _findings(dataset: Dataset, meta: Dataset, preamble: bool) -> Iterator[Finding]:
    yield from head(dataset, meta, preamble=preamble)
    yield from _body(dataset, meta)


def _body(dataset: Dataset, meta: Dataset | None) -> Iterator[Finding]:
    sop_class = str(dataset.get("SOPClassUID") or "")
    kind = kind_of(sop_class)
    if not sop_class:
        yield Finding("SOPClassUID", "missing or empty", "SOP Common", "1", supplied_by("SOPClassUID"))
    elif kind is None:
        what = f"{UID(sop_class).name} has no table here, so that only its values and pixels are checked"
        yield Finding("SOPClassUID", what, severity="warning")
    if kind is not None:
        yield from presence(dataset, kind)
    yield from values(dataset, kind)
    syntax = str(meta.get("TransferSyntaxUID") or "") if meta is not None else ""
    yield from pixels(dataset, UID(syntax) if syntax else None)


def _kind_name(dataset: Dataset) -> str:
    sop_class = str(dataset.get("SOPClassUID") or "")
    kind = kind_of(sop_class)
    if kind is not None:
        return title(kind)
    return UID(sop_class).name if sop_class else "DICOM without a SOP class"
