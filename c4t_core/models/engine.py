"""The engines, OpenVINO, ONNX Runtime and torch, for a model folder of whatever format.

:class:`ModelFolder` is what a format has to offer; preparing, batching, sessions, threads and
normalising are here, once. No engine is imported before a network is used.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads, choose_device, out_of_memory, to_device
from c4t_core.errors import C4TError, ModelError
from c4t_core.models.config import PreprocessConfig, prepare
from c4t_core.models.folder import IMAGE_GRAPH, TEXT_GRAPH
from c4t_core.models.graphs.sessions import Graphs, kept_session, onnx_session, openvino_network
from c4t_core.models.protocol import BF16, Earlier, Embeddings, Facts, Pixels

if TYPE_CHECKING:
    from PIL import Image
    from torch import nn

TEXT_BATCH = 64  # texts at a time
_PREPARED = 64  # images in memory at a time
_GPU_BATCH, _CPU_BATCH = 128, 8  # of torch: a GPU wants many, maps of few stay in a CPU's cache
_FACTS = 6  # numbers of a class, see c4t_core.models.protocol.Facts

Outputs = list[NDArray[np.float32]]
"""Of one batch: unit rows (n, d) and, of an image network that sees objects, facts (n, c, 6)."""


class TextTokens(Protocol):
    """From texts to what a text network takes."""

    @property
    def max_length(self) -> int:
        """Tokens that a text is cut to, the special ones included."""

    def ids(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """Return the token ids of each text."""

    def pad(self, ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], ...]:
        """Return the inputs of the text network for a batch of them, int64 (n, t) each."""

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """As of :class:`c4t_core.models.protocol.LimitedTexts`."""

    def english_words(self) -> Mapping[str, int] | None:
        """As of :class:`c4t_core.models.protocol.EnglishWords`."""


class ModelFolder(Graphs, Protocol):
    """A checked folder with a dual encoder in it, in one format or another.

    Attributes:
        name: what the user calls the model.
        dim: width of an embedding.
        fingerprint: as of :class:`c4t_core.models.protocol.Model`.
        image_graph: which image graph its embeddings are of, ``PLAIN``, ``INT8`` or ``BF16``.
        graphs: fingerprint of each image graph that it has.
        preprocess: how an image is prepared.
        min_side: as of :class:`c4t_core.models.protocol.Model`.
        onnx_batch: images that ONNX Runtime takes at a time.
        fixed_batch: images that a network in OpenVINO takes at a time; 0 for any number.
        classes: of the objects that the image network sees; none for most.
        earlier: models whose texts it embeds as well, the newest first, each with
            :func:`~c4t_core.models.protocol.earlier_graph`.
    """

    name: str
    dim: int
    fingerprint: str
    image_graph: str
    graphs: dict[str, str]
    preprocess: PreprocessConfig
    min_side: int
    onnx_batch: int
    fixed_batch: int
    classes: tuple[str, ...]
    earlier: tuple[Earlier, ...]

    def engine(self, device: str | None) -> str:
        """Return what is better for a device (None for any): its graphs ``"onnx"``, or torch."""

    def with_graph(self, graph: str) -> ModelFolder:
        """Return the folder with another image graph."""

    def tokens(self) -> TextTokens:
        """Return the tokenizer."""

    def make_graphs(self) -> None:
        """Make the ONNX graphs, in a format that makes them at their first use."""

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
        graph: which image graph it runs, ``PLAIN``, ``INT8`` or ``BF16``.
        graphs: as of :class:`c4t_core.models.protocol.SeveralGraphs`.
        classes: as of :class:`c4t_core.models.protocol.SeesObjects`.
        earlier: as of :class:`ModelFolder`.
        name, dim, fingerprint, min_side: as of :class:`c4t_core.models.protocol.Model`.
    """

    image_batch = 16

    def __init__(self, folder: ModelFolder) -> None:
        self.folder = folder
        self.name = folder.name
        self.dim = folder.dim
        self.fingerprint = folder.fingerprint
        self.min_side = folder.min_side
        self.graph = folder.image_graph
        self.classes = folder.classes
        self.earlier = folder.earlier
        others = [pair for pair in folder.graphs.items() if pair[0] != self.graph]
        self.graphs = ((self.graph, self.fingerprint), *others)
        self._lock = Lock()
        self._tokens: TextTokens | None = None

    def with_graph(self, graph: str) -> FolderModel:
        """Return the same model with another image graph, run on the CPU."""
        return self if graph == self.graph else on_cpu(self.folder.with_graph(graph))

    @property
    def tokens(self) -> TextTokens:
        """The tokenizer, read at the first use."""
        with self._lock:
            if self._tokens is None:
                self._tokens = self.folder.tokens()
            return self._tokens

    def prepare(self, image: Image.Image) -> Pixels:
        """Return one image as uint8 (height, width, 3); thread-safe."""
        return prepare(image, self.folder.preprocess)

    def encode_images(self, images: Sequence[Image.Image]) -> Embeddings:
        """Return one unit row per image, float32 (n, d); (0, d) for none."""
        rows = []
        for start in range(0, len(images), _PREPARED):
            batch = [self.prepare(image) for image in images[start : start + _PREPARED]]
            rows.append(self.encode_pixels(np.stack(batch)))
        return self._joined(rows)

    def encode_pixels(self, pixels: Pixels) -> Embeddings:
        """Return one unit row per prepared image, uint8 (n, height, width, 3) -> float32 (n, d).

        Raises:
            ValueError: if shape or type of the pixels are others.
        """
        return self.encode_pixels_with_objects(pixels)[0]

    def encode_pixels_with_objects(self, pixels: Pixels) -> tuple[Embeddings, Facts]:
        """Return unit rows and the facts (n, c, 6) of a model that sees objects, else of c = 0.

        Raises:
            ValueError: if shape or type of the pixels are others.
        """
        (height, width), size = self.folder.preprocess.shape, self._at_once(len(pixels))
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (height, width, 3):
            raise ValueError(
                f"pixels are {pixels.dtype} {pixels.shape}, not uint8 (n, {height}, {width}, 3)"
            )
        starts = range(0, len(pixels), size)
        outputs = self._run_all(IMAGE_GRAPH, [pixels[i : i + size] for i in starts])
        facts = [batch[1] for batch in outputs if len(batch) > 1]
        none = np.empty((len(pixels), len(self.classes), _FACTS), dtype=np.float32)
        return self._joined([b[0] for b in outputs]), np.concatenate(facts) if facts else none

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        """Return one unit row per text, float32 (n, d); (0, d) for none."""
        if not texts:
            return self._joined([])
        ids = self.tokens.ids(texts)
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # little padding per batch
        rows = np.empty((len(ids), self.dim), dtype=np.float32)
        for start in range(0, len(order), TEXT_BATCH):
            batch = order[start : start + TEXT_BATCH]
            rows[batch] = self._run(TEXT_GRAPH, *self.tokens.pad([ids[i] for i in batch]))[0]
        return rows

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """Return, by its index, the part that is read of each text that is not read whole."""
        return self.tokens.read_parts(texts)

    def english_words(self) -> Mapping[str, int] | None:
        """As of :class:`c4t_core.models.protocol.EnglishWords`."""
        return self.tokens.english_words()

    def _at_once(self, count: int) -> int:
        """Return how many of so many images the network takes in one run."""
        return self.image_batch

    def _joined(self, rows: list[Embeddings]) -> Embeddings:
        return np.concatenate(rows) if rows else np.empty((0, self.dim), dtype=np.float32)

    def _run(self, graph: str, *inputs: NDArray[Any]) -> Outputs:
        """Embed one batch with the image or the text network."""
        raise NotImplementedError

    def _run_all(self, graph: str, batches: Sequence[NDArray[Any]]) -> list[Outputs]:
        """Embed batches, at the same time where the engine can."""
        return [self._run(graph, batch) for batch in batches]


