"""The images that speed is measured on: real ones where there are, else drawn and noisy ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from c4t_core.paths import resource

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "drive_data"


def real_folder(*parts: str) -> Path | None:
    """Return a folder of real images, None where this machine has none."""
    folder = Path(os.environ.get("C4T_DRIVE_DATA", BESIDE)).joinpath(*parts)
    return folder if folder.is_dir() else None


def _drawn(count: int, size: tuple[int, int], into: Path, suffix: str) -> list[Path]:
    """Enlarge frames of the sample drive; noise makes them as dear to decode as photographs."""
    frames = sorted(resource("sample", "drives").glob("*/camera/*/*.jpg"))
    rng = np.random.default_rng(5)
    made = []
    for number in range(count):
        with Image.open(frames[number * 7 % len(frames)]) as frame:
            large = frame.resize(size, Image.Resampling.BICUBIC)
        noisy = np.asarray(large, np.int16) + rng.integers(-9, 10, (size[1], size[0], 3))
        path = into / f"drawn_{number:05d}{suffix}"
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path)
        made.append(path)
    return made


def frames_to_time(kind: str, count: int, into: Path, images: Path | None = None) -> str:
    """Fill a folder with ``count`` images and return in words what they are.

    Args:
        kind: ``jpeg`` (1280x720) or ``png`` (1920x1208).
        count: how many; the same few are copied, each copy a file of its own.
        into: an empty folder.
        images: take the images of this folder instead.
    """
    suffix, parts, size, plenty = {
        "jpeg": (".jpg", ("driveai", "images"), (1280, 720), 30),
        "png": (".png", ("a2d2", "images"), (1920, 1208), 5),
    }[kind]
    folder = images or real_folder(*parts)
    source = into.parent / f"{into.name}-source"
    if folder is not None:
        chosen = sorted(p for p in folder.rglob("*") if p.suffix.lower() == suffix)
        words = f"photographs, {size[0]}x{size[1]} {kind.upper()}"
    else:
        chosen = []
    if not chosen:
        source.mkdir()
        chosen = _drawn(plenty, size, source, suffix)
        words = f"drawn frames with noise, {size[0]}x{size[1]} {kind.upper()}"
    for number in range(count):
        shutil.copyfile(chosen[number % len(chosen)], into / f"frame_{number:05d}{suffix}")
    return words


def many_small(count: int, into: Path) -> None:
    """Fill a folder with small, different JPEGs, for what depends on their number only."""
    frames = sorted(resource("sample", "drives").glob("*/camera/*/*.jpg"))
    small = []
    for path in frames:
        with Image.open(path) as frame:
            small.append(np.asarray(frame.resize((256, 160)), np.int16))
    rng = np.random.default_rng(9)
    for number in range(count):
        base = np.roll(small[number % len(small)], int(rng.integers(256)), axis=1)
        shifted = base + rng.integers(-40, 41, 3)
        image = Image.fromarray(np.clip(shifted, 0, 255).astype(np.uint8))
        image.save(into / f"frame_{number:06d}.jpg", quality=70)
