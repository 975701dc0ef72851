"""Which hits are shown, in which order, folded how: pure functions on frozen values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from c4t_core.index.query import Hit
from c4t_desktop.services.rows import Row

SORTS = ("score", "time", "drive")


MOST = 10_000  # hits sorted otherwise than by score, or folded: each of them is loaded for it


@dataclass(frozen=True)
class Arrangement:
    """What the grid shows.

    Attributes:
        rows: the cards in order.
        matches: how many hits are above the cut.
        events: how many events those laid out make, None when nothing is folded.
        laid_out: how many of them, the best, are among the cards.
        best: greatest score shown.
        least: least score shown.
    """

    rows: Sequence[Row] = ()
    matches: int = 0
    events: int | None = None
    laid_out: int = 0
    best: float = 1.0
    least: float = 0.0


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


def arrange(
    hits: Sequence[Hit],
    *,
    sort: str = "score",
    events: Sequence[Sequence[Hit]] | None = None,
    unfolded: Collection[int] = (),
) -> tuple[Row, ...]:
    """Return the cards for hits.

    Args:
        hits: by falling score.
        sort: ``"score"``, ``"time"`` or ``"drive"``.
        events: the hits in groups, best first in each; None shows single frames.
        unfolded: ``image_id`` of the best hit of each event whose frames are all shown.
    """
    key = _KEYS[sort]
    if events is None:
        return tuple(Row(hit) for hit in sorted(hits, key=key))
    made: list[Row] = []
    for group in sorted(events, key=lambda members: key(members[0])):
        best = group[0]
        made.append(Row(best, best.image_id, len(group)))
        if best.image_id in unfolded:
            rest = sorted(group[1:], key=_time_key)
            made.extend(Row(hit, best.image_id, 1, member=True) for hit in rest)
    return tuple(made)
