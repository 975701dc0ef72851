"""What is known about a model without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelInfo:
    """One line of ``c4t models list``."""

    name: str  # what the user calls it: "c4t", "c4t:NAME", "clip", "clip:NAME"
    kind: str  # "c4t" or "clip"
    path: Path | None = None  # its folder or checkpoint file, None where there is none yet
    available: bool = True  # whether it can be loaded on this machine as it stands
    reason: str = ""  # why not, and what to do about it: one sentence
    size_bytes: int = 0  # on disk; for what is not here yet, of the download
    fingerprint: str = ""  # as of Model.fingerprint; empty where it is not known yet
    description: str = ""  # one sentence for people
    dim: int = 0  # width of an embedding, 0 where it is not known yet
