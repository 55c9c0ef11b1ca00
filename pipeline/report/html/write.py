"""Recipes in, one page out: what ``run --html`` and ``report`` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...check.compare import check
from ...errors import DicombakeError, RecipeError
from ...plan.model import Plan
from ...recipe.merged_text import config
from ...run.unit.results import Outcome
from ...store.files import write_named
from .gather import Gathering, Lines
from .model import Chapter, Failed, Pictures
from .page import page
from .target import check_target


@dataclass
class PageWriter:
    """Gathers recipes for one page, and writes it."""

    path: Path
    variables: Mapping[str, str]
    """Of ``--set``."""
    pictures: Pictures = "all"
    with_tags: bool = False
    confined_to: tuple[Path, ...] = ()
    """Folders of recipes that are not trusted: what seems to lie in them must do so."""
    chapters: list[Chapter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gathering = Gathering(self.pictures, self.with_tags)

    def check(self) -> None:
        """Check that the page may be written. Raises: UsageError."""
        check_target(self.path, confined_to=self.confined_to)

    def add(self, plan: Plan, outcome: Outcome | None = None) -> None:
        """Add a recipe; `outcome` where it was run just now. Raises: PlanError."""
        self.chapters.append(self.gathering.chapter(check(plan), self._lines(plan), outcome))

    def refused(self, recipe: Path, error: DicombakeError) -> None:
        """Add a recipe that was not run."""
        chapter = Chapter(recipe.stem, recipe.name)
        problems = error.problems if isinstance(error, RecipeError) else ()
        told = [str(problem) for problem in problems] or [str(error)]
        folder = f"{recipe.parent}/"
        chapter.failed += [
            Failed(recipe.name, text.replace(folder, "") if folder != "./" else text) for text in told
        ]
        self.chapters.append(chapter)

    def _lines(self, plan: Plan) -> Lines:
        loaded = plan.loaded
        try:
            found = config(loaded.path, self.variables, trusted=loaded.trusted)
        except DicombakeError:
            return {}
        if found.loaded.digest != loaded.digest:
            return {}  # the file changed meanwhile, and these are not the lines that made the outputs
        folder = "" if loaded.path.parent == Path() else f"{loaded.path.parent}/"
        return {
            name: tuple((line, origin.replace(folder, "") if folder else origin) for line, origin in lines)
            for name, lines in found.conversions.items()
        }

    def write(self) -> None:
        """Write the page. Raises: UsageError, where another file came in the way; StoreError."""
        self.check()
        write_named(self.path, page(self.chapters, with_tags=self.with_tags))
