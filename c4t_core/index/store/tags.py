"""Tags: words that the user gives to frames, as many to each as wanted, whatever was searched for.

A tag is kept with the frame's content hash as marks are, so that it follows a file that was moved
or renamed. Two spellings that differ in case alone are one tag, the first one written.
"""

from __future__ import annotations

import json
import sqlite3
import time
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import cast

from c4t_core.errors import DataError
from c4t_core.index.store import seals
from c4t_core.index.store.image_key import ImageKey, image_columns, image_of
from c4t_core.index.store.seals import Row
from c4t_core.index.store.user_data import UserData, read_settings
from c4t_core.records import dataclass

_LONGEST = 100  # characters of a tag
_NAMED = 20  # tags that a sentence names


@dataclass(frozen=True)
class Tagged:
    """A frame has a tag.

    Attributes:
        tag: as it was first written.
        image: the frame.
        made: when it was given, seconds since 1970.
    """

    tag: str
    image: ImageKey
    made: float = 0.0


@dataclass(frozen=True)
class TagChange:
    """What a change of tags did, so that it can be taken back (:func:`apply` its reverse).

    Attributes:
        added: frames that have a tag since.
        removed: frames that had one before.
        scenarios: saved searches that are restricted otherwise: name, settings before and after.
    """

    added: tuple[Tagged, ...] = ()
    removed: tuple[Tagged, ...] = ()
    scenarios: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.removed or self.scenarios)

    def reverse(self) -> TagChange:
        """Return the change that takes this one back."""
        back = tuple((name, after, before) for name, before, after in self.scenarios)
        return TagChange(added=self.removed, removed=self.added, scenarios=back)


@dataclass(frozen=True)
class Renamed:
    """A tag that has another name.

    Attributes:
        tag: how it is written now.
        joined: how many frames had a tag of that name before; the two are one now.
        change: what it did.
    """

    tag: str
    joined: int
    change: TagChange

    @property
    def frames(self) -> int:
        """How many frames had the tag under its old name."""
        return len({one.image for one in self.change.removed})


def read_tag(text: str) -> str:
    """Return a tag as it is kept: in one line, with single spaces.

    >>> read_tag("  to  label ")
    'to label'

    Raises:
        DataError: if it is none.
    """
    tag = " ".join(unicodedata.normalize("NFC", text).split())
    if not tag:
        raise DataError("A tag has no letters; write a word such as rain.")
    if "," in tag or not tag.isprintable():
        raise DataError(
            f'"{tag}" is no tag: commas and characters that cannot be seen stand in none; '
            "write several tags one by one."
        )
    if len(tag) > _LONGEST:
        raise DataError(f"A tag has at most {_LONGEST} characters; choose a shorter one.")
    return tag


def no_tag(tag: str, known: Iterable[str]) -> DataError:
    """Return the sentence that there is no such tag here, and which there are."""
    names = sorted(known, key=str.casefold)
    listed = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    remedy = f"there are: {listed}{more}" if names else "no frame has a tag yet"
    return DataError(f'There is no tag "{tag}" here; {remedy}.')


def known_spellings(db: sqlite3.Connection) -> dict[str, str]:
    """Return how each tag is written, by its case-folded form."""
    tags = db.execute("SELECT tag FROM tags GROUP BY tag ORDER BY MIN(made) DESC").fetchall()
    return {tag.casefold(): tag for (tag,) in tags}


def tagged(data: UserData) -> list[Tagged]:
    """Return every frame with every tag it has, in the order in which they were given."""
    with data.reading() as db:
        rows = seals.rows_of(db, "tags", "ORDER BY made, tag, root, path, at_ns")
    return [_tagged(row) for row in rows]


def change(
    data: UserData, images: Iterable[ImageKey], add: Iterable[str] = (), remove: Iterable[str] = ()
) -> TagChange:
    """Give tags to frames, and take others away; all of it or nothing.

    Args:
        data: the user's data.
        images: the frames.
        add: tags that all of them have afterwards.
        remove: tags that none of them has afterwards.

    Returns:
        What changed; what was so before is not in it.

    Raises:
        DataError: if a tag is none, or one to be removed is nowhere.
    """
    chosen = list(dict.fromkeys(images))
    with data.writing() as db:
        spelling = known_spellings(db)
        added = [spelling.get(tag.casefold(), tag) for tag in map(read_tag, add)]
        removed = []
        for tag in map(read_tag, remove):
            if tag.casefold() not in spelling:
                raise no_tag(tag, spelling.values())
            removed.append(spelling[tag.casefold()])
        now, made = _given(db, {*added, *removed}, chosen), time.time()
        wanted = (Tagged(tag, image, made) for tag in dict.fromkeys(added) for image in chosen)
        out = (now.get((tag, image)) for tag in dict.fromkeys(removed) for image in chosen)
        done = TagChange(
            tuple(one for one in wanted if (one.tag, one.image) not in now),
            tuple(one for one in out if one is not None),
        )
        _apply(db, done)
    return done


