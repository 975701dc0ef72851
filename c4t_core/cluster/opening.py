"""Opening shared tables like folders: by the command line, in Python and by the window."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core import workspace as base
from c4t_core.errors import C4TError
from c4t_core.images import fetched
from c4t_core.index.store.catalogue import Catalogue, catalogue_path
from c4t_core.index.store.reads import Lookup
from c4t_core.progress import Progress, ignore

if TYPE_CHECKING:
    from c4t_core.images.scan import ExcludeRules
    from c4t_core.index.indexer import IndexReport
    from c4t_core.models.protocol import Model
    from c4t_core.workspace import Workspace


class Tables:
    """Reads shared tables into the catalogue; loads Lance only where there is a newer version.

    Pictures of what it has read may be looked at until it is closed.
    """

    def __init__(self) -> None:
        """Have no table read yet."""
        self._places: dict[str, fetched.StateOf] = {}
        self._states: Catalogue | None = None
        self._opening = threading.Lock()
        self._closed = False

    def bring(
        self, catalogue: Catalogue, address: str, progress: Progress
    ) -> tuple[IndexReport, str]:
        """Copy what a table has that the catalogue has not; see :func:`.copying.bring`."""
        from c4t_core.cluster import copying

        brought = copying.bring(catalogue, address, progress)
        self.let_look(catalogue, address)
        return brought.report, brought.notice

    def is_newest(self, catalogue: Catalogue, address: str) -> bool:
        """Tell whether the newest version of a table is copied."""
        from c4t_core.cluster import table

        copied = catalogue.copied(address)
        if copied is None or not copied.version:
            return False
        stamp = table.stamp(address)
        if stamp:
            return stamp == copied.stamp
        there = table.open_table(address)
        return (there.header.identity, there.version) == (copied.identity, copied.version)

    def let_look(self, catalogue: Catalogue, address: str) -> None:
        """Let pictures in the folders and below the addresses of a table be looked at."""
        for root in catalogue.roots():
            if root.shared == address and root.place not in self._places:
                self._places[root.place] = partial(self._state, root.id)
                fetched.allow(root.place, self._places[root.place])

    def _state(self, root_id: int, name: str) -> fetched.State | None:
        with self._opening:
            if self._closed:
                return None
            if self._states is None:
                self._states = Catalogue(catalogue_path())
        row = Lookup(self._states, root_id).by_path(os.fsencode(name))
        return None if row is None else (row.size, row.mtime_ns)

    def close(self) -> None:
        """Let none of its pictures be looked at any more."""
        while self._places:
            fetched.withdraw(*self._places.popitem())
        with self._opening:
            self._closed = True
            if self._states is not None:
                self._states.close()


def open_workspace(
    folders: str | Path | Sequence[str | Path],
    model: str | Model = "c4t",
    *,
    exclude: ExcludeRules | None = None,
    progress: Progress = ignore,
) -> Workspace:
    """Open folders and shared tables for searching and indexing.

    A table (a folder or address that ends in ``.lance``) is read at its newest version; what this
    machine lacks of it is copied first, and that version stays until :meth:`Workspace.index`
    brings a newer one. Opening one by an address is the consent to reach it. Where a table cannot
    be reached, what was copied of it serves, and a notice says so.

    Args:
        folders: one or more; one inside another is dropped.
        model: name of a model, loaded at the first need, or a model.
        exclude: what to leave out of folders; None for the rules that a folder has, or the default.
        progress: called with the rows of tables done and to do; raise Cancelled from it to stop.

    Raises:
        FolderError: if a folder is neither there nor known from earlier, or a table never was.
        DataError: if a table cannot be read.
        ModelError: if no model has this name.
        MissingExtraError: if a table is opened and Lance is not installed.
        CatalogueError: if the catalogue cannot be opened.
        Cancelled: from ``progress``.

        The notes of an error are the notices of the workspace.
    """
    tables = Tables()
    workspace = base.open_workspace(folders, model, exclude=exclude, tables=tables)
    try:
        for address in workspace.tables:
            with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
                workspace.notices += _notices(tables, catalogue, address, progress)
                tables.let_look(catalogue, address)
    except BaseException:
        workspace.close()
        raise
    return workspace


def newer_tables(workspace: Workspace) -> tuple[str, ...]:
    """Return the opened tables that have a newer version; ``workspace.index()`` brings it.

    Raises:
        FolderError, DataError: a table is not there any more, or cannot be read.
    """
    tables = Tables()
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        return tuple(one for one in workspace.tables if not tables.is_newest(catalogue, one))


def _notices(tables: Tables, catalogue: Catalogue, address: str, progress: Progress) -> list[str]:
    """Bring what is new of one table; return what is to be told."""
    copied = catalogue.copied(address)
    try:
        if tables.is_newest(catalogue, address):
            return []
        notice = tables.bring(catalogue, address, progress)[1]
    except C4TError as error:
        if copied is None or not copied.version:
            raise
        return [f"What was read of it before answers: {error}"]
    return [notice] if notice else []
