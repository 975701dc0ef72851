"""Directions: a query as one unit vector, made by a model that is loaded at the first need.

A dual encoder answers whatever is typed. Of a word that it never read, such as a slip of the pen or
one of another language, it makes something of the pieces, and the hits look like any others; so
what is odd about the words is told beside it (:func:`word_hints`).
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import ImageError, ModelError, QueryError
from c4t_core.files import digest, sha256, write_whole
from c4t_core.index.query import Query
from c4t_core.models.protocol import (
    PLAIN,
    CutText,
    Earlier,
    Model,
    Rests,
    SeveralGraphs,
    cut_texts,
    earlier_graph,
    english_words,
)
from c4t_core.paths import cache_dir, resource
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.index.store.catalogue import Catalogue, Run

_CANCELLED_OUT = 1e-4  # shorter sums than this are rounding noise, not a direction
_REMEMBERED = 64  # directions of recent queries


def embed_query(
    query: Query, model: Model, known: Mapping[Path, NDArray[np.float32]] = MappingProxyType({})
) -> NDArray[np.float32]:
    """Return the query's direction, float32 (d,), of unit length.

    It is the L2-normalised sum of the unit embeddings of the terms, each times its weight.

    Args:
        query: terms.
        model: embeds them.
        known: embeddings (d,) of images that need not be embedded.

    Raises:
        QueryError: if there are no terms, an image cannot be used, or the terms cancel out.
        ModelError: if the model returns values that are not finite.
    """
    if not query.terms:
        raise QueryError('The query is empty; describe what to look for, such as "truck in snow".')
    texts = [term.text for term in query.terms if term.image is None]
    asked = (term.image for term in query.terms)
    images = [image for image in asked if image is not None and image not in known]
    rows_text = iter(list(model.encode_texts([text or "" for text in texts]) if texts else ()))
    rows = dict(known)
    if images:
        rows.update(zip(images, model.encode_images([_load(i) for i in images]), strict=True))
    total = np.zeros(model.dim, dtype=np.float64)
    for term in query.terms:
        row = next(rows_text) if term.image is None else rows[term.image]
        total += term.weight * unit(row)
    if not np.isfinite(total).all():
        raise ModelError(
            f'The model "{model.name}" gives no usable numbers for this query; choose another.'
        )
    if np.linalg.norm(total) < _CANCELLED_OUT:
        raise QueryError("The terms cancel each other out; change a term or a weight.")
    return unit(total).astype(np.float32)


def rocchio(
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
    return unit(moved).astype(np.float32)


def unit(vector: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return a vector (d,) at unit length, float64; zero stays zero."""
    row = np.asarray(vector, dtype=np.float64)
    return row / (float(np.linalg.norm(row)) or 1.0)


def _load(path: Path) -> Any:
    from c4t_core.images.decode import open_image  # Pillow is not needed for words

    try:
        return open_image(path)
    except ImageError as error:
        raise QueryError(
            f'The image "{path}" cannot be used in the query ({error}); choose another.'
        ) from error


class _Loaded:
    """A model that is loaded at the first need.

    Handles of one model share it instead of holding each other: such a ring would keep the
    networks of a closed workspace, 100 MB and more, until Python looks for rings the next time.
    """

    def __init__(self, load: Callable[[], Model], name: str, fingerprint: str) -> None:
        self._load, self._name, self._fingerprint = load, name, fingerprint
        self._lock = threading.Lock()
        self.now: Model | None = None

    def get(self) -> Model:
        with self._lock:
            if self.now is None:
                model = self._load()
                if self._fingerprint not in ("", model.fingerprint):
                    raise ModelError(
                        f'The model "{self._name}" was replaced while it was in use; '
                        "open the folder again."
                    )
                self.now = model
            return self.now


def _load_named(name: str, graph: str | None) -> Model:
    from c4t_core.models.registry import load_model

    return load_model(name, graph=graph)


