"""Finish a drafted dataset, and turn it into an output that can check itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct, field
from pydicom import DataElement, Dataset

from ..errors import ExportError, Note
from ..imaging.image import Image, Origin
from ..output import Artifact, Context, Identity
from .build.contradictions import contradictions, differs, implausible, multiplicity
from .build.exposures import follow_tag, two_truths
from .build.identity import Frame, identify
from .build.origins import named
from .build.overrides import apply_overrides
from .build.provenance import sign, signature, unsigned
from .encode.character_set import refuse_other_text
from .encode.compression import check
from .encode.elements import shallow
from .encode.file import encoded, file_meta
from .encode.pixel_element import PIXEL_TAGS, PixelElement
from .encode.syntaxes import syntax_of
from .encode.uids import set_uid
from .verify import Meant, verify

if TYPE_CHECKING:
    from ...schemas.exports import KeptSyntax


class Draft(Struct, frozen=True):
    """A dataset as its kind of DICOM makes it, before the recipe's tags."""

    dataset: Dataset
    pixels: PixelElement | None
    """None: of an object that has none."""
    images: Sequence[Image]
    notes: tuple[Note, ...] = ()
    frame: Frame = "kept"
    keep_series: bool = False
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Geometry by keyword, in mm and degrees; the text in the file must read back as these numbers."""
    instance: Callable[[Dataset], str | None] = lambda dataset: None
    """Returns the SOP Instance UID to keep, if this finished dataset may keep its source's; else None."""


class Finished(Struct, frozen=True):
    """A dataset with every tag and UID; its pixels are separate, unless the recipe gave their element."""

    dataset: Dataset
    pixels: PixelElement | None
    chunks: tuple[bytes | memoryview, ...]
    meant: Meant
    notes: tuple[Note, ...]


def finish(draft: Draft, context: Context, transfer_syntax: KeptSyntax = "explicit-le") -> Finished:
    """Apply the recipe's tags, find contradictions, set UIDs and encode.

    Raises:
        ExportError: tags that cannot be written; pixels that the transfer syntax cannot hold; under `strict`,
            a contradiction.
    """
    dataset, ours = draft.dataset, signature()
    sign(dataset, ours)
    context.trace.layer(dataset, Origin("rule", "the program that made the file, PS3.3 C.12.1.1.5"))
    before = shallow(dataset)
    _override(dataset, context)
    pixels = None if _pixels_given(dataset, context) else draft.pixels
    found = contradictions(before, dataset, draft.pixels, kept=pixels is not None)
    found += (*multiplicity(dataset, context.tags), *two_truths(dataset), *implausible(dataset, context.tags))
    if context.strict and found:
        raise ExportError(found[0].text, hint="'strict' makes a contradiction an error")
    if any(source.undecoded for image in draft.images for source in image.sources):
        refuse_other_text(dataset)
    _without_itself(dataset, context.identity.pinned.get("SOPInstanceUID", ""))
    for keyword, uid in context.identity.pinned.items():
        if not dataset.get(keyword):
            set_uid(dataset, keyword, uid)
    identify(
        dataset,
        context.identity,
        draft.images,
        frame=draft.frame,
        keep_series=draft.keep_series,
    )
    context.trace.layer(dataset, Origin("derived", _identity(draft, context.identity)))
    if pixels is not None or draft.pixels is None:
        dataset = _as_instance_of_its_source(draft, dataset, ours)
    described = pixels is not None and not any(note.code == "contradicts-pixels" for note in found)
    streams = draft.pixels.streams if draft.pixels is not None else ()
    syntax = syntax_of(transfer_syntax, streams[0].syntax if streams else "")
    check(syntax, dataset, pixels, described=described)
    chunks, dataset = encoded(dataset, pixels, syntax)
    context.trace.layer(dataset, Origin("derived", "everything else in the file"))
    numbers = {name: values for name, values in draft.numbers.items() if not differs(before, dataset, name)}
    meant = Meant(chunks, dataset, pixels, described=described, numbers=numbers, syntax=syntax)
    return Finished(dataset, pixels, chunks, meant, draft.notes + found)


_ROW = Origin("csv", "the file's row of the table that 'metadata' names")
"""The origin of a tag that is nowhere in the recipe."""


def _override(dataset: Dataset, context: Context) -> None:
    """Apply the recipe's tags, one by one where the origin of each is traced."""
    apply_overrides(dataset, {}, context.remove_tags)
    context.trace.layer(dataset, Origin("conversion", "remove_tags"))
    for path, value in context.tags.items():
        apply_overrides(dataset, {path: value})
        follow_tag(dataset, path, context.tags)
        context.trace.layer(dataset, context.tag_origins.get(path, _ROW), stated=named(path))


def _without_itself(dataset: Dataset, uid: str) -> None:
    """Take the instance out of what it says it was made of: masked for de-identification it is the same."""
    items = dataset.get("SourceImageSequence") if uid else None
    if items:
        others = [item for item in items if str(item.get("ReferencedSOPInstanceUID") or "") != uid]
        if others:
            dataset.SourceImageSequence = others
        else:
            del dataset.SourceImageSequence


def _identity(draft: Draft, identity: Identity) -> str:
    """Return what study, series and frame of reference derive from, as text."""
    if identity.pinned:
        return "HMAC of the source's own UIDs, under the key of 'deidentify'"
    if any(source.dataset is not None for image in draft.images for source in image.sources):
        return "the source's study, the recipe's and the conversion's name"
    own = (
        "uid_namespace, the recipe's name" if identity.namespace is not None else "the contents of the inputs"
    )
    key = "study" if identity.study is not None else "PatientID, date and group"
    return f"{own}, {key}; a series adds the conversion's name"


def _as_instance_of_its_source(draft: Draft, dataset: Dataset, ours: Dataset) -> Dataset:
    """Return the dataset with its source's UID and without our item, if it still has its source's content."""
    plain = unsigned(dataset, ours)
    kept = draft.instance(plain)
    if not kept:
        return dataset
    if not plain.get("SOPInstanceUID"):
        set_uid(plain, "SOPInstanceUID", kept)
    return plain


def artifact(
    draft: Draft,
    context: Context,
    transfer_syntax: KeptSyntax = "explicit-le",
    then: Callable[[Finished], None] = lambda finished: None,
) -> Artifact:
    """Return the draft as an output, with the check of what was written; `then` is called after it passed.

    Raises: as `finish`.
    """
    finished = finish(draft, context, transfer_syntax)

    def read_back(path: Path) -> None:
        verify(path, finished.meant)
        then(finished)

    return Artifact(finished.chunks, read_back, finished.notes)


def whole_dataset(finished: Finished) -> Dataset:
    """Return the dataset with its pixels, file meta and preamble, so that ``save_as`` writes a whole file."""
    dataset = finished.dataset
    dataset.preamble = b"\0" * 128
    if finished.pixels is not None:
        data = finished.pixels.view().tobytes()
        element = finished.pixels
        dataset[element.tag] = DataElement(element.tag, element.vr, data + b"\0" * (len(data) % 2))
    dataset.file_meta = file_meta(dataset)
    return dataset


def stacked(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return frames as one array; a single one is not copied."""
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)


def _pixels_given(dataset: Dataset, context: Context) -> bool:
    """Tell whether the recipe replaced or removed the pixels."""
    if any(tag in dataset for tag in PIXEL_TAGS.values()):
        return True
    pixels = PIXEL_TAGS.values()
    return any(len(path.steps) == 1 and path.last.number in pixels for path in context.remove_tags)
