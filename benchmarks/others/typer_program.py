"""A Typer program of one command."""

from pathlib import Path

import typer

app = typer.Typer()


@app.command()
def convert(files: list[Path], out: Path = Path("out"), quiet: bool = False) -> None:
    """Convert files."""


app()
