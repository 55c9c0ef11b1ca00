"""A draft of a recipe, and the lines at its top."""

from __future__ import annotations

import uuid

from msgspec import Struct

SCHEMA_LINE = "# yaml-language-server: $schema=recipe.schema.json\n"
"""For editors; `dicombake schema` writes the file that it names."""


class Draft(Struct, frozen=True):
    """A recipe's text, and what its user must still do."""

    text: str
    fill_in: tuple[str, ...] = ()
    """One sentence per missing value; while there are any, the recipe is not valid."""
    ask: tuple[str, ...] = ()
    """One sentence per conversion whose files lack a value, which stays empty in the outputs."""
    skipped: tuple[str, ...] = ()
    """One sentence per file that the draft leaves out."""
    companions: tuple[tuple[str, str], ...] = ()
    """Path (with /, relative to the recipe's folder) and text of files that the recipe extends."""


def head(description: str) -> str:
    """Return the lines above `conversions`."""
    return (
        f"{SCHEMA_LINE}#\n"
        "# Help in the editor: dicombake schema --out recipe.schema.json\n"
        "# Is it right? dicombake validate THIS-FILE    Do it: dicombake run THIS-FILE\n"
        "version: 1\n"
        f"uid_namespace: {uuid.uuid4()}    # this recipe's own; keep it: UIDs derive from it\n"
        f"description: {description}\n"
        "\n"
        "defaults:\n"
        "  tags: {}                     # for every conversion, as in {PatientID: QA-TB1}\n"
        "\n"
    )
