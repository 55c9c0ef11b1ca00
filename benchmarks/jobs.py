"""The rows of the table: what is run, against what, and what is to be reached."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .environments import python_of
from .inputs import Inputs, recipe
from .measuring import OURS, Command, Run, Spread, alternate, ratios, run

OTHERS = Path(__file__).parent / "others"
OUT = "{out}"
"""Where an alternative's command names its folder for outputs."""
FEW = 4
"""Files of the small run that is taken off a large one to put start-up aside."""
DECODES = "25"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `times`: how many times; `at_least`: whether more is better than `wanted`."""

    job: str
    against: str
    times: Spread
    wanted: float
    at_least: bool
    remark: str = ""

    @property
    def reached(self) -> bool:
        return self.times.median >= self.wanted if self.at_least else self.times.median <= self.wanted


@dataclass
class Bench:
    """What all jobs share."""

    inputs: Inputs
    folder: Path
    rounds: int
    pythons: dict[str, str] = field(default_factory=dict)
    outs: list[Path] = field(default_factory=list)

    def python(self, name: str) -> str:
        if name not in self.pythons:
            self.pythons[name] = python_of(name, self.folder)
        return self.pythons[name]

    def other(self, environment: str, script: str, *arguments: str) -> list[str]:
        python = sys.executable if environment == "ours" else self.python(environment)
        return [python, str(OTHERS / script), *arguments]

    def fresh(self) -> Path:
        """Return a new folder for outputs; those of the run before are emptied, and stay until the end.

        Their memory is used again. Deleting them would slow down what is created next: ext4 leaves inodes
        alone that were freed in the last minutes, and looks at each of them for every new file.
        """
        for path in self.outs[-1:]:
            for each in path.iterdir():
                os.truncate(each, 0)
        self.outs.append(self.folder / "out" / f"{os.getpid()}-{len(self.outs)}")
        self.outs[-1].mkdir(parents=True)
        return self.outs[-1]

    def clear(self) -> None:
        """Remove all outputs."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)

    def convert(self, conversion: str, data: Path, *options: str, memory: bool = False) -> Run:
        """One whole run of ours, from nothing."""
        home = self.folder / "recipe"
        shutil.rmtree(home, ignore_errors=True)
        path = recipe(home / "benchmark.yaml", conversion)
        command = [*OURS, "run", str(path), "--data", str(data), "--out", str(self.fresh()), "--quiet"]
        return run([*command, *options], memory=memory)

    def alternative(self, command: Command) -> Run:
        """One whole run of an alternative."""
        return run(self.into_fresh(command))

    def into_fresh(self, command: Command) -> Command:
        """Return a command with a fresh folder in place of `OUT`."""
        out = str(self.fresh())
        return [out if word == OUT else word for word in command]

    def versus(self, ours: Callable[[], Run], other: Callable[[], Run]) -> tuple[Spread, str]:
        """Say how many times as long the other takes, and both medians as text."""
        found = alternate({"ours": ours, "other": other}, self.rounds)
        mine, theirs = ([once.seconds for once in found[name]] for name in ("ours", "other"))
        text = f"{Spread(tuple(mine)).median:.2f} s against {Spread(tuple(theirs)).median:.2f} s"
        return ratios(mine, theirs), text


XIM = '{inputs: "*.xim", source: xim, exports: {to: rt-image, path: "{stem}.dcm"}}'
TIFF = (
    '{inputs: "*.tif", source: image, geometry: {dpi: 100, sid: 1000}, '
    'exports: {to: rt-image, path: "{stem}.dcm"}}'
)
MEAN = '{inputs: "*.dcm", source: dicom, combine: {method: mean}, exports: {to: rt-image, path: "mean.dcm"}}'
NAMES = (
    '{inputs: "g{gantry:d}_*.tif", source: image, geometry: {dpi: 100, sid: 1000, gantry: "{gantry}"}, '
    'exports: {to: rt-image, path: "{stem}.dcm"}}'
)

