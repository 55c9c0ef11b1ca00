"""Make the fingerprint of a unit: one sha256 over everything that decides the bytes of its outputs.

Two parts decide: the options (the merged conversion without its globs, what of the rest of the recipe
reaches an output, captures, output paths, versions) and the contents of the inputs. The options' part is
known without opening a file. To name a change, there is also a short hash of each part of the options.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import UUID

from msgspec import Struct

from ...schemas.language.template import is_template
from ..plan.deidentified import settings_of
from ..plan.model import Unit
from ..plan.scope import kinds_of
from ..recipe.canonical import keep_what_counts
from ..recipe.loaded import LoadedRecipe
from ..recipe.profiles import HANDED_DOWN
from ..version import program_version
from .versions import codecs, codecs_of

if TYPE_CHECKING:
    from ...schemas.recipe import Recipe
    from ..deidentify.keys import Key

SHORT = 12
"""Hex digits of an option's hash. It only names what changed; the fingerprint decides."""

MACHINES = "machines."
VERSIONS = "versions"
"""The fact that stands for the program and the codecs, whose versions the lock also has in clear."""

# Searched in the text of all options, not by the walk over templates: a key that gets templates later is
# covered at once, and a name too many only makes a unit anew.
_USED = re.compile(r"\{(vars|env)\.([A-Za-z_][A-Za-z0-9_]*)")
_NO_PART_OF_THE_BYTES = ("inputs", "on_empty", "keep", "machine", "profile", *HANDED_DOWN)
"""Keys of a conversion that are no options: the unit itself names its inputs, a machine and a profile are
merged into the conversion, and what it hands down is merged into its exports.
"""
_BY_KEY = ("source", "combine", "geometry", "tags", "deidentify")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_plain).encode
"""The only JSON form that is hashed: sorted keys, no blanks, ASCII."""


def fingerprint(options: str, inputs: Mapping[str, str]) -> str:
    """Return the sha256 (hex) over a unit's options and the sha256 of each input, by `key_of`."""
    return _sha256("\0".join(chain((options,), *sorted(inputs.items()))))


class Options:
    """The options' part of fingerprints of one recipe."""

    def __init__(self, loaded: LoadedRecipe) -> None:
        self._loaded = loaded
        self._conversions: dict[tuple[str, str], tuple[str, bool]] = {}
        self._keys: dict[str, Key | None] = {}
        self._said: dict[str, _Said] = {}

    def of(self, unit: Unit) -> str:
        """Return the text of everything but the inputs' contents that decides the outputs of a unit.

        Each part ends in NUL, which no name holds, and each list begins with its length: so no two units
        share a text.
        """
        digest, indexed = self._conversion(unit.conversion, unit.machine)
        first, last = unit.pages or ("", "")
        parts = [digest, unit.group, str(first), str(last), str(unit.index) if indexed else ""]
        parts.append(str(len(unit.inputs)))
        for item in unit.inputs:
            parts += (item.base, item.path, str(len(item.captures)))
            for capture in item.captures:
                parts += capture
        for output in unit.outputs:
            parts += (output.path, str(output.export), str(output.page))
        key = self._key(unit.conversion)
        return "\0".join(parts) if key is None else key.hexadecimal("options", *parts)

    def _key(self, name: str) -> Key | None:
        """Return the key of a conversion that is de-identified: then nothing is hashed without it."""
        if name not in self._keys:
            settings = settings_of(self._loaded, name)
            self._keys[name] = None if settings is None else settings.key
        return self._keys[name]

    def facts(self, name: str) -> dict[str, str]:
        """Return a short hash of each key of a conversion, and of what else reaches its outputs."""
        parts = self._of("").parts(name)
        for machine in self._machines(name, ""):
            own = self._of(machine).parts(name)
            parts |= {
                f"machines.{machine}.{key}": part for key, part in own.items() if part != parts.get(key)
            }
        secret = self._key(name)
        return {
            key: (
                _sha256(canonical([name, key, value]))
                if secret is None
                else secret.hexadecimal("option", canonical([name, key, value]))
            )[:SHORT]
            for key, value in parts.items()
            if value not in (None, {}, [])
        }

    def codecs(self) -> dict[str, str]:
        """Return the version of each distribution that the recipe uses to read, compute or write."""
        return codecs(self._loaded.recipe)

    def _conversion(self, name: str, machine: str) -> tuple[str, bool]:
        """Return a digest of what units of a conversion and machine share, and if it uses ``{index}``."""
        if (name, machine) not in self._conversions:
            machines = self._machines(name, machine) or [""]
            text = canonical([self._of(each).described(name) for each in machines])
            self._conversions[name, machine] = _sha256(text), "{index" in text
        return self._conversions[name, machine]

    def _of(self, machine: str) -> _Said:
        """Return what the recipe says for a machine, or (empty) for none."""
        if machine not in self._said:
            self._said[machine] = _Said(self._loaded.for_machine(machine))
        return self._said[machine]

    def _machines(self, name: str, machine: str) -> list[str]:
        """Return the machines that a unit may be of: one, none, or (where a file is to be made first) any."""
        if machine:
            return [machine]
        chosen = self._loaded.recipe.conversions[name].machine
        return sorted(self._loaded.variants) if chosen is not None and is_template(chosen) else []


