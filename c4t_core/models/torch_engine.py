"""Models through torch: for GPUs, and for what training has just made."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import choose_device
from c4t_core.errors import MissingExtraError, ModelError
from c4t_core.models.engine import FolderModel
from c4t_core.models.folder import load_state
from c4t_core.models.protocol import Embeddings, Pixels

if TYPE_CHECKING:
    from torch import Tensor

    from c4t_core.models.network import DualEncoder


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
    from c4t_core.models.folder import read_config

    model = DualEncoder(read_config(folder))
    try:
        model.load_state_dict(load_state(folder), strict=True)
    except RuntimeError as error:
        raise ModelError(
            f'The weights of the model "{folder}" do not fit its config.json; '
            "copy the model folder again from where it came."
        ) from error
    return model.eval()


class TorchModel(FolderModel):
    """A C4T model run by torch.

    Args:
        folder: a model folder.
        name: what the user calls it.
        device: ``"cpu"``, ``"cuda"``, ``"mps"``; None for the fastest there is.
        threads: threads on the CPU, of all of torch; None to leave them as they are.

    Attributes:
        device: the device in use.
        network: the network itself.

    Raises:
        ModelError: if the folder is broken, a checksum is wrong, or the device is not there.
        MissingExtraError: if torch is not installed.
    """

    def __init__(
        self, folder: Path, name: str, device: str | None = None, threads: int | None = None
    ) -> None:
        super().__init__(folder, name)
        network = load_dual_encoder(folder)
        self.device = choose_device(device)
        if threads is not None and self.device == "cpu":
            import torch

            torch.set_num_threads(threads)
        self.network = network.to(self.device)
        self._running = Lock()

    def _run_image(self, pixels: Pixels) -> Embeddings:
        import torch

        with self._running, torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device)
            return _unit(self.network.encode_image(batch))

    def _run_text(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Embeddings:
        import torch

        with self._running, torch.inference_mode():
            words = torch.from_numpy(ids).to(self.device)
            there = torch.from_numpy(mask).to(self.device)
            return _unit(self.network.encode_text(words, there))


def _unit(rows: Tensor) -> Embeddings:
    from torch.nn import functional

    out: Embeddings = functional.normalize(rows.float(), dim=1).cpu().numpy()
    return out
