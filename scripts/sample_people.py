"""People, animals, plants and street furniture of the sample drive."""

from __future__ import annotations

import math

import numpy as np

from scripts.sample_canvas import BLACK, Canvas, Colour, Face, mix, shade

SKIN: Colour = (222, 176, 146)
STEEL: Colour = (104, 110, 116)


def draw_pedestrian(
    canvas: Canvas, x: float, z: float, look: tuple[Colour, Colour], phase: float, label: str
) -> None:
    """Draw somebody walking; ``look`` is coat and trousers, ``phase`` the step in radians."""
    coat, trousers = look
    face = canvas.face(x, z, label)
    swing = 0.24 * math.sin(phase)
    face.limb((0.0, 0.85), (-swing, 0.06), 0.17, shade(trousers, 0.8))
    face.limb((0.0, 0.85), (swing, 0.06), 0.17, trousers)
    face.limb((0.0, 1.32), (swing * 0.9, 0.88), 0.11, shade(coat, 0.75))
    face.rect(-0.2, 0.76, 0.2, 1.48, coat, 0.16)
    face.rect(-0.03, 0.8, 0.03, 1.4, shade(coat, 0.86))
    face.limb((0.0, 1.34), (-swing * 0.9, 0.9), 0.12, shade(coat, 0.9))
    face.disc(0.0, 1.63, 0.125, 0.15, SKIN)
    face.disc(0.0, 1.69, 0.135, 0.1, shade(trousers, 0.55))


def draw_umbrella(canvas: Canvas, x: float, z: float, colour: Colour, label: str) -> None:
    """Draw an umbrella above a pedestrian at (x, z)."""
    face = canvas.face(x, z, label)
    face.limb((0.12, 1.2), (0.12, 2.15), 0.03, (60, 60, 60))
    arc = [
        (0.12 + 0.62 * math.cos(a), 1.78 + 0.42 * math.sin(a)) for a in np.linspace(0, math.pi, 15)
    ]
    face.poly(arc, colour)
    face.poly([(0.12, 2.2), *[p for p in arc if p[0] < -0.1], (-0.1, 1.78)], shade(colour, 1.15))


def draw_cyclist(
    canvas: Canvas, x: float, z: float, look: tuple[Colour, Colour], phase: float, side: int
) -> None:
    """Draw a cyclist: from behind (side 0), or riding left (-1) or right (1)."""
    if side == 0:
        _cyclist_behind(canvas.face(x, z, "Bicycle 1"), look, phase)
        return
    jacket, trousers = look
    face = canvas.face(x, z, "Bicycle 2")
    s = side
    for wheel in (-0.52, 0.52):
        face.disc(wheel, 0.34, 0.34, 0.34, (34, 34, 36))
        face.disc(wheel, 0.34, 0.28, 0.28, (176, 182, 186))
        face.disc(wheel, 0.34, 0.05, 0.05, (60, 60, 60))
    frame: Colour = (200, 60, 40)
    for a, b in (
        ((-0.52 * s, 0.34), (-0.15 * s, 0.9)),
        ((-0.52 * s, 0.34), (0.0, 0.34)),
        ((0.0, 0.34), (-0.15 * s, 0.9)),
        ((0.0, 0.34), (0.38 * s, 0.86)),
        ((-0.12 * s, 0.82), (0.38 * s, 0.86)),
        ((0.52 * s, 0.34), (0.36 * s, 1.0)),
    ):
        face.limb(a, b, 0.05, frame)
    for turn in (0.0, math.pi):
        foot = (0.16 * s * math.cos(phase + turn), 0.32 + 0.16 * math.sin(phase + turn))
        knee = ((-0.12 * s + foot[0]) / 2 + 0.2 * s, (0.95 + foot[1]) / 2 + 0.02)
        colour = trousers if turn else shade(trousers, 0.75)
        face.limb((-0.14 * s, 0.98), knee, 0.16, colour)
        face.limb(knee, foot, 0.12, colour)
    face.limb((-0.14 * s, 1.02), (0.12 * s, 1.42), 0.3, jacket)
    face.limb((0.14 * s, 1.38), (0.36 * s, 1.06), 0.1, shade(jacket, 0.85))
    face.disc(0.22 * s, 1.66, 0.12, 0.14, SKIN)
    face.disc(0.2 * s, 1.73, 0.15, 0.1, (240, 240, 240))


def _cyclist_behind(face: Face, look: tuple[Colour, Colour], phase: float) -> None:
    jacket, trousers = look
    face.rect(-0.035, 0.0, 0.035, 0.7, (34, 34, 36), 0.03)
    lift = 0.12 * math.sin(phase)
    face.limb((-0.1, 0.92), (-0.13, 0.26 + lift), 0.14, trousers)
    face.limb((0.1, 0.92), (0.13, 0.26 - lift), 0.14, shade(trousers, 0.85))
    face.rect(-0.03, 0.62, 0.03, 0.8, (205, 40, 44), 0.0, (200, 20, 15))
    face.rect(-0.17, 0.84, 0.17, 1.0, shade(trousers, 0.8), 0.07)
    face.limb((-0.19, 1.36), (-0.3, 1.05), 0.1, shade(jacket, 0.85))
    face.limb((0.19, 1.36), (0.3, 1.05), 0.1, shade(jacket, 0.85))
    face.rect(-0.22, 0.92, 0.22, 1.5, jacket, 0.14)
    face.rect(-0.22, 1.12, 0.22, 1.2, mix(jacket, (255, 255, 255), 0.6))
    face.disc(0.0, 1.66, 0.12, 0.14, SKIN)
    face.disc(0.0, 1.72, 0.145, 0.12, (235, 235, 235))


