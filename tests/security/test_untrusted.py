"""What a stranger's recipe can reach under ``--untrusted``: its folder, the data and the output folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.samples.volume_files import metaimage, nifti, nrrd
from typer.testing import CliRunner, Result

SECRET = "s3cret-value-of-the-host"
PIXELS = np.arange(12, dtype=np.uint16).reshape(3, 4)
VOXELS, STEPS = (
    np.arange(8, dtype=np.int16).reshape(2, 2, 2),
    [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)],
)
posix = pytest.mark.skipif(os.name != "posix", reason="links need a right of their own on Windows")

HEAD = "version: 1\nuid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11\n"
PLAIN = 'conversions: {a: {inputs: "*.npy", source: array, exports: {to: npy, path: "out/{stem}.npy"}}}\n'


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command in a stranger's folder, beside one that is none of the stranger's business."""
    inside, outside = tmp_path / "repository", tmp_path / "host"
    inside.mkdir()
    outside.mkdir()
    np.save(inside / "a.npy", PIXELS)
    np.save(outside / "private.npy", PIXELS + 100)
    (outside / "private.txt").write_text(SECRET * 2, encoding="utf-8")
    (outside / "site.yaml").write_text(f"description: {SECRET}\n", encoding="utf-8")
    (outside / "table.csv").write_text(f"stem,gantry\na,{SECRET}\n", encoding="utf-8")
    monkeypatch.chdir(inside)
    monkeypatch.setenv("DEPLOY_TOKEN", SECRET)

    def call(recipe: str, command: str = "run", *words: str) -> Result:
        Path("r.yaml").write_text(HEAD + recipe, encoding="utf-8")
        before = _contents(outside)
        done = CliRunner().invoke(app, [command, "r.yaml", "--untrusted", *words])
        assert SECRET not in done.output
        assert not isinstance(done.exception, Exception), done.exception
        assert _contents(outside) == before
        assert all(SECRET.encode() not in data for data in _contents(inside).values())
        return done

    return call


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_an_honest_recipe_runs_and_keeps_nothing(cli: Callable[..., Result]) -> None:
    done = cli(PLAIN)
    assert done.exit_code == 0, done.output
    assert np.array_equal(np.load("out/a.npy"), PIXELS)
    assert not Path("r.lock").exists()
    assert not Path(".dicombake").exists()


def test_the_environment_is_withheld_from_the_conversion_that_asks(cli: Callable[..., Result]) -> None:
    recipe = """conversions:
  a: {inputs: "*.npy", source: array, exports: {to: npy, path: "out/{stem}.npy"}}
  b: {inputs: "*.npy", source: array, exports: {to: npy, path: "out/{stem}.npy"}, study: "{env.DEPLOY_TOKEN}"}
"""
    done = cli(recipe)
    assert done.exit_code == 1
    assert "{env.DEPLOY_TOKEN}, which an untrusted recipe does not get" in done.output
    assert list(_contents(Path("out"))) == ["a.npy"]
    for command in ("plan", "graph", "validate", "config"):
        cli(recipe, command)
    assert cli(recipe, "check").exit_code == 3


@pytest.mark.parametrize("text", ["../host/site.yaml", "sub/../../host/site.yaml"])
def test_nothing_outside_is_extended(text: str, cli: Callable[..., Result]) -> None:
    for command in ("validate", "run", "config", "plan"):
        done = cli(f"extends: {text}\n{PLAIN}", command)
        assert done.exit_code == 2
        assert "an untrusted recipe may not leave its folders" in done.output


@posix
def test_nothing_outside_is_extended_by_a_link(cli: Callable[..., Result], tmp_path: Path) -> None:
    Path("site.yaml").symlink_to(tmp_path / "host" / "site.yaml")
    assert cli(f"extends: site.yaml\n{PLAIN}", "validate").exit_code == 2
    assert cli(f"profile: ./site.yaml\n{PLAIN}", "validate").exit_code == 2