def rename(data: UserData, old: str, new: str) -> Renamed:
    """Give a tag another name, on all frames of all folders and in saved searches.

    Where there is a tag of the new name, the two become one, spelled as that one is.

    Raises:
        DataError: if there is no such tag, or the new name is none.
    """
    with data.writing() as db:
        spelling = known_spellings(db)
        old, new = read_tag(old), read_tag(new)
        if old.casefold() not in spelling:
            raise no_tag(old, spelling.values())
        respelled = new.casefold() == old.casefold()
        new = new if respelled else spelling.get(new.casefold(), new)
        there = _there(db).values()
        target = [one for one in there if one.tag.casefold() == new.casefold()]
        kept = {one.image for one in target if one.tag == new or not respelled}
        out = [one for one in there if one.tag.casefold() == old.casefold() and one.tag != new]
        added = {one.image: replace(one, tag=new) for one in out if one.image not in kept}
        joined = 0 if respelled else len({one.image for one in target})
        done = TagChange(tuple(added.values()), tuple(out), _restricted(db, old, new))
        _apply(db, done)
    return Renamed(new, joined, done)


def _restricted(db: sqlite3.Connection, old: str, new: str) -> tuple[tuple[str, str, str], ...]:
    """Return the settings of saved searches with another tag in the place of one."""
    found = []
    for row in seals.rows_of(db, "scenarios"):
        name, before = str(row["name"]), str(row["settings"])
        settings, _ = read_settings(before)
        filters = settings.get("filters")
        kept = filters.get("tags") if isinstance(filters, dict) else None
        if isinstance(filters, dict) and isinstance(kept, list):
            tags = [new if str(tag).casefold() == old.casefold() else tag for tag in kept]
            filters["tags"] = list(dict.fromkeys(map(str, tags)))
            if filters["tags"] != kept:
                found.append((name, before, json.dumps(settings, sort_keys=True)))
    return tuple(found)


def apply(data: UserData, done: TagChange) -> None:
    """Do a change again, or the reverse of one; what is so already stays so."""
    with data.writing() as db:
        _apply(db, done)


def follow(data: UserData, moved: Mapping[ImageKey, ImageKey]) -> None:
    """Have tags follow files that were found elsewhere; where both have a tag, it is kept once."""
    with data.writing() as db:
        for one in [one for one in _there(db).values() if one.image in moved]:
            _delete(db, one)
            seals.put_newer(db, "tags", _row(Tagged(one.tag, moved[one.image], one.made)))


def stamp(data: UserData) -> tuple[int, ...]:
    """Return what is another after every change, by whichever program."""
    with data.reading() as db:
        version = db.execute("PRAGMA data_version").fetchone()[0]
        return id(db), int(version), db.total_changes


def _there(db: sqlite3.Connection) -> dict[tuple[str, ImageKey], Tagged]:
    found = map(_tagged, seals.rows_of(db, "tags"))
    return {(one.tag, one.image): one for one in found}


def _given(
    db: sqlite3.Connection, tags: Iterable[str], images: Iterable[ImageKey]
) -> dict[tuple[str, ImageKey], Tagged]:
    """Return which of some frames have some tags, however many others have them."""
    found, named = {}, tuple(tags)
    for image in images:
        columns = image_columns(image)
        for tag in named:
            values = (tag, columns["root"], columns["path"], columns["at_ns"])
            where = "WHERE tag = ? AND root = ? AND path = ? AND at_ns = ?"
            for row in seals.rows_of(db, "tags", where, values):
                found[tag, image] = _tagged(row)
    return found


def _apply(db: sqlite3.Connection, done: TagChange) -> None:
    for one in done.removed:
        _delete(db, one)
    for one in done.added:
        seals.insert(db, "tags", _row(one))
    for name, before, after in done.scenarios:
        values = (after, name, before)
        db.execute("UPDATE scenarios SET settings = ? WHERE name = ? AND settings = ?", values)


def _delete(db: sqlite3.Connection, one: Tagged) -> None:
    row = _row(one)
    if not seals.remove(db, "tags", row):  # the tag has followed its file since
        content = (one.tag, row["at_ns"], one.image.digest)
        db.execute("DELETE FROM tags WHERE tag = ? AND at_ns = ? AND digest = ?"
                   " AND digest <> ''", content)  # fmt: skip


def _row(one: Tagged) -> Row:
    return {"tag": one.tag, **image_columns(one.image), "made": one.made}


def _tagged(row: Row) -> Tagged:
    return Tagged(str(row["tag"]), image_of(row), cast(float, row["made"]))
