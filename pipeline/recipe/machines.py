"""Merge profiles, `defaults` and machines under the conversions of a recipe.

The order, from below: the profile, `defaults`, the machine, the conversion. A machine that is named is merged
at once; one that a template names for each file gives a variant of the recipe for each machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from ...schemas.language.suggest import did_you_mean
from ...schemas.language.template import is_template
from ...schemas.recipe import Conversion
from ..errors import Problem
from .loaded import Location
from .problems import problem_at
from .profiles import Profiles, handed_down, profile_of
from .tree import Part, merge

_TAKEN = ("geometry", "tags", "remove_tags")
"""Keys that a conversion takes over from a machine."""


def applied(read: Part, profiles: Profiles, machine: str = "") -> Part:
    """Return a recipe's tree with `defaults` and machines merged into its conversions.

    `machine` is the one for conversions whose `machine` is a template. `defaults` and `extends` are left out.
    """
    entries = {key: part for key, part in read.entries.items() if key not in ("defaults", "extends")}
    conversions, machines = (read.entries.get(key) for key in ("conversions", "machines"))
    if conversions is not None and conversions.entries:
        known = machines.entries if machines else {}
        merged = {
            name: handed_down(_applied_to(part, _under(part, read, profiles), known, machine))
            for name, part in conversions.entries.items()
        }
        entries["conversions"] = replace(conversions, value=merged)
    return replace(read, value=entries)


def _under(conversion: Part, read: Part, profiles: Profiles) -> Part | None:
    """Return `defaults` over the conversion's profile; None where there is neither."""
    defaults = read.entries.get("defaults")
    lower = defaults if defaults is not None and defaults.entries else None
    profile = profiles.get(profile_of(conversion, lower, read))
    if profile is None or not profile.entries or conversion.value is None:
        return lower
    return profile if lower is None else merge(profile, lower, "conversion")


def _applied_to(part: Part, lower: Part | None, machines: Mapping[str, Part], machine: str) -> Part:
    name = _named(part, lower)
    chosen = machines.get(machine if is_template(name) else name)
    if part.value is not None and chosen is not None and chosen.entries:
        taken = {key: inner for key, inner in chosen.entries.items() if key in _TAKEN}
        own = replace(chosen, value=taken)
        lower = own if lower is None else merge(lower, own, "conversion")
    return part if lower is None else merge(lower, part, "conversion")


def _named(conversion: Part, defaults: Part | None) -> str:
    """Return the text of `machine`; empty where the conversion names none."""
    for part in (conversion, defaults):
        if part is not None and "machine" in part.entries:
            value = part.entries["machine"].value
            return value if isinstance(value, str) else ""
    return ""


def templated(merged: Part) -> list[str]:
    """Return the conversions whose machine a template names."""
    conversions = merged.entries.get("conversions")
    return [name for name, part in (conversions.entries if conversions else {}).items()
            if is_template(_named(part, None))]  # fmt: skip


def machine_names(merged: Part) -> list[str]:
    """Return the machines of a recipe's tree."""
    machines = merged.entries.get("machines")
    return list(machines.entries) if machines else []


def unknown_machines(merged: Part, conversions: Mapping[str, Conversion | None]) -> Iterator[Problem]:
    """Yield conversions that choose a machine that the recipe does not have."""
    known = machine_names(merged)
    for name, conversion in conversions.items():
        text = conversion.machine if conversion is not None else None
        if text is None or text in known or (is_template(text) and known):
            continue
        location: Location = ("conversions", name, "machine")
        if not known:
            what = "the recipe has no machines; describe them under 'machines', here or in a file it extends"
        else:
            hint = did_you_mean(text, known, otherwise=f"known are {', '.join(known)}")
            what = f"there is no machine '{text}'; {hint}"
        yield problem_at(merged, location, what)
