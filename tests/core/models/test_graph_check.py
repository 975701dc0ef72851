"""Weights of a graph may lie in model.safetensors beside it and nowhere else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from c4t_core.errors import ModelError
from c4t_core.models.c4t import check_graph, external_data


def tensor(location: str, offset: int = 0, length: int = 4) -> TensorProto:
    made = TensorProto(name="w", dims=[1], data_type=TensorProto.FLOAT)
    made.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        made.external_data.add(key=key, value=str(value))
    return made


def model(made: TensorProto, place: str) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    inner = helper.make_graph([], "inner", [], [x], initializer=[made])
    nodes, initializers, sparse = [], [], []
    if place == "initializer":
        initializers = [made]
    elif place == "constant":
        nodes = [helper.make_node("Constant", [], ["c"], value=made)]
    elif place == "subgraph":
        nodes = [helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)]
    elif place == "sparse":
        sparse = [helper.make_sparse_tensor(made, made, [1])]
    graph = helper.make_graph(nodes, "g", [x], [x], initializer=initializers)
    graph.sparse_initializer.extend(sparse)
    proto = helper.make_model(graph)
    if place == "function":
        constant = helper.make_node("Constant", [], ["c"], value=made)
        proto.functions.append(
            helper.make_function("d", "f", [], ["c"], [constant], proto.opset_import)
        )
    return proto


PLACES = ["initializer", "constant", "subgraph", "sparse", "function"]


def write(folder: Path, proto: onnx.ModelProto) -> Path:
    (folder / "model.safetensors").write_bytes(bytes(64))
    path = folder / "image.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


@pytest.mark.parametrize("place", PLACES)
def test_the_weights_beside_are_accepted(tmp_path, place):
    path = write(tmp_path, model(tensor("model.safetensors", 8, 56), place))
    assert external_data(path.read_bytes())
    check_graph(path)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "location",
    ["/etc/passwd", "../model.safetensors", "./model.safetensors", "other.bin", "",
     "model.safetensors/../x", "MODEL.SAFETENSORS", "model.safetensors\0x"],
)  # fmt: skip
def test_any_other_place_is_refused(tmp_path, place, location):
    path = write(tmp_path, model(tensor(location), place))
    with pytest.raises(ModelError, match="points to another file"):
        check_graph(path)


@pytest.mark.parametrize(("offset", "length"), [(60, 8), (-4, 4), (0, -1), (1 << 40, 1)])
def test_reaching_out_of_the_file_is_refused(tmp_path, offset, length):
    path = write(tmp_path, model(tensor("model.safetensors", offset, length), "initializer"))
    with pytest.raises(ModelError, match="does not fit"):
        check_graph(path)


def test_two_locations_for_one_tensor_are_refused(tmp_path):
    made = tensor("model.safetensors")
    made.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(ModelError, match="given twice"):
        check_graph(write(tmp_path, model(made, "initializer")))


def wrap(number: int, content: bytes) -> bytes:
    """A length-delimited field: tag, length, content."""
    size, out = len(content), bytes([number << 3 | 2])
    while size > 127:
        out, size = out + bytes([size & 127 | 128]), size >> 7
    return out + bytes([size]) + content


def test_nested_graphs_without_end_are_refused(tmp_path):
    graph = wrap(5, tensor("/etc/passwd").SerializeToString())
    for _ in range(2000):  # a graph in an attribute of a node of a graph ...
        graph = wrap(1, wrap(5, wrap(6, graph)))
    path = write(tmp_path, onnx.ModelProto())
    path.write_bytes(wrap(7, graph))
    with pytest.raises(ModelError, match="nested too deeply"):
        check_graph(path)


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


@pytest.mark.parametrize("above", [1 << 32, 1 << 34, 1 << 60])
def test_tags_that_are_too_long_hide_nothing(tmp_path, above):
    # ONNX Runtime reads the lower 32 bits of a tag: this is a graph to it
    content = model(tensor("/etc/passwd"), "initializer").graph.SerializeToString()
    path = write(tmp_path, onnx.ModelProto())
    path.write_bytes(varint(above | 7 << 3 | 2) + varint(len(content)) + content)
    with pytest.raises(ModelError, match="too long"):
        check_graph(path)


@pytest.mark.parametrize("operator", ["Loop", "Scan"])
@pytest.mark.parametrize("place", ["graph", "branch", "function"])
def test_loops_are_refused(tmp_path, operator, place):
    proto = model(tensor("model.safetensors"), "initializer")
    inner = helper.make_graph([], "body", [], [proto.graph.output[0]])
    node = helper.make_node(operator, ["", "", "x"], ["y"], body=inner)
    if place == "graph":
        proto.graph.node.append(node)
    elif place == "branch":
        branch = helper.make_graph([node], "then", [], [proto.graph.output[0]])
        proto.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=branch))
    else:
        proto.functions.append(
            helper.make_function("d", "f", ["x"], ["y"], [node], proto.opset_import)
        )
    with pytest.raises(ModelError, match=f"it loops .{operator}"):
        check_graph(write(tmp_path, proto))


def test_functions_that_multiply_are_refused(tmp_path):
    proto = model(tensor("model.safetensors"), "initializer")
    for number in range(1, 31):  # two to the power of thirty nodes, once they are unfolded
        calls = [
            helper.make_node(f"f{number - 1}", [one], [other], domain="d")
            for one, other in (("a", "b"), ("b", "c"))
        ]
        proto.functions.append(
            helper.make_function("d", f"f{number}", ["a"], ["c"], calls, proto.opset_import)
        )
    with pytest.raises(ModelError, match="call each other"):
        check_graph(write(tmp_path, proto))


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_value_error(data):
    with contextlib.suppress(ValueError):
        external_data(data)


def test_the_walk_sees_what_the_onnx_package_sees(tiny_model_folder):
    for name in ("image.onnx", "text.onnx"):
        proto = onnx.load(tiny_model_folder / name, load_external_data=False)
        expected = [
            {entry.key: entry.value for entry in t.external_data}
            for t in proto.graph.initializer
            if t.external_data
        ]
        found = external_data((tiny_model_folder / name).read_bytes())
        assert len(found) == len(expected) > 10
        assert {str(e.offset) for e in found} == {e["offset"] for e in expected}
