"""What `--data` and `--out` may name, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.errors import UsageError
from dicombake.pipeline.places.url import URL, where
from typer.testing import CliRunner, Result

RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  a: {inputs: "*.tif", source: image, exports: {to: png, path: "{stem}.png"}}
"""


def cli(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("text", ["a/b", "/a", ".", "C:/data", "C:\\data", "odd:name", "a//b"])
def test_a_folder(text: str) -> None:
    found = where(text)
    assert isinstance(found, Path)
    assert found == Path(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [("s3://b", "s3://b"), ("S3://b/p/q/", "s3://b/p/q"), ("gs://b/é x", "gs://b/é x")],
)
def test_a_url(text: str, url: str) -> None:
    found = where(text)
    assert isinstance(found, URL)
    assert found == url


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:SECRET@b/p", "s3://SECRET@b/p", "s3://b/p?token=SECRET", "s3://b/p#SECRET", "file:///a",
        "memory://a", "s3://", "s3:///a", "s3://b/../c", "s3://b//c", "s3://[SECRET/x",
    ],
)  # fmt: skip
def test_refused_without_giving_a_secret_away(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        where(text)
    assert "SECRET" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("option", ["--data", "--out"])
@pytest.mark.parametrize(
    "command",
    [["explain", "r.yaml", "x"], ["graph", "r.yaml"], ["report", "r.yaml"], ["watch", "r.yaml"],
     ["deliver", "r.yaml"], ["run", "r.yaml", "--untrusted"], ["plan", "r.yaml", "--untrusted"],
     ["check", "r.yaml", "--untrusted"], ["run", "r.yaml", "--html", "x.html"],
     ["run", "r.yaml", "--deliver"], ["check", "r.yaml", "--diff"]],
    ids=" ".join,
)  # fmt: skip
def test_commands_that_cannot_refuse_a_url(
    command: list[str], option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("r.yaml").write_text(RECIPE)
    result = cli(*command, option, "s3://bucket/prefix")
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1
    assert "s3://bucket/prefix" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.yaml"]


def test_a_missing_extra_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dicombake.pipeline.places.place_of.find_spec", lambda name: None)
    Path("r.yaml").write_text(RECIPE)
    result = cli("run", "r.yaml", "--out", "s3://bucket/prefix")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.endswith("pip install 'dicombake[cluster]'")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.yaml"]
