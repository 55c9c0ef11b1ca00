"""What decides the bytes of a unit's outputs, as one sha256.

Two parts: the options (the merged conversion, what of the rest of the recipe reaches an output, captures,
output paths, versions) and the contents of the inputs. The options' part is known without opening a file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from ..plan import InputFile, Unit
from ..recipe_file import LoadedRecipe
from ..store import file_sha256
from .versions import codecs_of, program_version

_USED = re.compile(r"\{(vars|env)\.([A-Za-z_][A-Za-z0-9_]*)")


def canonical(value: Any) -> str:
    """JSON of one form only: sorted keys, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def key_of(item: InputFile) -> str:
    """How an input is named in results: ``data:film/a.tif``."""
    return f"{item.base}:{item.path}"


def fingerprint(options: str, inputs: Mapping[str, str]) -> str:
    """sha256 (hex) over a unit's options and the sha256 of each input, by `key_of`."""
    return _sha256(canonical([options, sorted(inputs.items())]))


class Options:
    """The options' part of fingerprints of one recipe."""

    def __init__(self, loaded: LoadedRecipe) -> None:
        self._loaded = loaded
        self._texts: dict[str, str] = {}

    def of(self, unit: Unit) -> str:
        """sha256 (hex) over everything but the inputs' contents that decides the outputs of a unit."""
        text = self._conversion(unit.conversion)
        return _sha256(
            canonical(
                {
                    "conversion": text,
                    "inputs": [[key_of(item), sorted(item.captures)] for item in unit.inputs],
                    "outputs": [[output.path, output.export, output.page] for output in unit.outputs],
                    "group": unit.group,
                    "pages": unit.pages,
                    "index": unit.index if "{index" in text else None,
                }
            )
        )

    def _conversion(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = self._describe(name)
        return self._texts[name]

    def _describe(self, name: str) -> str:
        recipe = self._loaded.recipe
        conversion = recipe.conversions[name]
        options = conversion.model_dump()
        used = {(space, key) for space, key in _USED.findall(canonical(options))}
        return canonical(
            {
                "conversion": name,
                "options": options,
                "recipe": recipe.name,
                "uid_namespace": recipe.uid_namespace,
                "strict": recipe.strict,
                "vars": {key: recipe.vars.get(key) for space, key in used if space == "vars"},
                "env": {key: os.environ.get(key) for space, key in used if space == "env"},
                "own geometry": self._own_geometry(name),
                "program": program_version(),
                "codecs": codecs_of(conversion),
            }
        )

    def _own_geometry(self, name: str) -> list[str]:
        """The geometry that stands in the conversion itself: only it outranks what a file says."""
        start = ("conversions", name, "geometry")
        return sorted(
            str(location[3])
            for location, place in self._loaded.places.items()
            if location[:3] == start and len(location) > 3 and place.layer == "conversion"
        )


def input_path(item: InputFile, data: Path, out: Path) -> Path:
    """Where an input lies."""
    return (data if item.base == "data" else out).joinpath(*item.path.split("/"))


def content_sha256(path: Path) -> str:
    """sha256 (hex) of an input; hashed once for all the ranges of slices that one worker takes from a file.

    Raises: OSError.
    """
    found = path.stat()
    return _content_sha256(path, (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))


@lru_cache(maxsize=64)
def _content_sha256(path: Path, seen: tuple[int, ...]) -> str:
    return file_sha256(path)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()
