"""Draw the sample drive: frames and label images for people who come without their own.

    python -m scripts.draw_sample [--output resources/sample/drives] [--sheet SHEET.png]

Nothing in it is a photograph, and it is never a measure of quality. The same Pillow and numpy
give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from scripts import sample_people as people
from scripts.sample_canvas import CLASSES, HEIGHT, SCALE, WIDTH, Camera, Canvas
from scripts.sample_drives import FRAMES, STEP, Actor, Drive, Fixture, drives
from scripts.sample_houses import draw_building
from scripts.sample_scenery import Shadow, backdrop
from scripts.sample_vehicles import SIZES, Vehicle, draw_vehicle
from scripts.sample_weather import develop

OUTPUT = Path(__file__).resolve().parents[1] / "resources" / "sample" / "drives"
QUALITY = 84
FAREST = 190.0  # metres; what is farther is not drawn

README = """The sample drive
================

These frames are drawn by a script of this project (scripts/draw_sample.py). None of them is
a photograph. They are here so that the application can be tried and tested without images of
your own. They are never a measure of quality: a model trained on photographs meets drawings
here, and how well it finds them says nothing about how well it finds real frames.

Layout, as in A2D2: DRIVE/camera/cam_front_center/ holds the frames, one every half second,
and DRIVE/label/cam_front_center/ their label images, whose colours class_list.json names.

