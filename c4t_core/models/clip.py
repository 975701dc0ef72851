"""CLIP models brought to this machine: downloaded on request, or a local checkpoint file.

Any architecture of open_clip with any of its pretrained tags. Never random weights: a model whose
weights are not on this machine is an error that says how to get them.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from c4t_core.errors import DownloadError, MissingExtraError, ModelError
from c4t_core.models import clip_folder
from c4t_core.models.clip_network import ClipFolder, ClipTokens, build, open_clip
from c4t_core.models.download import (
    NoSuchFile,
    Remote,
    ask,
    fetch,
    hub_url,
    is_here,
    reach,
    switched_off,
)
from c4t_core.models.pretrained import read_state
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

SAFE_SOURCE = '"c4t models add clip" (ViT-B-32), or open_clip_model.safetensors of the model'

_Signature = tuple[int, ...]
_QUICK = "-quickgelu"  # open_clip's architectures with the activation of OpenAI's


def guess_architecture(state: Mapping[str, Any], name: str = "") -> str:
    """Return open_clip's name of the architecture that has these shapes.

    Where one architecture exists with both activation functions the shapes cannot tell, and a
    wrong one would quietly give worse embeddings: then the name of the file decides, or that
    OpenAI's own weights are half floats; else the user is asked.

    Args:
        state: weight name -> tensor.
        name: of the file, without its ending.

    Raises:
        ModelError: if none or several fit.
    """
    module = open_clip()
    names = [str(known) for known in module.list_models()]
    said = _plain(name)
    named = sorted((n for n in names if f"-{_plain(n)}-" in f"-{said}-"), key=len, reverse=True)
    fits = _fitting(module, state)
    fitting = next(([n] for n in named if fits(n)), None) or [n for n in names if fits(n)]
    first = fitting[0] if fitting else ""
    base = first.removesuffix(_QUICK)
    if first == base and (len(fitting) == 1 or set(fitting) == {base, base + _QUICK}):
        quick = _is_quick(module, base, said, state) if base + _QUICK in names else False
        if quick is not None:
            return base + _QUICK if quick else base
        fitting = fitting if named else [*fitting, base + _QUICK][:2]
    if len(fitting) == 1 or (not fitting and named):
        return fitting[0] if fitting else named[0]
    what = f'checkpoint "{name}"' if name else "checkpoint"
    if not fitting:
        raise ModelError(
            f"The architecture of this {what} cannot be told from its weights; name it with "
            "--architecture, such as ViT-B-32."
        )
    raise ModelError(
        f"This {what} fits several architectures ({', '.join(fitting[:6])}), which differ in "
        "what they compute; name the right one with --architecture (OpenAI's own weights are "
        "-quickgelu)."
    )


def _plain(name: str) -> str:
    """Return a name to compare by.

    >>> _plain("ViT_B/32 laion2b")
    'vit-b-32-laion2b'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _is_quick(module: Any, base: str, said: str, state: Mapping[str, Any]) -> bool | None:
    """Tell which activation the weights were trained with; None where nothing says it."""
    rest = said.replace(_plain(base), "").strip("-")
    words = {word for word in rest.split("-") if len(word) >= 4}
    kinds = {
        bool(module.get_pretrained_cfg(base, tag).get("quick_gelu"))
        for tag in module.list_pretrained_tags_by_model(base)
        if any(_plain(tag).startswith(word) for word in words)
    }
    if len(kinds) == 1:
        return kinds.pop()
    return True if _of_openai(state) else None


def _of_openai(state: Mapping[str, Any]) -> bool:
    """Tell whether single floats are half floats in truth, as only OpenAI's were published."""
    if "input_resolution" in state:
        return True
    weight = state.get("visual.conv1.weight")
    if weight is None or weight.is_meta or str(weight.dtype) != "torch.float32":
        return False
    return bool((weight.half().float() == weight).all()) and bool(weight.any())


