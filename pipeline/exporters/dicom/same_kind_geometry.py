"""Where the pixels of a source's own kind of DICOM are now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.multival import MultiValue

from ...dicom.build.exposures import reach_from
from ...dicom.build.places import Places, patient_places, receptor_places, texts
from ...imaging.image import Image
from ...imaging.tolerances import DECIMAL_STRING
from ...loaders.dicom.geometry import is_rt_image
from .frames import by_exposure, of_exposures


def write_geometry(
    dataset: Dataset, images: Sequence[Image], untouched: bool
) -> dict[str, tuple[float, ...]]:
    """Write the geometry where it changed; return its numbers by keyword, in mm and degrees."""
    image, receptor = images[0], is_rt_image(dataset)
    places: Places = {}
    if receptor:
        places = receptor_places(image.geometry)
    elif image.geometry.patient is not None:
        places = patient_places(image.geometry)
    meant = {}
    apart = of_exposures(images)
    for keyword, (name, values) in places.items():
        if keyword in apart:
            continue
        now = _numbers(dataset, keyword)
        if values is None:
            if now and (not untouched or name in image.geometry.blank):
                setattr(dataset, keyword, None)
            reach_from(image.geometry, name, dataset, keyword)
            continue
        if not now and by_exposure(image, name):
            continue
        same = len(now) == len(values) and np.allclose(now, values, rtol=DECIMAL_STRING, atol=DECIMAL_STRING)
        if not same and (receptor or keyword in dataset):
            setattr(dataset, keyword, texts(values))
        if same or keyword in dataset:
            meant[keyword] = values
        reach_from(image.geometry, name, dataset, keyword)
    return meant


def _numbers(dataset: Dataset, keyword: str) -> list[float]:
    value = dataset.get(keyword)
    if value in (None, ""):
        return []
    return [float(item) for item in value] if isinstance(value, MultiValue) else [float(value)]
