"""The two engines, ONNX Runtime and torch, for a model folder of whatever format.

:class:`ModelFolder` is what a format has to offer; preparing, batching, sessions, threads and
normalising are here, once. Neither torch nor ONNX Runtime is imported before a network is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.devices import available_threads, choose_device, to_device
from c4t_core.errors import ModelError
from c4t_core.models.config import PreprocessConfig
from c4t_core.models.folder import IMAGE_GRAPH, TEXT_GRAPH
from c4t_core.models.preprocess import prepare
from c4t_core.models.protocol import Embeddings, Pixels

if TYPE_CHECKING:
    from torch import nn

TEXT_BATCH = 64  # texts at a time
_GPU_BATCH, _CPU_BATCH = 128, 8  # of torch: a GPU wants many, maps of few stay in a CPU's cache
_ERRORS_ONLY = 3  # ONNX Runtime's log severity


class TextTokens(Protocol):
    """From texts to what a text network takes."""

    def ids(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """Return the token ids of each text."""

    def pad(self, ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], ...]:
        """Return the inputs of the text network for a batch of them, int64 (n, t) each."""

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """As of :class:`c4t_core.models.protocol.LimitedTexts`."""


class ModelFolder(Protocol):
    """A checked folder with a dual encoder in it, in one format or another.

    Attributes:
        name: what the user calls the model.
        dim: width of an embedding.
        fingerprint: as of :class:`c4t_core.models.protocol.Model`.
        preprocess: how an image is prepared.
        min_side: as of :class:`c4t_core.models.protocol.Model`.
        onnx_batch: images that ONNX Runtime takes at a time.
    """

    name: str
    dim: int
    fingerprint: str
    preprocess: PreprocessConfig
    min_side: int
    onnx_batch: int

    def engine(self, device: str | None) -> str:
        """Return the better engine, ``"onnx"`` or ``"torch"``, for a device; None for any."""

    def tokens(self) -> TextTokens:
        """Return the tokenizer."""

    def make_graphs(self) -> None:
        """Make the ONNX graphs, in a format that makes them at their first use."""

    def graph(self, name: str) -> Path:
        """Return the file of ``IMAGE_GRAPH`` or ``TEXT_GRAPH``, checked; it gives unit rows."""

    def graph_error(self, name: str, problem: str) -> ModelError:
        """Return the error for a graph that ONNX Runtime does not take, with the remedy."""

    def network(self) -> nn.Module:
        """Return the network, float32, on the CPU, in eval mode.

        It has ``encode_image`` for pixels and ``encode_text`` for what the tokens give, both to
        float (n, d), not normalised.
        """


class FolderModel:
    """A model from a model folder; engines add how to run its two networks.

    Attributes:
        image_batch: images run at a time; the results do not depend on it.
        folder: the folder it came from.
        name, dim, fingerprint, min_side: as of :class:`c4t_core.models.protocol.Model`.
    """

    image_batch = 16

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        self.name = folder.name
        self.dim = folder.dim
        self.fingerprint = folder.fingerprint
        self.min_side = folder.min_side
        self._lock = Lock()
        self._tokens: TextTokens | None = None

    @property
    def tokens(self) -> TextTokens:
        """The tokenizer, read at the first use."""
        with self._lock:
            if self._tokens is None:
                self._tokens = self.folder.tokens()
            return self._tokens

    def prepare(self, image: Image.Image) -> Pixels:
        """Return one image as uint8 (size, size, 3); thread-safe."""
        return prepare(image, self.folder.preprocess)

    def encode_images(self, images: Sequence[Image.Image]) -> Embeddings:
        """Return one unit row per image, float32 (n, d); (0, d) for none."""
        rows = []
        for start in range(0, len(images), self.image_batch):
            batch = [self.prepare(image) for image in images[start : start + self.image_batch]]
            rows.append(self._run(IMAGE_GRAPH, np.stack(batch)))
        return self._joined(rows)

    def encode_pixels(self, pixels: Pixels) -> Embeddings:
        """Return one unit row per prepared image, uint8 (n, size, size, 3) -> float32 (n, d).

        Raises:
            ValueError: if shape or type of the pixels are others.
        """
        side, size = self.folder.preprocess.size, self.image_batch
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {pixels.shape}, not uint8 (n, {side}, {side}, 3)"
            )
        starts = range(0, len(pixels), size)
        return self._joined([self._run(IMAGE_GRAPH, pixels[i : i + size]) for i in starts])

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one unit row per text, float32 (n, d); (0, d) for none."""
        if not texts:
            return self._joined([])
        ids = self.tokens.ids(texts)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # little padding per batch
        rows = np.empty((len(ids), self.dim), dtype=np.float32)
        for start in range(0, len(order), TEXT_BATCH):
            batch = order[start : start + TEXT_BATCH]
            rows[batch] = self._run(TEXT_GRAPH, *self.tokens.pad([ids[i] for i in batch]))
        return rows

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """Return, by its index, the part that is read of each text that is not read whole."""
        return self.tokens.read_parts(texts)

    def _joined(self, rows: list[Embeddings]) -> Embeddings:
        return np.concatenate(rows) if rows else np.empty((0, self.dim), dtype=np.float32)

    def _run(self, graph: str, *inputs: NDArray[Any]) -> Embeddings:
        """Embed one batch as unit rows with the image or the text network."""
        raise NotImplementedError


