"""Show plans, outcomes and images in a notebook, which asks each for its `_repr_html_`.

What is shown is a part of the report, made of the page's templates. Plans, outcomes and images are data that
know nothing of reports: this is the one way from them to it, gone by name and only when a notebook asks.
"""

from __future__ import annotations

from importlib import import_module


def shown(thing: object) -> str:
    """Return a plan, an outcome or an image as HTML: escaped, without a script, and asking for nothing."""
    html: str = import_module(f"{__package__}.report.html.notebook").html_of(thing)
    return html
