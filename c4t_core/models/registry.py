"""Names of models, and from a name to a model.

``c4t`` ships with the application, ``c4t:NAME`` are the user's own (one folder each below
:func:`c4t_core.paths.models_dir`), ``clip`` and ``clip:NAME`` are open_clip's. Importing this
module loads no engine.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from c4t_core.errors import C4TError, ModelError
from c4t_core.files import atomic_folder
from c4t_core.models import folder as model_folder
from c4t_core.models.c4t import C4TFolder
from c4t_core.models.engine import ModelFolder, OnnxModel, OpenVinoModel, TorchModel, on_cpu
from c4t_core.models.folder import TEXT_GRAPH
from c4t_core.models.graphs import sessions
from c4t_core.models.protocol import PLAIN, Model, ModelInfo
from c4t_core.paths import models_dir, resource

if TYPE_CHECKING:
    from c4t_core.models.clip_network import ClipFolder

SHIPPED = "c4t"
ENGINES = ("auto", "openvino", "onnx", "torch")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# what Windows keeps for devices, with or without an ending; and where the CLIP models lie
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|clip", re.IGNORECASE)


def load_model(
    name: str = SHIPPED,
    *,
    engine: str = "auto",
    device: str | None = None,
    threads: int | None = None,
    graph: str | None = None,
) -> Model:
    """Load a model by name.

    Args:
        name: ``c4t``, ``c4t:NAME``, ``clip``, ``clip:NAME``, or the path of a model folder.
        engine: ``openvino`` (texts by ONNX Runtime), ``onnx``, ``torch``, or ``auto``: OpenVINO
            where it is installed, else ONNX Runtime, but torch where a device other than the CPU
            is asked for (or, for CLIP, there).
        device: for torch: ``cpu``, ``cuda``, ``mps``; None for the fastest there is.
        threads: threads of one network run; None for all this process may use.
        graph: the image graph, ``plain``, ``int8`` or ``bf16``, which decides the embeddings of
            images; None for the fastest that the model has and the engine runs. Torch runs the
            plain one.

    Returns:
        The model; its networks may be opened at their first use only.

    Raises:
        ModelError: if the name is unknown, or the model is broken, damaged or too new.
        MissingExtraError: if the engine needs packages that are not installed.
    """
    if engine not in ENGINES:
        raise ModelError(f'There is no engine "{engine}"; use one of: {", ".join(ENGINES)}.')
    on_torch = engine == "torch" or (engine == "auto" and device not in (None, "cpu"))
    exact = on_torch or (engine == "onnx" and on_clip(name))  # neither makes use of bfloat16
    folder = _open(name, PLAIN if exact and graph is None else graph)
    if engine == "torch" or (engine == "auto" and folder.engine(device) == "torch"):
        if folder.image_graph != PLAIN:
            raise ModelError(f'Torch runs the plain graph of "{name}" only; use another engine.')
        return TorchModel(folder, device, threads)
    if engine == "auto":
        return on_cpu(folder, threads)
    return OnnxModel(folder, threads) if engine == "onnx" else OpenVinoModel(folder, threads)


def open_ahead(name: str) -> None:
    """Begin to open what embeds the texts of a model, in a thread, for who asks in a moment.

    Where it cannot be, nothing happens: whoever opens it says why.
    """
    with contextlib.suppress(C4TError):
        sessions.open_ahead(_open(name, None), TEXT_GRAPH)


def _open(name: str, graph: str | None) -> ModelFolder:
    clip = clip_model(name, graph)
    return C4TFolder(*_folder_of(name), graph) if clip is None else clip


def clip_model(name: str, graph: str | None = PLAIN) -> ClipFolder | None:
    """Return the folder of CLIP's weights that a name stands for; None if it is no such name.

    Args:
        name: of a model.
        graph: as of :func:`load_model`.

    Raises:
        ModelError: if the weights are not here, with how to get them, or are damaged.
        MissingExtraError: if open_clip is not installed.
    """
    if not _is_clip(name):
        return None
    from c4t_core.models.clip_network import ClipFolder

    return ClipFolder(name, graph)


def on_clip(name: str) -> bool:
    """Tell whether a model is CLIP, or has CLIP's towers below heads of its own."""
    if _is_clip(name):
        return True
    try:
        return model_folder.read_config(_folder_of(name)[0]).clip is not None
    except ModelError:  # whoever opens it says so
        return False


