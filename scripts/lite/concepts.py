"""What the recipe's words mean: from an image's labels to how well a concept fits it.

A concept is fully true of an image (1), not at all (0), partly (between; amounts that grow
gradually, such as a share of trees, have no sharp edge) or unknown (NaN), where the labels of
its source say nothing about it. Unknown is never taken as wrong: that is why images of several
data sets can be trained on together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from scripts.lite.data import Frame
from scripts.lite.words import concepts

Rule = Callable[[Frame], float | None]
_RURAL = ("dirt", "forest", "gravel")
_CLEAR = ("camvid", "idd_lite", "boston")


def ramp(value: float, low: float, high: float) -> float:
    """Rise from 0 at ``low`` to 1 at ``high``, straight in between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _weather(name: str, road: str | None = None) -> Rule:
    """DAWN's weather; ``road`` is the label of the road pictures that means the same."""

    def rule(frame: Frame) -> float | None:
        if frame.source == "dawn" or frame.drawn:
            return float(frame.weather == name)
        if frame.source == "roads":
            return float(road is not None and frame.road == road)
        if frame.source in _CLEAR or (frame.source == "highway" and name in ("snow", "sand")):
            return 0.0  # recorded in dry, clear weather; or in a country without the like
        return None

    return rule


def _road(name: str) -> Rule:
    return lambda frame: float(frame.road == name) if frame.source == "roads" else None


def _wet_or_white(road: str, weather: str) -> Rule:
    def rule(frame: Frame) -> float | None:
        if frame.source == "roads":
            return float(frame.road == road)
        if frame.drawn:  # over a road that may be dry
            return None
        return float(frame.source == "dawn" and frame.weather == weather)

    return rule


def _boxes(*labels: str, least: int = 1, **shares: tuple[str, float, float]) -> Rule:
    """At least so many boxes in DAWN; elsewhere a share of pixels (class, low, high)."""

    def rule(frame: Frame) -> float | None:
        if frame.source == "dawn":
            number = sum(frame.counts.get(label, 0) for label in labels)
            return 1.0 if number >= least else (0.3 * number / least if least > 1 else 0.0)
        return _share(frame, shares)

    return rule


def _share(frame: Frame, shares: dict[str, tuple[str, float, float]]) -> float | None:
    if frame.source not in shares:
        return None
    label, low, high = shares[frame.source]
    return ramp(frame.shares.get(label, 0.0), low, high)


def _amount(*, less: bool = False, **shares: tuple[str, float, float]) -> Rule:
    """Share of pixels per source (class, low, high); ``less`` turns it round."""

    def rule(frame: Frame) -> float | None:
        value = _share(frame, shares)
        return 1.0 - value if less and value is not None else value

    return rule


def _vehicles(frame: Frame) -> int:
    return sum(frame.counts.get(name, 0) for name in ("car", "truck", "bus"))


def _traffic(frame: Frame) -> float | None:
    if frame.source == "dawn":
        return ramp(_vehicles(frame), 2.5, 8)
    return _share(frame, {"camvid": ("car", 0.02, 0.10), "idd_lite": ("vehicles", 0.03, 0.13)})


def _empty(frame: Frame) -> float | None:
    if frame.source == "dawn":
        return 1.0 - ramp(_vehicles(frame), 1, 5)
    value = _share(frame, {"camvid": ("car", 0.004, 0.04), "idd_lite": ("vehicles", 0.003, 0.05)})
    return None if value is None else 1.0 - value


def _close(frame: Frame) -> float | None:
    if frame.source == "dawn":
        return ramp(max((box.area for box in frame.boxes), default=0.0), 0.05, 0.25)
    return _share(frame, {"camvid": ("car", 0.06, 0.2), "idd_lite": ("vehicles", 0.06, 0.2)})


def _place(yes: Callable[[Frame], bool], no: Callable[[Frame], bool]) -> Rule:
    return lambda frame: 1.0 if yes(frame) else 0.0 if no(frame) else None


def _from(*sources: str) -> Callable[[Frame], bool]:
    return lambda frame: frame.source in sources


def _rural(frame: Frame) -> bool:
    return frame.road in _RURAL


