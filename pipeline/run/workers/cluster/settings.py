"""What the user says of a cluster, and which addresses are taken. Imports no Dask."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from ....errors import UsageError
from ....extras import require

Kind = Literal["dask", "slurm"]
PORT = 8786
"""The port that Dask's scheduler takes by default."""
_PRIVATE: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8", "::1/128",  # loopback
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",  # private: RFC 1918, RFC 4193
        "169.254.0.0/16", "fe80::/10",  # the link alone: RFC 3927, RFC 4291
    )
)  # fmt: skip


class ClusterSettings(Struct, frozen=True):
    """The cluster that carries a plan out: a scheduler that runs, or workers that Slurm starts."""

    kind: Kind
    scheduler: str = ""
    """The address of Dask's scheduler; empty: the one of Dask's own settings."""
    insecure: bool = False
    """Speak without TLS beyond private networks, too."""
    jobs: int | None = None
    """The most workers to use (None: all that there are), or the number of Slurm's jobs (None: one)."""

    def check(self) -> str:
        """Check what can be checked before a recipe is read; return the address, empty for Slurm.

        Raises: UsageError.
        """
        require("cluster", f"--executor {self.kind}")
        if self.kind == "slurm" and self.scheduler:
            raise UsageError(
                "goes with --executor dask: Slurm's workers have their own", subject="--scheduler"
            )
        return self.address() if self.kind == "dask" else ""

    def address(self) -> str:
        """Return the address of the scheduler. Raises: UsageError."""
        address = self.scheduler or _configured()
        if not address:
            raise UsageError(
                "needs the address of a scheduler",
                subject="--executor dask",
                hint="give --scheduler tcp://HOST:8786, or set DASK_SCHEDULER_ADDRESS",
            )
        check_address(address, insecure=self.insecure)
        return address


def _configured() -> str:
    """Return the address in Dask's own settings (``scheduler-address``), if there is one."""
    import dask

    return str(dask.config.get("scheduler-address", None) or "")


def check_address(address: str, *, insecure: bool) -> None:
    """Check a scheduler's address. Raises: UsageError, also for one that must be spoken to under TLS.

    Whoever answers there sees what the plan says and can make this process run anything: Dask's messages are
    pickled. Without TLS that may be anybody on the way.
    """
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in ("tcp", "tls") or not host or not port:
        raise UsageError(
            f"'{address}' is no address of a scheduler",
            subject="--scheduler",
            hint=f"write tcp://HOST:{PORT} or tls://HOST:{PORT}",
        )
    if scheme == "tls" or insecure:
        return
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise UsageError(f"'{host}' is not known: {error.strerror}", subject="--scheduler") from None
    for text in sorted(map(str, found)):
        one = ip_address(text.partition("%")[0])
        if not any(one in network for network in _PRIVATE if network.version == one.version):
            raise UsageError(
                f"{host} ({one}) is beyond loopback and private networks, and tcp:// is not encrypted",
                subject="--scheduler",
                hint="use tls://, or give --insecure",
            )