def draw_deer(canvas: Canvas, x: float, z: float, phase: float) -> None:
    """Draw a roe deer that crosses to the right."""
    face = canvas.face(x, z, "Animals")
    fur: Colour = (150, 98, 58)
    for hip, turn in ((-0.42, 0.0), (-0.3, 2.2), (0.34, 1.1), (0.46, 3.3)):
        swing = 0.2 * math.sin(phase + turn)
        face.limb((hip, 0.62), (hip + swing, 0.05), 0.08, shade(fur, 0.8))
    face.disc(0.0, 0.8, 0.56, 0.24, fur)
    face.disc(-0.5, 0.84, 0.1, 0.12, (236, 226, 210))
    face.limb((0.42, 0.86), (0.62, 1.22), 0.17, fur)
    face.limb((0.6, 1.24), (0.82, 1.18), 0.13, fur)
    face.limb((0.58, 1.3), (0.5, 1.46), 0.05, shade(fur, 0.8))
    face.limb((0.64, 1.3), (0.62, 1.54), 0.04, shade(fur, 0.6))


def draw_sign(canvas: Canvas, x: float, z: float, kind: str, snow: bool) -> None:
    """Draw a traffic sign: ``warning``, ``limit``, ``priority``, ``crossing`` or ``stop``."""
    pole = canvas.face(x, z, "Poles")
    pole.rect(-0.035, 0.0, 0.035, 2.2, STEEL)
    face = canvas.face(x, z, "Traffic sign 1")
    red: Colour = (206, 32, 38)
    white: Colour = (245, 245, 245)
    y = 2.4
    if kind == "warning":
        face.poly([(-0.46, y - 0.34), (0.46, y - 0.34), (0, y + 0.46)], red)
        face.poly([(-0.3, y - 0.25), (0.3, y - 0.25), (0, y + 0.27)], white)
        face.rect(-0.035, y - 0.06, 0.035, y + 0.12, (20, 20, 20))
        face.disc(0, y - 0.16, 0.045, 0.045, (20, 20, 20))
    elif kind == "limit":
        face.disc(0, y, 0.42, 0.42, red)
        face.disc(0, y, 0.3, 0.3, white)
        face.rect(-0.19, y - 0.13, -0.13, y + 0.14, (20, 20, 20))  # a plain "30"
        face.rect(-0.19, y + 0.08, -0.03, y + 0.14, (20, 20, 20))
        face.rect(-0.08, y - 0.13, -0.03, y + 0.14, (20, 20, 20))
        face.rect(-0.19, y - 0.13, -0.03, y - 0.08, (20, 20, 20))
        face.disc(0.12, y, 0.1, 0.14, (20, 20, 20))
        face.disc(0.12, y, 0.05, 0.09, white)
    elif kind == "priority":
        face.poly([(-0.46, y), (0, y + 0.46), (0.46, y), (0, y - 0.46)], white)
        face.poly([(-0.33, y), (0, y + 0.33), (0.33, y), (0, y - 0.33)], (250, 196, 30))
    elif kind == "crossing":
        face.rect(-0.42, y - 0.42, 0.42, y + 0.42, (28, 88, 180), 0.05)
        face.poly([(-0.3, y - 0.28), (0.3, y - 0.28), (0, y + 0.32)], white)
        face.limb((0.0, y + 0.05), (-0.1, y - 0.2), 0.06, (20, 20, 20))
        face.limb((0.0, y + 0.05), (0.1, y - 0.2), 0.06, (20, 20, 20))
        face.disc(0.0, y + 0.12, 0.05, 0.05, (20, 20, 20))
    else:
        ring = [
            (0.45 * math.cos(a), y + 0.45 * math.sin(a))
            for a in np.arange(8) * math.pi / 4 + math.pi / 8
        ]
        face.poly(ring, red)
        face.rect(-0.28, y - 0.08, 0.28, y + 0.08, white, 0.02)
    if snow:
        canvas.face(x, z, None).disc(0.0, y + 0.42, 0.25, 0.07, (246, 248, 252))


def draw_signal(canvas: Canvas, x: float, z: float, state: str) -> None:
    """Draw a traffic light that shows ``red``, ``amber`` or ``green``."""
    canvas.face(x, z, "Poles").rect(-0.06, 0.0, 0.06, 2.7, STEEL)
    face = canvas.face(x, z, "Traffic signal 1")
    face.rect(-0.24, 2.45, 0.24, 3.6, (28, 30, 32), 0.08)
    lamps: dict[str, tuple[float, Colour]] = {
        "red": (3.36, (255, 56, 44)),
        "amber": (3.02, (255, 184, 40)),
        "green": (2.68, (56, 236, 130)),
    }
    for name, (y, colour) in lamps.items():
        on = name == state
        face.disc(0, y, 0.14, 0.14, colour if on else shade(colour, 0.25), colour if on else BLACK)


