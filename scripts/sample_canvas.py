"""The canvas of the sample drive: a pinhole camera and four layers drawn at once.

Everything is drawn at twice the final size, into colour, emitted light, depth (metres) and
class label together, so that what hides a thing hides its light, its depth and its label too.
World axes: x to the right, y up from the road, z ahead of the camera, all in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 640, 400  # of a finished frame, pixels
SCALE = 2  # drawn larger, then shrunk: smooth edges
FAR = 5000.0  # depth of the sky, metres

Colour = tuple[int, int, int]
Point = tuple[float, float]
Floats = NDArray[np.float32]
BLACK: Colour = (0, 0, 0)

# Class names as A2D2 writes them, so that its reader understands the labels; colours are ours.
CLASSES: dict[str, Colour] = {
    "Sky": (110, 180, 250),
    "RD normal street": (128, 64, 128),
    "Solid line": (255, 200, 40),
    "Dashed line": (150, 30, 250),
    "Zebra crossing": (210, 60, 120),
    "Sidewalk": (180, 150, 200),
    "Curbstone": (120, 120, 10),
    "Nature object": (60, 160, 70),
    "Buildings": (225, 215, 240),
    "Poles": (250, 240, 140),
    "Traffic sign 1": (0, 230, 230),
    "Traffic signal 1": (0, 110, 240),
    "Car 1": (250, 0, 0),
    "Car 2": (200, 0, 0),
    "Car 3": (150, 0, 0),
    "Car 4": (115, 0, 0),
    "Truck 1": (250, 130, 0),
    "Truck 2": (200, 120, 0),
    "Utility vehicle 1": (240, 240, 0),
    "Bicycle 1": (180, 90, 10),
    "Bicycle 2": (150, 50, 0),
    "Pedestrian 1": (200, 150, 250),
    "Pedestrian 2": (190, 70, 150),
    "Pedestrian 3": (240, 90, 190),
    "Animals": (200, 250, 150),
    "Ego car": (70, 210, 200),
}
INDEX = {name: number for number, name in enumerate(CLASSES)}


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Blend two colours; ``share`` is the part of ``b``."""
    r, g, bl = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return (r, g, bl)


def shade(colour: Colour, factor: float) -> Colour:
    """Make a colour darker (below 1) or lighter (above 1)."""
    r, g, b = (min(255, max(0, round(x * factor))) for x in colour)
    return (r, g, b)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera above a flat, gently bending road.

    Attributes:
        height: of the lens above the road, metres.
        focal: focal length, pixels of the large canvas.
        horizon: row of the horizon on the large canvas.
        bend: curvature of the road ahead, 1/metres; positive bends right.
        shift: how far right of the road's middle the camera drives, metres.
    """

    height: float = 1.45
    focal: float = 0.92 * WIDTH * SCALE
    horizon: float = 0.46 * HEIGHT * SCALE
    bend: float = 0.0
    shift: float = 1.75

    def middle(self, z: float) -> float:
        """Return where the road's middle lies at distance z, metres from the optical axis."""
        return 0.5 * self.bend * z * z - self.shift

    def project(self, x: float, y: float, z: float) -> Point:
        """Return the pixel of a point; x is measured from the road's middle."""
        z = max(z, 0.6)
        right = x + self.middle(z)
        return (
            WIDTH * SCALE / 2 + self.focal * right / z,
            self.horizon + self.focal * (self.height - y) / z,
        )


