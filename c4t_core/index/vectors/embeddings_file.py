"""Files of embeddings: written by ``c4t embed``, searched by ``c4t search --embeddings``."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from c4t_core.errors import DataError, FolderError, ModelError
from c4t_core.files import atomic_file

if TYPE_CHECKING:
    from c4t_core.index.query import Hit
    from c4t_core.models.protocol import Model


def check_output(path: Path) -> None:
    """Refuse an output path before the work rather than after it.

    Raises:
        DataError: if the folder is missing or the path is a folder.
    """
    if path.is_dir():
        raise DataError(f'"{path}" is a folder; give -o the name of a file, such as out.npz.', path)
    if not path.absolute().parent.is_dir():
        raise DataError(f'There is no folder "{path.absolute().parent}"; make it first.', path)


def save_embeddings(
    path: Path, kind: str, labels: Sequence[str], embeddings: NDArray[np.float32], model: Model
) -> None:
    """Write ``names`` or ``texts`` beside ``embeddings``; the old file stays until all is written.

    Args:
        path: the .npz file.
        kind: ``"names"`` or ``"texts"``.
        labels: one per row.
        embeddings: float32 (n, d), unit rows.
        model: whose embeddings they are; its name and fingerprint are written too.
    """
    arrays: dict[str, Any] = {
        kind: np.array(list(labels), dtype=np.str_),
        "embeddings": np.ascontiguousarray(embeddings, dtype=np.float32),
        "model": np.array(model.name),
        "fingerprint": np.array(model.fingerprint),
    }
    try:
        with atomic_file(path) as out:
            np.savez(out, **arrays)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f'"{path}" cannot be written ({reason}); choose another place.') from error


def load_embeddings(path: Path) -> tuple[list[str], NDArray[np.float32], str, str]:
    """Read names (n), embeddings float32 (n, d), model name and fingerprint ("" where unknown).

    Raises:
        DataError: if the file is missing or is not what ``c4t embed images`` writes.
    """
    wrong = f'"{path}" is not a file of image embeddings; make one with "c4t embed images".'
    if not path.is_file():
        raise DataError(f'There is no file "{path}"; make one with "c4t embed images".', path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            names, rows = data["names"], data["embeddings"]
            model = str(data["model"]) if "model" in data else ""
            fingerprint = str(data["fingerprint"]) if "fingerprint" in data else ""
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile, IndexError) as error:
        raise DataError(wrong, path) from error
    if names.ndim != 1 or rows.ndim != 2 or len(names) != len(rows) or rows.dtype.kind != "f":
        raise DataError(wrong, path)
    if not np.isfinite(rows).all():
        raise DataError(f'"{path}" holds values that are not finite; make it again.', path)
    return [str(name) for name in names], rows.astype(np.float32), model, fingerprint


def search_file(
    path: Path,
    folder: str | Path,
    query: str,
    *,
    model: str = "c4t",
    k: int | None = 20,
    within: Sequence[str] = (),
    drive: str | None = None,
) -> list[Hit]:
    """Search saved embeddings.

    Args:
        path: a file written by ``c4t embed images``.
        folder: what the names in it are relative to.
        query: what to look for.
        model: name of the model for the query; the file must be of the same one.
        k: how many hits at most.
        within: sub-folders to which the search is restricted.
        drive: a drive to which it is restricted.

    Raises:
        DataError, FolderError, ModelError, QueryError: with what to do.
    """
    from c4t_core.images.frame_names import parse_frame_name, same_drive
    from c4t_core.index.query import Hit, embed_query, parse_query
    from c4t_core.index.vectors.vectors import rank
    from c4t_core.models.registry import load_model

    root = Path(os.path.abspath(folder))
    parsed = parse_query(query)
    names, rows, made_by, fingerprint = load_embeddings(path)
    inside = [_below(root, part) for part in within]
    frames = [parse_frame_name(name) for name in names]
    kept = [
        place
        for place, name in enumerate(names)
        if (not inside or any(name == p or name.startswith(p + "/") or not p for p in inside))
        and (drive is None or same_drive(frames[place].drive or "", drive))
    ]
    loaded = load_model(model)
    if rows.shape[1] != loaded.dim or (fingerprint and fingerprint != loaded.fingerprint):
        other = f'"{made_by}"' if made_by else "another model"
        raise ModelError(
            f'"{path}" was made with {other}, not with "{model}" as it is now; '
            'make it again with "c4t embed images", or choose its model with --model.'
        )
    direction = embed_query(parsed, loaded)
    chosen = [names[place] for place in kept]
    scores = np.clip(_unit(rows[kept]) @ direction, -1.0, 1.0)
    hits = []
    for number, place in enumerate(rank(scores, chosen, k), start=1):
        at = int(place)
        frame = frames[kept[at]]
        hits.append(
            Hit(
                path=root / chosen[at],
                score=float(scores[at]),
                rank=number,
                root=root,
                relative=chosen[at],
                drive=frame.drive,
                camera=frame.camera,
                frame=frame.frame,
                time=frame.time,
            )
        )
    return hits


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    return unit


def _below(root: Path, part: str) -> str:
    """Return a sub-folder relative to the root, "/"-separated, "" for the root itself.

    Raises:
        FolderError: if it is not below the root.
    """
    for base in (root, Path.cwd()):
        relative = os.path.relpath(os.path.join(base, part), root)
        if relative != os.pardir and not relative.startswith(os.pardir + os.sep):
            return "" if relative == os.curdir else relative.replace(os.sep, "/")
    raise FolderError(f'"{part}" does not lie in "{root}"; name one of its sub-folders.', root)