def _is_clip(name: str) -> bool:
    return name == "clip" or name.startswith("clip:")


def is_path(name: str) -> bool:
    """Tell whether a model name is the path of a folder rather than a name."""
    if os.sep in name or "/" in name:
        return True
    return ":" not in name and bool(name.strip()) and Path(name).is_dir()


def _folder_of(name: str) -> tuple[Path, str]:
    """Return the model folder that a name stands for, and the name to call it by."""
    if name == SHIPPED:
        return shipped_folder(), name
    if name.startswith("c4t:"):
        own = name.removeprefix("c4t:")
        folder = models_dir() / own
        if _usable(own) and folder.is_dir():
            return folder, name
    elif is_path(name):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise ModelError(f'There is no model folder "{name}"; check the path.')
        return folder.resolve(), name
    raise _unknown(name)


def shipped_folder() -> Path:
    """Return the folder of the model that comes with the application.

    Raises:
        ModelError: if this installation lacks it.
    """
    try:
        return resource("models", "lite")
    except FileNotFoundError as error:
        raise ModelError(
            "The model that comes with the application is missing from this installation; "
            "install the application again."
        ) from error


def _unknown(name: str) -> ModelError:
    known = [info.name for info in list_models()]
    import difflib

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f'did you mean "{near[0]}"? ' if near else ""
    return ModelError(
        f'There is no model "{name}"; {hint}known models: {", ".join(known)} '
        '(see "c4t models list").'
    )


def _own_folders() -> list[Path]:
    return list(models_dir().iterdir()) if models_dir().is_dir() else []


def list_models() -> list[ModelInfo]:
    """Return what is known of every model: the shipped one, the user's own, CLIP.

    No weights are read. A broken folder is listed as not available, with the reason.
    """
    infos = [_describe_shipped()]
    for folder in sorted(_own_folders(), key=lambda path: path.name.lower()):
        if folder.is_dir() and _usable(folder.name):
            infos.append(_describe(f"c4t:{folder.name}", folder))
    return infos + _clip_infos()


def _clip_infos() -> list[ModelInfo]:
    from c4t_core.models import clip_folder  # read by few; a search in C4T is not to wait for it

    return clip_folder.clip_infos()


def model_info(name: str) -> ModelInfo:
    """Return what is known of one model; a path to a model folder works too.

    Raises:
        ModelError: if the name is unknown; the sentence names the known ones.
    """
    if name == SHIPPED:
        return _describe_shipped()
    if _is_clip(name):
        from c4t_core.models import clip_folder

        called = clip_folder.public_name(clip_folder.stem(name))
        for info in _clip_infos():
            if info.name == called:
                return info
        raise _unknown(name)
    folder, label = _folder_of(name)
    return _describe(label, folder)


def _describe_shipped() -> ModelInfo:
    text = "The model that comes with C4T: small, made for traffic scenes, runs on any CPU."
    try:
        return _describe(SHIPPED, shipped_folder(), text)
    except C4TError as error:
        return ModelInfo(SHIPPED, "c4t", available=False, reason=str(error), description=text)


def _describe(name: str, folder: Path, description: str = "") -> ModelInfo:
    try:
        manifest = model_folder.read_manifest(folder)
        config = model_folder.read_config(folder)
    except C4TError as error:
        return ModelInfo(
            name, "c4t", folder, available=False, reason=str(error), size_bytes=_size(folder)
        )
    graphs = tuple((kind, model_folder.fingerprint(manifest, kind)) for kind in manifest.graphs)
    text = description or _first_line(folder / model_folder.CARD) or f"A C4T model ({config.name})."
    return ModelInfo(
        name=name,
        kind="c4t",
        path=folder,
        size_bytes=_size(folder),
        fingerprint=graphs[0][1],
        description=text,
        dim=config.projection,
        graphs=graphs,
        earlier=manifest.earlier,
        on_clip=config.clip is not None,
    )


