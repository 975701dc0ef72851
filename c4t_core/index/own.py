"""What the user said of the frames of the opened folders: their tags, and the marks of a query.

The user's file knows frames by path and content; searches know them by id. Which id a tagged frame
has is looked up once for each state of the catalogue; a file that is not where it was is looked for
by its content among the files of its size, and its tags follow it.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core.errors import CatalogueError, DataError, QueryError
from c4t_core.files import content_digest
from c4t_core.index.query import Filters, ImageIds, marks_key
from c4t_core.index.scope import name_in
from c4t_core.index.search import Searcher

if TYPE_CHECKING:
    from c4t_core.index.folders import Target
    from c4t_core.index.store.catalogue import Catalogue
    from c4t_core.index.store.reads import ImageRow
    from c4t_core.index.store.tags import TagChange
    from c4t_core.index.store.user_data import ImageKey, UserData

RIGHT, WRONG, ANY = "right", "wrong", "any"


class Own:
    """Tags and marks of the frames of some opened folders; opens the user's file when needed.

    Args:
        catalogue: knows the frames.
        searcher: knows the opened folders.
    """

    def __init__(self, catalogue: Catalogue, searcher: Searcher) -> None:
        """Read nothing yet."""
        self._catalogue = catalogue
        self._searcher = searcher
        self._lock = threading.RLock()
        self._data: UserData | None = None
        self._places: tuple[object, dict[ImageKey, int | None]] = (None, {})
        self._tags: tuple[object, dict[str, tuple[str, frozenset[int]]]] = (None, {})

    # Asking

    def tags(self) -> list[tuple[str, int]]:
        """Return the tags of the opened folders and how many frames have each, by name."""
        return [(tag, len(ids)) for tag, ids in self._by_tag().values()]

    def tagged(self) -> dict[int, tuple[str, ...]]:
        """Return the tags, by name, of each frame of the opened folders that has any, by its id."""
        found: dict[int, list[str]] = {}
        for tag, ids in self._by_tag().values():
            for number in ids:
                found.setdefault(number, []).append(tag)
        return {number: tuple(tags) for number, tags in found.items()}

    def ids(self, images: Iterable[int | str | Path]) -> list[int]:
        """Return the ids of frames by their paths.

        Raises:
            DataError: if one is not in the opened folders.
        """
        return [self._place(image)[1].id for image in images]

    def marks(self, query: str | None = None) -> dict[int, str]:
        """Return "right" or "wrong" by frame id: of a query as it is typed, or of any query.

        Of marks for several queries the last one counts.
        """
        with self._lock:
            marks = self._open().marks(None if query is None else marks_key(query))
            ids = self._ids([mark.image for mark in marks])
        return {
            number: RIGHT if mark.good else WRONG
            for mark in marks
            if (number := ids.get(mark.image)) is not None
        }

    def narrowed(self, filters: Filters, query: str | None) -> Filters:
        """Return filters whose tags and marks are resolved to the frames that have them.

        Args:
            filters: restrictions.
            query: as it is typed, whose marks count; None for those of any query.

        Raises:
            QueryError: if no frame of the opened folders has one of the tags, or the kind of marks
                is none.
        """
        if not filters.tags and not filters.marked:
            return filters
        chosen: set[int] | None = None
        if filters.tags:
            chosen = set.intersection(*map(set, self._of_tags(filters.tags)))
        if filters.marked:
            if filters.marked not in (RIGHT, WRONG, ANY):
                raise QueryError(f'Frames are marked right, wrong or any, not "{filters.marked}".')
            marks = self.marks(query).items()
            marked = {number for number, mark in marks if filters.marked in (ANY, mark)}
            chosen = marked if chosen is None else chosen & marked
        ids = chosen or set()
        return replace(
            filters, only=ImageIds(ids if filters.only is None else ids.intersection(filters.only))
        )

    def _of_tags(self, tags: Iterable[str]) -> list[frozenset[int]]:
        from c4t_core.index.store.tags import no_tag

        known = self._by_tag()
        for tag in tags:
            if tag.casefold() not in known:
                raise QueryError(str(no_tag(tag, (name for name, _ in known.values()))))
        return [known[tag.casefold()][1] for tag in tags]

    # Changing

    def tag(
        self,
        images: Iterable[int | str | Path],
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> TagChange:
        """Give tags to frames and take others away, all or nothing.

        Each file is read for its content hash, so that its tags follow it.

        Args:
            images: ids in the catalogue, or paths (``clip.mp4#t=12.500`` for a moment).
            add: tags that all of them have afterwards.
            remove: tags that none of them has afterwards.

        Returns:
            What changed, for :meth:`apply`.

        Raises:
            DataError: if a frame is not in the opened folders, a word is no tag, or one to be
                removed is nowhere.
        """
        from c4t_core.index.store import tags

        keys = self.keys(images)
        with self._lock:
            return tags.change(self._open(), keys, add, remove)

    def keys(self, images: Iterable[int | str | Path]) -> list[ImageKey]:
        """Return how the user's data know frames; reads each file for its content hash.

        Raises:
            DataError: if one is not in the opened folders.
        """
        from c4t_core.index.store.user_data import ImageKey

        places = [self._place(image) for image in images]
        return [ImageKey.of(t.folder, t.shown(row.path), row.at) for t, row in places]

    def _place(self, image: int | str | Path) -> tuple[Target, ImageRow]:
        found = self._searcher.find(image)
        if found is None:
            raise DataError(
                f'"{image}" is no frame of the index of the opened folders; index its folder, or '
                "correct the path."
            )
        return found

    def apply(self, change: TagChange) -> None:
        """Do a change again, or the reverse of one."""
        from c4t_core.index.store import tags

        with self._lock:
            tags.apply(self._open(), change)

    def take_notice(self) -> str | None:
        """Return what must be told of a repair of the user's file, once."""
        with self._lock:
            return None if self._data is None else self._data.take_notice()

    def close(self) -> None:
        """Close the user's file."""
        with self._lock:
            if self._data is not None:
                self._data.close()
            self._data = None

    # From frames to ids

    def _open(self) -> UserData:
        if self._data is None:
            from c4t_core.index.store.user_data import UserData  # most searches do without

            self._data = UserData()
        return self._data

    def _by_tag(self) -> dict[str, tuple[str, frozenset[int]]]:
        """Return the tags by name: case-folded -> (as it is written, the ids of its frames)."""
        from c4t_core.index.store import tags

        with self._lock:
            data = self._open()
            state = (tags.stamp(data), self._catalogue.stamp())
            if self._tags[0] != state:
                given = tags.tagged(data)
                ids = self._ids([one.image for one in given], follow=True)
                found: dict[str, tuple[str, set[int]]] = {}
                for one in given:
                    number = ids.get(one.image)
                    if number is not None:
                        found.setdefault(one.tag.casefold(), (one.tag, set()))[1].add(number)
                names = sorted(found)
                whole = {name: (found[name][0], frozenset(found[name][1])) for name in names}
                self._tags = (tags.stamp(data), self._catalogue.stamp()), whole
            return self._tags[1]

    def _ids(
        self, images: Collection[ImageKey], *, follow: bool = False
    ) -> Mapping[ImageKey, int | None]:
        """Return the ids of frames, None for those that are not in the opened folders.

        Args:
            images: as the user's file knows them.
            follow: whether tags of those found elsewhere are kept there from now on.
        """
        stamp = self._catalogue.stamp()
        if self._places[0] != stamp:
            self._places = stamp, {}
        known = self._places[1]
        fresh = [image for image in dict.fromkeys(images) if image not in known]
        found = self._found(fresh)
        known.update((image, found.get(image)) for image in fresh)
        moved = self._elsewhere([image for image in fresh if known[image] is None])
        found = self._found(moved.values())
        known.update((old, found.get(new)) for old, new in moved.items())
        if moved and follow:
            from c4t_core.index.store import tags

            with contextlib.suppress(CatalogueError):  # a disk that may not be written
                tags.follow(self._open(), moved)
        return known

    def _found(self, images: Collection[ImageKey]) -> dict[ImageKey, int]:
        """Return the ids of frames that lie where they are said to."""
        from c4t_core.index.store.image_key import ids_of

        found: dict[ImageKey, int] = {}
        for target, lookup in self._searcher.lookups() if images else ():
            names = {image: name_in(target, image.path) for image in images}
            ids = ids_of(
                self._catalogue,
                lookup.root_id,
                {name for name in names.values() if name and target.holds(name)},
            )
            for image, name in names.items():
                number = ids.get((name or b"", None if image.at is None else round(image.at * 1e9)))
                if number is not None:
                    found.setdefault(image, number)
        return found

    def _elsewhere(self, images: Collection[ImageKey]) -> dict[ImageKey, ImageKey]:
        """Find by their content the files of frames that are not where they were."""
        from c4t_core.index.store.user_data import ImageKey, locate

        digest, moved = functools.cache(content_digest), {}
        for image in images:
            path = locate(image, self._searcher.files_of_size, digest)
            if path is None or path == image.path:  # it is gone, or in a folder that is not open
                continue
            target = next(target for target, _ in self._searcher.lookups()
                          if path.is_relative_to(target.folder))  # fmt: skip
            relative = path.relative_to(target.folder).as_posix()
            moved[image] = ImageKey(target.folder, relative, image.digest, image.size, image.at)
        return moved
