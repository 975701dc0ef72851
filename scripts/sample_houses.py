"""Houses beside the road of the sample drive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scripts.sample_canvas import BLACK, Canvas, Colour, mix, shade


@dataclass(frozen=True)
class Building:
    """A house beside the road.

    Attributes:
        start: where it begins along the drive, metres.
        length: along the road, metres.
        side: -1 left, 1 right.
        inner: distance of its wall from the road's middle, metres.
        height: of the wall, metres.
        wall: colour.
        gable: whether it has a pitched roof.
        seed: of its lit windows.
    """

    start: float
    length: float
    side: int
    inner: float
    height: float
    wall: Colour
    gable: bool
    seed: int


def draw_building(canvas: Canvas, house: Building, along: float, night: bool, snow: bool) -> None:
    """Draw a house: the wall along the road, the end that faces the camera, the roof."""
    near, far = house.start - along, house.start + house.length - along
    if far < 1.5:
        return
    x, h = house.side * house.inner, house.height
    outer = house.side * (house.inner + 9)
    lit = np.random.default_rng(house.seed)
    roof: Colour = (236, 241, 248) if snow else (132, 74, 58)
    shadow_side = 0.78 if house.side > 0 else 0.94
    if near > 0.8:
        end = shade(house.wall, 0.86)
        canvas.quad(
            [(x, 0, near), (outer, 0, near), (outer, h, near), (x, h, near)], end, "Buildings"
        )
        if house.gable:
            peak = (x + outer) / 2
            canvas.quad([(x, h, near), (outer, h, near), (peak, h + 3, near)], end, "Buildings")
    near_wall = max(near, 0.8)
    wall = shade(house.wall, shadow_side)
    canvas.quad([(x, 0, near_wall), (x, 0, far), (x, h, far), (x, h, near_wall)], wall, "Buildings")
    canvas.quad(
        [(x, 0, near_wall), (x, 0, far), (x, 0.7, far), (x, 0.7, near_wall)],
        shade(wall, 0.75),
        "Buildings",
    )
    if house.gable:
        peak = x + house.side * 4.5
        canvas.quad(
            [(x, h, near_wall), (x, h, far), (peak, h + 3, far), (peak, h + 3, near_wall)],
            shade(roof, 0.95),
            "Buildings",
        )
    else:
        rim = x - house.side * 0.25
        canvas.quad(
            [
                (rim, h - 0.2, near_wall),
                (rim, h - 0.2, far),
                (rim, h + 0.3, far),
                (rim, h + 0.3, near_wall),
            ],
            roof if snow else shade(wall, 0.7),
            "Buildings",
        )
    _windows(canvas, house, (near, far), wall, lit, night)


def _windows(
    canvas: Canvas,
    house: Building,
    reach: tuple[float, float],
    wall: Colour,
    lit: np.random.Generator,
    night: bool,
) -> None:
    x = house.side * house.inner
    near, far = reach
    columns = max(1, int(house.length // 2.6))
    step = house.length / columns
    floors = max(1, int((house.height - 0.8) // 3))
    for floor in range(floors):
        low = 1.0 + floor * (house.height - 0.8) / floors
        for column in range(columns):
            on = night and lit.random() < 0.42
            glow = shade((255, 206, 130), float(lit.uniform(0.5, 0.9)))
            a = near + column * step + step * 0.24
            b = a + step * 0.52
            if a < 1.0 or far < 1.5:
                continue
            pane: Colour = glow if on else mix((92, 112, 134), wall, 0.12)
            shop = floor == 0 and house.seed % 2 == 0
            y0, y1 = (low - 0.2, low + 1.75) if shop else (low, low + 1.5)
            frame = shade(wall, 1.16)
            grow = 0.1
            canvas.quad(
                [
                    (x, y0 - grow, a - grow),
                    (x, y0 - grow, b + grow),
                    (x, y1 + grow, b + grow),
                    (x, y1 + grow, a - grow),
                ],
                frame,
                "Buildings",
            )
            canvas.quad(
                [(x, y0, a), (x, y0, b), (x, y1, b), (x, y1, a)],
                pane,
                "Buildings",
                glow if on else BLACK,
            )
            if not on:
                canvas.quad(
                    [(x, y0, b), (x, y1, b), (x, y1, a + 0.2)],
                    mix(pane, (200, 220, 240), 0.3),
                    "Buildings",
                )
            if shop:
                awning = ((186, 60, 52), (58, 110, 92), (210, 160, 60))[house.seed % 3]
                out = x - house.side * 0.45
                canvas.quad(
                    [
                        (x, y1 + 0.5, a - 0.2),
                        (x, y1 + 0.5, b + 0.2),
                        (out, y1, b + 0.2),
                        (out, y1, a - 0.2),
                    ],
                    awning,
                    "Buildings",
                )