def _dusk(frame: Frame) -> float | None:
    return float(frame.time_of_day == "dusk") if frame.source == "camvid" else None


def _night(frame: Frame) -> float | None:
    """Hardly any night has a label: dark pictures of the sets from the web stand for it.

    A dark wood may be a wood by day, and CamVid's dusk lies between; both are left open.
    """
    if frame.source in _CLEAR:  # recorded by day, but for the drive at dusk
        return None if frame.time_of_day == "dusk" else 0.0
    if frame.time_of_day is not None:
        return float(frame.time_of_day == "night")
    if frame.brightness is None:
        return None
    dark = 1.0 - ramp(frame.brightness, 0.19, 0.30)
    return None if dark and frame.road == "forest" else dark


def _day(frame: Frame) -> float | None:
    dark = _night(frame)
    if frame.time_of_day not in (None, "day", "night"):
        return None
    return None if dark is None else 1.0 - dark


RULES: dict[str, Rule] = {
    "fog": _weather("fog"),
    "rain": _weather("rain", "rainy"),
    "snow": _weather("snow", "snowy"),
    "sand": _weather("sand"),
    "dirt": _road("dirt"),
    "forest": _road("forest"),
    "gravel": _road("gravel"),
    "highway": _road("highway"),
    "rainy road": _road("rainy"),
    "snowy road": _road("snowy"),
    "truck": _boxes("truck"),
    "trucks": _boxes("truck", least=2),
    "bus": _boxes("bus"),
    "person": _boxes(
        "person",
        camvid=("pedestrian", 0.001, 0.008),
        idd_lite=("living_things", 0.003, 0.02),
    ),
    "people": _boxes(
        "person",
        least=3,
        camvid=("pedestrian", 0.006, 0.02),
        idd_lite=("living_things", 0.012, 0.045),
    ),
    "motorcycle": _boxes("motorcycle"),
    "bicycle": _boxes("bicycle", camvid=("bicyclist", 0.0, 0.006)),
    "cyclist near": _amount(camvid=("bicyclist", 0.004, 0.025)),
    "many cars": _traffic,
    "few cars": _empty,
    "vehicle close": _close,
    "car": _boxes("car", camvid=("car", 0.005, 0.06)),
    "sign": _amount(camvid=("sign_symbol", 0.003, 0.02)),
    "pole": _amount(camvid=("pole", 0.004, 0.018)),
    "fence": _amount(camvid=("fence", 0.0, 0.02)),
    "roadside objects": _amount(idd_lite=("roadside_objects", 0.07, 0.2)),
    "trees": _amount(camvid=("tree", 0.08, 0.22)),
    "buildings": _amount(camvid=("building", 0.18, 0.34)),
    "sky": _amount(camvid=("sky", 0.13, 0.24), idd_lite=("sky", 0.14, 0.32)),
    "no sky": _amount(less=True, camvid=("sky", 0.05, 0.15), idd_lite=("sky", 0.05, 0.15)),
    "pavement": _amount(camvid=("pavement", 0.04, 0.095)),
    "unpaved ground": _amount(idd_lite=("non_drivable", 0.006, 0.045)),
    "wide road": _amount(camvid=("road", 0.28, 0.39), idd_lite=("drivable", 0.32, 0.42)),
    "far things": _amount(idd_lite=("far_objects", 0.22, 0.4)),
    "city": _place(_from("camvid"), _rural),
    "countryside": _place(_rural, _from("camvid")),
    "india": _place(_from("idd_lite"), _from("camvid", "roads")),
    "dusk": _dusk,
    "night": _night,
    "day": _day,
}
"""Name of a concept -> how well it fits an image."""

WEATHER = ("fog", "rain", "snow", "sand")


def fits(frames: Sequence[Frame]) -> NDArray[np.float32]:
    """Return how well each concept fits each image.

    Args:
        frames: n images.

    Returns:
        float32 (concepts, n) in 0..1, NaN where the labels do not say; rows in the order of
        :func:`scripts.lite.words.concepts`.
    """
    table = np.full((len(concepts()), len(frames)), np.nan, dtype=np.float32)
    for row, name in enumerate(concepts()):
        for column, frame in enumerate(frames):
            value = RULES[name](frame)
            if value is not None:
                table[row, column] = value
    return table
