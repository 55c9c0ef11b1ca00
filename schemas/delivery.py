"""Where outputs are delivered to, and what is received: `destinations`, `deliver` and `receive`."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from .base import AS_IT_IS, Flag, Model, OneOrMany, Positive, PositiveNumber, Text
from .language.template import Template
from .on_demand import ByKey

_AE_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._\-]{0,251}[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_SECRET = re.compile(r"\{env\.([A-Za-z_][A-Za-z0-9_]*)\}")
_SIZE = re.compile(r"(\d{1,15}) *(B|[KMGT]i?B)?")
_UNITS = {"B": 1, **{f"{p}B": 1000**n for n, p in enumerate("KMGT", 1)}}
_UNITS |= {f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)}


def _ae_title(value: str) -> str:
    """PS3.5 6.2, AE: at most 16 characters of ASCII, no backslash, no control characters, no blanks alone."""
    if not _AE_TITLE.fullmatch(value) or not value.strip():
        raise PydanticCustomError(
            "ae_title", "is no AE title: 1 to 16 characters of ASCII, no backslash, not only blanks"
        )
    return value.strip()


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise PydanticCustomError("host", "must be the name or the address of a machine")
    return value


def _secret(value: Any) -> Any:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise PydanticCustomError(
            "secret", "a secret does not stand in a recipe; name a variable of the environment, {env.NAME}"
        )
    return value


def is_loopback(host: str) -> bool:
    """Tell whether a host (a name or an address) is this machine by its loopback."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(value: str) -> str:
    if re.search(r"[\s{}\x00-\x1f]", value):
        raise PydanticCustomError("url", "must be an address as it is, with no blanks and no templates")
    try:
        parts = urlsplit(value)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        wrong, parts = True, urlsplit("")
    if wrong:
        raise PydanticCustomError(
            "url", "must be the address of a service, as in https://pacs.example/dicom-web"
        )
    if parts.username is not None or parts.password is not None:
        raise PydanticCustomError(
            "url", "a password does not stand in a url; write 'user' and 'password: \"{env.NAME}\"'"
        )
    if parts.query or parts.fragment:
        raise PydanticCustomError("url", "must end with the service's path: nothing after '?' or '#'")
    return value.rstrip("/")


def _size(value: Any) -> Any:
    """Return bytes, of a whole number or of text such as ``4 GiB``."""
    if isinstance(value, str):
        matched = _SIZE.fullmatch(value.strip())
        if matched is None:
            raise PydanticCustomError("size", "must be a number of bytes, as in 500 MB or 4 GiB")
        return int(matched[1]) * _UNITS[matched[2] or "B"]
    return value


def _network(value: Any) -> Any:
    try:
        return str(ipaddress.ip_network(value, strict=True))
    except (ValueError, TypeError):
        raise PydanticCustomError(
            "network", "must be an address or a network, as in 10.1.2.7 or 10.1.2.0/24"
        ) from None


AeTitle = Annotated[Text, AfterValidator(_ae_title)]
Host = Annotated[Text, AfterValidator(_host)]
Port = Annotated[Positive, Field(le=65535)]
Secret = Annotated[str, PlainValidator(_secret, json_schema_input_type=str), AS_IT_IS]
"""``{env.NAME}``: the name of a secret, never the secret."""
Size = Annotated[int, BeforeValidator(_size, json_schema_input_type=int | str), Field(ge=1)]
"""Bytes."""
Network = Annotated[str, PlainValidator(_network, json_schema_input_type=str), AS_IT_IS]
"""An address or a network, in its one form."""


def secret_variable(secret: str) -> str:
    """Return the name of the variable of the environment that holds a secret."""
    matched = _SECRET.fullmatch(secret)
    assert matched is not None
    return matched[1]


class ClientTls(Model):
    """TLS towards a destination: its host is checked against `ca`, by name."""

    ca: Text | None = None
    """PEM file of the authority that signed the destination's certificate; default: the system's."""
    cert: Text | None = None
    """PEM file of one's own certificate, where the destination asks for one."""
    key: Text | None = None
    """PEM file of its key."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise PydanticCustomError("tls", "'cert' and 'key' go together")
        return self


class ServerTls(Model):
    """TLS of what is received."""

    cert: Text
    """PEM file of one's own certificate."""
    key: Text
    """PEM file of its key."""
    ca: Text
    """PEM file of the authority whose certificates callers must show."""


