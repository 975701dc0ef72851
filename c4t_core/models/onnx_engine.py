"""Models on the CPU through ONNX Runtime: what indexing and searching use.

Imports neither torch nor transformers, and ONNX Runtime itself only when a network is first used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.errors import ModelError
from c4t_core.models.engine import FolderModel
from c4t_core.models.folder import IMAGE_GRAPH, TEXT_GRAPH, WEIGHTS
from c4t_core.models.protocol import Embeddings, Pixels

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


def _tensors(data: memoryview, kind: str = "model", depth: int = 0) -> Iterator[memoryview]:
    if depth > 64:
        raise ValueError("graphs nested too deeply")
    if kind == "tensor":
        yield data
        return
    for number, content in _fields(data):
        inside = _TREE[kind].get(number)
        if inside is not None:
            yield from _tensors(content, inside, depth + 1)


def external_data(graph: bytes) -> list[ExternalData]:
    """Return where an ONNX model says its external tensors lie.

    Raises:
        ValueError: if the bytes are not an ONNX model, or an entry is given twice.
    """
    found = []
    try:
        for tensor in _tensors(memoryview(graph)):
            entry: dict[str, str] = {}
            for number, content in _fields(tensor):
                if number == _EXTERNAL_DATA:
                    pair = {n: bytes(c).decode("utf-8") for n, c in _fields(content)}
                    key = pair.get(1, "")
                    if key in entry:
                        raise ValueError(f'"{key}" is given twice')
                    entry[key] = pair.get(2, "")
            if entry:
                found.append(
                    ExternalData(
                        entry.get("location", ""),
                        int(entry.get("offset", "0")),
                        int(entry.get("length", "0")),
                    )
                )
    except IndexError as error:
        raise ValueError("the file ends too early") from error
    return found


def _read(path: Path) -> bytes:
    if path.stat().st_size > _MAX_GRAPH_BYTES:
        raise ValueError("it is too large for a graph without weights")
    return path.read_bytes()


def check_graph(path: Path) -> None:
    """Refuse an ONNX file whose weights lie anywhere but in ``model.safetensors`` beside it.

    Raises:
        ModelError: if they do, reach past the end of that file, or the file is no ONNX model.
    """
    again = "copy the model folder again from where it came"
    try:
        entries = external_data(_read(path))
        limit = (path.parent / WEIGHTS).stat().st_size
    except (OSError, ValueError) as error:
        raise ModelError(
            f'{path.name} of the model "{path.parent}" cannot be read ({error}); {again}.'
        ) from error
    for entry in entries:
        if entry.location != WEIGHTS:
            raise ModelError(
                f'{path.name} of the model "{path.parent}" points to another file '
                f'("{entry.location}") and is refused; use a model from a source you trust.'
            )
        if entry.offset < 0 or entry.length < 0 or entry.offset + entry.length > limit:
            raise ModelError(
                f'{path.name} of the model "{path.parent}" does not fit its {WEIGHTS}; {again}.'
            )


_ERRORS_ONLY = 3  # ONNX Runtime's log severity


class OnnxModel(FolderModel):
    """A C4T model run by ONNX Runtime.

    The networks are opened one by one at their first use, so that a search does not wait for the
    image network and indexing not for the text network. Safe to use from several threads.

    Args:
        folder: a model folder.
        name: what the user calls it.
        threads: threads of one network run; None for all this process may use.

    Raises:
        ModelError: if the folder is broken or a checksum is wrong.
    """

    image_batch = 4  # as fast as 16 on a CPU, with 250 MB instead of 600

    def __init__(self, folder: Path, name: str, threads: int | None = None) -> None:
        super().__init__(folder, name)
        self.threads = max(1, threads or available_threads())
        self._locks = {IMAGE_GRAPH: Lock(), TEXT_GRAPH: Lock()}
        self._sessions: dict[str, Any] = {}

    def _session(self, graph: str) -> Any:
        with self._locks[graph]:
            if graph not in self._sessions:
                self._sessions[graph] = self._open(graph)
            return self._sessions[graph]

    def _open(self, graph: str) -> Any:
        if graph not in self.manifest.files:
            raise ModelError(
                f'The model "{self.folder}" was saved without {graph}; use the torch engine, or '
                "save it again with its ONNX graphs."
            )
        check_graph(self.folder / graph)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # threads that spin while they wait take the cores that decoding needs
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            session = onnxruntime.InferenceSession(
                str(self.folder / graph), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise ModelError(
                f'{graph} of the model "{self.folder}" cannot be opened ({error}); '
                "copy the model folder again from where it came."
            ) from error
        return session

    def _run_image(self, pixels: Pixels) -> Embeddings:
        return self._run(IMAGE_GRAPH, {"pixels": np.ascontiguousarray(pixels)})

    def _run_text(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Embeddings:
        return self._run(TEXT_GRAPH, {"input_ids": ids, "attention_mask": mask})

    def _run(self, graph: str, feed: dict[str, NDArray[Any]]) -> Embeddings:
        session = self._session(graph)
        try:
            rows: Embeddings = session.run(["embeddings"], feed)[0]
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise ModelError(
                f'{graph} of the model "{self.folder}" cannot be run ({error}); '
                "copy the model folder again from where it came."
            ) from error
        count = len(next(iter(feed.values())))
        if rows.dtype != np.float32 or rows.shape != (count, self.dim):
            raise ModelError(
                f'{graph} of the model "{self.folder}" gives {rows.dtype} {rows.shape}, which '
                "does not fit its config.json; copy the model folder again from where it came."
            )
        return rows
