"""What sentences reach that have nothing to do with traffic: the level that a match must beat.

A dual encoder scores every image for every sentence, and the best of many thousand images is always
somewhat good. How good without any match is learned from sentences that no drive shows, on the very
images that are searched; the level differs between models, collections and filters.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from c4t_core.index.model_handle import ModelHandle
from c4t_core.index.search import Query
from c4t_core.index.searcher import NO_FILTERS, Filters, Searcher
from c4t_core.index.thresholds import automatic_threshold

SENTENCES = (
    "a birthday cake with candles", "a wedding in a church", "an astronaut on the moon",
    "a bowl of soup", "a child playing the piano", "a football match in a stadium",
    "a cat asleep on a sofa", "a whale in the ocean", "a quarterly report", "a computer keyboard",
    "a ballet dancer on a stage", "surfing a wave", "penguins on the ice", "pizza with cheese",
    "a bathroom with a mirror", "a library full of books", "a chess board", "a bottle of wine",
    "a portrait of an old woman", "an orchestra", "a dentist at work", "a fish tank",
    "a kitchen knife", "a swimming pool", "tomatoes in a basket", "a mathematical formula",
    "a wrist watch", "a sleeping baby", "a page of handwriting", "a tennis racket",
    "a box of chocolates", "a microscope",
)  # fmt: skip
SHARE = 0.75
"""Of the sentences, how many stay below the level. Some are bound to fit by accident (penguins on
the ice are snow), so that the best of all would be too strict."""

_KEPT = 16  # levels remembered; typing asks for one again and again
_MOST = 50_000  # images looked at; more tell the same


class UnrelatedLevel:
    """Learns and remembers the level of a model on what is searched.

    Args:
        model: embeds the sentences once.
        searcher: gives the images.
    """

    def __init__(self, model: ModelHandle, searcher: Searcher) -> None:
        """Compute nothing yet."""
        self._model = model
        self._searcher = searcher
        self._lock = threading.Lock()
        self._directions: NDArray[np.float32] | None = None
        self._levels: OrderedDict[tuple[Filters, tuple[int, ...]], float] = OrderedDict()

    def cut(
        self,
        query: Query | NDArray[np.float32],
        scores: NDArray[np.float32],
        filters: Filters | None = None,
    ) -> float | None:
        """Return the automatic cut of a query, None where nothing stands out.

        The level counts for words only: images are nearer to images than any words are, and terms
        that are taken away move all scores down.

        Args:
            query: what was asked.
            scores: its cosines with the images, (n,).
            filters: which images these are.
        """
        words = isinstance(query, Query) and all(
            term.image is None and term.weight > 0 for term in query.terms
        )
        level = self.of(filters or NO_FILTERS) if words and len(scores) else None
        return automatic_threshold(scores, level)

    def of(self, filters: Filters) -> float:
        """Return the level on the images that the filters let through."""
        key = (filters, self._searcher.generations())
        with self._lock:
            if key in self._levels:
                self._levels.move_to_end(key)
                return self._levels[key]
        if self._directions is None:
            rows = np.asarray(self._model.get().encode_texts(list(SENTENCES)), dtype=np.float32)
            self._directions = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        best = self._searcher.best(self._directions, filters, _MOST)
        level = float(np.quantile(best, SHARE))
        with self._lock:
            self._levels[key] = level
            while len(self._levels) > _KEPT:
                self._levels.popitem(last=False)
        return level
