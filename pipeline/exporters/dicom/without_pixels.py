"""``to: dicom`` of an object without pixels: its own kind, its elements kept, the recipe's tags over them."""

from __future__ import annotations

from pydicom import Dataset

from ...dicom.build.carry import cleaned
from ...dicom.build.mending import mend
from ...dicom.build.origins import trace_source
from ...dicom.encode.character_set import state_character_set
from ...dicom.finish import Draft
from ...imaging.image import Image, Origin
from ...output import Context
from .carried import carried_tag, changed, of_no_group
from .kinds import class_of_meta

_PLACED = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


def draft_of_object(image: Image, source: Dataset, context: Context) -> Draft:
    """Return the object's dataset before the recipe's tags; it stays the same instance while nothing changes.

    An object that the recipe changes is another instance, of the same references: those of its source.
    """
    trace = context.trace
    dataset, notes = cleaned(source, carried_tag)
    state_character_set(dataset, [image])
    notes += class_of_meta(dataset, source) + of_no_group(source)
    trace_source(trace, dataset, image.source)
    notes += mend(dataset)
    trace.layer(dataset, Origin("rule", "mended: as the source's kind asks"))
    original, _ = cleaned(dataset)
    state_character_set(original, [image])
    sound = not any(note.code == "invalid-source-value" for note in notes)

    def kept(finished: Dataset) -> str | None:
        same = sound and not changed(original, finished)
        return str(source.get("SOPInstanceUID") or "") or None if same else None

    for keyword in ("SOPInstanceUID", *_PLACED):
        if keyword in dataset:
            del dataset[keyword]
    trace.layer(dataset, Origin("rule", "given anew, or kept, when all else is known"))
    return Draft(dataset, None, [image], notes=notes, keep_series=True, instance=kept)
