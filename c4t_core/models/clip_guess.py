"""Tell a CLIP checkpoint's architecture by the shapes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from c4t_core.errors import ModelError
from c4t_core.models.clip_network import open_clip

_Signature = tuple[int, ...]


def guess_architecture(state: Mapping[str, Any]) -> str:
    """Return open_clip's name of the one architecture that has these shapes.

    Only plain vision transformers are told apart. Where one architecture exists with both
    activation functions the shapes cannot tell, and a wrong one would quietly give worse
    embeddings: then the user is asked.

    Args:
        state: weight name -> tensor.

    Raises:
        ModelError: if none or several fit.
    """
    found = _signature_of_weights(state)
    module = open_clip()
    fitting = [
        name
        for name in module.list_models()
        if found is not None and _signature_of_config(module.get_model_config(name)) == found
    ]
    if len(fitting) == 1:
        return str(fitting[0])
    if not fitting:
        raise ModelError(
            "The architecture of this checkpoint cannot be told from its weights; name it with "
            "--architecture, such as ViT-B-32."
        )
    raise ModelError(
        f"This checkpoint fits several architectures ({', '.join(fitting[:6])}), which differ in "
        "what they compute; name the right one with --architecture (OpenAI's own weights are "
        "-quickgelu)."
    )


def _signature_of_weights(state: Mapping[str, Any]) -> _Signature | None:
    """Return image width, layers, patch, positions; text width, layers, words, positions; dim."""
    try:
        width, _, patch, _ = state["visual.conv1.weight"].shape
        words, text_width = state["token_embedding.weight"].shape
        return (
            width,
            _layers(state, "visual.transformer.resblocks."),
            patch,
            state["visual.positional_embedding"].shape[0],
            text_width,
            _layers(state, "transformer.resblocks."),
            words,
            state["positional_embedding"].shape[0],
            state["text_projection"].shape[1],
        )
    except (KeyError, ValueError, IndexError):
        return None


def _layers(state: Mapping[str, Any], prefix: str) -> int:
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})


def _signature_of_config(config: Mapping[str, Any]) -> _Signature | None:
    vision, text = config["vision_cfg"], config["text_cfg"]
    layers, size, patch = (vision.get(key) for key in ("layers", "image_size", "patch_size"))
    plain = all(isinstance(value, int) for value in (layers, size, patch))
    if not plain or config.get("custom_text") or "multimodal_cfg" in config:
        return None
    if "timm_model_name" in vision or "hf_model_name" in text:
        return None
    return (
        vision.get("width", 768),
        layers,
        patch,
        (size // patch) ** 2 + 1,
        text.get("width", 512),
        text.get("layers", 12),
        text.get("vocab_size", 49408),
        text.get("context_length", 77),
        config["embed_dim"],
    )