class ModelHandle:
    """A model, or the name of one.

    A model may embed images by one of several graphs, whose vectors are not quite the same; texts
    it embeds alike. Vectors of which graph an index holds is told by their fingerprint.

    Args:
        model: what the user chose.

    Attributes:
        name: what the user calls it.
        earlier: models whose place it took, by which texts are still embedded, the newest first.
        only_texts: whether it embeds no pictures.
        alike: from which cosine on its frames show one situation, where it cannot be measured.

    Raises:
        ModelError: if no model has this name.
    """

    only_texts = False
    alike: float | None = None

    def __init__(self, model: str | Model) -> None:
        """Look up what is known without loading weights."""
        if isinstance(model, str):
            from c4t_core.models.registry import model_info

            info = model_info(model)
            graphs = info.graphs or ((PLAIN, info.fingerprint),)
            # which graph is the fastest may have changed until it is loaded
            first = graphs[0][0] if info.graphs else None
            self._loaded = _Loaded(partial(_load_named, info.name, first), info.name, graphs[0][1])
            self._know(info.name, info.dim, graphs, info.earlier)
        else:
            self._loaded = _Loaded(lambda: model, model.name, "")
            self._loaded.get()
            plain = ((PLAIN, model.fingerprint),)
            graphs = model.graphs if isinstance(model, SeveralGraphs) else plain
            self._know(model.name, model.dim, graphs, getattr(model, "earlier", ()))

    def _know(
        self,
        name: str,
        dim: int,
        graphs: tuple[tuple[str, str], ...],
        earlier: tuple[Earlier, ...],
    ) -> None:
        self.name, self._dim, self._graphs = name, dim, graphs
        self.earlier = tuple(
            EarlierHandle(name, self._loaded, known, earlier_graph(number))
            for number, known in enumerate(earlier, 1)
        )
        self._lock = threading.Lock()
        self._directions: OrderedDict[Query, NDArray[np.float32]] = OrderedDict()
        self._models: dict[str, Model] = {}  # by fingerprint

    @property
    def fingerprint(self) -> str:
        """Identity of what a new index is made with; loads the model where it is not known."""
        return self._graphs[0][1] or self.get().fingerprint

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Identities of all whose vectors can be searched, that of a new index first."""
        return (self.fingerprint, *(digest for _, digest in self._graphs[1:]))

    @property
    def identity(self) -> str:
        """Identity of the model itself, whichever graph embeds images."""
        plain = next((digest for name, digest in self._graphs if name == PLAIN), "")
        return plain or self.fingerprint

    def maker(self, fingerprint: str) -> ModelHandle:
        """Return which of this model and the earlier ones makes vectors of a fingerprint."""
        return next((e for e in self.earlier if fingerprint in e.fingerprints), self)

    def graph(self, fingerprint: str) -> str:
        """Return the image graph that a fingerprint stands for."""
        return next((name for name, digest in self._graphs if digest == fingerprint), PLAIN)

    @property
    def dim(self) -> int:
        """Width of an embedding."""
        return self._dim or self.get().dim

    def get(self) -> Model:
        """Return the model, loaded.

        Raises:
            ModelError, MissingExtraError: if it cannot be loaded.
        """
        return self._loaded.get()

    def rest(self) -> None:
        """Give back the memory of what was loaded by name; it is taken again at need."""
        with self._lock:
            models = [*self._models.values(), *([self._loaded.now] if self._loaded.now else ())]
        for model in models:
            if isinstance(model, Rests):
                model.rest()

    def of(self, fingerprint: str) -> Model:
        """Return the model with the graph whose vectors have this fingerprint, loaded.

        Raises:
            ModelError, MissingExtraError: if it cannot be loaded.
        """
        model = self.get()
        if fingerprint == model.fingerprint or not isinstance(model, SeveralGraphs):
            return model
        with self._lock:
            if fingerprint not in self._models:
                self._models[fingerprint] = model.with_graph(self.graph(fingerprint))
            return self._models[fingerprint]

    def cut_terms(self, query: Query) -> tuple[CutText, ...]:
        """Return the terms in words that the model does not read whole."""
        texts = [term.text or "" for term in query.terms if term.image is None]
        return tuple(cut_texts(self.get(), texts)) if texts else ()

    def word_hints(self, query: Query) -> tuple[WordHint, ...]:
        """Return what is odd about the words of a query."""
        return word_hints(query, self.get()) if any(term.text for term in query.terms) else ()

    def direction(
        self,
        query: Query,
        fingerprint: str = "",
        known: Callable[[Sequence[Path]], Mapping[Path, NDArray[np.float32]]] | None = None,
    ) -> NDArray[np.float32]:
        """Return the unit direction (d,) of a query, remembered if it is of words only.

        Args:
            query: terms.
            fingerprint: of the vectors that it is put to; pictures in it are embedded alike.
            known: returns the embeddings of indexed pictures, for a model that embeds none.
        """
        images = [term.image for term in query.terms if term.image is not None]
        if not images:
            return self._of_words(query)
        stored = known(images) if known is not None and self.only_texts else {}
        return embed_query(query, self.of(fingerprint or self.fingerprint), stored)

    def _of_words(self, query: Query) -> NDArray[np.float32]:
        with self._lock:
            known = self._directions.get(query)
        if known is None:
            known = embed_query(query, self.get())
            with self._lock:
                self._directions[query] = known
                if len(self._directions) > _REMEMBERED:
                    self._directions.popitem(last=False)
        return known


class EarlierHandle(ModelHandle):
    """A model whose place another one took: its texts, for the indexes that it made.

    Args:
        name: what the user calls the one that took its place.
        later: that one.
        earlier: what is known of it.
        graph: what stands for its image graph, as of
            :func:`~c4t_core.models.protocol.earlier_graph`.

    Attributes:
        kept: that.
    """

    only_texts = True

    def __init__(self, name: str, later: _Loaded, earlier: Earlier, graph: str) -> None:
        """Load nothing yet."""

        def load() -> Model:
            model = later.get()
            assert isinstance(model, SeveralGraphs)  # else it knows of no earlier one
            return model.with_graph(graph)

        self.kept, self.alike = graph, earlier.alike
        self._loaded = _Loaded(load, name, earlier.graphs[0][1])
        self._know(name, earlier.dim, earlier.graphs, ())

    def of(self, fingerprint: str) -> Model:
        """Return the model; it has no image graphs any more."""
        return self.get()


def remembered(
    model: ModelHandle,
    what: str,
    rule: object,
    find: Callable[[Model], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Return what was found out about a model, kept in the cache folder by its fingerprint.

    Args:
        model: loaded where it is not known yet.
        what: names the folder.
        rule: how it is found, plain data; what was found by another rule is found again.
        find: returns it, float32, any shape.

    Raises:
        ModelError, MissingExtraError: if it is not known yet and the model cannot be loaded.
    """
    fingerprint = model.fingerprint
    file = cache_dir() / what / f"{fingerprint[:32]}.json"
    key = digest([fingerprint, json.dumps(rule)])
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        kept = json.loads(file.read_text("utf-8"))
        content = base64.b64decode(kept["content"], validate=True)
        if kept["key"] == key and kept["sum"] == sha256(content):
            return np.frombuffer(content, dtype="<f4").reshape(kept["shape"])
    found = np.ascontiguousarray(find(model.get()), dtype="<f4")
    content = found.tobytes()
    kept = {
        "key": key,
        "shape": found.shape,
        "sum": sha256(content),
        "content": base64.b64encode(content).decode("ascii"),
    }
    with contextlib.suppress(OSError):  # it is found again next time
        write_whole(file, json.dumps(kept), sync=False)
    return found


