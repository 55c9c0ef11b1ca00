"""One target in this process: ``python -m tests.fuzz.one TARGET FILE SECONDS [libFuzzer's options]``.

FILE holds the input that is being tried (`Tried`). An input that takes more SECONDS of the processor ends the
process by SIGPROF, whatever it is in: libFuzzer's own limit is of the clock, and finds on a busy machine what
is none.
"""

from __future__ import annotations

import mmap
import signal
import sys
import warnings
from pathlib import Path

import atheris

from .tried import write_tried


def main() -> None:
    """Fuzz until the options end it."""
    name, file, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    with atheris.instrument_imports(include=["dicombake"]):
        from .targets import TARGETS

        target = TARGETS[name]
        for seed in target.seeds():  # what is imported when it is first needed is to be instrumented too
            target.run(seed)

    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as memory:

        def once(data: bytes) -> None:
            write_tried(memory, data)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                target.run(data)
            signal.setitimer(signal.ITIMER_PROF, 0)

        atheris.Setup([sys.argv[0], *sys.argv[4:]], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
