"""Where CLIP models lie: one folder each below ``models/clip``, with their weights' checksum.

A folder holds ``open_clip_config.json`` and ``open_clip_model.safetensors`` (the layout that
open_clip itself reads as ``local-dir:``) and ``clip.json``, which says where they came from. A
folder is made beside its place and moved there whole, so that half a model is never found.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from c4t_core.devices import bfloat16_pays
from c4t_core.errors import ModelError
from c4t_core.files import atomic_folder, known_sums, sha256
from c4t_core.models.config import PreprocessConfig
from c4t_core.models.folder import IMAGE_GRAPH, TEXT_GRAPH
from c4t_core.models.protocol import BF16, PLAIN, ModelInfo
from c4t_core.paths import cache_dir, models_dir
from c4t_core.records import dataclass

DEFAULT = "ViT-B-32@openai"
"""The folder that plain ``clip`` means: architecture, ``@``, pretrained tag."""
DEFAULT_BYTES = 605_000_000  # of the download, about; the exact size is asked for first
CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
ABOUT = "clip.json"
FORMAT = 1


@dataclass(frozen=True)
class Offer:
    """A model that a short name brings.

    Attributes:
        name: the short name; ``clip:NAME`` is what the model is called, ``clip`` the yardstick.
        model: architecture, ``@``, pretrained tag of open_clip.
        size_bytes: of the download, about; the exact size is asked for first.
        licence: of the weights, in one word.
        good_for: what it is good for, in a few words.
    """

    name: str
    model: str
    size_bytes: int
    licence: str
    good_for: str


UNKNOWN, RESEARCH = "unknown", "research-only"
OFFERS = (
    Offer("clip", DEFAULT, DEFAULT_BYTES, "MIT", "the yardstick that others compare with"),
    Offer(
        "pe-core-s",
        "PE-Core-S-16-384@meta",
        349_000_000,
        "Apache-2.0",
        "small things (it sees 384 pixels a side); the smallest with a free licence",
    ),
    Offer(
        "siglip2-b32",
        "ViT-B-32-SigLIP2-256@webli",
        1_500_000_000,
        "Apache-2.0",
        "questions in many languages",
    ),
    Offer(
        "datacomp-b32",
        "ViT-B-32-256@datacomp_s34b_b86k",
        605_000_000,
        "MIT",
        "the yardstick's network, taught on more pictures",
    ),
    Offer(
        "mobileclip2-s0",
        "MobileCLIP2-S0@dfndr2b",
        299_000_000,
        RESEARCH,
        "slow machines; non-commercial research only",
    ),
)
"""What can be had by a short name; open_clip's other models by ``ARCHITECTURE/PRETRAINED``."""
_SHORT = {offer.name: offer.model for offer in OFFERS}
TOKENIZER_FILES = (
    "tokenizer_config.json",
    "tokenizer.json",
    "special_tokens_map.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
"""Of tokenizers other than CLIP's own; who has the second needs none of the later ones."""

_MEAN = (0.48145466, 0.4578275, 0.40821073)  # OpenAI's, which open_clip takes by default
_STD = (0.26862954, 0.26130258, 0.27577711)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")


@dataclass(frozen=True)
class About:
    """``clip.json``: where a CLIP model came from, and what its weights are.

    Attributes:
        architecture: open_clip's name of it, or the name of a configuration file.
        source: where the weights were downloaded from, or the name of the file added.
        sha256: hex digest of the weights file.
        size: bytes of the weights file.
        dim: width of an embedding.
        format: version of this layout.
    """

    architecture: str
    source: str
    sha256: str
    size: int
    dim: int
    format: int = FORMAT


def stem(name: str) -> str:
    """Return the folder name that ``clip`` or ``clip:NAME`` asks for, which may not exist.

    Raises:
        ModelError: if the name cannot be a folder's.
    """
    wanted = name.removeprefix("clip:")
    wanted = _SHORT.get(wanted, wanted)
    if not _NAME.fullmatch(wanted) or wanted.endswith("."):
        raise ModelError(
            f'"{name}" cannot be the name of a CLIP model; use letters, digits and . _ @ + -, '
            'such as "clip:ViT-B-16@openai".'
        )
    return wanted


def public_name(folder_name: str) -> str:
    """Return what the user calls the model in a folder."""
    if folder_name == DEFAULT:
        return "clip"
    short = next((offer.name for offer in OFFERS if offer.model == folder_name), folder_name)
    return f"clip:{short}"


def licence_of(model: str) -> str:
    """Return the licence in one word of ``ARCHITECTURE@TAG``, where it is known."""
    known = {offer.model: offer.licence for offer in OFFERS}
    return known.get(model, RESEARCH if model.startswith("MobileCLIP2") else UNKNOWN)


def name_for(file: Path) -> str:
    """Return a name for a model from the file of its weights.

    >>> name_for(Path("ViT-B-16 laion2b.pt"))
    'ViT-B-16-laion2b'
    >>> name_for(Path("CLIP-ViT-B-16/open_clip_pytorch_model.bin"))
    'CLIP-ViT-B-16'
    >>> name_for(Path("clip/open_clip_pytorch_model.bin"))
    'my-clip'
    """
    own = file.stem
    if re.fullmatch(r"(open_clip_)?(pytorch_)?model", own):  # every repository's file is called so
        own = file.absolute().parent.name or own
    own = re.sub(r"[^A-Za-z0-9._@-]+", "-", own).strip("-._@")[:64] or "model"
    return f"my-{own}" if own in _SHORT else own  # those names stand for other weights


def clip_dir() -> Path:
    """Return the folder of all CLIP models, made if needed."""
    folder = models_dir() / "clip"
    with contextlib.suppress(OSError):  # whoever writes there says so
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def weights_in(folder: Path) -> Path:
    """Return the weights in a folder as open_clip publishes them, safetensors first.

    Raises:
        ModelError: if there are none.
    """
    for name in (WEIGHTS, "open_clip_pytorch_model.bin", "model.safetensors"):
        if (folder / name).is_file():
            return folder / name
    raise ModelError(f'There are no weights in "{folder}"; put {WEIGHTS} there.')


def find(name: str) -> Path:
    """Return the folder of a CLIP model that is on this machine.

    A bare architecture finds the one model of that architecture that is there, and ``clip`` the
    one CLIP that is there, where the yardstick itself is not.

    Raises:
        ModelError: if it is not there, with how to get it.
    """
    wanted = stem(name)
    folder = clip_dir() / wanted
    if (folder / ABOUT).is_file():
        return folder
    alike = [f for f in folders() if name == "clip" or f.name.startswith(f"{wanted}@")]
    if len(alike) == 1:
        return alike[0]
    if alike:
        several = ", ".join(public_name(folder.name) for folder in alike)
        raise ModelError(f'"{name}" could be any of {several}; name the one that you mean.')
    raise ModelError(how_to_get(public_name(wanted)))


def how_to_get(name: str) -> str:
    """Return the sentence that tells how to bring a CLIP model here."""
    if name.removeprefix("clip:") not in _SHORT and "@" not in name:
        own = name.removeprefix("clip:")
        return (
            f'There is no CLIP model "{name}" on this machine; add its checkpoint with "c4t models '
            f'add FILE --name {own}", or download one that open_clip knows with "c4t models add '
            'clip:ARCHITECTURE@TAG", such as clip:ViT-B-16@openai.'
        )
    sizes = {public_name(offer.model): offer.size_bytes // 1_000_000 for offer in OFFERS}
    size = f" ({sizes[name]} MB)" if name in sizes else ""
    return (
        f'The weights of the model "{name}" are not on this machine; download them{size} with '
        f'"c4t models add {name}", or add a checkpoint file with "c4t models add FILE".'
    )


def folders() -> list[Path]:
    """Return the folders of the CLIP models that are here, by name."""
    here = clip_dir().iterdir() if clip_dir().is_dir() else ()
    return sorted(f for f in here if _NAME.fullmatch(f.name) and (f / ABOUT).is_file())


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(folder, name) from error


def _unreadable(folder: Path, name: str) -> ModelError:
    return _damaged(f'The CLIP model in "{folder}" is damaged ({name} cannot be read)', folder)


def _damaged(what: str, folder: Path) -> ModelError:
    again = f'"c4t models remove {public_name(folder.name)}" and add it again'
    return ModelError(f"{what}; remove it with {again}.")


def read_about(folder: Path) -> About:
    """Read a folder's ``clip.json``.

    Raises:
        ModelError: if it is damaged or of a newer version.
    """
    try:
        about = About(**_read(folder, ABOUT))
        newer = about.format > FORMAT
    except TypeError as error:
        raise _unreadable(folder, ABOUT) from error
    if newer:
        raise ModelError(
            f'The CLIP model in "{folder}" was added by a newer version of this application; '
            "update the application, or add the model again."
        )
    return about


def read_config(folder: Path) -> dict[str, Any]:
    """Return ``{"model_cfg": ..., "preprocess_cfg": ...}`` of a folder.

    Raises:
        ModelError: if it is damaged.
    """
    config = _read(folder, CONFIG)
    if not all(isinstance(config.get(key), dict) for key in ("model_cfg", "preprocess_cfg")):
        raise _unreadable(folder, CONFIG)
    return config


def preprocessing(config: dict[str, Any]) -> PreprocessConfig:
    """Return how the images of a model are prepared; the size is the network's own.

    Args:
        config: as of :func:`read_config`.

    Raises:
        ModelError: if the input is not square or is prepared in a way not known here.
    """
    settings = config["preprocess_cfg"]
    size = config["model_cfg"]["vision_cfg"].get("image_size", 224)
    resize = settings.get("resize_mode", "shortest")
    try:
        sides = {int(side) for side in (size if isinstance(size, list | tuple) else (size,))}
        if len(sides) != 1 or resize == "crop":  # which is ours
            raise ValueError("unknown to open_clip or not square")  # noqa: TRY301
        return PreprocessConfig(
            size=sides.pop(),
            resize=resize,
            interpolation=settings.get("interpolation", "bicubic"),
            mean=tuple(settings.get("mean", _MEAN)),
            std=tuple(settings.get("std", _STD)),
            fill=int(settings.get("fill_color", 0)),
        )
    except (ValueError, TypeError) as error:
        raise ModelError(
            "This CLIP model prepares its images in a way that is not supported; choose "
            'another, such as "clip" (ViT-B-32).'
        ) from error


def verify(folder: Path, about: About) -> None:
    """Check the weights against their checksum.

    Raises:
        ModelError: if they are not what was added.
    """
    weights = folder / WEIGHTS
    try:
        size = weights.stat().st_size
        sound = size == about.size and known_sums(folder, [WEIGHTS])[WEIGHTS] == about.sha256
    except OSError:
        sound = False
    if not sound:
        raise _damaged(
            f'The weights of the CLIP model in "{folder}" are damaged or were changed', folder
        )


def fingerprint(folder: Path, about: About) -> str:
    """Return the hex digest over weights, configuration and preprocessing version."""
    config = read_config(folder)
    version, text = preprocessing(config).version, json.dumps(config, sort_keys=True)
    return sha256(f"clip\n{version}\n{about.sha256}\n{text}")


def graphs(folder: Path, about: About) -> tuple[tuple[str, str], ...]:
    """Return (image graph, fingerprint of its vectors) of a model, the fastest here first."""
    plain = fingerprint(folder, about)
    both = (PLAIN, plain), (BF16, sha256(f"{plain}\n{BF16}"))
    return both[::-1] if has_graphs(cached(plain)) and bfloat16_pays() else both


def cached(plain: str) -> Path:
    """Return where the graphs of a model lie, by the fingerprint of its plain one."""
    return cache_dir() / "clip" / plain[:40]


def has_graphs(folder: Path) -> bool:
    """Tell whether the graphs of a model are in its folder of the cache."""
    return all((folder / name).is_file() for name in (IMAGE_GRAPH, TEXT_GRAPH))


@contextmanager
def building(name: str) -> Iterator[Path]:
    """Give an empty folder to fill; it takes its place under ``name`` when all went well.

    Raises:
        ModelError: if a model of that name is there already.
    """
    target = clip_dir() / name
    if target.exists():
        raise ModelError(
            f'There is a CLIP model "{public_name(name)}" already; remove it first with '
            f'"c4t models remove {public_name(name)}", or choose another name.'
        )
    with atomic_folder(target) as folder:
        yield folder


def write_model_files(
    folder: Path, config: dict[str, Any], architecture: str, source: str
) -> About:
    """Write the two JSON files beside the weights, and return what ``clip.json`` says."""
    weights = folder / WEIGHTS
    about = About(
        architecture=architecture,
        source=source,
        sha256=sha256(weights),
        size=weights.stat().st_size,
        dim=int(config["model_cfg"]["embed_dim"]),
    )
    (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
    (folder / ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")
    return about


def clip_infos() -> list[ModelInfo]:
    """Return what is known of ``clip`` and of every CLIP model added, without loading any."""
    out = [_info(folder) for folder in folders()]
    if not any(info.name == "clip" for info in out):
        stand_in = f' Until then "clip" means {out[0].name}.' if len(out) == 1 else ""
        missing = ModelInfo(
            name="clip",
            kind="clip",
            available=False,
            reason=how_to_get("clip") + stand_in,
            size_bytes=DEFAULT_BYTES,
            description="CLIP ViT-B-32 with OpenAI's weights, the yardstick of evaluations.",
            dim=512,
        )
        out.insert(0, missing)
    return sorted(out, key=lambda info: (info.name != "clip", info.name))


def _info(folder: Path) -> ModelInfo:
    name = public_name(folder.name)
    try:
        about = read_about(folder)
        known = graphs(folder, about)
    except ModelError as error:
        return ModelInfo(name, "clip", folder, available=False, reason=str(error))
    return ModelInfo(
        name=name,
        kind="clip",
        path=folder,
        available=True,
        size_bytes=about.size,
        fingerprint=known[0][1],
        graphs=known,
        description=f"CLIP {about.architecture}, weights from {about.source}.",
        dim=about.dim,
    )
