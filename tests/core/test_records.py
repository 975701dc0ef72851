"""Records are dataclasses in all that can be seen of them, made when they are first used."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
import threading
from collections.abc import Hashable
from dataclasses import KW_ONLY, FrozenInstanceError, InitVar, field
from functools import cached_property
from typing import ClassVar

import pytest

from c4t_core import records


def both(**options):
    """Return a class made by the standard library and the same one made by us."""

    def define(decorate):
        @decorate(**options)
        class Record:
            """Some fields."""

            kind: ClassVar[str] = "record"
            a: int
            b: str = "x"
            _: KW_ONLY
            c: list[int] = field(default_factory=list, compare=False)
            d: float = field(default=0.5, repr=False)
            twice: InitVar[bool] = False

            def __post_init__(self, twice):
                if self.a < 0:
                    raise ValueError("below 0")
                if twice:
                    self.c.append(self.a)

            @cached_property
            def length(self):
                return len(self.b)

        return Record

    return define(dataclasses.dataclass), define(records.dataclass)


OPTIONS = [
    {},
    {"frozen": True},
    {"frozen": True, "eq": False},
    {"eq": False},
    {"frozen": True, "kw_only": True},
    {"frozen": True, "repr": False},
    {"frozen": True, "order": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_what_the_standard_library_makes(options):
    theirs, ours = both(**options)
    assert [f.name for f in dataclasses.fields(ours)] == ["a", "b", "c", "d"]
    assert ours.__match_args__ == theirs.__match_args__
    assert ours.kind == "record"
    assert ours.b == "x"
    assert not hasattr(ours, "c")
    assert issubclass(ours, Hashable) == issubclass(theirs, Hashable)
    seen = []
    for made in (theirs, ours):
        one = made(a=1, b="y", c=[3], d=2.0, twice=True)
        same = made(a=1, b="y", d=2.0)
        seen.append(
            [
                dataclasses.asdict(one),
                dataclasses.astuple(dataclasses.replace(one, a=7, twice=False)),
                repr(one).partition("Record(")[2],
                one == same,
                one == made(a=2, b="y", d=2.0),
                one == "another",
                one.length,
                copy.copy(one).c is one.c,
                inspect.signature(made),
                made.__init__.__qualname__,
                _what(lambda one=one: setattr(one, "a", 2)),
                _what(lambda one=one: setattr(one, "new", 2)),
                _what(lambda one=one: delattr(one, "b")),
                _what(lambda made=made: made(-1)),
                _what(lambda made=made: made()),
                _what(lambda made=made: made(a=1, e=2)),
                _what(lambda one=one: hash(one) and None),
                _what(lambda one=one, same=same: one < same),
                made.__dataclass_params__.frozen,
            ]
        )
    assert seen[0] == seen[1]


def _what(does):
    try:
        return does()
    except (AttributeError, TypeError, ValueError) as error:
        return type(error), str(error)


@records.dataclass(frozen=True)
class Point:
    """Something that can be pickled."""

    x: int
    y: int = 0


def test_nothing_is_made_before_it_is_used():
    @records.dataclass(frozen=True)
    class Unused:
        """A record."""

        x: int

    assert not inspect.isfunction(vars(Unused)["__init__"])
    assert Unused(1) == Unused(1)
    assert hash(Unused(1)) == hash(Unused(1))
    assert all(inspect.isfunction(vars(Unused)[n]) for n in ("__init__", "__eq__", "__hash__"))


def test_a_pickled_one_is_whole_where_none_was_made(monkeypatch):
    written = pickle.dumps(Point(1, 2))

    @records.dataclass(frozen=True)
    class Fresh:
        """As :class:`Point` is in a process that made none."""

        x: int
        y: int = 0

    Fresh.__qualname__ = "Point"
    monkeypatch.setattr(sys.modules[__name__], "Point", Fresh)
    read = pickle.loads(written)
    assert type(read) is Fresh
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        read.x = 3
    assert repr(read) == "Point(x=1, y=2)"
    assert read == Fresh(1, 2)
    assert hash(read) == hash(Fresh(1, 2))


def test_subclasses_are_as_of_the_standard_library():
    @records.dataclass(frozen=True)
    class Base:
        """A base."""

        x: int = 1

    @records.dataclass(frozen=True)
    class Wider(Base):
        """More."""

        y: int = 2

    class Plain(Base):
        def __init__(self):
            super().__init__(5)
            self.more = 6

    assert Wider(3) == Wider(3, 2)
    assert repr(Wider()).endswith("Wider(x=1, y=2)")
    plain = Plain()
    assert (plain.x, plain.more) == (5, 6)
    with pytest.raises(FrozenInstanceError):
        plain.x = 2
    with pytest.raises(TypeError, match="non-frozen"):

        @records.dataclass
        class Loose(Base):
            """Wrong."""

            y: int = 2


def test_what_a_plain_base_checks_is_checked():
    class Positive:
        def __post_init__(self):
            if self.x < 0:
                raise ValueError("below 0")

    @records.dataclass(frozen=True)
    class Record(Positive):
        """A record."""

        x: int

    assert Record(1).x == 1
    with pytest.raises(ValueError, match="below 0"):
        Record(-1)


def test_methods_of_its_own_stay():
    @records.dataclass(frozen=True)
    class Record:
        """A record."""

        x: int

        def __repr__(self):
            return "mine"

        def __eq__(self, other):
            return True

    assert repr(Record(1)) == "mine"
    assert Record(1) == Record(2)
    assert hash(Record(1)) == hash((1,))  # as the standard library makes it beside __eq__


def test_threads_that_make_the_first_get_whole_ones():
    wait = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(3):

            @records.dataclass(frozen=True)
            class Record:
                """A record."""

                x: int
                y: tuple[int, ...] = ()

            start, made = threading.Barrier(6), []

            def make(record=Record, start=start, made=made):
                start.wait()
                made.append(record(1, y=(2,)))

            threads = [threading.Thread(target=make) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert made == [Record(1, (2,))] * 6
    finally:
        sys.setswitchinterval(wait)
