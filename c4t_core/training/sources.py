"""Where the batches of a run come from: features of frozen encoders, or prepared pixels.

What does not change while training is computed once and kept on disk: the features of an
encoder that learns nothing, else the decoded and resized pixels. Either way every image is
decoded before the first step, so unreadable ones are known and left out from the start.
"""

from __future__ import annotations

import json
import math
import shutil
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from c4t_core.errors import TrainingError
from c4t_core.files import digest, file_key, overwrite
from c4t_core.progress import Progress, ignore
from c4t_core.training.checkpoint import state_digest
from c4t_core.training.data import PixelReader, Sample
from c4t_core.training.events import Emit, Features, Pixels, Preparing
from c4t_core.training.request import TrainingOptions
from c4t_core.training.towers import Captions, Towers, augmented, is_frozen

MISSING, GOOD, BAD = 0, 1, 2
_MARK = np.dtype([("state", "u1"), ("sum", "<u4")])  # of a row; the sum covers both
BLOCK = 64  # images per pass of a frozen encoder; fixed, so that a resumed cache is the same

_SPARE_BYTES = 200_000_000  # left for checkpoints and the finished model

Rows = NDArray[Any]
Compute = Callable[[list[int]], tuple[Rows, dict[int, str]]]
"""Row numbers -> their rows in that order (those of bad ones are not looked at), and why
a row is bad, by its number."""


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
            compute: gives the rows of one block.
            block: rows per block; blocks lie at fixed positions, so that resuming computes the
                same batches as a run that was never stopped.
            progress: called after each block with rows done and rows in all.
            on_block: called after each block with rows done, rows in all and seconds left.

        Raises:
            Cancelled: from ``progress``; what is done stays.
            TrainingError: if the disk is full; what is done stays.
        """
        total = len(self.state)
        begun, new = time.monotonic(), 0
        for start in range(0, total, block):
            numbers = list(range(start, min(start + block, total)))
            if np.all(self.state[numbers] != MISSING):
                continue
            rows, reasons = compute(numbers)
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
        """Return images, float32 features (n, width), or pixels (n, S, S, 3).

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
            rows = torch.from_numpy(np.array(self._store.rows[chosen]))
        if self._augment and seeds is not None:
            rows = augmented(rows, seeds)
        return rows


def image_source(
    samples: Sequence[Sample], towers: Towers, options: TrainingOptions, setup: SourceSetup
) -> ImageSource:
    """Decode every image once and keep what training will need of it."""
    paths = [sample.image for sample in samples]
    reader = PixelReader(towers.model.config.preprocess, setup.threads)
    files = [file_key(path) for path in paths]
    preprocess = str(towers.model.config.preprocess)
    if is_frozen(towers.model.image_encoder) and options.augment == "none":
        key = digest([preprocess, state_digest(towers.model.image_encoder), *files])
        width = towers.model.image_encoder.width
        store = _filled(
            ("images", key, len(paths), (width,), np.float32),
            lambda numbers: _features(numbers, paths, reader, towers, setup.device),
            Features,
            setup,
        )
        reader.close()
        return ImageSource(store, paths, None, augment=False)
    size = towers.model.config.preprocess.size
    shape: tuple[int, ...] = (size, size, 3)
    setup.folder.mkdir(parents=True, exist_ok=True)
    keep = len(paths) * size * size * 3 < shutil.disk_usage(setup.folder).free / 2
    if not keep:
        shape = ()  # only whether the image can be read; decoded again in every epoch
    key = digest([preprocess, *files])
    store = _filled(
        ("pixels" if keep else "checked", key, len(paths), shape, np.uint8),
        lambda numbers: _pixels(numbers, paths, reader, keep),
        Pixels,
        setup,
    )
    if keep:
        reader.close()
    return ImageSource(store, paths, None if keep else reader, augment=options.augment == "light")


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
    numbers: list[int],
    paths: Sequence[Path],
    reader: PixelReader,
    towers: Towers,
    device: torch.device,
) -> tuple[Rows, dict[int, str]]:
    pixels, reasons = reader([paths[number] for number in numbers])  # (n, S, S, 3)
    towers.eval()
    with torch.no_grad():
        features = towers.image_features(torch.from_numpy(pixels).to(device)).float().cpu()
    rows = features.numpy()  # (n, width)
    by_number = {numbers[index]: reason for index, reason in reasons.items()}
    for index in np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist():
        by_number.setdefault(numbers[index], "its features are not finite")
    return rows, by_number


def _pixels(
    numbers: list[int], paths: Sequence[Path], reader: PixelReader, keep: bool
) -> tuple[Rows, dict[int, str]]:
    pixels, reasons = reader([paths[number] for number in numbers])
    rows: Rows = pixels if keep else np.zeros(len(numbers), np.uint8)
    return rows, {numbers[index]: reason for index, reason in reasons.items()}


def caption_source(
    samples: Sequence[Sample], towers: Towers, tokenizer: bytes, setup: SourceSetup
) -> Captions:
    """Tokenise every caption once; with a frozen text encoder keep its features."""
    texts = list(dict.fromkeys(text for sample in samples for text in sample.captions))
    captions = Captions(texts, tokenizer, towers.model.config.text.max_length)
    encoder = towers.model.text_encoder
    if not is_frozen(encoder):
        return captions
    key = digest([tokenizer, str(towers.model.config.text), state_digest(encoder), *texts])

    def compute(numbers: list[int]) -> tuple[Rows, dict[int, str]]:
        towers.eval()
        with torch.no_grad():
            batch = captions.tokens(numbers).to(setup.device)
            return towers.text_features(batch).float().cpu().numpy(), {}

    store = _filled(
        ("texts", key, len(texts), (encoder.width,), np.float32), compute, Features, setup
    )
    captions.features = torch.from_numpy(np.array(store.rows))  # (m, width)
    return captions
