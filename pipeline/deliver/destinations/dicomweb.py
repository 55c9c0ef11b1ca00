"""A service that speaks DICOMweb: STOW-RS, QIDO-RS and WADO-RS with dicomweb-client (PS3.18)."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ....schemas.delivery import DicomwebDestination, secret_variable
from ..instance import Header, Instance
from .base import Down, Refused, Sent, Unreachable

ELSEWHERE = "the service points to another host, which is not followed"
_WAIT = (408, 425, 429, 500, 502, 503, 504, 507)
"""HTTP statuses after which another try may help."""


class DicomwebRemote:
    """A DICOMweb service, as a recipe names it."""

    def __init__(self, options: DicomwebDestination, folder: Path) -> None:
        self.options, self.folder = options, folder

    @contextmanager
    def session(self, headers: Iterable[Header]) -> Iterator[DicomwebSession]:
        """Open a connection that is kept while the block lasts."""
        session = DicomwebSession(self.options, self.folder)
        try:
            yield session
        finally:
            session.stop()


class DicomwebSession:
    """One HTTP connection to a service."""

    def __init__(self, options: DicomwebDestination, folder: Path) -> None:
        from dicomweb_client.api import DICOMwebClient

        self._http = _http(options, folder)
        self._client = DICOMwebClient(options.url, session=self._http)
        self._client.set_http_retry_params(retry=False)

    def stop(self) -> None:
        """Close the connection."""
        with suppress(Exception):
            self._http.close()

    def holds(self, header: Header) -> bool | None:
        """Ask by QIDO-RS for the instance."""
        with _told():
            try:
                found = self._client.search_for_instances(
                    header.study, header.series, search_filters={"SOPInstanceUID": header.uid}
                )
            except Exception as error:
                if _code(error) == 404:
                    return False
                if _code(error) in (400, 405, 406, 501):
                    return None
                raise
        return any(_uid(each) == header.uid for each in found)

    def send(self, instance: Instance) -> Sent:
        """Send by STOW-RS."""
        from pydicom import dcmread

        with _told():
            answer = self._client.store_instances([dcmread(io.BytesIO(instance.content))])
        for item in answer.get("FailedSOPSequence", []):
            reason = int(item.get("FailureReason", 0x0110))
            lasting = reason in (0x0117, 0x0122, 0x0124) or 0xA900 <= reason <= 0xA9FF or reason >= 0xC000
            raise Refused(f"{reason:04X}: the service did not store it", lasting=lasting)
        for item in answer.get("ReferencedSOPSequence", []):
            if "WarningReason" in item:
                return Sent(f"{int(item.WarningReason):04X}: stored with a warning")
        return Sent()

    def committed(self, headers: Collection[Header]) -> dict[str, int] | None:
        """DICOMweb has no storage commitment that services offer."""
        return None

    def fetch(self, header: Header) -> bytes | None:
        """Retrieve by WADO-RS, in whatever transfer syntax the service keeps it."""
        from pydicom import dcmwrite

        with _told():
            found = self._client.retrieve_instance(
                header.study, header.series, header.uid, media_types=(("application/dicom", "*"),)
            )
        buffer = io.BytesIO()
        dcmwrite(buffer, found)
        return buffer.getvalue()


def _http(options: DicomwebDestination, folder: Path) -> Any:
    """Return a session of requests that waits so long and no longer, and follows nobody to another host."""
    import requests

    own = urlsplit(options.url)
    session: Any = requests.Session()
    ask, target_of = session.request, session.get_redirect_target

    def request(*arguments: Any, **named: Any) -> Any:
        return ask(*arguments, **{**named, "timeout": options.timeout})

    def get_redirect_target(response: Any) -> str | None:
        target: str | None = target_of(response)
        if target is not None:
            there = urlsplit(urljoin(response.url, target))
            if (there.scheme, there.netloc) != (own.scheme, own.netloc):
                raise requests.exceptions.InvalidURL(ELSEWHERE)
        return target

    session.request, session.get_redirect_target = request, get_redirect_target
    session.trust_env = False  # no proxy and no .netrc gets a secret
    session.verify = True if options.ca is None else str(folder / options.ca)
    if options.token is not None:
        session.headers["Authorization"] = f"Bearer {os.environ[secret_variable(options.token)]}"
    elif options.user is not None and options.password is not None:
        session.auth = (options.user, os.environ[secret_variable(options.password)])
    return session


@contextmanager
def _told() -> Iterator[None]:
    """Say what went wrong in words without the address of a study. Raises: Unreachable, Refused."""
    import requests

    try:
        yield
    except requests.exceptions.SSLError as error:
        raise Down("its certificate is not trusted, or is another host's") from error
    except requests.exceptions.ConnectionError as error:
        raise Down("the service is not reached") from error
    except requests.exceptions.Timeout as error:
        raise Unreachable("the service did not answer in time") from error
    except requests.exceptions.InvalidURL as error:
        raise Refused(str(error), lasting=True) from error
    except requests.exceptions.HTTPError as error:
        code = _code(error)
        lasting = code not in _WAIT
        raise Refused(f"HTTP {code}{_MEANINGS.get(code, '')}", lasting=lasting) from error


_MEANINGS = {
    400: ": the request was not understood",
    401: ": the token or password is not accepted",
    403: ": not allowed",
    404: ": not there",
    409: ": it conflicts with what is there, or was refused",
    413: ": it is too large",
    415: ": this kind of content is not taken",
    503: ": the service is busy",
    507: ": the service has no room",
}


def _code(error: Exception) -> int:
    response = getattr(error, "response", None)
    return int(getattr(response, "status_code", 0) or 0)


def _uid(found: Any) -> str:
    values = found.get("00080018", {}).get("Value", []) if isinstance(found, dict) else []
    return str(values[0]) if values else str(getattr(found, "SOPInstanceUID", ""))
