"""Answers: from a scope and a query to ranked hits, their cut and how the scores spread.

:class:`Searcher` makes scopes of the opened folders and looks things up in them; :func:`answer`
puts a question to a scope, in one pass over the scores.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import NotIndexedError
from c4t_core.images.frame_names import natural_key, shown_drives
from c4t_core.index.cut import Levels, SentenceLevels, automatic_threshold
from c4t_core.index.directions import ModelHandle, WordHint, hint_sentences, outdated, rocchio, unit
from c4t_core.index.events import Folded
from c4t_core.index.exports import Hits
from c4t_core.index.folders import FolderStatus, Target, WorkspaceStatus, targets_of
from c4t_core.index.objects import CLASSES, ObjectCondition
from c4t_core.index.query import (
    NEAREST,
    NO_FILTERS,
    Filters,
    Frame,
    Histogram,
    Query,
    split_frame_name,
)
from c4t_core.index.scope import Part, Scope, name_in
from c4t_core.index.store.catalogue import Catalogue, Root, Run
from c4t_core.index.store.reads import ImageRow, Lookup, Selection, StoredVectors
from c4t_core.index.vectors import locks
from c4t_core.index.vectors.objects import Believed, ObjectSearch
from c4t_core.index.vectors.table import Slots, Table
from c4t_core.index.vectors.vectors import VectorSearch
from c4t_core.models.protocol import CutText
from c4t_core.records import dataclass

Fold = Callable[[Scope, NDArray[np.int64]], Folded]


@dataclass(frozen=True)
class Answer:
    """What a query found.

    Attributes:
        scope: what was asked.
        direction: the query as a unit vector (d,).
        image_ids: int64 (n,), best first, ties by path.
        scores: float32 (n,), their cosines with the query; of a query that is nothing but
            conditions on objects the probabilities that these hold.
        reached: tells what sentences reach on the scope's images, None where nothing is known.
        cut_terms: terms in words that the model does not read whole.
        word_hints: what is odd about the words of the query.
        fold: folds some of the images, best first, into events without loading any; None for
            saved embeddings.
        by_objects: whether conditions on objects were all that was asked; all that holds is a hit
            then, and there is no cut.
        browsed: whether nothing was asked: the images are all those of the scope, drive by drive,
            each in time order, their scores are 0, and there is no cut.
        remark: tells what is to be said of the index that it comes from, "" for nothing.
    """

    scope: Scope
    direction: NDArray[np.float32]
    image_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    reached: Callable[[Scope], Levels] | None = field(default=None, repr=False)
    cut_terms: tuple[CutText, ...] = ()
    word_hints: tuple[WordHint, ...] = ()
    fold: Fold | None = field(default=None, repr=False)
    by_objects: bool = False
    browsed: bool = False
    remark: Callable[[], str] = field(default=str, repr=False)

    @cached_property
    def cut(self) -> float | None:
        """The automatic cut, None where nothing stands out; it needs the scores of all images."""
        if self.by_objects or self.browsed:
            return None
        return automatic_threshold(self.scores, self.levels)

    @cached_property
    def levels(self) -> Levels | None:
        """What sentences reach on these images, None where that is not known."""
        if self.reached is None or not len(self.scores):
            return None
        return self.reached(self.scope)

    @cached_property
    def histogram(self) -> Histogram:
        """How the scores spread."""
        return Histogram.of(self.scores)

    def above(self, cut: float) -> int:
        """Return how many score at least ``cut``."""
        ascending = self.scores[::-1]
        return len(ascending) - int(np.searchsorted(ascending, np.float32(cut), side="left"))

    def matches(self, cut: float | None = None) -> int:
        """Return how many are hits, the best: those from a cut on.

        Without one the automatic cut decides; where nothing stands out, the nearest few are hits,
        and where conditions on objects or nothing were asked, all are.
        """
        if self.browsed or (cut is None and self.by_objects):
            return len(self.scores)
        cut = self.cut if cut is None else cut
        return min(NEAREST, len(self.scores)) if cut is None else self.above(cut)

    def only(self, ids: Collection[int]) -> Answer:
        """Return this answer with only some images; its cut stays that of all."""
        return self._kept(np.isin(self.image_ids, np.asarray(sorted(ids), dtype=np.int64)))

    def without(self, ids: Collection[int]) -> Answer:
        """Return this answer without some images; its cut stays that of all."""
        return self._kept(~np.isin(self.image_ids, np.asarray(sorted(ids), dtype=np.int64)))

    def _kept(self, which: NDArray[np.bool_]) -> Answer:
        kept = replace(self, image_ids=self.image_ids[which], scores=self.scores[which])
        vars(kept)["cut"] = self.cut  # what the cached property is to know
        return kept

    def hits(self, count: int | None = None, start: int = 0) -> Hits:
        """Load so many hits (None: all) from a position on, best first."""
        chosen = slice(start, None if count is None else start + count)
        ids, scores = self.image_ids[chosen].tolist(), self.scores[chosen].tolist()
        hits = self.scope.hits(ids, scores, start + 1)
        hits.notes = self.notes
        return hits

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences on how the query was read, and on the index that answered."""
        notes = reading_notes(self.word_hints, self.cut_terms)
        known, asked = self.scope.known
        if known < asked:
            notes.append(
                f"What objects there are is known for {known:,} of {asked:,} frames; the others "
                "were embedded before, or by a model that sees none."
            )
        remark = self.remark()
        return (*notes, remark) if remark else tuple(notes)


