"""The command ``dicombake graph RECIPE``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..common import Assignments, Data, Only, Out, Untrusted, reporting, variables


class Format(StrEnum):
    """How the graph is written."""

    MERMAID = "mermaid"
    DOT = "dot"


def graph(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe file.", show_default=False)],
    *,
    format_: Annotated[Format, typer.Option("--format", "-f", help="Mermaid or Graphviz.")] = Format.MERMAID,
    out: Out = None,
    data: Data = None,
    assignments: Assignments = None,
    untrusted: Untrusted = False,
    only: Only = None,
) -> None:
    with reporting():
        from ...plan.build import plan
        from ...recipe.load import load_recipe
        from ...report.commands.graph import dot, mermaid

        planned = plan(
            load_recipe(recipe, variables(assignments), trusted=not untrusted),
            data=data,
            out=out,
            only=tuple(only or ()),
        )
        typer.echo((dot if format_ is Format.DOT else mermaid)(planned))