class OnnxModel(FolderModel):
    """A model run by ONNX Runtime on the CPU: what indexing and searching use.

    The networks are opened one by one at their first use, so that a search does not wait for the
    image network and indexing not for the text network. Safe to use from several threads.

    Args:
        folder: a checked model folder.
        threads: threads of one network run; None for all this process may use.

    Raises:
        ModelError: if its graphs are still to be made and cannot be.
        MissingExtraError: if they are still to be made and packages for it are missing.
    """

    def __init__(self, folder: ModelFolder, threads: int | None = None) -> None:
        super().__init__(folder)
        folder.make_graphs()
        self.image_batch = folder.onnx_batch
        self.threads = max(1, threads or available_threads())
        self._locks = {IMAGE_GRAPH: Lock(), TEXT_GRAPH: Lock()}
        self._sessions: dict[str, Any] = {}

    def _session(self, graph: str) -> Any:
        with self._locks[graph]:
            if graph not in self._sessions:
                self._sessions[graph] = self._open(graph)
            return self._sessions[graph]

    def _open(self, graph: str) -> Any:
        path = self.folder.graph(graph)
        import onnxruntime

        onnxruntime.disable_telemetry_events()  # of Windows; elsewhere see c4t_core.quiet
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # threads that spin while they wait take the cores that decoding needs
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            return onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise self.folder.graph_error(graph, f"cannot be opened ({error})") from error

    def _run(self, graph: str, *inputs: NDArray[Any]) -> Embeddings:
        session = self._session(graph)
        try:
            names = [node.name for node in session.get_inputs()]
            feed = dict(zip(names, map(np.ascontiguousarray, inputs), strict=True))
            rows: Embeddings = session.run(["embeddings"], feed)[0]
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise self.folder.graph_error(graph, f"cannot be run ({error})") from error
        if rows.dtype != np.float32 or rows.shape != (len(inputs[0]), self.dim):
            given = f"gives {rows.dtype} {rows.shape}, which does not fit its config.json"
            raise self.folder.graph_error(graph, given)
        return rows


class TorchModel(FolderModel):
    """A model run by torch: for GPUs, and for what training has just made.

    It computes in float32 everywhere: half the bits would make other vectors, which must not mix
    with those of an index.

    Args:
        folder: a checked model folder.
        device: ``"cpu"``, ``"cuda"``, ``"mps"``; None for the fastest there is.
        threads: threads on the CPU, of all of torch; None to leave them as they are.

    Attributes:
        device: the device in use.
        network: the network itself.

    Raises:
        ModelError: if the weights do not fit or the device is not there.
        MissingExtraError: if torch is not installed.
    """

    def __init__(
        self, folder: ModelFolder, device: str | None = None, threads: int | None = None
    ) -> None:
        super().__init__(folder)
        network = folder.network()
        self.device = choose_device(device)
        if threads is not None and self.device == "cpu":
            import torch

            torch.set_num_threads(threads)
        self.network = network.to(self.device)
        self.image_batch = _GPU_BATCH if self.device.startswith("cuda") else _CPU_BATCH
        self._running = Lock()

    def _run(self, graph: str, *inputs: NDArray[Any]) -> Embeddings:
        import torch

        network: Any = self.network
        encode = network.encode_image if graph == IMAGE_GRAPH else network.encode_text
        with self._running, torch.inference_mode():
            data = [to_device(rows, self.device) for rows in inputs]
            rows = torch.nn.functional.normalize(encode(*data).float(), dim=1)
            out: Embeddings = rows.cpu().numpy()
        return out
