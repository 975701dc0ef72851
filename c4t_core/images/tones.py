"""More than 8 bits as tones: what range of numbers becomes black to white.

Each picture is judged by itself, so that its embedding never depends on what lies beside it.
Files seldom say how many of their bits are used: cameras write 10, 12 or 14 bits into 16, thermal
cameras a narrow band far from zero. Taken at face value, all of them are one dark or grey sheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]  # height x width, or with bands behind; any integer or float type

DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras give; none of them writes 13
_SIXTEEN = 65535
_NARROW = 8  # of the range that a file states, less than 1/8 in use is a sheet: 32 tones
_NARROW_GUESSED = 4  # where the range was guessed there is no statement to respect
_DARK = 16  # all but a few pixels below 1/16 of the range: the few are not what it is about
_HEADROOM = 32  # tones below and above a narrow band that is spread
_SAMPLE = 250_000  # pixels that percentiles are taken from
_ROWS = 4_000_000  # numbers converted at once, so that memory stays flat
_ABSURD = 1e30  # float rasters mark "no data" by the lowest number there is


class Window(NamedTuple):
    """A number n becomes the tone (n - black) * gain, cut to 0..255."""

    black: float
    gain: float


def to_tones(values: Numbers, top: int | None = None, nodata: float | None = None) -> Numbers:
    """Bring numbers to tones.

    Args:
        values: height x width (x bands); all bands get the same window, so hues stay.
        top: the largest number the file allows for; None or 65535 says nothing.
        nodata: a number that stands for "nothing measured here".

    Returns:
        uint8, the same shape; not-a-number, infinite and nodata are what 0 is.
    """
    black, gain = window(values, top, nodata)
    if values.dtype == np.uint16 and nodata is None:
        return _apply(np.arange(_SIXTEEN + 1), black, gain)[values]
    out = np.empty(values.shape, np.uint8)
    for rows in _blocks(values):
        part = values[rows]
        bad = _invalid(part, nodata)
        out[rows] = _apply(part if bad is None else np.where(bad, 0, part), black, gain)
    return out


def plain_tones(values: Numbers, top: int | None) -> Numbers:
    """Bring numbers to tones by their range alone, as coverage and inks need it.

    Args:
        values: height x width (x bands), none below 0.
        top: what becomes 255; by default the most that their depth can hold.

    Returns:
        uint8, the same shape.
    """
    high = float(values.max(initial=0))
    if top is None:
        top = 1 if values.dtype.kind == "f" and high <= 1 else 2 ** _depth(high) - 1
    return _apply(values, 0.0, _gain(top))


def window(values: Numbers, top: int | None = None, nodata: float | None = None) -> Window:
    """Choose black and white for one picture; arguments as for :func:`to_tones`."""
    low, high = _extent(values, nodata)
    bottom, peak = _bulk(values, nodata, low, high)
    whole = values.dtype.kind in "iu"
    if low < 0 or high > _SIXTEEN:
        spread = max(high - low, 1e-12)
        if 0 < peak - bottom < spread / _NARROW:
            return _stretch(bottom, peak, whole)
        return Window(low, 255 / spread)
    if not whole and high <= 1:
        return _within(Window(0.0, 255.0), bottom, peak, 1.0, _NARROW, whole)
    if top is not None and top < _SIXTEEN and high <= top:
        return _within(Window(0.0, _gain(top)), bottom, peak, top, _NARROW, whole)
    spread_out = _spread_out(values, high)
    bits = 16 if spread_out else _depth(high)
    if not spread_out and peak < 2**bits // _DARK:
        bits = _depth(peak)  # a few hot pixels must not make the rest black
    share = _NARROW if bits == 16 else _NARROW_GUESSED
    full = 2**bits - 1
    return _within(Window(0.0, _gain(full)), bottom, peak, full, share, whole)


def _within(
    plain: Window, bottom: float, peak: float, full: float, share: int, whole: bool
) -> Window:
    """Return ``plain`` unless next to nothing of its range is in use."""
    span = peak - bottom
    if span <= 0 or (full <= 255 and whole):
        return plain
    if bottom >= span and span < full / share:
        return _stretch(bottom, peak, whole)
    if not whole and peak < full / _DARK:
        return Window(0.0, 255 / peak)
    return plain


def _stretch(bottom: float, peak: float, whole: bool) -> Window:
    """Spread a narrow band over the middle tones.

    Photographs seldom reach from black to white, and what few pixels lie beyond the band keep
    tones of their own.
    """
    span = peak - bottom
    room = 255 - 2 * _HEADROOM
    # Never more than one tone a count: the rest would be noise.
    gain = 1.0 if whole and span < room else room / span
    return Window(bottom - (255 / gain - span) / 2, gain)


def _depth(high: float) -> int:
    return next((bits for bits in DEPTHS if high <= 2**bits - 1), 16)


def _spread_out(values: Numbers, high: float) -> bool:
    """Tell whether fewer bits were spread over all 16, as PNG asks for: then dark means dark.

    The upper bits stand again in the lower ones, or the lower byte is empty.
    """
    if values.dtype != np.uint16 or not 255 < high < 2 ** DEPTHS[-2]:
        return False
    seen = np.zeros(_SIXTEEN + 1, np.bool_)
    for rows in _blocks(values):
        seen[values[rows]] = True
    used = np.flatnonzero(seen)
    return not np.any(used & 255) or any(
        high >= 2**bits and not np.any((used & 2 ** (16 - bits) - 1) != used >> bits)
        for bits in DEPTHS[:3]
    )


def _gain(top: int) -> float:
    """Return tones per count; a power of two where ``top`` is all bits set, as a shift is."""
    bits = top.bit_length()
    return 2.0 ** (8 - bits) if top == 2**bits - 1 and bits >= 8 else 255 / top


def _apply(values: Numbers, black: float, gain: float) -> Numbers:
    tones = (values.astype(np.float64) - black) * gain
    return np.clip(tones, 0, 255).astype(np.uint8)


def _blocks(values: Numbers) -> Iterator[slice]:
    height = values.shape[0]
    step = max(1, _ROWS // max(1, values[0].size)) if height else 1
    return (slice(start, start + step) for start in range(0, height, step))


def _invalid(part: Numbers, nodata: float | None) -> NDArray[np.bool_] | None:
    bad = None
    if part.dtype.kind == "f":
        bad = ~np.isfinite(part)
        if part.dtype.itemsize > 2:
            bad |= np.abs(part) > _ABSURD
    if nodata is not None:
        same = part == part.dtype.type(nodata) if part.dtype.kind == "f" else part == nodata
        bad = same if bad is None else bad | same
    return bad


def _valid(part: Numbers, nodata: float | None) -> Numbers:
    bad = _invalid(part, nodata)
    return part.reshape(-1) if bad is None else part[~bad]


def _extent(values: Numbers, nodata: float | None) -> tuple[float, float]:
    """Return the lowest and the highest number, with 0 among them."""
    low = high = 0.0
    for rows in _blocks(values):
        part = _valid(values[rows], nodata)
        if part.size:
            low, high = min(low, float(part.min())), max(high, float(part.max()))
    return low, high


def _bulk(values: Numbers, nodata: float | None, low: float, high: float) -> tuple[float, float]:
    """Return where all but one pixel in a thousand lie, at either end."""
    step = max(1, math.isqrt(values.shape[0] * values.shape[1] // _SAMPLE))
    part = _valid(values[::step, ::step], nodata)
    if not part.size:
        return low, high
    bottom, peak = np.percentile(part, (0.1, 99.9), method="nearest")
    return float(bottom), float(peak)
