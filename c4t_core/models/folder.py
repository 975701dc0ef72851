"""The model folder: written whole or not at all, and checked before anything in it is used.

A model folder holds ``config.json``, its weights, ``tokenizer.json`` (and
``tokenizer_config.json``), ``image.onnx`` and ``text.onnx``, ``model_card.md``, and
``manifest.json`` with the SHA-256 sum of each, a format version and the preprocessing version.
In format 1 all weights are in ``model.safetensors``; in format 2 ``text.safetensors`` has those of
the text encoder, which training of heads leaves as it is, and ``image.safetensors`` all others.
From format 2 on there may be a second image graph in 8 bits, ``image.int8.onnx``
(:mod:`c4t_core.models.graphs.quantize`), with a preprocessing version of its own; and the text
sides of earlier models with the same text encoder, so that indexes of these can be searched until
they are made anew: ``text.earlier.onnx`` and ``earlier.safetensors`` of the newest,
``text.earlier.2.onnx`` and ``earlier.2.safetensors`` of the one before, and so on. The manifest
has a list of them, or the one itself, which versions read that know of one only.
Where the towers are CLIP's (``clip`` in ``config.json``, which has version 2 then) they are stored
in the same two files, the heads in ``image.safetensors``, and ``tokenizer.json`` is CLIP's.
Nothing here loads torch or ONNX Runtime unless tensors are asked for.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import bfloat16_pays
from c4t_core.errors import ModelError
from c4t_core.files import atomic_folder, known_sums, sha256, write_whole
from c4t_core.models.config import FORMAT_VERSION, PREPROCESSING_VERSION, ModelConfig
from c4t_core.models.protocol import BF16, INT8, PLAIN, Earlier, earlier_graph
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from torch import Tensor

CONFIG = "config.json"
WEIGHTS = "model.safetensors"  # of format 1
TEXT_WEIGHTS = "text.safetensors"  # of format 2: the text encoder
IMAGE_WEIGHTS = "image.safetensors"  # of format 2: everything else
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
IMAGE_GRAPH = "image.onnx"
INT8_GRAPH = "image.int8.onnx"
TEXT_GRAPH = "text.onnx"
CARD = "model_card.md"
MANIFEST = "manifest.json"

FOLDER_VERSION = 2  # of the folder; with all weights in one file and no graph in 8 bits it is 1
SCALE = ".scale"  # behind the name of a table in 8 bits: what a step of each row is worth
_TEXT_ENCODER = "text_encoder."
_WORDS = "text_encoder.bert.embeddings.word_embeddings.weight"
_INT8_VERSION = "int8_preprocessing_version"
_EARLIER = "earlier"
AGAIN = "copy the model folder again from where it came"


@dataclass(frozen=True)
class Manifest:
    """``manifest.json``, read and understood."""

    files: dict[str, str]  # file name -> SHA-256, lower-case hex
    format_version: int
    preprocessing_version: int
    int8_preprocessing_version: int = 0  # of the 8-bit image graph; 0 where there is none
    earlier: tuple[Earlier, ...] = ()  # whose indexes can still be searched, the newest first
    on_clip: bool = False  # whether its towers are CLIP's, to which bfloat16 is exact enough

    @property
    def graphs(self) -> tuple[str, ...]:
        """The image graphs that the folder has, the fastest first; the plain one always counts."""
        small = (INT8,) if self.int8_preprocessing_version else ()
        if not self.on_clip:
            return (*small, PLAIN)
        pays = IMAGE_GRAPH in self.files and bfloat16_pays()
        return (*small, BF16, PLAIN) if pays else (*small, PLAIN, BF16)

    @property
    def weights(self) -> tuple[str, ...]:
        """The files that the weights are in."""
        return _weights(self.files)


def _weights(names: Container[str]) -> tuple[str, ...]:
    split = (TEXT_WEIGHTS, IMAGE_WEIGHTS)
    return split if WEIGHTS not in names and any(n in names for n in split) else (WEIGHTS,)


def unreadable(path: Path, why: object) -> ModelError:
    """Return the error for a file of a model folder that cannot be read."""
    return ModelError(f'{path.name} of the model "{path.parent}" cannot be read ({why}); {AGAIN}.')


def _read_json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f'"{folder}" is not a whole model: {name} is missing; {AGAIN}.') from None
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error) from error
    if not isinstance(data, dict):
        raise ModelError(f'{name} of the model "{folder}" is not a JSON object; {AGAIN}.')
    return data


def read_config(folder: Path) -> ModelConfig:
    """Read ``config.json``.

    Raises:
        ModelError: if it is missing, broken, or of a newer version of C4T.
    """
    data = _read_json(folder, CONFIG)
    _refuse_newer(folder, "format", data.get("format_version", FORMAT_VERSION), FORMAT_VERSION)
    try:
        config = ModelConfig.from_dict(data)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ModelError(
            f'{CONFIG} of the model "{folder}" is not understood ({error}); {AGAIN}.'
        ) from error
    _refuse_newer(folder, "preprocessing", config.preprocess.version, PREPROCESSING_VERSION)
    return config


def _refuse_newer(folder: Path, what: str, found: Any, known: int) -> None:
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise ModelError(
            f'The {what} version of the model "{folder}" is not a number ({found!r}); {AGAIN}.'
        )
    if found > known:
        raise ModelError(
            f'The model "{folder}" was made by a newer C4T ({what} version {found}, this one '
            f"knows {known}); update the application."
        )


def read_manifest(folder: Path) -> Manifest:
    """Read ``manifest.json`` without checking the sums.

    Raises:
        ModelError: if the folder, the manifest or a file it names is missing, the manifest is
            broken, or it is of a newer version of C4T.
    """
    if not folder.is_dir():
        raise ModelError(f'There is no model folder "{folder}"; see "c4t models list".')
    data = _read_json(folder, MANIFEST)
    for what, known in (("format", FOLDER_VERSION), ("preprocessing", PREPROCESSING_VERSION)):
        _refuse_newer(folder, what, data.get(f"{what}_version"), known)
    if _INT8_VERSION in data:
        _refuse_newer(folder, "preprocessing", data[_INT8_VERSION], PREPROCESSING_VERSION)
    files = data.get("files")
    if not isinstance(files, dict) or not all(map(_plain, files, files.values())):
        raise ModelError(f'{MANIFEST} of the model "{folder}" lists no valid files; {AGAIN}.')
    missing = [name for name in (CONFIG, *_weights(files), TOKENIZER) if name not in files]
    missing += [name for name in files if not (folder / name).is_file()]
    if missing:
        raise ModelError(
            f'"{folder}" is not a whole model: {", ".join(sorted(set(missing)))} is missing; '
            f"{AGAIN}."
        )
    return Manifest(
        {name: str(digest).lower() for name, digest in files.items()},
        data["format_version"],
        data["preprocessing_version"],
        data.get(_INT8_VERSION, 0) if INT8_GRAPH in files else 0,
        _earlier(folder, data, files),
        _on_clip(folder),
    )


def _on_clip(folder: Path) -> bool:
    with contextlib.suppress(ModelError):  # whoever reads the configuration says so
        return bool(_read_json(folder, CONFIG).get("clip"))
    return False


def earlier_files(graph: str) -> tuple[str, str]:
    """Return where the text side of an earlier model is: its graph, and the weights of its head.

    Args:
        graph: as of :func:`~c4t_core.models.protocol.earlier_graph`.
    """
    return f"text.{graph}.onnx", f"{graph}.safetensors"


def _earlier_now(data: Mapping[str, Any], files: Container[str]) -> list[Any]:
    """Return what a manifest says of the earlier models, up to the first without its files."""
    found = data.get(_EARLIER)
    entries = found if isinstance(found, list) else [] if found is None else [found]
    for number, _ in enumerate(entries, 1):
        if not all(name in files for name in earlier_files(earlier_graph(number))):
            return entries[: number - 1]
    return entries


def _earlier(folder: Path, data: dict[str, Any], files: Container[str]) -> tuple[Earlier, ...]:
    try:
        return tuple(_one_earlier(entry) for entry in _earlier_now(data, files))
    except (TypeError, KeyError, ValueError):
        pass
    raise ModelError(f'{MANIFEST} of the model "{folder}" names no earlier model; {AGAIN}.')


def _one_earlier(entry: dict[str, Any]) -> Earlier:
    graphs = tuple((str(graph), str(digest)) for graph, digest in entry["graphs"])
    if not graphs or not isinstance(entry["dim"], int):
        raise ValueError("no graph or no width")
    return Earlier(graphs, entry["dim"], float(entry["alike"]))


def _plain(name: str, digest: Any) -> bool:
    """Tell whether a manifest entry names a file of the folder itself and a SHA-256 sum."""
    inside = name not in ("", ".", "..") and not any(mark in name for mark in "/\\:\0")
    return inside and isinstance(digest, str) and len(digest) == 64


def verify_manifest(folder: Path) -> Manifest:
    """Check every file of a model folder against its SHA-256 sum.

    A file that is as it was when it was last hashed is not hashed again
    (:func:`c4t_core.files.known_sums`).

    Raises:
        ModelError: as :func:`read_manifest`, and if a sum is wrong.
    """
    manifest = read_manifest(folder)
    try:
        sums = known_sums(folder, manifest.files)
    except OSError as error:
        raise unreadable(Path(error.filename or folder / MANIFEST), error) from error
    for name, digest in manifest.files.items():
        if sums[name] != digest:
            raise ModelError(
                f'{name} of the model "{folder}" is damaged or was changed (its SHA-256 sum is '
                f"wrong); {AGAIN}."
            )
    return manifest


def fingerprint(manifest: Manifest, graph: str = PLAIN) -> str:
    """Return the digest that an index is bound to: 64 hex digits.

    It covers what decides an embedding: weights, tokenizer, configuration and preprocessing
    version. All engines share it; the card and the plain graphs, which only write the weights
    down in another way, do not enter. The 8-bit graph rounds them, so it does.

    Args:
        manifest: of the folder.
        graph: :data:`~c4t_core.models.protocol.PLAIN`, ``INT8`` or ``BF16``.
    """
    names = (CONFIG, *manifest.weights, TOKENIZER)
    parts = [f"{name}={manifest.files[name]}" for name in names]
    parts.append(f"preprocessing={manifest.preprocessing_version}")
    if graph == INT8:
        parts.append(f"{INT8_GRAPH}={manifest.files[INT8_GRAPH]}")
        parts.append(f"{_INT8_VERSION}={manifest.int8_preprocessing_version}")
    elif graph == BF16:
        parts.append(BF16)
    return sha256("\n".join(parts))


def write_manifest(
    folder: Path,
    int8_preprocessing_version: int | None = None,
    earlier: Sequence[Earlier] | None = None,
) -> Manifest:
    """Write ``manifest.json`` for what lies in a model folder now (write, then rename).

    Args:
        folder: the model folder.
        int8_preprocessing_version: of its 8-bit graph; None for what the manifest says of it now.
        earlier: whose text sides are in it, the newest first; None for what the manifest says now.
    """
    config = read_config(folder)
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name != MANIFEST)
    data: dict[str, Any] = {
        "format_version": 1 if WEIGHTS in names and INT8_GRAPH not in names else FOLDER_VERSION,
        "preprocessing_version": config.preprocess.version,
        "files": {name: sha256(folder / name) for name in names if name[0] != "."},
    }
    if INT8_GRAPH in names:
        data[_INT8_VERSION] = int8_preprocessing_version or _int8_version_now(folder)
    now = _now(folder) if earlier is None else {_EARLIER: [asdict(e) for e in earlier]}
    if kept := _earlier_now(now, names):
        data[_EARLIER] = kept[0] if len(kept) == 1 else kept
    write_whole(folder / MANIFEST, json.dumps(data, indent=1) + "\n")
    return read_manifest(folder)


def _now(folder: Path) -> dict[str, Any]:
    """Return what the manifest says now, nothing where there is none."""
    with contextlib.suppress(ModelError):
        return _read_json(folder, MANIFEST)
    return {}


def _int8_version_now(folder: Path) -> int:
    try:
        return int(_now(folder)[_INT8_VERSION])
    except (KeyError, TypeError, ValueError):
        return PREPROCESSING_VERSION


def read_tokenizer(folder: Path) -> dict[str, bytes]:
    """Return the tokenizer files of a model folder, to be saved with a model made from it."""
    names = (TOKENIZER, TOKENIZER_CONFIG)
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def half(tensor: Tensor) -> Tensor:
    """Return a tensor as it is stored: float16, unless its values do not fit (or are no floats)."""
    import torch

    plain = tensor.detach().cpu().contiguous()
    if not plain.is_floating_point():
        return plain
    stored = plain.to(torch.float16)
    return stored if bool(torch.isfinite(stored).all()) else plain.to(torch.float32)


def save_model(
    folder: Path,
    config: ModelConfig,
    state: Mapping[str, Tensor],
    tokenizer_files: Mapping[str, bytes],
    card: str,
    finish: Callable[[Path], object] | None = None,
) -> Path:
    """Write a model folder, whole or not at all; one that is there is replaced.

    Args:
        folder: where it shall lie; made beside and renamed at the end.
        config: what the model was built from.
        state: its state dictionary; floats are stored as float16, the word table as its
            ``text.table`` says.
        tokenizer_files: name -> content, at least ``tokenizer.json``.
        card: ``model_card.md``, Markdown.
        finish: called with the folder before it is renamed; pass
            :func:`c4t_core.models.graphs.export.export_onnx` to have the ONNX graphs in it.

    Returns:
        ``folder``.

    Raises:
        ModelError: if a weight is not finite or the disk does not take the folder.
    """
    from safetensors.torch import save

    if TOKENIZER not in tokenizer_files:
        raise ValueError(f"tokenizer_files lacks {TOKENIZER}")
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ModelError(
                f"The weights hold a value that is not a number ({name}), so the model is not "
                "saved; train it again with a lower learning rate."
            )
    try:
        with atomic_folder(folder, replace=True) as beside:
            (beside / CONFIG).write_text(json.dumps(config.to_dict(), indent=1) + "\n", "utf-8")
            for name, content in tokenizer_files.items():
                (beside / Path(name).name).write_bytes(content)
            (beside / CARD).write_text(card, encoding="utf-8")
            for name, stored in _split(config, state).items():
                write_whole(beside / name, save(stored))
            write_manifest(beside)
            if finish is not None:
                finish(beside)
    except OSError as error:
        raise ModelError(
            f'The model cannot be written to "{folder}" ({error.strerror or error}); free some '
            "space or choose another folder."
        ) from error
    return folder


def _split(config: ModelConfig, state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return what each file of weights holds: file -> name -> tensor as it is stored."""
    files: dict[str, dict[str, Tensor]] = {TEXT_WEIGHTS: {}, IMAGE_WEIGHTS: {}}
    for name, tensor in state.items():
        file = files[TEXT_WEIGHTS if name.startswith(_TEXT_ENCODER) else IMAGE_WEIGHTS]
        if name == _WORDS and config.text.table == "int8":
            file[name], file[name + SCALE] = in_8_bits(tensor)
        else:
            file[name] = half(tensor)
    return files


