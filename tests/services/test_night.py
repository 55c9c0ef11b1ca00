"""What docs/every-night.md and docs/watch.md show: a night from an empty folder, an hour without a PACS."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicombake.pipeline.cli.main import app
from dicombake.pipeline.deliver.compare import compared
from dicombake.pipeline.samples import write_samples
from dicombake.pipeline.watch.followed import Settings
from dicombake.pipeline.watch.watch import Watch
from typer.testing import CliRunner

from .archive import Archive
from .batch import RECIPE, uid
from .servers import Orthanc

pytest.importorskip("pynetdicom")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("no_leftovers")]
DOCS = Path(__file__).resolve().parents[2] / "docs"
Generated = Callable[[Path, str, str], None]


def test_a_night_from_an_empty_folder_to_proven_instances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Orthanc, generated: Generated
) -> None:
    page = DOCS / "every-night.md"
    (recipe,) = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)
    shown = ("pacs.example", "port: 104", "ae_title: PACS,")
    for text, real in zip(shown, ("127.0.0.1", f"port: {server.dicom}", "ae_title: ORTHANC,"), strict=True):
        assert recipe.count(text) == 1
        recipe = recipe.replace(text, real)
    write_samples(tmp_path / "samples")
    images = sorted((tmp_path / "samples/epid").glob("*.xim"))
    night = tmp_path / "night"
    (night / "share").mkdir(parents=True)
    (night / "qa.yaml").write_text(recipe, encoding="utf-8")
    monkeypatch.chdir(night)
    told = []

    def call(*words: str, status: int = 0) -> None:
        found = CliRunner().invoke(app, [*words], env={"COLUMNS": "100"})
        assert found.exit_code == status, found.output
        output = re.sub(r"in \d+(\.\d+)? s\b", "in 0.3 s", found.output)
        told.append(f"$ dicombake {' '.join(words)}\n{output}")

    def arrive(number: int) -> None:
        images[number].rename(night / "share" / images[number].name)

    call("validate", "qa.yaml")
    call("run", "qa.yaml", status=2)
    arrive(0)
    call("run", "qa.yaml")
    call("deliver", "qa.yaml", "--dry-run")
    call("deliver", "qa.yaml")
    arrive(1)
    call("watch", "qa.yaml", "--once", "--deliver")
    call("deliver", "qa.yaml")
    generated(page, "transcript", f"```text\n{''.join(told)}```\n")
    written = {uid(path.read_bytes()): path.read_bytes() for path in night.glob("dicom/*/*.dcm")}
    held = [content for content in server.instances() if uid(content) in written]
    assert len(held) == len(written) == 2
    assert all(compared(written[uid(content)], content).same for content in held)


class Hour:
    """A folder that is watched while a clock that the test turns goes on, and a PACS that is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now, self.lines = folder, 0.0, list[str]()
        (folder / "raw").mkdir()
        self.archive = Archive()
        self.recipe = folder / "d.yaml"
        text = RECIPE.format(destination=self.archive.destination(", prove: true"), name="d", syntax="")
        self.recipe.write_text(text.replace("there", "pacs"), encoding="utf-8")
        self.watch = Watch(
            [self.recipe], Settings(), self.tell, deliver=True, clock=lambda: self.now, wall=lambda: 0.0
        )

    def say(self, what: str) -> None:
        minutes, seconds = divmod(round(self.now), 60)
        self.lines.append(f"{minutes:02}:{seconds:02}  {what}\n")

    def tell(self, event: dict[str, Any]) -> None:
        if event["event"] == "done":
            self.say(f"done     {event['outputs'][0]}")
        else:
            status = event["status"].replace(f":{self.archive.port}", "").replace("127.0.0.1", "pacs.example")
            self.say(f"{event['state']:8} {event['path']}{f': {status}' if status else ''}")

    @contextmanager
    def nobody(self) -> Iterator[None]:
        """Hang up on whoever calls, and say that somebody did."""
        listening = socket.create_server(("127.0.0.1", self.archive.port))

        def serve() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                self.say("tried    pacs")
                caller.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()

    def until(self, end: float) -> None:
        """Go from one moment at which something is due to the next."""
        while True:
            wait = self.watch.step()
            assert wait is not None
            if self.now + wait >= end:
                self.now = end
                return
            self.now += max(wait, 0.01)


def test_a_pacs_that_is_down_for_an_hour(tmp_path: Path, generated: Generated) -> None:
    hour = Hour(tmp_path)
    with ExitStack() as stack:
        down = stack.enter_context(ExitStack())
        down.enter_context(hour.nobody())
        for number in range(6):
            np.save(tmp_path / f"raw/{number}.npy", np.full((4, 4), number, np.uint16))
            hour.until(600.0 * (number + 1))
        down.close()
        hour.say("the PACS is back")
        stack.enter_context(hour.archive.running())
        hour.until(5400)
    generated(DOCS / "watch.md", "hour", f"```text\n{''.join(hour.lines)}```\n")
    written = {uid(path.read_bytes()): path.read_bytes() for path in tmp_path.glob("d/*.dcm")}
    assert len(written) == 6
    assert hour.archive.taken == dict.fromkeys(written, 1)
    assert all(compared(written[name], content).same for name, content in hour.archive.held.items())
