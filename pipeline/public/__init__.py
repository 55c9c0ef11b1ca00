"""Recipes that convert radiotherapy and medical images to DICOM and to pictures.

    from dicombake import run

    outcome = run("film.yaml")

The names are those of `dicombake.pipeline.api`, imported when they are used, since every module of the
package imports this one. Installed, this folder is the package `dicombake` (pyproject.toml maps it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pipeline.api import check, load_recipe, plan, run, to_dataset

    __version__: str

__all__ = ["__version__", "check", "load_recipe", "plan", "run", "to_dataset"]


def __getattr__(name: str) -> Any:
    """Import a name from the API. Raises: AttributeError for a name that is not in it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "__version__":
        from .pipeline.version import program_version

        return program_version()
    from .pipeline import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """Return the names of the API and the module's own."""
    return sorted({*globals(), *__all__})
