"""``c4t models``: what models there are on this machine, and bringing or removing one."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from c4t_core.commands.console import Watcher, print_json, say, stopping_cleanly
from c4t_core.errors import ModelError
from c4t_core.images.scan import ExcludeRules, scan
from c4t_core.index.folders import check_folder
from c4t_core.models import clip_folder, registry
from c4t_core.models.folder import CARD, CONFIG, MANIFEST
from c4t_core.models.protocol import ModelInfo


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its actions."""
    parser.description = (
        "Models on this machine: c4t comes with the application, c4t:NAME are your own, clip and "
        "clip:NAME are open_clip's."
    )
    # fmt: off
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list all models, those that cannot be used as well")
    listing.add_argument("--json", action="store_true", help="print a JSON list")
    offers = actions.add_parser("available", help="list the models that a name downloads")
    offers.add_argument("--json", action="store_true", help="print a JSON list")
    info = actions.add_parser("info", help="describe one model")
    info.add_argument("name", metavar="NAME", help="a model's name, or the path of a model folder")
    info.add_argument("--json", action="store_true", help="print a JSON object")
    add = actions.add_parser("add", help="add a model", description=
        "SOURCE is a C4T model folder (copied), the file of an open_clip checkpoint (copied; "
        "safetensors or weights only), or a name (downloaded): one of \"c4t models available\", or "
        "open_clip's ARCHITECTURE/PRETRAINED.")
    add.add_argument("source", metavar="SOURCE", help="a folder, a file, or a name")
    add.add_argument("--name", metavar="NAME", help="what to call it (default: its file name)")
    add.add_argument("--architecture", metavar="ARCH",
                     help="open_clip architecture of a checkpoint file, such as ViT-B-32")
    remove = actions.add_parser("remove", help="delete one of your own models")
    remove.add_argument("name", metavar="NAME", help="such as c4t:NAME or clip:NAME")
    quantize = actions.add_parser("quantize", help="make a model of your own faster", description=
        "Write a second image graph in 8 bits into a model of your own. New indexes use it; those "
        "that are there go on with the plain graph.")
    quantize.add_argument("name", metavar="NAME", help="such as c4t:NAME, or a model folder's path")
    quantize.add_argument("--images", metavar="FOLDER", type=Path,
                          help="frames to measure on (default: the sample drive)")
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Do what the action says; 0 unless an error is raised.

    Raises:
        ModelError, DownloadError: if a model is unknown, broken, or cannot be brought.
    """
    actions = {
        "list": _list,
        "available": _available,
        "info": _info,
        "add": _add,
        "remove": _remove,
        "quantize": _quantize,
    }
    actions[args.action](args)
    return 0


def plain(info: ModelInfo) -> dict[str, Any]:
    """Return what is known of a model as plain data for JSON."""
    data = dataclasses.asdict(info)
    data["path"] = None if info.path is None else str(info.path)
    return data


def _list(args: argparse.Namespace) -> None:
    infos = registry.list_models()
    if args.json:
        print_json([plain(info) for info in infos])
        return
    width = max(len(info.name) for info in infos)
    for info in infos:
        size = f"{_megabytes(info.size_bytes):>8}" if info.size_bytes else " " * 8
        print(f"{info.name:<{width}}  {size}  {info.description or info.kind}".rstrip())
        if not info.available:
            print(f"{'':<{width}}  {'':>8}  not available: {info.reason}")


def _megabytes(size: int) -> str:
    """Return a size for people: decimal megabytes.

    >>> _megabytes(54_700_000)
    '55 MB'
    """
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _info(args: argparse.Namespace) -> None:
    info = registry.model_info(args.name)
    details = _details(info)
    if args.json:
        print_json({**plain(info), **details})
        return
    lines = {
        "name": info.name,
        "about": info.description,
        "available": "yes" if info.available else f"no: {info.reason}",
        "path": info.path or "",
        "size": _megabytes(info.size_bytes) if info.size_bytes else "",
        "embedding": f"{info.dim} numbers" if info.dim else "",
        "fingerprint": info.fingerprint,
        "card": details.get("card", ""),
    }
    for label, value in lines.items():
        if value:
            print(f"{label:<12} {value}")


def _details(info: ModelInfo) -> dict[str, Any]:
    """Return configuration and card of a C4T model, where they can be read."""
    if info.kind != "c4t" or info.path is None or not info.available:
        return {}
    details: dict[str, Any] = {}
    for name, key in ((CONFIG, "config"), (MANIFEST, "manifest")):
        details[key] = json.loads((info.path / name).read_text(encoding="utf-8"))
    card = info.path / CARD
    if card.is_file():
        details["card"] = str(card)
    return details


def _add(args: argparse.Namespace) -> None:
    from c4t_core.models.clip import add_checkpoint, wanted

    source = Path(args.source).expanduser()
    if source.is_dir() and (source / clip_folder.CONFIG).is_file():
        source = clip_folder.weights_in(source)
    if source.is_file():
        added = add_checkpoint(source, args.name, args.architecture)
    elif source.is_dir():
        added = registry.register(source, args.name or source.resolve().name)
    elif name := wanted(args.source):
        added = _download(name)
    else:
        raise ModelError(
            f'There is no model folder or checkpoint "{args.source}"; check the path, or take a '
            'name of "c4t models available".'
        )
    print(f"Added {added}{_what(added)}.")


def _what(name: str) -> str:
    """Return what was taken for the architecture of a CLIP, so that a wrong guess is seen."""
    if not name.startswith("clip"):
        return ""
    return f" ({clip_folder.read_about(clip_folder.find(name)).architecture})"


def _available(args: argparse.Namespace) -> None:
    offers = [dataclasses.asdict(offer) for offer in clip_folder.OFFERS]
    if args.json:
        print_json(offers)
        return
    print(f"{'name':<14}  {'size':>7}  {'licence':<13}  good for")
    for offer in clip_folder.OFFERS:
        size = _megabytes(offer.size_bytes)
        print(f"{offer.name:<14}  {size:>7}  {offer.licence:<13}  {offer.good_for}")
    say(
        "Any other of open_clip as ARCHITECTURE/PRETRAINED, such as ViT-B-16/laion2b_s34b_b88k: "
        "its size is shown before it is fetched, its licence is unknown here."
    )


def _download(name: str) -> str:
    from c4t_core.models.clip import download, download_size

    licence = clip_folder.licence_of(clip_folder.stem(name))
    size = f"{download_size(name) / 1e6:,.0f} MB"
    say(f"{name}: {size} to download, licence {licence}; Ctrl+C stops, and it resumes.")
    watcher = Watcher("MB")
    with stopping_cleanly(watcher):
        return download(name, lambda done, total: watcher(done >> 20, total >> 20))


def _quantize(args: argparse.Namespace) -> None:
    from c4t_core.models.graphs.quantize import add_int8_graph

    images: list[Path] = []
    if args.images is not None:
        check_folder(args.images)
        base = os.fsencode(args.images)
        names = sorted(scan(str(args.images), ExcludeRules()).files)
        images = [Path(os.fsdecode(os.path.join(base, name))) for name in names]
    add_int8_graph(registry.own_folder(args.name), images)
    print(f"{args.name} has an image graph in 8 bits; new indexes use it.")


def _remove(args: argparse.Namespace) -> None:
    registry.remove(args.name)
    print(f"Removed {args.name}.")
