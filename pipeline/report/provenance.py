"""Write what came from what as W3C PROV: the graph of a run in PROV-JSON, made with the package `prov`.

Entities are the files (with their sha256) and the recipe (with its digest), activities the steps of the plan,
the agent this program in its version. One bundle per recipe. Files are named by their path relative to the
data folder (``data:``) or the output folder (``out:``), so that the same results give the same text anywhere;
it has no clock, no user, no tag value. Skipped units are not in it; failed ones are marked.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import UsageError
from ..plan.aliases import Aliases
from ..plan.model import Step
from ..run.unit.results import Outcome, UnitResult
from ..run.versions import codecs
from ..version import program_version

if TYPE_CHECKING:
    from prov.model import ProvBundle, ProvDocument

_ROOT = "urn:x-dicombake:"
_PREFIXES = ("data", "out", "step", "recipe", "software")
_TERMS = "dicombake"

Attributes = dict[str, Any]


def prov_json(outcomes: Sequence[Outcome]) -> bytes:
    """Return the document, ASCII with LF."""
    document = _document()
    names: dict[str, int] = {}
    for outcome in outcomes:
        name = outcome.plan.loaded.recipe.name
        names[name] = names.get(name, 0) + 1
        number = f".{names[name]}" if names[name] > 1 else ""
        _Bundle(document.bundle(_id("recipe", name + number)), outcome).fill()
    text = io.StringIO()
    document.serialize(text, format="json", indent=1)
    return text.getvalue().encode("ascii") + b"\n"


def require() -> None:
    """Check for the extra. Raises: UsageError where the package `prov` is not installed."""
    if find_spec("prov") is None:
        raise UsageError(
            "needs the package 'prov'", subject="--report", hint="pip install 'dicombake[provenance]'"
        )


def _document() -> ProvDocument:
    from prov.model import ProvDocument

    document = ProvDocument()
    document.add_namespace(_TERMS, f"{_ROOT}terms:")
    for prefix in _PREFIXES:
        document.add_namespace(prefix, f"{_ROOT}{prefix}:")
    return document


def _id(prefix: str, text: str) -> str:
    """Return a qualified name that every PROV serialisation can write: percent-encoded, no dot at the end."""
    quoted = quote(text, safe="/", errors="surrogatepass").replace("~", "%7E")
    return f"{prefix}:{quoted[:-1] + '%2E' if quoted.endswith('.') else quoted}"


class _Bundle:
    """One recipe's part of the graph."""

    def __init__(self, bundle: ProvBundle, outcome: Outcome) -> None:
        self.bundle = bundle
        self.outcome = outcome
        self.results = {result.unit: result for result in outcome.results}
        self.hashes: dict[str, str] = {}
        for result in outcome.results:
            self.hashes |= {key: known for key, known in result.inputs if known}
            self.hashes |= {f"out:{file.path}": file.sha256 for file in result.written}
        self.bases = {unit.id: {file.shown: file.base for file in unit.files} for unit in outcome.plan.units}
        self.aliases = Aliases(outcome.plan)
        self.files: dict[str, str] = {}

    def fill(self) -> None:
        loaded = self.outcome.plan.loaded
        recipe = _id("recipe", loaded.path.name)
        program = _id("software", f"dicombake-{program_version()}")
        about: Attributes = {"prov:type": self._term("prov:Plan"), "prov:label": loaded.path.name}
        self.bundle.entity(recipe, about | {"dicombake:digest": loaded.digest})
        versions = [f"{name} {version}" for name, version in codecs(loaded.recipe).items()]
        self._agent(program, versions)
        inputs: dict[str, list[str]] = {}
        for step in self.outcome.plan.steps():
            if self.results[step.unit].status != "skipped":
                self._step(step, recipe, program, inputs.setdefault(step.unit, []))

    def _term(self, name: str) -> Any:
        return self.bundle.valid_qualified_name(name)

    def _agent(self, program: str, codec_versions: Sequence[str]) -> None:
        about: list[tuple[str, Any]] = [
            ("prov:type", self._term("prov:SoftwareAgent")),
            ("prov:label", f"dicombake {program_version()}"),
            *(("dicombake:codec", version) for version in codec_versions),
        ]
        self.bundle.agent(program, about)

    def _step(self, step: Step, recipe: str, program: str, inputs: list[str]) -> None:
        """Record a step, what it used and what it made; `inputs` collects the files that its unit read."""
        result = self.results[step.unit]
        activity = self._step_id(step.id)
        about = {"prov:type": self._term(f"dicombake:{step.kind}"), "prov:label": f"{step.kind} {step.does}"}
        self.bundle.activity(activity, None, None, about | _state(result))
        self.bundle.wasAssociatedWith(activity, program, recipe)
        for path in step.inputs:
            inputs.append(self._file(f"{self.bases[step.unit][path]}:{path}"))
            self.bundle.used(activity, inputs[-1])
        for need in step.needs:
            self.bundle.wasInformedBy(activity, self._step_id(need))
        made = {file.path for file in result.written}
        for path in step.outputs:
            if path in made:
                output = self._file(f"out:{path}")
                self.bundle.wasGeneratedBy(output, activity)
                for source in inputs:
                    self.bundle.wasDerivedFrom(output, source, activity)

    def _step_id(self, step: str) -> str:
        unit, _, kind = step.rpartition(":")
        return _id("step", f"{self.aliases.id(unit)}:{kind}")

    def _file(self, key: str) -> str:
        """Return the identifier of a file, declared when it is first met."""
        if key not in self.files:
            base, _, path = key.partition(":")
            self.files[key] = _id(base, path)
            about: Attributes = {"prov:location": path.encode("utf-8", "backslashreplace").decode("utf-8")}
            if key in self.hashes:
                about["dicombake:sha256"] = self.hashes[key]
            self.bundle.entity(self.files[key], about)
        return self.files[key]


def _state(result: UnitResult) -> Attributes:
    """Return the status of a unit that has no or not all outputs; empty where it succeeded."""
    if result.status in ("written", "current"):
        return {}
    kind = {"dicombake:error": result.error.kind} if result.error else {}
    return {"dicombake:status": result.status, **kind}
