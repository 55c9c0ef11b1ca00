"""Report what `explain` found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...errors import UsageError
from ...explain.explain import Explained, Spatial, Story
from ...explain.matching import Matching
from ...imaging.image import Origin
from ...plan.aliases import masked, replaced_in, searchable
from ...printable import printable
from ...trace import Layer

LONGEST = 48
"""The most characters of a value in a list; a value that was asked for is shown whole."""
GONE = "(taken away)"
EMPTY = "(empty)"


def choose(explained: Explained, tag: str) -> tuple[Story, ...]:
    """Return the stories of one element: a keyword, a number, a private element, a path, or a sequence's.

    Raises: UsageError for what is no tag, and for one that the output does not have.
    """
    from ....schemas.language.tags import parse_tag
    from ...dicom.build.origins import named

    try:
        name = named(parse_tag(tag))
    except ValueError as error:
        raise UsageError(f"'{tag}' is no tag: {error}", hint="a keyword, (0010,0020) or 00100020") from None
    found = tuple(
        story
        for story in explained.stories
        if story.element.name == name or story.element.name.startswith((f"{name}.", f"{name}["))
    )
    if not found and not explained.stories:
        raise UsageError("it is no DICOM file and has no tags", subject=explained.path)
    if not found:
        raise UsageError(f"it has no {name}", subject=explained.path, hint="without TAG all are listed")
    return found


def explained_lines(explained: Explained, chosen: tuple[Story, ...] | None = None) -> Iterator[str]:
    """Yield the ledger and every element with the layer that set it; or the whole stories of those chosen."""
    yield f"{explained.path}: {explained.unit.id} of {explained.plan.loaded.path}"
    if explained.changed:
        yield f"note: {explained.changed}"
    yield from (f"note: {note}" for note in explained.notes)
    if chosen is not None:
        for story in chosen:
            yield ""
            yield from _story_lines(story)
        return
    yield ""
    yield "geometry"
    yield from _columns([(row.name, _numbers(row), _origin(row.origin)) for row in explained.ledger])
    if explained.stories:
        yield ""
        yield "tags"
        yield from _columns([_row(story) for story in explained.stories])


def _row(story: Story) -> tuple[str, str, str]:
    value = story.element.value
    short = value if len(value) <= LONGEST else f"{value[: LONGEST - 3]}..."
    return f"{story.element.tag} {story.element.name}", printable(short), _origin(story.layers[0].origin)


def _story_lines(story: Story) -> Iterator[str]:
    element = story.element
    yield f"{element.tag} {element.vr} {element.name}"
    for number, layer in enumerate(story.layers):
        over = "over " if number else ""
        yield f"  {over}{_value(layer)}  <- {_origin(layer.origin)}"


def _value(layer: Layer) -> str:
    return GONE if layer.value is None else printable(layer.value) or EMPTY


def _columns(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    widths = [min(max(len(row[column]) for row in rows), LONGEST) for column in (0, 1)]
    for name, value, origin in rows:
        yield f"  {name:{widths[0]}}  {value:{widths[1]}}  {origin}".rstrip()


def _numbers(row: Spatial) -> str:
    if not row.value:
        return "-"
    return f"{' '.join(f'{number:.10g}' for number in row.value)} {row.unit}"


def _origin(origin: Origin) -> str:
    return printable(f"{origin.kind}: {origin.detail}" if origin.detail else origin.kind)


def explained_as_json(explained: Explained, chosen: tuple[Story, ...] | None = None) -> dict[str, Any]:
    """Return the same as data, with values, which are what the command is asked for."""
    stories = explained.stories if chosen is None else chosen
    found: dict[str, Any] = {
        "file": explained.path,
        "role": "output",
        "recipe": str(explained.plan.loaded.path),
        "conversion": explained.unit.conversion,
        "unit": explained.unit.id,
        "as_recipe_gives_it": not explained.changed,
        "notes": [note.text for note in explained.notes],
        "geometry": [
            {"name": row.name, "value": list(row.value) or None, "unit": row.unit, **_origin_json(row.origin)}
            for row in explained.ledger
        ],
        "tags": [
            {
                "tag": story.element.tag,
                "name": story.element.name,
                "vr": story.element.vr,
                "value": story.element.value,
                "layers": [{"value": layer.value, **_origin_json(layer.origin)} for layer in story.layers],
            }
            for story in stories
        ],
    }
    hidden: dict[str, Any] = masked(explained.plan, found)
    return hidden


def _origin_json(origin: Origin) -> dict[str, str]:
    return {"origin": origin.kind, "detail": origin.detail}


def matching_lines(found: Matching, *, exists: bool = True) -> Iterator[str]:
    """Yield for each conversion whether it takes the file, and the reason against it."""
    taken = "an input" if found.taken else "no input"
    yield f"{printable(found.path)}: {taken} of {found.recipe}"
    if not exists:
        yield "note: there is no such file; this is what would be of one"
    if found.problem:
        yield f"note: the recipe cannot be planned: {found.problem}"
    for match in found.matches:
        if match.units:
            yield f"  {match.conversion}: taken by {', '.join(match.units)}"
        elif match.why:
            yield f"  {match.conversion}: not taken: {match.why}"
        else:
            yield f"  {match.conversion}: its globs match it"
        for glob in match.globs:
            yield f"    '{glob.glob}' ({glob.place}): {glob.why or 'matches'}"


def matching_as_json(found: Matching) -> dict[str, Any]:
    """Return the same as data; a file that is de-identified has no path in it."""
    told = {
        "file": found.path,
        "role": "input" if found.taken else "none",
        "recipe": str(found.recipe),
        "problem": found.problem or None,
        "conversions": [
            {
                "conversion": match.conversion,
                "taken": not match.why,
                "units": list(match.units),
                "why": match.why or None,
                "globs": [
                    {"glob": glob.glob, "place": glob.place, "matches": not glob.why, "why": glob.why or None}
                    for glob in match.globs
                ],
            }
            for match in found.matches
        ],
    }
    hidden: dict[str, Any] = replaced_in(told, searchable(found.aliases))
    return hidden
