"""Dataclasses whose methods are made when one of them is used for the first time.

Python compiles up to six functions for each dataclass, a millisecond in all, and a search or the
window imports a hundred, of which it uses a third (docs/speed.md). Here a class has its fields at
once, and gets what :mod:`dataclasses` makes for it as soon as there is a first instance.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

_SAME = ("__module__", "__qualname__", "__doc__", "__annotations__", "__post_init__")
_NOTHING: dict[str, bool] = dict.fromkeys(("init", "repr", "eq", "frozen"), False)
_AT_ONCE = {"slots", "order", "unsafe_hash", "weakref_slot"}
_ALONE: dict[str, dict[str, bool]] = {
    "__init__": {"init": True},
    "__repr__": {"repr": True},
    "__eq__": {"eq": True},
    "__hash__": {"eq": True, "frozen": True},
}
_LOCK = RLock()  # a default of one field may be an instance of another such class

if TYPE_CHECKING:  # to those who read types nothing is different
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, **options):
        """Make a dataclass, as :func:`dataclasses.dataclass` makes one of the same arguments.

        Args:
            cls: the class; None where it is decorated with options.
            options: as there. Where slots, order or hashes are asked for, or a base is a
                dataclass, everything is made at once.

        Raises:
            TypeError, ValueError: as there; some not before there is an instance.
        """
        if cls is None:
            return partial(dataclass, **options)
        below = [base for base in cls.__mro__[1:] if "__dataclass_fields__" in vars(base)]
        if below or _AT_ONCE & options.keys():
            for base in below:
                base.__init__  # noqa: B018 - tells as well whether it is frozen
            return dataclasses.dataclass(**options)(cls)
        own = _own_methods(cls)
        dataclasses.dataclass(**(options | _NOTHING))(cls)
        if options.get("frozen"):
            _freeze(cls)
        for name in _wanted(options):
            if name not in own:
                setattr(cls, name, _Later(cls, name, own, options))
        if options.get("eq", True) and not options.get("frozen") and "__hash__" not in own:
            cls.__hash__ = None
        return cls

    def _own_methods(cls):
        """Return those of the methods to be made that a class brings, by name."""
        own = {name: vars(cls)[name] for name in _ALONE if name in vars(cls)}
        if "__eq__" in own and own.get("__hash__") is None:  # which Python has put there
            own.pop("__hash__", None)
        return own

    def _wanted(options):
        """Return the names of the methods that a class with these options has."""
        eq = options.get("eq", True)
        given = (options.get("init", True), options.get("repr", True), eq)
        return [n for n, g in zip(_ALONE, (*given, eq and options.get("frozen")), strict=True) if g]


class _Later:
    """A method that is made when it is looked up for the first time."""

    def __init__(self, cls: Any, name: str, own: dict[str, Any], options: dict[str, bool]) -> None:
        self._cls, self._name, self._own, self._options = cls, name, own, options

    def __get__(self, instance: Any, owner: type) -> Any:
        with _LOCK:
            if vars(self._cls)[self._name] is self:  # else another thread was first
                self._make()
        return vars(self._cls)[self._name].__get__(instance, owner)

    def _make(self) -> None:
        """Give the class the method that is made for a twin of it, which has no other."""
        cls, name = self._cls, self._name
        like = {name: getattr(cls, name) for name in _SAME if hasattr(cls, name)}
        twin: Any = type(cls.__name__, (), cls.__dataclass_fields__ | self._own | like)
        options = self._options | _NOTHING | _ALONE[name]
        if name == "__init__":  # which sets fields in another way then
            options["frozen"] = self._options.get("frozen", False)
        dataclasses.dataclass(**options)(twin)
        setattr(cls, name, vars(twin)[name])
        if name == "__init__":
            cls.__dataclass_params__ = twin.__dataclass_params__


def _freeze(cls: Any) -> None:
    """Let no field of a class be set or deleted, and nothing else but of its subclasses."""

    def set_field(self: Any, name: str, value: Any) -> None:
        if type(self) is cls or name in cls.__dataclass_fields__:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def delete_field(self: Any, name: str) -> None:
        if type(self) is cls or name in cls.__dataclass_fields__:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    cls.__setattr__, cls.__delattr__ = set_field, delete_field
