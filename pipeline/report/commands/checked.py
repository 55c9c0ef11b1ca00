"""Report what `check` found, for people and for programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...check.compare import KINDS, Checked, Finding
from ...check.differences import Difference
from ...plan.aliases import masked
from ...recipe.lock_path import lock_path

LIKE = 3
"""The most outputs with one reason that are listed one by one; of more, the first stands for them."""
SHOWN = 20
"""The most lines about outputs of one kind, unless all are wanted."""


def checked_lines(checked: Checked, *, verbose: bool = False) -> Iterator[str]:
    """Yield every output that is not fresh (all if verbose), what cannot be made, the lock, and the sum."""
    loaded = checked.plan.loaded
    for kind in KINDS:
        of_kind = [finding for finding in checked.findings if finding.kind == kind]
        if verbose:
            yield from (_line(finding) for finding in of_kind)
        elif kind != "fresh":
            yield from _few(of_kind)
    yield from (f"cannot be made: {unit}: {why}" for unit, why in checked.problems)
    yield from (f"{lock_path(loaded.path)}: {what}" for what in checked.lock)
    yield f"{loaded.recipe.name}: {_summary(checked)}"


def _few(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield findings with equal reasons together, in the order of the first of each."""
    like: dict[str, list[Finding]] = {}
    for finding in findings:
        like.setdefault(finding.why, []).append(finding)
    lines = []
    for group in like.values():
        if len(group) > LIKE:
            lines.append((_line(group[0], f" and {len(group) - 1} more"), len(group)))
        else:
            lines += [(_line(finding), 1) for finding in group]
    yield from (line for line, _ in lines[:SHOWN])
    if len(lines) > SHOWN:
        left = sum(number for _, number in lines[SHOWN:])
        yield f"and {left} more are {findings[0].kind}; --verbose tells all"


def _line(finding: Finding, more: str = "") -> str:
    return f"{finding.kind}: {finding.path}{more}{f': {finding.why}' if finding.why else ''}"


def _summary(checked: Checked) -> str:
    counts = Counter(finding.kind for finding in checked.findings)
    parts = [f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]]
    parts += [f"{len(checked.problems)} cannot be made"] if checked.problems else []
    parts += ["the lock is out of date"] if checked.lock else []
    return ", ".join(parts) or "nothing to check"


def difference_lines(finding: Finding, difference: Difference) -> Iterator[str]:
    """Yield what a run would change in an output; with values, so for a terminal only."""
    yield f"{finding.path}{'' if difference else ': the recipe gives the same bytes'}"
    for tag in difference.tags:
        values = {
            "added": f"'{tag.after}'",
            "removed": f"'{tag.before}'",
            "changed": f"'{tag.before}' -> '{tag.after}'",
        }
        yield f"  {tag.change} {tag.tag}: {values[tag.change]}"
    if difference.pixels:
        pixels = difference.pixels
        place = ", ".join(f"{name} {number}" for name, number in pixels.place)
        yield f"  pixels: {pixels.count} of {pixels.total} differ, by {pixels.largest:g} at most"
        yield f"    at {place}: {pixels.before} -> {pixels.after}"
    if difference.what:
        yield f"  {difference.what}"


def difference_as_json(difference: Difference) -> dict[str, Any]:
    """Return the same without any value."""
    pixels = difference.pixels
    return {
        "tags": [{"tag": tag.tag, "change": tag.change} for tag in difference.tags],
        "pixels": pixels
        and {
            "count": pixels.count,
            "total": pixels.total,
            "largest": pixels.largest if math.isfinite(pixels.largest) else None,
            "place": dict(pixels.place),
        },
        "what": difference.what or None,
    }


def checked_as_json(checked: Checked, differences: Mapping[str, Difference] | None = None) -> dict[str, Any]:
    """Return the same as an object with stable keys; no value of a tag stands in it."""
    found: dict[str, Any] = masked(checked.plan, _checked(checked, differences))
    return found


def _checked(checked: Checked, differences: Mapping[str, Difference] | None) -> dict[str, Any]:
    known = differences or {}
    loaded = checked.plan.loaded
    return {
        "recipe": str(loaded.path),
        "name": loaded.recipe.name,
        "digest": loaded.digest,
        "exit_status": int(checked.exit_status),
        "counts": {kind: checked.count(kind) for kind in KINDS},
        "lock": list(checked.lock),
        "notes": [{"code": note.code, "text": note.text} for note in checked.notes],
        "problems": [{"unit": unit, "why": why} for unit, why in checked.problems],
        "outputs": [
            {
                "path": finding.path,
                "status": finding.kind,
                "unit": finding.unit or None,
                "why": finding.why or None,
                **({"diff": difference_as_json(known[finding.path])} if finding.path in known else {}),
            }
            for finding in checked.findings
        ],
    }
