"""The set of sample files: a morning of a physicist's QA, made up and the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct, field

from ..store.files import write_file
from . import files, film_dose, phantoms, volume_files, xim
from .phantoms import marked, noise, whole

Pixels = npt.NDArray[Any]

PANEL, PANEL_PITCH = (384, 512), (0.784, 0.784)
FILM, FILM_DPI = (300, 360), 75.0
SPOKES, SPOKE_PITCH = (300, 340), (0.8, 0.8)
PHANTOM, PHANTOM_PITCH = (96, 112, 8), (2.0, 2.0, 2.5)
CAMERA = (320, 400)


class Sample(Struct, frozen=True):
    """One file: its path within the samples (with /), its format, its bytes, and what they hold."""

    path: str
    format: str
    content: bytes
    pixels: Pixels
    """(rows, columns), (rows, columns, 3), or for a volume (rows, columns, slices)."""
    truth: dict[str, Any] = field(default_factory=dict)
    """Geometry in the file or, for films, meant: mm, degrees IEC 61217."""
    options: dict[str, Any] = field(default_factory=dict)
    """The options of the format that a recipe needs to read it."""


class Companion(Struct, frozen=True):
    """A file that is no image, which a recipe needs besides: its path within the samples, and its bytes."""

    path: str
    content: bytes


def write_samples(folder: Path) -> list[Path]:
    """Write every sample, and what goes with them, below a folder, which is made if need be.

    Raises: StoreError.
    """
    written = []
    everything: tuple[Sample | Companion, ...] = (*samples(), *companions())
    for sample in everything:
        path = folder / sample.path
        write_file(path, sample.content)
        written.append(path)
    return written


def samples() -> Iterator[Sample]:
    """Yield every sample, one after the other, in the order of their folders."""
    for maker in _MAKERS:
        yield from maker()


def companions() -> tuple[Companion, ...]:
    """Return the files that go with the samples."""
    return (Companion("calibration/ebt3_red.csv", film_dose.table()),)


def _epid() -> Iterator[Sample]:
    for gantry, jaws in ((0.0, (-50.0, 50.0, -50.0, 50.0)), (90.0, (-40.0, 60.0, -30.0, 50.0))):
        at_panel = (jaws[0] * 1.5, jaws[1] * 1.5, jaws[2] * 1.5, jaws[3] * 1.5)
        dose = phantoms.field(PANEL, PANEL_PITCH, at_panel, horns=0.04) + 0.02
        pixels = whole(marked(56000 * dose + 90 * noise(PANEL, 1 + int(gantry)), 62000), np.uint16)
        truth = {"sid": 1500.0, "sad": 1000.0, "gantry": gantry, "collimator": 10.0, "couch": 0.0}
        made = xim.mv_properties(
            gantry=gantry, collimator=10.0, pixel=PANEL_PITCH, jaws=jaws, tag=f"field {gantry:.0f}"
        )
        name = f"epid/field_g{gantry:03.0f}.xim"
        yield Sample(name, "xim", xim.encode(pixels, made), pixels, truth | {"spacing": PANEL_PITCH})
    yield _leaves()
    yield _old_format()


def _leaves() -> Sample:
    leaves = phantoms.comb(PANEL, PANEL_PITCH, leaf=15.0, long=67.5, short=22.5)
    pixels = whole(marked(30000 * leaves + 600 + 60 * noise(PANEL, 5), 33000), np.uint16)
    made = xim.mv_properties(gantry=0.0, pixel=PANEL_PITCH, jaws=(-60, 60, -80, 80), tag="MLC")
    made |= {"MLCLeafsA": (4.5, 1.5) * 30, "MLCLeafsB": (1.5, 4.5) * 30}
    truth = {"sid": 1500.0, "sad": 1000.0, "gantry": 0.0, "spacing": PANEL_PITCH}
    return Sample("epid/mlc_g000.xim", "xim", xim.encode(pixels, made), pixels, truth)


def _old_format() -> Sample:
    """Return a file of version 0, four bytes per pixel, nothing after the properties."""
    dose = phantoms.field(PANEL, PANEL_PITCH, (-75.0, 75.0, -75.0, 75.0))
    pixels = whole(marked(900000 * dose + 500 * noise(PANEL, 7), 950000), np.int32)
    made = xim.mv_properties(gantry=180.0, sid=1000.0, pixel=PANEL_PITCH, tag="field 180")
    truth = {"sid": 1000.0, "sad": 1000.0, "gantry": 180.0, "spacing": PANEL_PITCH}
    return Sample("epid_2019/field_g180.xim", "xim", xim.encode(pixels, made, version=0), pixels, truth)


def _kv() -> Iterator[Sample]:
    """Yield uncompressed files with a histogram: a rod phantom on the couch."""
    pitch = (0.776, 0.776)
    dark = phantoms.field(PANEL, pitch, (-120.0, 100.0, -90.0, 90.0), penumbra=3.0) * 0.6
    rods = phantoms.star(PANEL, pitch, (20.0,), width=8.0, length=60.0) * 0.2
    pixels = whole(marked(40000 * (0.9 - dark + rods) + 120 * noise(PANEL, 11), 65000), np.uint16)
    bins = np.histogram(pixels, bins=1024, range=(0, 65536))[0]
    made = xim.kv_properties(gantry=0.0, pixel=pitch, tag="rods") | {"HistogramBinSize": 64}
    content = xim.encode(pixels, made, compressed=False, histogram=[int(count) for count in bins])
    truth = {"sid": 1500.0, "sad": 1000.0, "gantry": 270.0, "spacing": pitch}
    yield Sample("kv/rods.xim", "xim", content, pixels, truth)


def _film() -> Iterator[Sample]:
    """Yield 48-bit scans of a step wedge with the gantry angle in the name; film darkens with dose."""
    for gantry in (0, 90):
        steps = phantoms.wedge(FILM, 8, border=24)
        base = 46000 - 30000 * steps + 150 * noise(FILM, 21 + gantry)
        channels = [marked(base * factor, 3000, size=3) for factor in (1.0, 0.9, 0.55)]
        pixels = np.stack([whole(channel, np.uint16) for channel in channels], axis=-1)
        truth = {"dpi": FILM_DPI, "spacing": (25.4 / FILM_DPI,) * 2, "sid": 1000.0, "gantry": float(gantry)}
        name = f"film/g{gantry:03d}_wedge.tif"
        yield Sample(name, "image", files.tiff(pixels, dpi=FILM_DPI), pixels, truth)


def _film_dose() -> Iterator[Sample]:
    """Yield scans of films between the slabs of a phantom, the depth in the name."""
    for depth in film_dose.DEPTHS:
        pixels = film_dose.scan(depth)
        truth = {"dpi": film_dose.DPI, "dose": film_dose.dose(depth)}
        content = files.tiff(pixels, dpi=film_dose.DPI)
        yield Sample(f"film_dose/depth_{depth:03d}.tif", "image", content, pixels, truth)


def _pictures() -> Iterator[Sample]:
    shape = (120, 160)
    light = phantoms.field(shape, (1.0, 1.0), (-50.0, 50.0, -40.0, 40.0), penumbra=8.0)
    grey = whole(marked(220 * light + 12, 255), np.uint8)
    deep = whole(marked(52000 * light + 900 + 40 * noise(shape, 31), 65000), np.uint16)
    colour = np.stack([grey, whole(grey * 0.8, np.uint8), whole(255.0 - grey, np.uint8)], axis=-1)
    yield Sample("pictures/lightfield.jpg", "image", files.picture(colour, "JPEG", dpi=100), colour)
    yield Sample("pictures/screenshot.png", "image", files.picture(colour, "PNG"), colour)
    yield Sample("pictures/scanner.png", "image", files.picture(deep, "PNG", dpi=100), deep)
    yield Sample("pictures/console.bmp", "image", files.picture(grey, "BMP"), grey)
    pages = np.stack([grey, grey[::-1].copy()])
    yield Sample("pictures/two_pages.tif", "image", files.tiff(*pages, dpi=100), pages)


def _star() -> Iterator[Sample]:
    """Yield one RT Image per gantry angle and machine: together they are a star shot."""
    for machine, angles in (("TB1", (0, 45, 90, 135)), ("TB2", (0, 60, 120))):
        for index, angle in enumerate(angles):
            slit = phantoms.star(SPOKES, SPOKE_PITCH, (90.0 - angle,), width=4.0, length=110.0)
            grey = 9000 * slit + 300 + 20 * noise(SPOKES, 41 + index + len(angles))
            pixels = whole(marked(grey, 12000), np.uint16)
            made = files.rt_image(
                pixels, name=f"{machine} spoke {index + 1}", machine=machine, spacing=SPOKE_PITCH,
                collimator=float(angle),
            )  # fmt: skip
            truth = {"sid": 1500.0, "spacing": SPOKE_PITCH, "gantry": 0.0, "collimator": float(angle)}
            yield Sample(f"star/{machine}/spoke_{index + 1}.dcm", "dicom", files.dicom(made), pixels, truth)


def _dicom() -> Iterator[Sample]:
    """Yield a dataset without preamble and file meta, with a rescale."""
    dose = phantoms.field(SPOKES, SPOKE_PITCH, (-60.0, 75.0, -45.0, 75.0))
    pixels = whole(marked(3500 * dose + 40 + 4 * noise(SPOKES, 51), 4000), np.uint16)
    made = files.rt_image(
        pixels, name="bare field", spacing=SPOKE_PITCH, gantry=90.0, couch=350.0, rescale=(0.5, -10.0)
    )
    truth = {"sid": 1500.0, "spacing": SPOKE_PITCH, "gantry": 90.0, "couch": 350.0}
    yield Sample("dicom/bare_field.dcm", "dicom", files.bare_dicom(made), pixels, truth)


def _arrays() -> Iterator[Sample]:
    dose = phantoms.field(SPOKES, SPOKE_PITCH, (-60.0, 60.0, -60.0, 60.0), horns=0.03)
    counts = whole(marked(20000 * dose + 50 * noise(SPOKES, 61) - 100, 25000), np.int16)
    yield Sample("arrays/detector.npy", "array", files.npy(counts), counts)
    gray = marked(dose * 2.0, 2.5).astype(np.float32)
    yield Sample(
        "arrays/dose.npz", "array", files.npz(dose=gray, mask=gray > 1), gray, options={"key": "dose"}
    )


def _volume() -> Iterator[Sample]:
    rods = ((0.0, 55.0, 10.0, 950.0), (45.0, 0.0, 10.0, -200.0), (-30.0, -40.0, 8.0, 340.0))
    volume = phantoms.cylinder(PHANTOM, PHANTOM_PITCH, radius=85.0, inserts=rods)
    pixels = whole(volume + 8 * noise(PHANTOM, 71), np.int16)
    truth = {"spacing": PHANTOM_PITCH, "slice_axis": 2}
    yield Sample("volume/phantom.npy", "volume", files.npy(pixels), pixels, truth, options=truth)


def _volume_files() -> Iterator[Sample]:
    """Yield the phantom, coarser, in each of the formats that say themselves how far its voxels are apart."""
    shape, pitch = (40, 48, 6), (4.0, 4.0, 5.0)
    volume = phantoms.cylinder(shape, pitch, radius=70.0, inserts=((0.0, 45.0, 12.0, 950.0),))
    pixels = whole(np.moveaxis(volume + 8 * noise(shape, 91), 2, 0), np.int16)
    origin = (-94.0, -78.0, -12.5)
    steps = ((pitch[1], 0.0, 0.0), (0.0, pitch[0], 0.0), (0.0, 0.0, pitch[2]))
    # NIfTI counts x to the right and y to the front
    affine = ((-pitch[1], 0, 0, -origin[0]), (0, -pitch[0], 0, -origin[1]), (0, 0, pitch[2], origin[2]))
    truth = {"spacing": pitch}
    yield Sample("volumes/phantom.nii", "nifti", volume_files.nifti(pixels, affine), pixels, truth)
    yield Sample("volumes/phantom.nrrd", "nrrd", volume_files.nrrd(pixels, origin, steps), pixels, truth)
    spacing = (pitch[1], pitch[0], pitch[2])
    content = volume_files.metaimage(pixels, origin, spacing)
    yield Sample("volumes/phantom.mha", "metaimage", content, pixels, truth)
    yield Sample("stack/phantom.tif", "image-stack", files.imagej_stack(pixels, pitch), pixels, truth)


def _scan() -> Iterator[Sample]:
    """Yield a CT of the phantom, and dose on a coarser grid: of Monte Carlo, and as a model predicts it."""
    shape, pitch, origin = (40, 48, 6), (4.0, 4.0, 5.0), (-94.0, -78.0, -12.5)
    volume = phantoms.cylinder(shape, pitch, radius=70.0, inserts=((0.0, 45.0, 12.0, 950.0),))
    values = whole(volume + 8 * noise(shape, 95), np.int16)
    for index in range(shape[2]):
        place = (origin[0], origin[1], origin[2] + index * pitch[2])
        made = files.ct_image(values[:, :, index], number=index + 1, position=place, spacing=pitch)
        yield Sample(f"scan/ct_{index + 1}.dcm", "dicom", files.dicom(made), values[:, :, index])
    plane = phantoms.field((20, 24), (8.0, 8.0), (-30.0, 40.0, -24.0, 48.0), penumbra=16.0)
    dose = np.stack([60 * part * plane for part in (0.125, 0.5, 1.0, 1.0, 0.75, 0.25)]).astype(np.float32)
    corner = (-92.0, -76.0, -12.5)
    content = volume_files.metaimage(dose, corner, (8.0, 8.0, 5.0))
    yield Sample("montecarlo/dose.mha", "metaimage", content, dose)
    affine = ((-8.0, 0, 0, -corner[0]), (0, -8.0, 0, -corner[1]), (0, 0, 5.0, corner[2]))
    yield Sample("model/dose.nii", "nifti", volume_files.nifti(dose, affine), dose)


def _raw() -> Iterator[Sample]:
    ball = phantoms.cylinder((*CAMERA, 2), (1.0, 1.0, 1.0), radius=30.0)[:, :, 1]
    grey = 30000 - 12000 * (ball > -500) + 90 * noise(CAMERA, 81)
    pixels = whole(marked(grey, 60000), np.uint16)
    yield Sample("cyberknife/camera_a.raw", "cyberknife-raw", files.cyberknife(pixels), pixels)
    lit = whole(marked(40000 * phantoms.surface((600, 960)), 65000, size=6), np.uint32)
    yield Sample("visionrt/surface.raw", "visionrt-raw", files.visionrt(lit), lit)
    strip = whole(marked(1500 * phantoms.wedge((90, 200), 5, border=8) - 200, 2000), np.int16)
    header = b"MADE SAMPLE".ljust(64, b"\x00")
    content = files.flat(strip, byte_order="big", header=header)
    options = {"shape": strip.shape, "dtype": "int16", "byte_order": "big", "header_bytes": len(header)}
    yield Sample("raw/linear_array.bin", "raw", content, strip, options=options)


_MAKERS: tuple[Callable[[], Iterator[Sample]], ...] = (
    _epid, _kv, _film, _film_dose, _pictures, _star, _dicom, _arrays, _volume, _volume_files, _scan, _raw,
)  # fmt: skip
