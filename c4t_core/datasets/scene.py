"""One image's ground truth, whatever data set it came from.

Every reader of this package turns its source into :class:`Scene`; captions, statistics and
the evaluation's queries know only this form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeVar

from c4t_core.records import dataclass

Box = tuple[float, float, float, float]
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Problem:
    """Something in the input that was left out, and where it is.

    Attributes:
        line: line in the file, counted from 1, or None where lines mean nothing.
        message: one plain sentence.
        path: the file it is in, where that is not plain from the context.
    """

    line: int | None
    message: str
    path: Path | None = None

    def __str__(self) -> str:
        where = [str(self.path)] if self.path is not None else []
        if self.line is not None:
            where.append(str(self.line) if where else f"line {self.line}")
        return ": ".join([":".join(where), self.message]) if where else self.message


@dataclass(frozen=True)
class Thing:
    """One labelled object or region of an image.

    Attributes:
        label: class name as the data set writes it, without an instance number.
        box: ``(x0, y0, x1, y1)`` as parts of the image's width and height, each in 0..1.
        distance: metres from the camera.
        share: part of the image's pixels, 0..1.
        instance: the data set's own name of this instance (A2D2's ``"Car 2"``).
    """

    label: str
    box: Box | None = None
    distance: float | None = None
    share: float | None = None
    instance: str | None = None


@dataclass(frozen=True)
class Scene:
    """What is known about one image.

    Attributes:
        image: path relative to the images' root, ``/``-separated.
        things: objects and regions, in the data set's order.
        shares: class name (instances separate, as the data set has them) -> part of the pixels.
        counts: class name -> number of objects; empty where objects were not counted.
        weather: such as ``"fog"``.
        time_of_day: such as ``"dusk"``.
        road: kind or surface of the road, such as ``"gravel"``.
        place: where the scene is, such as ``"city street"``.
        drive: recording the frame belongs to; frames of one drive look alike.
        group: near-duplicates share it.
        split: the data set's own split (``"train"``, ``"val"``), if it has one.
        source: kind of data set, such as ``"a2d2"``; it decides the form of keyword captions.
    """

    image: str
    things: tuple[Thing, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    weather: str | None = None
    time_of_day: str | None = None
    road: str | None = None
    place: str | None = None
    drive: str | None = None
    group: str | None = None
    split: str | None = None
    source: str = ""


def uncounted(scene: Scene) -> list[str]:
    """Return the classes that are there in a number that nobody knows, such as those of crowds.

    They are things without a box, a share of the pixels or a count.
    """
    bare = (t.label for t in scene.things if t.box is None and t.share is None)
    return [label for label in dict.fromkeys(bare) if label not in scene.counts]


_THING_KEYS = tuple(f.name for f in fields(Thing))
_TEXTS = ("weather", "time_of_day", "road", "place", "drive", "group", "split", "source")


def scene_to_dict(scene: Scene) -> dict[str, Any]:
    """Return the scene as plain JSON values; what is unknown is left out."""
    out: dict[str, Any] = {"image": scene.image}
    if scene.things:
        out["things"] = [
            {
                key: list(value) if key == "box" else value
                for key in _THING_KEYS
                if (value := getattr(thing, key)) is not None
            }
            for thing in scene.things
        ]
    for name in ("shares", "counts"):
        if values := getattr(scene, name):
            out[name] = dict(values)
    out.update({name: value for name in _TEXTS if (value := getattr(scene, name))})
    return out


def scene_from_dict(row: Any) -> Scene:
    """Build a scene from what :func:`scene_to_dict` wrote.

    Raises:
        ValueError: if a value is missing, of the wrong kind, or out of its range.
    """
    if not isinstance(row, dict):
        raise ValueError("expected an object with an image")  # noqa: TRY004 - bad data, not a bug
    image = row.get("image")
    if not isinstance(image, str) or not image:
        raise ValueError("there is no image")
    things = row.get("things", [])
    if not isinstance(things, list):
        raise ValueError("things is not a list")  # noqa: TRY004 - bad data, not a bug
    return Scene(
        image=image,
        things=tuple(_thing(item) for item in things),
        shares=numbers(row, "shares", share),
        counts=numbers(row, "counts", count),
        **{name: text(row, name) or ("" if name == "source" else None) for name in _TEXTS},  # type: ignore[arg-type]
    )


def text(row: Mapping[str, Any], name: str) -> str | None:
    """Return the text under ``name``; a number is taken as its digits.

    Raises:
        ValueError: if it is neither.
    """
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{name} is not a text")


def numbers(
    row: Mapping[str, Any], name: str, check: Callable[[str, Any], _Value]
) -> dict[str, _Value]:
    """Return the object under ``name`` with each value checked.

    Raises:
        ValueError: if it is not an object, or a value fails its check.
    """
    values = row.get(name) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{name} is not an object")  # noqa: TRY004 - bad data, not a bug
    return {key: check(f"{name} of {key}", value) for key, value in values.items()}


def share(name: str, value: Any) -> float:
    """Return ``value`` as a share of the pixels.

    Raises:
        ValueError: if it is not a number in 0..1.
    """
    out = number(name, value)
    if not 0.0 <= out <= 1.0:
        raise ValueError(f"{name} is {out:g}, not between 0 and 1")
    return out


def count(name: str, value: Any) -> int:
    """Return ``value`` as a number of objects.

    Raises:
        ValueError: if it is not a whole number from 0.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is not a number of objects")
    return value


def number(name: str, value: Any) -> float:
    """Return ``value`` as a finite float.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} is not a number")
    return float(value)


def is_true(value: Any) -> bool:
    """True for what a label file may write for yes; ``"0"``, for one, is no."""
    return str(value).strip().lower() in ("1", "1.0", "true", "yes")


def unit_box(values: Any, width: float = 1.0, height: float = 1.0) -> Box:
    """Return ``(x0, y0, x1, y1)`` in 0..1 from corners in pixels; what hangs out is cut off.

    Raises:
        ValueError: if these are not four numbers, or nothing is left of the box.
    """
    if not isinstance(values, list | tuple) or len(values) != 4:
        raise ValueError("a box is not four numbers")
    x0, y0, x1, y1 = (number("a side of a box", value) for value in values)
    left, right = (min(max(x / width, 0.0), 1.0) for x in (x0, x1))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (y0, y1))
    if left >= right or top >= bottom:
        raise ValueError(f"the box {x0:g} {y0:g} {x1:g} {y1:g} holds no pixel of the image")
    return left, top, right, bottom


def _thing(item: Any) -> Thing:
    if not isinstance(item, dict) or not isinstance(item.get("label"), str) or not item["label"]:
        raise ValueError("a thing has no label")
    box, distance, part = item.get("box"), item.get("distance"), item.get("share")
    return Thing(
        label=item["label"],
        box=None if box is None else unit_box(box),
        distance=None if distance is None else number("distance", distance),
        share=None if part is None else share("share", part),
        instance=text(item, "instance"),
    )