class OnnxModel(FolderModel):
    """A model run by ONNX Runtime on the CPU: what searching uses.

    The networks are opened one by one at their first use, so that a search does not wait for the
    image network and indexing not for the text network, which is optimised once and kept so
    (:func:`c4t_core.models.graphs.sessions.kept_session`). Safe to use from several threads.

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
        self._running = Lock()

    def rest(self) -> None:
        """Give back the memory of both networks; they are opened again at their next use."""
        for graph, lock in self._locks.items():
            with lock:
                self._sessions.pop(graph, None)  # who runs it now has it until then

    def _session(self, graph: str) -> Any:
        with self._locks[graph]:
            if graph not in self._sessions:
                self._sessions[graph] = self._open(graph)
            return self._sessions[graph]

    def _open(self, graph: str) -> Any:
        try:
            if graph == TEXT_GRAPH:
                return kept_session(self.folder, graph, self.threads)
            return onnx_session(self.folder.graph(graph), self.threads)
        except C4TError:
            raise
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise self._failed(graph, "opened", error) from error

    def _run(self, graph: str, *inputs: NDArray[Any]) -> Outputs:
        session = self._session(graph)
        try:
            names = [node.name for node in session.get_inputs()]
            feed = dict(zip(names, map(np.ascontiguousarray, inputs), strict=True))
            sees = graph == IMAGE_GRAPH and bool(self.classes)
            found = session.run(["embeddings", "objects"] if sees else ["embeddings"], feed)
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise self._failed(graph, "run", error) from error
        return self._checked(graph, found, len(inputs[0]))

    def _failed(self, graph: str, what: str, error: Exception) -> ModelError:
        if out_of_memory(error):
            return ModelError(
                f'There is not enough memory for the model "{self.name}"; close other programs, or '
                "choose a smaller model."
            )
        return self.folder.graph_error(graph, f"cannot be {what} ({error})")

    def _checked(self, graph: str, found: Outputs, count: int) -> Outputs:
        shapes = [(count, self.dim), (count, len(self.classes), _FACTS)]
        for rows, shape in zip(found, shapes, strict=False):
            if rows.dtype != np.float32 or rows.shape != shape:
                given = f"gives {rows.dtype} {rows.shape}, which does not fit its config.json"
                raise self.folder.graph_error(graph, given)
        return found


class OpenVinoModel(OnnxModel):
    """A model whose image network OpenVINO runs, a few images in each of several streams.

    It uses what a processor has for 8 bits. The text network stays with ONNX Runtime, which
    opens it sooner, and one text is no work.

    Args:
        folder: a checked model folder.
        threads: streams, of one thread each; None for all this process may use.

    Raises:
        ModelError: if its graphs are still to be made and cannot be.
        MissingExtraError: if they are still to be made and packages for it are missing.
    """

    def _at_once(self, count: int) -> int:
        each = -(-count // self.threads)  # every stream has its part
        return self.folder.fixed_batch or max(1, min(self.image_batch, each))

    def _open(self, graph: str) -> Any:
        if graph != IMAGE_GRAPH:
            return super()._open(graph)
        settings = {
            "NUM_STREAMS": self.threads,
            "INFERENCE_NUM_THREADS": self.threads,
            # else some processors round to bfloat16, unasked
            "INFERENCE_PRECISION_HINT": "bf16" if self.graph == BF16 else "f32",
            "ENABLE_CPU_PINNING": False,  # the cores decode as well
        }
        try:
            fixed = self.folder.fixed_batch
            compiled = openvino_network(self.folder, graph, settings, fixed)
            return [compiled.create_infer_request() for _ in range(self.threads)]
        except C4TError:
            raise
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise self._failed(graph, "opened", error) from error

    def _run(self, graph: str, *inputs: NDArray[Any]) -> Outputs:
        if graph != IMAGE_GRAPH:
            return super()._run(graph, *inputs)
        return self._run_all(graph, inputs)[0]

    def _run_all(self, graph: str, batches: Sequence[NDArray[Any]]) -> list[Outputs]:
        requests = self._session(graph)
        found: list[Outputs] = []
        outputs = 2 if self.classes else 1

        def take(index: int) -> None:
            request = requests[index % len(requests)]
            request.wait()
            count = len(batches[index])
            found.append([request.get_output_tensor(i).data[:count].copy() for i in range(outputs)])

        try:
            with self._running, _ended(requests):
                for index, batch in enumerate(batches):
                    if index >= len(requests):
                        take(index - len(requests))
                    requests[index % len(requests)].start_async({0: self._filled(batch)})
                for index in range(max(0, len(batches) - len(requests)), len(batches)):
                    take(index)
        except Exception as error:  # noqa: BLE001 - its errors share no base but Exception
            raise self._failed(graph, "run", error) from error
        for batch, arrays in zip(batches, found, strict=True):
            self._checked(graph, arrays, len(batch))
        return found

    def _filled(self, batch: Pixels) -> Pixels:
        """Return a batch with as many images as the network takes: the last one again."""
        missing = max(0, self.folder.fixed_batch - len(batch))
        more = (batch, *[batch[-1:]] * missing)
        return np.ascontiguousarray(np.concatenate(more) if missing else batch)


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

    def _run(self, graph: str, *inputs: NDArray[Any]) -> Outputs:
        import torch

        network: Any = self.network
        with self._running, torch.inference_mode():
            data = [to_device(rows, self.device) for rows in inputs]
            if graph == IMAGE_GRAPH and self.classes:
                from c4t_core.models.network import ImageOutputs

                return [output.float().cpu().numpy() for output in ImageOutputs(network)(*data)]
            encode = network.encode_image if graph == IMAGE_GRAPH else network.encode_text
            rows = torch.nn.functional.normalize(encode(*data).float(), dim=1)
            return [rows.cpu().numpy()]


@contextlib.contextmanager
def _ended(requests: Sequence[Any]) -> Iterator[None]:
    """Wait for all requests where one fails: those that go on would be in the next run's way."""
    try:
        yield
    except BaseException:
        for request in requests:
            with contextlib.suppress(Exception):
                request.wait()
        raise


def on_cpu(folder: ModelFolder, threads: int | None = None) -> OnnxModel:
    """Return a model for the CPU: in OpenVINO, or in ONNX Runtime where that has no wheel."""
    if find_spec("openvino") is None:
        return OnnxModel(folder, threads)
    return OpenVinoModel(folder, threads)
