"""CLIP models brought to this machine: downloaded on request, or a local checkpoint file.

Any architecture of open_clip with any of its pretrained tags. Never random weights: a model whose
weights are not on this machine is an error that says how to get them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from c4t_core.errors import DownloadError, ModelError
from c4t_core.models import clip_folder
from c4t_core.models.clip_network import ClipFolder, ClipTokens, build, open_clip
from c4t_core.models.download import HUB, Remote, ask, fetch, hub_url, switched_off
from c4t_core.models.pretrained import read_state
from c4t_core.progress import Progress, ignore

SAFE_SOURCE = '"c4t models add clip" (ViT-B-32), or open_clip_model.safetensors of the model'

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


def add_checkpoint(
    file: Path | str, name: str | None = None, architecture: str | None = None
) -> str:
    """Copy a local checkpoint into this machine's CLIP models and return its name.

    Args:
        file: safetensors, or ``.pt``/``.bin`` that holds nothing but tensors. TorchScript
            archives, which can carry code, are refused.
        name: what to call it: ``"NAME"`` or ``"clip:NAME"``; ``"clip"`` for the yardstick itself;
            None for the name of the file.
        architecture: open_clip's name of it, or the path of its JSON configuration. By default
            ``open_clip_config.json`` beside the file, or what the shapes of the weights tell.

    Raises:
        ModelError: if the file is refused or does not fit the architecture.
        MissingExtraError: if open_clip is not installed.
    """
    source = Path(file)
    folder_name = clip_folder.stem(name or source.stem)
    state = read_state(source, SAFE_SOURCE)
    for leftover in ("input_resolution", "context_length", "vocab_size"):
        state.pop(leftover, None)  # of OpenAI's own files
    config, label = _config_for(source, architecture, state)
    from safetensors.torch import save_file

    with clip_folder.building(folder_name) as folder:
        whole = {key: value.detach().clone().contiguous() for key, value in state.items()}
        save_file(whole, folder / clip_folder.WEIGHTS)
        clip_folder.write_model_files(folder, config, label, source.name)
        _prove(folder)
    return _ready(folder_name)


def _config_for(
    source: Path, architecture: str | None, state: dict[str, Any]
) -> tuple[dict[str, Any], str]:
    """Return the configuration of a checkpoint and what to call its architecture."""
    beside = source.parent / clip_folder.CONFIG
    path = Path(architecture) if architecture else beside
    if path.is_file():
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            model = dict(data.get("model_cfg", data))
            if not {"embed_dim", "vision_cfg", "text_cfg"} <= model.keys():
                raise ValueError("no architecture in it")  # noqa: TRY301
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ModelError(
                f'"{path}" is not a configuration of open_clip ({error}); give the name of an '
                "architecture, such as ViT-B-32."
            ) from error
        return {
            "model_cfg": model,
            "preprocess_cfg": dict(data.get("preprocess_cfg", {})),
        }, (path.stem if architecture else "of its own configuration")
    chosen = architecture or guess_architecture(state)
    model = open_clip().get_model_config(chosen)
    if model is None:
        raise ModelError(
            f'open_clip knows no architecture "{chosen}"; give its name, such as ViT-B-32, or the '
            "path of its JSON configuration."
        )
    return {"model_cfg": model, "preprocess_cfg": {}}, chosen


def _prove(folder: Path) -> None:
    """Build the model once, so that what does not fit is found now and not when it is used."""
    clip_folder.preprocessing(clip_folder.read_config(folder))
    ClipTokens(folder)
    build(folder)


def _ready(folder_name: str) -> str:
    """Make now what runs without torch, where that can be; return what the user calls the model."""
    name = clip_folder.public_name(folder_name)
    folder = ClipFolder(name)
    folder.tokens()
    with contextlib.suppress(OSError):  # what the cache does not take now is tried at its first use
        folder.engine("cpu")
    return name


def download_size(name: str = "clip") -> int:
    """Return how many bytes :func:`download` would fetch, to be shown before it is asked for.

    Raises:
        DownloadError: at once without a network.
        ModelError: if there is no such architecture or pretrained tag.
    """
    return _remote(name)[0].size


def download(name: str = "clip", progress: Progress = ignore) -> str:
    """Fetch a CLIP model that open_clip knows: ``"clip"`` or ``"clip:ARCHITECTURE@TAG"``.

    An attempt that broke off or was cancelled goes on where it stopped.

    Args:
        name: without a tag, the first that the architecture has (OpenAI's, where there is one).
        progress: told bytes done and in all.

    Returns:
        the name to load it by.

    Raises:
        DownloadError: at once without a network; if the connection breaks or the file is wrong.
        ModelError: if there is no such model, or it is here already.
        MissingExtraError: if open_clip is not installed.
        Cancelled: from ``progress``.
    """
    remote, folder_name, settings = _remote(name)
    part = clip_folder.clip_dir() / f".{folder_name}.safetensors"
    with clip_folder.building(folder_name) as folder:
        fetch(remote, part, progress)
        part.replace(folder / clip_folder.WEIGHTS)
        architecture = folder_name.partition("@")[0]
        model = open_clip().get_model_config(architecture)
        if settings.get("quick_gelu"):
            model["quick_gelu"] = True
        kept = ("mean", "std", "interpolation", "resize_mode")
        config = {
            "model_cfg": model,
            "preprocess_cfg": {key: settings[key] for key in kept if key in settings},
        }
        clip_folder.write_model_files(folder, config, architecture, remote.url)
        _prove(folder)
    return _ready(folder_name)


def _remote(name: str) -> tuple[Remote, str, dict[str, Any]]:
    """Return the file to fetch, the folder name it gets, and open_clip's settings for it."""
    wanted = clip_folder.stem(name)
    if switched_off():
        raise DownloadError(
            "Downloads are switched off (HF_HUB_OFFLINE is set); unset it, or add a checkpoint "
            'file with "c4t models add FILE".'
        )
    known = hub_url("timm/vit_base_patch32_clip_224.openai", clip_folder.WEIGHTS)
    if wanted == clip_folder.DEFAULT and known.startswith(HUB):
        ask(known)  # so that "offline" is said before a second of imports
    module = open_clip()
    architecture, _, tag = wanted.partition("@")
    tags = module.list_pretrained_tags_by_model(architecture)
    if not tags or (tag and tag not in tags):
        known = ", ".join(tags[:8]) or "none; ViT-B-32 is one that has some"
        raise ModelError(
            f'open_clip has no weights "{tag or "any"}" for "{architecture}"; the tags there are: '
            f"{known}."
        )
    tag = tag or ("openai" if "openai" in tags else tags[0])
    settings = dict(module.get_pretrained_cfg(architecture, tag))
    repository, _, file = settings.get("hf_hub", "").rpartition("/")
    if not repository:
        raise ModelError(
            f'The weights "{architecture}@{tag}" are only published as a pickled file; choose a '
            "tag that has safetensors."
        )
    file = f"{Path(file).stem}.safetensors" if file else clip_folder.WEIGHTS
    return ask(hub_url(repository, file)), f"{architecture}@{tag}", settings
