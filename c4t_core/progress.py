"""Progress and cancel are one plain callable, ``(done, total) -> None``.

Whoever does long work calls it now and then; whoever watches raises
:class:`c4t_core.errors.Cancelled` from it to stop the work.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

_WINDOW = 15.0  # seconds that a rate looks back


class Progress(Protocol):
    """Called with how many units are done and how many there are in all.

    Raises:
        Cancelled: to ask for the work to stop.
    """

    def __call__(self, done: int, total: int, /) -> None:
        """Take note of the state of the work."""


def ignore(done: int, total: int, /) -> None:
    """Watch nothing, cancel nothing."""


class RateMeter:
    """Turn ``(done, total)`` pairs into a rate and the time left.

    The rate is taken over the last 15 seconds, so that a pause or a fast start is forgotten.
    """

    def __init__(self) -> None:
        """Start with no observations."""
        self._seen: deque[tuple[float, int]] = deque()
        self._left = 0

    def update(self, done: int, total: int, now: float | None = None) -> None:
        """Note that ``done`` of ``total`` units are done at time ``now`` (seconds, monotonic)."""
        moment = time.monotonic() if now is None else now
        self._seen.append((moment, done))
        while len(self._seen) > 2 and moment - self._seen[0][0] > _WINDOW:
            self._seen.popleft()
        self._left = max(0, total - done)

    @property
    def rate(self) -> float:
        """Units per second over the window; 0 until it is known."""
        if len(self._seen) < 2:
            return 0.0
        (t0, d0), (t1, d1) = self._seen[0], self._seen[-1]
        return max(0.0, (d1 - d0) / (t1 - t0)) if t1 > t0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the end, or None while the rate is unknown."""
        return self._left / self.rate if self.rate > 0 else None


def format_duration(seconds: float) -> str:
    """Write a duration the way people say it.

    >>> format_duration(63)
    '1 min 03 s'
    >>> format_duration(7.4)
    '7 s'
    >>> format_duration(7380)
    '2 h 03 min'
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