class DestinationBase(Model):
    """What every destination shares."""

    tries: Positive = 3
    """How often one output is tried in a row before it stays pending."""
    timeout: PositiveNumber = 30.0
    """Seconds without an answer after which a try has failed."""
    require: Literal["deidentified"] | None = None
    """`deidentified`: what was not made by `deidentify` is held back."""


class RemoteDestination(DestinationBase):
    """What destinations beyond a folder share."""

    prove: Flag = False
    """Whether each output is retrieved again and compared, pixels and elements."""
    associations: Annotated[Positive, Field(le=16)] = 2
    """How many connections are used at once."""


class DicomDestination(RemoteDestination):
    """A PACS or another Storage SCP, by C-STORE."""

    to: Literal["dicom"] = "dicom"
    host: Host
    port: Port = 104
    ae_title: AeTitle
    """Of the destination."""
    calling_ae_title: AeTitle = "DICOMBAKE"
    """One's own."""
    tls: ClientTls | None = None
    commit: Literal["auto", "require", "off"] = "auto"
    """Storage commitment: asked for where it is offered, demanded, or not asked for."""
    commit_port: Port | None = None
    """Where reports of storage commitment and retrieved instances come to, on associations of their own."""
    max_pdu: Annotated[Positive, Field(ge=4096, le=2**20)] = 131072
    """Bytes of the largest PDU that is received."""


class DicomwebDestination(RemoteDestination):
    """A service that speaks DICOMweb: STOW-RS, QIDO-RS, WADO-RS."""

    to: Literal["dicomweb"] = "dicomweb"
    url: Annotated[Text, AfterValidator(_url)]
    """Of the service, the part before ``/studies``."""
    token: Secret | None = None
    """A bearer token: ``{env.NAME}``."""
    user: Text | None = None
    password: Secret | None = None
    """``{env.NAME}``."""
    ca: Text | None = None
    """PEM file of the authority that signed the service's certificate; default: the system's."""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        parts = urlsplit(self.url)
        if (self.user is None) != (self.password is None):
            raise PydanticCustomError("password", "'user' and 'password' go together")
        if self.token is not None and self.password is not None:
            raise PydanticCustomError("password", "give a token or a password, not both")
        secret = self.token or self.password
        if secret and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise PydanticCustomError(
                "url", "a secret would travel in the clear over http; use https (http only to loopback)"
            )
        return self


class FolderDestination(DestinationBase):
    """A folder: outputs keep their relative paths, appear whole, and never replace other content."""

    to: Literal["folder"] = "folder"
    path: Text
    """Absolute, or relative to the recipe's folder."""


AnyDestination = DicomDestination | DicomwebDestination | FolderDestination
Destination = Annotated[AnyDestination, ByKey("to")]
DESTINATIONS: dict[str, type[Model]] = {
    model.model_fields["to"].default: model for model in get_args(AnyDestination)
}


class Caller(Model):
    """Who may send: an AE title, and where it calls from."""

    ae_title: AeTitle
    address: OneOrMany[Network] = ()
    """Addresses or networks; without one any."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"ae_title": value} if isinstance(value, str) else value


class ReceiveLimits(Model):
    """Bounds on what callers may do."""

    instance_bytes: Size = 4 * 2**30
    """Of one instance."""
    associations: Positive = 10
    """At once."""
    idle: PositiveNumber = 60.0
    """Seconds of silence after which an association ends."""
    free_bytes: Size = 2**30
    """What is left free on the disk: below that, senders are told that it is full."""


class Receive(Model):
    """Instances that arrive by C-STORE become files of the data folder."""

    ae_title: AeTitle = "DICOMBAKE"
    port: Port = 11112
    bind: Text = "127.0.0.1"
    """The address that is listened on; ``0.0.0.0``: all."""
    into: Template
    """The folder of an instance below the data folder: a template over its elements, ``{StudyDate}``."""
    allow: Annotated[OneOrMany[Caller], Field(min_length=1)]
    """Callers: AE titles, each with addresses or without."""
    tls: ServerTls | None = None
    limits: ReceiveLimits = Field(default_factory=ReceiveLimits.model_construct)

    @model_validator(mode="after")
    def _bound(self) -> Self:
        try:
            loopback = ipaddress.ip_address(self.bind).is_loopback
        except ValueError:
            raise PydanticCustomError("bind", "'bind' must be an address of this machine") from None
        if not loopback and self.tls is None and not all(caller.address for caller in self.allow):
            raise PydanticCustomError(
                "allow", "beyond loopback each caller in 'allow' needs its 'address', or use 'tls'"
            )
        return self
