"""CLIP4Traffic: find driving situations in camera frames by describing them.

>>> import c4t_core
>>> ws = c4t_core.open_workspace("drives/")        # a folder of camera frames
>>> report = ws.index()                            # embeds what is new; stop and go on at will
>>> hits = ws.search("a cyclist in the rain", k=20)
>>> [(hit.score, hit.drive, hit.path.name) for hit in hits][:3]
>>> hits.to_pandas()                               # or look at ``hits`` in a notebook
>>> ws.search("snow + 2:truck - people + @frame.png", filters=c4t_core.Filters(drives=("0412",)))
>>> model = c4t_core.load_model("c4t")             # the encoders alone
>>> model.encode_texts(["a bus at night"]).shape   # float32 (1, d), unit rows
>>> c4t_core.evaluate(c4t_core.EvaluationRequest(Path("pairs.csv"), Path("drives/")))

The names below are all that is promised to stay; each says what it takes, returns and raises.
``import c4t_core`` is light: it loads no torch, no Qt, no ONNX Runtime; a name is imported when
it is first used; and has no library report its use (``c4t_core.quiet``). More: docs/library.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from c4t_core.errors import (
    BusyError,
    C4TError,
    Cancelled,
    CatalogueError,
    DataError,
    DownloadError,
    FolderError,
    ImageError,
    MissingExtraError,
    ModelError,
    NotIndexedError,
    QueryError,
    TrainingError,
)
from c4t_core.quiet import report_nothing

report_nothing()

if TYPE_CHECKING:
    from c4t_core.cluster.opening import open_workspace
    from c4t_core.datasets.make_pairs import PairsRequest, make_pairs
    from c4t_core.datasets.pairs import read_pairs, split_by_drive
    from c4t_core.evaluation.request import EvaluationRequest
    from c4t_core.evaluation.request import run_evaluation as evaluate
    from c4t_core.images.frame_names import parse_frame_name
    from c4t_core.index.embed import embed_images
    from c4t_core.index.exports import Hits
    from c4t_core.index.objects import ObjectCondition, ObjectFact
    from c4t_core.index.query import Filters, Hit, Query, Term, parse_query
    from c4t_core.index.search import Answer
    from c4t_core.models.protocol import Model
    from c4t_core.models.registry import list_models, load_model
    from c4t_core.training.request import TrainingRequest
    from c4t_core.training.session import train
    from c4t_core.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {  # name -> module, or module and name there
    "open_workspace": "cluster.opening",
    "Workspace": "workspace",
    "Answer": "index.search",
    "Hit": "index.query",
    "Hits": "index.exports",
    "Query": "index.query",
    "Term": "index.query",
    "parse_query": "index.query",
    "Filters": "index.query",
    "ObjectCondition": "index.objects",
    "ObjectFact": "index.objects",
    "load_model": "models.registry",
    "list_models": "models.registry",
    "Model": "models.protocol",
    "embed_images": "index.embed",
    "parse_frame_name": "images.frame_names",
    "read_pairs": "datasets.pairs",
    "split_by_drive": "datasets.pairs",
    "make_pairs": "datasets.make_pairs",
    "PairsRequest": "datasets.make_pairs",
    "evaluate": "evaluation.request:run_evaluation",
    "EvaluationRequest": "evaluation.request",
    "train": "training.session",
    "TrainingRequest": "training.request",
}

__all__ = [
    "Answer",
    "BusyError",
    "C4TError",
    "Cancelled",
    "CatalogueError",
    "DataError",
    "DownloadError",
    "EvaluationRequest",
    "Filters",
    "FolderError",
    "Hit",
    "Hits",
    "ImageError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "NotIndexedError",
    "ObjectCondition",
    "ObjectFact",
    "PairsRequest",
    "Query",
    "QueryError",
    "Term",
    "TrainingError",
    "TrainingRequest",
    "Workspace",
    "__version__",
    "embed_images",
    "evaluate",
    "list_models",
    "load_model",
    "make_pairs",
    "open_workspace",
    "parse_frame_name",
    "parse_query",
    "read_pairs",
    "split_by_drive",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import the public names on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, there = _HOMES[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), there or name)


def __dir__() -> list[str]:
    """List the public names, imported or not, so that ``dir`` and ``help`` show them."""
    return sorted({*__all__, *globals()})
