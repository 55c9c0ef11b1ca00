"""Errors, one class per cause, each with its exit status; and notes.

Errors carry data and one sentence; only the command line prints them. Any other exception is a defect of the
program and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

from msgspec import Struct


class ExitStatus(IntEnum):
    """The exit status of every command."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    DIFFERENT = 3
    INTERRUPTED = 130


class Problem(Struct, frozen=True, order=True):
    """One mistake in a recipe file; lines and columns count from 1, 0 means the file as a whole."""

    file: str
    line: int
    column: int
    where: str
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.where}: {self.what}" if self.where else f"{place}: {self.what}"


class Note(Struct, frozen=True):
    """Something that users should know although nothing failed.

    `code` is stable and short (``sid-differs``); `contradiction` says that ``strict`` makes it an error.
    """

    code: str
    text: str
    contradiction: bool = False

    def __str__(self) -> str:
        return self.text


class DicombakeError(Exception):
    """The base of all errors.

    `subject` is the file, step or key that the sentence is about; `hint` a way out.
    """

    status = ExitStatus.FAILED

    def __init__(self, what: str, *, subject: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.subject = subject
        self.hint = hint

    def __str__(self) -> str:
        start = f"{self.subject}: " if self.subject else ""
        return f"{start}{self.what}{f'; {self.hint}' if self.hint else ''}"

    @property
    def lines(self) -> tuple[str, ...]:
        """The message for people, line by line."""
        return (str(self),)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.subject, self.hint)


def _rebuild(kind: type[DicombakeError], what: str, subject: str, hint: str) -> DicombakeError:
    return kind(what, subject=subject, hint=hint)


class RecipeError(DicombakeError):
    """The recipe is wrong; `problems` has every mistake, in the order of the file."""

    status = ExitStatus.WRONG

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(str(problem) for problem in self.problems)

    def __reduce__(self) -> tuple[object, ...]:
        return RecipeError, (self.problems,)


class PlanError(DicombakeError):
    """The recipe cannot be carried out on these files; nothing was written. Has every reason, or one.

    `aliases`: names in it that only the terminal may show, as they are those of inputs that would be
    de-identified; each with what stands for it elsewhere.
    """

    status = ExitStatus.WRONG

    def __init__(self, *reasons: str, subject: str = "", hint: str = "") -> None:
        super().__init__("\n".join(reasons), subject=subject, hint=hint)
        self.reasons = reasons
        self.aliases: Mapping[str, str] = {}

    @property
    def lines(self) -> tuple[str, ...]:
        return self.reasons if len(self.reasons) > 1 else super().lines

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_plan_error, (self.reasons, self.subject, self.hint)


def _rebuild_plan_error(reasons: tuple[str, ...], subject: str, hint: str) -> PlanError:
    return PlanError(*reasons, subject=subject, hint=hint)


class UsageError(DicombakeError):
    """The command line, or a call of the API, asks for something impossible."""

    status = ExitStatus.WRONG


class SourceError(DicombakeError):
    """An input file is damaged or of another kind, or holds what cannot be converted truly."""


class GeometryError(DicombakeError):
    """The geometry that the output needs is missing or contradicts itself."""


class ProcessError(DicombakeError):
    """An operation cannot be carried out on this image."""


class ExportError(DicombakeError):
    """The image does not fit the target."""


class VerificationError(DicombakeError):
    """The file that was written differs from what was meant; it was removed."""


class StoreError(DicombakeError):
    """The output could not be put in place."""


class ClusterError(DicombakeError):
    """The cluster that carried a plan out is gone; what it did until then is whole and noted."""


class DifferenceError(DicombakeError):
    """The result would differ from the lock."""

    status = ExitStatus.DIFFERENT
