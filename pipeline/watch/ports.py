"""Where recipes under `watch` listen: as each says now, also when its `receive` is edited meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ...schemas.delivery import Receive
from ..errors import DicombakeError
from ..recipe.loaded import LoadedRecipe
from .followed import Followed, Tell


class Ports:
    """The receivers of some recipes, each as its recipe said when it was last looked at."""

    def __init__(self, tell: Tell, woken: Callable[[], None]) -> None:
        self.tell, self.woken = tell, woken
        self._open: dict[Path, tuple[LoadedRecipe, ExitStack]] = {}
        self._last: dict[Path, LoadedRecipe] = {}
        """The last right recipe, also while nothing listens."""
        self._told: dict[Path, tuple[Receive, str]] = {}
        """What could not be listened as, and why."""

    def open(self, each: Followed, loaded: LoadedRecipe) -> None:
        """Listen as a recipe says, if it does. Raises: UsageError, StoreError, PlanError."""
        if loaded.recipe.receive is None:
            return
        from .receive import Receiver

        stack = ExitStack()
        stack.enter_context(Receiver(loaded, each.data, self.tell, self.woken).listening())
        self._open[each.path] = loaded, stack
        self._last[each.path] = loaded

    def keep(self, each: Followed) -> None:
        """Listen anew where `receive` was edited; where that cannot be, it is told, and nothing changes.

        Associations end with the receiver that accepted them: what is not acknowledged is sent again. While
        nothing listens, each look tries again, also the last right recipe.
        """
        wanted = each.loaded.recipe.receive
        if wanted is None:
            self._close(each.path)
            self._last.pop(each.path, None)
            self._told.pop(each.path, None)
            return
        now, told = self._open.get(each.path), self._told.get(each.path)
        if now is not None and now[0].recipe.receive == wanted:
            self._told.pop(each.path, None)
            return
        if now is not None and told is not None and told[0] == wanted:
            return
        self._close(each.path)
        wrong = self._refused(each, each.loaded)
        if wrong is None:
            self._told.pop(each.path, None)
            if now is None and told is not None:
                message = "receive: it listens again"
                self.tell({"event": "recipe", "recipe": str(each.path), "message": message})
            return
        last = self._last.get(each.path)
        kept = last is not None and self._refused(each, last) is None
        message = f"receive: {wrong}; {'the last right one is kept' if kept else 'nothing listens'}"
        if told != (wanted, message):
            self.tell({"event": "error", "recipe": str(each.path), "message": message})
        self._told[each.path] = wanted, message

    def _refused(self, each: Followed, loaded: LoadedRecipe) -> DicombakeError | None:
        """Listen as a recipe says; why that cannot be, where it cannot."""
        try:
            self.open(each, loaded)
        except DicombakeError as error:
            return error
        return None

    def close(self) -> None:
        """End all."""
        for path in list(self._open):
            self._close(path)

    def _close(self, path: Path) -> None:
        if path in self._open:
            self._open.pop(path)[1].close()
