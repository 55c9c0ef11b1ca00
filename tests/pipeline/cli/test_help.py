"""``--help``: what stands there is what one can type."""

from __future__ import annotations

import shlex

import pytest
import typer
from dicombake.pipeline.cli.main import COMMANDS, app, load
from dicombake.pipeline.cli.program.examples import EXAMPLES
from typer.testing import CliRunner


def helped(*words: str, columns: int = 200) -> str:
    return CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": str(columns)}).output


def test_every_command_has_its_whole_line() -> None:
    told = " ".join(helped().split())
    assert all(f"{name} {' '.join(text.split())}" in told for name, text in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_flags_have_no_type_and_brackets_are_told(name: str) -> None:
    told = helped(name)
    assert "<bool>" not in told and "<list" not in told and "<path>" not in told
    every = " ".join(told.split())
    for parameter in load(name).params:
        about = " ".join((getattr(parameter, "help", "") or "").split())
        assert about in every


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_stand_at_the_end_and_are_understood(name: str) -> None:
    told = helped(name).rstrip().splitlines()
    shown = [line.strip() for line in told[told.index("  Examples:") + 1 :]]
    assert shown == list(EXAMPLES[name])
    for line in shown:
        program, command, *words = shlex.split(line.partition(" >")[0])
        assert (program, command) == ("dicombake", name)
        load(name).make_context(command, words)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_line_is_wider_than_the_terminal_and_none_is_cut(name: str, columns: int) -> None:
    told = helped(*filter(None, [name]), columns=columns)
    lines = told.splitlines()
    assert max(map(len, lines)) <= columns
    assert not any(line.rstrip().endswith(("\u2026", "...")) for line in lines[1:])
    assert not set("{}") & set(lines[0])


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("run", "run [OPTIONS] RECIPE..."),
        ("convert", "convert [OPTIONS] FILE... OUT"),
        ("explain", "explain [OPTIONS] FILE [TAG]"),
        ("inspect", "inspect [OPTIONS] FILE..."),
        ("new", "new [OPTIONS] [FILE...]"),
        ("demo", "demo [OPTIONS] [FOLDER]"),
        ("diff", "diff [OPTIONS] A B"),
    ],
)
def test_the_usage_is_plain(name: str, usage: str) -> None:
    assert helped(name).splitlines()[0].endswith(f" {usage}")


def test_no_example_is_of_a_command_that_there_is_not() -> None:
    assert list(EXAMPLES) == list(COMMANDS)
    assert isinstance(typer.main.get_command(app), typer.core.TyperGroup)