@posix
def test_links_among_inputs_lead_nowhere_else(cli: Callable[..., Result], tmp_path: Path) -> None:
    Path("b.npy").symlink_to(tmp_path / "host" / "private.npy")
    done = cli(PLAIN)
    assert done.exit_code == 2
    assert "b.npy: is a link out of the data folder" in done.output
    Path("b.npy").unlink()
    Path("deeper").symlink_to(tmp_path / "host")
    assert cli(PLAIN.replace("*.npy", "**/*.npy")).exit_code == 0
    assert list(_contents(Path("out"))) == ["a.npy"]
    Path("c.npy").symlink_to(Path("a.npy"))
    assert cli(PLAIN.replace("out/", "again/")).exit_code == 0


@posix
def test_tables_and_sidecars_lie_inside(cli: Callable[..., Result], tmp_path: Path) -> None:
    Path("table.csv").symlink_to(tmp_path / "host" / "table.csv")
    Path("Check.xml").symlink_to(tmp_path / "host" / "private.txt")
    for extra in ("metadata: {csv: table.csv}", "sidecar: Check.xml"):
        done = cli(PLAIN.replace("source: array", f"source: array, {extra}"))
        assert done.exit_code == 2, extra
        assert "an untrusted recipe may not leave its folders" in done.output


PAIR = nifti(VOXELS, [(*step, 0.0) for step in STEPS])
PAIR = PAIR[:108] + bytes(4) + PAIR[112:]  # the values begin at byte 0 of their file
HEADERS = {
    "metaimage": ("v.mhd", "v.raw", metaimage(VOXELS, (0, 0, 0), (1, 1, 1)), b"LOCAL", b"v.raw"),
    "nrrd": ("v.nhdr", "v.raw", nrrd(VOXELS, (0, 0, 0), STEPS), b"\n\n", b"\ndata file: v.raw\n\n"),
    "nifti": ("v.hdr", "v.img", PAIR, b"n+1", b"ni1"),
}
"""Of volumes: the file of the header, that of the values, one file with both, and what makes it a header."""


@posix
@pytest.mark.parametrize("source", HEADERS)
@pytest.mark.parametrize("said", ["source: auto", "source: {}", "source: {}, combine: mean"])
def test_values_beside_a_header_lie_inside(
    source: str, said: str, cli: Callable[..., Result], tmp_path: Path
) -> None:
    header, values, content, old, new = HEADERS[source]
    Path(header).write_bytes(content.replace(old, new))
    Path(values).symlink_to(tmp_path / "host" / "private.txt")
    conversion = f'{{inputs: {header}, {said.format(source)}, exports: {{to: npy, path: "out/v.npy"}}}}'
    done = cli(f"conversions: {{a: {conversion}}}\n")
    assert done.exit_code == 2, done.output
    assert f"{values}: lies outside of the data folder; an untrusted recipe may not" in done.output


@posix
@pytest.mark.parametrize("source", HEADERS)
@pytest.mark.parametrize("what", ["a folder", "nothing", "a locked file"])
def test_nobody_looks_where_values_elsewhere_are(
    what: str, source: str, cli: Callable[..., Result], tmp_path: Path
) -> None:
    """Neither whether there is anything nor whether it can be read is told."""
    header, values, content, old, new = HEADERS[source]
    Path(header).write_bytes(content.replace(old, new))
    target = tmp_path / "elsewhere" / "target"
    target.parent.mkdir()
    if what == "a folder":
        target.mkdir()
    elif what == "a locked file":
        target.touch(mode=0)
    Path(values).symlink_to(target)
    conversion = f'{{inputs: {header}, source: {source}, exports: {{to: npy, path: "out/v.npy"}}}}'
    done = cli(f"conversions: {{a: {conversion}}}\n")
    assert done.exit_code == 2, done.output
    assert f"{values}: lies outside of the data folder; an untrusted recipe may not" in done.output


