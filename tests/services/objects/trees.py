"""Trees of small inputs, in folders and in buckets, and what a run makes of them."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

RECIPE = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  film:
    inputs: "raw/**/g{gantry:d}_*.tif"
    source: image
    metadata: {csv: raw/table.csv, match: stem}
    geometry: {dpi: 300, sid: 1000, sad: 1000, gantry: "{gantry}", collimator: 0, couch: 0}
    exports:
      - {to: rt-image, path: "dicom/{stem}.dcm"}
      - {to: png, path: "png/{parent}/{stem}.png"}
  again:
    inputs: {from: film, files: "dicom/*.dcm"}
    source: dicom
    exports: {to: npy, path: "npy/{stem}.npy"}
  phantom:
    inputs: volumes/*.npy
    source: {format: volume, slice_axis: 0, spacing: [1, 1, 2], units: hu}
    exports: {to: ct-series, path: "ct/{stem}/{slice:03d}.dcm"}
    tags: {PatientPosition: HFS}
"""
FILM = """\
version: 1
uid_namespace: 4b6f1f2e-0c62-4c7e-9d0a-2f1f6f0f8a11
conversions:
  film:
    inputs: "raw/*.tif"
    source: image
    geometry: {dpi: 300, sid: 1000, sad: 1000, gantry: 0, collimator: 0, couch: 0}
    exports: {to: rt-image, path: "dicom/{stem}.dcm"}
"""


def films(folder: Path, number: int) -> None:
    """Write so many small films into ``raw``."""
    (folder / "raw").mkdir(parents=True)
    for index in range(number):
        pixels = np.arange(256, dtype=np.uint16).reshape(16, 16) * (index + 1)
        tifffile.imwrite(folder / f"raw/a{index}.tif", pixels)


def tree(folder: Path) -> None:
    """Write the inputs of `RECIPE`: names that are not ASCII, a table, a volume in two ranges of slices."""
    rows = [["stem", "PatientID"]]
    for index in range(3):
        file = folder / f"raw/d{index % 2}/g{index}_é x.tif"
        file.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(file, np.arange(400, dtype=np.uint16).reshape(20, 20) * (index + 1))
        rows.append([file.stem, f"P{index}"])
    with (folder / "raw/table.csv").open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows(rows)
    (folder / "volumes").mkdir()
    np.save(folder / "volumes/v.npy", np.arange(33 * 64, dtype=np.int16).reshape(33, 8, 8))


@dataclass
class Bucket:
    """A bucket, as another program sees it."""

    client: Any
    name: str

    def url(self, prefix: str = "") -> str:
        return f"s3://{self.name}/{prefix}".rstrip("/")

    def fill(self, folder: Path, prefix: str) -> None:
        """Upload the files of a folder."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.put(f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content, ChecksumAlgorithm="SHA256")

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def content(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def hashes(self, prefix: str) -> dict[str, str]:
        """The sha256 of each object below a prefix, by its path."""
        return {
            key.removeprefix(f"{prefix}/"): hashlib.sha256(self.content(key)).hexdigest()
            for key in self.keys(f"{prefix}/")
        }


def hashes(folder: Path) -> dict[str, str]:
    """The sha256 of each file below a folder, by its path."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }
