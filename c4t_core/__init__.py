"""CLIP4Traffic: find driving situations in camera frames by describing them.

``import c4t_core`` is light: it loads no torch, no Qt, no ONNX Runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from c4t_core.errors import C4TError, Cancelled

if TYPE_CHECKING:
    from c4t_core.index.query import Hit
    from c4t_core.models.registry import load_model
    from c4t_core.workspace import Workspace, open_workspace

__version__ = "0.1.0"
__all__ = [
    "C4TError",
    "Cancelled",
    "Hit",
    "Workspace",
    "__version__",
    "load_model",
    "open_workspace",
]

_LAZY = {
    "Hit": "c4t_core.index.query",
    "Workspace": "c4t_core.workspace",
    "load_model": "c4t_core.models.registry",
    "open_workspace": "c4t_core.workspace",
}


def __getattr__(name: str) -> Any:
    """Import the public names on first use (PEP 562)."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
