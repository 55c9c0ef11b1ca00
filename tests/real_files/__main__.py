"""``python -m tests.real_files NAME=FOLDER... [--page]``: what became of each file; --page: in the docs."""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .convert import MOST_BYTES, Readers, Result, converted

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "evidence.md"
_OF_NO_FORMAT = "is no format that its content tells"


def files(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Yield each file whose content was not met before, in the order of names."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if not 0 < path.stat().st_size <= MOST_BYTES:
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest not in seen:
            seen.add(digest)
            yield path


def table(results: dict[str, list[Result]]) -> str:
    """Return the counts as Markdown: by collection, then the reasons, then what differs by name."""
    lines = ["| collection | files | converted | refused | no format of ours |", "|---|---|---|---|---|"]
    reasons: Counter[str] = Counter()
    verdicts: Counter[tuple[str, str]] = Counter()
    apart = []
    for name, found in results.items():
        foreign = [each for each in found if each.reason.startswith(_OF_NO_FORMAT)]
        refused = [each for each in found if each.status == "refused" and each not in foreign]
        good = [each for each in found if each.status == "converted"]
        lines.append(f"| {name} | {len(found)} | {len(good)} | {len(refused)} | {len(foreign)} |")
        reasons.update(each.reason for each in refused)
        for each in good:
            verdicts.update(each.compared.items())
            differ = [reader for reader, how in each.compared.items() if how == "differs"]
            same = [reader for reader, how in each.compared.items() if how in ("same", "close")]
            if differ and not same:
                apart.append(f"- {name}: `{each.path.name}` ({', '.join(differ)})")
        lost = [each for each in found if each.status == "defect"]
        assert not lost, lost
    hows = ("same", "close", "differs", "other layout", "not read")
    lines += ["", f"| read by | {' | '.join(hows)} |", "|---|" + "---|" * len(hows)]
    for reader in dict.fromkeys(reader for reader, _ in verdicts):
        lines.append(f"| {reader} | {' | '.join(str(verdicts[reader, how]) for how in hows)} |")
    lines += ["", "Refused, by reason:", ""]
    lines += [
        f"- {count}: {reason}"
        for reason, count in sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    ]
    return (
        "\n".join(
            [
                *lines,
                "",
                "Read with other values by every reader that gives as many:",
                "",
                *(apart or ["none"]),
            ]
        )
        + "\n"
    )


def main(arguments: list[str]) -> None:
    results: dict[str, list[Result]] = {}
    seen: set[str] = set()
    readers = Readers()
    for argument in arguments:
        if argument == "--page":
            continue
        name, _, folder = argument.partition("=")
        results[name] = []
        for path in files(Path(folder), seen):
            with tempfile.TemporaryDirectory() as work:
                results[name].append(converted(path, Path(work), readers))
    text = table(results)
    sys.stdout.write(text)
    if "--page" in arguments:
        page = PAGE.read_text(encoding="utf-8")
        marks = re.compile(r"(<!-- real-files: begin.*?-->\n).*?(<!-- real-files: end -->)", re.S)
        PAGE.write_text(marks.sub(lambda m: m[1] + text + m[2], page), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
