"""The docs say what the program does: generated parts are fresh, recipes are valid, examples run."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from dicombake.pipeline.cli.main import COMMANDS, app, load
from dicombake.pipeline.cli.program.examples import EXAMPLES
from dicombake.pipeline.exporters.registry import DICOM, TARGETS
from dicombake.pipeline.loaders.xim.attribute_table import HOMES
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.commands.formats import markdown, table, targets
from dicombake.schemas.exports import EXPORT_TARGETS
from dicombake.schemas.process import OPERATIONS
from dicombake.schemas.recipe import Conversion, Recipe
from dicombake.schemas.sources import SOURCE_FORMATS

from .support import made_samples

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

FILM = """\
version: 1
name: film
uid_namespace: 1f7b0a52-8b0e-4a49-8f5e-6a3a2f0e7c02
conversions:
  scans:
    inputs: "film/g{gantry:d}_*.tif"            # the gantry angle stands in the file's name
    source: {format: image, channel: red}       # 48-bit scans; 16 bits of red
    geometry: {dpi: 75, sid: 1000, sad: 1000, gantry: "{gantry}"}
    exports: {to: rt-image, path: "dicom/{stem}.dcm"}
    tags: {PatientID: QA-FILM, RTImageName: "{stem}"}
"""

WRONG = """\
version: 1
conversions:
  film:
    inputs: film/*.tif
    source: {format: image, chanel: red}
    geometry: {dpi: zero}
    exports: {to: rt-image, path: "dicom/{stem}.dcm"}
    tags: {PatientIDD: X, StudyDate: 2024-13-40}
"""


PROGRESS = re.compile(r"\d+ of \d+ done,? .*")
"""What a run says every five seconds, which a busy machine needs for two scans."""


def call(folder: Path, *arguments: str) -> str:
    """What a command prints, on 80 columns and without colour; blanks at the ends of lines taken off."""
    environment = os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "dicombake.pipeline.cli", *arguments],
        cwd=folder, env=environment, capture_output=True, check=False, encoding="utf-8",
    )  # fmt: skip
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not PROGRESS.fullmatch(line)]
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A folder with the film scans and their recipe."""
    for sample in made_samples().values():
        if sample.path.startswith("film/"):
            (tmp_path / sample.path).parent.mkdir(exist_ok=True)
            (tmp_path / sample.path).write_bytes(sample.content)
    (tmp_path / "film.yaml").write_text(FILM, encoding="utf-8", newline="\n")
    return tmp_path


def test_the_readme_shows_what_the_program_prints(
    film: Path, generated: Callable[[Path, str, str], None]
) -> None:
    run = call(film, "run", "film.yaml")
    inspected = call(film, "inspect", "dicom/g090_wedge.dcm").partition("properties\n")[0]
    text = (
        f"```yaml\n{FILM}```\n\n"
        "With two scans in `film/` (`dicombake demo` makes some):\n\n"
        f"```text\n$ dicombake run film.yaml\n{run}\n"
        f"$ dicombake inspect dicom/g090_wedge.dcm\n{inspected}  ...\n```\n"
    )
    generated(README, "example", text)


def test_the_table_of_xim_properties_is_that_of_the_code(generated: Callable[[Path, str, str], None]) -> None:
    rows = [
        f"| `{'`, `'.join(home.names)}` | {home.half or 'both'} | {home.attribute} | {home.rule} |"
        for home in HOMES
    ]
    head = "| property | image | attribute | rule |\n|---|---|---|---|\n"
    generated(DOCS / "metadata.md", "xim", head + "\n".join(rows) + "\n")


def test_the_table_of_formats_is_that_of_the_registries(generated: Callable[[Path, str, str], None]) -> None:
    generated(README, "formats", markdown())


def test_the_mistakes_in_the_docs_are_those_that_are_told(
    tmp_path: Path, generated: Callable[[Path, str, str], None]
) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    generated(DOCS / "recipe.md", "mistakes", f"```text\n{call(tmp_path, 'validate', 'wrong.yaml')}```\n")


def test_the_merged_recipe_in_the_docs_is_what_config_prints(
    generated: Callable[[Path, str, str], None],
) -> None:
    shown = call(ROOT / "recipes", "config", "site.yaml").partition("  epid:")[0]
    generated(DOCS / "sites.md", "config", f"```text\n$ dicombake config site.yaml\n{shown}  ...\n```\n")


def test_the_failing_test_in_the_docs_is_what_is_told(
    tmp_path: Path, generated: Callable[[Path, str, str], None]
) -> None:
    page = DOCS / "recipe-tests.md"
    (recipe,) = recipes_in(page)
    (tmp_path / "film.yaml").write_text(
        recipe.replace("dpi: 75, sid: 1000", "dpi: 75, sid: 100"), encoding="utf-8"
    )
    told = call(tmp_path, "test", "film.yaml")
    generated(page, "transcript", f"```text\n$ dicombake test film.yaml\n{told}```\n")


def command_page() -> str:
    """Every command with its arguments and options, from the program itself."""
    program = typer.main.get_command(app)
    parts = [
        "# Commands\n",
        "This page is generated from the program (`pytest --rewrite`).\n",
        f"{program.help}\n\n{program.epilog}\n",
        "NO_COLOR is honoured. `--json` prints one JSON object for programs; no tag value of an "
        "image stands in it.\n",
    ]
    for name, about in COMMANDS.items():
        command = load(name)
        rows = [row for parameter in command.params for row in option(parameter)]
        parts.append(f"## {name}\n\n{about}\n")
        if rows:
            parts.append("| | |\n|---|---|\n" + "\n".join(rows) + "\n")
        parts.append("```sh\n" + "\n".join(EXAMPLES[name]) + "\n```\n")
    return "\n".join(parts)


def option(parameter: object) -> Iterator[str]:
    names = [*getattr(parameter, "opts", ()), *getattr(parameter, "secondary_opts", ())]
    if "--help" in names:
        return
    kind = getattr(parameter, "param_type_name", "")
    metavar = getattr(parameter, "metavar", None) or ""
    shown = f"`{metavar or names[0]}`" if kind == "argument" else ", ".join(f"`{name}`" for name in names)
    if kind == "option" and metavar:
        shown += f" `{metavar}`"
    about = (getattr(parameter, "help", "") or "").replace("|", "\\|")
    default = getattr(parameter, "default", None)
    if getattr(parameter, "show_default", False) and default not in (None, False, True, ()):
        about += f" Default: `{default}`."
    yield f"| {shown} | {about} |"


def test_the_page_of_commands_is_that_of_the_program(golden: Callable[[Path, str], None]) -> None:
    golden(DOCS / "cli.md", command_page())


def recipes_in(path: Path) -> Iterator[str]:
    """The recipes of a page; parts of a conversion are put into a recipe around them."""
    for block in re.findall(r"^```yaml\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S):
        if re.search(r"^version:", block, re.M):
            yield block
            continue
        keys = set(re.findall(r"^([a-z_]+):", block, re.M))
        assert keys <= set(Conversion.model_fields), f"{path.name}: {keys}"
        missing = {
            "inputs": "inputs: some/*.dcm\n",
            "source": "source: dicom\n",
            "exports": 'exports: {to: rt-image, path: "{stem}.dcm"}\n',
        }
        block += "".join(line for key, line in missing.items() if key not in keys)
        indented = "".join(f"    {line}\n" for line in block.splitlines())
        yield f"version: 1\nconversions:\n  shown:\n{indented}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_recipe_in_the_docs_is_valid(path: Path, tmp_path: Path) -> None:
    for number, text in enumerate(recipes_in(path)):
        shown = tmp_path / f"{path.stem}-{number}.yaml"
        shown.write_text(text, encoding="utf-8")
        load_recipe(shown)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if not target.startswith("https://"):
            file, _, heading = target.partition("#")
            found = (path.parent / file).resolve() if file else path
            assert found.exists(), target
            if heading:
                titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.M)
                assert heading in [re.sub(r"[^a-z0-9 -]", "", t.lower()).replace(" ", "-") for t in titles]


def test_the_python_of_the_docs_runs_as_shown(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (film / "wrong.yaml").write_text(
        'version: 1\nconversions:\n  film:\n    inputs: "*.tif"\n    source: {format: image, chanel: red}\n'
        '    exports: {to: rt-image, path: "{stem}.dcm"}\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(film)
    text = (DOCS / "python-api.md").read_text(encoding="utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, "python-api.md", "python-api.md", 0)
    told: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert (results.failed, "".join(told)) == (0, "")
    assert results.attempted >= 14
    assert (film / "one.dcm").read_bytes()[128:132] == b"DICM"


def test_the_targets_that_are_no_dicom_are_listed(generated: Callable[[Path, str, str], None]) -> None:
    rows = [row for row in targets() if TARGETS[row.name].file is not DICOM]
    generated(DOCS / "pictures.md", "targets", "\n".join(table("to", "writes", rows)) + "\n")


def test_every_key_of_a_recipe_is_in_the_reference() -> None:
    reference = (DOCS / "recipe.md").read_text(encoding="utf-8")
    for name in (*Recipe.model_fields, *Conversion.model_fields, *OPERATIONS, "defaults", "extends"):
        assert f"`{name}`" in reference, name
    outputs = "".join(
        (DOCS / page).read_text(encoding="utf-8") for page in ("dicom-output.md", "pictures.md")
    )
    for name in EXPORT_TARGETS:
        assert f"`{name}`" in outputs, name


def begun(name: str) -> str:
    """The page of a format that has none yet, to go on with: what it reads, and its options."""
    model = SOURCE_FORMATS[name]
    options = "".join(f"- `{option}`\n" for option in model.model_fields if option != "format")
    return f"# `{name}`\n\n{model.__doc__}\n\n{options}"


def test_every_source_format_has_a_page_that_names_its_options(golden: Callable[[Path, str], None]) -> None:
    for name in SOURCE_FORMATS:
        if not (page := DOCS / "formats" / f"{name}.md").exists():
            golden(page, begun(name))
    assert {path.stem for path in (DOCS / "formats").glob("*.md")} == set(SOURCE_FORMATS)
    for name, model in SOURCE_FORMATS.items():
        page = (DOCS / "formats" / f"{name}.md").read_text(encoding="utf-8")
        for option_name in set(model.model_fields) - {"format"}:
            assert option_name in page, f"{name}: {option_name}"


def test_nothing_names_where_it_was_written() -> None:
    for path in [*PAGES, *(ROOT / "recipes").rglob("*.yaml"), ROOT / "pyproject.toml"]:
        assert not re.search(r"/(work|opt|root)/", path.read_text(encoding="utf-8")), path
