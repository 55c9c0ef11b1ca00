"""What makes it fast leaves every byte as it is: workers, remembered elements, bands, hashing beside."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.api import load_recipe, plan, run
from dicombake.pipeline.dicom import siblings
from dicombake.pipeline.dicom.encode import elements
from dicombake.pipeline.loaders import kept_map as keeping
from dicombake.pipeline.loaders.arrays import npy_values
from dicombake.pipeline.loaders.arrays import volume as npy_volume
from dicombake.pipeline.loaders.options import Limits, VolumeOptions
from dicombake.pipeline.reading import file_sha256
from dicombake.pipeline.run.unit import contents, work
from dicombake.pipeline.run.unit.results import Outcome
from dicombake.pipeline.run.workers import pool, shared
from dicombake.pipeline.samples import files, xim
from dicombake.pipeline.store.lock import UNFINISHED, read_lock

RECIPE = """
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
defaults: {tags: {PatientID: QA, PatientName: "Grün^Phantom"}}
vars: {sid: "1000"}
conversions:
  epid: {inputs: "*.xim", source: xim, exports: [{to: rt-image, path: "dicom/{stem}.dcm"}, {to: png, path: "{stem}.png"}]}
  film: {inputs: "*.tif", source: image, geometry: {dpi: 75, sid: 1000}, exports: {to: rt-image, path: "dicom/{stem}.dcm"}}
  named: {inputs: "f{angle:d}.tif", source: auto, process: [{crop: {top: 2}}], geometry: {dpi: 75, sid: "{vars.sid}", gantry: "{angle}"}, exports: {to: rt-image, path: "named/{stem}.dcm"}}
  first: {inputs: first.npy, source: {format: volume, slice_axis: 0, spacing: [1, 1, 2]}, exports: {to: ct-series, path: "first/{slice:03d}.dcm"}}
  last: {inputs: last.npy, source: {format: volume, slice_axis: 2, spacing: [1, 1, 2]}, exports: {to: ct-series, path: "last/{slice:03d}.dcm"}}
  middle: {inputs: "*.tif", source: image, combine: {method: median}, geometry: {dpi: 75, sid: 1000}, exports: {to: npy, path: middle.npy}}
"""  # noqa: E501
OUTPUTS = 4 + 4 + 4 + 4 + 70 + 70 + 1


def made(folder: Path, **options: int) -> tuple[Outcome, dict[str, str]]:
    """What a run gives, and the sha256 of every output."""
    outcome = run(plan(load_recipe(folder / "r.yaml"), out=folder / "out"), **options)  # type: ignore[arg-type]
    found = {
        path.relative_to(folder / "out").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "out").rglob("*")
        if path.is_file()
    }
    return outcome, found


def inputs(folder: Path) -> Path:
    rng = np.random.default_rng(4)
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    for number in range(4):
        pixels = rng.integers(0, 60000, (40, 30)).astype(np.uint16)
        (folder / f"f{number}.tif").write_bytes(files.tiff(pixels))
        (folder / f"x{number}.xim").write_bytes(xim.encode(pixels, xim.mv_properties(gantry=number * 10.0)))
    volume = rng.integers(-1000, 3000, (70, 16, 12)).astype(np.int16)
    np.save(folder / "first.npy", volume)
    np.save(folder / "last.npy", np.ascontiguousarray(np.moveaxis(volume, 0, 2)))
    return folder


def test_no_speed_is_bought_with_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain path: one process, nothing remembered, every slice by itself, all of a median at once."""
    outcome, fast = made(inputs(tmp_path / "fast"), jobs=2)
    assert outcome.exit_status == 0
    assert len(fast) == OUTPUTS
    monkeypatch.setattr(elements, "_key", lambda element: None)
    monkeypatch.setattr(elements, "_remember", lambda memory, key, value: None)
    monkeypatch.setattr(siblings, "_may_share", lambda sibling, context: False)
    monkeypatch.setattr("dicombake.pipeline.loaders.arrays.slices._BLOCK", 0)
    outcome, plain = made(inputs(tmp_path / "plain"), jobs=1)
    assert outcome.exit_status == 0
    assert fast == plain


