"""Saved searches run again: how many frames and events match now, and how many of them are new.

A scenario keeps its query, its filters, the model it was saved with and its cut. The cut moves
only when the user asks, so that two counts of one scenario can be compared.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from c4t_core.datasets.searchad import PACK, sentences
from c4t_core.index.query import Filters, Query, parse_query, saved_filters
from c4t_core.index.search import Answer
from c4t_core.index.store.user_data import Scenario, UserData, locate
from c4t_core.records import dataclass


class Searched(Protocol):
    """What a scenario is run on; see :class:`c4t_core.workspace.Workspace`."""

    @property
    def model_fingerprint(self) -> str:
        """Identity of the model."""

    def answer(
        self,
        query: Query,
        *,
        filters: Filters | None = None,
        right: Sequence[Path] = (),
        wrong: Sequence[Path] = (),
    ) -> Answer:
        """Return ranked ids and scores."""

    def browse(self, *, filters: Filters | None = None) -> Answer:
        """Return all frames that filters let through."""


@dataclass(frozen=True)
class Counted:
    """What a scenario finds now.

    Attributes:
        name: of the scenario.
        matches: frames at or above the cut.
        events: what these fold into.
        new: frames of them that were first indexed after it was last looked at.
        cut: the least score of a match.
        same_model: whether it was saved with the model it was run with; if not, its cut does not
            hold, one was found for this run only, and nothing is counted as new.
    """

    name: str
    matches: int
    events: int
    new: int
    cut: float
    same_model: bool = True


def found_cut(answer: Answer) -> float:
    """Return the cut to keep: the automatic one, else just above all that is there now.

    Where nothing stands out, nothing matches, and what comes later must beat what is there.
    """
    if answer.by_objects or answer.browsed:  # all that holds matches
        return 0.0
    if answer.cut is not None:
        return answer.cut
    level = answer.levels.match if answer.levels is not None else -1.0
    best = float(answer.scores.max()) if len(answer.scores) else -1.0
    return math.nextafter(max(level, best), math.inf) + 1e-6


def ask(workspace: Searched, scenario: Scenario, marks: Mapping[Path, bool]) -> Answer:
    """Answer the query of a scenario.

    Args:
        workspace: what it is run on.
        scenario: a saved search.
        marks: by path, whether the user said that an image shows what the query asks for; see
            :func:`located`. They move the query of a scenario that was saved as refined, and
            choose the hits of one that was saved as restricted to marked ones, as :func:`answered`
            says.

    Raises:
        C4TError: as :meth:`c4t_core.workspace.Workspace.answer`, or if it was saved by a version
            that knows other settings.
    """
    filters, marked, refine = saved_filters(scenario.settings)
    if not scenario.query.strip():  # a collection: what its tags and filters let through
        return workspace.browse(filters=replace(filters, marked=marked))
    query = parse_query(scenario.query)
    return answered(workspace, query, filters, marks, marked=marked, refine=refine)


def answered(
    workspace: Searched,
    query: Query,
    filters: Filters,
    marks: Mapping[Path, bool],
    *,
    marked: str = "",
    refine: bool = False,
) -> Answer:
    """Answer a query with the marks that it has: the same hits, here as in the window.

    Args:
        workspace: what is asked.
        query: what to look for.
        filters: restrictions.
        marks: by path, whether an image shows what the query asks for.
        marked: only images marked "right", "wrong" or "any"; "" for all.
        refine: move the query by the marks, and leave out what is marked as wrong, unless that is
            what ``marked`` asks for.

    Raises:
        C4TError: as :meth:`c4t_core.workspace.Workspace.answer`.
    """
    right = [path for path, good in marks.items() if refine and good]
    wrong = [path for path, good in marks.items() if refine and not good]
    answer = workspace.answer(query, filters=filters, right=right, wrong=wrong)
    if marked:
        chosen = [path for path, good in marks.items() if marked in ("any", _SIDES[good])]
        return answer.only(answer.scope.find(chosen).values())
    return answer.without(answer.scope.find(wrong).values()) if wrong else answer


_SIDES = {True: "right", False: "wrong"}


def count(
    workspace: Searched, scenario: Scenario, marks: Mapping[Path, bool], *, fold: bool = True
) -> Counted:
    """Count what a scenario finds now; nothing is changed.

    Without ``fold`` no events are counted (0).

    Args and Raises: as :func:`ask`.
    """
    answer = ask(workspace, scenario, marks)
    same = scenario.fingerprint in ("", workspace.model_fingerprint)
    cut = found_cut(answer) if scenario.cut is None or not same else scenario.cut
    ids = answer.image_ids[: answer.above(cut)]
    looked = max(scenario.made, scenario.checked or 0.0)
    new = answer.scope.newer(ids, looked) if same and len(ids) else 0
    events = len(answer.fold(answer.scope, ids)) if fold and answer.fold and len(ids) else 0
    return Counted(scenario.name, len(ids), events, new, cut, same)


def look(
    data: UserData, workspace: Searched, scenario: Scenario, counted: Counted, when: float
) -> None:
    """Note that what a scenario finds was looked at; one that never had a cut keeps today's.

    Args:
        data: the user's data.
        workspace: what it was run on.
        scenario: the saved search.
        counted: what it found.
        when: when it was asked, seconds since 1970; what was indexed after that is new.
    """
    if scenario.cut is None and counted.same_model:
        fingerprint = workspace.model_fingerprint
        data.save_scenario(replace(scenario, cut=counted.cut, fingerprint=fingerprint))
    data.look_at_scenario(scenario.name, when)


def located(
    data: UserData, query: str, files_of_size: Callable[[int], Iterable[Path]]
) -> dict[Path, bool]:
    """Return the marks of a query by where the files are now.

    Args:
        data: the user's data.
        query: as typed.
        files_of_size: the known files of a size in bytes (`Workspace.files_of_size`).
    """
    return {
        locate(mark.image, files_of_size) or mark.image.path: mark.good
        for mark in data.marks(query)
    }


def with_cut(
    workspace: Searched,
    scenario: Scenario,
    marks: Mapping[Path, bool],
    model: str,
    cut: float | None = None,
) -> Scenario:
    """Return a scenario with a cut, and the model that it holds for; it counts as looked at.

    Args:
        workspace: what it is asked of.
        scenario: the search.
        marks: see :func:`ask`.
        model: what the user calls the model.
        cut: the least score of a match; None has one found.

    Raises: as :func:`ask`.
    """
    when = time.time()
    if not scenario.query.strip():  # a collection: no score, of whichever model, cuts it
        return replace(scenario, cut=0.0, made=when)
    if cut is None:
        cut = found_cut(ask(workspace, scenario, marks))
    fingerprint = workspace.model_fingerprint
    return replace(scenario, cut=cut, model=model, fingerprint=fingerprint, made=when)


def add_pack(data: UserData) -> int:
    """Save a search for each of SearchAD's 90 labels; those that are there stay as they are.

    They hold for any model and have no cut: one is found whenever they are run, and kept from
    when they are first looked at.

    Returns:
        How many were not there before.
    """
    there = {scenario.name for scenario in data.scenarios()}
    fresh = [Scenario(f"{PACK}{label}", said) for label, said in sentences().items()]
    missing = [scenario for scenario in fresh if scenario.name not in there]
    data.save_scenarios(missing)
    return len(missing)


def remove_pack(data: UserData) -> int:
    """Drop the searches of :func:`add_pack`, whatever their cut, and no other.

    Returns:
        How many there were.
    """
    names = {f"{PACK}{label}" for label in sentences()}
    there = [scenario.name for scenario in data.scenarios() if scenario.name in names]
    data.delete_scenarios(there)
    return len(there)
