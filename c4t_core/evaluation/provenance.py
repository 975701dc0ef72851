"""Where a report's figures come from: fingerprints, versions, seeds, hashes. No clock."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import c4t_core
from c4t_core.evaluation.collection import Collection

_PACKAGES = ("numpy", "pillow", "onnxruntime", "tokenizers", "torch", "open_clip_torch")


def provenance_of(
    models: Mapping[str, str],
    collection: Collection,
    contents: Sequence[bytes | None],
    sources: Mapping[str, str],
    seed: int,
    resamples: int,
    cutoffs: Sequence[int],
) -> dict[str, Any]:
    """Return what another needs to get the same figures, as plain values.

    Args:
        models: name -> fingerprint.
        collection: the images that were searched.
        contents: SHA-256 of each.
        sources: name -> SHA-256 of the files read.
        seed: of the bootstrap.
        resamples: draws of the bootstrap.
        cutoffs: numbers of hits.
    """
    whole = hashlib.sha256()
    for name, digest in zip(collection.names, contents, strict=True):
        whole.update(name.encode("utf-8", "surrogateescape") + b"\0" + (digest or b"") + b"\n")
    return {
        "c4t": c4t_core.__version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES if _version(name)},
        "models": {name: {"fingerprint": print_} for name, print_ in models.items()},
        "images": {"number": len(collection), "sha256": whole.hexdigest()},
        "sources": dict(sources),
        "seed": seed,
        "resamples": resamples,
        "cutoffs": list(cutoffs),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
