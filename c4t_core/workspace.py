"""The one facade of the core: some folders, one model, their index.

Opening reads neither images nor weights. Every method may be called from any thread, and
searching goes on, on what is committed, while :meth:`Workspace.index` runs in another.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from c4t_core.addresses import is_table, plain
from c4t_core.errors import C4TError, FolderError, QueryError
from c4t_core.images.scan import ExcludeRules, LeftOut, Skipped
from c4t_core.index import folders as opened_folders
from c4t_core.index.cut import SentenceLevels
from c4t_core.index.directions import ModelHandle, outdated
from c4t_core.index.events import AlikeLevel, Event, Folded, fold_events, fold_frames, usual_step
from c4t_core.index.exports import Hits
from c4t_core.index.folders import FolderStatus, Space, Tables, Target, WorkspaceStatus
from c4t_core.index.own import Own
from c4t_core.index.query import (
    NO_FILTERS,
    Filters,
    Frame,
    Histogram,
    Hit,
    Noted,
    Query,
    Term,
    parse_query,
)
from c4t_core.index.scope import Scope, name_in
from c4t_core.index.search import (
    Answer,
    Searcher,
    answer,
    browse,
    frame_of,
)
from c4t_core.index.store.catalogue import Catalogue, cache_folders, catalogue_path
from c4t_core.index.store.ledger import Ledger
from c4t_core.index.store.reads import Lookup
from c4t_core.models.protocol import Model, ModelInfo
from c4t_core.paths import cache_dir
from c4t_core.progress import Progress, ignore

if TYPE_CHECKING:
    from c4t_core.index.embed import OnPicture
    from c4t_core.index.indexer import IndexReport
    from c4t_core.index.indexer import Run as IndexRun

__all__ = [
    "Answer",
    "Event",
    "ExcludeRules",
    "Filters",
    "FolderStatus",
    "Frame",
    "Histogram",
    "Hit",
    "LeftOut",
    "Scope",
    "Skipped",
    "Space",
    "Workspace",
    "WorkspaceStatus",
    "count_indexed",
    "forget_folders",
    "open_workspace",
]

QueryLike = str | Query | NDArray[np.float32]
"""What can be searched for: text as typed, a parsed query, or a unit direction (d,)."""


ImageT = TypeVar("ImageT", bound=int | Path)
"""How an image is named: by its id in the catalogue, or by its file."""

_AROUND = 100  # frames before and after one that tell the usual step of a drive


class Workspace:
    """Folders, a model, their index.

    Attributes:
        roots: the opened folders, absolute, as they were named.
        tables: addresses of the shared tables among them; :meth:`index` brings what is new.
        model_name: what the user calls the model.
        notices: sentences for the user, such as that the catalogue was damaged and is rebuilt.
        last_run: the index run that goes on, or the last one; its `skipped` costs nothing to ask.
        own: the tags and marks of its frames.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        model: str | Model,
        exclude: ExcludeRules | None,
        tables: Tables | None = None,
    ) -> None:
        """Use :func:`open_workspace`."""
        self._reader = tables
        self.tables = tuple(plain(folder) for folder in folders if is_table(folder))
        self.roots = tuple(folders)
        self.notices: list[str] = []
        self.last_run: IndexRun | None = None
        self._exclude = exclude
        self._model = ModelHandle(model)
        self.model_name = self._model.name
        self._catalogue = Catalogue(catalogue_path())
        if self._catalogue.notice:
            self.notices.append(self._catalogue.notice)
        self._searcher = Searcher(self._catalogue, folders, self._model, cache_dir())
        models = (self._model, *self._model.earlier)
        self.own = Own(self._catalogue, self._searcher)
        self._reached = {model: SentenceLevels(model) for model in models}
        self._alike = {model: AlikeLevel(model) for model in models}
        self._closing = threading.Lock()
        self._closed = False

    # Indexing

    def index(
        self,
        progress: Progress = ignore,
        *,
        on_commit: Callable[[], None] | None = None,
        batch_size: int | None = None,
        forget_missing: bool = False,
        reindex: bool = False,
        on_picture: OnPicture | None = None,
        only: Collection[Path] | None = None,
        newer: bool = True,
    ) -> IndexReport:
        """Embed what is new or changed, and forget what is gone.

        Args:
            progress: called with (0, 0) while the folders are scanned, then with the files
                done and to do in this run; raise Cancelled from it to stop. May block to pause.
            on_commit: called after each batch is committed (and can be searched).
            batch_size: files per commit; None for as many as the model takes well.
            forget_missing: whether sub-folders that are not there any more are forgotten with
                their vectors; else they are kept, as offline.
            reindex: whether all is embedded anew with the model's fastest image graph; until that
                has finished, the vectors that are there serve. Else an index goes on with the
                graph that it was made with.
            on_picture: is given each picture that was decoded, with its file (absolute) and its
                state, in the decoding threads; such as
                :class:`c4t_core.images.thumbnails.ThumbnailsOfIndexing`.
            only: the files (absolute) to embed, where a folder holds many more than are asked
                for; the others stay as they are, and the next run without it embeds them.
            newer: whether the newest versions of opened shared tables are brought; else those
                stay that are open.

        Raises:
            Cancelled: from ``progress``; what is done is kept, the next run goes on from there.
            BusyError: another run is writing to the same folder and model; says which.
            FolderError: a folder is not there and never was.
            ModelError: the model cannot be loaded.
            CatalogueError: the disk is full or read-only; what is done is kept.
        """
        from c4t_core.index import indexer  # with what decodes; a search does without

        with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
            run = indexer.Run(
                catalogue,
                self._searcher,
                self._model,
                self._exclude,
                forget_missing=forget_missing,
                reindex=reindex,
                on_picture=on_picture,
                only=only,
            )
            self.last_run = run
            report = run(progress, on_commit, batch_size)
            for address in self.tables:
                if self._reader is not None and only is None and newer:
                    more, notice = self._reader.bring(catalogue, address, progress)
                    report += more
                    run.notices += [notice] if notice else []
                    if on_commit is not None:
                        on_commit()
        self.notices += run.notices
        return report

    # Searching

    def search(
        self,
        query: QueryLike,
        k: int | None = 50,
        *,
        exact: bool = False,
        within: Sequence[str | Path] = (),
        drive: str | None = None,
        filters: Filters | None = None,
        above: float | None = None,
    ) -> Hits:
        """Return the best hits, best first, ties by path.

        Args:
            query: what to look for.
            k: how many; None for all.
            exact: do not use the approximate index.
            within: only these sub-folders, relative to an opened folder or absolute.
            drive: only this drive.
            filters: more restrictions; ``within`` and ``drive`` are added to them.
            above: only scores of at least this.

        Raises:
            QueryError: the query cannot be understood.
            NotIndexedError: no opened folder was indexed with this model.
            FolderError: a folder of ``within`` lies in none of the opened ones.
        """
        filters = (filters or NO_FILTERS).narrowed(within, drive)
        found = self.answer(query, filters=filters, k=k, exact=exact)
        hits = found.hits(None if above is None else found.above(above))
        text = query if isinstance(query, str) else ""
        hits.note = lambda ids: None if self._closed else self.noted(ids, text)
        return hits

    def noted(self, image_ids: Sequence[int] | NDArray[np.int64], query: str = "") -> Noted:
        """Return the marks and tags of images, and which of them are one event.

        Args:
            image_ids: of a list of hits, best first.
            query: whose marks they are, as it is typed; "" for no marks.

        Raises:
            NotIndexedError: no opened folder was indexed with this model.
            ModelError, MissingExtraError: if the model was never used here and cannot be loaded.
        """
        ids = np.asarray(image_ids, dtype=np.int64)
        folded = self._fold(self._searcher.scope(), ids)
        numbers = np.repeat(np.arange(1, len(folded) + 1), folded.counts).tolist()
        return Noted(
            self.own.marks(query) if query else {},
            self.own.tagged(ids.tolist()),
            dict(zip(ids[folded.members].tolist(), numbers, strict=True)),
        )

    def answer(
        self,
        query: QueryLike,
        *,
        filters: Filters | None = None,
        k: int | None = None,
        exact: bool = False,
        right: Sequence[Path] = (),
        wrong: Sequence[Path] = (),
    ) -> Answer:
        """Return ranked ids and scores, with their automatic cut and how they spread.

        Args:
            query: what to look for.
            filters: restrictions.
            k: how many; None for all, which the cut and the histogram need.
            exact: do not use the approximate index.
            right: images that show it; they move the query (Rocchio's feedback).
            wrong: images that do not.

        Raises: as :meth:`search`.
        """
        parsed = parse_query(query) if isinstance(query, str) else query
        filters = filters or NO_FILTERS
        if isinstance(parsed, Query):
            filters = filters.asking(parsed.objects)
        text = query if isinstance(query, str) else None
        if filters.marked and text is None:
            raise QueryError("Marks are those of a query as it is typed; ask it as text.")
        scope = self._searcher.scope(self.own.narrowed(filters, text))
        model = self._searcher.model_of(scope)
        found = answer(
            scope,
            parsed,
            model,
            k=k,
            exact=exact,
            reached=self._reached[model],
            fold=self._fold,
            right=right,
            wrong=wrong,
        )
        return replace(found, remark=self._searcher.remark)

    def browse(self, *, filters: Filters | None = None) -> Answer:
        """Return all frames that filters let through, drive by drive, each in time order.

        Raises: as :meth:`search`.
        """
        scope = self._searcher.scope(self.own.narrowed(filters or NO_FILTERS, None))
        return replace(browse(scope, self._fold), remark=self._searcher.remark)

    def similar(
        self, image: int | str | Path, k: int | None = 50, *, filters: Filters | None = None
    ) -> Hits:
        """Return the images most like one of the catalogue (without it), or like any file.

        Raises:
            QueryError: the file cannot be used.
            NotIndexedError: no opened folder was indexed with this model.
        """
        scope = self._searcher.scope(self.own.narrowed(filters or NO_FILTERS, None))
        found = self._searcher.find(image)
        own = None if found is None else scope.embeddings([found[1].id]).get(found[1].id)
        if own is None or found is None:
            if isinstance(image, int):
                raise C4TError("This image is not in the index any more; search again.")
            query = Query((Term(image=Path(image)),))
            return answer(scope, query, self._searcher.model_of(scope), k=k).hits()
        ids, scores = scope.ranking(own, None if k is None else k + 1)
        others = np.flatnonzero(ids != found[1].id)[:k]
        return scope.hits(ids[others].tolist(), scores[others].tolist())

    def vectors(self, images: Sequence[ImageT]) -> dict[ImageT, NDArray[np.float32]]:
        """Return unit embeddings (d,) of images by id, or by path; those without are left out.

        Raises:
            NotIndexedError: no opened folder was indexed with this model.
        """
        scope = self._searcher.scope()
        places = scope.find(image for image in images if isinstance(image, Path))
        ids = [places.get(i, -1) if isinstance(i, Path) else int(i) for i in images]
        rows = scope.embeddings([number for number in ids if number >= 0])
        named = zip(images, ids, strict=True)
        return {image: rows[number] for image, number in named if number in rows}

    def events(self, hits: Sequence[Hit]) -> list[Event]:
        """Fold hits of one drive that are close in time and alike into events.

        Raises:
            ModelError, MissingExtraError: if the model was never used here and cannot be loaded.
        """
        if not hits:
            return []
        vectors = self.vectors([hit.image_id for hit in hits])
        level = self._alike[self._searcher.serving].get()
        return fold_events(hits, vectors, level, lambda hit: self._step(hit.image_id))

    def _fold(self, scope: Scope, image_ids: NDArray[np.int64]) -> Folded:
        return fold_frames(
            scope.facts(image_ids),
            scope.cosines(image_ids),
            self._alike[self._searcher.model_of(scope)].get(),
            lambda position: self._step(int(image_ids[position])),
        )

    def _step(self, image_id: int) -> float:
        around = self.neighbours(image_id, _AROUND, _AROUND)
        return usual_step(frame.frame for frame in around)

    # Looking around

    def frame(self, image: int | str | Path) -> Frame | None:
        """Return one image of the catalogue by id or path, None if it is not there."""
        found = self._searcher.find(image)
        return None if found is None else frame_of(*found, self._searcher.shown_drive(found[1]))

    def neighbours(self, image: int | str | Path, before: int = 3, after: int = 3) -> list[Frame]:
        """Return the frames around one, of its drive and camera, in time order, with itself."""
        return self._searcher.neighbours(image, before, after)

    def drives(self) -> list[tuple[str, int]]:
        """Return the drives, as they are shown, and their number of frames, by name."""
        return self._searcher.frames_by_drive()

    def groups(self, by: str, folder: str | Path = "") -> list[tuple[str, int]]:
        """Return (name, number of images) of every group that is open, by name.

        Args:
            by: "camera", "day" (UTC, as ``2026-10-14``), or "folder" for those right below one,
                with all that lies in or below each.
            folder: the one meant then; an opened one, or in one.
        """
        if by != "folder":
            return self._searcher.groups(by)
        for target in self._searcher.targets():
            below = name_in(target, folder)
            if target.root is not None and below is not None:
                lookup = Lookup(self._catalogue, target.root.id)
                return lookup.groups(by, below.rstrip(b"/"))
        return []

    def status(self) -> WorkspaceStatus:
        """Return what is known without reading any image folder."""
        return self._searcher.status()

    def skipped(self) -> list[Skipped]:
        """Return the files (and unreadable folders) left out by the last run, with reasons."""
        from c4t_core.index import indexer

        return [
            Skipped(indexer.shown_path(target.folder, failure.path, target.below), failure.reason)
            for target, ledger in self._ledgers()
            for failure in ledger.failures().values()
        ]

    def retry_skipped(self) -> int:
        """Have the next run try the skipped files again; return how many there are.

        Those of shared tables stay: whoever writes the table tries them again.
        """
        own = (ledger for target, ledger in self._ledgers() if not target.is_shared)
        return sum(ledger.clear_failures() for ledger in own)

    def _ledgers(self) -> list[tuple[Target, Ledger]]:
        return [
            (target, Ledger(self._catalogue, target.root, run.model_id, target.below))
            for target in self._searcher.targets()
            if target.root is not None and (run := self._searcher.run(target)) is not None
        ]

    def files_of_size(self, size: int) -> list[Path]:
        """Return the catalogued files of a size; see ``locate`` of the user's data."""
        return self._searcher.files_of_size(size)

    # Keeping

    @property
    def model_fingerprint(self) -> str:
        """Identity of the model whose vectors answer now, for provenance."""
        return self._searcher.serving.identity

    def exclude_rules(self) -> ExcludeRules:
        """Return what is left out of the first opened folder."""
        root = self._searcher.targets()[0].root
        return self._exclude or ExcludeRules() if root is None else root.rules

    def set_exclude_rules(self, rules: ExcludeRules) -> None:
        """Change what is left out of the opened folders; the next run acts on it."""
        self._exclude = rules
        for target in self._searcher.targets():
            if target.root is not None:
                self._catalogue.set_rules(target.root.id, rules)

    def forget(self, folder: str | Path) -> None:
        """Drop a folder from the catalogue, with its vectors; marks and images stay.

        Raises:
            FolderError: if the catalogue knows nothing of it.
        """
        opened_folders.forget(self._catalogue, opened_folders.opened(folder)[0])

    def relocate(self, old: str | Path, new: str | Path) -> None:
        """Note that a folder was moved or renamed, so that nothing is embedded again.

        It may be one that was opened, one inside it, or one that holds some.

        Raises:
            FolderError: if the old folder is not in the catalogue, or the new one not there.
        """
        opened_folders.relocate(
            self._catalogue, opened_folders.opened(old)[0], opened_folders.opened(new)[0]
        )

    def space(self) -> Space:
        """Return what the catalogue and its caches take on disk, and what :meth:`clean` drops."""
        return opened_folders.space(self._catalogue, cache_folders(), self._vectors()[1])

    def clean(self, keep_models: Sequence[str] | None = None) -> int:
        """Give back disk space; return the number of bytes.

        Args:
            keep_models: ``model_fingerprint`` of the models whose vectors are kept; None keeps all.
                Of this model and earlier ones, those that an index has replaced go in any case.
        """
        used, replaced = self._vectors()
        if keep_models is not None and not {*used, *replaced}.isdisjoint(keep_models):
            keep_models = [*used, *(key for key in keep_models if key not in replaced)]
        return opened_folders.clean(self._catalogue, cache_folders(), keep_models, replaced)

    def _vectors(self) -> tuple[set[str], list[str]]:
        """Return, of this model and earlier ones, whose vectors are used and whose replaced."""
        own = self._model.fingerprints
        runs = self._catalogue.runs(own).values()
        used = {own[0], *(run.fingerprint for run in runs)}  # the best may be in the making
        used.update(outdated(self._catalogue, self._model).values())
        own += tuple(key for earlier in self._model.earlier for key in earlier.fingerprints)
        return used, [key for key in own if key not in used]

    def rest(self) -> None:
        """Give back the memory of the model's networks; they are opened again at their next use.

        To be called when nothing was asked or indexed for a while; from any thread.
        """
        for model in (self._model, *self._model.earlier):
            model.rest()

    def close(self) -> None:
        """Release the catalogue; closing twice is allowed."""
        with self._closing:
            self._closed = True
            self.own.close()
            if self._reader is not None:
                self._reader.close()
            self._searcher.close()
            self._catalogue.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def count_indexed(
    folders: Sequence[str | Path], models: Sequence[ModelInfo]
) -> dict[str, tuple[int, int]]:
    """Return by name of a model how many frames of folders its index has, of how many there are.

    The index of an earlier model counts where it still answers. No model is loaded.

    Raises:
        CatalogueError: if the catalogue cannot be opened or read.
    """
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        roots = catalogue.roots()
        targets = [
            target
            for one in opened_folders.opened(folders)
            for target in opened_folders.targets_of(roots, one)
        ]
        known = [(Lookup(catalogue, t.root.id), t.below) for t in targets if t.root is not None]
        total = sum(lookup.frames(below) for lookup, below in known)
        found = {}
        for info in models:
            own = [key for _, key in info.graphs] or [info.fingerprint]
            runs = catalogue.runs([*own, *(k for one in info.earlier for _, k in one.graphs)])
            counts = [
                lookup.embedded(runs[lookup.root_id].model_id, below)
                for lookup, below in known
                if lookup.root_id in runs
            ]
            found[info.name] = (sum(counts), total)
        return found


