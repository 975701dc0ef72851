"""What the user said of the frames of the opened folders: their tags, and the marks of a query.

The user's file knows frames by path and content; searches know them by id. Which id a tagged frame
has is looked up once for each state of the catalogue; a file that is not where it was is looked for
by its content among the files of its size, and its tags follow it.

:func:`pairs_of_marks` makes of marks what a model learns from.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core.errors import CatalogueError, DataError, QueryError
from c4t_core.files import content_digest
from c4t_core.index.query import Filters, ImageIds, marks_key, parse_query
from c4t_core.index.scope import name_in
from c4t_core.index.search import Searcher
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.index.folders import Target
    from c4t_core.index.store.catalogue import Catalogue
    from c4t_core.index.store.reads import ImageRow
    from c4t_core.index.store.tags import TagChange
    from c4t_core.index.store.user_data import ImageKey, Mark, UserData

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

    def tagged(self, among: Collection[int] | None = None) -> dict[int, tuple[str, ...]]:
        """Return the tags, by name, of each frame of the opened folders that has any, by its id.

        ``among`` are the ids of those that are asked for; None for all.
        """
        found: dict[int, list[str]] = {}
        chosen = None if among is None else frozenset(among)
        for tag, ids in self._by_tag().values():
            for number in ids if chosen is None else ids & chosen:
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


@dataclass(frozen=True)
class MarkedPairs:
    """A pairs file of marks.

    Attributes:
        root: folder that all its images lie below.
        right: rows of frames that show what was asked for.
        images: how many frames these are.
        wrong: rows of frames that do not.
        idle: marks that say wrong where no frame is marked as right for the query; left out.
        no_caption: queries with an image or with what is not wanted, whose marks are left out.
        missing: marks of frames that are not there, or that are moments of a recording.
    """

    root: Path
    right: int
    images: int
    wrong: int
    idle: int
    no_caption: tuple[str, ...]
    missing: int

    def problems(self) -> list[str]:
        """Return sentences about what is left out."""
        said = [f'"{query}" is no caption; its marks are left out' for query in self.no_caption]
        if self.idle:
            said.append(
                f"{self.idle} of your marks say wrong and are not used: nothing is marked as right "
                "for their query"
            )
        if self.missing:
            said.append(
                f"{self.missing} of your marks are not used: their pictures are not found, or they "
                "are moments of a recording"
            )
        return said


def pairs_of_marks(
    path: Path,
    marks: Iterable[Mark],
    files_of_size: Callable[[int], Iterable[Path]] = lambda _: (),
    drive_of: Callable[[Path], str | None] = lambda _: None,
) -> MarkedPairs:
    """Write marks as a pairs file, each frame with its query as the caption.

    What is marked as wrong gets a 0 in the column ``shown``, which is there if any is. A caption
    says what is in the picture, so a query with an image, or with a term that is not wanted, makes
    none.

    Args:
        path: of the file.
        marks: of any queries.
        files_of_size: the known files of a size, among which a frame that was moved is found
            (`Workspace.files_of_size`).
        drive_of: what the index knows of the drives of frames; of others it is read from the name.

    Raises:
        DataError: if no frame that is there is marked as right for a query in plain words.
    """
    from c4t_core.index.store.user_data import locate

    rows: dict[bool, list[tuple[str, Path]]] = {True: [], False: []}
    no_caption, missing = set(), 0
    for mark in marks:
        image, caption = locate(mark.image, files_of_size), _caption(mark.query)
        if image is None or mark.image.at is not None:
            missing += 1
        elif caption:
            rows[mark.good].append((caption, image))
        elif mark.good:
            no_caption.add(mark.query)
    right, known = rows[True], {caption for caption, _ in rows[True]}
    wrong = [(caption, image) for caption, image in rows[False] if caption in known]
    if not right:
        raise DataError(
            "No frame is marked as right for a query in plain words; mark some hits with R first."
        )
    root = Path(os.path.commonpath([image.parent for _, image in (*right, *wrong)]))
    _write(path, root, right, wrong, drive_of)
    return MarkedPairs(
        root=root,
        right=len(right),
        images=len({image for _, image in right}),
        wrong=len(wrong),
        idle=len(rows[False]) - len(wrong),
        no_caption=tuple(sorted(no_caption)),
        missing=missing,
    )


def _caption(query: str) -> str:
    """Return a query as a caption, "" where it says more than what is wanted in words."""
    try:
        terms = parse_query(query).terms
    except QueryError:
        return ""
    plain = all(term.text and term.weight > 0 for term in terms)
    return " ".join(str(term.text) for term in terms) if plain else ""


def _write(
    path: Path,
    root: Path,
    right: Collection[tuple[str, Path]],
    wrong: Collection[tuple[str, Path]],
    drive_of: Callable[[Path], str | None],
) -> None:
    from c4t_core.datasets.pairs import PairsWriter
    from c4t_core.files import atomic_text
    from c4t_core.images.frame_names import FrameName, parse_frame_name, recording, shown_drives

    indexed = {image: drive_of(image) for _, image in (*right, *wrong)}
    drives = {image: drive or recording(image.as_posix()) for image, drive in indexed.items()}
    shown = shown_drives(drives.values())
    with atomic_text(path) as out:
        writer = PairsWriter(out, shown=bool(wrong))
        for rows, good in ((right, True), (wrong, False)):
            for caption, image in rows:
                relative = image.relative_to(root).as_posix()
                # else a photograph of no drive
                known = indexed[image] or parse_frame_name(relative) != FrameName()
                drive = shown[drives[image]] if known else None
                writer.write(relative, caption, drive, None, shown=good)
