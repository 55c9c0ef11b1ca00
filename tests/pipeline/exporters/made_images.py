"""Images for the tests of exporters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from dicombake.pipeline.imaging.image import Geometry, Image, Pixels, SourceFile
from dicombake.pipeline.output import Artifact, Context, Identity

CONTEXT = Context(Identity(namespace=None, recipe="test", conversion="film"))

DTYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip


def pixels(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Pixels:
    """Values all over the range of a type, its ends included."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random(shape) > 0.5
    if kind.kind == "f":
        values = (rng.normal(size=shape) * 100).astype(kind)
    else:
        ends = np.iinfo(kind)
        values = rng.integers(ends.min, ends.max, shape, dtype=kind, endpoint=True)
        values.flat[0], values.flat[-1] = ends.min, ends.max
    return values


def image(
    values: Pixels,
    photometric: Any = "MONOCHROME2",
    spacing: tuple[float, float] | None = None,
    properties: dict[str, Any] | None = None,
    **more: Any,
) -> Image:
    source = SourceFile(Path("in.xim"), "xim", properties or {})
    return Image(values, Geometry(spacing=spacing), photometric, **{"sources": (source,), **more})


def written(artifact: Artifact, folder: Path) -> Path:
    """The artifact's file, checked."""
    path = folder / "out"
    path.write_bytes(b"".join(artifact.chunks))
    artifact.check(path)
    return path
