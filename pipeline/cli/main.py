"""The ``dicombake`` command: every subcommand, whose module is imported when it is called."""

from __future__ import annotations

import gc
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..printable import printable
from .program import stopping
from .program.examples import epilog
from .program.installed import unfit

COMMANDS: dict[str, str] = {
    "run": "Carry out recipes: plan, convert, read back, put in place.",
    "watch": "Convert what arrives in the folders of recipes, and receive what is sent.",
    "deliver": "Send outputs that are fresh to the destinations that recipes name, each once.",
    "convert": "Convert files now, without a recipe; or print the recipe that does it.",
    "plan": "Show every step, its inputs and outputs, and why it would run or not.",
    "check": "Are the outputs what recipe, inputs and lock say? Writes nothing.",
    "lock": "Tell what the lock of a recipe says.",
    "crosswalk": "Show which pseudonym is whose, of a file that 'deidentify' keeps; asks for its password.",
    "graph": "Draw the steps as Mermaid or DOT.",
    "validate": "Check recipes alone; no files are needed.",
    "test": "Run the tests that recipes carry, on files that they make.",
    "config": "Print the merged recipe, with the file and line of each of its lines.",
    "explain": "Tell where an output's tags and numbers come from, or why a file is no input.",
    "report": "Show outputs on a page: pictures, geometry, origins, hashes; one HTML file.",
    "diff": "Compare two files or folders of any format, as real values.",
    "inspect": "Show what files hold: format, shape, values, geometry, metadata.",
    "new": "Draft a recipe, from scratch or from files.",
    "check-dicom": "Check DICOM files against the standard's tables; no recipe is needed.",
    "formats": "List what can be read and written.",
    "schema": "Print the JSON Schema of recipes, for editors.",
    "demo": "Make sample data and run a complete example on it.",
}
"""Each command and its line of help; module and function have the command's name, - as _."""
FOLDERS = {
    "files": ("check-dicom", "convert", "diff", "inspect"),
    "network": ("deliver", "watch"),
    "outputs": ("check", "crosswalk", "explain", "lock", "report"),
    "recipes": ("config", "graph", "new", "plan", "schema", "test", "validate"),
}
"""The folder of a command's module, by what the command is about; the others are beside this file."""
READING_IMAGES = frozenset(
    {"convert", "check", "test", "explain", "report", "diff", "inspect", "new", "check-dicom", "demo"}
)
"""Commands that leave garbage; `run` looks for it itself, once its plan is made."""


class Commands(TyperGroup):
    """The commands as far as ``--help`` needs them; only the called one is imported."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=text, short_help=text) for name, text in COMMANDS.items()
        }

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            stopping.end_at_once()

    def resolve_command(self, ctx: Any, args: Any) -> Any:
        if args and args[0] not in self.commands and Path(args[0]).is_file():
            ctx.fail(
                f"'{printable(args[0])}' is a file, no command; to convert it: dicombake convert FILE... OUT"
            )
        name, command, rest = super().resolve_command(ctx, args)
        if name == "run":  # the one option whose value may be left out, which Typer does not support
            rest = ["--prune=orphans" if word == "--prune" else word for word in rest]
        if wrong := list(unfit()):
            for line in wrong:
                typer.echo(f"dicombake: {line}", err=True)
            raise typer.Exit(2)
        return name, command if name is None else load(name), rest


def load(name: str) -> Any:
    """Return the Click command of a name in `COMMANDS`."""
    one = typer.Typer(add_completion=False, rich_markup_mode=None)
    module = name.replace("-", "_")
    if name in READING_IMAGES:
        gc.enable()
    folder = next((f".{folder}" for folder, names in FOLDERS.items() if name in names), "")
    function = getattr(import_module(f"{folder}.{module}", __package__), module)
    one.command(name, help=function.__doc__ or COMMANDS[name], epilog=epilog(name))(function)
    command: Any = typer.main.get_command(one)
    for parameter in command.params:
        if parameter.param_type_name == "argument":  # its name says enough, without a type or braces
            parameter.display_type_rich = lambda ctx=None: ""
            parameter.get_usage_pieces = partial(_usage, parameter)
    return command


def _usage(argument: Any, ctx: Any) -> list[str]:
    """Return an argument as the usage has it: ``FILE``, ``RECIPE...``, ``[TAG]``."""
    name = argument.metavar or argument.name.upper()
    name = name if argument.nargs == 1 or "..." in name else f"{name}..."
    return [name if argument.required else f"[{name}]"]


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Exit status: 0 done, 1 some steps failed, 2 recipe, plan or command line wrong, "
    "3 stale or different, 130 interrupted.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from ..version import PROGRAM, program_version

        typer.echo(f"{PROGRAM} {program_version()}")
        raise typer.Exit


@app.callback()
def dicombake(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Convert radiotherapy and medical images to DICOM and pictures, as recipes in git say."""


def main() -> None:
    """Run the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="dicombake")