NPY = '{inputs: "*.npy", source: array, exports: {to: npy, path: "{stem}.npy"}}'
SNAKEFILE = """\
STEMS, = glob_wildcards("{data}/{{stem}}.npy")
rule all:
    input: expand("{out}/{{stem}}.npy", stem=STEMS)
rule copy:
    input: "{data}/{{stem}}.npy"
    output: "{out}/{{stem}}.npy"
    shell: "cp {{input}} {{output}}"
"""


def volume(axis: int) -> str:
    """Return the conversion of a volume with its slices on this axis."""
    source = f"{{format: volume, slice_axis: {axis}, spacing: [0.5, 0.5, 1], units: hu}}"
    return f'{{inputs: "*.npy", source: {source}, exports: {{to: ct-series, path: "{{slice:04d}}.dcm"}}}}'


def xim(bench: Bench) -> Iterator[Row]:
    data = bench.inputs.xim(100)
    times, remark = bench.versus(
        lambda: bench.convert(XIM, data, "--jobs", "2"),
        lambda: bench.alternative(bench.other("pylinac", "pylinac_xim.py", str(data), OUT)),
    )
    yield Row("100 XIM to RT Image", "pylinac", times, 30, True, remark)


def decode(bench: Bench) -> Iterator[Row]:
    files = bench.inputs.xim_pair()
    names = [str(path) for path in files.values()]
    commands = {
        "ours": [sys.executable, "-m", "benchmarks.within", "decode", DECODES, *names],
        "rtk": bench.other("rtk", "rtk_decode.py", DECODES, *names),
        "ximreader": bench.other("ximreader", "ximreader_decode.py", DECODES, *names),
    }
    found: dict[str, list[list[float]]] = {name: [] for name in commands}
    for _ in range(bench.rounds):
        for name, command in commands.items():
            found[name].append(numbers(command))
    for index, kind in enumerate(files):
        values = {name: [once[index] for once in runs] for name, runs in found.items()}
        medians = {name: Spread(tuple(each)).median for name, each in values.items()}
        for other, wanted in (("rtk", 1.5), ("ximreader", 1.0)):
            remark = f"{medians['ours']:.1f} ms against {medians[other]:.1f} ms"
            times = ratios(values[other], values["ours"])
            name = {"rtk": "RTK's C++ reader (takes 1)", "ximreader": "ximreader (takes 1)"}[other]
            yield Row(f"decoding a {kind} XIM", name, times, wanted, False, remark)


def numbers(command: Command) -> list[float]:
    """Return what a command prints, as numbers. Raises: subprocess.CalledProcessError."""
    said = subprocess.run(list(command), check=True, capture_output=True, text=True)
    return [float(part) for part in said.stdout.split()]


def tiff(bench: Bench) -> Iterator[Row]:
    data, few = bench.inputs.tiff(100), bench.inputs.tiff(FEW)
    times, remark = bench.versus(
        lambda: bench.convert(TIFF, data, "--jobs", "2"),
        lambda: bench.alternative(bench.other("pylinac", "pylinac_tiff.py", str(data), OUT)),
    )
    yield Row("100 TIFF of 1280x1280 to RT Image", "pylinac", times, 4, True, remark)
    copy = bench.other("ours", "copy_files.py", str(data), OUT)
    ours = _each(bench, TIFF, (few, FEW), (data, 100))
    yield _per_item("a TIFF, start-up aside", "copying it (takes 1)", 6, bench=bench, ours=ours, other=copy)


IMG2DCM = """\
for path in {data}/*; do img2dcm $KIND "$path" {out}/$(basename "$path").dcm || exit 1; done
"""


IMPORTS = "import numpy, pydicom, PIL.Image"
ALONE = {
    "xim": (),
    "tif": ("--dpi", "100", "--sid", "1000"),
    "jpg": ("--to", "secondary-capture", "--transfer-syntax", "keep"),
    "dcm": (),
}
"""Options with which one file of each kind is converted."""