def _size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _first_line(card: Path) -> str:
    """Return the first line of text of a model card that is no heading, at most 200 letters."""
    try:
        lines = card.read_text(encoding="utf-8", errors="replace")[:4096].splitlines()
    except OSError:
        return ""
    plain = (line.strip() for line in lines)
    return next((line for line in plain if line and line[0] not in "#-|<>`"), "")[:200]


def _usable(own: str) -> bool:
    """Tell whether a folder of this name can be a user's model on any system."""
    return bool(_NAME.fullmatch(own)) and not _RESERVED.fullmatch(own) and own[-1] != "."


def check_name(name: str) -> str:
    """Return a name for a user's model without ``c4t:``, or say what is wrong with it.

    Raises:
        ModelError: if the name has other signs than letters, digits, ``.``, ``_`` and ``-``.
    """
    own = name.removeprefix("c4t:")
    if not _usable(own):
        raise ModelError(
            f'"{own}" cannot be the name of a model; use up to 64 letters, digits, ".", "_" and '
            '"-", beginning with a letter or a digit.'
        )
    return own


def register(folder: Path, name: str) -> str:
    """Copy a model folder to the user's models, checked first.

    Args:
        folder: a whole model folder.
        name: what it shall be called, with or without ``c4t:``.

    Returns:
        ``c4t:NAME``.

    Raises:
        ModelError: if the folder is no sound model, or the name is taken or not allowed.
    """
    own = check_name(name)
    manifest = model_folder.verify_manifest(folder)
    model_folder.read_config(folder)
    target = models_dir() / own
    taken = {path.name.lower() for path in _own_folders()}
    if own.lower() in taken:
        raise ModelError(
            f'There is a model "c4t:{own}" already; choose another name, or remove it first with '
            f'"c4t models remove c4t:{own}".'
        )
    try:
        with atomic_folder(target) as beside:
            for file in (*manifest.files, model_folder.MANIFEST):
                shutil.copyfile(folder / file, beside / file)
    except OSError as error:
        raise ModelError(
            f'The model cannot be copied to "{target}" ({error.strerror or error}); free some '
            "space and try again."
        ) from error
    return f"c4t:{own}"


def own_folder(name: str) -> Path:
    """Return the folder of one of the user's own models, or of a path.

    Raises:
        ModelError: if there is none, or the model is not the user's to change.
    """
    if name == SHIPPED or _is_clip(name):
        raise ModelError(f'"{name}" is not one of your own models and stays as it is.')
    return _folder_of(name)[0]


def remove(name: str) -> None:
    """Delete one of the user's own models; its folder is gone afterwards.

    Raises:
        ModelError: if it is not one of the user's own, or cannot be deleted.
    """
    if _is_clip(name):
        from c4t_core.models import clip_folder

        folder = clip_folder.clip_dir() / clip_folder.stem(name)
        if not folder.is_dir():
            raise ModelError(f'There is no CLIP model "{name}" here; see "c4t models list".')
    elif name.startswith("c4t:"):
        folder, _ = _folder_of(name)
    else:
        raise ModelError(
            f'"{name}" is not one of your own models and stays; only names such as "c4t:NAME" '
            "can be removed."
        )
    # renamed first: a half-deleted model must not be listed
    gone = folder.with_name(f".{folder.name}.removed.{uuid.uuid4().hex}")
    try:
        folder.rename(gone)
    except OSError as error:
        raise ModelError(
            f'The model "{name}" cannot be removed ({error.strerror or error}); close what uses '
            "it and try again."
        ) from error
    shutil.rmtree(gone, ignore_errors=True)
