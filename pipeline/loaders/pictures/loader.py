"""Load pictures, recognised by content: each page of a TIFF and each frame of a GIF or WebP is an image.

``page`` chooses one page, from 1. ``channel`` chooses samples; without it all are kept, and the target checks
what it can hold. Orientation tags are applied; the file's resolution becomes the spacing of its own plane.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ....schemas.language.words import FILL_IN
from ...errors import SourceError
from ...imaging.exact import native
from ...imaging.image import Image, Photometric, SourceFile
from ...imaging.probe import Probe
from ..base import Certainty, Drafted, Loader, Unsaid
from ..files import head_of
from ..options import ImageOptions, Limits
from ..signatures import GIF, JPEG, PNG, TIFF
from . import animated, bmp, jpeg, png, streams, tiff
from .attributes import attributes_of
from .channels import choose
from .page import Page, Pages

if TYPE_CHECKING:
    from ....schemas.sources import Channel


def load(path: Path, source: ImageOptions, limits: Limits, pages: range | None = None) -> Iterator[Image]:
    """Yield the pages in order, or the one that `source` names; `pages` picks some of these, from 0.

    Raises:
        SourceError: damaged files, and values that have no defined grey or RGB.
    """
    with open_picture(path, limits, still=source.page == 1) as found:
        chosen = _chosen(found, source, path)
        for index in chosen if pages is None else (chosen[at] for at in pages if 0 <= at < len(chosen)):
            yield _image(path, source, found.page(index), index, found.count)


def probe(path: Path, source: ImageOptions, limits: Limits) -> Probe:
    """Return what the headers say of the first page, or the one that `source` names. Raises: SourceError."""
    with open_picture(path, limits, still=source.page == 1) as found:
        chosen = _chosen(found, source, path)
        page = found.page(chosen[0])
    samples, _ = chosen_samples(page, source.channel, path)
    return Probe(
        "image",
        (*page.shape[:2], *samples),
        page.dtype,
        len(chosen),
        page.geometry,
        page.properties,
        attributes_of(page.properties),
    )


def chosen_samples(page: Page, channel: Channel | None, path: Path) -> tuple[tuple[int, ...], Photometric]:
    """Return the shape of a pixel's chosen samples, () for one, and what they mean. Raises: SourceError."""
    dtype = np.dtype(page.dtype)
    full = np.iinfo(dtype).max if dtype.kind in "iu" else 1  # the choice is to see an opaque picture
    pixels, photometric, _ = choose(np.full((1, 1, *page.shape[2:]), full, dtype), page, channel, path)
    return pixels.shape[2:], photometric


def open_picture(path: Path, limits: Limits, *, still: bool = False) -> AbstractContextManager[Pages]:
    """Open a picture of any kind; `still`: only its first page is wanted. Raises: SourceError."""
    head = head_of(path)
    if head.startswith(TIFF):
        return tiff.open_tiff(path, limits)
    if head.startswith(streams.MAGICS):
        return streams.open_jpeg2000(path, limits)
    if head.startswith(JPEG) and streams.is_jpeg_ls(head):
        return streams.open_jpeg_ls(path, limits)
    if head.startswith(GIF):
        return animated.open_gif(path, limits)
    if animated.is_webp(head):
        return animated.open_webp(path, limits)
    if head.startswith(JPEG):
        return jpeg.open_jpeg(path, limits)
    if head.startswith(PNG):
        return png.open_png(path, limits, still=still)
    if bmp.is_bmp(head):
        return bmp.open_bmp(path, limits)
    raise SourceError(
        "is no picture that is read (TIFF, JPEG, JPEG 2000, JPEG-LS, PNG, BMP, GIF, WebP)", subject=str(path)
    )


def _chosen(found: Pages, source: ImageOptions, path: Path) -> range:
    if source.page is None:
        return range(found.count)
    if source.page > found.count:
        pages = "1 page" if found.count == 1 else f"{found.count} pages"
        raise SourceError(f"has {pages}, but the recipe asks for page {source.page}", subject=str(path))
    return range(source.page - 1, source.page)


def _image(path: Path, source: ImageOptions, page: Page, index: int, count: int) -> Image:
    pixels, photometric, notes = choose(page.decode(), page, source.channel, path)
    file = SourceFile(
        path,
        "image",
        page.properties,
        attributes=attributes_of(page.properties),
        page=index + 1,
        pages=count,
        lossy=page.lossy,
        codestream=page.codestream if source.channel in (None, "all") else None,
    )
    return Image(
        pixels=native(pixels),
        geometry=page.geometry,
        photometric=photometric,
        sources=(file,),
        notes=page.notes + notes,
    )


def sniff(head: bytes, path: Path) -> Certainty:
    """Recognise the kinds of picture by their signatures; a BMP also by its header."""
    known = (*TIFF, *streams.MAGICS, *GIF, JPEG, PNG)
    signed = head.startswith(known) or animated.is_webp(head) or bmp.is_bmp(head)
    return Certainty.SIGNED if signed else Certainty.NO


def drafted(path: Path, limits: Limits) -> Drafted:
    """Return what a draft can say; colour of more than 8 bits is a film, whose channel the user must choose.

    Raises: SourceError.
    """
    found = probe(path, ImageOptions(), limits)
    with open_picture(path, limits) as pages:
        alpha = pages.page(0).alpha
    if alpha and np.dtype(found.dtype).itemsize == 1:  # no DICOM holds transparent pixels
        return Drafted("image", found, (Unsaid("channel", "luminance", ""),))
    if len(found.shape) == 2 or np.dtype(found.dtype).itemsize == 1:
        return Drafted("image", found)
    question = "red, green or blue; a luminance is no optical density"
    return Drafted("image", found, (Unsaid("channel", FILL_IN, question),))


LOADER = Loader(load, probe, sniff, ImageOptions(), drafted)