def reading_notes(hints: tuple[WordHint, ...], cut: Sequence[CutText]) -> list[str]:
    """Return sentences on how a query was read: odd words, and terms that are not read whole."""
    return hint_sentences(hints) + [
        f'The query is longer than the model reads: it is read up to "{term.end}" and the rest '
        "is left out; put what matters first, or join shorter terms with +."
        for term in cut
    ]


def answer(
    scope: Scope,
    query: Query | NDArray[np.float32],
    model: ModelHandle,
    *,
    k: int | None = None,
    exact: bool = False,
    reached: SentenceLevels | None = None,
    fold: Fold | None = None,
    right: Sequence[Path] = (),
    wrong: Sequence[Path] = (),
) -> Answer:
    """Answer a query.

    Args:
        scope: what is asked.
        query: what to look for: terms, or a direction (d,). The scope is restricted to its
            conditions on objects already; of a query without terms they rank.
        model: embeds the terms.
        k: how many hits; None for all, which the cut and the histogram need.
        exact: do not use the approximate index.
        reached: tells what a match must beat, for queries of words and nothing else: images are
            nearer to images than words are.
        fold: folds images of the scope into events.
        right: images that show what is meant; they move the query towards them.
        wrong: images that do not; they move it away.
    """
    if isinstance(query, Query) and not query.terms and scope.filters.objects:
        image_ids, scores = scope.by_objects(k)
        nowhere = np.zeros(model.dim, dtype=np.float32)
        return Answer(scope, nowhere, image_ids, scores, fold=fold, by_objects=True)
    words = isinstance(query, Query) and query.is_words_only and not (right or wrong)
    weights = [term.weight for term in query.terms] if isinstance(query, Query) else []
    if isinstance(query, Query):
        direction = model.direction(query, scope.fingerprint, scope.stored)
    else:
        direction = unit(query).astype(np.float32)
    if right or wrong:
        marked = (list(scope.find(paths).values()) for paths in (right, wrong))
        direction = rocchio(direction, *(list(scope.embeddings(i).values()) for i in marked))
    image_ids, scores = scope.ranking(direction, k, exact=exact)
    return Answer(
        scope,
        direction,
        image_ids=image_ids,
        scores=scores,
        reached=partial(reached.of, weights=weights) if reached and words else None,
        fold=fold,
        cut_terms=model.cut_terms(query) if isinstance(query, Query) else (),
        word_hints=model.word_hints(query) if isinstance(query, Query) else (),
    )