def converting(bench: Bench) -> Iterator[Row]:
    """Yield one file of each kind, and 100 pictures in one call against img2dcm, where that is installed."""
    inputs = bench.inputs
    folders = inputs.xim(FEW), inputs.tiff(FEW), inputs.pictures(100, "jpg"), inputs.dicom(FEW)
    for folder, (suffix, options) in zip(folders, ALONE.items(), strict=True):
        file = str(min(folder.iterdir()))

        def alone(file: str = file, options: tuple[str, ...] = options) -> Run:
            return run([*OURS, "convert", file, str(bench.fresh() / "out.dcm"), *options])

        commands = {"ours": alone, "other": lambda: run([sys.executable, "-c", IMPORTS])}
        found = alternate(commands, 3 * bench.rounds)
        mine, theirs = ([once.cpu for once in found[name]] for name in ("ours", "other"))
        remark = f"processor time, least: {min(mine):.3f} s against {min(theirs):.3f} s"
        against = f'python -c "{IMPORTS}" (takes 1)'
        yield Row(f"convert of one {suffix.upper()}", against, ratios(theirs, mine), 1.3, False, remark)
    if shutil.which("img2dcm") is None:
        return
    for suffix, kind, options, wanted in (
        ("jpg", "", ("--transfer-syntax", "keep"), 1.3),
        ("bmp", "-i BMP", (), 1.5),
    ):
        data = bench.inputs.pictures(100, suffix)

        def ours(data: Path = data, options: tuple[str, ...] = options) -> Run:
            files = map(str, sorted(data.iterdir()))
            return run([*OURS, "convert", *files, f"{bench.fresh()}/", "--to", "secondary-capture", *options])

        def loop(data: Path = data, kind: str = kind) -> Run:
            script = IMG2DCM.format(data=data, out=bench.fresh())
            return run(["env", f"KIND={kind}", "sh", "-c", script])

        times, remark = bench.versus(ours, loop)
        name = f"convert of 100 {suffix.upper()} of 768x1024 to Secondary Capture"
        yield Row(name, "a loop of img2dcm", times, wanted, True, remark)


def volumes(bench: Bench) -> Iterator[Row]:
    for axis, name in ((0, "first"), (2, "last")):
        data = bench.inputs.volume(axis)
        few = bench.inputs.volume(axis, (FEW, 512, 512))
        file, conversion = str(data / "volume.npy"), volume(axis)
        job = f"300 slices of 512x512 to CT, {name} axis"
        for environment, wanted in (("pylinac", 5.0), ("simpleitk", 2.0)):
            script = f"{environment}_volume.py"
            times, remark = bench.versus(
                lambda data=data, conversion=conversion: bench.convert(conversion, data, "--jobs", "2"),
                lambda environment=environment, script=script, file=file, axis=axis: bench.alternative(
                    bench.other(environment, script, file, OUT, str(axis))
                ),
            )
            yield Row(job, environment, times, wanted, True, remark)
        ours = _each(bench, conversion, (few, FEW), (data, 300))
        numpy = bench.other("ours", "numpy_volume.py", file, OUT, str(axis))
        slice_ = f"a slice, {name} axis, start-up aside"
        against = "numpy writing the same bytes (takes 1)"
        yield _per_item(slice_, against, 4, bench=bench, ours=ours, other=numpy)


NIFTI = (
    '{inputs: "volume.nii*", source: {format: nifti, units: hu}, '
    'exports: {to: ct-series, path: "{slice:04d}.dcm"}}'
)
SERIES = '{inputs: "*.dcm", source: dicom-series, exports: {to: nifti, path: "volume.nii"}}'


