"""An output compared with what its recipe gives now: the unit is done again, into a folder of its own."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from ..check.remake import Memory, Trial
from ..errors import ExportError, UsageError
from ..plan.model import Plan
from ..store.files import write_file


def made_now(plan: Plan, path: str, folder: Path) -> Path:
    """Make one output anew, below `folder`; nothing of the recipe's own is written.

    Args:
        plan: of the recipe.
        path: of the output (with /), relative to the output folder.
        folder: where the file goes, under its own name.

    Raises:
        UsageError: the recipe does not make this output.
        DicombakeError: why the output cannot be made.
    """
    from ..run.unit.work import do_unit

    unit = next((unit for unit in plan.units if any(each.path == path for each in unit.outputs)), None)
    if unit is None:
        raise UsageError(
            f"{plan.loaded.path} does not make it", subject=path, hint="'dicombake plan' lists what it makes"
        )
    outputs = tuple(output for output in unit.outputs if output.path == path)
    memory = Memory(plan.out, wanted=frozenset({path}))
    result = do_unit(replace(unit, outputs=outputs), Trial(plan.lowered, plan.data, plan.out, memory=memory))
    if result.error:
        failed = result.error
        raise ExportError(failed.message, subject=failed.subject or path, hint=failed.hint)
    target = folder / path.rpartition("/")[2]
    write_file(target, memory.contents[path])
    return target
