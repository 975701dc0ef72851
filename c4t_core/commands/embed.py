"""``c4t embed images`` and ``c4t embed texts``: one encoder alone, into a file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from c4t_core.commands.console import (
    Watcher,
    add_model_option,
    plural,
    printable,
    say,
    say_omitted,
    stopping_cleanly,
)
from c4t_core.errors import DataError, ModelError
from c4t_core.files import read_bytes
from c4t_core.index.vectors.embeddings_file import check_output, save_embeddings

if TYPE_CHECKING:
    from c4t_core.images.scan import Omitted, Skipped

_TEXTS_AT_ONCE = 64
_BEGINNING = 40  # letters of a text that is shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its two kinds."""
    parser.description = (
        "Run one encoder alone and write its embeddings, float32, rows of length 1, to an .npz "
        "file for numpy."
    )
    # fmt: off
    kinds = parser.add_subparsers(dest="what", metavar="images|texts", required=True)
    images = kinds.add_parser("images", help="all images of a folder", description=
        'Write "names" (paths relative to FOLDER) and "embeddings" (n, d). '
        "Unreadable files are listed on stderr and left out.")
    images.add_argument("source", metavar="FOLDER", help="a folder of images")
    images.add_argument("--objects", action="store_true", help=
        'write as well what the model believes is there: "classes" (c) and "facts" (n, c, 6), per '
        "class the probability that there is one, how many, the height of the nearest in heights "
        "of the frame, the probabilities of one left, ahead and right")
    texts = kinds.add_parser("texts", help="one text a line", description=
        'Write "texts" and "embeddings" (n, d), one row a line of FILE.')
    texts.add_argument("source", metavar="FILE", help='a text file in UTF-8, "-" for stdin')
    for kind in (images, texts):
        kind.add_argument("-o", "--output", metavar="OUT.npz", type=Path, required=True,
                          help="file to write")
        add_model_option(kind)
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Embed and write."""
    check_output(args.output)
    return _texts(args) if args.what == "texts" else _images(args)


def _images(args: argparse.Namespace) -> int:
    from c4t_core.index.embed import embed_with_objects
    from c4t_core.models.protocol import classes_of
    from c4t_core.models.registry import load_model

    base = Path(args.source)
    names, odd, omitted = list_images(base)
    model = load_model(args.model)
    if args.objects and not classes_of(model):
        raise ModelError(f'The model "{model.name}" sees no objects; leave --objects out.')
    watcher, paths = Watcher(), [base / name for name in names]
    with stopping_cleanly(watcher):
        embeddings, facts, good, skipped = embed_with_objects(paths, model, progress=watcher)
    for entry in (*odd, *skipped):
        say(f"skipped {printable(str(entry.path))}: {printable(entry.reason)}")
    rows = embeddings if len(good) else np.zeros((0, model.dim), dtype=np.float32)
    labels, seen = [names[index] for index in good], facts if args.objects else None
    save_embeddings(args.output, "names", labels, rows, model, seen)
    left_out = len(skipped) + len(odd)
    note = f", {plural(left_out, 'file')} left out" if left_out else ""
    print(f"{plural(len(good), 'image')} in {printable(str(args.output))}{note}.")
    say_omitted(list(omitted.rules.values()), omitted.unread, omitted.recordings)
    return 0


def list_images(folder: Path) -> tuple[list[str], list[Skipped], Omitted]:
    """Return a folder's images, sorted, what only looks like one with reasons, and what is omitted.

    Names are relative and "/"-separated; the default rules leave out labels, masks and so on.

    Raises:
        FolderError: if the folder is missing, unreadable, or not a folder.
    """
    from c4t_core.images.scan import ExcludeRules, Skipped, scan
    from c4t_core.index.folders import check_folder

    check_folder(folder)
    found = scan(os.fspath(folder), ExcludeRules())
    odd = {**found.odd, **found.unreadable}
    names = sorted(os.fsdecode(name) for name in found.files)
    return (
        names,
        [Skipped(Path(os.fsdecode(name)), odd[name]) for name in sorted(odd)],
        found.omitted,
    )


def _texts(args: argparse.Namespace) -> int:
    from c4t_core.models.protocol import cut_texts
    from c4t_core.models.registry import load_model

    texts = read_texts(args.source)
    model = load_model(args.model)
    watcher = Watcher("text")
    parts = []
    with stopping_cleanly(watcher):
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            parts.append(model.encode_texts(texts[start : start + _TEXTS_AT_ONCE]))
            watcher(min(start + _TEXTS_AT_ONCE, len(texts)), len(texts))
    rows = np.concatenate(parts) if parts else np.zeros((0, model.dim), dtype=np.float32)
    save_embeddings(args.output, "texts", texts, rows, model)
    cut = cut_texts(model, texts)
    if cut:
        are = "is" if len(cut) == 1 else "are"
        say(
            f"{len(cut):,} of {plural(len(texts), 'text')} {are} longer than the model reads, and "
            f'what is beyond counts for nothing: "{printable(cut[0].text[:_BEGINNING])}…" is read '
            f'up to "{printable(cut[0].end)}"; put what matters first, or split them.'
        )
    print(f"{plural(len(texts), 'text')} in {printable(str(args.output))}.")
    return 0


def read_texts(source: str) -> list[str]:
    """Return the texts of a file, one a line; empty lines are left out, and said so.

    Raises:
        DataError: if the file cannot be read, is not UTF-8, or holds no text.
    """
    data = sys.stdin.buffer.read() if source == "-" else read_bytes(Path(source))
    texts = []
    empty = 0
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        try:
            text = raw.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            sentence = f'"{source}", line {number}, is not UTF-8; save the file as UTF-8 first.'
            raise DataError(sentence, Path(source), number) from error
        if text:
            texts.append(text)
        else:
            empty += 1
    if not texts:
        raise DataError(f'"{source}" holds no text; write one text a line.', Path(source))
    if empty:
        say(f"{plural(empty, 'empty line')} of {source} left out.")
    return texts
