"""C4T's own model format: tokens, network, and graphs that may read their own weights only."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import MissingExtraError, ModelError, QueryError
from c4t_core.models.folder import (
    AGAIN,
    IMAGE_GRAPH,
    INT8_GRAPH,
    TEXT_WEIGHTS,
    TOKENIZER,
    WEIGHTS,
    earlier_files,
    fingerprint,
    load_state,
    read_config,
    unreadable,
    verify_manifest,
)
from c4t_core.models.protocol import BF16, INT8, PLAIN, earlier_graph
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from tokenizers import Encoding

    from c4t_core.models.config import ModelConfig
    from c4t_core.models.engine import TextTokens
    from c4t_core.models.network import DualEncoder

_MAX_GRAPH_BYTES = 64 << 20  # without weights a graph is some hundred kilobytes
_LENGTH_DELIMITED = 2
_WIDTHS = {1: 8, 5: 4}  # fixed64, fixed32

# message -> field number -> message inside; tensors hide in attributes and sub-graphs as well
_TREE = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA = 13  # of a tensor: key (1) and value (2)
_FUNCTION, _FUNCTION_NAME, _OPERATOR = 25, 1, 4  # of a model, of a function, of a node
_ENDLESS = frozenset({"Loop", "Scan"})


@dataclass(frozen=True)
class ExternalData:
    """Where one tensor's data lie, as the file says."""

    location: str
    offset: int
    length: int


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number that is too long")


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield number and content of the length-delimited fields of a message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag >> 32:  # the parser of ONNX Runtime drops what is above and reads another field
            raise ValueError("a field number that is too long")
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == _LENGTH_DELIMITED:
            size, at = _varint(data, at)
            if size > len(data) - at:
                raise ValueError("a field longer than the file")
            yield number, data[at : at + size]
            at += size
        elif kind in _WIDTHS:
            at += _WIDTHS[kind]
        else:
            raise ValueError(f"an unknown kind of field ({kind})")


def _walk(
    data: memoryview, kind: str = "model", depth: int = 0
) -> Iterator[tuple[str, memoryview]]:
    """Yield a message and all that matter inside it, with their kinds."""
    if depth > 64:
        raise ValueError("graphs nested too deeply")
    yield kind, data
    if kind == "tensor":
        return
    for number, content in _fields(data):
        inside = _TREE[kind].get(number)
        if inside is not None:
            yield from _walk(content, inside, depth + 1)


def _operators(data: memoryview, kind: str) -> set[str]:
    return {
        bytes(content).decode("utf-8", "replace")
        for inside, message in _walk(data, kind)
        if inside == "node"
        for number, content in _fields(message)
        if number == _OPERATOR
    }


def _refuse_endless(graph: bytes) -> None:
    """Refuse what may run for ever: loops, and functions that multiply by calling each other.

    Graphs of models have neither; ONNX Runtime would run the one and unfold the other.

    Raises:
        ValueError: if there is either, or the bytes are not an ONNX model.
    """
    data = memoryview(graph)
    loops = _operators(data, "model") & _ENDLESS
    if loops:
        raise ValueError(f"it loops ({', '.join(sorted(loops))})")
    names: set[str] = set()
    called: set[str] = set()
    for number, function in _fields(data):
        if number == _FUNCTION:
            fields = _fields(function)
            names |= {bytes(c).decode("utf-8", "replace") for n, c in fields if n == _FUNCTION_NAME}
            called |= _operators(function, "function")
    if names & called:
        raise ValueError("its functions call each other")


def external_data(graph: bytes) -> list[ExternalData]:
    """Return where an ONNX model says its external tensors lie.

    Raises:
        ValueError: if the bytes are not an ONNX model, or an entry is given twice.
    """
    found = []
    try:
        for kind, tensor in _walk(memoryview(graph)):
            if kind != "tensor":
                continue
            entry: dict[str, str] = {}
            for number, content in _fields(tensor):
                if number == _EXTERNAL_DATA:
                    pair = {n: bytes(c).decode("utf-8") for n, c in _fields(content)}
                    key = pair.get(1, "")
                    if key in entry:
                        raise ValueError(f'"{key}" is given twice')
                    entry[key] = pair.get(2, "")
            if entry:
                offset, length = int(entry.get("offset", "0")), int(entry.get("length", "0"))
                found.append(ExternalData(entry.get("location", ""), offset, length))
    except IndexError as error:
        raise ValueError("the file ends too early") from error
    return found


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_GRAPH_BYTES:
        raise ValueError("it is too large for a graph without weights")
    return path.read_bytes()


