"""Make the one item of Exposure Sequence (PS3.3 C.8.8.2) from XIM properties; see docs/formats/xim.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ....schemas.language.decimal_string import nearest_ds
from .units import KV, MV, Properties, millimetres, number

if TYPE_CHECKING:
    from pydicom import Dataset, Sequence

_PHOTONS = re.compile(r"(\d+(?:\.\d+)?)x(FFF)?")
"""MVEnergy of a photon beam; electrons (``9e``) have no KVP."""


def _steps(*runs: tuple[float, float, float]) -> tuple[float, ...]:
    """Return leaf boundaries in mm; each run is first, last, width, and runs join at their ends."""
    edges = [runs[0][0]]
    for first, last, width in runs:
        edges += [first + width * step for step in range(1, round((last - first) / width) + 1)]
    return tuple(edges)


_BOUNDARIES = {
    2: _steps((-200, -100, 10), (-100, 100, 5), (100, 200, 10)),
    3: _steps((-110, -40, 5), (-40, 40, 2.5), (40, 110, 5)),
}
"""By MLCModel: NDS120 and NDS120HD, 60 leaf pairs each, mm at the isocentre, leaf 1 at -Y."""


def exposure_sequence(properties: Properties, half: str) -> Sequence:
    """Return the one item of an image that was exposed; a dark field has none."""
    from pydicom import Dataset, Sequence

    item = Dataset()
    # KVP and MetersetExposure are Type 2C for PORTAL: present, and empty if unknown
    item.KVP = None
    item.MetersetExposure = None
    if half == KV:
        _kilovolts(properties, item)
    else:
        _megavolts(properties, item)
    devices = _devices(properties, half)
    if devices:
        item.BeamLimitingDeviceSequence = Sequence(devices)
    item.NumberOfBlocks = 0
    return Sequence([item])


def _kilovolts(properties: Properties, item: Dataset) -> None:
    voltage, current, time = (
        number(properties, name) for name in ("KVKiloVolts", "KVMilliAmperes", "KVMilliSeconds")
    )
    if voltage is not None:
        item.KVP = nearest_ds(voltage)
    if current is not None:
        item.XRayTubeCurrent = round(current)
        if current != round(current):
            item.XRayTubeCurrentInmA = current
    if time is not None:
        _exposure_time(item, time)
        # in minutes, as PrimaryDosimeterUnit MINUTE says
        item.MetersetExposure = nearest_ds(time / 60000.0)


def _megavolts(properties: Properties, item: Dataset) -> None:
    from pydicom import Dataset, Sequence

    photons = _PHOTONS.fullmatch(str(properties.get("MVEnergy", "")))
    if photons:
        item.KVP = nearest_ds(float(photons[1]) * 1000.0)
        if photons[2]:
            fluence = Dataset()
            fluence.FluenceMode = "NON_STANDARD"
            fluence.FluenceModeID = "FFF"
            item.PrimaryFluenceModeSequence = Sequence([fluence])
    time = _duration(properties)
    if time is not None:
        _exposure_time(item, time)
    start, stop = number(properties, "MVDoseStart"), number(properties, "MVDoseStop")
    if start is not None and stop is not None and stop >= start:
        # counters run over the whole beam; MVDoseDelivered is 0 in every file
        item.MetersetExposure = nearest_ds(round(stop - start, 8))


def _exposure_time(item: Dataset, milliseconds: float) -> None:
    item.ExposureTime = round(milliseconds)
    if milliseconds != round(milliseconds):
        item.ExposureTimeInms = milliseconds


def _duration(properties: Properties) -> float | None:
    """Return StopTime - StartTime in ms; None where either is not set, or the clock ran backwards."""
    names = ("StartTime", "StartTimeRemainder", "StopTime", "StopTimeRemainder")
    values = [properties.get(name) for name in names]
    if not all(isinstance(value, int) for value in values):
        return None
    seconds, rest, end, end_rest = (int(value) for value in values if value is not None)
    nanoseconds = (end - seconds) * 10**9 + end_rest - rest
    return nanoseconds / 1e6 if 0 <= nanoseconds < 10**12 else None


def _devices(properties: Properties, half: str) -> list[Dataset]:
    devices = []
    for axis in ("X", "Y"):
        one, two = (number(properties, f"{half}Collimator{axis}{side}") for side in (1, 2))
        if one is not None and two is not None:
            devices.append(_device(f"ASYM{axis}", [-one, two]))
    leaves = _leaves(properties) if half == MV else None
    if leaves:
        boundaries, positions = leaves
        mlc = _device("MLCX", positions)
        mlc.LeafPositionBoundaries = [nearest_ds(edge) for edge in boundaries]
        devices.append(mlc)
    return devices


def _device(kind: str, positions: list[float]) -> Dataset:
    """Return a device with its positions, given in cm, in mm.

    The positions are those of bank 1 (its sign already changed to IEC), then of bank 2.
    """
    from pydicom import Dataset

    device = Dataset()
    device.RTBeamLimitingDeviceType = kind
    device.NumberOfLeafJawPairs = len(positions) // 2
    device.LeafJawPositions = [nearest_ds(millimetres(position)) for position in positions]
    return device


def _leaves(properties: Properties) -> tuple[tuple[float, ...], list[float]] | None:
    """Return boundaries in mm and positions in cm: bank B is X1, bank A is X2; None for an unknown MLC."""
    boundaries = _BOUNDARIES.get(properties.get("MLCModel", 0))
    bank_a, bank_b = _bank(properties.get("MLCLeafsA")), _bank(properties.get("MLCLeafsB"))
    if boundaries is None or bank_a is None or bank_b is None:
        return None
    if not len(bank_a) == len(bank_b) == len(boundaries) - 1:
        return None
    return boundaries, [-leaf for leaf in bank_b] + bank_a


def _bank(values: Any) -> list[float] | None:
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        return None
    return values
