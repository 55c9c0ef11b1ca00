"""The provenance of a run, read back by the library and walked from an output to its sources."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from dicombake.pipeline.errors import UsageError
from dicombake.pipeline.report.provenance import prov_json, require
from dicombake.pipeline.run.unit.results import Outcome

from ...support import bake

prov = pytest.importorskip("prov.model", reason="the extra 'provenance' is not installed")

RECIPE = """\
version: 1
name: star
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  flat:
    inputs: "raw/*.npy"
    source: array
    exports: {to: npy, path: "out/{stem} (ä, 100 %)..npy"}
  sum:
    inputs: {from: flat}
    source: array
    combine: {method: sum}
    process: [flip_vertical]
    exports: [{to: rt-image, path: "sum.dcm"}, {to: png, path: sum.png}]
    geometry: {sid: unknown, dpi: unknown}
    tags: {PatientName: Doe^Secret, PatientID: "4711"}
"""


def baked(folder: Path, *, broken: bool = False) -> Outcome:
    (folder / "raw").mkdir(parents=True)
    for number in range(3):
        np.save(folder / f"raw/a{number}.npy", np.full((4, 5), number, np.uint16))
    if broken:
        (folder / "raw/a1.npy").write_bytes(b"no array")
    (folder / "star.yaml").write_text(RECIPE, encoding="utf-8")
    return bake(folder / "star.yaml")


def bundle(content: bytes) -> prov.ProvBundle:
    document = prov.ProvDocument.deserialize(content=content.decode("ascii"), format="json")
    (found,) = document.bundles
    return found


def relations(found: prov.ProvBundle, kind: type) -> set[tuple[str, ...]]:
    return {
        tuple(str(value) for _, value in record.formal_attributes if value is not None)
        for record in found.get_records(kind)
    }


def test_the_graph_leads_from_an_output_to_its_inputs(tmp_path: Path) -> None:
    outcome = baked(tmp_path / "here")
    content = prov_json([outcome])
    found = bundle(content)
    assert str(found.identifier) == "recipe:star"
    middle = [f"out:out/a{number}%20%28%C3%A4%2C%20100%20%25%29..npy" for number in range(3)]
    kinds = {str(record.identifier): record for record in found.get_records(prov.ProvEntity)}
    assert set(kinds) == {
        "recipe:star.yaml", *(f"data:raw/a{n}.npy" for n in range(3)), *middle, "out:sum.dcm", "out:sum.png",
    }  # fmt: skip
    written = {f"out:{file.path}": file.sha256 for result in outcome.results for file in result.written}
    (hash_,) = kinds["out:sum.dcm"].get_attribute("dicombake:sha256")
    assert hash_ == written["out:sum.dcm"]
    (place,) = kinds[middle[0]].get_attribute("prov:location")
    assert place == "out/a0 (ä, 100 %)..npy"
    derived = {pair[:2] for pair in relations(found, prov.ProvDerivation)}
    assert {source for output, source in derived if output == "out:sum.png"} == set(middle)
    assert {source for output, source in derived if output == middle[1]} == {"data:raw/a1.npy"}
    steps = {str(record.identifier) for record in found.get_records(prov.ProvActivity)}
    plan_steps = list(outcome.plan.steps())
    assert len(steps) == len(plan_steps) == len(relations(found, prov.ProvAssociation))
    informed = relations(found, prov.ProvCommunication)
    assert len(informed) == sum(len(step.needs) for step in plan_steps)
    assert all(later in steps and earlier in steps for later, earlier in informed)
    (agent,) = found.get_records(prov.ProvAgent)
    assert str(agent.identifier).startswith("software:dicombake-")
    assert any(str(value).startswith("numpy ") for value in agent.get_attribute("dicombake:codec"))


def test_the_same_run_elsewhere_and_a_second_one_give_the_same_text(tmp_path: Path) -> None:
    first = prov_json([baked(tmp_path / "here")])
    assert prov_json([baked(tmp_path / "some where" / "else")]) == first
    again = bake(tmp_path / "here" / "star.yaml")
    assert again.count("current") == len(again.results)
    assert prov_json([again]) == first
    for secret in (b"Secret", b"4711", str(tmp_path).encode()):
        assert secret not in first
    twice = prov.ProvDocument.deserialize(content=prov_json([again, again]).decode(), format="json")
    assert sorted(str(one.identifier) for one in twice.bundles) == ["recipe:star", "recipe:star.2"]


def test_what_failed_is_said_and_has_no_output(tmp_path: Path) -> None:
    found = bundle(prov_json([baked(tmp_path / "x", broken=True)]))
    entities = {str(record.identifier) for record in found.get_records(prov.ProvEntity)}
    assert not any(name.startswith(("out:sum", "out:out/a1")) for name in entities)
    states = {
        str(record.identifier): {str(v) for v in record.get_attribute("dicombake:status")}
        for record in found.get_records(prov.ProvActivity)
    }
    assert not any(name.startswith("step:sum") for name in states)
    assert states["step:flat/a1.npy%3Aload"] == {"failed"}
    assert states["step:flat/a0.npy%3Aload"] == set()


def test_other_serialisations_can_write_it(tmp_path: Path) -> None:
    document = prov.ProvDocument.deserialize(
        content=prov_json([baked(tmp_path / "x")]).decode(), format="json"
    )
    text = io.StringIO()
    document.serialize(text, format="provn")
    assert "wasDerivedFrom(out:sum.png," in text.getvalue()


def test_without_the_package_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    require()
    monkeypatch.setitem(sys.modules, "prov", None)
    monkeypatch.setattr("dicombake.pipeline.report.provenance.find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        require()
    assert str(caught.value) == "--report: needs the package 'prov'; pip install 'dicombake[provenance]'"
