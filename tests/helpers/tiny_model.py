"""A C4T model of a few thousand weights, random but whole, for tests of all that uses one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from c4t_core.models.config import (
    ImageEncoderConfig,
    ModelConfig,
    ObjectsConfig,
    PreprocessConfig,
    TextEncoderConfig,
)

if TYPE_CHECKING:
    import torch

TEXT = (
    "a an and the in on at of with without no many few one two three near far left right ahead "
    "car cars truck trucks bus van bicycle cyclist cyclists pedestrian pedestrians people person "
    "motorcycle tram train animal dog traffic light sign signs road street highway motorway lane "
    "junction crossing roundabout bridge tunnel parking sidewalk building buildings house houses "
    "tree trees sky cloud clouds sun sunny rain rainy wet snow snowy fog foggy night day dusk dawn "
    "city town village country field forest mountain sea red green blue grey black white yellow "
    "dark bright empty busy old new big small"
)
WORDS = tuple(TEXT.split())

TINY = ModelConfig(
    name="tiny",
    image=ImageEncoderConfig(architecture="test_efficientnet", features=256, pooling="avgmax"),
    text=TextEncoderConfig(
        dim=32, layers=1, heads=2, hidden=64, vocabulary=256, positions=64, max_length=32
    ),
    preprocess=PreprocessConfig(size=64),
    projection=32,
)
SEEING = dataclasses.replace(  # the same with a branch that sees objects, in frames that are wide
    TINY,
    name="seeing",
    image=dataclasses.replace(
        TINY.image,
        pooling="levels",
        objects=ObjectsConfig(("car", "person", "traffic light", "animal"), channels=16),
    ),
    preprocess=PreprocessConfig(size=64, width=96),
)
# A configuration of open_clip.
TINY_CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 2,
    },
}


def tiny_tokenizer() -> dict[str, bytes]:
    """BERT's way of splitting, with a vocabulary of some hundred words and all letters."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    names += [f"##{letter}" for letter in letters]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*names, *WORDS]))}
    assert len(vocabulary) <= TINY.text.vocabulary
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    config = {"do_lower_case": True, "model_max_length": TINY.text.positions}
    return {
        "tokenizer.json": tokenizer.to_str().encode(),
        "tokenizer_config.json": json.dumps(config).encode(),
    }


def make_tiny_model(
    folder: Path, seed: int = 0, *, graphs: bool = True, config: ModelConfig = TINY
) -> Path:
    """Write a model folder with random weights.

    Statistics and heads are fitted to noise, so that embeddings of different inputs point apart
    as those of a trained model do; and so are probabilities and numbers of objects.
    """
    import torch

    from c4t_core.models.folder import save_model
    from c4t_core.models.graphs.export import export_onnx
    from c4t_core.models.network import DualEncoder

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = DualEncoder(config).eval()
        colours = torch.randint(0, 200, (32, 1, 1, 3), dtype=torch.uint8)
        size = (32, *config.preprocess.shape, 3)
        pixels = colours + torch.randint(0, 56, size, dtype=torch.uint8)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 1.0
        model.image_encoder.train()(pixels)  # sets the statistics that inference uses
        features = model.eval().image_encoder(pixels)
        _centre(model.image_head.projection, features)
        if model.image_encoder.objects is not None:
            _spread(model.image_encoder.objects, model.image_encoder.seen(pixels)[1])
        ids = torch.randint(5, 200, (32, 6))
        features = model.text_encoder(ids, torch.ones_like(ids))
        _centre(model.text_head.projection, features)
    return save_model(
        folder,
        config,
        model.state_dict(),
        tiny_tokenizer(),
        "# A tiny model for tests\n\nRandom weights; its answers mean nothing.\n",
        finish=export_onnx if graphs else None,
    )


def with_other_heads(old: Path, folder: Path, table: str = "half") -> Path:
    """Save a model with the same encoders and another space: the old vectors mean nothing in it."""
    import torch

    from c4t_core.models.folder import load_state, read_config, read_tokenizer, save_model
    from c4t_core.models.graphs.export import export_onnx

    config, state = read_config(old), load_state(old)
    order = torch.randperm(config.projection, generator=torch.Generator().manual_seed(1))
    for head in ("image_head", "text_head"):
        for name in ("projection.weight", "projection.bias", "norm.weight", "norm.bias"):
            state[f"{head}.{name}"] = state[f"{head}.{name}"][order]
        state[f"{head}.mix.bias"] = state[f"{head}.mix.bias"][order]
        state[f"{head}.mix.weight"] = state[f"{head}.mix.weight"][order][:, order]
    config = dataclasses.replace(config, text=dataclasses.replace(config.text, table=table))
    return save_model(folder, config, state, read_tokenizer(old), "", finish=export_onnx)


def make_tiny_clip(folder: Path, scale: float = 50.0) -> Path:
    """Write a checkpoint of a small CLIP with random weights, and open_clip's file beside it."""
    import torch

    from c4t_core.models.clip_network import untaught

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_cfg": TINY_CLIP, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(1)
        network = untaught(TINY_CLIP)
        network.logit_scale.fill_(scale).log_()
    torch.save({"state_dict": network.state_dict()}, folder / "tiny.pt")
    return folder / "tiny.pt"


def _centre(layer: torch.nn.Linear, features: torch.Tensor) -> None:
    out = layer(features)
    layer.weight /= (out - out.mean(dim=0)).std().clamp(min=1e-6)
    layer.bias.copy_(-(layer.weight @ features.mean(dim=0)))


def _spread(branch: Any, statistics: Any) -> None:
    """Have the highest logits stand for probabilities around a half, and for numbers of 0 to 4."""
    highest = statistics[..., 0]  # (n, c)
    mean, spread = highest.mean(dim=0), highest.std(dim=0).clamp(min=1e-6)
    branch.calibration[:, 0] = 1.5 / spread
    branch.calibration[:, 1] = -1.5 * mean / spread
    branch.counting.zero_()
    branch.counting[:, 0] = 1.5 / spread
    branch.counting[:, -1] = 1.0 - 1.5 * mean / spread


def count_parameters(module: Any) -> int:
    """Return the number of parameters of a torch module, trainable or not."""
    return sum(parameter.numel() for parameter in module.parameters())
