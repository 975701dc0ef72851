"""From torch to two ONNX graphs that keep no weights of their own.

``image.onnx`` and ``text.onnx`` are graphs only: every weight in them is external data that
points by offset into the folder's safetensors files, stored as float16 (the table of words perhaps
in 8 bits) and cast in the graph, so that a model folder holds one copy of its weights.
Normalisation of pixels and of embeddings is inside the graphs. Needs the extra ``train`` (torch,
onnx). :func:`trace` serves CLIP as well.
"""

from __future__ import annotations

import copy
import json
import struct
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from c4t_core.errors import MissingExtraError
from c4t_core.files import write_whole
from c4t_core.models.folder import (
    IMAGE_GRAPH,
    SCALE,
    TEXT_GRAPH,
    read_manifest,
    write_manifest,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from c4t_core.models.network import DualEncoder

OBJECTS = "objects"  # the image graph's second output, of models that see objects
OPSET = 17  # LayerNormalization is one node from 17 on
_INLINE_BYTES = 1024  # constants up to this size may stay in the graph
_MASK_BYTES = 1 << 20  # CLIP's mask of what is read after what is one, and no weight


def export_onnx(folder: Path) -> None:
    """Write ``image.onnx`` and ``text.onnx`` into a model folder and renew its manifest.

    Args:
        folder: a model folder with configuration and weights.

    Raises:
        MissingExtraError: if torch or onnx are not installed.
        ModelError: if the weights do not fit the configuration.
    """
    from c4t_core.models.c4t import load_dual_encoder

    model, table = load_dual_encoder(folder), weights_table(folder)
    for name in (IMAGE_GRAPH, TEXT_GRAPH):
        write_whole(folder / name, graph_of(model, name, table))
    write_manifest(folder)


def graph_of(model: DualEncoder, name: str, table: Mapping[str, Place]) -> bytes:
    """Return one half of a dual encoder as the content of an ONNX file without weights.

    Args:
        model: on the CPU, in eval mode.
        name: ``IMAGE_GRAPH`` or ``TEXT_GRAPH``: which half.
        table: where each of its weights lies, in files beside the graph.

    Raises:
        MissingExtraError: if onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("Writing models for ONNX Runtime", "train") from error
    pads = _fix_padding(model) if name == IMAGE_GRAPH else {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        trace(
            model,
            name,
            _examples(model)[name],
            Path(scratch) / name,
            fold=False,
            fixed_length=model.config.clip is not None,
        )
        graph = onnx.load(str(Path(scratch) / name))
    _merge_padding(graph.graph, pads)
    state = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    most = _INLINE_BYTES if model.config.clip is None else _MASK_BYTES
    point_into_weights(graph, state, table, most_inline=most)
    content: bytes = graph.SerializeToString()
    return content


def _fix_padding(model: DualEncoder) -> dict[str, list[int]]:
    """Make timm's "same" padding a constant, where it would be computed at every call.

    The input size of a model is fixed, so what each convolution pads is fixed as well.

    Returns:
        name of the convolution's weight -> left, right, top, bottom.
    """
    import torch
    from timm.layers.conv2d_same import Conv2dSame
    from timm.layers.padding import pad_same_arg

    pads: dict[nn.Module, list[int]] = {}

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        conv: Any = module
        size = list(inputs[0].shape[-2:])
        pads[module] = pad_same_arg(size, conv.kernel_size, conv.stride, conv.dilation)

    hooks = [
        module.register_forward_pre_hook(note)
        for module in model.modules()
        if isinstance(module, Conv2dSame)
    ]
    with torch.no_grad():
        model.encode_image(torch.zeros((1, *model.config.preprocess.shape, 3), dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    for module, pad in pads.items():
        module.forward = partial(_padded, module, pad)
    return {f"{n}.weight": pads[m] for n, m in model.named_modules() if m in pads}


def _padded(conv: Any, pad: list[int], maps: Tensor) -> Tensor:
    from torch.nn import functional

    padded = functional.pad(maps, pad)
    return functional.conv2d(
        padded, conv.weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups
    )


def _merge_padding(graph: Any, pads: dict[str, list[int]]) -> None:
    """Write the padding into the convolutions, in index, and drop what only computed it.

    ONNX Runtime does not merge it by itself and leaves its fast memory layout around each Pad.
    """
    makers = {output: node for node in graph.node for output in node.output}
    for conv in graph.node:
        key = conv.input[1].removeprefix("model.") if conv.op_type == "Conv" else ""
        pad = makers.get(conv.input[0]) if key in pads else None
        if pad is None or pad.op_type != "Pad":
            continue
        left, right, top, bottom = pads[key]
        conv.input[0] = pad.input[0]
        attribute = next(a for a in conv.attribute if a.name == "pads")
        attribute.ints[:] = [top, left, bottom, right]
    wanted = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):  # they are in order of use
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _examples(model: DualEncoder) -> dict[str, dict[str, Tensor]]:
    """Return example inputs of both graphs, by the name of the graph and of the input."""
    import torch

    shape = (2, *model.config.preprocess.shape, 3)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    clip = model.config.clip
    if clip is not None:
        context = int(clip.model["text_cfg"].get("context_length", 77))
        all_texts = {"input_ids": torch.ones((2, context), dtype=torch.int64)}
        return {IMAGE_GRAPH: {"pixels": pixels}, TEXT_GRAPH: all_texts}
    length = min(5, model.config.text.max_length)
    ids = torch.zeros((2, length), dtype=torch.int64)
    mask = torch.ones((2, length), dtype=torch.int64)
    mask[1, -1] = 0
    return {
        IMAGE_GRAPH: {"pixels": pixels},
        TEXT_GRAPH: {"input_ids": ids, "attention_mask": mask},
    }


def trace(
    model: nn.Module,
    graph: str,
    inputs: Mapping[str, Tensor],
    path: Path,
    *,
    fold: bool,
    fixed_length: bool = False,
) -> None:
    """Write one half of a dual encoder as an ONNX file with its weights in it.

    Args:
        model: has ``encode_image`` and ``encode_text``.
        graph: ``IMAGE_GRAPH`` or ``TEXT_GRAPH``: which half.
        inputs: an example of each input, by the name it gets.
        path: the file; its output is called ``embeddings``, unit rows; where the image half sees
            objects, a second one is called ``objects``.
        fold: compute constants now; without, the weights keep their names.
        fixed_length: all texts have as many tokens as the example.
    """
    from c4t_core.models.network import DualEncoder, ImageOutputs, UnitRows

    axes = {0: "n"} if graph == IMAGE_GRAPH or fixed_length else {0: "n", 1: "t"}
    half: nn.Module = UnitRows(model, "encode_image" if graph == IMAGE_GRAPH else "encode_text")
    outputs = ["embeddings"]
    if graph == IMAGE_GRAPH and isinstance(model, DualEncoder) and model.config.image.objects:
        half = ImageOutputs(model)
        outputs.append(OBJECTS)
    _write(half, inputs, outputs, axes, path, fold=fold)


def trace_image_encoder(model: DualEncoder, path: Path, *, maps: bool = False) -> None:
    """Write an image encoder without its head as an ONNX file with its weights in it.

    Args:
        model: on the CPU; it stays as it is.
        path: the file; from ``pixels``, uint8 (n, h, w, 3), to ``features``, float32 (n, width).
        maps: the features are the pooled ones alone, and the inner maps ``fine`` and ``coarse``,
            float32 (n, c, h', w'), are given beside them.

    Raises:
        MissingExtraError: if onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("Writing models for ONNX Runtime", "train") from error
    from c4t_core.models.network import ImageFeatures, ImageMaps

    own = copy.deepcopy(model).eval()
    pads = _fix_padding(own)
    pixels = {"pixels": _examples(own)[IMAGE_GRAPH]["pixels"]}
    half, outputs = ImageFeatures(own), ["features"]
    if maps:
        half, outputs = ImageMaps(own), ["features", "fine", "coarse"]
    _write(half, pixels, outputs, {0: "n"}, path, fold=False)
    graph = onnx.load(str(path))
    _merge_padding(graph.graph, pads)
    path.write_bytes(graph.SerializeToString())


def _write(
    half: nn.Module,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    axes: Mapping[int, str],
    path: Path,
    *,
    fold: bool,
) -> None:
    import torch

    fast = torch.backends.mha.get_fastpath_enabled()
    with warnings.catch_warnings(), torch.no_grad():
        # The tracing exporter is called on purpose: it keeps the parameters' names, and takes one
        # second where the newer one takes thirty. Its warnings about tracing concern shapes that
        # are constant here, which the test of both engines' agreement proves.
        warnings.simplefilter("ignore")
        torch.backends.mha.set_fastpath_enabled(False)  # one fused operator that ONNX lacks
        try:
            torch.onnx.export(
                half.eval(),
                tuple(inputs.values()),
                str(path),
                dynamo=False,
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes={**dict.fromkeys(inputs, axes), **dict.fromkeys(outputs, {0: "n"})},
                do_constant_folding=fold,
                opset_version=OPSET,
            )
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)


