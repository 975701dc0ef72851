"""The images that are searched, in one fixed order, with what is known about each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class PairLike(Protocol):
    """What an evaluation needs of a pair; :class:`c4t_core.datasets.pairs.Pair` has it."""

    @property
    def image(self) -> Path:
        """The file."""

    @property
    def relative(self) -> str:
        """Its path relative to the images' root, ``/``-separated: its id."""

    @property
    def caption(self) -> str:
        """What it shows."""

    @property
    def drive(self) -> str | None:
        """The recording it belongs to."""


@dataclass(frozen=True)
class Collection:
    """Images by ascending id; queries speak of them by position in this order.

    Attributes:
        names: the ids, ``/``-separated paths relative to the root, ascending.
        paths: the files, in the same order.
        captions: every caption of each image.
        drives: the recording of each image, None where it is not known.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    captions: tuple[tuple[str, ...], ...]
    drives: tuple[str | None, ...]
    positions: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "positions", {name: place for place, name in enumerate(self.names)}
        )

    def __len__(self) -> int:
        return len(self.names)

    def subset(self, places: Sequence[int]) -> Collection:
        """Return only the images at these positions, in ascending order."""
        kept = sorted(places)
        return Collection(
            names=tuple(self.names[i] for i in kept),
            paths=tuple(self.paths[i] for i in kept),
            captions=tuple(self.captions[i] for i in kept),
            drives=tuple(self.drives[i] for i in kept),
        )


def from_pairs(pairs: Iterable[PairLike]) -> Collection:
    """Gather pairs, of which an image may have several, into images.

    Captions keep the order of the pairs; a caption that an image has twice counts once.
    """
    found: dict[str, tuple[Path, dict[str, None], str | None]] = {}
    for pair in pairs:
        path, captions, drive = found.setdefault(pair.relative, (pair.image, {}, pair.drive))
        captions[pair.caption] = None
        if drive is None and pair.drive is not None:
            found[pair.relative] = (path, captions, pair.drive)
    names = sorted(found)
    return Collection(
        names=tuple(names),
        paths=tuple(found[name][0] for name in names),
        captions=tuple(tuple(found[name][1]) for name in names),
        drives=tuple(found[name][2] for name in names),
    )
