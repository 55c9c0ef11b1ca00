"""What `reference` and `plan` name, where it cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from dicombake.pipeline.errors import ExportError
from dicombake.pipeline.exporters.dicom.reference import RT_PLANS, referenced
from msgspec.structs import replace

from ...exporting import context


def test_a_file_that_is_gone_is_told_by_name(tmp_path: Path) -> None:
    gone = replace(context(), named={"plan.dcm": (tmp_path / "plan.dcm",)})
    with pytest.raises(ExportError, match=r"'plan\.dcm', which the export names, cannot be read"):
        referenced("plan.dcm", gone, RT_PLANS, "RT Plan")
