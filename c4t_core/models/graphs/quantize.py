"""An image graph in 8 bits beside the plain one: faster, and the same on every processor.

Static quantization (arXiv 1712.05877): the ranges of all maps are measured once, on calibration
images, so that a vector never depends on its batch. ONNX Runtime's quantizer writes the graph;
what is better than its own rounding is mended here:

* The first convolution stays as it is. It costs little, and its errors reach everything. So does
  all that reads numbers off the maps of objects: logarithms of small sums would be lost.
* Processors without VNNI add two products of 8 bits in 16 bits, and what does not fit is cut off.
  A weight's scale is chosen so that no two neighbours can get there, instead of halving the
  resolution of all weights: one graph then gives the same vectors on all of them.
* What the rounding of weights adds to a map on average is taken from its bias (bias correction,
  arXiv 1906.04721, section 4.2).

Needs the package ``onnx`` (extra ``train``), no torch.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.devices import available_threads
from c4t_core.errors import ImageError, MissingExtraError, ModelError
from c4t_core.files import write_whole
from c4t_core.images.decode import open_image
from c4t_core.models.config import PREPROCESSING_VERSION, PreprocessConfig, prepare
from c4t_core.models.folder import (
    IMAGE_GRAPH,
    INT8_GRAPH,
    read_config,
    stored_state,
    verify_manifest,
    write_manifest,
)
from c4t_core.models.graphs.export import point_into_weights, weights_table
from c4t_core.models.graphs.sessions import onnx_session
from c4t_core.models.protocol import Pixels
from c4t_core.paths import resource

CALIBRATION = 200  # images; a fifth of them judges
LEAST_MEAN, LEAST_WORST = 0.98, 0.93  # cosines of both graphs; of the shipped model .999, .992
_AT_ONCE = 4
_OPERATORS = ["Conv", "Add", "Clip", "Relu", "MaxPool"]
_LARGEST = 127  # of a weight
_PAIR = 127.5  # sum of two neighbours: 128 times 255 would leave 16 bits, and rounding adds a half

_BIAS_STEPS = 2.0**30

Values = NDArray[np.float64]


def add_int8_graph(folder: Path, images: Sequence[Path] = ()) -> None:
    """Write ``image.int8.onnx`` into a model folder, with its own weights in it.

    Args:
        folder: a model folder with ``image.onnx``.
        images: files such as will be embedded, to measure ranges on; an even choice of them is
            read. Without any, the sample drive's.

    Every fifth image is kept apart, to compare the vectors of both graphs on: one that changes
    them too much is not kept.

    Raises:
        MissingExtraError: if onnx is not installed.
        ModelError: if the folder is broken, no image can be read, the network is too small, or
            8 bits change its vectors too much.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("Writing an image graph in 8 bits", "train") from error
    if IMAGE_GRAPH not in verify_manifest(folder).files:
        raise ModelError(f'The model "{folder}" was saved without {IMAGE_GRAPH}; export it again.')
    preprocess = replace(read_config(folder).preprocess, version=PREPROCESSING_VERSION)
    pixels = calibration(preprocess, images or _sample())
    apart = np.arange(len(pixels)) % 5 == 4
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        plain_file, int8_file = Path(scratch) / "plain.onnx", Path(scratch) / "int8.onnx"
        onnx_session(folder / IMAGE_GRAPH, available_threads(), folded=plain_file)
        plain = Convolutions(onnx.load(str(plain_file)))
        if len(plain.nodes) < 2:
            raise ModelError(
                f'The image network of "{folder}" has fewer than two convolutions, so 8 bits gain '
                "nothing; use its plain graph."
            )
        _quantize(plain_file, int8_file, pixels[~apart], _left_plain(plain))
        model = onnx.load(str(int8_file))
        _mend(Convolutions(model), plain, _mean_inputs(plain, pixels[~apart]))
        _audit(folder, plain.model, model, pixels[apart])
    point_into_weights(model, stored_state(folder), weights_table(folder))
    write_whole(folder / INT8_GRAPH, model.SerializeToString())
    write_manifest(folder, preprocess.version)


