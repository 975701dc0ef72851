"""Cars, vans, trucks, buses and a tractor of the sample drive, seen from behind or from ahead."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.sample_canvas import BLACK, Canvas, Colour, Face, mix, shade

GLASS: Colour = (52, 66, 84)
TYRE: Colour = (30, 30, 34)
PLATE: Colour = (236, 236, 228)
RED: Colour = (205, 40, 44)
LAMP: Colour = (240, 240, 228)
AMBER: Colour = (240, 160, 50)


@dataclass(frozen=True)
class Vehicle:
    """A vehicle on the road.

    Attributes:
        kind: ``car``, ``suv``, ``van``, ``truck``, ``bus`` or ``tractor``.
        colour: of the body.
        label: its class in the label image.
        oncoming: whether its front faces the camera.
        lit: whether its lamps are on.
        braking: whether its brake lights are on.
    """

    kind: str
    colour: Colour
    label: str
    oncoming: bool = False
    lit: bool = False
    braking: bool = False


# width, height, length in metres
SIZES = {
    "car": (1.8, 1.46, 4.3),
    "suv": (1.9, 1.72, 4.5),
    "van": (2.0, 2.2, 5.4),
    "truck": (2.5, 3.7, 11.0),
    "bus": (2.55, 3.1, 12.0),
    "tractor": (2.1, 2.8, 4.2),
}


def draw_vehicle(canvas: Canvas, vehicle: Vehicle, x: float, z: float) -> None:
    """Draw a vehicle whose nearest face stands at (x, z), metres."""
    width, height, length = SIZES[vehicle.kind]
    _side(canvas, vehicle, x, z, (width, height, length))
    face = canvas.face(x, z, vehicle.label)
    draw = {"truck": _truck, "bus": _bus, "tractor": _tractor}.get(vehicle.kind, _car)
    draw(face, vehicle, width, height)


def _red(vehicle: Vehicle) -> tuple[Colour, Colour]:
    """Return the colour and the light of a tail lamp."""
    if vehicle.braking:
        return (255, 70, 60), (255, 50, 40)
    return RED, (190, 24, 18) if vehicle.lit else BLACK


def _white(vehicle: Vehicle) -> tuple[Colour, Colour]:
    """Return the colour and the light of a headlamp."""
    return (255, 252, 238) if vehicle.lit else LAMP, (255, 246, 220) if vehicle.lit else BLACK


def _side(
    canvas: Canvas, vehicle: Vehicle, x: float, z: float, size: tuple[float, float, float]
) -> None:
    """Draw the flank that the camera sees, from the near face backwards."""
    width, height, length = size
    right = x + canvas.camera.middle(z)
    if abs(right) < width / 2:
        return
    edge = x - width / 2 if right > 0 else x + width / 2
    paint = shade(vehicle.colour, 0.72)
    ends = (z, z + length)

    def flank(y0: float, y1: float, a: float, b: float, colour: Colour, inset: float = 0) -> None:
        near, far = ends[0] + a * length, ends[0] + b * length
        top = edge + (inset if right > 0 else -inset)
        canvas.quad(
            [(edge, y0, near), (edge, y0, far), (top, y1, far), (top, y1, near)],
            colour,
            vehicle.label,
        )

    if vehicle.kind in ("truck", "bus"):
        flank(0.45, height, 0, 1, paint)
        if vehicle.kind == "bus":
            flank(1.3, height - 0.5, 0.02, 0.98, GLASS)
        else:
            flank(1.1, 1.3, 0, 1, shade(vehicle.colour, 0.5))
    elif vehicle.kind == "tractor":
        flank(0.6, 1.5, 0.0, 1, paint)
    else:
        shoulder = 0.95 if vehicle.kind == "car" else 1.05
        flank(0.3, shoulder, 0, 1, paint)
        back = 0.96 if vehicle.kind == "van" else 0.72
        flank(shoulder, height - 0.04, 0.02, back, shade(paint, 0.9), inset=0.2)
        flank(shoulder + 0.05, height - 0.12, 0.06, back - 0.06, shade(GLASS, 0.85), inset=0.17)
    for centre in (0.18, 0.8):
        reach = 0.33 / length
        flank(0.0, 0.62, centre - reach, centre + reach, TYRE)


def _car(face: Face, vehicle: Vehicle, width: float, height: float) -> None:
    """Draw the near face of a car, an SUV or a van."""
    half = width / 2
    paint, dark = vehicle.colour, shade(vehicle.colour, 0.8)
    shoulder = 0.98 if vehicle.kind == "car" else 1.1
    top = half * (0.72 if vehicle.kind == "car" else 0.84)
    face.mirrored_rects([(half - 0.3, 0.0, half - 0.06, 0.5)], TYRE, 0.05)
    face.poly(
        [
            (-half + 0.08, shoulder - 0.06),
            (-top, height - 0.06),
            (-top + 0.12, height),
            (top - 0.12, height),
            (top, height - 0.06),
            (half - 0.08, shoulder - 0.06),
        ],
        shade(paint, 0.92),
    )
    glass = GLASS if not vehicle.oncoming else shade(GLASS, 1.25)
    low, inset = shoulder + 0.02, 0.13
    face.poly(
        [
            (-half + 0.08 + inset, low),
            (-top + inset * 0.8, height - 0.12),
            (top - inset * 0.8, height - 0.12),
            (half - 0.08 - inset, low),
        ],
        glass,
    )
    face.poly(  # the sky in the window
        [(-0.1, height - 0.13), (0.32, height - 0.13), (0.1, low), (-0.34, low)],
        mix(glass, (170, 195, 220), 0.28),
    )
    face.rect(-half, 0.3, half, shoulder, paint, 0.16)
    face.rect(-half + 0.03, shoulder - 0.16, half - 0.03, shoulder - 0.06, shade(paint, 1.14), 0.05)
    face.rect(-half + 0.02, 0.24, half - 0.02, 0.46, shade(dark, 0.55), 0.08)
    if vehicle.oncoming:
        colour, light = _white(vehicle)
        face.rect(-0.5, 0.48, 0.5, 0.7, shade(dark, 0.45), 0.06)
        face.mirrored_rects([(half - 0.46, 0.62, half - 0.07, 0.8)], colour, 0.08, light)
        face.mirrored_rects([(half, shoulder, half + 0.16, shoulder + 0.14)], dark, 0.05)
    else:
        colour, light = _red(vehicle)
        face.mirrored_rects([(half - 0.4, 0.66, half - 0.05, 0.84)], colour, 0.06, light)
        if vehicle.braking:
            face.rect(-0.25, height - 0.09, 0.25, height - 0.05, colour, 0.01, light)
    face.rect(-0.27, 0.5, 0.27, 0.62, PLATE, 0.02)


def _truck(face: Face, vehicle: Vehicle, width: float, height: float) -> None:
    """Draw the doors of a trailer, or the cab of an oncoming truck."""
    half = width / 2
    paint = vehicle.colour
    face.mirrored_rects([(half - 0.62, 0.0, half - 0.06, 0.95)], TYRE, 0.06)
    if vehicle.oncoming:
        cab = mix(paint, (60, 70, 90), 0.25)
        face.rect(-half, 2.3, half, height, paint, 0.06)
        face.rect(-half + 0.05, 0.5, half - 0.05, 2.95, cab, 0.14)
        face.rect(-half + 0.2, 1.65, half - 0.2, 2.55, shade(GLASS, 1.2), 0.1)
        face.poly([(-0.2, 2.5), (0.35, 2.5), (0.05, 1.7), (-0.5, 1.7)], (104, 124, 148))
        for row in (0.95, 1.1, 1.25):
            face.rect(-0.8, row, 0.8, row + 0.08, shade(cab, 0.5), 0.02)
        face.rect(-half, 0.42, half, 0.85, shade(cab, 0.6), 0.08)
        colour, light = _white(vehicle)
        face.mirrored_rects([(half - 0.5, 0.55, half - 0.1, 0.76)], colour, 0.07, light)
        face.mirrored_rects([(half, 1.8, half + 0.2, 2.4)], TYRE, 0.05)
        face.rect(-0.27, 0.5, 0.27, 0.62, PLATE, 0.02)
        return
    face.rect(-half, 0.75, half, height, paint, 0.04)
    face.rect(-half + 0.09, 1.0, half - 0.09, height - 0.12, shade(paint, 1.08), 0.02)
    face.rect(-0.02, 1.0, 0.02, height - 0.12, shade(paint, 0.6))
    for bar in (-0.55, -0.3, 0.3, 0.55):
        face.rect(bar - 0.02, 1.05, bar + 0.02, height - 0.2, shade(paint, 0.78))
    face.rect(-half + 0.14, 2.2, half - 0.14, 2.75, mix(paint, (255, 255, 255), 0.55), 0.03)
    face.rect(-half, 0.6, half, 0.82, (46, 46, 50), 0.03)
    for step in range(6):  # red and white warning stripes
        left = -half + 0.06 + step * 0.4
        face.rect(left, 0.84, left + 0.2, 0.98, (214, 48, 44))
        face.rect(left + 0.2, 0.84, left + 0.38, 0.98, (240, 240, 240))
    colour, light = _red(vehicle)
    face.mirrored_rects([(half - 0.5, 0.62, half - 0.1, 0.8)], colour, 0.03, light)
    face.mirrored_rects([(half - 0.2, height - 0.1, half - 0.08, height - 0.04)], colour, 0, light)
    face.rect(-0.27, 0.62, 0.27, 0.76, PLATE, 0.02)


def _bus(face: Face, vehicle: Vehicle, width: float, height: float) -> None:
    """Draw the back or the front of a bus."""
    half = width / 2
    paint = vehicle.colour
    face.mirrored_rects([(half - 0.45, 0.0, half - 0.1, 0.6)], TYRE, 0.06)
    face.rect(-half, 0.3, half, height, paint, 0.2)
    low, high = (1.0, 2.55) if vehicle.oncoming else (1.6, 2.5)
    inside: Colour = (62, 56, 40) if vehicle.lit else BLACK
    face.rect(-half + 0.14, low, half - 0.14, high, GLASS, 0.12, inside)
    face.rect(-0.75, 2.62, 0.75, 2.92, (24, 24, 26), 0.04)
    for letter in range(6):
        left = -0.6 + letter * 0.21
        face.rect(left, 2.7, left + 0.13, 2.85, (255, 176, 44), 0, (255, 150, 30))
    face.rect(-half, 0.3, half, 0.55, shade(paint, 0.55), 0.08)
    colour, light = _white(vehicle) if vehicle.oncoming else _red(vehicle)
    face.mirrored_rects([(half - 0.42, 0.62, half - 0.08, 0.86)], colour, 0.05, light)
    face.rect(-0.3, 0.6, 0.3, 0.72, PLATE, 0.02)


def _tractor(face: Face, vehicle: Vehicle, width: float, height: float) -> None:
    """Draw a tractor from behind."""
    half = width / 2
    paint = vehicle.colour
    for side in (-1, 1):
        face.rect(*sorted_span(side, half - 0.6, half), TYRE, 0.22)
        face.rect(*sorted_span(side, half - 0.5, half - 0.1, 0.35, 1.25), (60, 60, 62), 0.1)
    face.rect(-0.55, 0.7, 0.55, 1.5, paint, 0.08)
    face.mirrored_rects([(0.35, 1.45, 1.0, 1.68)], shade(paint, 0.9), 0.08)
    face.rect(-0.72, 1.6, 0.72, height - 0.14, GLASS, 0.05)
    face.rect(-0.6, 1.7, 0.6, height - 0.24, (130, 156, 178), 0.04)
    face.rect(-0.85, height - 0.2, 0.85, height, paint, 0.06)
    face.rect(-0.16, 1.7, 0.16, 2.15, (60, 62, 72), 0.08)
    face.disc(0, 2.28, 0.13, 0.15, (205, 160, 130))
    colour, light = _red(vehicle)
    face.mirrored_rects([(0.62, 1.5, 0.9, 1.62)], colour, 0.03, light)
    face.disc(0.5, height + 0.1, 0.08, 0.11, AMBER, (255, 150, 30))


def sorted_span(
    side: int, inner: float, outer: float, low: float = 0.0, high: float = 1.6
) -> tuple[float, float, float, float]:
    """Return a box on the left (side -1) or the right (1) of a face as x0, y0, x1, y1."""
    x0, x1 = sorted((side * inner, side * outer))
    return (x0, low, x1, high)
