"""Start a draft from an example, or from nothing."""

from __future__ import annotations

import re
import uuid
from importlib.resources import files

from ..errors import UsageError
from .base import SCHEMA_LINE, Draft, head

_RECIPES = "dicombake.recipes"

_BLANK = """\
conversions:
  epid:                                        # a name of your own
    inputs: epid/*.xim                         # relative to this file; --data moves that
    source: xim                                # dicombake formats: every format and its options
    exports:
      - {to: rt-image, path: "dicom/{stem}.dcm"}
    # tags: {RTImageName: "{stem}"}            # whatever you set here wins
    # process: [{crop: {top: 20, bottom: 20}}]

  # film:                                      # files that do not know their geometry are told it
  #   inputs: "film/g{gantry:d}_*.tif"         # the angle is taken from the name
  #   source: {format: image, channel: red}
  #   geometry: {dpi: 300, sid: 1000, sad: 1000, gantry: "{gantry}"}
  #   exports: {to: rt-image, path: "dicom/{stem}.dcm"}
"""


def blank() -> Draft:
    """Return a short recipe to start from."""
    return Draft(head("what is converted, and for whom") + _BLANK)


def examples() -> list[str]:
    """Return the names that `from_example` takes."""
    names = (entry.name for entry in files(_RECIPES).iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def example_text(name: str) -> str:
    """Return an example unchanged. Raises: UsageError for an unknown name."""
    if name not in examples():
        raise UsageError(f"there is no example '{name}'", hint=f"there are {', '.join(examples())}")
    return _read(f"{name}.yaml")


def from_example(name: str) -> Draft:
    """Return an example with a namespace of its own, and what it extends. Raises: UsageError."""
    text = example_text(name)
    text = re.sub(r"^uid_namespace:.*$", f"uid_namespace: {uuid.uuid4()}", text, count=1, flags=re.M)
    text = re.sub(r"\A# yaml-language-server:.*\n", SCHEMA_LINE, text)
    extended = [
        name for found in re.findall(r"^extends: \[(.+)\]$", text, re.M) for name in found.split(", ")
    ]
    return Draft(text, companions=tuple((name, _read(name)) for name in extended))


def _read(path: str) -> str:
    return files(_RECIPES).joinpath(*path.split("/")).read_text(encoding="utf-8")


def about(name: str) -> str:
    """Return the purpose of an example: its own `description`."""
    found = re.search(r"^description: (.*)$", example_text(name), re.M)
    return found[1] if found else ""
