"""A volume of many slices is packed in time that grows with their number."""

from __future__ import annotations

import gzip

import pytest
from dicombake.pipeline.exporters.volumes import nifti

SLICES = 500


class Slice(bytes):
    """Counts how often its length is asked for."""

    asked = 0

    def __len__(self) -> int:
        type(self).asked += 1
        return super().__len__()


def test_each_slice_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    slices = [Slice([number % 256, number // 256]) for number in range(SLICES)]
    monkeypatch.setattr(Slice, "asked", 0)
    assert gzip.decompress(b"".join(nifti._Gzipped(slices))) == b"".join(slices)
    assert Slice.asked <= 3 * SLICES


def test_members_are_of_a_size_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nifti, "_WHOLE", 100)
    monkeypatch.setattr(nifti, "_MEMBER", 40)
    members = [gzip.decompress(member) for member in nifti._Gzipped([bytes(15)] * 10)]
    assert [len(member) for member in members] == [45, 45, 45, 15]
