"""Where recipes under `watch` listen: as each says now, also when its `receive` is edited meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
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
        self._told: dict[Path, tuple[Receive | None, str]] = {}
        """What could not be listened as, and why."""

    def open(self, each: Followed, loaded: LoadedRecipe) -> None:
        """Listen as a recipe says, if it does. Raises: UsageError, StoreError, PlanError."""
        if loaded.recipe.receive is None:
            return
        from .receive import Receiver

        stack = ExitStack()
        stack.enter_context(Receiver(loaded, each.data, self.tell, self.woken).listening())
        self._open[each.path] = loaded, stack

    def keep(self, each: Followed) -> None:
        """Listen anew where `receive` was edited; where that cannot be, it is told, and nothing changes.

        Associations end with the receiver that accepted them: what is not acknowledged is sent again.
        """
        wanted = each.loaded.recipe.receive
        before = self._open.get(each.path)
        wrong = self._told.get(each.path)
        if (before[0].recipe.receive if before else None) == wanted:
            self._told.pop(each.path, None)
            return
        if before is not None and wrong is not None and wrong[0] == wanted:
            return
        self._close(each.path)
        try:
            self.open(each, each.loaded)
            self._told.pop(each.path, None)
        except DicombakeError as error:
            if wrong != (wanted, str(error)):
                kept = "; the last right one is kept" if before else ""
                self.tell({"event": "error", "recipe": str(each.path), "message": f"receive: {error}{kept}"})
            self._told[each.path] = wanted, str(error)
            if before is not None:
                with suppress(DicombakeError):  # then the next look tries again
                    self.open(each, before[0])

    def close(self) -> None:
        """End all."""
        for path in list(self._open):
            self._close(path)

    def _close(self, path: Path) -> None:
        if path in self._open:
            self._open.pop(path)[1].close()