def _fitting(module: Any, state: Mapping[str, Any]) -> Callable[[str], bool]:
    """Return what tells whether an architecture has the shapes of these weights."""
    found = _signature_of_weights(state)
    shapes = {key: tuple(value.shape) for key, value in state.items()}

    def fits(name: str) -> bool:
        config = module.get_model_config(name)
        if found is not None:
            return _signature_of_config(config) == found
        return _text_fits(config, shapes) and _shapes_of(module, name) == shapes

    return functools.cache(fits)


def _text_fits(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Tell at once of most architectures that they are others, by the text tower."""
    text, vision, own = (
        config["text_cfg"],
        config["vision_cfg"],
        "text." if config.get("custom_text") else "",
    )
    if "hf_model_name" in text or "multimodal_cfg" in config:
        return False
    if ("timm_model_name" in vision) != any(key.startswith("visual.trunk.") for key in shapes):
        return False
    size, width = text.get("vocab_size", 49408), text.get("width", 512)
    return (
        shapes.get(f"{own}token_embedding.weight") == (size, width)
        and shapes.get(f"{own}positional_embedding") == (text.get("context_length", 77), width)
        and _layers(shapes, f"{own}transformer.resblocks.") == text.get("layers", 12)
    )


def _shapes_of(module: Any, name: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an architecture's weights; none are made."""
    import torch

    try:
        with torch.device("meta"):
            network = module.create_model(name, load_weights=False, device="meta")
    except (RuntimeError, ValueError, NotImplementedError, TypeError, AttributeError):
        return {}
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


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
            None for the name of the file (or ``"clip"``, if it is that).
        architecture: open_clip's name of it, or the path of its JSON configuration. By default
            ``open_clip_config.json`` beside the file, or what the name of the file and the shapes
            of the weights tell. Tokenizers other than CLIP's own are taken from beside the file.

    Raises:
        ModelError: if the file is refused or does not fit the architecture.
        MissingExtraError: if open_clip is not installed.
    """
    source = Path(file)
    state = read_state(source, SAFE_SOURCE)
    config, label = _config_for(source, architecture, state)
    folder_name = clip_folder.stem(name or _default_name(source, label, state))
    for leftover in ("input_resolution", "context_length", "vocab_size"):
        state.pop(leftover, None)  # of OpenAI's own files
    with clip_folder.building(folder_name) as folder:
        _write_weights(state, folder)
        clip_folder.write_model_files(folder, config, label, source.name)
        for beside in _tokenizer_files(config["model_cfg"], source.parent):
            shutil.copyfile(beside, folder / beside.name)
        _prove(folder, source)
    return _ready(folder_name)


def _default_name(source: Path, label: str, state: Mapping[str, Any]) -> str:
    default = clip_folder.clip_dir() / clip_folder.DEFAULT
    if label == "ViT-B-32-quickgelu" and _of_openai(state) and not default.exists():
        return "clip"
    return clip_folder.name_for(source)


def _write_weights(state: Mapping[str, Any], folder: Path) -> None:
    from safetensors.torch import save_file

    try:
        whole = {key: value.detach().clone().contiguous() for key, value in state.items()}
        save_file(whole, folder / clip_folder.WEIGHTS)
    except (RuntimeError, ValueError, KeyError) as error:  # sparse tensors, or some without numbers
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(
            f"These weights are no plain tensors ({first[:200]}); save the model as safetensors "
            "and add that file."
        ) from error


def _tokenizer_files(model: Mapping[str, Any], place: Path) -> list[Path]:
    """Return the files in a folder of the tokenizer of a model that has not CLIP's own."""
    if not model["text_cfg"].get("hf_tokenizer_name"):
        return []
    return [place / name for name in clip_folder.TOKENIZER_FILES if (place / name).is_file()]


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
    chosen = architecture or guess_architecture(state, source.stem)
    model = open_clip().get_model_config(chosen)
    if model is None:
        raise ModelError(
            f'open_clip knows no architecture "{chosen}"; give its name, such as ViT-B-32, or the '
            "path of its JSON configuration."
        )
    return {"model_cfg": model, "preprocess_cfg": {}}, chosen


def _prove(folder: Path, source: Path | None = None) -> None:
    """Build the model once, so that what does not fit is found now and not when it is used."""
    clip_folder.preprocessing(clip_folder.read_config(folder))
    ClipTokens(folder)
    build(folder, source)


def _ready(folder_name: str) -> str:
    """Make now what runs without torch, where that can be; return what the user calls the model."""
    name = clip_folder.public_name(folder_name)
    folder = ClipFolder(name)
    folder.tokens()
    with contextlib.suppress(OSError):  # what the cache does not take now is tried at its first use
        folder.engine("cpu")
    return name


def wanted(source: str) -> str | None:
    """Return the name to download by that a user means; None for what is none of these names.

    Args:
        source: ``clip``, a short name such as ``pe-core-s``, or open_clip's own,
            ``ARCHITECTURE/PRETRAINED``; with or without ``clip:``.
    """
    bare = source.removeprefix("clip:")
    if bare in {offer.name for offer in clip_folder.OFFERS}:
        return bare if bare == "clip" else f"clip:{bare}"
    name = f"clip:{bare.replace('/', '@', 1)}"
    if source != bare:
        return name
    if not re.fullmatch(r"\w+(-\w+)+([/@]\w+)?|RN\w+([/@]\w+)?", bare, re.ASCII):
        return None
    with contextlib.suppress(MissingExtraError):
        if re.split("[/@]", bare)[0] in open_clip().list_models():
            return name
    return None


def download_size(name: str = "clip") -> int:
    """Return how many bytes :func:`download` would fetch, to be shown before it is asked for.

    Raises:
        DownloadError: at once without a network.
        ModelError: if there is no such architecture or pretrained tag, or it cannot be used here.
    """
    return sum(remote.size for remote in _plan(name).files.values())


@dataclass(frozen=True)
class _Plan:
    """What is fetched for a model.

    Attributes:
        folder_name: architecture, ``@``, tag.
        model: open_clip's configuration of the network.
        preprocess: and of its input.
        files: name -> where it lies; the weights are the last.
    """

    folder_name: str
    model: dict[str, Any]
    preprocess: dict[str, Any]
    files: dict[str, Remote]


def download(name: str = "clip", progress: Progress = ignore) -> str:
    """Fetch a CLIP model that open_clip knows: ``"clip"`` or ``"clip:ARCHITECTURE@TAG"``.

    An attempt that broke off or was cancelled goes on where it stopped. A tokenizer other than
    CLIP's own is fetched as well, so that nothing is asked of the network later.

    Args:
        name: a short name of :data:`c4t_core.models.clip_folder.OFFERS`, or open_clip's; without
            a tag, the first that the architecture has (OpenAI's, where there is one).
        progress: told bytes done and in all.

    Returns:
        the name to load it by.

    Raises:
        DownloadError: at once without a network; if the connection breaks or the file is wrong.
        ModelError: if there is no such model, it is here already, or it cannot be used here.
        MissingExtraError: if open_clip is not installed.
        Cancelled: from ``progress``.
    """
    plan = _plan(name)
    with clip_folder.building(plan.folder_name) as folder:
        parts = _fetch_all(plan, progress)
        for file, part in parts.items():
            part.replace(folder / file)
        *_, (weights, remote) = plan.files.items()
        if weights != clip_folder.WEIGHTS:
            pickled = folder / weights
            if pickled.suffix == ".safetensors":
                pickled.replace(folder / clip_folder.WEIGHTS)
            else:
                _write_weights(read_state(pickled, SAFE_SOURCE), folder)
                pickled.unlink()
        config = {"model_cfg": plan.model, "preprocess_cfg": plan.preprocess}
        architecture = plan.folder_name.partition("@")[0]
        clip_folder.write_model_files(folder, config, architecture, remote.url)
        _prove(folder)
    return _ready(plan.folder_name)


def _fetch_all(plan: _Plan, progress: Progress) -> dict[str, Path]:
    """Bring the files beside the models; those that an earlier attempt brought stay."""
    total, before, parts = sum(remote.size for remote in plan.files.values()), 0, {}
    for file, remote in plan.files.items():
        ending = "safetensors" if file == clip_folder.WEIGHTS else file
        part = clip_folder.clip_dir() / f".{plan.folder_name}.{ending}"
        if not is_here(remote, part):
            fetch(remote, part, functools.partial(_further, progress, before, total))
        before += remote.size
        progress(before, total)
        parts[file] = part
    return parts


def _further(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _plan(name: str) -> _Plan:
    """Return what to fetch for a model, and open_clip's settings for it."""
    asked = clip_folder.stem(name)
    if switched_off():
        raise DownloadError(
            "Downloads are switched off (HF_HUB_OFFLINE is set); unset it, or add a checkpoint "
            'file with "c4t models add FILE".'
        )
    reach(hub_url("timm", clip_folder.WEIGHTS))  # "offline" is said before seconds of imports
    module = open_clip()
    architecture, _, tag = asked.partition("@")
    tags = module.list_pretrained_tags_by_model(architecture)
    if not tags or (tag and tag not in tags):
        known = ", ".join(tags[:8]) or "none; ViT-B-32 is one that has some"
        raise ModelError(
            f'open_clip has no weights "{tag or "any"}" for "{architecture}"; the tags there are: '
            f"{known}."
        )
    tag = tag or ("openai" if "openai" in tags else tags[0])
    settings, model = _settings(architecture, tag)
    repository, _, file = settings.get("hf_hub", "").rpartition("/")
    if not repository:
        raise ModelError(
            f'The weights "{architecture}@{tag}" are only published as a pickled file; choose a '
            "tag that has safetensors."
        )
    tokenizer = model["text_cfg"].get("hf_tokenizer_name")
    files = dict(_ask_tokenizer(tokenizer)) if tokenizer else {}
    files.update(_ask_weights(repository, file or "open_clip_pytorch_model.bin"))
    kept = ("mean", "std", "interpolation", "resize_mode")
    preprocess = {key: settings[key] for key in kept if key in settings}
    return _Plan(f"{architecture}@{tag}", model, preprocess, files)


def _settings(architecture: str, tag: str) -> tuple[dict[str, Any], dict[str, Any]]:
    module = open_clip()
    settings = dict(module.get_pretrained_cfg(architecture, tag))
    model = dict(module.get_model_config(architecture))
    if settings.get("quick_gelu"):
        model["quick_gelu"] = True
    if "hf_model_name" in model["text_cfg"]:
        raise ModelError(
            f'The text network of "{architecture}" is none of open_clip\'s own, which is not '
            'supported; choose another model (see "c4t models available").'
        )
    clip_folder.preprocessing({"model_cfg": model, "preprocess_cfg": settings})
    return settings, model


def _ask_weights(repository: str, file: str) -> dict[str, Remote]:
    """Ask for the weights as safetensors, or else as the file that open_clip names."""
    plain = file == "open_clip_pytorch_model.bin"
    safe = clip_folder.WEIGHTS if plain else f"{Path(file).stem}.safetensors"
    try:
        return {safe: ask(hub_url(repository, safe))}
    except NoSuchFile:
        return {file: ask(hub_url(repository, file))}


def _ask_tokenizer(repository: str) -> Iterator[tuple[str, Remote]]:
    """Ask for the files of a tokenizer; what there is differs from one to another."""
    config, whole, special, *older = clip_folder.TOKENIZER_FILES
    found = {config}
    yield config, ask(hub_url(repository, config))
    for name in (whole, special, *older):
        if name in older and whole in found:
            return
        with contextlib.suppress(NoSuchFile):
            yield name, ask(hub_url(repository, name))
            found.add(name)
