"""Slurm's own daemons on this machine, for tests: munge, a controller, and one node that is this host."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .dask_cluster import until
from .servers import free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "squeue", "scancel")
CONF = """\
ClusterName=bake
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
MpiDefault=none
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why Slurm cannot be started here; empty where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "Slurm's daemons need Linux and root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"Slurm is not installed ({', '.join(absent)}; Debian: slurm-wlm, munge)" if absent else ""


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Start Slurm; what the environment must hold to use it."""
    host = socket.gethostname()
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o400)
    text = CONF.format(
        host=host, folder=folder, controller=free_port(), node=free_port(), cpus=os.cpu_count() or 1
    )
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    environment = {"SLURM_CONF": str(folder / "slurm.conf")}
    files = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "seed", "log")]
    commands = [
        ["munged", "--foreground", "--force", *files, f"--socket={folder}/munge.socket"],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            with (folder / f"{command[0]}.out").open("wb") as log:
                processes.append(
                    subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **environment})
                )
            if command[0] == "munged":
                until((folder / "munge.socket").exists)
        until(lambda: "idle" in _asked("sinfo", environment))
        yield environment
    finally:
        subprocess.run(["scancel", "--user", "root"], env={**os.environ, **environment}, check=False)
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


def _asked(program: str, environment: dict[str, str]) -> str:
    words = [program, "--noheader", "--format=%t"]
    found = subprocess.run(
        words, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    return found.stdout