"""


def _shadows(drive: Drive, time: float, along: float) -> list[Shadow]:
    """Return the footprints of whoever is on the road."""
    found: list[Shadow] = []
    for actor in drive.actors:
        s, x = actor.s + actor.vs * time, actor.x + actor.vx * time
        if isinstance(actor.what, Vehicle):
            width, _, length = SIZES[actor.what.kind]
        else:
            width, length = 0.35, 0.35
        z = s - along
        if -length < z < 120:
            found.append((x - width / 2 + 0.1, x + width / 2 - 0.1, z + 0.1, z + length))
    return found


def _signal(states: str, frame: int) -> str:
    """Return what a traffic light shows at a frame."""
    names = states.lower().split("_")
    return names[min(len(names) - 1, frame * len(names) // FRAMES)]


def _draw_fixture(canvas: Canvas, drive: Drive, fixture: Fixture, z: float, frame: int) -> None:
    what, _, detail = fixture.what.partition(":")
    if what == "tree":
        seed = int(abs(fixture.s * 100 + fixture.x * 10)) + drive.seed
        people.draw_tree(canvas, fixture.x, z, seed, detail)
    elif what == "sign":
        people.draw_sign(canvas, fixture.x, z, detail, drive.place.snowy)
    elif what == "signal":
        people.draw_signal(canvas, fixture.x, z, _signal(detail, frame))
    elif what == "lamp":
        people.draw_lamp(canvas, fixture.x, z, drive.weather.night)
    else:
        people.draw_post(canvas, fixture.x, z)


def _draw_actor(canvas: Canvas, actor: Actor, x: float, z: float, time: float) -> None:
    if isinstance(actor.what, Vehicle):
        draw_vehicle(canvas, actor.what, x, z)
    elif actor.what == "cyclist":
        side = 0 if abs(actor.vx) < 1 else int(math.copysign(1, actor.vx))
        people.draw_cyclist(canvas, x, z, actor.look, time * 7 + actor.s, side)
    elif actor.what == "deer":
        people.draw_deer(canvas, x, z, time * 9)
    else:
        people.draw_pedestrian(canvas, x, z, actor.look, time * 6 + actor.s, actor.label)


def draw_frame(drive: Drive, frame: int) -> tuple[Image.Image, Image.Image]:
    """Return one frame and its label image, both 640 x 400 RGB."""
    time = frame * STEP
    along = drive.speed * time
    first, last = drive.bend
    bend = first + (last - first) * frame / (FRAMES - 1)
    sway = 0.06 * math.sin(frame * 1.3 + drive.seed)
    pitch = 3 * math.sin(frame * 2.1 + drive.seed)
    camera = Camera(bend=bend, shift=drive.shift + sway, horizon=0.46 * HEIGHT * SCALE + pitch)
    shadows = _shadows(drive, time, along)
    canvas = backdrop(camera, drive.place, drive.seed, along, shadows)
    for house in sorted(drive.houses, key=lambda h: -(h.start + h.length)):
        if house.start - along < FAREST:
            draw_building(canvas, house, along, drive.weather.night, drive.place.snowy)
    todo: list[tuple[float, Callable[[], None]]] = []
    for fixture in drive.fixtures:
        z = fixture.s - along
        nearest = 12.0 if fixture.what.startswith("tree") else 2.0
        if nearest < z < FAREST:
            todo.append((z, lambda f=fixture, z=z: _draw_fixture(canvas, drive, f, z, frame)))
    for actor in drive.actors:
        z = actor.s + actor.vs * time - along
        x = actor.x + actor.vx * time
        if 2.2 < z < FAREST:
            todo.append((z, lambda a=actor, x=x, z=z: _draw_actor(canvas, a, x, z, time)))
    for _, draw in sorted(todo, key=lambda item: -item[0]):
        draw()
    _bonnet(canvas)
    lamps = [
        (f.x - math.copysign(1.5, f.x), f.s - along)
        for f in drive.fixtures
        if f.what == "lamp" and -15 < f.s - along < 150
    ]
    image = develop(canvas, drive.weather, lamps, drive.seed * 100 + frame)
    return image, _labels(canvas)


def _bonnet(canvas: Canvas) -> None:
    """Draw the rim of our own bonnet at the bottom of the frame."""
    wide, high = WIDTH * SCALE, HEIGHT * SCALE
    box = (-0.12 * wide, 0.945 * high, 1.12 * wide, 1.35 * high)
    canvas.ellipse(box, (38, 42, 50), 1.0, "Ego car")
    inner = (-0.12 * wide, 0.957 * high, 1.12 * wide, 1.37 * high)
    canvas.ellipse(inner, (54, 60, 70), 1.0, "Ego car")


def _labels(canvas: Canvas) -> Image.Image:
    """Return the label image in the colours of the class list."""
    index = np.asarray(canvas.label)[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]
    colours = np.array(list(CLASSES.values()), np.uint8)
    return Image.fromarray(colours[index])


def write_sample(output: Path) -> list[Path]:
    """Draw everything into a folder, which is emptied first; return the frames' paths."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    classes = {f"#{r:02x}{g:02x}{b:02x}": name for name, (r, g, b) in CLASSES.items()}
    (output / "class_list.json").write_text(json.dumps(classes, indent=2) + "\n")
    frames = []
    lines = []
    for drive in drives():
        camera = output / drive.name / "camera" / "cam_front_center"
        label = output / drive.name / "label" / "cam_front_center"
        camera.mkdir(parents=True)
        label.mkdir(parents=True)
        stamp = drive.name.replace("_", "")
        lines.append(f"{drive.name}  {drive.title}\n")
        for frame in range(FRAMES):
            image, labels = draw_frame(drive, frame)
            number = f"{frame * 15:09d}"  # a camera of 30 frames a second
            path = camera / f"{stamp}_camera_frontcenter_{number}.jpg"
            image.save(path, quality=QUALITY, optimize=True)
            labels.save(label / f"{stamp}_label_frontcenter_{number}.png", optimize=True)
            frames.append(path)
    (output / "README.txt").write_text(README + "".join(lines))
    return frames


def contact_sheet(frames: list[Path], columns: int = 6) -> Image.Image:
    """Return small pictures of many frames in one."""
    width, height = WIDTH // 2, HEIGHT // 2
    rows = math.ceil(len(frames) / columns)
    sheet = Image.new("RGB", (columns * width, rows * height))
    for place, path in enumerate(frames):
        with Image.open(path) as image:
            small = image.resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(small, (place % columns * width, place // columns * height))
    return sheet


def main() -> None:
    """Draw the sample and say how large it is."""
    parser = argparse.ArgumentParser(description="Draw the sample drive.")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet, to look at")
    chosen = parser.parse_args()
    frames = write_sample(chosen.output)
    size = sum(path.stat().st_size for path in chosen.output.rglob("*") if path.is_file())
    print(f"{len(frames)} frames, {size / 1e6:.1f} MB, in {chosen.output}")
    if chosen.sheet:
        contact_sheet(frames).save(chosen.sheet)


if __name__ == "__main__":
    main()
