"""Every transfer syntax of a DICOM output (PS3.5 annex A); a row has all that the program must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from ....schemas.exports import KeptSyntax, TransferSyntax


class Syntax(Struct, frozen=True, kw_only=True):
    """One transfer syntax. No field has a default."""

    name: KeptSyntax
    uid: str
    plugin: str
    """The encoder: pydicom's name of its plugin, or imagecodecs; empty for uncompressed syntaxes."""
    codecs: tuple[str, ...]
    """Distributions whose version can change its bytes, besides pydicom, which all of them need."""
    least_bits: int
    """Fewest bits stored that it holds (JPEG-LS: 2; PS3.5 8.2.3)."""
    whole: bool
    """Whether it can only store all the bits that are allocated."""
    least_side: int
    """Fewest rows and columns that its encoder takes (OpenJPEG's five levels of resolution need 32)."""

    @property
    def compressed(self) -> bool:
        return bool(self.plugin)


SYNTAXES: Mapping[TransferSyntax, Syntax] = {
    row.name: row  # type: ignore[misc]  # none of the rows is `keep`
    for row in (
        Syntax(
            name="explicit-le",
            uid="1.2.840.10008.1.2.1",
            plugin="",
            codecs=(),
            least_bits=1,
            whole=False,
            least_side=1,
        ),
        Syntax(
            name="implicit-le",
            uid="1.2.840.10008.1.2",
            plugin="",
            codecs=(),
            least_bits=1,
            whole=False,
            least_side=1,
        ),
        Syntax(
            name="deflated",
            uid="1.2.840.10008.1.2.1.99",
            plugin="",
            codecs=("imagecodecs",),
            least_bits=1,
            whole=False,
            least_side=1,
        ),
        Syntax(
            name="rle",
            uid="1.2.840.10008.1.2.5",
            plugin="pydicom",
            codecs=(),
            least_bits=1,
            whole=False,
            least_side=1,
        ),
        Syntax(
            name="jpeg2000-lossless",
            uid="1.2.840.10008.1.2.4.90",
            plugin="pylibjpeg",
            codecs=("pylibjpeg", "pylibjpeg-openjpeg"),
            least_bits=1,
            whole=False,
            least_side=32,
        ),
        Syntax(
            name="jpegls-lossless",
            uid="1.2.840.10008.1.2.4.80",
            plugin="pyjpegls",
            codecs=("pyjpegls",),
            least_bits=2,
            whole=False,
            least_side=1,
        ),
        Syntax(
            name="htj2k-lossless",
            uid="1.2.840.10008.1.2.4.201",
            plugin="imagecodecs",
            codecs=("imagecodecs",),
            least_bits=1,
            whole=True,
            least_side=1,
        ),
    )
}
"""By the name in a recipe."""

KEEP: Literal["keep"] = "keep"


def syntax_of(name: KeptSyntax, kept: str = "") -> Syntax:
    """Return the syntax of a name; `kept` is the UID of the streams that `keep` keeps, if there are any."""
    if name != "keep":
        return SYNTAXES[name]
    plain = SYNTAXES["explicit-le"]
    return replace(plain, name=KEEP, uid=kept, plugin=KEEP) if kept else plain
