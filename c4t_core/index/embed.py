"""The bounded pipeline from image files to vectors: decoding overlaps the model.

Threads decode and resize (Pillow lets go of the interpreter lock) while the model runs on the
batch before. At most a few batches are in memory; results come in the order of the files, and
a file that fails never shifts its neighbours' rows.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from c4t_core.devices import available_threads, out_of_memory
from c4t_core.errors import C4TError, ImageError
from c4t_core.images.decode import open_image
from c4t_core.images.scan import FileState, Skipped
from c4t_core.models.protocol import Facts, Model, PixelModel, Pixels, SeesObjects, classes_of
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

BATCH_SIZE = max(16, 8 * available_threads())  # files; enough for an engine to share them out
_BATCHES_AHEAD = 3  # prepared while the model works; 16 images of 320 pixels are 5 MB


OnPicture = Callable[[str | Path | bytes, FileState, Image.Image], None]
"""Is given each decoded picture in a decoding thread, once the model has what it needs of it."""

Fetch = Callable[[str | Path | bytes], AbstractContextManager[str | Path | bytes]]
"""Lends a file of this machine for one that lies elsewhere, with its size and time of change.

FileNotFoundError stands for one that is gone, another OSError for one that may be there later.
"""


@dataclass(frozen=True)
class Embedded:
    """One file's vector, with the state the file had when it was read."""

    index: int
    state: FileState
    vector: NDArray[np.float32]  # (d,), unit length
    facts: NDArray[np.float32] | None = None  # (c, 6), of a model that sees objects


@dataclass(frozen=True)
class Failed:
    """One file without a vector.

    Attributes:
        index: position in the list of files.
        reason: for the list of skipped files.
        state: the file as it was read; None if it is worth another try as it is.
        vanished: the file is not there any more.
    """

    index: int
    reason: str
    state: FileState | None = None
    vanished: bool = False


@dataclass
class Batch:
    """What came out of the pipeline at once, in the order of the files."""

    good: list[Embedded] = field(default_factory=list)
    bad: list[Failed] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.good) + len(self.bad)


@dataclass(frozen=True)
class Prepared:
    """One file's pixels, with the state the file had when it was read."""

    index: int
    state: FileState
    pixels: Pixels  # uint8 (h, w, 3)


def embed_stream(
    paths: Sequence[str | Path | bytes],
    model: PixelModel,
    *,
    batch_size: int = BATCH_SIZE,
    threads: int | None = None,
    on_picture: OnPicture | None = None,
    fetch: Fetch = nullcontext,
) -> Generator[Batch]:
    """Embed files and yield their vectors batch by batch, in order.

    Close the generator (or leave its loop) to stop: what is being decoded is finished, the
    rest is dropped.

    Args:
        paths: the files.
        model: anything that follows the protocol; its rows need not be unit rows.
        batch_size: files per batch; halved by itself where memory runs out.
        threads: decoding threads; by default as many as the machine has for us.
        on_picture: is given each picture that was decoded, RGB and upright, with its file and the
            state it had; called in the decoding threads. It raises nothing.
        fetch: brings each file here, in the decoding threads.

    Raises:
        C4TError: if even one image at a time does not fit into memory.
    """
    encoder = _Encoder(model, batch_size)
    ahead = batch_size * _BATCHES_AHEAD
    prepared = prepared_stream(
        paths, model, ahead=ahead, threads=threads, on_picture=on_picture, fetch=fetch
    )
    with closing(prepared) as stream:
        while done := list(islice(stream, encoder.batch_size)):
            yield encoder.encode(done)


def prepared_stream(
    paths: Sequence[str | Path | bytes],
    model: PixelModel,
    *,
    ahead: int,
    threads: int | None = None,
    on_picture: OnPicture | None = None,
    fetch: Fetch = nullcontext,
) -> Generator[Prepared | Failed]:
    """Decode and resize files in threads and yield them one by one, in order.

    Close the generator to stop, as of :func:`embed_stream`.

    Args:
        paths: the files.
        model: says how they are prepared.
        ahead: files in memory that nobody has asked for yet, at most, and one for each thread.
        threads: as of :func:`embed_stream`.
        on_picture: as of :func:`embed_stream`.
        fetch: as of :func:`embed_stream`.
    """
    workers = threads or available_threads()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="c4t-decode")
    waiting: deque[Future[Prepared | Failed]] = deque()
    jobs = iter(enumerate(paths))

    def submit(count: int) -> None:
        for index, path in islice(jobs, count):
            waiting.append(pool.submit(_prepare, index, path, model, on_picture, fetch))

    try:
        submit(ahead + workers)
        while waiting:
            done = waiting.popleft().result()
            submit(1)
            yield done
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare(
    index: int,
    path: str | Path | bytes,
    model: PixelModel,
    on_picture: OnPicture | None,
    fetch: Fetch,
) -> Prepared | Failed:
    """Decode and resize one file; every failure is a value, so that no row is ever lost."""
    before = None
    try:
        with fetch(path) as file:
            before = _state(file)
            image = open_image(file, model.min_side)
            pixels = model.prepare(image)
            if _state(file) != before:
                return Failed(index, "it changed while it was read; the next run reads it again")
        if on_picture is not None:
            on_picture(path, before, image)
        return Prepared(index, before, pixels)
    except FileNotFoundError:
        return Failed(index, "the file is gone", vanished=True)
    except ImageError as error:
        cause = error.__cause__
        if isinstance(cause, FileNotFoundError):
            return Failed(index, "the file is gone", vanished=True)
        passing = isinstance(cause, MemoryError) or getattr(cause, "errno", None) is not None
        return Failed(index, str(error), None if passing else before)
    except OSError as error:
        return Failed(index, f"cannot be read ({error.strerror or error})")
    except (ValueError, MemoryError) as error:
        return Failed(index, f"cannot be brought to the model's size ({error})", before)


