"""One target in this process: ``python -m tests.fuzz.one TARGET [libFuzzer's options]``."""

from __future__ import annotations

import sys
import warnings

import atheris


def main() -> None:
    """Fuzz until the options end it."""
    name = sys.argv[1]
    with atheris.instrument_imports(include=["dicombake"]):
        from .targets import TARGETS

        target = TARGETS[name]
        for seed in target.seeds():  # what is imported when it is first needed is to be instrumented too
            target.run(seed)

    def once(data: bytes) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.run(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
