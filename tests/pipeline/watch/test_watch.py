"""Folders that are followed, with a clock that the test turns: what rests is converted, once."""

from __future__ import annotations

import gc
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.errors import UsageError
from dicombake.pipeline.run import ownership
from dicombake.pipeline.run.unit.contents import input_path
from dicombake.pipeline.watch import changes
from dicombake.pipeline.watch.followed import LATE, SETTLE_GROUP, STALE, Settings
from dicombake.pipeline.watch.watch import Watch
from PIL import Image as Pillow

RECIPE = """\
version: 1
conversions:
  a: {inputs: "in/*.npy", source: array, exports: {to: npy, path: "out/{stem}.npy"}}
"""
OPEN_FILES = Path("/proc/self/fd")
GROUPS = """\
version: 1
conversions:
  g:
    inputs: {files: "in/{m}_*.npy", group_by: m, min_files: 2}
    source: array
    combine: sum
    exports: {to: npy, path: "out/{m}.npy"}
"""
STACK = """\
version: 1
conversions:
  s:
    inputs: {files: "in/*.bmp", min_files: 3}
    source: {format: image-stack, spacing: [1, 1, 2]}
    exports: {to: npy, path: "out/stack.npy"}
"""


class Place:
    """A folder with a recipe that is followed."""

    def __init__(self, folder: Path, text: str, **settings: Any) -> None:
        self.folder, self.now, self.events = folder, 1000.0, list[dict[str, Any]]()
        (folder / "in").mkdir()
        self.recipe = folder / "r.yaml"
        self.recipe.write_text(text, encoding="utf-8")
        self.watch = Watch(
            [self.recipe],
            Settings(**settings),
            self.events.append,
            clock=lambda: self.now,
            wall=lambda: 0.0,  # so that no file has rested before it is seen
        )

    def put(self, name: str, value: int = 1) -> Path:
        path = self.folder / "in" / name
        np.save(path, np.full((3, 4), value, np.uint16))
        return path

    def passing(self, seconds: float) -> list[tuple[str, str]]:
        """Look, let time pass, look again; what was told."""
        self.events.clear()
        self.watch.step()
        self.now += seconds
        self.watch.step()
        return [(event["event"], event.get("unit", "")) for event in self.events]

    @property
    def outputs(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("out/*"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, RECIPE)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_foreign_file_in_the_way_costs_no_other(place: Place, kind: str) -> None:
    foreign = place.folder / "out/1.npy"
    foreign.parent.mkdir()
    foreign.mkdir() if kind == "folder" else foreign.write_bytes(b"mine")
    place.put("1.npy")
    place.put("2.npy")
    assert place.passing(3) == [("failed", "a/1.npy"), ("done", "a/2.npy")]
    assert "out/1.npy" in place.events[0]["message"]
    assert place.passing(60) == []
    assert place.watch.step() == SETTLE_GROUP
    assert foreign.is_dir() if kind == "folder" else foreign.read_bytes() == b"mine"
    foreign.rmdir() if kind == "folder" else foreign.unlink()
    assert place.passing(0) == [("done", "a/1.npy")]
    assert np.load(foreign).shape == (3, 4)


def test_foreign_files_cost_one_look_at_each_input(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output must replace no input of the whole plan: inputs are looked up once, not for each output."""
    looked: list[Path] = []

    def path_of(*given: Any) -> Path:
        looked.append(input_path(*given))
        return looked[-1]

    (place.folder / "out").mkdir()
    for number in range(9):
        place.put(f"{number}.npy")
        (place.folder / f"out/{number}.npy").write_bytes(b"mine")
    place.watch.step()
    place.now += 3
    monkeypatch.setattr(ownership, "input_path", path_of)
    place.watch.step()
    assert [event["event"] for event in place.events] == ["failed"] * 9
    assert sorted(path.name for path in looked) == [f"{number}.npy" for number in range(9)]


def test_once_ends_where_a_foreign_file_is_in_the_way(tmp_path: Path) -> None:
    place = Place(tmp_path, RECIPE, settle=0.0)
    place.put("1.npy")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/1.npy").write_bytes(b"mine")
    assert place.watch.once() == 1
    assert (tmp_path / "out/1.npy").read_bytes() == b"mine"


def test_a_file_is_converted_once_it_rests(place: Place) -> None:
    assert place.passing(5) == []
    place.put("1.npy")
    assert place.passing(1.9) == []
    place.now += 0.2
    assert place.passing(0) == [("done", "a/1.npy")]
    assert place.passing(100) == []
    assert place.outputs == ["1.npy"]


def test_a_file_that_grows_waits(place: Place) -> None:
    whole = place.put("1.npy").read_bytes()
    path = place.folder / "in/1.npy"
    for end in range(20, len(whole) + 1, 20):
        path.write_bytes(whole[:end])
        assert place.passing(1.5) == []
    path.write_bytes(whole)
    assert place.passing(2.1) == [("done", "a/1.npy")]


def test_one_bad_file_is_told_once_and_stops_nothing(place: Place) -> None:
    (place.folder / "in/bad.npy").write_bytes(b"nothing")
    place.put("1.npy")
    assert sorted(place.passing(3)) == [("done", "a/1.npy"), ("failed", "a/bad.npy")]
    assert place.passing(3) == []
    place.put("bad.npy")
    assert place.passing(3) == [("done", "a/bad.npy")]


def test_what_comes_back_under_a_name_never_replaces(place: Place) -> None:
    place.put("1.npy", 1)
    place.passing(3)
    before = (place.folder / "out/1.npy").read_bytes()
    (place.folder / "in/1.npy").unlink()
    assert place.passing(3) == []
    place.put("1.npy", 2)
    assert place.passing(3) == [("failed", "a/1.npy")]
    assert "{date}" in place.events[0]["message"]
    assert (place.folder / "out/1.npy").read_bytes() == before


def test_a_file_renamed_into_place_is_taken(place: Place) -> None:
    place.put("1.npy").rename(place.folder / "in/later.npy")
    assert place.passing(3) == [("done", "a/later.npy")]


def test_a_changed_recipe_is_for_what_comes(place: Place) -> None:
    place.put("1.npy")
    place.passing(3)
    changed = RECIPE.replace("source: array,", "source: array, process: [invert],")
    place.recipe.write_text(changed, encoding="utf-8")
    place.put("2.npy")
    assert place.passing(3) == [("recipe", ""), ("stale", "a/1.npy"), ("done", "a/2.npy")]
    assert place.events[1]["message"] == STALE
    assert place.passing(3) == []


def test_a_wrong_recipe_is_told_and_the_right_one_kept(place: Place) -> None:
    place.recipe.write_text(RECIPE.replace("source", "sourze"), encoding="utf-8")
    place.put("1.npy")
    assert place.passing(3) == [("error", ""), ("done", "a/1.npy")]
    assert "the last right one is kept" in place.events[0]["message"]
    place.recipe.write_text(RECIPE, encoding="utf-8")
    assert [event for event, _ in place.passing(3)] == ["recipe"]


def test_a_group_waits_for_its_files_and_refuses_late_ones(tmp_path: Path) -> None:
    place = Place(tmp_path, GROUPS)
    place.put("x_1.npy")
    place.put("y_1.npy")
    assert place.passing(100) == []
    place.put("x_2.npy")
    assert place.passing(29) == []
    place.now += 2
    assert place.passing(0) == [("done", "g/x")]
    assert place.events[0]["message"] == "made of 2 files"
    place.put("x_3.npy")
    assert place.passing(31) == [("failed", "g/x")]
    assert LATE in place.events[0]["message"] and "in/x_3.npy" in place.events[0]["message"]
    assert place.outputs == ["x.npy"]
    assert int(np.load(tmp_path / "out/x.npy").max()) == 2


def test_a_group_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="min_files"):
        Place(tmp_path, GROUPS.replace(", min_files: 2", ""))


def test_a_stack_of_pictures_waits_for_its_slices(tmp_path: Path) -> None:
    place = Place(tmp_path, STACK)

    def put(name: str, value: int) -> None:
        Pillow.fromarray(np.full((3, 4), value, np.uint8)).save(tmp_path / "in" / name)

    put("10.bmp", 10)
    put("2.bmp", 2)
    assert place.passing(100) == []
    (tmp_path / "in/1.bmp").write_bytes(b"BM half a picture")
    assert place.passing(29) == []
    put("1.bmp", 1)
    assert place.passing(29) == []
    assert place.passing(31) == [("done", "s/in")]
    assert place.events[0]["message"] == "made of 3 files"
    assert np.load(tmp_path / "out/stack.npy")[:, 0, 0].tolist() == [1, 2, 10]
    put("3.bmp", 3)
    assert place.passing(31) == [("failed", "s/in")]
    assert LATE in place.events[0]["message"]


def test_a_stack_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="min_files"):
        Place(tmp_path, STACK.replace(", min_files: 3", ""))


def test_a_week_leaves_nothing_behind(tmp_path: Path) -> None:
    """Files come and go, a destination is gone, the recipe is edited; what is remembered does not grow."""
    text = RECIPE.replace("conversions:", "destinations: {far: {to: folder, path: no/where}}\nconversions:")
    place = Place(tmp_path, text.replace("source: array,", "source: array, deliver: far,"))
    place.watch.deliver, place.watch.page = True, lambda plans: None
    sizes, handles, memory = [], [], []
    tracemalloc.start()
    try:
        for day in range(7):
            for hour in (0, 12):
                path = place.put("1.npy", 1)
                bad = place.folder / "in/bad.npy"
                bad.write_bytes(b"nothing" * (hour + 1))
                place.recipe.write_text(
                    f"{place.recipe.read_text(encoding='utf-8')}# {day}\n", encoding="utf-8"
                )
                place.passing(12 * 3600)
                for each in (path, bad):
                    each.unlink()
                place.passing(60)
            followed, postal = place.watch.followed[0], place.watch.postal[place.recipe]
            sizes.append(
                (len(followed.done), len(followed.settling.seen), len(postal.at), len(postal.failed))
            )
            gc.collect()
            memory.append(tracemalloc.get_traced_memory()[0])
            if OPEN_FILES.is_dir():
                handles.append(len(list(OPEN_FILES.iterdir())))
    finally:
        tracemalloc.stop()
    assert sizes == [sizes[0]] * 7
    assert place.outputs == ["1.npy"]
    assert not handles or max(handles) <= handles[0] + 1
    assert memory[-1] < memory[1] + 300_000, memory


def test_once_ends_as_run_does(place: Place) -> None:
    place.put("1.npy")
    (place.folder / "in/bad.npy").write_bytes(b"nothing")
    settled = Watch([place.recipe], Settings(settle=0.1), place.events.append)
    assert settled.once() == 1
    assert place.outputs == ["1.npy"]
    (place.folder / "in/bad.npy").unlink()
    assert Watch([place.recipe], Settings(settle=0.1), place.events.append).once() == 0


def test_a_page_is_kept_fresh_once_a_minute(place: Place) -> None:
    written: list[int] = []
    place.watch.page = lambda plans: written.append(len(plans[0].units))
    place.put("1.npy")
    place.passing(3)
    place.put("2.npy")
    place.passing(3)
    assert written == [1]
    place.passing(61)
    assert written == [1, 2]
    place.passing(61)
    assert written == [1, 2]


def test_waiting_in_pieces_is_as_long_and_ends_when_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "ONE_WAIT", 0.02)
    waiting = changes.Changes(0.15)
    start = time.monotonic()
    waiting.wait(60)
    assert 0.15 <= time.monotonic() - start < 5
    waiting.woken.set()
    start = time.monotonic()
    waiting.interval = 60
    waiting.wait(60)
    assert time.monotonic() - start < 5
    assert not waiting.woken.is_set()
