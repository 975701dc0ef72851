"""Light and weather of the sample drive: haze, night, rain, snow, lens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from scripts.sample_canvas import FAR, HEIGHT, INDEX, SCALE, WIDTH, Canvas, Colour, Floats


@dataclass(frozen=True)
class Weather:
    """How a frame is lit and what falls on it.

    Attributes:
        haze: colour of the air.
        sight: distance at which the haze has taken two thirds of a colour, metres.
        ambient: light that is everywhere; (1, 1, 1) by day.
        night: whether headlamps and street lamps light the scene.
        bloom: how far lights glow.
        rain: number of streaks.
        snow: number of flakes.
        wet: whether lights mirror in the road.
        warm: factors of red, green, blue at the end.
    """

    haze: Colour = (206, 222, 236)
    sight: float = 900.0
    ambient: tuple[float, float, float] = (1.0, 1.0, 1.0)
    night: bool = False
    bloom: float = 0.6
    rain: int = 0
    snow: int = 0
    wet: bool = False
    warm: tuple[float, float, float] = (1.0, 1.0, 1.0)


def develop(
    canvas: Canvas, weather: Weather, lamps: list[tuple[float, float]], seed: int
) -> Image.Image:
    """Return the finished frame, 640 x 400 RGB.

    Args:
        canvas: what was drawn.
        weather: light and weather.
        lamps: street lamps as (x, z), metres.
        seed: of drops and flakes.
    """
    colour = np.asarray(canvas.colour, np.float32)
    light = np.asarray(canvas.light, np.float32)
    depth = np.asarray(canvas.depth, np.float32)
    clear = np.exp(-np.minimum(depth, 3000.0) / weather.sight)
    clear[depth >= FAR] = 1.0
    haze = np.array(weather.haze, np.float32)
    image = haze + (colour - haze) * clear[..., None]
    if weather.night:
        image *= _illumination(canvas, depth, weather, lamps)
    else:
        image *= np.array(weather.ambient, np.float32)
    if weather.wet:
        image = _mirror(canvas, image, light)
    image = np.maximum(image, light * clear[..., None])
    image += _glow(light * np.sqrt(clear)[..., None], weather.bloom)
    image *= np.array(weather.warm, np.float32)
    frame = Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    frame = frame.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    rng = np.random.default_rng(seed)
    if weather.rain:
        frame = _rain(frame, weather.rain, rng)
    if weather.snow:
        frame = _snow(frame, weather.snow, rng)
    return _lens(frame, rng)


def _illumination(
    canvas: Canvas, depth: Floats, weather: Weather, lamps: list[tuple[float, float]]
) -> Floats:
    """Return the light on each pixel, (h, w, 3): night sky, own headlamps, street lamps."""
    camera = canvas.camera
    z = np.minimum(depth, 400.0)
    rows, columns = depth.shape
    across = np.arange(columns, dtype=np.float32)[None, :] - columns / 2
    down = np.arange(rows, dtype=np.float32)[:, None] - camera.horizon
    right = across * z / camera.focal
    below = down * z / camera.focal
    beam = np.exp(-((across / camera.focal / 0.34) ** 2)) / (1 + (z / 17) ** 2)
    beam = beam * np.clip(1.15 - np.maximum(-down, 0) / camera.focal * 7, 0.05, 1)
    beam[depth >= FAR] = 0
    total = np.empty((rows, columns, 3), np.float32)
    total[:] = weather.ambient
    total += beam[..., None] * np.array((1.0, 0.95, 0.84), np.float32) * 0.9
    pool = np.zeros(depth.shape, np.float32)
    for x, ahead in lamps:
        lateral = right - (x + camera.middle(max(ahead, 1.0)))
        away = (lateral / 4.2) ** 2 + ((z - ahead) / 6.0) ** 2
        high = np.clip((camera.height - below) / 7.0, 0, 1)
        pool += np.exp(-away) * (0.62 - 0.3 * high)
    pool[depth >= FAR] = 0
    total += np.minimum(pool, 1.0)[..., None] * np.array((1.0, 0.78, 0.5), np.float32)
    return total


def _mirror(canvas: Canvas, image: Floats, light: Floats) -> Floats:
    """Let a wet road mirror the sky and draw lights out downwards."""
    label = np.asarray(canvas.label)
    flat = [INDEX[n] for n in ("RD normal street", "Dashed line", "Solid line", "Zebra crossing")]
    road = np.isin(label, flat).astype(np.float32)
    horizon = int(canvas.camera.horizon)
    mirrored = np.zeros_like(image)
    rows = image.shape[0] - horizon
    take = np.clip(horizon - (np.arange(rows) * 0.9).astype(int), 0, None)
    mirrored[horizon:] = image[take]
    small = Image.fromarray(np.clip(mirrored, 0, 255).astype(np.uint8))
    small = small.resize((WIDTH // 4, HEIGHT // 16), Image.Resampling.BOX)
    soft = np.asarray(small.resize((WIDTH * SCALE, HEIGHT * SCALE), Image.Resampling.BICUBIC))
    share = (0.38 * road)[..., None]
    image = image + (soft.astype(np.float32) - image) * share
    tall = Image.fromarray(light.astype(np.uint8)).resize((WIDTH, 50), Image.Resampling.BOX)
    streak = np.asarray(tall, np.float32)
    for row in range(1, len(streak)):  # lights run down the wet road
        streak[row] = np.maximum(streak[row], streak[row - 1] * 0.86)
    down = Image.fromarray(np.clip(streak * 1.6, 0, 255).astype(np.uint8))
    down = down.filter(ImageFilter.GaussianBlur(1.5))
    wide = np.asarray(down.resize((WIDTH * SCALE, HEIGHT * SCALE), Image.Resampling.BICUBIC))
    return image + wide.astype(np.float32) * (0.55 * road)[..., None]


def _glow(light: Floats, strength: float) -> Floats:
    """Return the halo of lights, (h, w, 3)."""
    base = Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
    small = base.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BOX)
    total = np.zeros_like(light)
    for radius, weight in ((2, 0.7), (7, 0.9), (20, 1.3)):
        blurred = small.filter(ImageFilter.GaussianBlur(radius))
        big = blurred.resize((light.shape[1], light.shape[0]), Image.Resampling.BICUBIC)
        total += np.asarray(big, np.float32) * weight
    return total * strength


def _rain(frame: Image.Image, count: int, rng: np.random.Generator) -> Image.Image:
    streaks = Image.new("L", (WIDTH * 2, HEIGHT * 2))
    draw = ImageDraw.Draw(streaks)
    for _ in range(count):
        x, y = rng.uniform(0, WIDTH * 2), rng.uniform(-60, HEIGHT * 2)
        long = rng.uniform(18, 64)
        tone = int(rng.uniform(36, 105))
        draw.line([(x, y), (x - long * 0.16, y + long)], fill=tone, width=int(rng.integers(1, 3)))
    mask = streaks.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    frame = Image.composite(Image.new("RGB", frame.size, (206, 216, 226)), frame, mask)
    drops = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(drops)
    for _ in range(26):  # on the windscreen
        x, y, r = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(2, 6)
        draw.ellipse((x - r, y - r * 1.2, x + r, y + r * 1.2), fill=170)
    bent = frame.transpose(Image.Transpose.FLIP_TOP_BOTTOM).filter(ImageFilter.GaussianBlur(3))
    bent = Image.blend(bent, frame.filter(ImageFilter.GaussianBlur(6)), 0.6)
    return Image.composite(bent, frame, drops.filter(ImageFilter.GaussianBlur(0.8)))


def _snow(frame: Image.Image, count: int, rng: np.random.Generator) -> Image.Image:
    for size, share, blur, tone in (
        (1.3, 0.62, 0.4, 190),
        (2.4, 0.3, 0.9, 220),
        (5.0, 0.08, 2.2, 190),
    ):
        flakes = Image.new("L", (WIDTH, HEIGHT))
        draw = ImageDraw.Draw(flakes)
        for _ in range(int(count * share)):
            x, y = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
            r = size * rng.uniform(0.5, 1.1)
            draw.ellipse((x - r, y - r, x + r, y + r * 1.3), fill=tone)
        mask = flakes.filter(ImageFilter.GaussianBlur(blur))
        frame = Image.composite(Image.new("RGB", frame.size, (250, 251, 255)), frame, mask)
    return frame


def _lens(frame: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Darken the corners a little and add a breath of grain."""
    image = np.asarray(frame, np.float32)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    fall = 1 - 0.16 * np.clip(x * x + y * y - 0.35, 0, None)
    grain = rng.normal(0, 1.3, (HEIGHT, WIDTH, 1))
    image = image * fall[..., None] + grain
    return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
