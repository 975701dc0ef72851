"""Sky, hills, ground and road of the sample drive."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scripts.sample_canvas import (
    FAR,
    HEIGHT,
    INDEX,
    SCALE,
    WIDTH,
    Camera,
    Canvas,
    Colour,
    Floats,
    mix,
    shade,
)

Shadow = tuple[float, float, float, float]
"""Footprint x0, x1, z0, z1 in metres; x from the road's middle."""


@dataclass(frozen=True)
class Place:
    """What a drive runs through.

    Attributes:
        road: half width of the carriageway, metres.
        lanes: offsets of the dashed lines from the road's middle, metres.
        pavement: width of the pavement on either side, 0 for none, metres.
        terrain: colour beside the road.
        asphalt: colour of the road.
        sky: colours at the top and at the horizon.
        clouds: share of the sky under cloud, 0 to 1.
        cloud: colour of the clouds.
        hills: colours of the ranges of hills, far to near.
        snowy: whether snow lies.
        wet: whether the road shines.
        zebra: where pedestrian crossings lie along the drive, metres.
        solid_middle: whether the middle line is unbroken.
        skyline: whether the far range is houses rather than hills.
    """

    road: float = 3.6
    lanes: tuple[float, ...] = (0.0,)
    pavement: float = 0.0
    terrain: Colour = (112, 142, 72)
    asphalt: Colour = (98, 100, 104)
    sky: tuple[Colour, Colour] = ((88, 152, 220), (206, 228, 244))
    clouds: float = 0.4
    cloud: Colour = (252, 252, 255)
    hills: tuple[Colour, ...] = ()
    snowy: bool = False
    wet: bool = False
    zebra: tuple[float, ...] = ()
    solid_middle: bool = False
    skyline: bool = False


