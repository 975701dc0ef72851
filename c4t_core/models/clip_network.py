"""CLIP as a format of a model folder: what both engines need, made from open_clip's networks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import choose_device
from c4t_core.errors import MissingExtraError, ModelError
from c4t_core.files import atomic_folder
from c4t_core.models import clip_folder
from c4t_core.models.config import PreprocessConfig
from c4t_core.models.export import trace
from c4t_core.models.folder import IMAGE_GRAPH, TEXT_GRAPH
from c4t_core.models.protocol import PLAIN
from c4t_core.paths import cache_dir

if TYPE_CHECKING:
    from torch import Tensor, nn


def open_clip() -> Any:
    """Import open_clip so that it never touches the network.

    Whatever may be fetched is fetched by :mod:`c4t_core.models.download`; without this
    setting, which the hub's library reads at its import, a machine without a network waits for
    46 s of retries. It is taken back, because our own downloads heed it as well.

    Raises:
        MissingExtraError: if it is not installed.
    """
    unset = "HF_HUB_OFFLINE" not in os.environ
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import open_clip as module
    except ImportError as error:
        raise MissingExtraError("CLIP", "clip") from error
    finally:
        if unset:
            del os.environ["HF_HUB_OFFLINE"]
    return module


def build(folder: Path) -> Any:
    """Return the network of a folder with its weights, float32, on the CPU, in eval mode.

    Raises:
        ModelError: if the weights do not fit the architecture; never a network without weights.
        MissingExtraError: if open_clip is not installed.
    """
    module = open_clip()
    try:
        # require_pretrained: without weights open_clip makes random ones and only logs it.
        network = module.create_model(
            f"local-dir:{folder}", require_pretrained=True, weights_only=True, pretrained_text=False
        )
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f'The weights in "{folder}" do not fit their architecture ({first[:200]}); add the '
            "checkpoint again and name its architecture."
        ) from error
    return network.float().eval()


class ClipTokens:
    """CLIP's texts, all cut or padded to one length.

    Raises:
        ModelError: if the architecture needs tokenizer files that cannot be had offline.
    """

    def __init__(self, folder: Path) -> None:
        module = open_clip()
        try:
            self._tokenizer = module.get_tokenizer(f"local-dir:{folder}")
        except (OSError, ValueError, ImportError) as error:
            raise ModelError(
                f'The CLIP model in "{folder}" needs a tokenizer that is not on this machine; '
                'choose one with CLIP\'s own tokenizer, such as "clip" (ViT-B-32).'
            ) from error

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text."""
        ids: list[list[int]] = self._tokenizer(list(texts)).tolist()
        return ids

    def read_parts(self, texts: Sequence[str]) -> dict[int, str]:
        """Return, by its index, the part that is read of each text that is not read whole.

        The tokenizers of open_clip do not tell where they cut, so the shortest beginning that
        gives the same ids is looked for. A rest without letters and digits is not counted.
        """
        parts = {}
        for index, (text, ids) in enumerate(zip(texts, self.ids(texts), strict=True)):
            if self.ids([text.rstrip()[:-1]]) != [ids]:
                continue  # its last letter is read
            low, high = 0, len(text)  # `high` is enough, `low` is not
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if self.ids([text[:middle]]) == [ids] else (middle, high)
            if any(letter.isalnum() for letter in text[high:]):
                parts[index] = text[:high]
        return parts

    def pad(self, ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], ...]:
        """Return a batch of them, int64 (n, context)."""
        return (np.asarray(ids, dtype=np.int64),)


class ClipFolder:
    """A folder of :mod:`c4t_core.models.clip_folder` whose weights are whole.

    It is a :class:`c4t_core.models.engine.ModelFolder`. Its graphs are made at their first use
    and kept in the cache, which can be deleted at any time.

    Args:
        name: ``"clip"`` or ``"clip:NAME"``.

    Raises:
        ModelError: if its weights are not here, are damaged, or do not fit.
        MissingExtraError: if open_clip is not installed.
    """

    onnx_batch = 16
    image_graph = PLAIN

    def __init__(self, name: str) -> None:
        if find_spec("open_clip") is None:  # before the weights: who lacks both needs it first
            raise MissingExtraError("CLIP", "clip")
        self.path = clip_folder.find(name)
        about = clip_folder.read_about(self.path)
        clip_folder.verify(self.path, about)
        self.name = clip_folder.public_name(self.path.name)
        self.dim = about.dim
        self.fingerprint = clip_folder.fingerprint(self.path, about)
        self.preprocess = clip_folder.preprocessing(clip_folder.read_config(self.path))
        self.min_side = 2 * self.preprocess.size  # its own bicubic filter still does the work
        self.graphs = {PLAIN: self.fingerprint}
        self.cached = cache_dir() / "clip" / self.fingerprint[:40]
        open_clip()  # says what to install, if it cannot be imported

    def engine(self, device: str | None) -> str:
        """Return ``"onnx"`` on the CPU, if this architecture can be exported; else ``"torch"``."""
        if choose_device(device) != "cpu":
            return "torch"
        try:
            self.make_graphs()
        except (MissingExtraError, ModelError):
            return "torch"
        return "onnx"

    def with_graph(self, graph: str) -> ClipFolder:
        """Return this folder; it has one image graph."""
        return self

    def tokens(self) -> ClipTokens:
        """Return the tokenizer."""
        return ClipTokens(self.path)

    def make_graphs(self) -> None:
        """Write both graphs into the cache, if they are not there.

        Raises:
            MissingExtraError: if what exports graphs is not installed.
            ModelError: if the weights do not fit, or this architecture cannot be exported.
        """
        names = (IMAGE_GRAPH, TEXT_GRAPH)
        if all((self.cached / name).is_file() for name in names):
            return
        if find_spec("onnx") is None:
            raise MissingExtraError("Writing CLIP for ONNX Runtime", "clip")
        import torch

        size = self.preprocess.size
        tokens = self.tokens()
        inputs = (
            torch.zeros((2, size, size, 3), dtype=torch.uint8),
            torch.from_numpy(tokens.pad(tokens.ids(["a truck", "snow"]))[0]),
        )
        network = self.network()
        with atomic_folder(self.cached, replace=True) as folder:
            for name, example in zip(names, inputs, strict=True):
                path = folder / name
                try:
                    trace(network, name, {"inputs": example}, path, fold=True, fixed_length=True)
                except (RuntimeError, ValueError, TypeError) as error:
                    raise ModelError(
                        "This CLIP architecture cannot be written for ONNX Runtime; use the torch "
                        "engine."
                    ) from error

    def graph(self, name: str) -> Path:
        """Return the file of a graph."""
        return self.cached / name

    def graph_error(self, name: str, problem: str) -> ModelError:
        """Return the error for a graph that cannot be used."""
        return ModelError(
            f'A cached copy of the CLIP model cannot be opened; delete "{self.cached}" and try '
            "again, it is made anew."
        )

    def network(self) -> nn.Module:
        """Return open_clip's network behind the normalisation of pixels."""
        import torch

        from c4t_core.models.network import Normalise

        class Network(torch.nn.Module):
            def __init__(self, network: Any, preprocess: PreprocessConfig) -> None:
                super().__init__()
                self.network = network
                self.normalise = Normalise(preprocess)

            def encode_image(self, pixels: Tensor) -> Any:
                return self.network.encode_image(self.normalise(pixels))

            def encode_text(self, ids: Tensor) -> Any:
                return self.network.encode_text(ids)

        return Network(build(self.path), self.preprocess).eval()
