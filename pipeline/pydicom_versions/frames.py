"""Decode and encode frames with pydicom 3 and 2.4, behind one set of functions.

With pydicom 3 they only call it; with 2.4 they add what it lacks. Both use the same codecs, so that the bytes
are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .elements import PYDICOM_3

if TYPE_CHECKING or PYDICOM_3:
    from .frames_3 import (
        HTJ2K_LOSSLESS,
        decode_frame,
        decoding_plugins,
        encode_frame,
        encoding_plugins,
        generate_frames,
        parse_basic_offsets,
        parse_fragments,
        pixel_array,
    )
else:
    from .frames_2 import (
        HTJ2K_LOSSLESS,
        decode_frame,
        decoding_plugins,
        encode_frame,
        encoding_plugins,
        generate_frames,
        parse_basic_offsets,
        parse_fragments,
        pixel_array,
    )

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