def check_graph(path: Path, weights: Sequence[str] = (WEIGHTS,)) -> None:
    """Refuse an ONNX file whose weights lie anywhere but in the files of weights beside it.

    Args:
        path: the file.
        weights: names of those files.

    Raises:
        ModelError: if they do, reach past the end of their file, the file is no ONNX model, or it
            holds what may run for ever.
    """
    try:
        raw = _read(path)
        entries = external_data(raw)
        _refuse_endless(raw)
        sizes = {name: (path.parent / name).stat().st_size for name in weights}
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    for entry in entries:
        if entry.location not in sizes:
            raise ModelError(
                f'{path.name} of the model "{path.parent}" points to another file '
                f'("{entry.location}") and is refused; use a model from a source you trust.'
            )
        end = entry.offset + entry.length
        if entry.offset < 0 or entry.length < 0 or end > sizes[entry.location]:
            raise ModelError(
                f'{path.name} of the model "{path.parent}" does not fit its {entry.location}; '
                f"{AGAIN}."
            )


_WORD = re.compile(r"[^\W_]")
_ENGLISH = 0.9  # of the entries of a word table are plain letters; of many languages' it is half
_FEW = 16  # below this many texts the tokenizer's own thread pool is not worth starting


class Tokens:
    """The tokenizer of a model.

    Args:
        content: of ``tokenizer.json``.
        max_length: tokens a text is cut to, the special ones included.

    Raises:
        ValueError: if the content is broken.
    """

    def __init__(self, content: bytes, max_length: int) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except Exception as error:  # noqa: BLE001 - the library raises plain Exception
            raise ValueError(str(error)) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self.max_length = max_length
        self.pad_id = self._tokenizer.token_to_id("[PAD]") or 0
        self.vocabulary: int = self._tokenizer.get_vocab_size()
        self._words: dict[str, int] | None = None

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, unpadded, at most ``max_length``."""
        return [encoding.ids for encoding in self._encoded(texts)]

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        # a lone surrogate (an undecodable file name pasted as a query) is no text to the library
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        if len(clean) < _FEW:
            return [self._tokenizer.encode(text) for text in clean]
        return list(self._tokenizer.encode_batch(clean))

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """Return, by its index, the part that is read of each text that is not read whole.

        A rest without letters and digits, such as a full stop, is not counted.
        """
        # a token takes a byte at least, so short texts need no look; two are the special ones
        most = self.max_length - 2
        long = [i for i, text in enumerate(texts) if len(text.encode("utf-8", "replace")) > most]
        parts: dict[int, str] = {}
        for index, encoding in zip(long, self._encoded([texts[i] for i in long]), strict=True):
            end = max((end for _, end in encoding.offsets), default=0)
            if encoding.overflowing and _WORD.search(texts[index], end):
                parts[index] = texts[index][:end]
        return parts

    def english_words(self) -> Mapping[str, int] | None:
        """Return the whole words of an English word table, by number.

        None of a table of many languages, and of one whose pieces do not tell whole words.
        """
        if self._words is None and type(self._tokenizer.model).__name__ == "WordPiece":
            table = self._tokenizer.get_vocab()
            latin = sum(word.isascii() for word in table)
            plain = {word: number for word, number in table.items() if word.isalpha()}
            self._words = plain if latin >= _ENGLISH * len(table) else {}
        return self._words or None

    def pad(self, ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pad to the longest: token ids and mask, int64 (n, t), mask 1 where there is a token."""
        longest = max((len(row) for row in ids), default=0)
        padded = np.full((len(ids), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(padded)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return padded, mask


def tokens_of(config: ModelConfig, content: bytes) -> TextTokens:
    """Return the tokenizer that the texts of a model go through.

    Args:
        config: of the model.
        content: of its ``tokenizer.json``.

    Raises:
        ValueError: if the content is broken, or has more words than the network.
    """
    if config.clip is not None:
        from c4t_core.models.clip_network import ClipTokens

        return ClipTokens.kept(content, config.clip.model)
    tokens = Tokens(content, config.text.max_length)
    if tokens.vocabulary > config.text.vocabulary:
        raise ValueError("it has more words than its network")
    return tokens


def load_dual_encoder(folder: Path) -> DualEncoder:
    """Return the network of a checked model folder, float32, on the CPU, in eval mode.

    Raises:
        ModelError: if the weights do not fit the configuration.
        MissingExtraError: if torch, timm or transformers are not installed.
    """
    try:
        from c4t_core.models.network import DualEncoder
    except ImportError as error:
        raise MissingExtraError("Running models with torch", "train") from error

    model = DualEncoder(read_config(folder))
    try:
        model.load_state_dict(load_state(folder), strict=True)
    except RuntimeError as error:
        raise ModelError(
            f'The weights of the model "{folder}" do not fit its config.json; {AGAIN}.'
        ) from error
    return model.eval()


class C4TFolder:
    """A model folder of C4T, checked; a :class:`c4t_core.models.engine.ModelFolder`.

    Args:
        path: the folder.
        name: what the user calls the model.
        graph: which image graph; None for the fastest that the folder has.

    Raises:
        ModelError: if the folder is broken, a checksum is wrong, it is of a newer version, or it
            lacks the graph.
    """

    onnx_batch = 4  # as fast as 16 on a CPU, with 250 MB instead of 600; CLIP's takes 16
    fixed_batch = 2  # CLIP's gains nothing by it

    def __init__(self, path: Path, name: str, graph: str | None = PLAIN) -> None:
        self.path = path
        self.name = name
        self.manifest = verify_manifest(path)
        self.config = read_config(path)
        self.dim = self.config.projection
        if self.config.clip is not None:
            self.onnx_batch, self.fixed_batch = 16, 0
        self.graphs = {kind: fingerprint(self.manifest, kind) for kind in self.manifest.graphs}
        self.earlier = self.manifest.earlier
        self._choose(graph or self.manifest.graphs[0])

    def _choose(self, graph: str) -> None:
        if graph not in self.graphs:
            if graph != INT8:
                raise ModelError(
                    f'The model "{self.name}" has no image graph "{graph}"; leave it out.'
                )
            raise ModelError(
                f'The model "{self.name}" has no image graph in 8 bits; make one with '
                f'"c4t models quantize {self.name}", or use the plain graph.'
            )
        self.image_graph = graph
        self.fingerprint = self.graphs[graph]
        self.preprocess = self.config.preprocess
        if graph == INT8:
            version = self.manifest.int8_preprocessing_version
            self.preprocess = replace(self.preprocess, version=version)
        self.min_side = self.config.min_side
        self.classes = self.config.image.objects.classes if self.config.image.objects else ()

    def with_graph(self, graph: str) -> C4TFolder:
        """Return the folder with another image graph; it is not checked again.

        Args:
            graph: as of :func:`~c4t_core.models.protocol.earlier_graph` for the texts of a model
                whose place this one took.

        Raises:
            ModelError: if it has no such graph.
        """
        other = copy.copy(self)
        known = {earlier_graph(number): e for number, e in enumerate(self.earlier, 1)}
        if graph in known:
            other.image_graph, other.earlier = graph, ()
            other.graphs, other.dim = dict(known[graph].graphs), known[graph].dim
            other.fingerprint = known[graph].graphs[0][1]
        else:
            other._choose(graph)
        return other

    def engine(self, device: str | None) -> str:
        """Return ``"onnx"``, but ``"torch"`` for another device than the CPU.

        A CLIP of an architecture that ONNX cannot write is saved without graphs, for torch only.
        """
        ready = self.config.clip is None or IMAGE_GRAPH in self.manifest.files
        return "onnx" if ready and device in (None, "cpu") else "torch"

    def tokens(self) -> TextTokens:
        """Return the tokenizer.

        Raises:
            ModelError: if it is broken or has more words than the network.
        """
        try:
            return tokens_of(self.config, (self.path / TOKENIZER).read_bytes())
        except (OSError, ValueError) as error:
            raise unreadable(self.path / TOKENIZER, error) from error

    def make_graphs(self) -> None:
        """Make nothing: the graphs are in the folder, or it was saved without them."""

    def graph(self, name: str) -> Path:
        """Return the file of a graph.

        Raises:
            ModelError: if it is not there or reads other files than the weights.
            QueryError: if it is an earlier model's and for images.
        """
        name, weights = self._made_of(name)
        if name not in self.manifest.files:
            raise ModelError(
                f'The model "{self.path}" was saved without {name}; use the torch engine, or '
                "save it again with its ONNX graphs."
            )
        check_graph(self.path / name, weights)
        return self.path / name

    def _made_of(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Return which file has a graph, and which its weights."""
        if self.image_graph not in (PLAIN, INT8, BF16):
            if name == IMAGE_GRAPH:
                raise QueryError(
                    "This index was made by the earlier model, which can no longer look for a "
                    "picture; index the folder again to update it, or describe it in words."
                )
            graph, head = earlier_files(self.image_graph)
            return graph, (TEXT_WEIGHTS, head)
        small = name == IMAGE_GRAPH and self.image_graph == INT8
        return INT8_GRAPH if small else name, self.manifest.weights

    def graph_sums(self, name: str) -> tuple[str, ...]:
        """Return the SHA-256 sums of a graph and its weights, none if it is not there."""
        name, weights = self._made_of(name)
        sums = self.manifest.files
        return tuple(sums[file] for file in (name, *weights)) if name in sums else ()

    def graph_error(self, name: str, problem: str) -> ModelError:
        """Return the error for a graph that cannot be used."""
        return ModelError(f'{name} of the model "{self.path}" {problem}; {AGAIN}.')

    def network(self) -> DualEncoder:
        """Return the network, see :func:`load_dual_encoder`."""
        return load_dual_encoder(self.path)