def _state(path: str | Path | bytes) -> FileState:
    return FileState.of(os.stat(path))


class _Encoder:
    """Runs the model on batches, smaller ones once memory ran out."""

    def __init__(self, model: PixelModel, batch_size: int) -> None:
        self._model = model
        self.batch_size = max(1, batch_size)

    def encode(self, done: Sequence[Prepared | Failed]) -> Batch:
        """Embed what was prepared; keep what failed."""
        batch = Batch(bad=[item for item in done if isinstance(item, Failed)])
        good = [item for item in done if isinstance(item, Prepared)]
        if not good:
            return batch
        vectors, facts = self._encode_pixels(np.stack([item.pixels for item in good]))
        for item, vector, fact in zip(good, vectors, facts, strict=True):
            if np.isfinite(vector).all():
                known = fact if fact.size and np.isfinite(fact).all() else None
                batch.good.append(Embedded(item.index, item.state, vector, known))
            else:
                reason = "the model gives no usable numbers for it"
                batch.bad.append(Failed(item.index, reason, item.state))
        batch.bad.sort(key=lambda failed: failed.index)
        return batch

    def _encode_pixels(self, pixels: Pixels) -> tuple[NDArray[np.float32], Facts]:
        """Return rows (n, d) and facts (n, c, 6), of no classes where the model sees none."""
        parts: list[tuple[NDArray[np.float32], Facts]] = []
        start = 0
        while start < len(pixels):
            part = pixels[start : start + self.batch_size]
            try:
                parts.append(_encoded(self._model, part))
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if len(part) == 1:
                    raise C4TError(
                        "There is not enough memory to embed even one image; close other "
                        "programs, or choose a smaller model or the CPU."
                    ) from error
                self.batch_size = max(1, len(part) // 2)
                continue
            start += len(part)
        rows, facts = zip(*parts, strict=True)
        return np.concatenate(rows), np.concatenate(facts)


def _encoded(model: PixelModel, pixels: Pixels) -> tuple[NDArray[np.float32], Facts]:
    if isinstance(model, SeesObjects) and model.classes:
        return model.encode_pixels_with_objects(pixels)
    rows = np.asarray(model.encode_pixels(pixels), dtype=np.float32)
    return rows, np.empty((len(rows), 0, 6), dtype=np.float32)


def embed_images(
    paths: Sequence[Path],
    model: Model,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Progress = ignore,
) -> tuple[NDArray[np.float32], list[int], list[Skipped]]:
    """Embed a list of files.

    Returns:
        the rows of the usable files, float32 (n, d); their positions in ``paths``; the others
        with reasons.

    Raises:
        Cancelled: from ``progress``.
    """
    rows, _, good, skipped = embed_with_objects(
        paths, model, batch_size=batch_size, progress=progress
    )
    return rows, good, skipped


def embed_with_objects(
    paths: Sequence[Path],
    model: Model,
    *,
    batch_size: int = BATCH_SIZE,
    progress: Progress = ignore,
) -> tuple[NDArray[np.float32], Facts, list[int], list[Skipped]]:
    """Embed a list of files as :func:`embed_images` does; return what is seen in them as well.

    Returns:
        the rows, float32 (n, d); facts of the model's classes, float32 (n, c, 6), NaN where the
        model gives no usable ones; positions; skipped files.

    Raises:
        Cancelled: from ``progress``.
    """
    rows: list[NDArray[np.float32]] = []
    unknown = np.full((len(classes_of(model)), 6), np.nan, dtype=np.float32)
    facts: list[NDArray[np.float32]] = []
    good: list[int] = []
    skipped: list[Skipped] = []
    progress(0, len(paths))
    for batch in embed_stream(paths, model, batch_size=batch_size):
        rows += [item.vector for item in batch.good]
        facts += [unknown if item.facts is None else item.facts for item in batch.good]
        good += [item.index for item in batch.good]
        skipped += [Skipped(Path(paths[item.index]), item.reason) for item in batch.bad]
        progress(len(good) + len(skipped), len(paths))
    matrix = np.stack(rows) if rows else np.empty((0, model.dim), dtype=np.float32)
    seen = np.stack(facts) if facts else np.empty((0, *unknown.shape), dtype=np.float32)
    return matrix, seen, good, skipped