@dataclass
class Canvas:
    """Colour, light, depth and labels of one frame, drawn together."""

    camera: Camera
    colour: Image.Image = field(init=False)
    light: Image.Image = field(init=False)
    depth: Image.Image = field(init=False)
    label: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        """Start black, far and unlabelled (sky)."""
        size = (WIDTH * SCALE, HEIGHT * SCALE)
        self.colour = Image.new("RGB", size)
        self.light = Image.new("RGB", size)
        self.depth = Image.new("F", size, FAR)
        self.label = Image.new("L", size, INDEX["Sky"])
        self._attach()

    def _attach(self) -> None:
        self._colour = ImageDraw.Draw(self.colour)
        self._light = ImageDraw.Draw(self.light)
        self._depth = ImageDraw.Draw(self.depth)
        self._label = ImageDraw.Draw(self.label)

    def replace(
        self, colour: Floats, light: Floats, depth: Floats, label: NDArray[np.uint8]
    ) -> None:
        """Put whole layers in place: (h, w, 3) 0..255 twice, (h, w) metres, (h, w) indices."""
        self.colour = Image.fromarray(np.clip(colour, 0, 255).astype(np.uint8))
        self.light = Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
        self.depth = Image.fromarray(depth.astype(np.float32))
        self.label = Image.fromarray(label)
        self._attach()

    def polygon(
        self,
        points: Sequence[Point],
        colour: Colour,
        z: float,
        label: str | None = None,
        emit: Colour = BLACK,
    ) -> None:
        """Fill a polygon; without a label the labels stay as they are."""
        corners = list(points)
        self._colour.polygon(corners, fill=colour)
        self._light.polygon(corners, fill=emit)
        self._depth.polygon(corners, fill=z)
        if label is not None:
            self._label.polygon(corners, fill=INDEX[label])

    def ellipse(
        self,
        box: tuple[float, float, float, float],
        colour: Colour,
        z: float,
        label: str | None = None,
        emit: Colour = BLACK,
    ) -> None:
        """Fill an ellipse inside ``(left, top, right, bottom)``."""
        left, top, right, bottom = box
        if right - left < 0.5 or bottom - top < 0.5:
            return
        self._colour.ellipse(box, fill=colour)
        self._light.ellipse(box, fill=emit)
        self._depth.ellipse(box, fill=z)
        if label is not None:
            self._label.ellipse(box, fill=INDEX[label])

    def rounded(
        self,
        box: tuple[float, float, float, float],
        radius: float,
        colour: Colour,
        z: float,
        label: str | None = None,
        emit: Colour = BLACK,
    ) -> None:
        """Fill a rectangle with round corners."""
        left, top, right, bottom = box
        if right - left < 1 or bottom - top < 1:
            return
        radius = min(radius, (right - left) / 2 - 0.5, (bottom - top) / 2 - 0.5)
        radius = max(radius, 0)
        self._colour.rounded_rectangle(box, radius, fill=colour)
        self._light.rounded_rectangle(box, radius, fill=emit)
        self._depth.rounded_rectangle(box, radius, fill=z)
        if label is not None:
            self._label.rounded_rectangle(box, radius, fill=INDEX[label])

    def quad(
        self,
        corners: Sequence[tuple[float, float, float]],
        colour: Colour,
        label: str | None = None,
        emit: Colour = BLACK,
    ) -> None:
        """Fill a polygon given by points in the world; nothing where it is behind the camera."""
        if max(z for _, _, z in corners) <= 0.6:
            return
        pixels = [self.camera.project(*corner) for corner in corners]
        distance = sum(max(z, 0.6) for _, _, z in corners) / len(corners)
        self.polygon(pixels, colour, distance, label, emit)

    def face(self, x: float, z: float, label: str | None) -> Face:
        """Return an upright plane that faces the camera, its origin on the road at (x, z)."""
        return Face(self, x, z, label)


@dataclass(frozen=True)
class Face:
    """An upright plane facing the camera: shapes on it are given in metres, y upward."""

    canvas: Canvas
    x: float
    z: float
    label: str | None

    def _pixel(self, x: float, y: float) -> Point:
        return self.canvas.camera.project(self.x + x, y, self.z)

    @property
    def scale(self) -> float:
        """Pixels per metre."""
        return self.canvas.camera.focal / max(self.z, 0.6)

    def poly(self, points: Sequence[Point], colour: Colour, emit: Colour = BLACK) -> None:
        """Fill a polygon."""
        pixels = [self._pixel(x, y) for x, y in points]
        self.canvas.polygon(pixels, colour, self.z, self.label, emit)

    def rect(
        self,
        x0: float,
        y0: float,
        x1: float,
        y1: float,
        colour: Colour,
        radius: float = 0.0,
        emit: Colour = BLACK,
    ) -> None:
        """Fill a rectangle with corners rounded by ``radius`` metres."""
        (left, bottom), (right, top) = self._pixel(x0, y0), self._pixel(x1, y1)
        box = (left, top, right, bottom)
        self.canvas.rounded(box, radius * self.scale, colour, self.z, self.label, emit)

    def disc(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, emit: Colour = BLACK
    ) -> None:
        """Fill an ellipse around (x, y)."""
        (left, bottom), (right, top) = self._pixel(x - rx, y - ry), self._pixel(x + rx, y + ry)
        self.canvas.ellipse((left, top, right, bottom), colour, self.z, self.label, emit)

    def mirrored_rects(
        self,
        boxes: Sequence[tuple[float, float, float, float]],
        colour: Colour,
        radius: float = 0.0,
        emit: Colour = BLACK,
    ) -> None:
        """Fill rectangles and their mirror images about the plane's middle."""
        for x0, y0, x1, y1 in boxes:
            self.rect(x0, y0, x1, y1, colour, radius, emit)
            self.rect(-x1, y0, -x0, y1, colour, radius, emit)

    def limb(self, a: Point, b: Point, thick: float, colour: Colour) -> None:
        """Draw a limb with round ends from a to b, ``thick`` metres wide."""
        along = np.array([b[0] - a[0], b[1] - a[1]])
        length = float(np.hypot(*along)) or 1e-6
        nx, ny = -along[1] / length * thick / 2, along[0] / length * thick / 2
        self.poly(
            [
                (a[0] + nx, a[1] + ny),
                (b[0] + nx, b[1] + ny),
                (b[0] - nx, b[1] - ny),
                (a[0] - nx, a[1] - ny),
            ],
            colour,
        )
        for x, y in (a, b):
            self.disc(x, y, thick / 2, thick / 2, colour)
