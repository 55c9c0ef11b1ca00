"""The page itself: one HTML file of templates, style and script that lie beside this module.

Everything that is not ours goes through Jinja's escaping and is text. The content security policy allows the
page's own style and script, by their sha256, and pictures that are in the page; every request is forbidden.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ...printable import printable
from .model import Bars, Chapter

if TYPE_CHECKING:
    from jinja2 import Environment

MARK = "<!-- a page of dicombake, version 1 -->"
"""The second line of every page: a file without it is none of ours."""

_SHARED = ("unpack.js", "place.js", "overlays.js", "viewer.js", "pointing.js", "panel.js", "sheet.js")


def page(chapters: Sequence[Chapter], *, with_tags: bool) -> bytes:
    """Return the page of one or several recipes."""
    items = [item for chapter in chapters for item in chapter.items]
    filters = [
        (name, sorted({str(getattr(item, name)) for item in items}))
        for name in ("status", "conversion", "kind")
    ]
    title = ", ".join(chapter.name for chapter in chapters) or "nothing"
    return rendered(
        "page.html",
        ("one_picture.js", "page.js"),
        title=title,
        chapters=chapters,
        items=items,
        filters=filters,
        with_tags=with_tags,
    )


def rendered(template: str, own: Sequence[str], **values: Any) -> bytes:
    """Return a page of a template and its own scripts, UTF-8 with LF."""
    script = "".join(("'use strict';\n(() => {\n", *map(_text, (*_SHARED, *own)), "})();\n"))
    style = _text("parts.css") + _text("style.css")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    text = (
        _environment()
        .get_template(template)
        .render(mark=MARK, policy=policy, style=style, script=script, **values)
    )
    return text.encode("utf-8", "backslashreplace")


def fragment(template: str, **values: Any) -> str:
    """Return a part for a notebook, with a style of its own and without a script."""
    style = _text("parts.css") + _text("notebook.css")
    return _environment().get_template(template).render(style=style, **values)


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, finalize=_shown
    )
    environment.filters["heights"] = _heights
    return environment


def _shown(value: Any) -> Any:
    """Return text with marks that turn the reading direction, and other invisible ones, made visible."""
    return printable(value) if type(value) is str and not value.isprintable() else value


def _heights(bars: Bars) -> Iterator[tuple[int, float]]:
    most = max(bars.counts)
    for number, count in enumerate(bars.counts):
        yield 4 * number, round(64 * math.sqrt(count / most), 1)


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
