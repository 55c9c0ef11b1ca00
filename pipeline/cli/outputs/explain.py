"""The command ``dicombake explain FILE [TAG]``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import UsageError
from ..common import Assignments, Data, Json, Out, Untrusted, print_json, reporting, say, variables


def explain(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An output, or a file that may be an input.")],
    tag: Annotated[
        str | None, typer.Argument(metavar="TAG", help="A keyword, number or path; default: every tag.")
    ] = None,
    *,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe", metavar="RECIPE", help="The recipe; default: the one whose lock names FILE."
        ),
    ] = None,
    out: Out = None,
    data: Data = None,
    assignments: Assignments = None,
    untrusted: Untrusted = False,
    json: Json = False,
) -> None:
    with reporting():
        from ...explain.explain import explain as follow
        from ...explain.locate import find, of_recipe
        from ...explain.matching import matching
        from ...plan.build import plan
        from ...recipe.load import load_recipe
        from ...report.commands import explained as report

        if file.is_dir():
            raise UsageError("is a folder", subject=str(file), hint="name a file in it")
        found = of_recipe(file, recipe, out=out, data=data) if recipe else find(file, out=out, data=data)
        loaded = load_recipe(found.recipe, variables(assignments), trusted=not untrusted)
        if found.role == "output":
            explained = follow(plan(loaded, data=data, out=out), found.path)
            chosen = report.choose(explained, tag) if tag else None
            if json:
                print_json(report.explained_as_json(explained, chosen))
                return
            lines = report.explained_lines(explained, chosen)
        else:
            if tag:
                raise UsageError(
                    f"{found.recipe} did not write it, so that it tells nothing of its tags",
                    subject=str(file),
                    hint="run the recipe first, or leave TAG out to see why the file is an input or is none",
                )
            match = matching(loaded, found.path, data=data, out=out)
            if json:
                print_json(report.matching_as_json(match))
                return
            lines = report.matching_lines(match, exists=file.exists())
        for line in lines:
            say(line)
