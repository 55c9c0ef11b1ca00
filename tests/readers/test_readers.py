"""What other programs read from our files, as docs/readers.md tells it: every cell by really reading."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .cases import Case, Written, cases, write
from .programs import (
    Reading,
    verdict,
    with_dcmdump,
    with_dcmj2pnm,
    with_gdcm,
    with_orthanc,
    with_pydicom,
    with_pylinac,
    with_simpleitk,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "readers.md"
PROGRAMS = ("pydicom 3", "pylinac", "SimpleITK", "GDCM", "dcmdump", "dcmj2pnm", "Orthanc")
REASONS = {
    ("pylinac", "no pixels"): "pylinac does not open the file.",
    ("pylinac", "rounded"): (
        "pylinac computes the rescale of 1 and 0, which this kind must have, in float64: integers beyond "
        "2^53 are rounded."
    ),
    ("SimpleITK", "no pixels"): "ITK finds no pixels: it knows integers of up to 32 bits, in Pixel Data.",
    ("GDCM", "no pixels"): "GDCM finds no pixels: it knows integers of up to 32 bits, in Pixel Data.",
    ("SimpleITK", "kind"): "ITK does not read Parametric Maps.",
    ("GDCM", "kind"): "GDCM does not read Parametric Maps.",
    ("dcmdump", "no PixelData"): "dcmdump writes out the bytes of Pixel Data, of nothing else.",
    ("dcmj2pnm", "no picture"): "dcmtk draws integers of up to 32 bits, in Pixel Data.",
    ("dcmj2pnm", "16 bits"): "dcmtk draws it, in 16 bits of grey: 32-bit values cannot be told from it.",
    ("Orthanc", "no picture"): (
        "Orthanc stores, serves and sends the file, and draws none of it: it draws grey values of unsigned 8 "
        "and of 16 bits, and colour of 8 bits."
    ),
}
Verdicts = Mapping[Case, tuple[str, ...]]


@pytest.mark.checker
def test_the_table_of_readers_is_what_they_read(
    tmp_path: Path,
    checker: Callable[[str], str],
    pylinac: str,
    orthanc: list[str],
    generated: Callable[[Path, str, str], None],
) -> None:
    folder, work = tmp_path / "files", tmp_path / "work"
    folder.mkdir()
    work.mkdir()
    files = {case: write(case, folder) for case in cases()}
    written = [file for file in files.values() if isinstance(file, Written)]
    refused = {case: reason for case, reason in files.items() if isinstance(reason, str)}

    programs = {name: checker(name) for name in ("dcmdump", "dcmj2pnm", "storescu")}
    with ThreadPoolExecutor() as pool:
        linac = pool.submit(with_pylinac, pylinac, folder, work / "pylinac.npz")
        pacs = pool.submit(with_orthanc, orthanc, programs["storescu"], folder, work)
        here = {file.case: tuple(_readings(file, programs, work)) for file in written}
        by_pylinac = linac.result()
        by_orthanc, served = pacs.result()

    # whatever is in it, an archive takes it by C-STORE and by REST, and gives it back
    assert {(facts["c-store"], facts["rest"]) for facts in served.values()} == {(True, True)}
    verdicts: dict[Case, tuple[str, ...]] = {}
    for file in written:
        pydicom, *others = here[file.case]
        readings = (pydicom, by_pylinac[file.path.stem], *others, by_orthanc[file.path.stem])
        verdicts[file.case] = tuple(verdict(file, reading) for reading in readings)
    promised(verdicts, {file.case: file for file in written})
    generated(PAGE, "readers", table(verdicts) + not_written(refused))


def _readings(file: Written, programs: Mapping[str, str], work: Path) -> Iterator[Reading]:
    """Of every program that runs here, in the order of the table."""
    yield with_pydicom(file.path)
    yield with_simpleitk(file)
    yield with_gdcm(file)
    yield with_dcmdump(programs["dcmdump"], file, work)
    yield with_dcmj2pnm(programs["dcmj2pnm"], file)


def cannot_draw(file: Written, program: str) -> bool:
    """Whether a program has no way to draw such values, however they are stored."""
    if program == "Orthanc" and file.case.dtype == "RGB16":
        return True
    if file.case.kind == "parametric-map":
        return program in ("SimpleITK", "GDCM") or not (file.integers or program in ("pydicom 3", "pylinac"))
    return False


def promised(verdicts: Verdicts, files: Mapping[Case, Written]) -> None:
    """Nobody reads other values than ours; `portable` and `quantize` are read by all that can draw such."""
    for case, cells in verdicts.items():
        for program, cell in zip(PROGRAMS, cells, strict=True):
            assert cell != "WRONG", f"{program} reads other values from {case}"
            if program == "pydicom 3":
                assert cell == ("exact" if case.how == "retain" else cell), f"pydicom does not retain {case}"
            if case.how == "retain" or cannot_draw(files[case], program):
                continue
            assert cell in ("exact", "after rescale"), f"{program} cannot read {case}: {cell}"


def table(verdicts: Verdicts) -> str:
    """Rows of a kind and a way of storing that read alike are one row."""
    notes: list[tuple[str, str]] = []
    lines = [
        "| kind | `pixels` | type | " + " | ".join(PROGRAMS) + " |",
        "|---|---|---|" + "---|" * len(PROGRAMS),
    ]
    grouped = itertools.groupby(verdicts, key=lambda case: case.kind)
    for kind, members in grouped:
        cases_of_kind = list(members)
        for how in ("retain", "portable", "quantize"):
            alike: dict[tuple[str, ...], list[str]] = {}
            for case in cases_of_kind:
                if case.how == how:
                    alike.setdefault(verdicts[case], []).append(case.dtype)
            for cells, dtypes in alike.items():
                shown = [_cell(program, cell, notes) for program, cell in zip(PROGRAMS, cells, strict=True)]
                lines.append(f"| {kind} | {how} | {', '.join(dtypes)} | {' | '.join(shown)} |")
    lines.append("")
    lines += [f"{number}. {REASONS[note]}" for number, note in enumerate(notes, start=1)]
    return "\n".join(lines) + "\n"


def _cell(program: str, cell: str, notes: list[tuple[str, str]]) -> str:
    if cell in ("exact", "after rescale"):
        return cell
    note = (program, cell)
    if note not in notes:
        notes.append(note)
    return f"cannot ({notes.index(note) + 1})"


def not_written(refused: Mapping[Case, str]) -> str:
    """What there is no file of, and why."""
    if not refused:
        return ""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for case, reason in refused.items():
        reasons.setdefault((case.kind, case.how, reason), []).append(case.dtype)
    lines = [
        f"| {kind} | {how} | {', '.join(dtypes)} | {reason} |"
        for (kind, how, reason), dtypes in reasons.items()
    ]
    return "\n".join(
        ["", "Not written, with the message of the run:", "", "| kind | `pixels` | type | message |",
         "|---|---|---|---|", *lines]
    ) + "\n"  # fmt: skip