def in_8_bits(table: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row of a table, float (n, d), to 127 steps to either side.

    Returns:
        int8 (n, d), and what a step is worth, float16 (n, 1). Their product is exact in float32,
        and so rounding it again gives the same bytes: a text encoder that no training touches
        stays one file.
    """
    import torch

    rows = table.detach().cpu().to(torch.float32)
    scale = (rows.abs().amax(dim=1, keepdim=True) / 127).to(torch.float16)
    steps = torch.where(scale > 0, scale, torch.ones_like(scale)).to(torch.float32)
    return (rows / steps).round().clamp(-127, 127).to(torch.int8), scale


def stored_state(folder: Path) -> dict[str, NDArray[Any]]:
    """Read the weights as they are computed with: ``name -> array``, floats as float32.

    The caller has checked the sums (:func:`verify_manifest`).

    Raises:
        ModelError: if a file is not a safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    stored: dict[str, NDArray[Any]] = {}
    for file in read_manifest(folder).weights:
        try:
            stored |= load_file(folder / file)
        except (OSError, SafetensorError) as error:
            raise unreadable(folder / file, error) from error
    rounded = {n for n, array in stored.items() if array.dtype == np.int8 and n + SCALE in stored}
    state = {}
    for name, array in stored.items():
        if name in rounded:
            array = array * stored[name + SCALE].astype(np.float32)
        elif np.issubdtype(array.dtype, np.floating):
            array = array.astype(np.float32)
        if name.removesuffix(SCALE) not in rounded or name in rounded:
            state[name] = array
    return state


def load_state(folder: Path) -> dict[str, Tensor]:
    """Return :func:`stored_state` as tensors on the CPU.

    Raises:
        ModelError: as :func:`stored_state`.
    """
    import torch

    return {name: torch.from_numpy(array) for name, array in stored_state(folder).items()}