def test_spawned_workers_write_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they start on Windows and macOS."""
    _, here = made(inputs(tmp_path / "here"), jobs=1)
    monkeypatch.setattr(pool, "start_context", lambda: multiprocessing.get_context("spawn"))
    outcome, spawned = made(inputs(tmp_path / "spawned"), jobs=2)
    assert outcome.exit_status == 0
    assert len(spawned) == OUTPUTS and spawned == here


def test_a_median_in_bands_reads_the_files_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = made(inputs(tmp_path / "whole"), jobs=1)
    monkeypatch.setattr("dicombake.pipeline.process.combine.HELD", 1)
    outcome, banded = made(inputs(tmp_path / "banded"), jobs=1)
    assert outcome.exit_status == 0
    assert banded == whole


def test_a_file_that_changes_between_two_bands_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicombake.pipeline.process.combine.HELD", 1)
    read = work.load_each

    def and_changed(paths: Sequence[Path], *others: Any) -> Iterator[Any]:
        yield from read(paths, *others)
        if len(paths) > 1:
            paths[0].write_bytes(paths[0].read_bytes() + b"more")

    monkeypatch.setattr(work, "load_each", and_changed)
    outcome, found = made(inputs(tmp_path / "a"), jobs=1)
    assert "middle.npy" not in found
    (failed,) = [result for result in outcome.results if result.status == "failed"]
    assert str(failed.error) == "f0.tif: changed while it was read; run again when it is at rest"


def test_a_volume_is_hashed_once_for_all_its_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def counted(path: Path) -> str:
        hashed.append(path.name)
        return file_sha256(path)

    monkeypatch.setattr(contents, "file_sha256", counted)
    made(inputs(tmp_path / "a"), jobs=1)
    assert hashed.count("first.npy") == 1


@pytest.mark.parametrize("axis", [1, 2])
def test_a_volume_is_mapped_once_for_all_its_ranges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axis: int
) -> None:
    maps: list[object] = []
    real = npy_values._map
    monkeypatch.setattr(npy_values, "_map", lambda member: maps.append(member) or real(member))
    folder = volume(tmp_path / "a")
    recipe = folder / "r.yaml"
    recipe.write_text(recipe.read_text().replace("slice_axis: 0", f"slice_axis: {axis}"))
    np.save(folder / "first.npy", np.moveaxis(np.load(folder / "first.npy"), 0, axis))
    assert made(folder, jobs=1)[0].exit_status == 0
    assert len(maps) == 1 and not keeping._kept
    source = VolumeOptions(slice_axis=axis, spacing=(1.0, 1.0, 2.0))
    assert len(list(npy_volume.load(folder / "first.npy", source, Limits(), range(2)))) == 2
    assert len(maps) == 2 and not keeping._kept


VOLUME = """
version: 1
{namespace}
conversions:
  first: {{inputs: first.npy, source: {{format: volume, slice_axis: 0, spacing: [1, 1, 2]}}, exports: {{to: ct-series, path: "first/{{slice:03d}}.dcm"}}}}
"""  # noqa: E501


def volume(folder: Path, *, namespace: bool = True) -> Path:
    """A folder with a volume of three ranges of slices, and its recipe."""
    folder.mkdir()
    text = "uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11" if namespace else ""
    (folder / "r.yaml").write_text(VOLUME.format(namespace=text), encoding="utf-8")
    np.save(folder / "first.npy", np.arange(70 * 16 * 12, dtype=np.int16).reshape(70, 16, 12))
    return folder


@pytest.mark.parametrize("namespace", [True, False])
def test_a_volume_that_is_hashed_meanwhile_has_the_same_results(tmp_path: Path, namespace: bool) -> None:
    one, alone = made(volume(tmp_path / "one", namespace=namespace), jobs=1)
    two, shared = made(volume(tmp_path / "two", namespace=namespace), jobs=2)
    assert alone == shared
    sha256 = file_sha256(tmp_path / "one" / "first.npy")
    for outcome in (one, two):
        assert [(each.status, each.inputs, each.stats) for each in outcome.results] == [
            ("written", (("data:first.npy", sha256),), ())
        ] * 3
    assert (tmp_path / "one" / "r.lock").read_bytes() == (tmp_path / "two" / "r.lock").read_bytes()


def test_a_volume_that_changes_while_workers_read_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is hashed is not what a worker found: no result says that its slices are of that content."""

    def of_another_look(path: Path) -> contents.Content:
        return contents.content(path)._replace(stat=(0,))

    monkeypatch.setattr(shared, "content", of_another_look)
    outcome, _ = made(volume(tmp_path / "a"), jobs=2)
    assert outcome.exit_status == 1
    assert [str(result.error) for result in outcome.results] == [
        "first.npy: changed while it was read; run again when it is at rest"
    ] * 3
    lock = read_lock(tmp_path / "a" / "r.lock")
    assert set(lock.units.values()) == {UNFINISHED}, "its slices are in place, and none of them is done"
    assert lock.outputs.keys() == {file.path for result in outcome.results for file in result.written}


def test_a_volume_that_cannot_be_hashed_fails_with_its_reason(tmp_path: Path) -> None:
    planned = plan(load_recipe(volume(tmp_path / "a") / "r.yaml"), out=tmp_path / "a" / "out")
    (tmp_path / "a" / "first.npy").unlink()
    outcome = run(planned, jobs=2)
    assert {str(result.error) for result in outcome.results} == {
        "first.npy: cannot be read: No such file or directory"
    }