class Place(NamedTuple):
    """Where a tensor of a model folder lies, and as what."""

    file: str  # its name
    dtype: str  # as safetensors call it
    shape: list[int]
    offset: int  # bytes from the beginning of the file
    length: int  # bytes


def weights_table(folder: Path) -> dict[str, Place]:
    """Return where each weight of a model folder lies, by name.

    Raises:
        ModelError: as :func:`c4t_core.models.folder.read_manifest`.
    """
    files = read_manifest(folder).weights
    return {
        name: place for file in files for name, place in safetensors_table(folder / file).items()
    }


def safetensors_table(path: Path) -> dict[str, Place]:
    """Return where each tensor of a safetensors file lies, by name.

    The format: eight bytes little-endian length of the JSON header, the header, the data; offsets
    in the header count from the end of the header.
    """
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    table = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        shape = entry["shape"]
        table[name] = Place(path.name, entry["dtype"], shape, 8 + length + start, end - start)
    return table


def point_into_weights(
    model: Any,
    state: dict[str, np.ndarray[Any, Any]],
    table: Mapping[str, Place],
    most_inline: int | None = None,
) -> None:
    """Replace the initializers of a graph by references into the files of weights, in index.

    A weight stored as float16 gets a Cast to float32 behind it; a table that is only looked up is
    cast (and scaled) after the look-up, so that the rows in use are converted and not all of it.

    Args:
        model: the ONNX model.
        state: name of a weight -> its value, as it is computed with.
        table: of :func:`weights_table`.
        most_inline: bytes that any other constant may have; None for as many as it likes.
    """
    from onnx import numpy_helper

    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        key = tensor.name.removeprefix("model.")
        if key not in state:
            _keep_inline(tensor, most_inline)
            continue
        if not np.array_equal(numpy_helper.to_array(tensor), state[key]):
            raise RuntimeError(f"the exporter changed the weight {key}")
        name = tensor.name
        tensor.CopyFrom(_reference(name, table[key]))
        if table[key].dtype == "I8":
            graph.initializer.append(_reference(name + SCALE, table[key + SCALE]))
            _scale_after_gather(graph, name)
        elif table[key].dtype == "F16" and not _cast_after_gather(graph, name):
            tensor.name = f"{name}.stored"
            casts.append(_cast(tensor.name, name))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _reference(name: str, place: Place) -> Any:
    from onnx import TensorProto

    types = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT, "I8": TensorProto.INT8}
    stored = TensorProto(name=name, dims=place.shape, data_type=types[place.dtype])
    stored.data_location = TensorProto.EXTERNAL
    for field in ("location", "offset", "length"):
        value = place.file if field == "location" else getattr(place, field)
        stored.external_data.add(key=field, value=str(value))
    return stored


