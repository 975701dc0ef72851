"""Queries: what the user types, as terms, and as one vector; and the hits that answer it.

A query is a list of terms joined by ``+`` and ``-``, which stand between spaces, so that
``t-junction`` stays a word. A term may carry a weight (``2:truck``) and may be an image
(``@PATH``, with quotes where the path holds spaces next to an operator).
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import ImageError, ModelError, QueryError
from c4t_core.images.decode import open_image
from c4t_core.models.protocol import Model

_OPERATOR = re.compile(r"(?:^|(?<=\s))([+-])(?=\s|$)")
_WEIGHT = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(?!\d)")
_CANCELLED_OUT = 1e-4  # shorter sums than this are rounding noise, not a direction


@dataclass(frozen=True)
class Hit:
    """One frame that answers a query.

    Attributes:
        path: absolute path of the image file.
        score: cosine of the image's and the query's embedding, -1 to 1.
        rank: place in the list, from 1.
        root: the folder that was opened.
        relative: path below ``root``, "/"-separated.
        drive: recording the frame belongs to, where its name tells.
        camera: camera that took it, where its name tells.
        frame: number of the frame within its drive, where its name tells.
        time: seconds since 1970 UTC, where its name tells.
        image_id: number of the image in the catalogue; valid until the catalogue is rebuilt.
    """

    path: Path
    score: float
    rank: int
    root: Path
    relative: str
    drive: str | None = None
    camera: str | None = None
    frame: int | None = None
    time: float | None = None
    image_id: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Term:
    """One part of a query: words or an image, with a weight (negative for ``-``)."""

    text: str | None = None
    image: Path | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Query:
    """What to look for: at least one term."""

    terms: tuple[Term, ...]


def parse_query(text: str) -> Query:
    """Read a query as the user types it.

    >>> [(t.text, t.weight) for t in parse_query("snow + 2:truck - t-junction").terms]
    [('snow', 1.0), ('truck', 2.0), ('t-junction', -1.0)]

    Raises:
        QueryError: if it is empty, an operator lacks a term, or a weight is zero.
    """
    if not text.strip():
        raise QueryError('The query is empty; describe what to look for, such as "truck in snow".')
    pieces = _split(text)
    return Query(tuple(_term(sign, body) for sign, body in pieces))


def _split(text: str) -> list[tuple[str, str]]:
    """Cut at the operators that stand between spaces and outside the quotes of an image."""
    pieces: list[tuple[str, str]] = []
    sign, start = "+", 0
    quoted = [match.span() for match in re.finditer(r"""@(?:"[^"]*"|'[^']*')""", text)]
    for match in _OPERATOR.finditer(text):
        if any(a <= match.start() < b for a, b in quoted):
            continue
        body = text[start : match.start()].strip()
        if body or start:
            pieces.append((sign, body))
        sign, start = match.group(1), match.end()
    pieces.append((sign, text[start:].strip()))
    return pieces


def _term(sign: str, body: str) -> Term:
    weight = 1.0
    match = _WEIGHT.match(body)
    if match:
        weight, body = float(match.group(1)), body[match.end() :].strip()
        if not 0 < weight < 1e6:
            raise QueryError("A weight must be above zero, such as 2:truck or 0.5:rain.")
    if not body:
        raise QueryError('A term of the query has no words; write one after each "+" and "-".')
    weight = -weight if sign == "-" else weight
    if not body.startswith("@"):
        return Term(text=" ".join(body.split()), weight=weight)
    name = body[1:].strip()
    if len(name) >= 2 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1]
    if not name or "\0" in name:
        raise QueryError('"@" must be followed by the path of an image, such as @frame.jpg.')
    return Term(image=Path(name).expanduser(), weight=weight)


def format_query(query: Query) -> str:
    """Write a query so that :func:`parse_query` reads the same terms again."""
    parts: list[str] = []
    for place, term in enumerate(query.terms):
        sign = "- " if term.weight < 0 else "+ " if place else ""
        size = abs(term.weight)
        weight = "" if size == 1 else f"{size:.6f}".rstrip("0").rstrip(".") + ":"
        if term.image is None:
            parts.append(f"{sign}{weight}{term.text}")
        else:
            quote = "'" if '"' in str(term.image) else '"'
            parts.append(f"{sign}{weight}@{quote}{term.image}{quote}")
    return " ".join(parts)


def embed_query(query: Query, model: Model) -> NDArray[np.float32]:
    """Return the query's direction, float32 (d,), of unit length.

    It is the L2-normalised sum of the unit embeddings of the terms, each times its weight.

    Raises:
        QueryError: if there are no terms, an image cannot be used, or the terms cancel out.
        ModelError: if the model returns values that are not finite.
    """
    if not query.terms:
        raise QueryError('The query is empty; describe what to look for, such as "truck in snow".')
    texts = [term.text for term in query.terms if term.image is None]
    images = [_load(term.image) for term in query.terms if term.image is not None]
    rows_text = iter(list(model.encode_texts([text or "" for text in texts]) if texts else ()))
    rows_image = iter(list(model.encode_images(images) if images else ()))
    total = np.zeros(model.dim, dtype=np.float64)
    for term in query.terms:
        row = next(rows_text if term.image is None else rows_image)
        total += term.weight * _unit(np.asarray(row, dtype=np.float64))
    if not np.isfinite(total).all():
        raise ModelError(
            f'The model "{model.name}" gives no usable numbers for this query; choose another.'
        )
    if np.linalg.norm(total) < _CANCELLED_OUT:
        raise QueryError("The terms cancel each other out; change a term or a weight.")
    return _unit(total).astype(np.float32)


def moved_by_marks(
    direction: NDArray[np.float32],
    right: Sequence[NDArray[np.float32]],
    wrong: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Return a direction moved towards right hits and away from wrong ones (Rocchio's feedback).

    ``unit(q + 0.75 mean(right) - 0.25 mean(wrong))``, after Salton and Buckley 1990.

    Args:
        direction: float32 (d,), unit length.
        right: unit embeddings (d,) of what shows it; may be empty.
        wrong: of what does not.
    """
    moved = direction.astype(np.float64)
    for rows, weight in ((right, 0.75), (wrong, -0.25)):
        if len(rows):
            moved += weight * np.mean(rows, axis=0)
    return _unit(moved).astype(np.float32)


def _unit(row: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = float(np.linalg.norm(row))
    unit: NDArray[np.float64] = row / norm if norm > 0 else row
    return unit


def _load(path: Path) -> Any:
    try:
        return open_image(path)
    except ImageError as error:
        raise QueryError(
            f'The image "{path}" cannot be used in the query ({error}); choose another.'
        ) from error


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
