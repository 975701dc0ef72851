"""Keep the text side of the model that a new one takes the place of: ``... earlier NEW OLD``.

The indexes of the old model can then be searched until they are made anew. Both have the same text
encoder, so this is a head and a graph, about a megabyte. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from c4t_core.errors import ModelError
from c4t_core.files import read_json, write_whole
from c4t_core.index.directions import ModelHandle
from c4t_core.index.events import AlikeLevel
from c4t_core.models.export import graph_of, safetensors_table
from c4t_core.models.folder import (
    EARLIER_GRAPH,
    EARLIER_WEIGHTS,
    TEXT_GRAPH,
    TEXT_WEIGHTS,
    half,
    load_state,
    read_config,
    read_tokenizer,
    verify_manifest,
    write_manifest,
)
from c4t_core.models.protocol import Earlier
from c4t_core.models.registry import load_model, model_info
from c4t_core.paths import resource

LEAST = 0.999  # cosine of the same sentence, embedded by the old model and by what is kept of it


def add_earlier_text(folder: Path, old: Path) -> float:
    """Write the text side of an old model into the folder of the one that takes its place.

    Args:
        folder: the new model, in format 2, with all its graphs.
        old: the model that was shipped before, of either format, with all its graphs.

    Returns:
        The least cosine of a sentence as the old model embeds it with what is kept of it, which
        differs where the new folder rounds its word table.

    Raises:
        ModelError: if one of the folders is broken, or their text encoders are not the same.
    """
    import torch
    from safetensors.torch import save

    from c4t_core.models.network import DualEncoder

    verify_manifest(folder)
    verify_manifest(old)
    if read_tokenizer(folder) != read_tokenizer(old):
        raise ModelError(f'"{old}" and "{folder}" have other tokenizers; both need the same.')
    config = dataclasses.replace(read_config(folder), projection=read_config(old).projection)
    model = DualEncoder(config)
    encoder = {k: v for k, v in load_state(folder).items() if k.startswith("text_encoder.")}
    head = {k: v for k, v in load_state(old).items() if k.startswith("text_head.")}
    model.load_state_dict({**model.state_dict(), **encoder, **head})
    write_whole(folder / EARLIER_WEIGHTS, save({name: half(t) for name, t in head.items()}))
    table = {
        **safetensors_table(folder / TEXT_WEIGHTS),
        **safetensors_table(folder / EARLIER_WEIGHTS),
    }
    with torch.no_grad():
        write_whole(folder / EARLIER_GRAPH, graph_of(model.eval(), TEXT_GRAPH, table))
    alike = AlikeLevel(ModelHandle(str(old))).get()
    graphs = model_info(str(old)).graphs
    write_manifest(folder, earlier=Earlier(graphs, config.projection, alike))
    return _compare(folder, old)


def _compare(folder: Path, old: Path) -> float:
    sentences = read_json(resource("sentences.json"))
    texts = [*sentences["asked"], *sentences["unrelated"]]
    kept = ModelHandle(str(folder)).earlier
    assert kept is not None
    cosines = (kept.get().encode_texts(texts) * load_model(str(old)).encode_texts(texts)).sum(
        axis=1
    )
    if cosines.min() < LEAST:
        raise ModelError(
            f'"{old}" embeds sentences otherwise than what is kept of it in "{folder}" (cosine '
            f"{cosines.min():.4f}); their text encoders need be the same."
        )
    return float(np.min(cosines))


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
