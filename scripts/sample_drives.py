"""The five drives of the sample: what each runs through, and who is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scripts.sample_canvas import Colour
from scripts.sample_houses import Building
from scripts.sample_scenery import Place
from scripts.sample_vehicles import Vehicle
from scripts.sample_weather import Weather

FRAMES = 12  # of each drive
STEP = 0.5  # seconds between frames


@dataclass(frozen=True)
class Actor:
    """Somebody or something on or beside the road.

    Attributes:
        what: a vehicle, or ``pedestrian``, ``umbrella``, ``cyclist`` or ``deer``.
        s: where along the drive at the first frame, metres.
        x: metres right of the road's middle at the first frame.
        vs: speed along the drive, metres per second.
        vx: speed to the right, metres per second.
        look: two colours for people.
        label: class for people.
    """

    what: Vehicle | str
    s: float
    x: float
    vs: float = 0.0
    vx: float = 0.0
    look: tuple[Colour, Colour] = ((60, 90, 150), (50, 54, 66))
    label: str = "Pedestrian 1"


@dataclass(frozen=True)
class Fixture:
    """What stands: ``tree:STYLE``, ``sign:KIND``, ``signal:STATE``, ``lamp`` or ``post``."""

    what: str
    s: float
    x: float


@dataclass(frozen=True)
class Drive:
    """One short drive; ``name`` is its date and time as A2D2 writes it."""

    name: str
    title: str
    seed: int
    place: Place
    weather: Weather
    speed: float  # metres per second
    shift: float  # right of the road's middle, metres
    bend: tuple[float, float]  # curvature at the first and the last frame, 1/metres
    actors: tuple[Actor, ...]
    fixtures: tuple[Fixture, ...]
    houses: tuple[Building, ...] = ()


WALLS: tuple[Colour, ...] = (
    (226, 202, 158),
    (208, 138, 108),
    (196, 206, 204),
    (232, 222, 200),
    (170, 120, 100),
    (156, 176, 190),
    (222, 180, 120),
)


def _street(
    seed: int, long: float, inner: float, gap_at: float | None = None
) -> tuple[Building, ...]:
    """Return two rows of houses."""
    rng = np.random.default_rng(seed)
    houses = []
    for side in (-1, 1):
        s = -12.0
        while s < long:
            length = float(rng.uniform(9, 17))
            if gap_at is None or not s - 2 < gap_at < s + length + 8:
                wall = WALLS[int(rng.integers(len(WALLS)))]
                height = float(rng.uniform(6.5, 12.5))
                houses.append(
                    Building(
                        s,
                        length,
                        side,
                        inner + float(rng.uniform(0, 1.2)),
                        height,
                        wall,
                        bool(rng.random() < 0.45),
                        int(rng.integers(1000)),
                    )
                )
            s += length + float(rng.choice([0.0, 0.0, 2.5]))
    return tuple(houses)


def _row(what: str, every: float, x: float, long: float, start: float = 6.0) -> list[Fixture]:
    """Return fixtures at equal distances on one side."""
    return [Fixture(what, float(s), x) for s in np.arange(start, long, every)]


def _forest(
    seed: int, styles: tuple[str, ...], count: int, long: float, near: float
) -> list[Fixture]:
    """Return trees scattered on both sides of the road."""
    rng = np.random.default_rng(seed)
    trees = []
    for _ in range(count):
        side = 1 if rng.random() < 0.5 else -1
        x = side * (near + float(rng.gamma(1.6, 5.0)))
        style = styles[int(rng.integers(len(styles)))]
        trees.append(Fixture(f"tree:{style}", float(rng.uniform(4, long)), x))
    return trees


def _car(colour: Colour, number: int = 1, kind: str = "car", **lamps: bool) -> Vehicle:
    name = {"truck": "Truck", "bus": "Truck", "tractor": "Utility vehicle"}.get(kind, "Car")
    return Vehicle(kind, colour, f"{name} {number}", **lamps)


RED: Colour = (190, 44, 46)
BLUE: Colour = (44, 88, 158)
SILVER: Colour = (186, 192, 198)
WHITE: Colour = (232, 234, 236)
GREEN: Colour = (64, 116, 92)
YELLOW: Colour = (236, 186, 52)
DARK: Colour = (58, 62, 72)
ORANGE: Colour = (226, 116, 44)


def _city() -> Drive:
    place = Place(
        road=4.2,
        pavement=3.0,
        zebra=(46.0,),
        sky=((74, 144, 222), (206, 230, 246)),
        clouds=0.45,
        hills=((184, 198, 214),),
        skyline=True,
        terrain=(150, 148, 138),
    )
    actors = (
        Actor(_car(RED, 1), 26, 1.9, 9.5),
        Actor(_car(SILVER, 2), 44, 1.9, 7.2),
        Actor(_car(YELLOW, 2, "bus", oncoming=True), 96, -2.0, -5.0),
        Actor(_car(BLUE, 3, oncoming=True), 58, -2.0, -6.5),
        Actor(_car(WHITE, 4, "van"), 56, 3.1),
        Actor(_car(GREEN, 4, "suv"), 64, 3.1),
        Actor("cyclist", 13, 3.35, 4.6, 0, ((236, 96, 60), (44, 50, 70))),
        Actor("pedestrian", 45.2, -3.6, 0, 1.25, ((214, 70, 84), (46, 60, 96)), "Pedestrian 1"),
        Actor("pedestrian", 46.6, -4.8, 0, 1.2, ((70, 130, 110), (60, 54, 60)), "Pedestrian 2"),
        Actor("pedestrian", 27, 5.6, 1.2, 0, ((240, 196, 80), (60, 70, 110)), "Pedestrian 3"),
        Actor("cyclist", 62, -6.5, 0, 1.9, ((70, 120, 200), (40, 44, 52))),
        Actor("pedestrian", 52, -5.5, -1.2, 0, ((90, 80, 140), (40, 40, 46)), "Pedestrian 3"),
    )
    fixtures = [
        Fixture("signal:GREEN_AMBER_RED", 43.2, 4.75),
        Fixture("signal:GREEN_AMBER_RED", 43.2, -4.75),
        Fixture("sign:crossing", 40, 4.9),
        Fixture("sign:limit", 60, 4.9),
        Fixture("sign:priority", 84, 4.9),
        *_row("lamp", 30, 5.0, 200, 18),
        *_row("tree:leafy", 17, -6.4, 200, 24),
        *_row("tree:leafy", 23, 6.5, 200, 41),
    ]
    return Drive(
        "20260714_101500",
        "a city street in the sun",
        11,
        place,
        Weather(haze=(208, 226, 242), sight=420, warm=(1.03, 1.0, 0.96)),
        6.0,
        1.9,
        (0.0, 0.0),
        actors,
        tuple(fixtures),
        _street(5, 170, 7.4),
    )


def _country() -> Drive:
    place = Place(
        road=3.6,
        terrain=(156, 148, 74),
        sky=((96, 150, 206), (248, 222, 186)),
        clouds=0.5,
        cloud=(255, 244, 230),
        hills=((168, 172, 186), (142, 142, 116), (150, 118, 70)),
    )
    actors = (
        Actor(_car(GREEN, 1, "tractor", lit=True), 34, 1.8, 8.5),
        Actor(_car(WHITE, 1, "truck", oncoming=True), 130, -1.8, -14.0),
        Actor(_car(ORANGE, 1, oncoming=True), 62, -1.8, -15.0),
        Actor(_car(DARK, 2, "suv", oncoming=True), 214, -1.8, -15.0),
        Actor("cyclist", 52, 3.35, 4.5, 0, ((40, 130, 200), (30, 34, 44))),
        Actor("deer", 76, -13.0, 0, 1.3),
    )
    fixtures = [
        Fixture("sign:warning", 40, 4.6),
        Fixture("sign:limit", 96, 4.6),
        *_row("post", 14, 4.1, 260, 8),
        *_row("post", 14, -4.1, 260, 8),
        *_forest(3, ("autumn", "autumn", "fir"), 64, 270, 6.0),
    ]
    return Drive(
        "20261009_164000",
        "a country road in autumn",
        23,
        place,
        Weather(haze=(238, 218, 192), sight=340, warm=(1.06, 1.0, 0.9)),
        13.0,
        1.75,
        (0.0022, -0.0016),
        actors,
        tuple(fixtures),
    )


def _night() -> Drive:
    place = Place(
        road=4.2,
        pavement=3.0,
        zebra=(46.0,),
        sky=((20, 26, 54), (64, 60, 88)),
        clouds=0.3,
        cloud=(52, 52, 78),
        hills=((60, 62, 88),),
        skyline=True,
        terrain=(110, 110, 108),
    )
    actors = (
        Actor(_car(SILVER, 1, lit=True, braking=True), 17, 1.9, 6.6),
        Actor(_car(RED, 2, lit=True), 40, 1.9, 8.0),
        Actor(_car(WHITE, 3, oncoming=True, lit=True), 50, -2.0, -6.0),
        Actor(_car(BLUE, 4, oncoming=True, lit=True), 96, -2.0, -6.0),
        Actor(_car(ORANGE, 1, "bus", oncoming=True, lit=True), 74, -2.0, -6.0),
        Actor("cyclist", 21, 3.5, 5.0, 0, ((210, 220, 90), (50, 54, 66))),
        Actor("pedestrian", 46, 5.6, 0, -0.16, ((200, 196, 186), (70, 74, 96)), "Pedestrian 1"),
        Actor("pedestrian", 30, -5.6, 1.3, 0, ((150, 60, 70), (60, 60, 70)), "Pedestrian 2"),
    )
    fixtures = [
        Fixture("signal:RED_GREEN", 43.4, 4.75),
        Fixture("signal:RED_GREEN", 43.4, -4.75),
        Fixture("sign:crossing", 40, 4.95),
        Fixture("sign:stop", 72, 4.95),
        *_row("lamp", 22, 5.0, 220, 12),
        *_row("lamp", 22, -5.0, 220, 23),
    ]
    return Drive(
        "20261120_214500",
        "a city street at night",
        37,
        place,
        Weather(
            haze=(34, 36, 58),
            sight=260,
            ambient=(0.17, 0.19, 0.28),
            night=True,
            bloom=0.85,
            warm=(1.02, 1.0, 1.02),
        ),
        7.0,
        1.9,
        (0.0, 0.0),
        actors,
        tuple(fixtures),
        _street(8, 190, 7.4),
    )


def _rain() -> Drive:
    place = Place(
        road=5.9,
        lanes=(-1.9, 1.9),
        terrain=(86, 104, 76),
        asphalt=(84, 88, 94),
        wet=True,
        sky=((138, 150, 162), (192, 200, 206)),
        clouds=0.9,
        cloud=(176, 184, 192),
        hills=((150, 160, 168), (118, 130, 130)),
    )
    actors = (
        Actor(_car(BLUE, 1, "truck", lit=True), 30, 3.8, 19.0),
        Actor(_car(WHITE, 2, "truck", lit=True), 62, 3.8, 19.0),
        Actor(_car(RED, 1, lit=True, braking=True), 26, 0.0, 23.0),
        Actor(_car(SILVER, 2, "van", lit=True), 58, 0.0, 24.5),
        Actor(_car(DARK, 3, lit=True), 16, -3.8, 29.0),
        Actor(_car(YELLOW, 4, lit=True), 90, -3.8, 22.0),
    )
    fixtures = [
        Fixture("sign:limit", 60, 6.8),
        Fixture("sign:warning", 150, 6.8),
        *_forest(9, ("leafy", "fir"), 60, 330, 9.5),
    ]
    return Drive(
        "20260427_073000",
        "a motorway in the rain",
        53,
        place,
        Weather(
            haze=(186, 194, 200),
            sight=120,
            ambient=(0.92, 0.95, 0.98),
            bloom=0.5,
            rain=420,
            wet=True,
            warm=(0.97, 1.0, 1.04),
        ),
        22.0,
        0.0,
        (-0.0004, 0.0007),
        actors,
        tuple(fixtures),
    )


def _snow() -> Drive:
    place = Place(
        road=3.7,
        terrain=(228, 234, 242),
        asphalt=(198, 204, 214),
        snowy=True,
        sky=((176, 190, 206), (226, 232, 240)),
        clouds=0.8,
        cloud=(214, 220, 230),
        hills=((202, 212, 224), (176, 190, 204)),
    )
    actors = (
        Actor(_car(ORANGE, 1, "truck", lit=True), 22, 1.8, 9.6),
        Actor(_car(RED, 1, "truck", oncoming=True, lit=True), 118, -1.8, -8.0),
        Actor(_car(BLUE, 1, oncoming=True, lit=True), 56, -1.8, -9.0),
        Actor(_car(GREEN, 2, "suv", oncoming=True, lit=True), 168, -1.8, -9.0),
        Actor("pedestrian", 74, 4.7, 1.0, 0, ((190, 60, 70), (60, 66, 86)), "Pedestrian 1"),
    )
    fixtures = [
        Fixture("sign:warning", 36, 4.7),
        Fixture("sign:limit", 78, 4.7),
        *_row("post", 16, 4.2, 230, 10),
        *_row("post", 16, -4.2, 230, 10),
        *_forest(4, ("snowfir", "snowfir", "bare"), 70, 230, 6.2),
    ]
    return Drive(
        "20260118_091500",
        "a country road in the snow",
        71,
        place,
        Weather(haze=(216, 224, 234), sight=120, ambient=(0.93, 0.96, 1.0), bloom=0.4, snow=520),
        9.0,
        1.8,
        (-0.0015, 0.0024),
        actors,
        tuple(fixtures),
    )


def drives() -> tuple[Drive, ...]:
    """Return the drives, the first shown first."""
    return (_city(), _country(), _night(), _rain(), _snow())