@posix
@pytest.mark.parametrize("source", HEADERS)
@pytest.mark.parametrize("path", ["out/v.npy", "out/{source.x}.npy"])
def test_nothing_is_told_of_values_elsewhere_that_do_not_fit(
    source: str, path: str, cli: Callable[..., Result], tmp_path: Path
) -> None:
    """Neither the size of the file nor whether it is shorter than a stranger's header says."""
    header, values, content, old, new = HEADERS[source]
    Path(header).write_bytes(content.replace(old, new))
    (tmp_path / "host" / "short").write_bytes(b"123")
    Path(values).symlink_to(tmp_path / "host" / "short")
    done = cli(
        f'conversions: {{a: {{inputs: {header}, source: {source}, exports: {{to: npy, path: "{path}"}}}}}}\n'
    )
    assert done.exit_code == 2, done.output
    assert f"{values}: lies outside of the data folder" in done.output
    assert "3 bytes" not in done.output and "truncated" not in done.output


@posix
@pytest.mark.parametrize("source", HEADERS)
def test_auto_reads_values_elsewhere_only_for_names_that_tell(
    source: str, cli: Callable[..., Result]
) -> None:
    """A plan opens no file that it need not, and has to know each file that is read."""
    _, values, content, old, new = HEADERS[source]
    Path("other.dat").write_bytes(content.replace(old, new))
    Path(values).write_bytes(content)
    done = cli('conversions: {a: {inputs: other.dat, source: auto, exports: {to: npy, path: "out/v.npy"}}}\n')
    assert done.exit_code == 1, done.output
    assert "auto" in done.output or "name the file that ends in .hdr" in done.output


@posix
@pytest.mark.parametrize("words", [("run", "--junit"), ("run", "--report"), ("check", "--junit")])
def test_reports_lie_inside(words: tuple[str, str], cli: Callable[..., Result], tmp_path: Path) -> None:
    pytest.importorskip("prov.model", reason="the extra 'provenance' is not installed")
    Path("told.xml").symlink_to(tmp_path / "host" / "told.xml")
    done = cli(PLAIN, *words, "told.xml")
    assert done.exit_code == 2
    assert "told.xml: leads elsewhere" in done.output


@posix
def test_outputs_lie_inside(cli: Callable[..., Result], tmp_path: Path) -> None:
    Path("out").symlink_to(tmp_path / "host")
    assert cli(PLAIN).exit_code == 2
    Path("out").unlink()
    Path("out").mkdir()
    Path("out/a.npy").symlink_to(tmp_path / "host" / "private.npy")
    for command in ("run", "check"):
        assert cli(PLAIN, command).exit_code == 2


@pytest.mark.parametrize("path", [".git/hooks/{stem}", "out/.x/{stem}.npy", ".github/workflows/{stem}.yml"])
def test_no_output_is_hidden(path: str, cli: Callable[..., Result]) -> None:
    done = cli(PLAIN.replace("out/{stem}.npy", path))
    assert done.exit_code == 2
    assert "begins with a dot" in done.output


def test_limits_are_not_raised(cli: Callable[..., Result]) -> None:
    done = cli("limits: {image_pixels: 999999999999}\n" + PLAIN, "validate")
    assert done.exit_code == 2
    assert "limits.image_pixels: an untrusted recipe may not raise it above" in done.output
    assert cli("limits: {image_pixels: 100}\n" + PLAIN).exit_code == 0


def test_a_lock_or_state_that_is_found_makes_nothing_ours(cli: Callable[..., Result]) -> None:
    assert CliRunner().invoke(app, ["validate", "absent.yaml"]).exit_code == 2
    Path("r.yaml").write_text(HEAD + PLAIN, encoding="utf-8")
    assert CliRunner().invoke(app, ["run", "r.yaml"]).exit_code == 0
    Path("out/a.npy").write_bytes(b"what lies here now")
    done = cli(PLAIN)
    assert done.exit_code == 2
    assert Path("out/a.npy").read_bytes() == b"what lies here now"
    assert cli(PLAIN, "check").exit_code == 3


@pytest.mark.parametrize("option", ["--overwrite", "--locked"])
def test_options_that_take_it_at_its_word_are_refused(option: str, cli: Callable[..., Result]) -> None:
    done = cli(PLAIN, "run", option)
    assert done.exit_code == 2
    assert f"{option}: does not go together with --untrusted" in done.output