_READ_OFF = ("/objects/out/", "/surfaces/out/")


def _left_plain(plain: Convolutions) -> list[str]:
    """Return the nodes that stay: the first convolution, and what reads numbers off object maps."""
    names = [next(iter(plain.nodes))]
    behind: set[str] = set()
    for node in plain.model.graph.node:  # in order of use
        if any(out in node.name for out in _READ_OFF) or behind.intersection(node.input):
            behind.update(node.output)
            names.append(node.name)
    return names


def calibration(preprocess: PreprocessConfig, images: Sequence[Path]) -> Pixels:
    """Return an even choice of images, prepared, uint8 (n, height, width, 3).

    Raises:
        ModelError: if none can be read.
    """
    found = []
    for path in images[:: -(-len(images) // CALIBRATION) or 1]:
        with contextlib.suppress(ImageError):
            found.append(prepare(open_image(path, min(preprocess.shape)), preprocess))
    if not found:
        raise ModelError(
            "None of the images can be read that 8 bits are to be measured on; name a folder of "
            "frames that open in the viewer."
        )
    return np.stack(found)


def _sample() -> list[Path]:
    return sorted(resource("sample", "drives").glob("*/camera/*/*.jpg"))


def _batches(pixels: Pixels) -> Iterator[Pixels]:
    for start in range(0, len(pixels), _AT_ONCE):
        yield pixels[start : start + _AT_ONCE]


def _quantize(plain: Path, int8: Path, pixels: Pixels, excluded: list[str]) -> None:
    import logging

    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = _batches(pixels)

        def get_next(self) -> dict[str, Pixels] | None:
            batch = next(self._batches, None)
            return None if batch is None else {"pixels": batch}

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises what was done before it is called
    try:
        quantize_static(
            str(plain),
            str(int8),
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_OPERATORS,
            nodes_to_exclude=excluded,
            per_channel=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    finally:
        root.setLevel(level)


class Convolutions:
    """The convolutions of a graph by name, and what they compute with.

    Attributes:
        nodes: name -> node, in the order of the graph.
        makers: name of a value -> the node that makes it.
        tensors: name of a constant -> the constant.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        graph = model.graph
        self.nodes = {node.name: node for node in graph.node if node.op_type == "Conv"}
        self.makers = {output: node for node in graph.node for output in node.output}
        self.tensors = {tensor.name: tensor for tensor in graph.initializer}

    def value(self, name: str) -> NDArray[Any]:
        """Return a constant."""
        from onnx import numpy_helper

        array: NDArray[Any] = numpy_helper.to_array(self.tensors[name])
        return array

    def put(self, name: str, array: NDArray[Any]) -> None:
        """Set a constant, which keeps its type and shape."""
        from onnx import numpy_helper

        before = self.value(name)
        after = array.astype(before.dtype).reshape(before.shape)
        self.tensors[name].CopyFrom(numpy_helper.from_array(after, name))

    def stored(self, node: Any, index: int) -> Any:
        """Return the node that reads an input from 8 bits, None where it is no such input."""
        maker = self.makers.get(node.input[index]) if index < len(node.input) else None
        return maker if maker is not None and maker.op_type == "DequantizeLinear" else None


def _mean_inputs(plain: Convolutions, pixels: Pixels) -> dict[str, Values]:
    """Return the mean of each channel of what each convolution gets, by the name of the value."""
    from onnx import ModelProto, helper

    names = sorted({node.input[0] for node in plain.nodes.values()})
    model = ModelProto()
    model.CopyFrom(plain.model)
    known = {output.name for output in model.graph.output}
    for name in names:
        if name not in known:
            model.graph.output.append(helper.make_empty_tensor_value_info(name))
    session = onnx_session(model.SerializeToString(), available_threads())
    sums: dict[str, Values] = {}
    for batch in _batches(pixels):
        for name, maps in zip(names, session.run(names, {"pixels": batch}), strict=True):
            sums[name] = sums.get(name, np.float64(0)) + maps.mean(axis=(2, 3)).sum(axis=0)
    return {name: total / len(pixels) for name, total in sums.items()}


def _mend(int8: Convolutions, plain: Convolutions, means: dict[str, Values]) -> None:
    """Round the weights of all convolutions anew, and take from the biases what that adds."""
    for name, node in int8.nodes.items():
        maps, weights = int8.stored(node, 0), int8.stored(node, 1)
        if maps is None or weights is None:
            continue  # it is left as it was
        like = plain.nodes[name]
        exact = plain.value(like.input[1]).astype(np.float64)
        groups = next((a.i for a in like.attribute if a.name == "group"), 1)
        bias, step = int8.stored(node, 2), np.float64(int8.value(maps.input[1]))
        scale = weight_scale(exact, groups)
        if bias is not None:  # which must fit as well, in 32 bits of such steps
            biases = plain.value(like.input[2]).astype(np.float64)
            scale = np.maximum(scale, np.abs(biases) / (step * _BIAS_STEPS))
        rounded = np.clip(np.round(exact / _column(scale)), -_LARGEST, _LARGEST)
        int8.put(weights.input[0], rounded)
        int8.put(weights.input[1], scale)
        if bias is not None:
            added = _added(rounded * _column(scale) - exact, means[like.input[0]], groups)
            int8.put(bias.input[1], step * scale)
            int8.put(bias.input[0], np.round((biases - added) / (step * scale)))


def weight_scale(weights: Values, groups: int) -> Values:
    """Return what one step of each output channel's weights is worth, (o,).

    Args:
        weights: of a convolution, (o, i, h, w).
        groups: of its channels; where each stands alone, no two products are added.
    """
    flat = weights.reshape(len(weights), -1)
    scale = np.abs(flat).max(axis=1) / _LARGEST
    if groups == 1:
        channels = weights[:, : weights.shape[1] // 2 * 2]
        one, other = channels[:, 0::2], channels[:, 1::2]
        together = np.where(one * other > 0, np.abs(one + other), 0.0)
        largest = together.reshape(len(weights), -1).max(axis=1, initial=0.0)
        scale = np.maximum(scale, largest / _PAIR)
    floor: Values = np.maximum(scale, 1e-12)
    return floor


def _column(scale: Values) -> Values:
    return scale.reshape(-1, 1, 1, 1)


def _added(error: Values, means: Values, groups: int) -> Values:
    """Return what an error of the weights adds to each output channel on average, (o,)."""
    error = error.sum(axis=(2, 3))  # (o, i of its group)
    inputs = means.reshape(groups, -1)  # (groups, i of a group)
    outputs = error.reshape(groups, -1, inputs.shape[1])
    added: Values = np.einsum("goi,gi->go", outputs, inputs).reshape(-1)
    return added


def _audit(folder: Path, plain: Any, int8: Any, pixels: Pixels) -> None:
    """Compare the vectors of both graphs.

    Raises:
        ModelError: if they differ too much.
    """
    if not len(pixels):
        return
    one, other = (_vectors(model, pixels) for model in (plain, int8))
    cosines = (one * other).sum(axis=1)
    if cosines.mean() < LEAST_MEAN or cosines.min() < LEAST_WORST:
        raise ModelError(
            f'8 bits change the vectors of the model "{folder}" too much (cosine '
            f"{cosines.mean():.3f} on average, {cosines.min():.3f} at worst), so it keeps its "
            "plain graph only; measure on more frames with --images."
        )


def _vectors(model: Any, pixels: Pixels) -> NDArray[np.float32]:
    session = onnx_session(model.SerializeToString(), available_threads())
    return np.concatenate(
        [session.run(["embeddings"], {"pixels": batch})[0] for batch in _batches(pixels)]
    )
