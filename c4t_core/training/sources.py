"""Where the batches of a run come from: features of frozen encoders, or prepared pixels.

What does not change while training is computed once and kept on disk: the features of an
encoder that learns nothing, else the decoded and resized pixels. Either way every image is
decoded before the first step, so unreadable ones are known and left out from the start.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from c4t_core.devices import available_threads, to_device
from c4t_core.errors import MissingExtraError, TrainingError
from c4t_core.files import digest, file_key, overwrite, write_whole
from c4t_core.index.embed import BATCH_SIZE, Batch, Failed, embed_stream, prepared_stream
from c4t_core.models.c4t import tokens_of
from c4t_core.models.config import prepare
from c4t_core.models.graphs.export import trace_image_encoder
from c4t_core.models.graphs.sessions import onnx_session
from c4t_core.models.network import DualEncoder
from c4t_core.models.protocol import Pixels as PixelRows
from c4t_core.paths import cache_dir
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass
from c4t_core.training.checkpoint import state_digest
from c4t_core.training.data import PixelReader, Sample
from c4t_core.training.events import Emit, Features, Pixels, Preparing
from c4t_core.training.request import TrainingOptions
from c4t_core.training.towers import Captions, Towers, augmented, is_frozen

MISSING, GOOD, BAD = 0, 1, 2
_MARK = np.dtype([("state", "u1"), ("sum", "<u4")])  # of a row; the sum covers both
BLOCK = 64  # rows computed and written at once, at fixed places: a resumed cache is the same

GRAPH_FROM = 5_000_000
"""Pixels for which tracing, a second or two, pays: 31 frames of 320 by 512. All of a run
count, done or not: one that goes on must not take another engine for its rest."""

_TEXTS = 1  # format of the features that are kept
KEPT_ENCODERS, KEPT_TEXTS = 3, 50_000  # whose features are kept, and of how many texts each

_SPARE_BYTES = 200_000_000  # left for checkpoints and the finished model

Rows = NDArray[Any]
BlockRows = tuple[Rows, dict[int, str]]
"""The rows of some numbers in that order (those of bad ones are not looked at), and why a row is
bad, by its number."""
Compute = Callable[[list[list[int]]], Generator[BlockRows]]
"""Blocks of row numbers -> the rows of each."""


class RowStore:
    """A fixed number of equal rows on disk, filled in blocks.

    Rows are read through a memory map and never written through it: a disk that fills up under
    a map kills the process, a write says so. Rows that are not what was written are missing.

    Args:
        folder: where the files lie, made if needed.
        name: of the files, ``NAME-KEY.rows`` and ``NAME-KEY.state``.
        key: hex digest of all that the rows depend on; another key is another store, and
            stores of the same name with other keys are removed.
        count: number of rows.
        shape: of one row.
        dtype: of the rows.

    Attributes:
        rows: the mapped array, (count, *shape).
        state: uint8 (count,), one of MISSING, GOOD, BAD.
        reasons: why rows are bad, by row number.

    Raises:
        TrainingError: if the disk has no room for it.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        key: str,
        count: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any] | type,
        *,
        writable: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"{name}-{key[:16]}"
        self._reasons_path = folder / f"{stem}.reasons.jsonl"
        self._data_path, self._state_path = folder / f"{stem}.rows", folder / f"{stem}.state"
        self.reasons: dict[int, str] = {}
        wanted = math.prod((count, *shape)) * np.dtype(dtype).itemsize
        marks = _MARK.itemsize * count
        if not (_holds(self._data_path, wanted) and _holds(self._state_path, marks)):
            if not writable:
                raise TrainingError(
                    f"The cache {self._data_path} is not there; start the training again."
                )
            for old in folder.glob(f"{name}-*"):
                old.unlink()
            _allocate(self._data_path, wanted, self._state_path, marks)
        self.rows: Rows = (
            np.memmap(self._data_path, dtype, mode="r", shape=(count, *shape))
            if wanted
            else np.empty((count, *shape), dtype)
        )
        self._marks = np.fromfile(self._state_path, _MARK)  # (count,)
        self.state: Rows = self._marks["state"]
        self._read_reasons()
        if writable:
            self._forget_damaged()

    def _read_reasons(self) -> None:
        if not self._reasons_path.is_file():
            return
        for line in self._reasons_path.read_bytes().splitlines():
            try:
                row, reason = json.loads(line)
                self.reasons[int(row)] = str(reason)
            except (ValueError, TypeError):  # its row is computed again
                continue

    def _forget_damaged(self) -> None:
        """Take rows for missing that are not as they were written, or bad without a reason."""
        for number in np.flatnonzero(self.state).tolist():
            state = int(self.state[number])
            lost = state == BAD and number not in self.reasons
            if lost or _sum(self.rows[number], state) != self._marks["sum"][number]:
                self.state[number] = MISSING
        bad = set(np.flatnonzero(self.state == BAD).tolist())
        self.reasons = {number: why for number, why in self.reasons.items() if number in bad}

    def fill(
        self,
        compute: Compute,
        block: int,
        progress: Progress = ignore,
        on_block: Callable[[int, int, float], None] | None = None,
    ) -> None:
        """Compute what is missing.

        Args:
            compute: gives the rows of blocks; closed when it is not needed any more.
            block: rows per block; blocks lie at fixed positions, so that resuming computes the
                same batches as a run that was never stopped.
            progress: called after each block with rows done and rows in all.
            on_block: called after each block with rows done, rows in all and seconds left.

        Raises:
            Cancelled: from ``progress``; what is done stays.
            TrainingError: if the disk is full; what is done stays.
        """
        total = len(self.state)
        every = [list(range(at, min(at + block, total))) for at in range(0, total, block)]
        blocks = [numbers for numbers in every if np.any(self.state[numbers] == MISSING)]
        begun, new = time.monotonic(), 0
        with closing(compute(blocks)) as computed:
            for numbers, (rows, reasons) in zip(blocks, computed, strict=True):
                self._keep(numbers, rows, reasons)
                new += len(numbers)
                done = int(np.count_nonzero(self.state))
                left = (time.monotonic() - begun) / new * (total - done)
                if on_block is not None:
                    on_block(done, total, left)
                progress(done, total)

    def _keep(self, numbers: Sequence[int], rows: Rows, reasons: dict[int, str]) -> None:
        """Write one block of rows that follow each other, then their marks."""
        block = np.array(rows, self.rows.dtype)  # (n, *shape)
        bad = np.array([number in reasons for number in numbers])  # (n,)
        block[bad] = 0
        marks = np.empty(len(numbers), _MARK)
        marks["state"] = np.where(bad, BAD, GOOD)
        marks["sum"] = [_sum(row, state) for row, state in zip(block, marks["state"], strict=True)]
        first = numbers[0]
        try:
            overwrite(self._data_path, first * block[0].nbytes, block.tobytes())
            if reasons:
                with self._reasons_path.open("a", encoding="utf-8") as out:
                    for number, reason in reasons.items():
                        out.write("\n" + json.dumps([number, reason]))
            overwrite(self._state_path, first * _MARK.itemsize, marks.tobytes())
        except OSError as error:
            raise _no_room(self._data_path, error) from error
        self.reasons.update(reasons)
        self._marks[list(numbers)] = marks


