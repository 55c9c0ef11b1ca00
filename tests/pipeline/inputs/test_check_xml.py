"""Check.xml: what it says, and one sentence for what is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import SourceError
from dicombake.pipeline.inputs.check_xml import Check, read_check

NAMESPACE = 'xmlns="http://www.varian.com/MPC"'
BODY = "<MachineSerialNumber>H191234</MachineSerialNumber><Date>2025-09-19T07:41:49.0219614-05:00</Date>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_what_it_says(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "Check.xml"
    path.write_bytes(
        f'<?xml version="1.0" encoding="{encoding}"?><Check {NAMESPACE}>{BODY}</Check>'.encode(encoding)
    )
    assert read_check(path) == Check("H191234", "20250919", "074149.021961", "-0500")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'<?xml version="1.0" encoding="utd-8"?><Check {NAMESPACE}/>', "in an encoding that is not known"),
        (f'<?xml version="1.0" encoding="idna"?><Check {NAMESPACE}/>', "encoding"),
        (f'<?xml version="1.0" encoding="base64"?><Check {NAMESPACE}/>', "encoding"),
        (f"<Check>{BODY}</Check>", "is not in the namespace http://www.varian.com/MPC"),
        (f'<Check xmlns="http://other">{BODY}</Check>', "is not in the namespace http://www.varian.com/MPC"),
        ("<Plan/>", "its root element is 'Plan'"),
        ("<" * 3000, "is no XML"),
        (f"<!DOCTYPE a><Check {NAMESPACE}/>", "declares a document type"),
    ],
)
def test_what_is_none_is_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "Check.xml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        read_check(path)
    assert says in str(caught.value) and "\n" not in str(caught.value)
