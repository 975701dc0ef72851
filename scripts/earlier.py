"""Keep the text side of the model that a new one takes the place of: ``... earlier NEW OLD``.

The indexes of the old model can then be searched until they are made anew, and so can those of the
earlier models that the old one keeps itself. All have the same text encoder, so this is a head and
a graph each, about a megabyte. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from c4t_core.errors import ModelError
from c4t_core.files import write_whole
from c4t_core.index.cut import EVERY
from c4t_core.index.directions import ModelHandle
from c4t_core.index.events import AlikeLevel
from c4t_core.models.folder import (
    TEXT_GRAPH,
    TEXT_WEIGHTS,
    earlier_files,
    half,
    load_state,
    read_config,
    read_tokenizer,
    verify_manifest,
    write_manifest,
)
from c4t_core.models.graphs.export import graph_of, safetensors_table
from c4t_core.models.protocol import Earlier, earlier_graph
from c4t_core.models.registry import model_info

_HEAD = "text_head."
LEAST = 0.999  # cosine of the same sentence, embedded by the old model and by what is kept of it


def add_earlier_text(folder: Path, old: Path) -> float:
    """Write the text side of an old model into the folder of the one that takes its place.

    What the old one keeps of earlier models comes behind it; what the new one kept goes.

    Args:
        folder: the new model, in format 2, with all its graphs.
        old: the model that was shipped before, of either format, with all its graphs.

    Returns:
        The least cosine of a sentence as the old model embeds it, or what that keeps of an earlier
        one, with what is kept now; they differ where the new folder rounds its word table.

    Raises:
        ModelError: if one of the folders is broken, or their text encoders are not the same.
    """
    from safetensors.torch import save

    now, before = verify_manifest(folder), verify_manifest(old)
    if read_tokenizer(folder) != read_tokenizer(old):
        raise ModelError(f'"{old}" and "{folder}" have other tokenizers; both need the same.')
    head = {k: half(v) for k, v in load_state(old).items() if k.startswith(_HEAD)}
    handle = ModelHandle(str(old))
    known = Earlier(model_info(str(old)).graphs, handle.dim, AlikeLevel(handle).get())
    kept = [(handle, known, save(head))]
    for earlier, carried in zip(handle.earlier, before.earlier, strict=True):
        if {digest for _, digest in carried.graphs}.isdisjoint(
            ModelHandle(str(folder)).fingerprints
        ):
            kept.append((earlier, carried, (old / earlier_files(earlier.kept)[1]).read_bytes()))
    for number, (_, of, weights) in enumerate(kept, 1):
        _write(folder, earlier_graph(number), of.dim, weights)
    for number in range(len(kept) + 1, len(now.earlier) + 1):
        for name in earlier_files(earlier_graph(number)):
            (folder / name).unlink()
    write_manifest(folder, earlier=[of for _, of, _ in kept])
    return _compare(folder, [model for model, _, _ in kept])


def _write(folder: Path, graph: str, dim: int, weights: bytes) -> None:
    """Write the head of an earlier model, and its graph with the folder's text encoder."""
    import torch
    from safetensors.torch import load

    from c4t_core.models.network import DualEncoder

    graph_name, weights_name = earlier_files(graph)
    model = DualEncoder(dataclasses.replace(read_config(folder), projection=dim))
    encoder = {k: v for k, v in load_state(folder).items() if k.startswith("text_encoder.")}
    model.load_state_dict({**model.state_dict(), **encoder, **load(weights)})
    write_whole(folder / weights_name, weights)
    table = {
        **safetensors_table(folder / TEXT_WEIGHTS),
        **safetensors_table(folder / weights_name),
    }
    with torch.no_grad():
        write_whole(folder / graph_name, short(graph_of(model.eval(), TEXT_GRAPH, table)))


def short(graph: bytes) -> bytes:
    """Return an ONNX file in which what lies between the nodes has short names.

    Names are most of a graph whose weights lie elsewhere, and each earlier model adds a graph.
    """
    import onnx

    model = onnx.load_from_string(graph)
    fixed = {value.name for value in (*model.graph.input, *model.graph.output)}
    named: dict[str, str] = {"": ""}
    for number, tensor in enumerate(model.graph.initializer):
        tensor.name = named.setdefault(tensor.name, f"w{number}")
    for node in model.graph.node:
        node.ClearField("name")
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                new = name if name in fixed else f"t{len(named)}"
                names[place] = named.setdefault(name, new)
    made: bytes = model.SerializeToString()
    return made


def _compare(folder: Path, models: Sequence[ModelHandle]) -> float:
    """Return the least cosine of a sentence as models embed it with what is kept of each."""
    pairs = zip(ModelHandle(str(folder)).earlier, models, strict=True)
    rows = [(kept.get().encode_texts(EVERY), old.get().encode_texts(EVERY)) for kept, old in pairs]
    least = min(float((one * other).sum(axis=1).min()) for one, other in rows)
    if not least >= LEAST:
        raise ModelError(
            f'What "{folder}" keeps of earlier models embeds sentences otherwise than they do '
            f"(cosine {least:.4f}); their text encoders need be the same."
        )
    return least


def main(arguments: Sequence[str] | None = None) -> int:
    """Add what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("new", type=Path, help="folder of the new model")
    parser.add_argument("old", type=Path, help="folder of the model shipped before")
    given = parser.parse_args(arguments)
    print(f"least cosine of a sentence: {add_earlier_text(given.new, given.old):.5f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
