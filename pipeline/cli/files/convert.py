"""The command ``dicombake convert FILE... OUT``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common import Json, complain, print_json, reporting, say

if TYPE_CHECKING:
    from ...convert.options import Request
    from ...run.unit.results import Outcome

GEOMETRY = "Geometry, as in a recipe"


def _geometry(*names: str, metavar: str, text: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, show_default=False, rich_help_panel=GEOMETRY)


def convert(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE... OUT",
            help="Files to convert, then a file or (ending with /) a folder to write to.",
            show_default=False,
        ),
    ],
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TARGET",
            help="rt-image, ct-series, png, ...; default: what OUT's suffix says.",
            show_default=False,
        ),
    ] = "",
    source: Annotated[
        str,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="What the files are, as in a recipe: xim, or '{format: image, channel: red}'; "
            "default: what their content says.",
            show_default=False,
        ),
    ] = "",
    combine: Annotated[
        str,
        typer.Option(
            "--combine",
            metavar="METHOD",
            help="Make one image of all: mean, sum, max, min, median.",
            show_default=False,
        ),
    ] = "",
    process: Annotated[
        list[str] | None,
        typer.Option(
            "--process",
            metavar="OPERATION",
            help="As in a recipe: invert, or 'crop: {top: 20}'; may be repeated.",
            show_default=False,
        ),
    ] = None,
    sid: Annotated[str, _geometry("--sid", metavar="MM", text="Source to image distance.")] = "",
    sad: Annotated[str, _geometry("--sad", metavar="MM", text="Source to axis distance.")] = "",
    dpi: Annotated[str, _geometry("--dpi", metavar="DPI", text="Pixels per inch.")] = "",
    pixel_spacing: Annotated[
        str, _geometry("--pixel-spacing", metavar="MM,MM", text="Between rows, between columns.")
    ] = "",
    at: Annotated[
        str, _geometry("--at", metavar="PLANE", text="Where the spacing holds: image_plane or isocenter.")
    ] = "",
    center: Annotated[
        str,
        _geometry("--center", metavar="ROW,COLUMN", text="Where the beam's axis meets the image; or: image."),
    ] = "",
    gantry: Annotated[str, _geometry("--gantry", metavar="DEG", text="Gantry angle.")] = "",
    collimator: Annotated[str, _geometry("--collimator", metavar="DEG", text="Collimator angle.")] = "",
    couch: Annotated[str, _geometry("--couch", metavar="DEG", text="Couch angle.")] = "",
    scale: Annotated[
        str,
        _geometry(
            "--scale",
            metavar="SCALE",
            text="Scale of the angles: iec61217, varian_iec, varian_standard or elekta_iec.",
        ),
    ] = "",
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag", metavar="TAG=VALUE", help="Set a DICOM tag; may be repeated.", show_default=False
        ),
    ] = None,
    remove_tag: Annotated[
        list[str] | None,
        typer.Option(
            "--remove-tag", metavar="TAG", help="Leave a tag out; may be repeated.", show_default=False
        ),
    ] = None,
    pixels: Annotated[
        str,
        typer.Option(
            "--pixels",
            metavar="HOW",
            help="How values are stored: auto, retain, portable or quantize.",
            show_default=False,
        ),
    ] = "",
    window: Annotated[
        str,
        typer.Option(
            "--window",
            metavar="WINDOW",
            help="Values that a picture shows: full, auto, or LOW,HIGH.",
            show_default=False,
        ),
    ] = "",
    transfer_syntax: Annotated[
        str,
        typer.Option(
            "--transfer-syntax",
            metavar="NAME",
            help="Coding of DICOM pixels, as in a recipe: rle, jpeg2000-lossless, keep.",
            show_default=False,
        ),
    ] = "",
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="For whom DICOM is made: standard or pylinac.",
            show_default=False,
        ),
    ] = "",
    recipe: Annotated[
        bool, typer.Option("--recipe", help="Print the recipe that does the same, and convert nothing.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...convert.options import Request
        from ...convert.run import recipe_text
        from ...errors import UsageError

        if len(paths) < 2:
            raise UsageError(
                "name the files to convert, then where to write", hint="as in: field.xim field.dcm"
            )
        said = {
            "sid": sid, "sad": sad, "dpi": dpi, "pixel_spacing": pixel_spacing, "at": at, "center": center,
            "gantry": gantry, "collimator": collimator, "couch": couch, "scale": scale,
        }  # fmt: skip
        export = {"pixels": pixels, "window": window, "transfer_syntax": transfer_syntax}
        *files, out = paths
        request = Request(
            files=tuple(map(Path, files)),
            out=Path(out),
            folder=out.endswith(("/", os.sep)) or Path(out).is_dir(),
            to=to,
            source=source,
            combine=combine,
            process=tuple(process or ()),
            geometry={key: text for key, text in said.items() if text},
            tags=tuple(tag or ()),
            remove_tags=tuple(remove_tag or ()),
            export={key: text for key, text in export.items() if text},
            profile=profile,
        )
        if recipe:
            typer.echo(recipe_text(request), nl=False)
            return
        _convert(request, overwrite=overwrite, as_json=json)


def _convert(request: Request, *, overwrite: bool, as_json: bool) -> None:
    from ...convert.run import convert as carry_out
    from ...errors import DicombakeError, ExitStatus
    from ...report.outcome import error_as_json, outcome_as_json, runs_as_json
    from ...run.preflight import RunOptions

    try:
        outcome = carry_out(request, RunOptions(jobs=None, overwrite=overwrite))
    except DicombakeError as error:
        if as_json:
            print_json(runs_as_json([{**error_as_json(request.out, error), "recipe": None}], error.status))
            raise typer.Exit(int(error.status)) from None
        raise
    if as_json:
        print_json(runs_as_json([{**outcome_as_json(outcome), "recipe": None}], outcome.exit_status))
    else:
        _print_outcome(outcome)
    if outcome.exit_status is not ExitStatus.DONE:
        raise typer.Exit(int(outcome.exit_status))


def _print_outcome(outcome: Outcome) -> None:
    from ...report.table import failure_lines, note_lines

    written = [file.path for result in outcome.results for file in result.written]
    for line in note_lines(outcome):
        say(line)
    here = f"failed: {Path.cwd()}{os.sep}"
    for line in failure_lines(outcome):
        say(f"failed: {line.removeprefix(here)}" if line.startswith(here) else line, err=True)
    if len(written) == 1:
        say(f"wrote {outcome.plan.out / written[0]}")
    elif written:
        say(f"wrote {len(written)} files to {outcome.plan.out}")
    if outcome.interrupted:
        complain("interrupted")
