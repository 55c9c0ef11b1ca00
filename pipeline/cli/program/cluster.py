"""The options that choose where the work is done: this machine, a Dask cluster, Slurm."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import UsageError
from ..common import refuse_with_untrusted

if TYPE_CHECKING:
    from ...run.workers.cluster.settings import ClusterSettings


class Executor(StrEnum):
    """Where units are carried out."""

    LOCAL = "local"
    DASK = "dask"
    SLURM = "slurm"


ChosenExecutor = Annotated[
    Executor,
    typer.Option(
        "--executor",
        help="Where the work is done: on this machine, on a Dask cluster, or by jobs of Slurm "
        "(then --jobs is their number).",
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="URL",
        help="The scheduler of the Dask cluster: tcp://HOST:8786, tls://HOST:8786; default: Dask's settings.",
        show_default=False,
    ),
]
Insecure = Annotated[
    bool, typer.Option("--insecure", help="Take tcp:// beyond loopback and private networks, too.")
]


def cluster_settings(
    executor: Executor, scheduler: str | None, jobs: int | None, *, insecure: bool, untrusted: bool
) -> ClusterSettings | None:
    """Return the cluster that the options name; None: this machine. Raises: UsageError."""
    if executor is Executor.LOCAL:
        if scheduler is not None or insecure:
            option = "--scheduler" if scheduler is not None else "--insecure"
            raise UsageError("goes with --executor dask", subject=option)
        return None
    refuse_with_untrusted({"--executor": untrusted})
    from ...run.workers.cluster.settings import ClusterSettings

    settings = ClusterSettings(
        "dask" if executor is Executor.DASK else "slurm", scheduler or "", insecure=insecure, jobs=jobs
    )
    settings.check()
    return settings
