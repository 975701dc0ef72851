"""Coloured shapes with captions: 64 pictures that a tiny model can learn by heart."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 180, 60),
    "blue": (40, 70, 220),
    "yellow": (230, 220, 40),
    "white": (240, 240, 240),
    "black": (10, 10, 10),
    "grey": (128, 128, 128),
    "brown": (130, 80, 40),
}
GROUNDS = {
    "sky": (140, 190, 250),
    "road": (90, 90, 95),
    "forest": (20, 90, 30),
    "snow": (250, 250, 255),
    "sea": (10, 60, 130),
    "field": (200, 180, 90),
    "night": (5, 5, 30),
    "sun": (255, 200, 60),
}


def draw(
    path: Path, colour: tuple[int, int, int], ground: tuple[int, int, int], number: int
) -> None:
    image = Image.new("RGB", (96, 72), ground)
    ImageDraw.Draw(image).rectangle((24, 20, 72, 56), fill=colour)
    image.putpixel((0, 0), (number, 0, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def write_pairs(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)
    return path


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 pictures in 8 drives (one per ground) and ``pairs.csv``, one caption each."""
    root = tmp_path_factory.mktemp("shapes")
    rows = []
    for i, (place, ground) in enumerate(GROUNDS.items()):
        for j, (name, colour) in enumerate(COLOURS.items()):
            relative = f"drive{i}/frame_{j:03d}.png"
            draw(root / relative, colour, ground, 8 * i + j)
            rows.append((relative, f"a {name} car {place}", f"drive{i}"))
    write_pairs(root / "pairs.csv", rows, ("image", "caption", "drive"))
    return root
