"""Common options of the commands, and the way from an error to the user."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import DicombakeError, ExitStatus, RecipeError, UsageError
from ..places.url import where
from ..printable import printable
from .program import stopping

if TYPE_CHECKING:
    from rich.console import Console

    from ..places.url import Where
else:
    Where = Path  # typer knows no unions; the parser gives the value its type

Recipes = Annotated[list[Path], typer.Argument(metavar="RECIPE", help="Recipe files.", show_default=False)]


def _where(text: str) -> Where:
    """Return the folder or URL of an option. Ends the program for a URL that cannot be used."""
    try:
        return where(text)
    except UsageError as error:
        complain(error)
        raise typer.Exit(int(error.status)) from None


def _folder(text: str) -> Path:
    """Return the folder of an option. Ends the program for a URL."""
    found = _where(text)
    if isinstance(found, Path):
        return found
    complain(UsageError("is a URL, which only 'run', 'plan' and 'check' take", subject=found))
    raise typer.Exit(int(ExitStatus.WRONG))


_OUT = {"help": "Output folder; default: the recipe's folder.", "show_default": False}
_DATA = {"help": "Folder that inputs are relative to; default: the recipe's.", "show_default": False}
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", parser=_folder, **_OUT)]
Data = Annotated[Path | None, typer.Option("--data", metavar="DIR", parser=_folder, **_DATA)]
OutOrURL = Annotated[Where | None, typer.Option("--out", metavar="DIR_OR_URL", parser=_where, **_OUT)]
DataOrURL = Annotated[Where | None, typer.Option("--data", metavar="DIR_OR_URL", parser=_where, **_DATA)]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Set one of the recipe's vars; may be repeated."),
]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="NAME", help="This conversion and what it chains from; may be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Junit = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Write a JUnit report, a case for each output or test."),
]


Untrusted = Annotated[
    bool,
    typer.Option(
        "--untrusted",
        help="The recipe is a stranger's: it reaches its own folder, --data and --out, and nothing else.",
    ),
]


WithTags = Annotated[
    bool,
    typer.Option("--with-tags", help="Show values of tags, too, which may name a patient."),
]


class Annotate(StrEnum):
    """Whether messages are also put on the recipe's lines."""

    AUTO = "auto"
    GITHUB = "github"
    NONE = "none"


Annotations = Annotated[
    Annotate,
    typer.Option(
        "--annotations",
        help="Put messages on the recipe's lines, for GitHub Actions; auto: when run there.",
        show_default=False,
    ),
]


def annotate(mode: Annotate, commands: Iterable[str]) -> None:
    """Write messages for GitHub Actions where wanted, to stderr: stdout is left to ``--json``."""
    listening = mode is Annotate.AUTO and os.environ.get("GITHUB_ACTIONS") == "true"
    if listening or mode is Annotate.GITHUB:
        for command in commands:
            typer.echo(command, err=True)


def refuse_with_untrusted(given: Mapping[str, bool]) -> None:
    """Refuse options that would trust an untrusted recipe. Raises: UsageError."""
    for option, wanted in given.items():
        if wanted:
            hint = "leave one of the two out"
            raise UsageError("does not go together with --untrusted", subject=option, hint=hint)


def refuse_with_url(places: Iterable[Where | None], given: Mapping[str, bool]) -> None:
    """Refuse options that read outputs as files of this computer. Raises: UsageError."""
    url = next((each for each in places if isinstance(each, str)), "")
    for option, wanted in given.items():
        if wanted and url:
            raise UsageError(f"does not go together with a URL ({url})", subject=option)


def variables(assignments: Iterable[str] | None) -> dict[str, str]:
    """Return ``--set`` as a mapping. Raises: UsageError."""
    found: dict[str, str] = {}
    for text in assignments or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"'{text}' is no assignment", subject="--set", hint="write --set name=value")
        found[name] = value
    return found


@contextlib.contextmanager
def reporting() -> Iterator[None]:
    """Turn an error of a command into a message and an exit status; a defect keeps its traceback."""
    try:
        with stopping.stoppable():
            yield
            sys.stdout.flush()
    except DicombakeError as error:
        complain(error)
        raise typer.Exit(int(error.status)) from None
    except KeyboardInterrupt:
        stopping.told()
        complain("interrupted")
        raise typer.Exit(int(ExitStatus.INTERRUPTED)) from None
    except MemoryError:
        complain("needs more memory than there is")
        raise typer.Exit(int(ExitStatus.FAILED)) from None
    except BrokenPipeError:
        _close_output()
        raise typer.Exit(int(ExitStatus.FAILED)) from None


def say(line: str, *, err: bool = False) -> None:
    """Print one line for people. Text from elsewhere is made safe here, and nowhere else."""
    typer.echo(printable(line), err=err)


def say_all(lines: Iterable[str]) -> None:
    """Print many lines for people, some at a time: each print asks what stdout is."""
    waiting = iter(lines)
    while some := list(islice(waiting, 500)):
        typer.echo("\n".join(map(printable, some)))


def complain(what: DicombakeError | str) -> None:
    """Print a message for people on stderr; a single one with the program's name in front."""
    if isinstance(what, RecipeError):
        tell_problems(what)
        return
    lines = what.lines if isinstance(what, DicombakeError) else (what,)
    for line in lines if len(lines) > 1 else (f"dicombake: {lines[0]}",):
        say(line, err=True)


def tell_problems(error: RecipeError) -> None:
    """Print every mistake of a recipe on stderr, each with its line and a caret under the place."""
    from ..report.excerpt import excerpt

    (first, *more) = error.problems
    content = None if more or first.where else _image_format(Path(first.file))
    if content is not None:
        file = first.file
        complain(f"{file} is no recipe but {content}; to convert it: dicombake convert {file} OUT")
        return
    for problem in error.problems:
        for line in (str(problem), *excerpt(problem)):
            say(line, err=True)


def _image_format(file: Path) -> str | None:
    """Return the name of an image's format where an image was given as a recipe; None for text."""
    from ..loaders.auto import recognise
    from ..loaders.dicom.dataset import HEAD
    from ..loaders.registry import FORMATS
    from ..loaders.signatures import other_than_dicom
    from ..reading import start_of

    try:
        content = FORMATS[recognise(file)].content
        return other_than_dicom(start_of(file, HEAD)) or content
    except (DicombakeError, OSError):
        return None


def worst(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """Return the exit status of several recipes."""
    order = (
        ExitStatus.INTERRUPTED, ExitStatus.WRONG, ExitStatus.FAILED, ExitStatus.DIFFERENT, ExitStatus.DONE,
    )  # fmt: skip
    found = set(statuses)
    return next((status for status in order if status in found), ExitStatus.DONE)


def console(*, err: bool = False) -> Console:
    """Return a Rich console; it honours NO_COLOR and the terminal's width."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, soft_wrap=False)


def print_json(found: object) -> None:
    """Print one JSON object on stdout, the same on every system."""
    import json

    typer.echo(json.dumps(found, indent=2).replace("##[", "##\\u005b"))  # which a CI service would obey


def _close_output() -> None:
    """Close stdout, whose reader has gone, so that nothing more is written to it, not even at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
