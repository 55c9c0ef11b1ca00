"""Frozen dataclasses that are defined quickly: each start of the program, and of its workers, defines them.

The standard library compiles six functions for each frozen class (0.5 to 0.8 ms with Python 3.11, 50 ms of a
start); here one is, `__init__`, and the others are shared. It fills the slots directly, which makes instances
faster, too. All else is the standard library's: fields, defaults, `replace`, matching.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414  to type checkers it is that
else:

    def dataclass(cls: type | None = None, **options: bool) -> Any:
        """As `dataclasses.dataclass`; with ``frozen=True`` and at most ``slots=True``, defined quickly."""
        quick = partial(_record, slots="slots" in options)
        make = quick if options in _QUICK else dataclasses.dataclass(**options)
        return make if cls is None else make(cls)


_QUICK: tuple[dict[str, bool], ...] = ({"frozen": True}, {"frozen": True, "slots": True})
_ABSENT: Any = object()


def _record(cls: Any, *, slots: bool) -> Any:
    cls.__doc__ = cls.__doc__ or cls.__name__  # else the signature is written out for it
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots)(cls)
    fields = dataclasses.fields(made)
    made.__init__ = _initializer(made, fields, slots=slots)
    made._compared = staticmethod(_values_of([each.name for each in fields if each.compare]))
    for function in (__repr__, __eq__, __hash__, __setattr__, __delattr__):
        if function.__name__ not in vars(cls):
            setattr(made, function.__name__, function)
    if slots:
        made.__getstate__, made.__setstate__ = __getstate__, __setstate__
    return made


def _initializer(
    made: Any, fields: tuple[dataclasses.Field[Any], ...], *, slots: bool
) -> Callable[..., None]:
    """Fills every slot (or `__dict__`), then calls `__post_init__` where the class has one."""
    known: dict[str, Any] = {"_ABSENT": _ABSENT}
    parameters, body = ["self"], [] if slots else [" _values = self.__dict__"]
    for each in fields:
        name, value = each.name, each.name
        if slots:
            known[f"_set_{name}"] = getattr(made, name).__set__
        if each.default is not dataclasses.MISSING:
            known[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        elif each.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_ABSENT")
            value = f"_make_{name}() if {name} is _ABSENT else {name}"
        else:
            parameters.append(name)
        body.append(f" _set_{name}(self, {value})" if slots else f" _values['{name}'] = {value}")
    if hasattr(made, "__post_init__"):
        body.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(body or [" pass"]), known)
    function: Callable[..., None] = known["__init__"]
    function.__qualname__ = f"{made.__qualname__}.__init__"
    return function


def _values_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """The values of these fields, in their order."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


def __repr__(self: Any) -> str:  # noqa: N807
    shown = (f"{each.name}={getattr(self, each.name)!r}" for each in dataclasses.fields(self))
    return f"{type(self).__qualname__}({', '.join(shown)})"


def __eq__(self: Any, other: Any) -> bool:  # noqa: N807
    if other.__class__ is not self.__class__:
        return NotImplemented
    same: bool = self._compared(self) == self._compared(other)
    return same


def __hash__(self: Any) -> int:  # noqa: N807
    return hash(self._compared(self))


def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def __delattr__(self: Any, name: str) -> None:  # noqa: N807
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def __getstate__(self: Any) -> list[Any]:  # noqa: N807
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
