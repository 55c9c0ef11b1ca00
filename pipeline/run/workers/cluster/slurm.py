"""Start Dask workers as jobs of Slurm, by dask-jobqueue and its own settings."""

from __future__ import annotations

import subprocess
from typing import Any

from ....errors import PlanError, UsageError


def start(jobs: int) -> Any:
    """Return a cluster of dask-jobqueue that keeps `jobs` jobs of Slurm running: one that ends is replaced.

    Cores, memory, queue, account and walltime are dask-jobqueue's settings (``jobqueue.slurm``); a worker
    process for each core, unless they say otherwise, since one process does one unit at a time.

    Raises: UsageError, where settings are missing; PlanError, where Slurm would not take such a job.
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
    try:
        cluster = SLURMCluster(processes=dask.config.get("jobqueue.slurm.processes", None) or cores)
    except (OSError, RuntimeError, ValueError) as error:
        raise PlanError(
            f"no scheduler of Dask could be started ({error})", subject="--executor slurm"
        ) from error
    try:
        _check(cluster.job_script())
    except BaseException:
        cluster.close(timeout=10)
        raise
    cluster.adapt(minimum_jobs=jobs, maximum_jobs=jobs)
    return cluster


def _check(script: str) -> None:
    """Ask Slurm whether it would take a job; it tells nobody of those that are handed in later.

    Raises: PlanError.
    """
    command = ["sbatch", "--test-only"]
    try:
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or "no answer within a minute"
        raise PlanError(f"sbatch cannot be asked ({why})", subject="--executor slurm") from error
    if done.returncode != 0:
        why = " ".join(done.stderr.split()).removeprefix("allocation failure: ")
        raise PlanError(f"Slurm would not take such a job ({why})", subject="--executor slurm")
