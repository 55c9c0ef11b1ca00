"""Draw the graph of a plan as Mermaid or DOT text, to be read by a person.

One cluster per conversion; files are boxes, steps are rounded. A plan of many steps is shown as its
conversions with counts. The text depends on nothing but the plan.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from ....schemas.recipe import Conversion
from ...plan.aliases import Aliases
from ...plan.model import Plan, Unit
from ...printable import printable

MAX_STEPS = 200
"""The most steps that are drawn; of more, the conversions stand for them."""

MAX_SLICES = 3
"""The most outputs of one step that are drawn one by one."""

_MARKUP = re.compile(r"""["#&<>`*\\]|(?<=[0-9])\.(?= )|^[-+](?= )""")

Kind = Literal["file", "step"]


class Node(Struct, frozen=True):
    """Something to draw; `lines` are its text."""

    id: str
    kind: Kind
    lines: tuple[str, ...]


@dataclass(slots=True)
class Graph:
    """What is drawn: a cluster of nodes for each conversion, and arrows between their ids."""

    clusters: dict[str, list[Node]] = field(default_factory=dict)
    arrows: dict[tuple[str, str], None] = field(default_factory=dict)
    ids: dict[tuple[str, ...], str] = field(default_factory=dict)

    def node(self, cluster: str, kind: Kind, key: tuple[str, ...], *lines: str) -> str:
        """Return the id of the node of a key, made where it is new."""
        if key not in self.ids:
            self.ids[key] = f"n{len(self.ids) + 1}"
            self.clusters.setdefault(cluster, []).append(Node(self.ids[key], kind, lines))
        return self.ids[key]

    def arrow(self, start: str, end: str) -> None:
        self.arrows[start, end] = None


def mermaid(plan: Plan, *, detailed: bool | None = None) -> str:
    """Return the plan as a Mermaid flowchart.

    `detailed`: every step, or only conversions; None: as many allow.
    """
    graph = _graph(plan, detailed)
    lines = ["flowchart LR"]
    for number, (name, nodes) in enumerate(graph.clusters.items(), 1):
        lines.append(f"  subgraph c{number}[{_mermaid_text(name)}]")
        lines += [f"    {_mermaid_node(node)}" for node in nodes]
        lines.append("  end")
    lines += [f"  {start} --> {end}" for start, end in graph.arrows]
    return "\n".join(lines) + "\n"


def dot(plan: Plan, *, detailed: bool | None = None) -> str:
    """Return the plan in Graphviz' DOT; `detailed` as in `mermaid`."""
    graph = _graph(plan, detailed)
    lines = ["digraph plan {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    for number, (name, nodes) in enumerate(graph.clusters.items(), 1):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_dot_text((name,))};"]
        for node in nodes:
            shape = "shape=box" if node.kind == "file" else "shape=box, style=rounded"
            lines.append(f"    {node.id} [label={_dot_text(node.lines)}, {shape}];")
        lines.append("  }")
    lines += [f"  {start} -> {end};" for start, end in graph.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _graph(plan: Plan, detailed: bool | None) -> Graph:
    if detailed is None:
        count = sum(1 for _, _ in zip(range(MAX_STEPS + 1), plan.steps(), strict=False))
        detailed = count <= MAX_STEPS
    return _steps(plan) if detailed else _conversions(plan)


def _steps(plan: Plan) -> Graph:
    """Return every step, with the files that it reads and writes."""
    graph = Graph()
    units = {unit.id: unit for unit in plan.units}
    aliases = Aliases(plan)
    made: dict[str, str] = {}
    for step in plan.steps():
        unit = units[step.unit]
        lines = [f"{step.kind} {step.does}"]
        if unit.problem:
            lines.append(f"cannot be done: {aliases.text(unit.problem, unit.id)}")
        node = graph.node(unit.conversion, "step", ("step", step.id), *lines)
        for path in step.inputs:
            file = graph.node(unit.conversion, "file", ("data", path), path) if not step.needs else made[path]
            graph.arrow(file, node)
        if step.kind != "load":
            for need in step.needs:
                graph.arrow(graph.ids["step", need], node)
        shown = step.outputs if len(step.outputs) <= MAX_SLICES else (_span(step.outputs),)
        for path in shown:
            made[path] = graph.node(unit.conversion, "file", ("out", path), path)
            graph.arrow(node, made[path])
        made |= dict.fromkeys(step.outputs, made[shown[0]]) if len(shown) < len(step.outputs) else {}
    return graph


def _span(paths: tuple[str, ...]) -> str:
    return f"{paths[0]} ... {paths[-1]} ({len(paths)} files)"


def _conversions(plan: Plan) -> Graph:
    """Return one node for each conversion, its inputs, and each of its exports."""
    graph = Graph()
    units: dict[str, list[Unit]] = {}
    makers: dict[str, tuple[str, int]] = {}
    for unit in plan.units:
        units.setdefault(unit.conversion, []).append(unit)
        makers |= {output.path: (unit.conversion, output.export) for output in unit.outputs}
    for name, own in units.items():
        conversion = plan.conversion(own[0])
        node = graph.node(name, "step", ("conversion", name), *_does(conversion, own))
        files = {file.path: file.base for unit in own for file in unit.inputs}
        given = [path for path, base in files.items() if base == "data"]
        if given:
            lines = (*conversion.inputs.files, _count(len(given), "file"))
            graph.arrow(graph.node(name, "file", ("data", name), *lines), node)
        chained = {makers[path] for path, base in files.items() if base == "out"}
        for maker, position in sorted(chained):
            graph.arrow(graph.ids["out", maker, str(position)], node)
        counts = Counter(output.export for unit in own for output in unit.outputs)
        for position, export in enumerate(conversion.exports):
            lines = (export.to, export.path, _count(counts[position], "file"))
            graph.arrow(node, graph.node(name, "file", ("out", name, str(position)), *lines))
    return graph


def _does(conversion: Conversion, units: list[Unit]) -> Iterator[str]:
    """Yield what a conversion does to each of its images, a line each."""
    yield f"load {conversion.source.format}"
    if conversion.combine:
        yield f"combine {conversion.combine.method}"
    if conversion.process:
        yield f"process {', '.join(operation.op for operation in conversion.process)}"
    yield _count(len(units), "unit")
    problems = sum(1 for unit in units if unit.problem)
    if problems:
        yield f"{problems} cannot be done"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _mermaid_node(node: Node) -> str:
    text = _mermaid_text(*node.lines)
    return f"{node.id}({text})" if node.kind == "step" else f"{node.id}[{text}]"


def _mermaid_text(*lines: str) -> str:
    """Return quoted text; what Mermaid would read as markup is written as its code point."""
    safe = (_MARKUP.sub(lambda found: f"#{ord(found[0])};", printable(line)) for line in lines)
    return f'"{"<br/>".join(safe)}"'


def _dot_text(lines: tuple[str, ...]) -> str:
    text = "\n".join(printable(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + text.replace("\n", "\\n") + '"'