def browse(scope: Scope, fold: Fold | None = None, remark: Callable[[], str] = str) -> Answer:
    """Return everything in a scope, see :attr:`Answer.browsed`."""
    ids = scope.course()
    nothing = np.zeros(len(ids), dtype=np.float32)
    return Answer(scope, nothing[:0], ids, nothing, fold=fold, browsed=True)


class Searcher:
    """Some opened folders and one model: makes scopes of them, and looks things up.

    Args:
        catalogue: a connection for reading.
        folders: opened folders, none inside another.
        model: which vectors to use.
        cache: the folder of vector caches and approximate indexes.
    """

    def __init__(
        self, catalogue: Catalogue, folders: Sequence[Path], model: ModelHandle, cache: Path
    ) -> None:
        """Read nothing yet."""
        self._catalogue = catalogue
        self._folders = tuple(folders)
        self._model = model
        self._cache = cache
        self._lock = threading.Lock()
        self._known: (
            tuple[tuple[int, int], tuple[Target, ...], dict[int, Run], ModelHandle] | None
        ) = None
        self._searches: dict[tuple[int, int], VectorSearch] = {}
        self._selected: dict[Selection, tuple[Table, Slots]] = {}
        self._objects: dict[str, ObjectSearch] = {}
        self._counted: tuple[tuple[int, int], dict[Target, int]] = ((-1, -1), {})
        self._shown: tuple[tuple[int, int], Mapping[str, str]] | None = None

    def _now(self) -> tuple[tuple[Target, ...], dict[int, Run], ModelHandle]:
        """Return the opened folders with their roots, what is indexed, by root, and by which model.

        They are looked up once for each state of the catalogue.
        """
        stamp = self._catalogue.stamp()
        known = self._known
        if known is None or known[0] != stamp:
            roots = self._catalogue.roots()
            targets = tuple(t for folder in self._folders for t in targets_of(roots, folder))
            known = self._known = stamp, targets, *self._serving(targets)
        return known[1:]

    def _serving(self, targets: Sequence[Target]) -> tuple[dict[int, Run], ModelHandle]:
        """Return the index that answers, by root, and whose vectors it has.

        An answer is by one model: an earlier one, until all that it indexed is indexed anew; of
        several the newest, and what only an older one indexed whole waits for that.
        """
        old = outdated(self._catalogue, self._model)
        opened = {t.root.id for t in targets if t.root is not None and t.root.id in old}
        made = {old[root] for root in opened}
        for earlier in self._model.earlier:
            if not made.isdisjoint(earlier.fingerprints):
                runs = self._catalogue.runs(earlier.fingerprints).items()
                return {
                    r: n for r, n in runs if old.get(r, n.fingerprint) == n.fingerprint
                }, earlier
        return self._catalogue.runs(self._model.fingerprints), self._model

    @property
    def serving(self) -> ModelHandle:
        """The model whose vectors answer now: the chosen one, or an earlier one."""
        return self._now()[2]

    def model_of(self, scope: Scope) -> ModelHandle:
        """Return the model that made the vectors of a scope."""
        return self._model.maker(scope.fingerprint)

    def targets(self) -> tuple[Target, ...]:
        """Return the opened folders with the roots they lie in now."""
        return self._now()[0]

    def drives(self) -> Mapping[str, str]:
        """Return how the drives of the opened folders are shown, by their identity."""
        stamp = self._catalogue.stamp()
        if self._shown is None or self._shown[0] != stamp:
            found = (lookup.drive_names(target.below) for target, lookup in self.lookups())
            self._shown = stamp, shown_drives(name for names in found for name in names)
        return self._shown[1]

    def close(self) -> None:
        """Wait for what goes on in the background."""
        for search in self._searches.values():
            search.close()

    def run(self, target: Target) -> Run | None:
        """Return what is known of the index of a folder, None before it has one."""
        return None if target.root is None else self._now()[1].get(target.root.id)

    def vectors(self, root: Root, model_id: int, fingerprint: str) -> VectorSearch:
        """Return the (cached) search of a root over the vectors of a fingerprint."""
        with self._lock:
            key = (root.id, model_id)
            if key not in self._searches:
                source = StoredVectors(
                    self._catalogue,
                    root.id,
                    model_id=model_id,
                    fingerprint=fingerprint,
                    dim=self._model.maker(fingerprint).dim,
                )
                self._searches[key] = VectorSearch(source, folder=self._cache)
            return self._searches[key]

    def scope(self, filters: Filters = NO_FILTERS) -> Scope:
        """Resolve what a question goes to.

        Raises:
            NotIndexedError: if no opened folder was indexed with this model.
            FolderError: if a folder of ``filters.within`` lies in none of the opened ones.
            QueryError: if a drive of the filters is in none of them.
            NotIndexedError: if nothing is known of the objects that the filters ask for.
        """
        targets = self.targets()
        parts = []
        for target in targets:
            run = self.run(target)
            if target.root is not None and run is not None:
                vectors = self.vectors(target.root, run.model_id, run.fingerprint)
                parts.append(Part(target, vectors, vectors.table(run.generation)))
        if not parts:
            raise NotIndexedError(self._not_indexed(targets[0]))
        return Scope(tuple(parts), self.drives()).restricted(filters, self._select, self._believe)

    def _not_indexed(self, target: Target) -> str:
        name = self._model.name
        command = self._command(f'"{target.folder}"')
        others = [] if target.root is None else self._catalogue.models_of(target.root.id)
        if target.is_shared and target.root is not None:
            made = ", ".join(f'"{other}"' for other in others) or "no model yet"
            return (
                f'The table "{target.root.shared}" was made with {made}, not with "{name}" as it '
                "is here; choose that model, or have the table made again with this one."
            )
        if name in others:
            return (
                f'The index of "{target.folder}" was made with another version of the model '
                f'"{name}"; make a new one with: {command} (the old one is kept).'
            )
        if others:
            return f'"{target.folder}" is not indexed with the model "{name}" yet; run: {command}'
        return f'"{target.folder}" is not indexed yet; run: {command}'

    def _command(self, folders: str) -> str:
        name = self._model.name
        return f"c4t index {folders}" + ("" if name == "c4t" else f" --model {name}")

    def _select(self, part: Part, selection: Selection) -> Slots:
        """Select with a small cache: typing a query asks for one restriction again and again."""
        with self._lock:
            known = self._selected.get(selection)
        if known is not None and known[0] is part.table:
            return known[1]
        slots = part.vectors.select(part.table, selection)
        with self._lock:
            if len(self._selected) > 16:
                self._selected.clear()
            self._selected[selection] = part.table, slots
        return slots

    def _believe(self, part: Part, conditions: tuple[ObjectCondition, ...]) -> Believed:
        """Ask the model that is known to have seen the objects of a root last."""
        lookup = Lookup(self._catalogue, part.vectors.source.root_id)
        seen = lookup.seen_by()
        if seen is None:
            return Believed.nothing(len(part.table.ids))
        with self._lock:
            key = f"{lookup.root_id} {seen.fingerprint}"
            if key not in self._objects:
                self._objects[key] = ObjectSearch(lookup, seen, self._cache / "vectors")
            search = self._objects[key]
        return search.believed(part.table, conditions)

    # Looking around

    def find(self, image: int | str | Path) -> tuple[Target, ImageRow] | None:
        """Return an image's row by its id or path, None if it is not in the opened folders."""
        for target, lookup in self.lookups():
            row: ImageRow | None = None
            if isinstance(image, (str, Path)):
                name = name_in(target, image)
                row = lookup.by_path(name) if name else None
                if name and row is None:  # perhaps a moment of a recording
                    file, at = split_frame_name(os.fsdecode(name))
                    row = None if at is None else lookup.by_path(os.fsencode(file), at)
            else:
                row = lookup.rows([int(image)]).get(int(image))
            if row is not None and row.root_id == lookup.root_id and target.holds(row.path):
                return target, row
        return None

    def lookups(self) -> list[tuple[Target, Lookup]]:
        """Return the opened folders that were ever indexed, with the readers of their roots."""
        return [
            (target, Lookup(self._catalogue, target.root.id))
            for target in self.targets()
            if target.root is not None
        ]

    def neighbours(self, image: int | str | Path, before: int, after: int) -> list[Frame]:
        """Return the frames around one, of its drive and camera, in time order, with itself."""
        found = self.find(image)
        if found is None:
            return []
        target, row = found
        rows = Lookup(self._catalogue, row.root_id).neighbours(row, before, after)
        drive = self.shown_drive(row)
        return [frame_of(target, near, drive) for near in rows if target.holds(near.path)]

    def shown_drive(self, row: ImageRow) -> str:
        """Return how a frame's drive is shown."""
        return self.drives().get(row.drive, row.drive)

    def frames_by_drive(self) -> list[tuple[str, int]]:
        """Return (drive as it is shown, number of frames) of every drive, by name."""
        shown, total = self.drives(), Counter[str]()
        for target, lookup in self.lookups():
            table, slots = self._all_in(target, lookup)
            if table is None:
                counts = {name: told[0] for name, told in lookup.drives(target.below).items()}
            else:
                identities = {number: name for name, number in lookup.drive_numbers().items()}
                counts = {identities[i]: n for i, n in table.drive_counts(slots).items()}
            for drive, count in counts.items():
                total[shown.get(drive, drive)] += count
        return _by_name(total)

    def groups(self, column: str) -> list[tuple[str, int]]:
        """Return (name, number of images) of every "camera" or "day" that is open."""
        total = Counter[str]()
        for target, lookup in self.lookups():
            table, slots = self._all_in(target, lookup)
            if table is None:
                total.update(dict(lookup.groups(column, target.below)))
            else:
                total.update(dict(table.groups(column, slots)))
        return _by_name(total)

    def _all_in(self, target: Target, lookup: Lookup) -> tuple[Table | None, Slots]:
        """Return a table that is at hand and has all frames of a folder, and their slots."""
        table, slots = self._at_hand(target)
        whole = table is not None and len(slots) == self._frames(target, lookup)
        return (table if whole else None), slots

    def _at_hand(self, target: Target) -> tuple[Table | None, Slots]:
        """Return a table if that takes no long reading, and the slots of a folder in it."""
        root, run = target.root, self.run(target)
        table = None
        if root is not None and run is not None:
            vectors = self.vectors(root, run.model_id, run.fingerprint)
            table = vectors.at_hand()
        if table is None:
            return None, np.empty(0, dtype=np.int64)
        first, end = table.stretch(target.below, vectors.source.place_of)
        return table, table.order[first:end].astype(np.int64)

    def _frames(self, target: Target, lookup: Lookup) -> int:
        """Return the number of frames of a folder, counted once for a state of the catalogue."""
        stamp = self._catalogue.stamp()
        if self._counted[0] != stamp:
            self._counted = stamp, {}
        if target not in self._counted[1]:
            self._counted[1][target] = lookup.frames(target.below)
        return self._counted[1][target]

    def files_of_size(self, size: int) -> list[Path]:
        """Return the catalogued files of a size, as they were opened."""
        return [
            frame_of(target, row, row.drive).path
            for target, lookup in self.lookups()
            for row in lookup.files_of_size(size)
            if target.holds(row.path)
        ]

    def status(self) -> WorkspaceStatus:
        """Return what is known without touching the disks that the folders lie on."""
        folders = tuple(self._folder_status(target) for target in self.targets())
        return WorkspaceStatus(
            total=sum(folder.total for folder in folders),
            embedded=sum(folder.embedded for folder in folders),
            offline=sum(folder.offline for folder in folders),
            skipped=sum(folder.skipped for folder in folders),
            folders=folders,
            objects=self._classes(),
        )

    def _classes(self) -> tuple[str, ...]:
        seen = [lookup.seen_by() for _, lookup in self.lookups()]
        known = {label for one in seen if one is not None for label in one.classes}
        return tuple(label for label in CLASSES if label in known)

    def _folder_status(self, target: Target) -> FolderStatus:
        busy = locks.holder(target.lock_path(self._model.identity))
        best = self._model.graph(self._model.fingerprint)
        root, run = target.root, self.run(target)
        if root is None:
            shared = target.real if target.is_shared else ""
            return FolderStatus(
                target.folder, busy=busy, graph=best, best_graph=best, shared=shared
            )
        model_id = run.model_id if run else None
        lookup = Lookup(self._catalogue, root.id)
        table, slots = self._at_hand(target)
        total, updated = self._frames(target, lookup), self._updated(target, lookup)
        embedded = len(slots) if table is not None else lookup.embedded(model_id, target.below)
        return FolderStatus(
            target.folder,
            total=total,
            embedded=embedded,
            skipped=lookup.failed(model_id, target.below),
            offline=lookup.offline(target.below),
            busy=busy,
            search=self.vectors(root, run.model_id, run.fingerprint).serving() if run else "exact",
            graph=self._model.graph(run.fingerprint) if run and updated is None else best,
            best_graph=best,
            shared=root.shared,
            updated=updated,
        )

    def _updated(self, target: Target, lookup: Lookup) -> int | None:
        """Return how many images of a folder are indexed anew, None where nothing is outdated."""
        if self.serving is self._model or target.root is None:
            return None
        run = self._catalogue.runs(self._model.fingerprints).get(target.root.id)
        return lookup.embedded(run.model_id, target.below) if run is not None else 0

    def remark(self) -> str:
        """Say that an earlier model's index answers and what updates it; "" where none does."""
        if self.serving is self._model:
            return ""
        old, serving = outdated(self._catalogue, self._model), self.serving.fingerprints
        opened = {t.root for t in self.targets() if t.root is not None and t.root.id in old}
        said = []
        if roots := sorted((one for one in opened if not one.shared), key=lambda root: root.path):
            folders = " ".join(f'"{root.path}"' for root in roots)
            status = self.status()
            said.append(
                f"This index was made by the earlier model; {self._command(folders)} updates it "
                f"({status.updated or 0:,} of {status.total:,})."
            )
        if older := ", ".join(f'"{root.path}"' for root in roots if old[root.id] not in serving):
            said.append(f"Until then, what a still older model indexed is not searched: {older}.")
        if tables := ", ".join(
            f'"{name}"' for name in sorted({one.shared for one in opened} - {""})
        ):
            said.append(
                f"The earlier model made {tables}, and answers while that is open; c4t index "
                "FOLDER --to NEW.lance writes a table with this one."
            )
        return " ".join(said)


def _by_name(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda group: natural_key(group[0]))


def frame_of(target: Target, row: ImageRow, drive: str) -> Frame:
    """Return a row as the outside sees it; ``drive`` is how its drive is shown."""
    relative = target.shown(row.path)
    return Frame(
        path=Path(os.path.join(target.folder, relative)),
        root=target.folder,
        relative=relative,
        drive=drive,
        camera=row.camera,
        frame=row.frame,
        time=row.time,
        image_id=row.id,
        size=row.size,
        mtime=row.mtime_ns / 1e9,
        at=row.at,
        first_seen=row.first_seen,
        seen=row.seen,
    )
