"""The examples at the end of each command's ``--help`` and in docs/cli.md: lines that one can type."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "run": (
        "dicombake run film.yaml",
        "dicombake run film.yaml --data /mnt/scans --out /mnt/dicom",
        "dicombake run film.yaml --only scans --force --jobs 4",
        "dicombake run film.yaml --locked --junit run.xml",
        "dicombake run film.yaml --html page.html",
        "dicombake run film.yaml --executor dask --scheduler tcp://127.0.0.1:8786",
    ),
    "watch": (
        "dicombake watch qa.yaml",
        "dicombake watch qa.yaml --deliver --json",
        "dicombake watch qa.yaml --once --settle 10",
    ),
    "deliver": (
        "dicombake deliver qa.yaml",
        "dicombake deliver qa.yaml --to pacs --dry-run",
    ),
    "convert": (
        "dicombake convert scan.tif scan.dcm --dpi 75 --sid 1000 --gantry 90",
        "dicombake convert *.xim pictures/ --to png",
        "dicombake convert star_*.dcm star.dcm --to rt-image --combine sum",
        "dicombake convert head.nii.gz ct/",
        "dicombake convert scan.tif scan.dcm --dpi 75 --sid 1000 --recipe",
    ),
    "plan": ("dicombake plan film.yaml", "dicombake plan film.yaml --only scans --json"),
    "check": ("dicombake check film.yaml", "dicombake check film.yaml --diff"),
    "lock": ("dicombake lock film.yaml", "dicombake lock film.yaml --sums > film.sha256"),
    "crosswalk": ("dicombake crosswalk ~/keys/trial.crosswalk",),
    "graph": ("dicombake graph film.yaml", "dicombake graph film.yaml --format dot > film.dot"),
    "validate": ("dicombake validate *.yaml",),
    "test": ("dicombake test film.yaml", "dicombake test *.yaml --junit tests.xml"),
    "config": ("dicombake config film.yaml",),
    "explain": (
        "dicombake explain dicom/g090_wedge.dcm",
        "dicombake explain dicom/g090_wedge.dcm --recipe film.yaml",
    ),
    "report": ("dicombake report film.yaml", "dicombake report film.yaml -o page.html --pictures first"),
    "diff": (
        "dicombake diff field.xim dicom/field.dcm",
        "dicombake diff yesterday today --tolerance 2",
        "dicombake diff dicom/g090_wedge.dcm film.yaml",
    ),
    "inspect": ("dicombake inspect scan.tif", "dicombake inspect *.xim --json"),
    "new": (
        "dicombake new scans",
        "dicombake new --data /mnt/qa -o qa.yaml",
        "dicombake new --from morning-qa",
    ),
    "check-dicom": ("dicombake check-dicom dicom/*.dcm", "dicombake check-dicom *.dcm --quiet --json"),
    "formats": ("dicombake formats", "dicombake formats --json"),
    "schema": ("dicombake schema > recipe.schema.json", "dicombake schema --out recipe.schema.json"),
    "demo": ("dicombake demo", "dicombake demo /tmp/demo"),
}


def epilog(name: str) -> str:
    """Return the examples so that Click prints them unchanged: each line indented, after its mark."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in EXAMPLES[name])
