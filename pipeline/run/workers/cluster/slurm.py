"""Start Dask workers as jobs of Slurm, by dask-jobqueue and its own settings."""

from __future__ import annotations

from typing import Any

from ....errors import PlanError, UsageError


def start(jobs: int) -> Any:
    """Return a cluster of dask-jobqueue that asks Slurm for `jobs` jobs.

    Cores, memory, queue, account and walltime are dask-jobqueue's settings (``jobqueue.slurm``); a worker
    process for each core, unless they say otherwise, since one process does one unit at a time.

    Raises: UsageError, where settings are missing; PlanError, where a job cannot be handed in.
    """
    import dask
    from dask_jobqueue import SLURMCluster

    cores = dask.config.get("jobqueue.slurm.cores", None)
    if cores is None or dask.config.get("jobqueue.slurm.memory", None) is None:
        raise UsageError(
            "needs jobqueue.slurm.cores and jobqueue.slurm.memory in Dask's settings",
            subject="--executor slurm",
            hint="write them into ~/.config/dask/jobqueue.yaml, or set DASK_JOBQUEUE__SLURM__CORES and "
            "DASK_JOBQUEUE__SLURM__MEMORY",
        )
    processes = dask.config.get("jobqueue.slurm.processes", None) or cores
    try:
        cluster = SLURMCluster(processes=processes)
        cluster.scale(jobs=jobs)
    except (OSError, RuntimeError, ValueError) as error:
        raise PlanError(f"Slurm took no job ({error})", hint="nothing was written") from error
    return cluster
