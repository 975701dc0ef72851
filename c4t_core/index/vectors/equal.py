"""Images whose vectors are equal to the bit: the stills of a car that stands, copies, black frames.

Two hundred equal vectors are each other's nearest, so that in an approximate index none of them
has a link to anything else and whatever lies behind them is not found. So they enter it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.store.reads import Ids, Rows

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, as of splitmix64
_SECOND = np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)


@dataclass(frozen=True)
class Groups:
    """Images by equal vector.

    Attributes:
        of: int64 (n,), ascending: the image that stands for the group of each member.
        members: int64 (n,), all images, those of one group in the order of their paths.
    """

    of: Ids
    members: Ids

    @cached_property
    def labels(self) -> Ids:
        """The images that stand for a group, int64 (g,), ascending."""
        return self.of[self._starts]

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.diff(self.of, prepend=self.of[:1] - 1))

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """The number of images of each group, int64 (g,), in the order of ``labels``."""
        return np.diff(self._starts, append=len(self.of))

    def count(self, labels: Ids) -> NDArray[np.int64]:
        """Return how many images each of some groups has, int64 (m,)."""
        return self.sizes[np.searchsorted(self.labels, labels)]

    def first(self, label: int, most: int) -> Ids:
        """Return the first images of a group by path, at most so many."""
        start = int(np.searchsorted(self.of, label))
        end = int(np.searchsorted(self.of, label, side="right"))
        return self.members[start : min(end, start + most)]


def group(blocks: Iterable[tuple[Ids, Rows]], preferred: Ids, check: Callable[[], None]) -> Groups:
    """Find out which vectors are equal; only a number of each row is kept in memory.

    Args:
        blocks: (image ids, rows float32 (m, d)), in the order of the paths.
        preferred: images that stand for their group if they are there, such as those that an
            older index knows.
        check: called with each block; may raise to stop.
    """
    ids, digests = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint64)]
    for block_ids, rows in blocks:
        check()
        ids.append(block_ids)
        digests.append(digest(rows))
    every, numbers = np.concatenate(ids), np.concatenate(digests)
    if not len(every):
        return Groups(every, every)
    order = np.argsort(numbers, kind="stable")
    members, numbers = every[order], numbers[order]
    new = np.concatenate([[True], numbers[1:] != numbers[:-1]])
    starts = np.flatnonzero(new)
    place = np.arange(len(members))
    wanted = np.where(np.isin(members, preferred), place, len(members))
    best = np.minimum.reduceat(wanted, starts)
    labels = members[np.where(best < len(members), best, starts)]
    of = labels[np.cumsum(new) - 1]
    order = np.argsort(of, kind="stable")
    return Groups(of[order], members[order])


def digest(rows: Rows) -> NDArray[np.uint64]:
    """Return a number for each row (n, d) by its bits, uint64 (n,).

    Two of a million different rows share one by chance in one of 30 million collections.
    """
    bits = np.ascontiguousarray(rows, dtype=np.float32).view(np.uint32).astype(np.uint64)
    bits += np.arange(1, bits.shape[1] + 1, dtype=np.uint64) * _MULTIPLIER
    for multiplier in (_SECOND, _MULTIPLIER):
        bits ^= bits >> _HALF
        bits *= multiplier
    bits ^= bits >> _HALF
    total: NDArray[np.uint64] = bits.sum(axis=1, dtype=np.uint64)
    return total
