"""The decoders and encoders of pydicom 3."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.encaps import generate_frames, parse_basic_offsets, parse_fragments
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.encoders.base import get_encoder
from pydicom.pixels.utils import pixel_array as _pixel_array
from pydicom.uid import HTJ2KLossless

__all__ = [
    "HTJ2K_LOSSLESS",
    "decode_frame",
    "decoding_plugins",
    "encode_frame",
    "encoding_plugins",
    "generate_frames",
    "parse_basic_offsets",
    "parse_fragments",
    "pixel_array",
]

HTJ2K_LOSSLESS = HTJ2KLossless


def decoding_plugins(syntax: str) -> Collection[str]:
    """Return the plugins that are installed and decode a transfer syntax."""
    return get_decoder(syntax).available_plugins


def encoding_plugins(syntax: str) -> Collection[str]:
    """Return the plugins that are installed and encode a transfer syntax."""
    return get_encoder(syntax).available_plugins


def decode_frame(dataset: Dataset, syntax: str, index: int, plugin: str) -> tuple[np.ndarray[Any, Any], str]:
    """Return the pixels of one frame as they are encoded, and their photometric interpretation.

    Args:
        dataset: with its pixels and the attributes that describe them.
        syntax: the transfer syntax.
        index: of the frame, from 0.
        plugin: one of `decoding_plugins`; empty for pixels that are not compressed.

    Returns:
        the pixels, (rows, columns) or (rows, columns, samples), and their photometric interpretation: codecs
            undo YBR_RCT and YBR_ICT.

    Raises:
        ValueError, RuntimeError: from the codec, for what it cannot decode.
    """
    options: Any = {"view_only": True, "correct_unused_bits": False, "allow_excess_frames": False}
    pixels, said = get_decoder(syntax).as_array(
        dataset, index=index, raw=True, decoding_plugin=plugin, **options
    )
    return pixels, str(said["photometric_interpretation"])


def encode_frame(frame: np.ndarray[Any, Any], syntax: str, plugin: str, description: dict[str, Any]) -> bytes:
    """Return one frame, compressed.

    Args:
        frame: (rows, columns) or (rows, columns, samples), 8 or 16 bits.
        syntax: the transfer syntax.
        plugin: which of `encoding_plugins`.
        description: rows, columns, samples_per_pixel, photometric_interpretation, bits_allocated, bits_stored
            and pixel_representation.

    Raises:
        ValueError, RuntimeError, TypeError: from the codec, for what it cannot encode.
    """
    return get_encoder(syntax).encode(
        frame, encoding_plugin=plugin, number_of_frames=1, planar_configuration=0, **description
    )


def pixel_array(dataset: Dataset) -> np.ndarray[Any, Any]:
    """Return all pixels of a dataset, colour as it is encoded."""
    return _pixel_array(dataset, raw=True, view_only=True)