def draw_lamp(canvas: Canvas, x: float, z: float, lit: bool) -> None:
    """Draw a street lamp whose arm reaches over the road."""
    face = canvas.face(x, z, "Poles")
    face.rect(-0.07, 0.0, 0.07, 6.6, shade(STEEL, 0.8))
    arm = -1.5 if x > 0 else 1.5
    face.limb((0, 6.5), (arm, 6.8), 0.09, shade(STEEL, 0.8))
    head = (255, 226, 170) if lit else (190, 192, 190)
    face.rect(arm - 0.4, 6.68, arm + 0.4, 6.84, head, 0.06, (255, 214, 150) if lit else BLACK)


def draw_post(canvas: Canvas, x: float, z: float) -> None:
    """Draw a white delineator post of a country road."""
    face = canvas.face(x, z, "Poles")
    face.rect(-0.06, 0.0, 0.06, 1.0, (240, 240, 238), 0.03)
    face.poly([(-0.06, 0.7), (0.06, 0.76), (0.06, 0.92), (-0.06, 0.86)], (40, 40, 42))
    face.rect(-0.025, 0.74, 0.025, 0.86, (250, 150, 50))


def draw_tree(canvas: Canvas, x: float, z: float, seed: int, style: str) -> None:
    """Draw a tree: ``leafy``, ``autumn``, ``fir``, or with snow ``bare`` and ``snowfir``."""
    rng = np.random.default_rng(seed)
    face = canvas.face(x, z, "Nature object")
    height = float(rng.uniform(5.0, 8.5))
    if style in ("fir", "snowfir"):
        _fir(face, height * 1.25, rng, snow=style == "snowfir")
        return
    bark = shade((92, 70, 52), float(rng.uniform(0.85, 1.1)))
    face.poly([(-0.2, 0), (-0.11, height * 0.5), (0.11, height * 0.5), (0.2, 0)], bark)
    if style == "bare":
        _branches(face, height, bark, rng)
        return
    greens: list[Colour] = [(74, 124, 58), (92, 138, 62), (64, 112, 66)]
    golds: list[Colour] = [(206, 138, 44), (190, 96, 40), (214, 170, 62), (150, 120, 52)]
    choice = golds if style == "autumn" else greens
    leaf = choice[int(rng.integers(len(choice)))]
    spread = height * 0.3
    blobs = [
        (float(rng.normal(0, spread * 0.55)), height * float(rng.uniform(0.48, 0.92)))
        for _ in range(13)
    ]
    for dark, offset, size in ((0.72, 0.0, 0.62), (1.0, 0.16, 0.5), (1.24, 0.34, 0.3)):
        for bx, by in blobs:
            radius = spread * size * float(rng.uniform(0.8, 1.15))
            face.disc(bx - offset * 0.7, by + offset, radius, radius * 0.86, shade(leaf, dark))


def _fir(face: Face, height: float, rng: np.random.Generator, snow: bool) -> None:
    face.rect(-0.14, 0, 0.14, 1.0, (82, 64, 50))
    green = shade((44, 84, 62), float(rng.uniform(0.8, 1.15)))
    tiers = 5
    for tier in range(tiers):
        low = 0.7 + (height - 1.6) * tier / tiers
        half = (1 - tier / (tiers + 0.8)) * height * 0.24
        top = low + height * 0.36
        face.poly([(-half, low), (half, low), (0, top)], shade(green, 0.85 + 0.06 * tier))
        face.poly([(-half, low), (-half * 0.1, low), (0, top)], shade(green, 1.0 + 0.06 * tier))
        if snow:
            white: Colour = (238, 243, 250)
            face.poly(
                [
                    (-half * 0.86, low + 0.12),
                    (-half * 0.35, low + 0.5),
                    (half * 0.1, low + 0.28),
                    (half * 0.6, low + 0.36),
                    (half * 0.3, low + height * 0.2),
                    (0, top),
                    (-half * 0.42, low + height * 0.2),
                ],
                white,
            )


def _branches(face: Face, height: float, bark: Colour, rng: np.random.Generator) -> None:
    """Draw a bare crown with snow lying on its branches."""
    for _ in range(11):
        y = height * float(rng.uniform(0.35, 0.6))
        reach = float(rng.uniform(-1, 1)) * height * 0.3
        end = (reach, y + height * float(rng.uniform(0.18, 0.42)))
        face.limb((0, y), end, 0.1, bark)
        face.limb((0.02, y + 0.09), (end[0], end[1] + 0.07), 0.05, (240, 244, 250))
        twig = (reach * 1.3, end[1] + float(rng.uniform(0.1, 0.7)))
        face.limb(end, twig, 0.05, bark)
