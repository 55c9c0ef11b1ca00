"""The alternatives, each in an environment of its own: given by a variable, or made here once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = {
    "deidentifiers": (
        "DICOMBAKE_DEIDENTIFIERS_PYTHON",
        ["dicom-anonymizer==2.1.0", "deid==0.4.13", "dicognito==0.19.0"],
    ),
    "dcm2niix": ("DICOMBAKE_DCM2NIIX_PYTHON", ["dcm2niix"]),
    "pylinac": ("DICOMBAKE_PYLINAC_PYTHON", ["pylinac==3.49.0"]),
    "rtk": ("DICOMBAKE_RTK_PYTHON", ["itk-rtk"]),
    "simpleitk": ("DICOMBAKE_SIMPLEITK_PYTHON", ["SimpleITK", "numpy"]),
    "snakemake": ("DICOMBAKE_SNAKEMAKE_PYTHON", ["snakemake==9.27.1"]),
    "ximreader": ("DICOMBAKE_XIMREADER_PYTHON", ["ximreader", "numpy"]),
}
"""Name -> the variable that gives its interpreter, and what is installed where it gives none."""


def python_of(name: str, folder: Path) -> str:
    """Return the interpreter of an alternative.

    Raises: subprocess.CalledProcessError, where it cannot be made.
    """
    variable, packages = PACKAGES[name]
    if os.environ.get(variable):
        return os.environ[variable]
    home = folder / "environments" / name
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if (home / "complete").exists():
        return str(python)
    shutil.rmtree(home, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(home)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *packages], check=True)
    else:
        venv.create(home, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    (home / "complete").touch()
    return str(python)


def version_of(name: str, python: str) -> str:
    """Return the version of the alternative that is measured."""
    distribution = {"rtk": "itk-rtk", "simpleitk": "SimpleITK"}.get(name, name)
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