def _cast(stored: str, name: str) -> Any:
    from onnx import TensorProto, helper

    return helper.make_node("Cast", [stored], [name], f"{name}.cast", to=TensorProto.FLOAT)


def _keep_inline(tensor: Any, most: int | None) -> None:
    size = len(tensor.raw_data)
    if most is not None and size > most:
        raise RuntimeError(f"the exporter put {size} bytes of {tensor.name} into the graph")


def _gathers(graph: Any, name: str) -> list[Any]:
    """Return the nodes that look up rows of a table; none where it is used in another way too."""
    users = [node for node in graph.node if name in node.input]
    return users if all(n.op_type == "Gather" and n.input[0] == name for n in users) else []


def _cast_after_gather(graph: Any, name: str) -> bool:
    """If a table is only gathered from, cast what is gathered; tell whether that was so."""
    users = _gathers(graph, name)
    for node in users:
        output = node.output[0]
        node.output[0] = f"{output}.stored"
        _put_behind(graph, node, _cast(node.output[0], output))
    return bool(users)


def _scale_after_gather(graph: Any, name: str) -> None:
    """Multiply what is gathered from a table in 8 bits by the scales of its rows."""
    from onnx import helper

    users = _gathers(graph, name)
    if not users:
        raise RuntimeError(f"{name} is stored in 8 bits and not only looked up")
    for node in users:
        output = node.output[0]
        steps, scale = f"{output}.steps", f"{output}.scale"
        node.output[0] = f"{output}.stored"
        inputs = [name + SCALE, node.input[1]]
        _put_behind(
            graph,
            node,
            _cast(node.output[0], steps),
            helper.make_node("Gather", inputs, [f"{scale}.stored"], f"{scale}.gather", axis=0),
            _cast(f"{scale}.stored", scale),
            helper.make_node("Mul", [steps, scale], [output], f"{output}.mul"),
        )


def _put_behind(graph: Any, node: Any, *more: Any) -> None:
    index = list(graph.node).index(node) + 1
    for offset, new in enumerate(more):
        graph.node.insert(index + offset, new)