def _sum(row: Rows, state: int) -> int:
    return zlib.crc32(row.tobytes(), int(state))


def _holds(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _no_room(path: Path, error: OSError) -> TrainingError:
    return TrainingError(
        f"There is no room for the cache {path} ({error.strerror}); free some space and run the "
        "same command again, it goes on from here, or choose another output folder."
    )


def _allocate(data: Path, size: int, state: Path, state_size: int) -> None:
    wanted = size + state_size
    free = shutil.disk_usage(data.parent).free
    if free < wanted + _SPARE_BYTES:
        raise TrainingError(
            f"The cache of this run needs {wanted / 1e9:.1f} GB but {data.parent} has "
            f"{free / 1e9:.1f} GB free; free some space or choose another output folder."
        )
    try:
        with data.open("wb") as out:
            out.truncate(size)
        state.write_bytes(bytes(state_size))
    except OSError as error:
        raise _no_room(data, error) from error


class FrozenImages:
    """Prepares images for a frozen encoder and runs it, as a model does for an index.

    On the CPU it is traced once and run by ONNX Runtime: three times as fast as torch, and the same
    to a few parts in a million. It is always the full precision that is run, also where indexes are
    made with a smaller graph: what heads learn does not depend on that choice.

    Args:
        model: its encoder is used as it is now.
        device: where; only ``cpu`` takes the traced graph.
        count: images of the whole run.

    Attributes:
        min_side: as of :class:`c4t_core.models.protocol.Model`.
        width: of the features.
    """

    def __init__(self, model: DualEncoder, device: torch.device, count: int) -> None:
        self._config = model.config.preprocess
        self.min_side = model.config.min_side
        self.width = model.image_encoder.width
        self._run = _in_torch(model, device)
        height, width = self._config.shape
        if device.type == "cpu" and count * height * width >= GRAPH_FROM:
            try:
                self._run = _in_onnx(model)
            except (MissingExtraError, ImportError):  # torch does it too
                return

    def prepare(self, image: Image.Image) -> PixelRows:
        """Return one image as uint8 (size, size, 3); thread-safe."""
        return prepare(image, self._config)

    def encode_pixels(self, pixels: PixelRows) -> Rows:
        """Return the features of prepared images, uint8 (n, h, w, 3) -> float32 (n, width)."""
        return self._run(pixels)


def _in_torch(model: DualEncoder, device: torch.device) -> Callable[[PixelRows], Rows]:
    encoder = model.image_encoder

    def run(pixels: PixelRows) -> Rows:
        encoder.eval()
        with torch.inference_mode():
            rows: Rows = encoder(to_device(pixels, device)).float().cpu().numpy()
        return rows

    return run


def _in_onnx(model: DualEncoder) -> Callable[[PixelRows], Rows]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        path = Path(scratch) / "encoder.onnx"
        trace_image_encoder(model, path)
        session = onnx_session(path.read_bytes(), available_threads())

    def run(pixels: PixelRows) -> Rows:
        rows: Rows = session.run(["features"], {"pixels": np.ascontiguousarray(pixels)})[0]
        return rows

    return run


@dataclass
class SourceSetup:
    """Where and how sources are made.

    Attributes:
        folder: of the caches.
        device: the encoders run on.
        threads: that decode.
        main: whether this process fills the caches; the others wait and read.
        wait: returns when all processes are here.
        emit: takes events.
        progress: called after each block; may raise Cancelled.
    """

    folder: Path
    device: torch.device
    threads: int
    main: bool
    wait: Callable[[], None]
    emit: Emit
    progress: Progress


class ImageSource:
    """Batches of images by number.

    Args:
        store: rows of features or pixels, or only the states of checked images.
        paths: of all images, n of them.
        reader: decodes on the way where the store holds no pixels, else None.
        augment: whether pixels are varied.

    Attributes:
        skipped: reason by number, for images that cannot be read; empty once these are
            left out.
    """

    def __init__(
        self, store: RowStore, paths: Sequence[Path], reader: PixelReader | None, augment: bool
    ) -> None:
        self._store, self._paths, self._reader = store, list(paths), reader
        self._augment = augment
        self._rows = list(range(len(self._paths)))  # number -> row of the store
        self.skipped = {
            number: store.reasons.get(number, "cannot be read")
            for number in np.flatnonzero(store.state != GOOD).tolist()
        }

    def renumber(self, kept: Sequence[int]) -> None:
        """Leave images out: number ``i`` is from now on what number ``kept[i]`` was."""
        self._rows = [self._rows[number] for number in kept]
        self.skipped = {}

    def batch(self, numbers: Sequence[int], seeds: Sequence[int] | None = None) -> Tensor:
        """Return images, float32 features (n, width), or pixels (n, h, w, 3).

        Args:
            numbers: which.
            seeds: of the variation of each, None for none. Pixels are uint8, varied ones
                float32 0..255.
        """
        chosen = [self._rows[number] for number in numbers]
        if self._reader is not None:
            pixels, _ = self._reader([self._paths[row] for row in chosen])
            rows = torch.from_numpy(pixels)
        else:
            rows = torch.from_numpy(np.asarray(self._store.rows[chosen]))
        if self._augment and seeds is not None:
            rows = augmented(rows, seeds)
        return rows


def image_source(
    samples: Sequence[Sample], towers: Towers, options: TrainingOptions, setup: SourceSetup
) -> ImageSource:
    """Decode every image once and keep what training will need of it."""
    paths = [sample.image for sample in samples]
    files = [file_key(path) for path in paths]
    preprocess = str(towers.model.config.preprocess)
    if is_frozen(towers.model.image_encoder) and options.augment == "none":
        key = digest([preprocess, state_digest(towers.model.image_encoder), *files])
        width = towers.model.image_encoder.width
        store = _filled(
            ("images", key, len(paths), (width,), np.float32),
            lambda blocks: _features(blocks, paths, towers, setup),
            Features,
            setup,
        )
        return ImageSource(store, paths, None, augment=False)
    height, width = towers.model.config.preprocess.shape
    shape: tuple[int, ...] = (height, width, 3)
    setup.folder.mkdir(parents=True, exist_ok=True)
    keep = len(paths) * height * width * 3 < shutil.disk_usage(setup.folder).free / 2
    if not keep:
        shape = ()  # only whether the image can be read; decoded again in every epoch
    key = digest([preprocess, *files])
    store = _filled(
        ("pixels" if keep else "checked", key, len(paths), shape, np.uint8),
        lambda blocks: _pixels(blocks, paths, towers, setup, shape),
        Pixels,
        setup,
    )
    reader = None if keep else PixelReader(towers.model.config.preprocess, setup.threads)
    return ImageSource(store, paths, reader, augment=options.augment == "light")


def _filled(
    what: tuple[str, str, int, tuple[int, ...], type],
    compute: Compute,
    event: type[Preparing],
    setup: SourceSetup,
) -> RowStore:
    if setup.main:
        store = RowStore(setup.folder, *what)
        store.fill(
            compute,
            BLOCK,
            setup.progress,
            lambda done, total, left: setup.emit(event(what[0], done, total, left)),
        )
    setup.wait()
    if not setup.main:
        store = RowStore(setup.folder, *what, writable=False)
    return store


def _features(
    blocks: list[list[int]], paths: Sequence[Path], towers: Towers, setup: SourceSetup
) -> Generator[BlockRows]:
    if not blocks:
        return
    model = FrozenImages(towers.model, setup.device, len(paths))
    size = BATCH_SIZE if setup.device.type == "cpu" else BLOCK
    stream = embed_stream(_chosen(blocks, paths), model, batch_size=size, threads=setup.threads)
    with closing(stream):
        yield from _blocks(blocks, _vectors(stream), (model.width,), np.float32)


def _vectors(stream: Iterator[Batch]) -> Iterator[Rows | str]:
    """Yield the vector of each file, or why there is none, in the order of the files."""
    for batch in stream:
        found: dict[int, Rows | str] = {item.index: item.vector for item in batch.good}
        found |= {item.index: item.reason for item in batch.bad}
        yield from (found[index] for index in sorted(found))


def _pixels(
    blocks: list[list[int]],
    paths: Sequence[Path],
    towers: Towers,
    setup: SourceSetup,
    shape: tuple[int, ...],
) -> Generator[BlockRows]:
    model = FrozenImages(towers.model, setup.device, 0)
    stream = prepared_stream(_chosen(blocks, paths), model, ahead=BLOCK // 2, threads=setup.threads)
    with closing(stream):
        found = (
            item.reason if isinstance(item, Failed) else item.pixels if shape else np.uint8(0)
            for item in stream
        )
        yield from _blocks(blocks, found, shape, np.uint8)


def _chosen(blocks: list[list[int]], paths: Sequence[Path]) -> list[Path]:
    return [paths[number] for numbers in blocks for number in numbers]


def _blocks(
    blocks: list[list[int]],
    found: Iterator[Any],
    shape: tuple[int, ...],
    dtype: type,
) -> Generator[BlockRows]:
    """Put rows, or reasons why there is none, together as they come, block by block."""
    for numbers in blocks:
        rows: Rows = np.zeros((len(numbers), *shape), dtype)
        reasons = {}
        for index, number in enumerate(numbers):
            row = next(found)
            if isinstance(row, str):
                reasons[number] = row
            else:
                rows[index] = row
        yield rows, reasons


class KeptTexts:
    """Features of texts that come with the application, from one run to the next.

    They are what a frozen text encoder makes of fixed texts, and took most of the time of a short
    run. Whoever cannot write or read them computes them; nobody else's texts are kept.

    Args:
        key: hex digest of all that the features depend on but the texts.
        width: of the features.
    """

    def __init__(self, key: str, width: int) -> None:
        self._path, self._width = cache_dir() / "texts" / f"{key[:32]}.safetensors", width

    def read(self) -> dict[str, Rows]:
        """Return text -> float32 (width,); nothing where there is no such file or it is damaged."""
        try:
            with safe_open(self._path, framework="numpy") as file:
                told: dict[str, str] = file.metadata() or {}
                rows: Rows = file.get_tensor("rows")
            texts = json.loads(told["texts"])
        except (OSError, SafetensorError, KeyError, ValueError):
            return {}
        fits = rows.dtype == np.float32 and rows.shape == (len(texts), self._width)
        if not fits or told.get("sum") != _texts_sum(texts, rows):
            return {}
        return dict(zip(texts, rows, strict=True))

    def add(self, features: Mapping[str, Rows]) -> None:
        """Keep features besides those that are kept, the newest where they are too many."""
        known = self.read()
        if features.keys() <= known.keys():
            return
        both = {**known, **features} if len(known) < KEPT_TEXTS else dict(features)
        texts, rows = list(both), np.stack(list(both.values()))
        told = {"texts": json.dumps(texts), "sum": _texts_sum(texts, rows)}
        with contextlib.suppress(OSError):
            write_whole(self._path, save({"rows": rows}, metadata=told), sync=False)
            files = sorted(self._path.parent.glob("*.safetensors"), key=lambda p: p.stat().st_mtime)
            for old in files[:-KEPT_ENCODERS]:
                old.unlink()


def _length(text: str) -> tuple[int, str]:
    return len(text), text


def _texts_sum(texts: Sequence[str], rows: Rows) -> str:
    return digest([*texts, rows.tobytes()])


def caption_source(
    samples: Sequence[Sample],
    towers: Towers,
    tokenizer: bytes,
    setup: SourceSetup,
    *,
    keep: bool = False,
) -> Captions:
    """Tokenise every caption once; with a frozen text encoder keep its features.

    Args:
        samples: whose captions.
        towers: the model.
        tokenizer: content of its file.
        setup: where and how.
        keep: the captions come with the application; see :class:`KeptTexts`.
    """
    # of one length side by side: among longer ones the short ones are mostly padding
    texts = sorted({text for sample in samples for text in sample.captions}, key=_length)
    config, encoder = towers.model.config, towers.model.text_encoder
    captions = Captions(texts, tokens_of(config, tokenizer))
    if not is_frozen(encoder):
        return captions
    which: list[str | bytes] = [tokenizer, str(config.clip or config.text), state_digest(encoder)]
    kept = KeptTexts(digest([str(_TEXTS), setup.device.type, *which]), encoder.width)

    def compute(blocks: list[list[int]]) -> Generator[BlockRows]:
        known = kept.read() if keep else {}
        asked = [number for numbers in blocks for number in numbers if texts[number] not in known]
        new = computed(asked)
        for numbers in blocks:
            rows = [known[texts[n]] if texts[n] in known else next(new) for n in numbers]
            yield np.stack(rows), {}

    def computed(numbers: Sequence[int]) -> Iterator[Rows]:
        towers.eval()
        for start in range(0, len(numbers), BLOCK):
            with torch.no_grad():
                batch = captions.tokens(numbers[start : start + BLOCK]).to(setup.device)
                rows = towers.text_features(batch).float().cpu().numpy()
            yield from rows

    what = ("texts", digest([*which, *texts]), len(texts), (encoder.width,), np.float32)
    rows = np.array(_filled(what, compute, Features, setup).rows)  # (m, width)
    if keep and setup.main:
        kept.add(dict(zip(texts, rows, strict=True)))
    captions.features = torch.from_numpy(rows)
    return captions