def machine_fact(machine: str, key: str) -> str:
    """Return the name of a fact that holds for one machine's files."""
    return f"{MACHINES}{machine}.{key}"


class _Said(Struct, frozen=True, dict=True):
    """What one recipe says, taken from its models once for all of its conversions."""

    loaded: LoadedRecipe

    def described(self, name: str) -> dict[str, Any]:
        """Return all that decides the bytes of a conversion's outputs, but for its inputs."""
        recipe = self.loaded.recipe
        conversion = recipe.conversions[name]
        options = self._options[name]
        used = {(space, key) for space, key in _USED.findall(canonical(options))}
        return {
            "conversion": name,
            "options": options,
            "captures": kinds_of(recipe, name),
            "name": recipe.name,
            "uid_namespace": recipe.uid_namespace,
            "strict": recipe.strict,
            "verify": recipe.verify,
            "vars": {key: recipe.vars.get(key) for space, key in used if space == "vars"},
            "env": {key: os.environ.get(key) for space, key in used if space == "env"},
            "own geometry": self._own_geometry.get(name, []),
            "program": program_version(),
            "codecs": codecs_of(conversion),
        }

    def parts(self, name: str) -> dict[str, Any]:
        """Return what reaches the outputs of a conversion, by the names that a change is told by."""
        described = self.described(name)
        parts = dict(_keys(self._set_options[name]))
        for key in set(described["own geometry"]) & parts.keys():
            parts[key] = [parts[key], "stands in the conversion"]
        parts |= {f"vars.{key}": value for key, value in described["vars"].items()}
        parts |= {f"env.{key}": value for key, value in described["env"].items()}
        parts |= {key: described[key] for key in ("name", "uid_namespace", "captures")}
        parts |= {"strict of the recipe": described["strict"] or None}
        parts |= {"verify of the recipe": None if described["verify"] == "values" else described["verify"]}
        return parts | {VERSIONS: [described["program"], described["codecs"]]}

    @cached_property
    def _options(self) -> dict[str, dict[str, Any]]:
        """What each conversion says of the bytes."""
        return _options(self.loaded.recipe)

    @cached_property
    def _set_options(self) -> dict[str, dict[str, Any]]:
        """The same, without what is said by a default."""
        return _options(self.loaded.recipe, exclude_unset=True)

    @cached_property
    def _own_geometry(self) -> dict[str, list[str]]:
        """The geometry that stands in each conversion itself: only it outranks what a file says."""
        found: dict[str, list[str]] = {}
        for location, place in self.loaded.places.items():
            inside = len(location) > 3 and (location[0], location[2]) == ("conversions", "geometry")
            if inside and place.layer == "conversion":
                found.setdefault(str(location[1]), []).append(f"geometry.{location[3]}")
        return {name: sorted(keys) for name, keys in found.items()}


def _options(recipe: Recipe, *, exclude_unset: bool = False) -> dict[str, dict[str, Any]]:
    """Dump the recipe's model: that of a part would be built for it first."""
    dumped = recipe.model_dump(include={"conversions"}, exclude_unset=exclude_unset)
    said = {}
    for name, options in dumped["conversions"].items():
        keep_what_counts(options)
        for export in options["exports"]:
            export.pop("keep", None)
        options.get("deidentify", {}).pop("key", None)
        said[name] = {key: value for key, value in options.items() if key not in _NO_PART_OF_THE_BYTES}
    return said


def _keys(options: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in options.items():
        if key == "exports":
            for number, export in enumerate(value):
                yield from ((f"exports[{number}].{inner}", what) for inner, what in export.items())
        elif key in _BY_KEY and isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", what) for inner, what in value.items())
        else:
            yield key, value


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
