"""A model by name, loaded at the first need: opening a folder and its status stay instant."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import ModelError
from c4t_core.index.search import Query, embed_query
from c4t_core.models.protocol import Model

_REMEMBERED = 64  # directions of recent queries; a search, its scores and its cut share one


class ModelHandle:
    """A model, or the name of one.

    Args:
        model: what the user chose.

    Raises:
        ModelError: if no model has this name.
    """

    def __init__(self, model: str | Model) -> None:
        """Look up what is known without loading weights."""
        self._lock = threading.Lock()
        self._directions: OrderedDict[Query, NDArray[np.float32]] = OrderedDict()
        self._model: Model | None = None
        if isinstance(model, str):
            from c4t_core.models.registry import model_info

            info = model_info(model)
            self.name, self._fingerprint, self._dim = info.name, info.fingerprint, info.dim
        else:
            self._model = model
            self.name, self._fingerprint, self._dim = model.name, model.fingerprint, model.dim

    @property
    def fingerprint(self) -> str:
        """Identity of the model; loads it where it is not known otherwise."""
        return self._fingerprint or self.get().fingerprint

    @property
    def dim(self) -> int:
        """Width of an embedding."""
        return self._dim or self.get().dim

    def get(self) -> Model:
        """Return the model, loaded.

        Raises:
            ModelError, MissingExtraError: if it cannot be loaded.
        """
        with self._lock:
            if self._model is None:
                from c4t_core.models.registry import load_model

                self._model = load_model(self.name)
                if self._fingerprint and self._model.fingerprint != self._fingerprint:
                    raise ModelError(
                        f'The model "{self.name}" was replaced while it was in use; '
                        "open the folder again."
                    )
            return self._model

    def direction(self, query: Query) -> NDArray[np.float32]:
        """Return the unit direction (d,) of a query, remembered if it is of words only."""
        with self._lock:
            known = self._directions.get(query)
        if known is not None:
            return known
        found = embed_query(query, self.get())
        if all(term.image is None for term in query.terms):
            with self._lock:
                self._directions[query] = found
                if len(self._directions) > _REMEMBERED:
                    self._directions.popitem(last=False)
        return found
