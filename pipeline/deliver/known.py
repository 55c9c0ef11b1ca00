"""What is known of deliveries, for who only looks: nobody is asked, and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping

from ..plan.model import Plan
from ..store.state import State as Database
from .chosen import wanted
from .model import State
from .outbox import key_at, outbox_file, recorded


class Known:
    """The outbox of a plan's recipe as it was when this was made; none of a recipe that is not trusted."""

    def __init__(self, plan: Plan) -> None:
        loaded = plan.loaded
        self._keys: dict[str, dict[str, str]] = {}
        self._states: Mapping[tuple[str, str, str], State] = {}
        if not loaded.trusted or not loaded.recipe.destinations:
            return
        self._states = recorded(outbox_file(Database(loaded.path)))
        for item, name in wanted(plan, None):
            destination = loaded.recipe.destinations[name]
            if destination.to == "folder" or item.dicom:
                key = key_at(loaded.path.parent, name, destination)
                self._keys.setdefault(item.path, {})[name] = key

    def states(self, path: str, sha256: str) -> tuple[tuple[str, State], ...]:
        """Return where this content of an output is to be, and its state there."""
        keys = self._keys.get(path, {})
        return tuple((name, self._states.get((key, path, sha256), "pending")) for name, key in keys.items())
