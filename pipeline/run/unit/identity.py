"""Taking identity out of what a unit loads, and the proof that it is out of what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import structs

from ...deidentify.burned_in import reason
from ...deidentify.engine import Deidentified, deidentify
from ...deidentify.instance import instance_uids, operations_of
from ...deidentify.proof import prove
from ...deidentify.settings import Settings
from ...errors import ExportError, Note, SourceError
from ...first_of import first_of
from ...imaging.image import Image
from ...loaders.dicom.properties import DicomProperties
from ...plan.lowered import LoweredConversion


def without_identity(
    image: Image, settings: Settings, alias: str, known: Deidentified | None
) -> tuple[Image, Deidentified]:
    """Return an image whose source says nothing of anybody, and what was done; `known`: of its other frames.

    Raises: SourceError, for what is no DICOM.
    """
    source = image.source
    if source.dataset is None:
        raise SourceError("is no DICOM file, and 'deidentify' is for those", subject=str(source.path))
    done = known or deidentify(source.dataset, settings)
    attributes = source.attributes and deidentify(source.attributes, settings).dataset
    changed = structs.replace(
        source,
        path=Path(alias),
        dataset=done.dataset,
        properties=DicomProperties(done.dataset),
        attributes=attributes,
        decided=done.done,
    )
    return image.replace(sources=(changed, *image.sources[1:])).noting(*done.notes), done


def refuse_burned_in(images: Sequence[Image], settings: Settings) -> None:
    """Raise: ExportError for an image that may have text burned in and was not masked."""
    if settings.burned_in == "accept":
        return
    for image in images:
        dataset = image.source.dataset
        why = "" if image.masked or image.without_pixels or dataset is None else reason(dataset)
        if why:
            raise ExportError(
                f"may have somebody's name in its pixels: {why}",
                hint="blank it with 'process: [{mask: ...}]', or look, and say 'burned_in: accept'",
            )


def unmarked(images: Sequence[Image]) -> list[Image]:
    """Return the images, with those that were masked saying that nothing is burned in any more."""
    return [_unmarked(image) if image.masked else image for image in images]


def _unmarked(image: Image) -> Image:
    from pydicom import Dataset

    from ...pydicom_versions.elements import set_original_encoding

    old = image.source.dataset
    if old is None or "BurnedInAnnotation" not in old:
        return image
    dataset = Dataset(dict(old._dict))
    dataset.file_meta = old.file_meta
    set_original_encoding(dataset, old)
    dataset.BurnedInAnnotation = "NO"
    source = structs.replace(image.source, dataset=dataset)
    return image.replace(sources=(source, *image.sources[1:]))


def pinned(
    conversion: LoweredConversion, identities: Sequence[Deidentified], image: Image, page: int | None
) -> Mapping[str, str]:
    """Return the UIDs of an output made of these sources; `page`: the one frame of several that it holds."""
    assert conversion.deidentify is not None
    operations = operations_of(conversion.process, conversion.combine, conversion.source)
    frame = page if page is not None and image.source.frames > 1 and not image.source.in_volume else None
    if image.source.in_volume:
        identities = [each for each in identities if each.dataset is image.source.dataset] or identities
    return instance_uids(
        conversion.deidentify,
        [each.dataset for each in identities],
        [each.original for each in identities],
        operations,
        frame,
    )


def check_proof(
    path: Path, output: str, identities: Sequence[Deidentified], stated: frozenset[int]
) -> list[Note]:
    """Look for the sources' values in what was written. Raises: VerificationError."""
    content = path.read_bytes()
    found: dict[str, None] = {}
    for each in identities:
        found |= dict.fromkeys(prove(content, output, each.identifying, stated))
    if not found:
        return []
    text = f"the recipe's own text in {', '.join(found)} is a value of the source, and stays as it is"
    return [Note("stated-identity", text)]


def listed(conversion: LoweredConversion, identities: Sequence[Deidentified]) -> list[Note]:
    """Return what an option kept, and what the recipe's tags say as they stand, as notes."""
    kept = sorted(
        {path for each in identities for path, done in each.done.items() if done.startswith("kept: retain_")}
    )
    notes = []
    if kept:
        notes.append(Note("identity-kept", f"kept by options: {first_of(kept, _MOST)}"))
    literal = [str(path) for path in conversion.tags]
    if literal:
        notes.append(
            Note("stated-tags", f"the recipe's own values, which nothing checks: {', '.join(literal)}")
        )
    return notes


_MOST = 20


def stated_tags(conversion: LoweredConversion) -> frozenset[int]:
    """Return the tags, at the top of a dataset, that the recipe gives a value."""
    return frozenset(path.steps[0].number for path in conversion.tags)
