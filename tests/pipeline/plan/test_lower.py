"""A recipe lowered: every field of every model arrives, with its type, and without Pydantic."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from dicombake.pipeline.exporters.registry import TARGETS
from dicombake.pipeline.imaging.stated import Stated
from dicombake.pipeline.loaders import options
from dicombake.pipeline.loaders.registry import FORMATS, loader
from dicombake.pipeline.plan.lower import NOT_CARRIED_OUT, lower, lowered_geometry, lowered_source
from dicombake.pipeline.plan.lowered import LoweredRecipe
from dicombake.pipeline.process import operations
from dicombake.pipeline.recipe.load import load_recipe
from dicombake.schemas import exports, process, sources
from dicombake.schemas.geometry import Geometry
from dicombake.schemas.language.words import POSITIVE, TABLE_GEOMETRY
from dicombake.schemas.recipe import Conversion, Limits, Recipe
from msgspec import NODEFAULT, Struct
from pydantic import BaseModel, ValidationError

RECIPES = Path(__file__).resolve().parents[3] / "recipes"
PAIRS: list[tuple[type[BaseModel], Any]] = [
    *((model, FORMATS[name].options) for name, model in sources.SOURCE_FORMATS.items()),
    *((model, operations.OPERATION_KINDS[name]) for name, model in process.OPERATIONS.items()),
    *((model, TARGETS[name].options) for name, model in exports.EXPORT_TARGETS.items()),
    (Limits, options.Limits),
    (process.Combine, operations.Combine),
    (process.FilterSize, operations.FilterSize),
    (process.MaskRule, operations.MaskRule),
    (process.Area, operations.Area),
]
LOWERED: dict[Any, Any] = dict(PAIRS)


def test_every_operation_has_its_type() -> None:
    assert list(operations.OPERATION_KINDS) == list(process.OPERATIONS)


@pytest.mark.parametrize("name", [name for name, row in FORMATS.items() if row.content is not None])
def test_a_file_of_which_nothing_is_said_is_read_as_the_model_says(name: str) -> None:
    model = sources.SOURCE_FORMATS[name]()
    assert loader(name).defaults == lowered_source(model)  # type: ignore[arg-type]


def shape(kind: Any) -> Any:
    """What a type is made of, without how Pydantic checks it and with models as what they become."""
    if get_origin(kind) is Annotated:
        return shape(get_args(kind)[0])
    if not get_args(kind):
        return LOWERED.get(kind, kind)
    if get_origin(kind) is tuple or isinstance(get_args(kind)[0], str):
        return (get_origin(kind), *map(shape, get_args(kind)))
    parts = [shape(each) for each in get_args(kind)]
    return frozenset().union(*(part if isinstance(part, frozenset) else {part} for part in parts))


@pytest.mark.parametrize(("model", "kind"), PAIRS, ids=lambda kind: kind.__name__)
def test_every_field_of_a_model_is_lowered(model: type[BaseModel], kind: Any) -> None:
    known = {**vars(sources), **vars(exports), **vars(sys.modules[kind.__module__])}
    hints = get_type_hints(kind, known)
    for name, info in model.model_fields.items():
        if name in NOT_CARRIED_OUT:
            continue
        of_several = name in ("format", "to") and hints[name] is str
        assert of_several or shape(hints[name]) == shape(info.annotation), name
    fields, defaults = kind.__struct_fields__, kind.__struct_defaults__
    padded = (NODEFAULT,) * (len(fields) - len(defaults)) + defaults
    required = {name for name, default in zip(fields, padded, strict=True) if default is NODEFAULT}
    assert required <= model.model_fields.keys()
    assert kind.__struct_config__.frozen


HEAD = "version: 1\nname: lowered\n"
FILM = "conversions:\n  film:\n    inputs: '{machine}/{id:d}.tif'\n"
GEOMETRY = {
    "sid": "1500", "sad": "'{id}'", "dpi": "300", "pixel_spacing": "[0.5, '{id}']", "at": "isocenter",
    "center": "[1, 2]", "gantry": "90", "collimator": "unknown", "couch": "10", "scale": "varian_iec",
}  # fmt: skip
OF_A_CONVERSION = {
    "source": "{format: image, page: 2}",
    "combine": "mean",
    "process": "[{filter: {size: 1.5 mm}}]",
    "geometry": "{sid: 1500}",
    "exports": "{to: rt-image, path: '{stem}.dcm', pixels: retain}",
    "tags": "{PatientID: x}",
    "remove_tags": "[PatientName]",
    "metadata": "{csv: table.csv, column: File, ignore: [Who]}",
    "study": "x",
    "machine": "'{machine}'",
    "strict": "true",
    "verify": "full",
    "keep": "true",
}
SETTLED_BY_THE_PLAN = {"inputs", "sidecar", "on_empty", "deliver"}
NEEDS_A_KEY = {"deidentify"}
"""Lowered with the key that it names: tests/pipeline/deidentify."""
OF_THE_PROCESS = "any_distance"
"""Of a source, and yet said by an operation."""
MERGED_WHEN_READ = {"profile", "pixels", "transfer_syntax"}
OF_A_RECIPE = {
    "name": "other",
    "uid_namespace": "6f4a2f1e-0d2c-4f0e-9a63-2f1f4b1f8f10",
    "vars": "{x: '1'}",
    "limits": "{frames: 7}",
    "machines": "{TB1: {}, TB2: {}}",
    "strict": "true",
    "verify": "full",
}
FOR_PEOPLE_AND_THE_READER = {"version", "description", "profile", "requires", "conversions"}
AFTER_THE_WORK = {"destinations", "receive"}


def lowered(tmp_path: Path, top: dict[str, str], film: dict[str, str]) -> LoweredRecipe:
    defaults = {"source": "image", "exports": "{to: rt-image, path: '{stem}.dcm'}"}
    text = "".join(f"{key}: {value}\n" for key, value in ({"version": "1", "name": "lowered"} | top).items())
    text += FILM + "".join(f"    {key}: {value}\n" for key, value in (defaults | film).items())
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    return lower(load_recipe(tmp_path / "recipe.yaml"))


@pytest.mark.parametrize(("key", "value"), OF_A_CONVERSION.items())
def test_what_a_conversion_says_arrives(tmp_path: Path, key: str, value: str) -> None:
    machines = {"machines": "{TB1: {}}"}
    without = lowered(tmp_path, machines, {})
    assert lowered(tmp_path, machines, {key: value}).conversions != without.conversions
    assert set(Conversion.model_fields) == {
        *OF_A_CONVERSION,
        *SETTLED_BY_THE_PLAN,
        *MERGED_WHEN_READ,
        *NEEDS_A_KEY,
    }


@pytest.mark.parametrize(("key", "value"), OF_A_RECIPE.items())
def test_what_a_recipe_says_arrives(tmp_path: Path, key: str, value: str) -> None:
    assert lowered(tmp_path, {key: value}, {}) != lowered(tmp_path, {}, {})
    assert set(Recipe.model_fields) == {*OF_A_RECIPE, *FOR_PEOPLE_AND_THE_READER, *AFTER_THE_WORK}


@pytest.mark.parametrize(("key", "value"), GEOMETRY.items())
def test_what_is_stated_of_the_geometry_arrives(tmp_path: Path, key: str, value: str) -> None:
    conversion = lowered(tmp_path, {}, {"geometry": f"{{{key}: {value}}}"}).conversions["film"]
    changed = {
        name
        for name in Stated.__struct_fields__
        if getattr(conversion.geometry, name) != getattr(Stated(), name)
    }
    assert changed == {key} == set(conversion.geometry_places)
    assert set(Geometry.model_fields) == {*GEOMETRY, "fills"}


def as_dict(record: Any) -> Any:
    """Return the fields of a record and of those in it."""
    if isinstance(record, Struct):
        return {name: as_dict(getattr(record, name)) for name in record.__struct_fields__}
    return tuple(map(as_dict, record)) if isinstance(record, tuple) else record


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_values_are_those_of_the_recipe(path: Path) -> None:
    loaded = load_recipe(path, {})
    for name, conversion in lower(loaded).conversions.items():
        said = loaded.recipe.conversions[name]
        pairs = [(conversion.source, said.source), *zip(conversion.exports, said.exports, strict=True)]
        pairs += zip(conversion.process, said.process, strict=True)
        for plain, model in pairs:
            found = {key: value for key, value in as_dict(plain).items() if key != OF_THE_PROCESS}
            assert found == model.model_dump(exclude=NOT_CARRIED_OUT)
        assert as_dict(conversion.geometry) == said.geometry.model_dump(exclude={"fills"})
        assert (conversion.tags, conversion.remove_tags) == (said.tags, said.remove_tags)
        assert list(map(str, conversion.tag_places)) == list(map(str, said.tags))


def test_slices_may_lie_anywhere_where_they_are_resampled(tmp_path: Path) -> None:
    for done, meant in (("[invert]", False), ("[invert, {resample: {spacing: 1}}]", True)):
        film = {"source": "dicom-series", "exports": "{to: nrrd, path: o.nrrd}", "process": done}
        assert getattr(lowered(tmp_path, {}, film).conversion("film").source, OF_THE_PROCESS) is meant


def test_each_machine_has_its_conversions(tmp_path: Path) -> None:
    machines = "{TB1: {geometry: {sid: 1500}}, 'True Beam': {tags: {StationName: T}}}"
    recipe = lowered(tmp_path, {"machines": machines}, {"machine": "'{machine}'"})
    assert recipe.machines == ("TB1", "True Beam")
    assert recipe.conversion("film").machine == "{machine}"
    assert [recipe.conversion("film", name).geometry.sid for name in ("", *recipe.machines)] == [
        None,
        1500,
        None,
    ]
    assert [len(recipe.conversion("film", name).tags) for name in ("", *recipe.machines)] == [0, 0, 1]


def test_it_is_unpacked_without_pydantic(tmp_path: Path) -> None:
    recipe = lowered(tmp_path, {"machines": "{TB1: {}}"}, {**OF_A_CONVERSION})
    (tmp_path / "lowered").write_bytes(pickle.dumps(recipe))
    code = (
        "import pathlib, pickle, sys; recipe = pickle.loads(pathlib.Path('lowered').read_bytes());"
        "print(recipe.conversion('film', 'TB1').geometry.sid, {'pydantic', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "1500.0 set()\n"


def test_templates_are_filled_where_a_number_is_meant() -> None:
    said = Geometry.model_validate({"sid": "{a}", "pixel_spacing": ["{b}", 2], "gantry": "unknown"})
    numbers: Callable[[Any], float] = lambda given: {"{a}": 7.0, "{b}": 8.0}.get(given, given)  # noqa: E731
    assert lowered_geometry(said).filled(numbers) == Stated(
        sid=7.0, pixel_spacing=(8.0, 2.0), gantry="unknown"
    )


@pytest.mark.parametrize(
    "name", [name for name in Geometry.model_fields if name not in ("at", "scale", "fills")]
)
def test_the_numbers_above_0_are_those_of_the_models(name: str) -> None:
    value: Any = (-1.0, -1.0) if name in ("pixel_spacing", "center") else -1.0
    if name in POSITIVE:
        with pytest.raises(ValidationError, match="must be greater than 0"):
            Geometry.model_validate({name: value})
    else:
        assert getattr(Geometry.model_validate({name: value}), name) == value
    assert set(TABLE_GEOMETRY) <= Geometry.model_fields.keys()