def forget_folders(folders: Sequence[str | Path]) -> None:
    """Drop folders from the catalogue that need not be open; one that it does not know is no error.

    Raises:
        CatalogueError: if the catalogue cannot be opened or written.
    """
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        for folder in opened_folders.opened(folders):
            with contextlib.suppress(FolderError):
                opened_folders.forget(catalogue, folder)


def open_workspace(
    folders: str | Path | Sequence[str | Path],
    model: str | Model = "c4t",
    *,
    exclude: ExcludeRules | None = None,
    tables: Tables | None = None,
) -> Workspace:
    """Open folders for searching and indexing.

    Args:
        folders: one or more; one inside another is dropped.
        model: name of a model, loaded at the first need, or a model.
        exclude: what to leave out; None for the rules that the folder has, or the default.
        tables: reads shared tables; without it those of ``folders`` are as they were copied last.

    Raises:
        FolderError: if a folder is neither there nor known from earlier.
        ModelError: if no model has this name.
        CatalogueError: if the catalogue cannot be opened.

        The notes of an error are the notices of the workspace.
    """
    workspace = Workspace(opened_folders.opened(folders), model, exclude, tables)
    try:
        for folder in workspace.roots:
            opened_folders.check_known(workspace._catalogue, folder)
    except C4TError as error:
        for notice in workspace.notices:  # it is not told again
            error.add_note(notice)
        workspace.close()
        raise
    return workspace
