"""Carry out ``dicombake watch RECIPE...``: convert what arrives."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import ExitStatus
from ...watch.events import SAID
from ..common import (
    Assignments,
    Data,
    Out,
    Recipes,
    Untrusted,
    refuse_with_untrusted,
    reporting,
    say,
    variables,
)

if TYPE_CHECKING:
    from ...plan.model import Plan


def watch(
    recipes: Recipes,
    *,
    out: Out = None,
    data: Data = None,
    assignments: Assignments = None,
    once: Annotated[
        bool, typer.Option("--once", help="Convert what is there and end, as 'run' does.")
    ] = False,
    settle: Annotated[
        float | None,
        typer.Option(
            "--settle",
            metavar="SECONDS",
            min=0,
            help="How long a file rests before it is converted; default: 2, and 30 for groups.",
            show_default=False,
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            "--interval",
            metavar="SECONDS",
            min=0.1,
            help="Look so often, where no events tell of changes; default: 5, beside events 30.",
            show_default=False,
        ),
    ] = None,
    deliver: Annotated[
        bool, typer.Option("--deliver", help="Send what is made to the recipe's destinations.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Keep a page fresh that shows what was done.", show_default=False
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", metavar="N", min=1, help="Worker processes.")] = 1,
    untrusted: Untrusted = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    with reporting():
        from ...watch.followed import Settings
        from ...watch.watch import Watch

        refuse_with_untrusted({"watch": untrusted})
        settings = Settings(settle, data, out, variables(assignments), jobs)
        page = None if html is None else _page(html, settings.variables)
        watching = Watch(list(recipes), settings, teller(as_json=json), interval, deliver, page)
        if once:
            status = watching.once()
            if status is not ExitStatus.DONE:
                raise typer.Exit(int(status))
            return
        watching.forever(ready=_ready)


def _page(path: Path, values: dict[str, str]) -> Callable[[Sequence[Plan]], None]:
    """Return what writes the page. Raises: UsageError, where another file is in its way."""
    from ...report.html.write import PageWriter

    PageWriter(path, values).check()

    def write(plans: Sequence[Plan]) -> None:
        writer = PageWriter(path, values)
        for plan in plans:
            writer.add(plan)
        writer.write()

    return write


def teller(*, as_json: bool) -> Callable[[dict[str, Any]], None]:
    """Return what tells an event: a line for people, or an object for programs. Threads may share it."""
    lock = threading.Lock()

    def tell(event: dict[str, Any]) -> None:
        import json

        with lock:
            if as_json:
                typer.echo(json.dumps({key: value for key, value in event.items() if key != SAID}))
            else:
                say(line(event), err=event["event"] in ("failed", "error", "refused"))
            with suppress(OSError):
                sys.stdout.flush()

    return tell


def line(event: dict[str, Any]) -> str:
    """Say an event in one line."""
    kind, message = event["event"], event.get(SAID, event.get("message", ""))
    outputs = ", ".join(event.get("outputs", ()))
    if kind == "delivery":
        status = f": {event['status']}" if event["status"] else ""
        return f"{event['state']}  {event['path']} -> {event['destination']}{status}"
    if kind == "received":
        return f"received  {event['path']}"
    if kind in ("done", "stale"):
        return (
            f"{kind}  {event['unit']}{f' -> {outputs}' if outputs else ''}{f': {message}' if message else ''}"
        )
    if kind == "failed" and SAID in event:  # it names the file
        return f"{kind}  {message}"
    return f"{kind}  {event.get('unit') or event['recipe']}: {message}"


def _ready() -> None:
    """Tell systemd (Type=notify) that it has begun; elsewhere nobody asks."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name or not hasattr(socket, "AF_UNIX"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", f"\0{name[1:]}" if name.startswith("@") else name)