def outdated(catalogue: Catalogue, model: ModelHandle) -> dict[int, str]:
    """Return, by root, the vectors of an earlier model that no whole index of this one replaced.

    Returns:
        Number of the root -> fingerprint of the vectors: of the newest model with a whole index.
    """
    if not model.earlier:
        return {}
    before: dict[int, Run] = {}
    for earlier in reversed(model.earlier):
        for root, run in catalogue.runs(earlier.fingerprints).items():
            if run.finished is not None or root not in before or before[root].finished is None:
                before[root] = run
    runs = catalogue.runs(model.fingerprints)
    done = {root for root, run in runs.items() if run.finished is not None}
    return {root: run.fingerprint for root, run in before.items() if root not in done}


# what is odd about the words of a query ---------------------------------------------------

_WORD = re.compile(r"[^\W\d_]+")
_GLUED = re.compile(r"(?:^|(?<=\s))([+-])([^\W\d_][^\s]+)")
_ALIKE = 0.82  # of two words, by difflib: "trafic" and "traffic" .92, "jamm" and "jam" .86
_SHORT = 3  # letters; what is shorter is seldom a word ("t-junction")
_PART = 4  # letters of the halves of "windscreen"
_ENDINGS = ("'s", "s", "es", "d", "ed", "r", "er", "ers", "ing", "ings", "ly", "y", "ish", "less")
_LISTS = (("words.json",), ("sentences.json",), ("evaluation", "queries.json"))


