"""Frozen dataclasses as plain data and back: for JSON files and lines."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: object) -> Any:
    """Return what JSON can hold.

    A dataclass gives its fields and then its properties; a field whose default is None is left
    out where it is None.
    """
    if is_dataclass(value) and not isinstance(value, type):
        held = {item.name: getattr(value, item.name) for item in fields(value)}
        known = {item.name for item in fields(value) if item.default is not None}
        read = [name for name, member in vars(type(value)).items() if isinstance(member, property)]
        held |= {name: getattr(value, name) for name in read}
        return {k: to_plain(v) for k, v in held.items() if v is not None or k in known}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: type[T], plain: object) -> T:
    """Return the dataclass that plain data describes; what it has no field for is passed over.

    Raises:
        ValueError: if a field is missing or of another type.
    """
    if not isinstance(plain, Mapping):
        raise ValueError(f"{kind.__name__} is no {plain!r}")  # noqa: TRY004 - one kind for all
    whole: Any = kind
    values = {
        name: _typed(hint, plain[name]) for name, hint in _fields(whole).items() if name in plain
    }
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(str(error)) from error


@cache
def _fields(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in fields(kind)}


def _typed(hint: Any, value: object) -> Any:
    """Return a value as the type that a field has."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # something, or None
        (some,) = (one for one in inner if one is not type(None))
        return None if value is None else _typed(some, value)
    if is_dataclass(hint):
        kind: Any = hint
        return from_plain(kind, value)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(map(_typed, kinds, value))
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    expected = {Literal: str, None: hint}.get(origin, origin)
    if not isinstance(value, expected) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"{value!r} is no {getattr(hint, '__name__', hint)}")
    return value
