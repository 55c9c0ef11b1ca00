"""A PACS by DICOM: C-STORE, C-FIND, C-GET and storage commitment with pynetdicom."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ....schemas.delivery import DicomDestination
from ..instance import EXPLICIT, IMPLICIT, Header, Instance, transcoded
from .associations import Associations, Listener, Reports, fetched_file
from .base import SENT_AS, Refused, Sent, Unreachable
from .c_store import store

if TYPE_CHECKING:
    from pydicom import Dataset

_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_GET = "1.2.840.10008.5.1.4.1.2.2.3"
_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
_COMMIT, _COMMIT_INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
_MOST_CONTEXTS = 128
"""Of one association (PS3.8 9.3.2.2)."""
_PATIENCE = 5.0
"""Seconds to wait for a report of storage commitment on the association that asked for it."""
_TO_END = 1.0
"""Seconds in which an association that its peer left has ended."""
_LASTING = (0x0117, 0x0118, 0x0119, 0x0122, 0x0124)
"""Failures that another try does not change, besides A9xx and Cxxx (PS3.4 B.2.3, PS3.7 C.5)."""


class DicomRemote:
    """A Storage SCP, as a recipe names it; `listener`: where reports and retrieved instances come to."""

    def __init__(
        self, options: DicomDestination, associations: Associations, listener: Listener | None
    ) -> None:
        self.options, self.associations, self.listener = options, associations, listener

    @contextmanager
    def session(self, headers: Iterable[Header]) -> Iterator[DicomSession]:
        """Open the association that stores; others are opened when they are needed. Raises: Unreachable."""
        session = DicomSession(self, list(headers))
        try:
            yield session
        finally:
            session.close()


class DicomSession:
    """The associations of one thread, one at a time: one that stores and asks, one that retrieves."""

    def __init__(self, remote: DicomRemote, headers: list[Header]) -> None:
        self.remote, self.headers = remote, headers
        self._open: Any = None
        self._kind = ""
        self._got: dict[str, bytes] = {}
        self._mute = False
        """Whether the destination takes neither C-GET nor C-MOVE."""

    def close(self) -> None:
        """Release what is open."""
        association, self._open, self._kind = self._open, None, ""
        if _lives(association):
            with suppress(Exception):
                association.release()

    def stop(self) -> None:
        """Abort what is open."""
        association = self._open
        if association is not None:
            with suppress(Exception):
                association.abort()

    def _ended(self, what: str) -> Unreachable:
        """Leave an association that ended, and say so.

        pynetdicom notices a moment later, and what was asked over it meanwhile would wait for no answer.
        """
        self.stop()
        self._open, self._kind = None, ""
        return Unreachable(f"the association ended while it was {what}")

    def _as(self, kind: str, open_one: Callable[[], Any]) -> Any:
        """Return the association of a kind; the one before is released: some destinations take one alone."""
        if self._kind != kind or not _lives(self._open):
            self.close()
            self._open = open_one()
            self._kind = kind
        return self._open

    def send(self, instance: Instance) -> Sent:
        """Send by C-STORE, as it is or, where the destination does not take that, without compression."""
        association = self._store_association()
        contexts = [
            (context, str(context.transfer_syntax[0]))
            for context in association.accepted_contexts
            if context.abstract_syntax == instance.header.sop_class
        ]
        if not contexts:
            raise Refused("the destination does not take this kind of DICOM", lasting=True)
        context = next((each for each, syntax in contexts if syntax == instance.header.syntax), None)
        data, note = instance.data, ""
        if context is None:
            data, context, syntax = self._other(instance, contexts)
            from pydicom.uid import UID

            note = f"{SENT_AS}{UID(syntax).name}, since the destination does not take {_name(instance)}"
        status = store(association, context, instance.header, data, self.remote.options)
        if status is None:
            raise Unreachable("the association ended before the answer")
        return Sent(_judged(status), note)

    def _other(self, instance: Instance, contexts: list[tuple[Any, str]]) -> tuple[memoryview, Any, str]:
        for wanted in (EXPLICIT, IMPLICIT):
            for context, syntax in contexts:
                if syntax == wanted:
                    data = transcoded(instance, syntax)
                    if data is not None:
                        return data, context, syntax
        raise Refused(f"the destination does not take {_name(instance)}", lasting=True)

    def _store_association(self) -> Any:
        """Return the association that stores and asks. Raises: Down; Refused: nothing of it is taken."""

        def opened() -> Any:
            pairs = dict.fromkeys((header.sop_class, header.syntax) for header in self.headers)
            classes = dict.fromkeys(sop_class for sop_class, _ in pairs)
            more = [(each, syntax) for each in classes for syntax in (EXPLICIT, IMPLICIT)]
            wanted = [(kind, [syntax]) for kind, syntax in dict.fromkeys([*pairs, *more])]
            return self.remote.associations.open(
                [(_FIND, [EXPLICIT, IMPLICIT]), *wanted[: _MOST_CONTEXTS - 1]]
            )

        association = self._as("store", opened)
        if association is None:
            raise Refused("the destination takes no kind of DICOM that is sent", lasting=True)
        return association

    def holds(self, header: Header) -> bool | None:
        """Ask by C-FIND at instance level (PS3.4 C.4.1), over what is open where that can be asked."""
        association = self._open
        if not (_lives(association) and _accepts(association, _FIND)):
            association = self._store_association()
        if not _accepts(association, _FIND):
            return None
        found = False
        for status, answer in association.send_c_find(_identifier(header), _FIND):
            code = status.get("Status") if status else None
            if code is None:
                raise self._ended("asked")
            if code in (0xFF00, 0xFF01):
                found = found or (answer is not None and answer.get("SOPInstanceUID") == header.uid)
            elif code != 0x0000:
                return None
        return found

    def fetch(self, header: Header) -> bytes | None:
        """Retrieve by C-GET, else by C-MOVE to the port that listens."""
        association = self._ask_association()
        if association is None:
            return None
        if _accepts(association, _GET):
            self._got.clear()
            for status, _ in association.send_c_get(_identifier(header), _GET):
                if not status or status.get("Status") is None:
                    raise self._ended("retrieved")
            found = self._got.pop(header.uid, None)
        elif self.remote.listener is not None and _accepts(association, _MOVE):
            found = self._moved(association, header, self.remote.listener)
        else:
            return None
        if found is None:
            raise Refused("it cannot be retrieved", lasting=False)
        return found

    def _moved(self, association: Any, header: Header, listener: Listener) -> bytes | None:
        listener.wanted(header.uid)
        title = self.remote.options.calling_ae_title
        for status, _ in association.send_c_move(_identifier(header), title, _MOVE):
            if not status or status.get("Status") is None:
                raise self._ended("retrieved")
        return listener.taken(header.uid, self.remote.options.timeout)

    def _ask_association(self) -> Any:
        """Return the association that retrieves; None where the destination gives nothing back."""

        def opened() -> Any:
            syntaxes: dict[str, dict[str, None]] = {}
            for header in self.headers:
                syntaxes.setdefault(header.sop_class, {})[header.syntax] = None
            storage = [
                (kind, list(dict.fromkeys([*own, EXPLICIT, IMPLICIT]))) for kind, own in syntaxes.items()
            ]
            asked = [(each, [EXPLICIT, IMPLICIT]) for each in (_FIND, _GET, _MOVE)]
            return self.remote.associations.open(asked, storage[: _MOST_CONTEXTS - len(asked)], self._take)

        if self._mute:
            return None
        association = self._as("retrieve", opened)
        self._mute = association is None or not (_accepts(association, _GET) or _accepts(association, _MOVE))
        return None if self._mute else association

    def _take(self, event: Any) -> int:
        self._got[str(event.request.AffectedSOPInstanceUID)] = fetched_file(event)
        return 0x0000

    def committed(self, headers: Collection[Header]) -> dict[str, int] | None:
        """Ask by N-ACTION; the report comes on this association or to the port that listens (PS3.4 J.3)."""
        from pydicom import Dataset
        from pydicom.uid import generate_uid

        self.close()
        reports: Reports = {}
        listener = self.remote.listener
        box = reports if listener is None else listener.reports
        association = self.remote.associations.open_commitment(_COMMIT, box)
        if association is None:
            return None
        try:
            transaction = str(generate_uid())
            asked = Dataset()
            asked.TransactionUID = transaction
            asked.ReferencedSOPSequence = [_reference(header) for header in headers]
            status, _ = association.send_n_action(asked, 1, _COMMIT, _COMMIT_INSTANCE)
            code = status.get("Status") if status else None
            if code is None:
                raise Unreachable("the association ended while storage commitment was asked for")
            if code != 0x0000:
                return None
            timeout = self.remote.options.timeout
            patience = timeout if listener is not None else min(timeout, _PATIENCE)
            return self.remote.associations.report(box, transaction, patience)
        finally:
            with suppress(Exception):
                association.release()


def _judged(status: int) -> str:
    """Return a warning in words; nothing for success. Raises: Refused."""
    if status == 0x0000:
        return ""
    from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS

    kind, meaning = STORAGE_SERVICE_CLASS_STATUS.get(status, ("Failure", "unknown status"))
    told = f"{status:04X}: {meaning}"
    if kind == "Warning":
        return told
    raise Refused(told, lasting=status in _LASTING or 0xA900 <= status <= 0xA9FF or status >= 0xC000)


def _name(instance: Instance) -> str:
    from pydicom.uid import UID

    return str(UID(instance.header.syntax).name)


def _lives(association: Any) -> bool:
    """Tell whether there is an association, and its peer has neither left it nor asked to.

    Between two instances pynetdicom's thread rests (`c_store.store`) and does not see that; where something
    came of the peer, it is let go on to answer it, and ends.
    """
    if association is None or not association.is_established:
        return False
    if association.dul.peek_next_pdu() is None:
        return True
    association._reactor_checkpoint.set()
    association.join(_TO_END)
    return False


def _accepts(association: Any, kind: str) -> bool:
    return any(context.abstract_syntax == kind for context in association.accepted_contexts)


def _identifier(header: Header) -> Dataset:
    from pydicom import Dataset

    asked = Dataset()
    asked.QueryRetrieveLevel = "IMAGE"
    asked.StudyInstanceUID, asked.SeriesInstanceUID = header.study, header.series
    asked.SOPInstanceUID = header.uid
    return asked


def _reference(header: Header) -> Dataset:
    from pydicom import Dataset

    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = header.sop_class, header.uid
    return reference