@dataclass(frozen=True)
class WordHint:
    """Something odd about a word of a query.

    Attributes:
        word: as it is typed.
        instead: what to write in its place, "" where nothing near it is known.
        glued: it begins with "+" or "-" that no space follows, so that it is no operator;
            otherwise the model does not know the word.
    """

    word: str
    instead: str = ""
    glued: bool = False

    def replaced(self, text: str) -> str:
        """Return a query with this word written as it is proposed."""
        pattern = rf"(?<!\w){re.escape(self.word)}(?!\w)"
        return re.sub(pattern, lambda _: self.instead, text) if self.instead else text


def word_hints(query: Query, model: object) -> tuple[WordHint, ...]:
    """Return what is odd about the words of a query, each once, in their order.

    Args:
        query: its terms in words are looked at.
        model: one that tells which English words it has; of the words that others know, nothing is
            said. A word counts as known if it is one of them, if captions have it, if it ends on
            a usual ending of such a word, or if it is made of two ("windscreen").
    """
    texts = [term.text for term in query.terms if term.text]
    hints = [
        WordHint(match[0], f"{match[1]} {match[2]}", glued=True)
        for text in texts
        for match in _GLUED.finditer(text)
    ]
    words = [word for text in texts for word in _WORD.findall(text) if not _is_usual(word)]
    known = english_words(model) if words else None  # a table takes longer to read than these
    if known is not None:
        hints += [WordHint(word, _near(word)) for word in words if not _is_known(word, known)]
    return tuple(dict.fromkeys(hints))


def hint_sentences(hints: tuple[WordHint, ...]) -> list[str]:
    """Return what the command line says of hints."""
    said = []
    for hint in hints:
        if hint.glued:
            do = "want less of it" if hint.word.startswith("-") else "add it"
            said.append(
                f'"{hint.word}" is searched for as it is; to {do} write "{hint.instead}", '
                "with a space."
            )
    unknown = [hint for hint in hints if not hint.glued]
    if unknown:
        words = ", ".join(f'"{hint.word}"' for hint in unknown)
        near = ", ".join(f'"{hint.instead}"' for hint in unknown if hint.instead)
        remedy = f"did you mean {near}?" if near else "it reads English; say it in other words."
        said.append(f"The model may not know {words}; {remedy}")
    return said


def _plain(word: str) -> str:
    """Return a word as the tokenizers of English models read it: small, without accents."""
    apart = unicodedata.normalize("NFD", word.lower())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _is_latin(word: str) -> bool:
    return all("LATIN" in unicodedata.name(letter, "") for letter in word)


def _is_usual(word: str) -> bool:
    """Tell whether captions have a word, or it is too short to be looked at."""
    plain = _plain(word)
    return _is_latin(word) and (len(plain) < _SHORT or _has(plain, _usual_words()))


def _is_known(word: str, known: Mapping[str, int]) -> bool:
    """Tell whether a model knows a word that is not usual."""
    if not _is_latin(word):
        return False
    plain, usual = _plain(word), _usual_words()
    if _has(plain, known):
        return True
    for at in range(_SHORT, len(plain) - _SHORT + 1):
        halves = (plain[:at], plain[at:])
        if all((len(half) >= _PART and half in known) or half in usual for half in halves):
            return True
    return False


def _has(word: str, words: Container[str]) -> bool:
    """Tell whether a word, or one that it is an inflection of, is among some."""
    if word in words:
        return True
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < _SHORT:
            continue
        stems = {stem, f"{stem}e", stem[:-1] if stem[-2:-1] == stem[-1] else stem}
        if stem.endswith("i"):  # lorries, muddier
            stems.add(f"{stem[:-1]}y")
        if any(one in words for one in stems):
            return True
    return False


def _near(word: str) -> str:
    """Return the word of traffic that is most like one, "" if none is."""
    from difflib import get_close_matches

    plain = _plain(word)
    usual = sorted(one for one in _usual_words() if one[0] == plain[0])
    swapped = (one for one in usual if sorted(one) == sorted(plain))  # "bycicle", "ligth"
    return next(swapped, None) or next(iter(get_close_matches(plain, usual, 1, _ALIKE)), "")


@lru_cache(maxsize=1)
def _usual_words() -> frozenset[str]:
    """Return the words that captions, and what is asked of traffic images, are made of."""
    texts = [resource(*path).read_text("utf-8").lower() for path in _LISTS]
    return frozenset(word for text in texts for word in _WORD.findall(text) if len(word) >= _SHORT)
