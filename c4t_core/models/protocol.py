"""What every model offers, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from c4t_core.records import dataclass

if TYPE_CHECKING:
    from PIL import Image

Embeddings = NDArray[np.float32]
"""float32 (n, d), rows L2-normalised."""

Facts = NDArray[np.float32]
"""float32 (n, c, 6), for c classes of objects: the probability that there is one, how many, the
height of the nearest in heights of the frame, the probabilities of one left, ahead and right."""

Pixels = NDArray[np.uint8]
"""uint8 (n, height, width, 3), RGB, already resized for one model."""

PLAIN = "plain"
"""The image graph that computes with the weights as they were trained."""

INT8 = "int8"
"""The image graph whose weights and maps are rounded to 8 bits: faster, and not quite the same."""

BF16 = "bf16"
"""The plain image graph, its products allowed to be of bfloat16 numbers, which have 8 bits of
precision. What cannot do that computes in float32, which is more exact and never less."""


def earlier_graph(number: int) -> str:
    """Return what stands for an image graph that is gone: of an earlier model, texts remain.

    Args:
        number: of the earlier model, 1 for the newest.
    """
    return "earlier" if number == 1 else f"earlier.{number}"


@dataclass(frozen=True)
class Earlier:
    """A model whose place another one took: what it takes to search the indexes it made.

    Attributes:
        graphs: (image graph, fingerprint of its vectors) of each that it had, the fastest first.
        dim: width of an embedding.
        alike: from which cosine on its frames show one situation; no image can tell any more.
    """

    graphs: tuple[tuple[str, str], ...]
    dim: int
    alike: float


@runtime_checkable
class Model(Protocol):
    """A dual encoder: images and texts into one space, compared by cosine.

    :meth:`prepare` and :meth:`encode_pixels` are :meth:`encode_images` in two halves, so that
    decoding threads can prepare the next batch while the network runs on this one.

    Attributes:
        name: what the user calls it, such as ``"c4t"`` or ``"clip:ViT-B-32"``.
        dim: width d of an embedding.
        fingerprint: hex digest over weights, configuration and preprocessing version; two
            models with one fingerprint give the same embeddings, and an index belongs to one.
        min_side: decoders may shrink an image early as long as both sides stay at least this
            many pixels (or its own size, if smaller).
    """

    name: str
    dim: int
    fingerprint: str
    min_side: int

    def encode_images(self, images: Sequence[Image.Image]) -> Embeddings:
        """Return one unit row per image, float32 (n, d); (0, d) for none."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one unit row per text, float32 (n, d); (0, d) for none."""
        ...

    def prepare(self, image: Image.Image) -> Pixels:
        """Return one RGB image as uint8 (height, width, 3) at the model's size; thread-safe."""
        ...

    def encode_pixels(self, pixels: Pixels) -> Embeddings:
        """Return one unit row per prepared image, uint8 (n, h, w, 3) -> float32 (n, d)."""
        ...


class PixelModel(Protocol):
    """The part of a :class:`Model` that turns prepared images into rows.

    Attributes:
        min_side: as of :class:`Model`.
    """

    min_side: int

    def prepare(self, image: Image.Image) -> Pixels:
        """As of :class:`Model`."""
        ...

    def encode_pixels(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return one row per prepared image, uint8 (n, h, w, 3) -> float32 (n, d)."""
        ...


@runtime_checkable
class LimitedTexts(Protocol):
    """What a model, or its tokenizer, offers that reads texts up to a length and no further."""

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """Return, by its index, the part that is read of each text that is not read whole."""
        ...


@runtime_checkable
class Rests(Protocol):
    """A model that can do without its memory for a while."""

    def rest(self) -> None:
        """Give memory back; the next call takes it again."""


@runtime_checkable
class EnglishWords(Protocol):
    """What a model, or its tokenizer, offers that can tell which words it knows."""

    def english_words(self) -> Mapping[str, int] | None:
        """Return its whole words, small and without accents, by number; None if it cannot tell."""
        ...


def english_words(model: object) -> Mapping[str, int] | None:
    """Return the words that a model knows, None of one that tells nothing or reads more."""
    return model.english_words() if isinstance(model, EnglishWords) else None


@runtime_checkable
class SeveralGraphs(Protocol):
    """What a model offers whose folder has more than one image graph.

    Attributes:
        graphs: (image graph, its fingerprint) of each, the one that this model runs first.
    """

    graphs: tuple[tuple[str, str], ...]

    def with_graph(self, graph: str) -> Model:
        """Return the same model with another image graph; texts are embedded alike."""
        ...


@runtime_checkable
class SeesObjects(Protocol):
    """What a model offers whose image network says what is on the road.

    Attributes:
        classes: names of what it knows; empty for a model of such a format that knows none.
    """

    classes: tuple[str, ...]

    def encode_pixels_with_objects(self, pixels: Pixels) -> tuple[Embeddings, Facts]:
        """Return what ``encode_pixels`` does and, from the same run, the facts (n, c, 6)."""
        ...


def classes_of(model: object) -> tuple[str, ...]:
    """Return the classes of objects that a model knows, none of one that sees no objects."""
    return model.classes if isinstance(model, SeesObjects) else ()


@dataclass(frozen=True)
class CutText:
    """A text that a model does not read whole.

    Attributes:
        index: where it stands in what was asked about.
        text: the whole text.
        read: the part that is read; what is behind it changes nothing.
    """

    index: int
    text: str
    read: str

    @property
    def end(self) -> str:
        """The last words that are read, for people: ``"… wet surface and low sun"``."""
        words = self.read.split()
        last = " ".join(words[-_LAST_WORDS:])[-_LAST_LETTERS:]
        return last if len(last) == len(self.read.strip()) else f"… {last}"


_LAST_WORDS, _LAST_LETTERS = 6, 60


def cut_texts(model: object, texts: Sequence[str]) -> list[CutText]:
    """Return those of the texts that the model does not read whole, in their order.

    Args:
        model: a model or a tokenizer; of one that tells no length, nothing is known to be cut.
        texts: n texts.
    """
    if not isinstance(model, LimitedTexts):
        return []
    parts = model.read_parts(texts)
    return [CutText(index, texts[index], parts[index]) for index in sorted(parts)]


@dataclass(frozen=True)
class ModelInfo:
    """One line of ``c4t models list``."""

    name: str  # what the user calls it: "c4t", "c4t:NAME", "clip", "clip:NAME"
    kind: str  # "c4t" or "clip"
    path: Path | None = None  # its folder or checkpoint file, None where there is none yet
    available: bool = True  # whether it can be loaded on this machine as it stands
    reason: str = ""  # why not, and what to do about it: one sentence
    size_bytes: int = 0  # on disk; for what is not here yet, of the download
    fingerprint: str = ""  # as of Model.fingerprint; empty where it is not known yet
    description: str = ""  # one sentence for people
    dim: int = 0  # width of an embedding, 0 where it is not known yet
    graphs: tuple[tuple[str, str], ...] = ()  # (image graph, its fingerprint), the fastest first
    earlier: tuple[Earlier, ...] = ()  # models whose indexes it can still search, the newest first
    on_clip: bool = False  # whether it has CLIP's towers below heads of its own
