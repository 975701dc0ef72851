"""Boxed objects of many label files, gathered so that each image, and each object, counts once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from c4t_core.datasets.scene import Box, Scene, Thing
from c4t_core.records import dataclass

_SAME = 0.5  # boxes of one class that overlap by this much in two files are one object


def boxed_scene(
    image: str, things: Iterable[Thing], kind: str, crowds: Iterable[str] = (), **facts: str | None
) -> Scene:
    """Return a scene of boxes, each thing counted.

    Args:
        image: path relative to the images' root.
        things: the objects.
        kind: of the data set.
        crowds: classes that are there in a number that nobody knows. They have no count, and one
            thing without a box instead of some that would pass for all.
        facts: weather, time of day and the like.
    """
    unknown = dict.fromkeys(crowds)
    known = [thing for thing in things if thing.label not in unknown]
    return Scene(
        image=image,
        things=(*known, *map(Thing, unknown)),
        counts=dict(Counter(thing.label for thing in known)),
        source=kind,
        **facts,  # type: ignore[arg-type]
    )


@dataclass
class _Seen:
    """What all files say of one image."""

    things: list[Thing] = field(default_factory=list)
    crowds: dict[str, None] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


class Gathered:
    """Objects by image, from however many files speak of it.

    Args:
        kind: of the data set.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._images: dict[str, _Seen] = {}

    def add(
        self,
        image: str,
        things: Iterable[Thing],
        crowds: Iterable[str] = (),
        facts: Mapping[str, str] | None = None,
    ) -> bool:
        """Add what one file says of an image; what another said of it already counts once.

        Args:
            image: path relative to the images' root.
            things: the objects; their places are compared, so files need not share ids.
            crowds: classes of an unknown number.
            facts: weather, time of day and the like; the first to speak is believed.

        Returns:
            True if the image was there before.
        """
        again = image in self._images
        seen = self._images.setdefault(image, _Seen())
        seen.things += _new(seen.things, things)
        seen.crowds.update(dict.fromkeys(crowds))
        seen.facts = {**(facts or {}), **seen.facts}
        return again

    def scenes(self) -> Iterator[Scene]:
        """Yield a scene per image, in the order in which they were first spoken of."""
        for image, seen in self._images.items():
            yield boxed_scene(image, seen.things, self._kind, seen.crowds, **seen.facts)


def _new(known: Iterable[Thing], things: Iterable[Thing]) -> list[Thing]:
    """Return the things that are not among the known; each of those is found again once."""
    left: dict[str, list[Thing]] = {}
    for thing in known:
        left.setdefault(thing.label, []).append(thing)
    new = []
    for thing in things:
        alike = left.get(thing.label, [])
        best = max(alike, key=lambda other: _overlap(thing.box, other.box), default=None)
        if best is not None and _overlap(thing.box, best.box) >= _SAME:
            alike.remove(best)
        else:
            new.append(thing)
    return new


def _overlap(one: Box | None, other: Box | None) -> float:
    """Return intersection over union of two boxes; 1 where a place is not known."""
    if one is None or other is None:
        return 1.0
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other))
    return width * height / (areas - width * height)