def niftis(bench: Bench) -> Iterator[Row]:
    """Measure NIfTI to a CT series, and a CT series to NIfTI."""
    data = bench.inputs.nifti()
    times, remark = bench.versus(
        lambda: bench.convert(NIFTI, data, "--jobs", "2"),
        lambda: bench.alternative(
            bench.other("simpleitk", "simpleitk_volume.py", str(data / "volume.nii"), OUT, "0")
        ),
    )
    yield Row("NIfTI of 300 slices of 512x512 to CT", "simpleitk", times, 3, True, remark)
    many, few = _series(bench, 300), _series(bench, FEW)
    where = "import dcm2niix, sys; print(dcm2niix.bin, end='')"
    program = subprocess.run(
        [bench.python("dcm2niix"), "-c", where], capture_output=True, text=True, check=True
    ).stdout
    theirs = [program, "-b", "n", "-z", "n", "-f", "volume", "-o", OUT, str(many)]
    found = alternate(
        {"ours": lambda: bench.convert(SERIES, many), "other": lambda: bench.alternative(theirs)},
        bench.rounds,
    )
    mine, others = ([once.seconds for once in found[name]] for name in ("ours", "other"))
    started = Spread(tuple(bench.convert(SERIES, few).seconds for _ in range(bench.rounds))).median
    hashing, reading = _shares(many, next(bench.outs[-1].iterdir()), 300 // FEW)
    remark = (
        f"{Spread(tuple(mine)).median:.2f} s against {Spread(tuple(others)).median:.2f} s; of ours "
        f"{started:.2f} s start-up, {hashing:.2f} s hashing, {reading:.2f} s reading back"
    )
    yield Row(
        "CT of 300 slices of 512x512 to NIfTI", "dcm2niix (takes 1)", ratios(others, mine), 2, False, remark
    )


def _series(bench: Bench, slices: int) -> Path:
    """Return a folder with the CT files of a volume."""
    data = bench.inputs.nifti((slices, 512, 512))

    def make(folder: Path) -> None:
        path = recipe(bench.folder / "series" / "series.yaml", NIFTI)
        run([*OURS, "run", str(path), "--data", str(data), "--out", str(folder), "--force", "--quiet"])

    return bench.inputs.made(f"series-{slices}", make)


def _shares(inputs: Path, output: Path, times: int) -> tuple[float, float]:
    """Return the seconds that hashing all files takes, and reading the output once more.

    `output` holds one of so many parts of the whole one.
    """
    start = time.perf_counter()
    for path in inputs.iterdir():
        hashlib.sha256(path.read_bytes())
    content = output.read_bytes() * times
    hashlib.sha256(content)
    hashed = time.perf_counter()
    for _ in range(times):
        output.read_bytes()
    return hashed - start, time.perf_counter() - hashed


def _each(
    bench: Bench, conversion: str, few: tuple[Path, int], many: tuple[Path, int]
) -> Callable[[], float]:
    """Seconds for each further item of a run with two workers."""

    def once() -> float:
        small = bench.convert(conversion, few[0], "--jobs", "2").seconds
        large = bench.convert(conversion, many[0], "--jobs", "2").seconds
        return (large - small) / (many[1] - few[1])

    return once


def _per_item(
    job: str, against: str, wanted: float, *, bench: Bench, ours: Callable[[], float], other: Command
) -> Row:
    mine, theirs = [], []
    for _ in range(bench.rounds):
        mine.append(ours())
        theirs += numbers(bench.into_fresh(other))
    remark = f"{Spread(tuple(mine)).median * 1e3:.2f} ms against {Spread(tuple(theirs)).median * 1e3:.2f} ms"
    return Row(job, against, ratios(theirs, mine), wanted, False, remark)


def mean(bench: Bench) -> Iterator[Row]:
    data = bench.inputs.dicom(200)
    times, remark = bench.versus(
        lambda: bench.convert(MEAN, data),
        lambda: bench.alternative(bench.other("pylinac", "pylinac_mean.py", str(data), OUT)),
    )
    yield Row("mean of 200 DICOM of 1190x1190", "pylinac", times, 8, True, remark)


def workers(bench: Bench) -> Iterator[Row]:
    data = bench.inputs.tiff(2000, 256)
    times, remark = bench.versus(
        lambda: bench.convert(TIFF, data, "--jobs", "2"), lambda: bench.convert(TIFF, data, "--jobs", "1")
    )
    yield Row("2,000 TIFF of 256x256, two workers", "one worker", times, 1.7, True, remark)


def durable(bench: Bench) -> Iterator[Row]:
    data = bench.inputs.tiff(100)
    times, remark = bench.versus(
        lambda: bench.convert(TIFF, data, "--jobs", "2"),
        lambda: bench.convert(TIFF, data, "--jobs", "2", "--durable"),
    )
    yield Row("--durable: 100 TIFF with it", "without it (takes 1)", times, float("inf"), False, remark)


def starting(bench: Bench) -> Iterator[Row]:
    path = recipe(bench.folder / "small" / "small.yaml", XIM)
    cases = (
        (
            "--help",
            [*OURS, "--help"],
            "a Typer program's --help (takes 1)",
            "typer_program.py",
            "--help",
            1.3,
        ),
        (
            "validate of a small recipe",
            [*OURS, "validate", str(path)],
            "importing typer, yaml, pydantic and validating a model (takes 1)",
            "validate_model.py",
            "",
            1.6,
        ),
    )
    for job, command, against, script, argument, wanted in cases:
        other = bench.other("ours", script, *([argument] if argument else []))
        commands = {
            "ours": lambda command=command: run(command),
            "other": lambda other=other: run(other),
        }
        found = alternate(commands, 3 * bench.rounds)
        mine, theirs = ([once.seconds for once in found[name]] for name in ("ours", "other"))
        remark = f"{Spread(tuple(mine)).median:.3f} s against {Spread(tuple(theirs)).median:.3f} s"
        yield Row(job, against, ratios(theirs, mine), wanted, False, remark)


def planning(bench: Bench) -> Iterator[Row]:
    path = recipe(bench.folder / "names" / "names.yaml", NAMES)
    seconds = {}
    for count in (1000, 100_000):
        data = bench.inputs.names(count)
        command = [sys.executable, "-m", "benchmarks.within", "plan", str(bench.rounds), str(path), str(data)]
        found = numbers(command)
        seconds[count] = found[::2], found[1::2]
    mine, theirs = seconds[100_000]
    remark = f"{Spread(tuple(mine)).median:.2f} s against {Spread(tuple(theirs)).median:.3f} s"
    times = ratios(theirs, mine)
    yield Row("plan of 100,000 files", "os.scandir over them (takes 1)", times, 50, False, remark)
    medians = {count: Spread(tuple(own)).median for count, (own, _) in seconds.items()}
    slope = math.log10(medians[100_000] / medians[1000]) / 2
    each = {count: median / count * 1e6 for count, median in medians.items()}
    remark = f"{each[1000]:.1f} and {each[100_000]:.1f} microseconds for each file"
    yield Row(
        "plan of 1,000 to 100,000 files", "its own slope (1 is linear)", Spread((slope,)), 1.1, False, remark
    )


def nothing(bench: Bench) -> Iterator[Row]:
    """Measure a run after a run, and the same graph in snakemake: a job for each file, every output newer."""
    data, count = bench.inputs.arrays(10_000), 10_000
    home = bench.folder / "nothing"
    path = recipe(home / "nothing.yaml", NPY)
    ours = [*OURS, "run", str(path), "--data", str(data), "--out", str(home / "out"), "--quiet"]
    for _ in range(2):  # what was written in the last moment is read once more
        run(ours)
    (home / "Snakefile").write_text(SNAKEFILE.format(data=data.as_posix(), out=(home / "out").as_posix()))
    theirs = [bench.python("snakemake"), "-m", "snakemake", "--dry-run", "--quiet", "all"]
    theirs += ["--snakefile", str(home / "Snakefile"), "--directory", str(home)]
    times, remark = bench.versus(lambda: run(ours), lambda: run(theirs))
    yield Row(f"a run with nothing to do, {count:,} outputs", "snakemake -n", times, 5, True, remark)
    check = [*OURS, "check", str(path), "--data", str(data), "--out", str(home / "out"), "--quiet"]
    times, remark = bench.versus(lambda: run(check), lambda: run(theirs))
    yield Row(
        f"a check that reads all of {count:,}", "snakemake -n, which reads none", times, 1, True, remark
    )


JOBS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "xim": xim,
    "decode": decode,
    "tiff": tiff,
    "convert": converting,
    "volume": volumes,
    "nifti": niftis,
    "mean": mean,
    "workers": workers,
    "start": starting,
    "plan": planning,
    "durable": durable,
    "nothing": nothing,
}
