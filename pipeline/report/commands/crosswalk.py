"""Show a crosswalk to those who have its password: each pseudonym and UID with what it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...deidentify.crosswalk import Crosswalk
from ...printable import printable


def crosswalk_lines(crosswalk: Crosswalk) -> Iterator[str]:
    """Yield a line for each patient, then for each UID: new, then old, parted by tabs."""
    for new, patient in sorted(crosswalk.patients.items()):
        back = f"\tdates {patient['days']} days back" if patient["days"] else ""
        yield f"{printable(new)}\t{printable(patient['id'])}\t{printable(patient['name'])}{back}"
    for new, old in sorted(crosswalk.uids.items()):
        yield f"{printable(new)}\t{printable(old)}"


def crosswalk_as_json(crosswalk: Crosswalk) -> dict[str, Any]:
    """Return the same as data."""
    return {"schema_version": 1, "patients": crosswalk.patients, "uids": crosswalk.uids}
