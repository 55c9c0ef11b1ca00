"""The DAG as text: exact for a small plan, sound for odd names, collapsed for a large one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from dicombake.pipeline.imaging.probe import Probe
from dicombake.pipeline.loaders.options import Limits, SourceOptions
from dicombake.pipeline.plan.build import plan
from dicombake.pipeline.plan.model import InputFile, Output, Plan, Unit
from dicombake.pipeline.printable import printable
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.pipeline.report.commands.graph import dot, mermaid

CHAIN = """
version: 1
conversions:
  epid:
    inputs: "*.xim"
    source: xim
    exports: {to: rt-image, path: "mid/{stem}.dcm"}
  mean:
    inputs: {from: epid}
    source: dicom
    combine: mean
    process: [invert, ground]
    exports: {to: png, path: "mean.png"}
"""

VOLUME = """
version: 1
conversions:
  ct:
    inputs: "*.npy"
    source: {format: volume, slice_axis: 0, spacing: [1, 1, 1]}
    exports: {to: ct-series, path: "ct/{slice}.dcm"}
"""


def planned(folder: Path, recipe: str, *files: str) -> Plan:
    (folder / "r.yaml").write_text(recipe, encoding="utf-8")
    for file in files:
        (folder / file).write_bytes(b"")

    def probe(path: Path, source: SourceOptions, limits: Limits) -> Probe:
        return Probe("volume", (2, 2), "int16", 5)

    return plan(load_recipe(folder / "r.yaml"), probe=probe)


def test_mermaid_shows_every_step(tmp_path: Path) -> None:
    made = planned(tmp_path, CHAIN, "a.xim", "b.xim")
    assert (
        mermaid(made)
        == """\
flowchart LR
  subgraph c1["epid"]
    n1("load xim")
    n2["a.xim"]
    n3("export rt-image")
    n4["mid/a.dcm"]
    n5("load xim")
    n6["b.xim"]
    n7("export rt-image")
    n8["mid/b.dcm"]
  end
  subgraph c2["mean"]
    n9("load dicom")
    n10("load dicom")
    n11("combine mean")
    n12("process invert, ground")
    n13("export png")
    n14["mean.png"]
  end
  n2 --> n1
  n1 --> n3
  n3 --> n4
  n6 --> n5
  n5 --> n7
  n7 --> n8
  n4 --> n9
  n8 --> n10
  n9 --> n11
  n10 --> n11
  n11 --> n12
  n12 --> n13
  n13 --> n14
"""
    )


def test_conversions_stand_for_many_steps(tmp_path: Path) -> None:
    made = planned(tmp_path, CHAIN, *(f"{number}.xim" for number in range(150)))
    short = """\
flowchart LR
  subgraph c1["epid"]
    n1("load xim<br/>150 units")
    n2["#42;.xim<br/>150 files"]
    n3["rt-image<br/>mid/{stem}.dcm<br/>150 files"]
  end
  subgraph c2["mean"]
    n4("load dicom<br/>combine mean<br/>process invert, ground<br/>1 unit")
    n5["png<br/>mean.png<br/>1 file"]
  end
  n2 --> n1
  n1 --> n3
  n3 --> n4
  n4 --> n5
"""
    assert mermaid(made) == short
    assert mermaid(made, detailed=False) == short
    assert mermaid(made, detailed=True).count("load xim") == 150


def test_dot_shows_the_same(tmp_path: Path) -> None:
    made = planned(tmp_path, VOLUME, "a.npy")
    assert (
        dot(made)
        == """\
digraph plan {
  rankdir=LR;
  node [fontname="sans-serif"];
  subgraph cluster_1 {
    label="ct";
    n1 [label="load volume", shape=box, style=rounded];
    n2 [label="a.npy", shape=box];
    n3 [label="export ct-series", shape=box, style=rounded];
    n4 [label="ct/1.dcm ... ct/5.dcm (5 files)", shape=box];
  }
  n2 -> n1;
  n1 -> n3;
  n3 -> n4;
}
"""
    )


def test_an_empty_plan_is_an_empty_graph(tmp_path: Path) -> None:
    made = planned(tmp_path, CHAIN.replace('"*.xim"', '{files: "*.xim", on_empty: ok}'), "a.xim")
    empty = Plan(made.loaded, made.lowered, made.data, made.out, ())
    assert mermaid(empty) == "flowchart LR\n"
    assert dot(empty) == 'digraph plan {\n  rankdir=LR;\n  node [fontname="sans-serif"];\n}\n'


ODD = ['a"b', "a\\b", "a#b;", "<b>&", "`x`", "*x*", "new\nline", "1. a", "- a", "end", "]};--> n9", "é\u202e"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_stay_inside_their_labels(tmp_path: Path, name: str) -> None:
    made = planned(tmp_path, CHAIN, "a.xim")
    unit = Unit("epid/x", "epid", 1, (InputFile(name),), (Output(name + ".dcm", 0),))
    odd = Plan(made.loaded, made.lowered, made.data, made.out, (unit,))
    text = r'"(?:[^"#<>&`*\\\n]|#\d+;|<br/>)*"'
    for line in mermaid(odd).splitlines()[2:-4]:
        assert re.fullmatch(rf"    n\d+(\({text}\)|\[{text}\])", line), line
    labels = re.findall(r'^    n2 \[label="((?:[^"\\\n]|\\[\\"])*)", shape=box\];$', dot(odd), flags=re.M)
    assert [re.sub(r"\\(.)", r"\1", label) for label in labels] == [printable(name)]
    encoded = re.search(r'n2\["(.*)"\]', mermaid(odd))
    assert encoded
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), encoded[1]) == printable(name)


def test_a_unit_that_cannot_be_done_says_why(tmp_path: Path) -> None:
    made = planned(tmp_path, CHAIN, "a.xim")
    unit = Unit("epid/a.xim", "epid", 1, (InputFile("a.xim"),), (), problem="a.xim: is cut off")
    broken = Plan(made.loaded, made.lowered, made.data, made.out, (unit,))
    assert 'n1("load xim<br/>cannot be done: a.xim: is cut off")' in mermaid(broken)
    assert 'n1("load xim<br/>1 unit<br/>1 cannot be done")' in mermaid(broken, detailed=False)
