"""Which hits are shown, in which order, folded how: pure functions on frozen values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from c4t_core.index.query import Hit

SORTS = ("score", "time", "drive")


@dataclass(frozen=True)
class Row:
    """One card.

    Attributes:
        hit: the frame shown.
        event: names the event it belongs to; -1 when nothing is folded.
        count: frames in the event, if this card stands for all of them, else 1.
        member: True for a card of an unfolded event other than its best.
    """

    hit: Hit
    event: int = -1
    count: int = 1
    member: bool = False


@dataclass(frozen=True)
class Arrangement:
    """What the grid shows.

    Attributes:
        rows: the cards in order.
        matches: how many hits are above the cut.
        events: how many events they make, None when nothing is folded.
    """

    rows: tuple[Row, ...] = ()
    matches: int = 0
    events: int | None = None


def _time_key(hit: Hit) -> tuple[object, ...]:
    known = hit.time is not None
    return (
        not known,
        hit.time if hit.time is not None else 0.0,
        hit.drive or "",
        hit.frame if hit.frame is not None else -1,
        hit.rank,
    )


def _drive_key(hit: Hit) -> tuple[object, ...]:
    return (
        hit.drive is None,
        hit.drive or "",
        hit.camera or "",
        hit.frame if hit.frame is not None else -1,
        hit.rank,
    )


_KEYS: dict[str, Callable[[Hit], tuple[object, ...]]] = {
    "score": lambda hit: (hit.rank,),
    "time": _time_key,
    "drive": _drive_key,
}


def above(hits: Sequence[Hit], cut: float | None, limit: int | None = None) -> list[Hit]:
    """Return the hits that are shown: above the cut, so many at the most."""
    return [hit for hit in hits if cut is None or hit.score >= cut][:limit]


def arrange(
    hits: Sequence[Hit],
    *,
    cut: float | None = None,
    limit: int | None = None,
    sort: str = "score",
    events: Sequence[Sequence[Hit]] | None = None,
    unfolded: Collection[int] = (),
) -> Arrangement:
    """Return the cards for hits, best first on entry.

    Args:
        hits: by falling score.
        cut: leave out what scores less.
        limit: show so many of the best at the most.
        sort: ``"score"``, ``"time"`` or ``"drive"``.
        events: the hits above the cut in groups, best first in each; None shows single frames.
        unfolded: ``image_id`` of the best hit of each event whose frames are all shown.
    """
    shown = above(hits, cut, limit)
    key = _KEYS[sort]
    if events is None:
        rows = [Row(hit) for hit in sorted(shown, key=key)]
        return Arrangement(tuple(rows), len(shown), None)
    made: list[Row] = []
    for group in sorted(events, key=lambda members: key(members[0])):
        best = group[0]
        made.append(Row(best, best.image_id, len(group)))
        if best.image_id in unfolded:
            rest = sorted(group[1:], key=_time_key)
            made.extend(Row(hit, best.image_id, 1, member=True) for hit in rest)
    return Arrangement(tuple(made), len(shown), len(events))
