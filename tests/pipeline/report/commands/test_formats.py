"""The table of formats says what the schema says."""

from __future__ import annotations

from dicombake.pipeline.report.commands.formats import as_json, markdown, sources, tables, targets
from dicombake.schemas.exports import EXPORT_TARGETS
from dicombake.schemas.sources import SOURCE_FORMATS
from rich.console import Console


def test_every_format_and_target_has_its_row() -> None:
    assert [row.name for row in sources()] == list(SOURCE_FORMATS)
    assert [row.name for row in targets()] == list(EXPORT_TARGETS)


def test_options_show_what_is_required_and_what_is_the_default() -> None:
    options = {row.name: row.options for row in (*sources(), *targets())}
    assert options["raw"] == ("shape (required)", "dtype (required)", "byte_order: little", "header_bytes: 0")
    assert options["visionrt-raw"][0] == "shape: [600, 960]"
    assert options["png"] == ("window", "metadata: true")
    assert options["jpg"] == ("window: full", "quality: 90")
    assert options["xim"] == ()


def test_markdown_is_two_tables() -> None:
    lines = markdown().splitlines()
    assert lines[0] == "| source | reads | options |"
    assert "| `npy` | values exactly, as a numpy array; several images are stacked | none |" in lines
    assert lines.count("|---|---|---|") == 2
    assert all(line.count("|") == 4 for line in lines if line)


def test_json_and_table_name_the_same() -> None:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(tables())
    for rows in as_json().values():
        for row in rows:
            assert row["name"] in captured.get()