@dataclass(frozen=True)
class Lattice:
    """Smooth random numbers in the plane, the same for the same seed."""

    seed: int
    size: int = 256
    values: Floats = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Draw the lattice."""
        rng = np.random.default_rng(self.seed)
        values = rng.random((self.size, self.size), dtype=np.float32)
        object.__setattr__(self, "values", values)

    def at(self, x: Floats, y: Floats) -> Floats:
        """Return noise 0..1 at points, one lattice cell to a unit."""
        x0, y0 = np.floor(x), np.floor(y)
        u, v = x - x0, y - y0
        u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
        i, j = x0.astype(np.int64) % self.size, y0.astype(np.int64) % self.size
        i1, j1 = (i + 1) % self.size, (j + 1) % self.size
        t = self.values
        low = t[j, i] * (1 - u) + t[j, i1] * u
        high = t[j1, i] * (1 - u) + t[j1, i1] * u
        return (low * (1 - v) + high * v).astype(np.float32)

    def rough(self, x: Floats, y: Floats, octaves: int = 4) -> Floats:
        """Return a sum of octaves of noise, 0..1."""
        total = np.zeros_like(x, dtype=np.float32)
        for octave in range(octaves):
            total += self.at(x * 2**octave + 17 * octave, y * 2**octave) / 2 ** (octave + 1)
        return total / np.float32(1 - 2.0**-octaves)


def _paint(image: Floats, colour: Colour, cover: Floats) -> None:
    """Blend a colour into an image (h, w, 3) by a cover 0..1 (h, w)."""
    image += (np.array(colour, np.float32) - image) * np.clip(cover, 0, 1)[..., None]


def backdrop(
    camera: Camera, place: Place, drive: int, along: float, shadows: list[Shadow]
) -> Canvas:
    """Return a canvas with sky, hills, ground and road.

    Args:
        camera: where it is seen from.
        place: what it looks like.
        drive: seed of everything random.
        along: how far the drive has come, metres.
        shadows: footprints that darken the ground.
    """
    rows, columns = HEIGHT * SCALE, WIDTH * SCALE
    image = np.zeros((rows, columns, 3), np.float32)
    depth = np.full((rows, columns), FAR, np.float32)
    label = np.full((rows, columns), INDEX["Sky"], np.uint8)
    noise = Lattice(drive)
    split = int(camera.horizon) + 1
    _sky(image[:split], place, noise, along)
    _hills(image, depth, label, camera, place, noise, along)
    row = np.arange(split, rows, dtype=np.float32)[:, None] + 0.5
    z = np.broadcast_to(camera.focal * camera.height / (row - camera.horizon), (len(row), columns))
    z = np.minimum(z, FAR).astype(np.float32)
    across = np.arange(columns, dtype=np.float32)[None, :] + 0.5 - columns / 2
    middle = 0.5 * camera.bend * z * z - camera.shift
    x = (across * z / camera.focal - middle).astype(np.float32)
    ground = Ground(place, noise, x, z, (z + along).astype(np.float32), z / camera.focal)
    image[split:], label[split:] = ground.draw(shadows)
    depth[split:] = z
    canvas = Canvas(camera)
    canvas.replace(image, np.zeros_like(image), depth, label)
    return canvas


def _sky(image: Floats, place: Place, noise: Lattice, along: float) -> None:
    rows, columns = image.shape[:2]
    top, low = (np.array(c, np.float32) for c in place.sky)
    height = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
    image[:] = top + (low - top) * height**1.3
    if place.clouds <= 0:
        return
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    near = 1.0 / (1.08 - y / rows)  # clouds shrink toward the horizon
    cloud = noise.rough((x / columns - 0.5) * near * 4 + 40, near * 2.6 + along * 0.002, 5)
    edge = 0.72 - 0.42 * place.clouds
    cover = np.clip((cloud - edge) / 0.22, 0, 1) * np.clip((1.02 - y / rows) * 4, 0, 1)
    body = np.clip((cloud - edge) / 0.5, 0, 1)
    grey = mix(place.cloud, place.sky[0], 0.3)
    _paint(image, place.cloud, cover * 0.9)
    _paint(image, grey, cover * body * 0.6)


def _hills(
    image: Floats,
    depth: Floats,
    label: NDArray[np.uint8],
    camera: Camera,
    place: Place,
    noise: Lattice,
    along: float,
) -> None:
    columns = image.shape[1]
    rows = np.arange(image.shape[0], dtype=np.float32)[:, None]
    name = "Buildings" if place.skyline else "Nature object"
    for number, colour in enumerate(place.hills):
        drift = along * 0.0006 * (number + 1) + camera.bend * 900
        x = np.arange(columns, dtype=np.float32) / columns * (3 + 2 * number) + drift + 60 * number
        if place.skyline:
            step = np.floor(x * 9)
            crest = noise.at(step * 1.7, np.full_like(step, 3.0 + number)) * 62 + 14
        else:
            crest = noise.rough(x, np.full_like(x, 5.0 + number), 5) * 110 - 18 * number + 4
        cover = np.clip(rows - (camera.horizon - crest[None, :]), 0, 1)
        cover[int(camera.horizon) + 2 :] = 0
        _paint(image, colour, cover)
        solid = cover > 0.5
        depth[solid] = 1500 - 500 * number
        label[solid] = INDEX[name]


@dataclass
class Ground:
    """Everything flat: terrain, pavement, road, its markings, shadows.

    Attributes:
        place: what it looks like.
        noise: where its texture comes from.
        x: metres right of the road's middle, (h, w).
        z: metres ahead, (h, w).
        s: metres along the drive, (h, w).
        pixel: metres a pixel spans sideways, (h, w).
    """

    place: Place
    noise: Lattice
    x: Floats
    z: Floats
    s: Floats
    pixel: Floats

    def _within(self, low: float, high: float) -> Floats:
        """Return how far pixels lie between two lateral offsets, smooth at the edges."""
        a = np.clip((self.x - low) / self.pixel + 0.5, 0, 1)
        b = np.clip((high - self.x) / self.pixel + 0.5, 0, 1)
        return a * b

    def draw(self, shadows: list[Shadow]) -> tuple[Floats, NDArray[np.uint8]]:
        """Return colours (h, w, 3) and labels (h, w)."""
        image = np.empty((*self.x.shape, 3), np.float32)
        image[:] = self.place.terrain
        self.label = np.full(self.x.shape, INDEX["Nature object"], np.uint8)
        fade = np.clip(1.2 - self.z / 90, 0.12, 1)
        rough = self.noise.rough(self.x * 0.7, self.s * 0.35, 4) - 0.5
        image *= (1 + rough * (0.16 if self.place.snowy else 0.75) * fade)[..., None]
        if self.place.pavement:
            self._pavement(image, fade)
        self._road(image, fade)
        self._marks(image)
        dark = np.ones(self.x.shape, np.float32)
        for x0, x1, z0, z1 in shadows:
            soft = 0.35
            dx = np.maximum(np.maximum(x0 - self.x, self.x - x1), 0) / soft
            dz = np.maximum(np.maximum(z0 - self.z, self.z - z1), 0) / (soft + 0.02 * z0)
            dark *= 1 - 0.55 * np.exp(-(dx * dx + dz * dz))
        image *= dark[..., None]
        return image, self.label

    def _mark(self, image: Floats, colour: Colour, cover: Floats, name: str) -> None:
        _paint(image, colour, cover)
        self.label[cover > 0.5] = INDEX[name]

    def _pavement(self, image: Floats, fade: Floats) -> None:
        place = self.place
        stone: Colour = (226, 231, 238) if place.snowy else (168, 164, 156)
        for side in (-1, 1):
            inner, outer = side * place.road, side * (place.road + place.pavement)
            low, high = min(inner, outer), max(inner, outer)
            self._mark(image, stone, self._within(low, high), "Sidewalk")
            joint = np.minimum(np.abs((self.s % 1.5) - 0.75), np.abs((self.x % 0.75) - 0.375))
            lines = np.clip(0.04 - joint, 0, 0.04) / 0.04 * fade * np.clip(1 - self.z / 30, 0, 1)
            _paint(image, shade(stone, 0.85), self._within(low, high) * lines)
            edge = (inner, inner + side * 0.22)
            self._mark(image, shade(stone, 1.1), self._within(min(edge), max(edge)), "Curbstone")

    def _road(self, image: Floats, fade: Floats) -> None:
        place = self.place
        cover = self._within(-place.road, place.road)
        base = np.empty_like(image)
        base[:] = place.asphalt
        grain = self.noise.rough(self.x * 6, self.s * 2.5, 3) - 0.5
        patch = self.noise.rough(self.x * 0.35 + 9, self.s * 0.06, 3) - 0.5
        base *= (1 + grain * 0.14 * fade + patch * 0.2)[..., None]
        lane = place.road / 2 if len(place.lanes) == 1 else place.road / (len(place.lanes) + 1)
        offset = np.abs(np.abs((self.x - lane) % (2 * lane) - lane) - 0.75)
        track = np.exp(-((offset / 0.3) ** 2))
        if place.snowy:
            slush = np.clip(0.75 + 1.6 * (self.noise.rough(self.x * 2, self.s * 0.25) - 0.5), 0, 1)
            _paint(base, (112, 118, 128), track * slush * 0.75)
        else:
            base *= (1 - 0.09 * track)[..., None]
        image += (base - image) * cover[..., None]
        self.label[cover > 0.5] = INDEX["RD normal street"]

    def _marks(self, image: Floats) -> None:
        place = self.place
        white: Colour = (236, 236, 230)
        strength = 0.22 if place.snowy else 0.9
        worn = np.clip(0.72 + 0.9 * (self.noise.rough(self.x * 5, self.s * 3) - 0.35), 0, 1)
        worn = worn * strength
        if not place.pavement:
            for side in (-1, 1):
                at = side * (place.road - 0.3)
                self._mark(image, white, self._within(at - 0.08, at + 0.08) * worn, "Solid line")
        long = 4.0 if place.road < 6 else 6.0
        dash = self._dash(long)
        for at in place.lanes:
            line = self._within(at - 0.075, at + 0.075) * worn
            if place.solid_middle and at == 0.0:
                self._mark(image, white, line, "Solid line")
            else:
                self._mark(image, white, line * dash, "Dashed line")
        for where in place.zebra:
            inside = np.clip((2.0 - np.abs(self.s - where)) / (self.pixel * 4) + 0.5, 0, 1)
            bars = np.clip((0.27 - np.abs((self.x % 1.08) - 0.54)) / self.pixel + 0.5, 0, 1)
            lane = self._within(-place.road + 0.3, place.road - 0.3)
            cover = inside * lane * bars * worn
            self._mark(image, white, cover, "Zebra crossing")

    def _dash(self, long: float) -> Floats:
        """Return the dashes along the drive, smooth where a pixel spans much of one."""
        phase = self.s % (long * 2.5)
        blur = np.maximum(self.z * self.pixel, 0.02)
        a = np.clip((phase - 0.0) / blur, 0, 1)
        b = np.clip((long - phase) / blur, 0, 1)
        return a * b
