"""Bringing instances to one remote destination: asked, sent, confirmed, proven; again where that may help."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ...schemas.delivery import RemoteDestination
from ..errors import DicombakeError, DifferenceError, StoreError
from ..first_of import first_of
from .commitment import COMMITTED, REFUSED, is_lasting, is_offered, refusal
from .compare import compared
from .destinations.base import ANSWERS, WARNING, Down, Refused, Remote, Session, Unreachable
from .instance import Header, Instance, read_instance
from .model import Entry, State
from .outbox import Outbox, Row

PAUSES = (1.0, 2.0, 4.0)
"""Seconds between tries; the last one again and again."""
_FOR_ONE = 8
"""Instances for which one connection is enough: some destinations take no second one."""
LOST = "success was answered, and it is not there"
NO_ANSWER = "no answer yet"
OTHER = "the same UID is there with other content"
_SHOWN = 5
"""Elements that a status names."""
_DONE = ("sent", "confirmed", "proven")


def answered(status: str) -> str:
    """Return what a destination answered to an instance: of a status, what went wrong since is left out."""
    return _joined(*(part for part in status.split("; ") if part.startswith(ANSWERS)))


def _known_of(status: str) -> str:
    """Return what stays true of an instance through another try: what was answered, what was refused."""
    return _joined(*(part for part in status.split("; ") if part.startswith((REFUSED, *ANSWERS))))


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


@dataclass
class _Attempt:
    """One go over what is left; its workers share it."""

    headers: list[Header]
    queue: deque[Header]
    left: list[Header] = field(default_factory=list)
    """What another try may bring further."""
    down: str = ""
    """Why no connection was given."""
    error: DicombakeError | None = None


@dataclass
class Work:
    """The delivery to one destination, and what becomes of it; threads share it."""

    name: str
    options: RemoteDestination
    commit: str
    """``auto``, ``require`` or ``off``."""
    remote: Remote
    outbox: Outbox
    key: str
    tries: int
    stopped: threading.Event
    entries: dict[str, Entry] = field(default_factory=dict)
    stale: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sessions: set[Session] = field(default_factory=set)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """By path, what the outbox has: nobody else writes it meanwhile."""

    def carry_out(self, headers: Sequence[Header]) -> None:
        """Bring all that is not there yet, each tried so often."""
        left = [header for header in headers if not self._known(header)]
        for number in range(self.tries):
            if not left or self.stopped.is_set():
                break
            if number and self.stopped.wait(PAUSES[min(number - 1, len(PAUSES) - 1)]):
                break
            left = self._try(left)

    def stop(self) -> None:
        """End what is under way, from another thread."""
        self.stopped.set()
        for session in list(self.sessions):
            with suppress(Exception):
                session.stop()

    def _known(self, header: Header) -> bool:
        """Tell whether nothing is left to do, and say what is known."""
        path = header.item.path
        self._set(header, "pending", "not tried yet", keep=False)
        self.rows[path] = self.outbox.rows(self.key, path)
        for row in self.rows[path]:
            if row.sha256 == header.item.sha256:
                if row.state == "proven" or (row.state == "confirmed" and not self.options.prove):
                    self.entries[path] = Entry(
                        path, self.name, row.state, row.status, reached=True, known=True
                    )
                    return True
                self.entries[path] = Entry(path, self.name, row.state, row.status)
        return False

    def _try(self, headers: list[Header]) -> list[Header]:
        """Go once over all; returns those that another try may bring further."""
        attempt = _Attempt(headers, deque(headers))
        count = min(self.options.associations, max(1, len(headers) // _FOR_ONE))
        threads = [
            threading.Thread(target=self._worker, args=(attempt,), daemon=True) for _ in range(count - 1)
        ]
        for thread in threads:
            thread.start()
        self._worker(attempt)
        for thread in threads:
            thread.join()
        for header in attempt.queue if attempt.down else ():  # nobody is there: they are not tried one by one
            self._again(header, attempt.down, attempt)
        if attempt.error is not None:
            raise attempt.error
        again = {header.item.path for header in attempt.left}
        return [header for header in headers if header.item.path in again]

    def _worker(self, attempt: _Attempt) -> None:
        """Do what is in the queue over one connection; where none is given, another worker may have it."""
        sent: list[Header] = []
        try:
            with self.remote.session(attempt.headers) as session:
                self.sessions.add(session)
                try:
                    self._empty(session, attempt, sent)
                    if sent and not self.stopped.is_set():
                        self._confirm(session, sent, attempt)
                finally:
                    self.sessions.discard(session)
        except Down as error:
            attempt.down = str(error)
        except DicombakeError as error:
            attempt.error = error

    def _empty(self, session: Session, attempt: _Attempt, sent: list[Header]) -> None:
        while not self.stopped.is_set():
            try:
                header = attempt.queue.popleft()
            except IndexError:
                return
            try:
                if self._guarded(self._bring, session, header, attempt):
                    sent.append(header)
            except Down as error:
                attempt.queue.appendleft(header)
                attempt.down = str(error)
                return

    def _guarded(
        self, step: Callable[[Session, Header], bool], session: Session, header: Header, attempt: _Attempt
    ) -> bool:
        """Do a step for one instance; what went wrong is its status. Raises: Down, StoreError."""
        try:
            return step(session, header)
        except Down:
            raise
        except Unreachable as error:
            self._again(header, str(error), attempt)
        except Refused as error:
            if error.lasting:
                self._set(header, "failed", str(error))
            else:
                self._again(header, str(error), attempt)
        except DifferenceError as error:
            self.stale[header.item.path] = error.what
            self._set(header, self.entries[header.item.path].state, error.what, keep=False)
        except StoreError:
            raise
        except DicombakeError as error:
            self._set(header, "failed", error.what)
        except Exception as error:  # noqa: BLE001  what a library raises for a hostile answer
            self._again(header, f"the answer is not understood: {type(error).__name__}", attempt)
        return False

    def _again(self, header: Header, status: str, attempt: _Attempt) -> None:
        """Leave an instance for another try; what was answered to it before is kept.

        Nothing is noted of one that was never sent, or that failed: a pending row says that it may be there.
        """
        path, sha256 = header.item.path, header.item.sha256
        entry = self.entries[path]
        noted = any(row.sha256 == sha256 and row.state != "failed" for row in self.rows[path])
        state: State = "pending" if entry.state == "failed" else entry.state
        self._set(header, state, _joined(_known_of(entry.status), status), keep=noted)
        attempt.left.append(header)

    def _bring(self, session: Session, header: Header) -> bool:
        """See to it that an instance is there; tells whether it is to be confirmed."""
        path, sha256 = header.item.path, header.item.sha256
        rows = self.rows[path]
        known = next((row for row in rows if row.sha256 == sha256), None)
        state: State = known.state if known else "pending"
        if state == "confirmed":
            return True
        held = session.holds(header)
        if state == "sent" and held is not False:
            found = held and self.commit != "require"
            self._set(header, "confirmed" if found else "sent", answered(known.status) if known else "")
            return True
        clash = any(row.uid == header.uid and row.sha256 != sha256 and row.state in _DONE for row in rows)
        instance = read_instance(header)
        if held:
            judged = self._found(session, instance, known, clash=clash)
            if judged is not None:
                return judged
        if clash and held is None:
            self._set(header, "failed", OTHER)
            return False
        self._set(header, "pending", NO_ANSWER)  # from here on it may be there, whatever becomes of us
        answer = session.send(instance)
        self._set(header, "sent", _joined(answer.warning, answer.note))
        return True

    def _found(self, session: Session, instance: Instance, known: Row | None, *, clash: bool) -> bool | None:
        """Judge an instance that is there, and of which nobody here knows the answer, by its content.

        Tells whether it is to be confirmed. None: it is to be sent again, under its UID: it is ours, and the
        destination changed elements of the patient. Whether it says so by a warning, only its answer tells.
        """
        header = instance.header
        refused = known is not None and known.status.startswith(REFUSED)
        commit = self.commit == "require" or refused
        said = answered(known.status) if known else ""
        back = session.fetch(header)
        if back is None:
            if clash:
                self._set(header, "failed", OTHER)
                return False
            self._set(header, "sent" if commit else "confirmed", _joined(said, "found there by a query"))
            return True
        found = compared(instance.content, back)
        ours = found.same or (not found.damaged and said.startswith(WARNING))
        unanswered = known is not None and known.state == "pending" and not refused
        if not ours and not found.damaged and unanswered:
            return None
        if not ours:
            self._set(header, "failed", f"{OTHER}: {first_of(found.damaged or found.coerced, _SHOWN)}")
        elif commit:
            self._set(header, "sent", _joined(said, "found there and compared"))
            return True
        else:
            self._set(header, "proven", _joined(said, "found there and compared"), reached=True)
        return False

    def _confirm(self, session: Session, sent: list[Header], attempt: _Attempt) -> None:
        """By storage commitment, else by a query; then retrieve and compare, where that is asked for."""
        report = self._report(session, [each for each in sent if self._state(each) == "sent"])
        settled = [header for header in sent if self._is_settled(session, header, report, attempt)]
        for number, header in enumerate(settled):
            if self.stopped.is_set():
                return
            if not self.options.prove:
                entry = self.entries[header.item.path]
                self._set(header, entry.state, entry.status, reached=True)
                continue
            try:
                self._guarded(self._prove, session, header, attempt)
            except Down as error:
                for other in settled[number:]:
                    self._again(other, str(error), attempt)
                return

    def _state(self, header: Header) -> State:
        return self.entries[header.item.path].state

    def _report(self, session: Session, waiting: list[Header]) -> dict[str, int]:
        """Return what storage commitment says of instances; nothing where it is not given."""
        if not waiting or self.commit == "off":
            return {}
        try:
            return session.committed(waiting) or {}
        except Exception:  # noqa: BLE001  a destination's answer may be anything, and is no confirmation
            return {}

    def _is_settled(
        self, session: Session, header: Header, report: dict[str, int], attempt: _Attempt
    ) -> bool:
        """Tell whether an instance was confirmed, or as far as it can be."""
        if self.stopped.is_set():
            return False
        if self._state(header) != "sent":
            return True
        status = answered(self.entries[header.item.path].status)
        reason = report.get(header.uid)
        if reason == COMMITTED:
            self._set(header, "confirmed", status)
            return True
        if reason is not None and (self.commit == "require" or is_offered(reason)):
            lasting = is_lasting(reason)
            self._set(header, "failed" if lasting else "pending", _joined(refusal(reason), status))
            if not lasting:
                attempt.left.append(header)
            return False
        if self.commit == "require":
            self._again(header, "no storage commitment was given", attempt)
            return False
        try:
            return self._guarded(self._asked, session, header, attempt)
        except Down as error:
            self._again(header, str(error), attempt)
            return False

    def _asked(self, session: Session, header: Header) -> bool:
        """Confirm by a query; one that cannot be asked leaves it sent."""
        held = session.holds(header)
        status = answered(self.entries[header.item.path].status)
        if held is False:
            self._set(header, "pending", LOST)
            raise Refused(LOST, lasting=False)
        self._set(header, "confirmed" if held else "sent", status)
        return True

    def _prove(self, session: Session, header: Header) -> bool:
        """Retrieve and compare."""
        state, status = self._state(header), answered(self.entries[header.item.path].status)
        back = session.fetch(header)
        if back is None:
            unproven = "it cannot be retrieved from there, and so not be proven"
            self._set(header, state, _joined(status, unproven))
            return False
        found = compared(read_instance(header).content, back)
        if found.damaged or (found.coerced and not status.startswith(WARNING)):
            self._set(
                header,
                "failed",
                f"what came back differs: {first_of(found.damaged or found.coerced, _SHOWN)}",
            )
            return False
        if found.coerced:
            status = f"{status}: {first_of(found.coerced, _SHOWN)}"
        self._set(header, "proven", status, reached=True)
        return True

    def _set(
        self, header: Header, state: State, status: str, *, reached: bool = False, keep: bool = True
    ) -> None:
        self.entries[header.item.path] = Entry(header.item.path, self.name, state, status, reached)
        if keep:
            self._note(header, state, status)
        if reached:
            self._name_former(header)

    def _note(self, header: Header, state: State, status: str) -> None:
        path, row = header.item.path, Row(header.item.sha256, header.uid, state, status)
        if row not in self.rows[path]:
            self.outbox.note(self.key, path, row)
            self.rows[path] = [*(each for each in self.rows[path] if each.sha256 != row.sha256), row]

    def _name_former(self, header: Header) -> None:
        """Name the instances of former contents, which stay where they are; each once."""
        path = header.item.path
        for row in list(self.rows[path]):
            if row.sha256 != header.item.sha256:
                if row.state in _DONE and row.uid != header.uid:
                    self.notes.append(
                        f"{path} was replaced: its former instance {row.uid} is still at {self.name}"
                    )
                self.outbox.forget(self.key, path, row.sha256)
                self.rows[path].remove(row)
