"""Weather, time of day, road and place in words.

Each value gets phrases that can follow a scene ("in the fog"), and each road or place a few
nouns that can be its subject ("a gravel road"). Values that no table knows are read as written.
"""

from __future__ import annotations

from dataclasses import dataclass

from c4t_core.datasets.scene import Scene
from c4t_core.datasets.words import with_article


@dataclass(frozen=True)
class Surroundings:
    """Phrases that may be said; each tuple holds alternatives, empty where nothing is known.

    Attributes:
        subjects: what the image shows as a whole, such as ``"gravel road"``, without an article.
        where: such as ``"on a gravel road"``.
        adjectives: of the weather, such as ``"foggy"``.
        weather: such as ``"in the fog"``.
        time: such as ``"at dusk"``.
    """

    subjects: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    adjectives: tuple[str, ...] = ()
    weather: tuple[str, ...] = ()
    time: tuple[str, ...] = ()


_WEATHER: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "fog": (("foggy", "misty"), ("in the fog", "in thick fog", "in foggy weather")),
    "rain": (("rainy",), ("in the rain", "in rainy weather", "while it rains")),
    "snow": (("snowy", "wintry"), ("in the snow", "in snowy weather", "in wintry weather")),
    "sand": (("dusty",), ("in a sandstorm", "in blowing sand", "in a dust storm")),
    "clear": (("clear",), ("in clear weather",)),
    "overcast": (("overcast",), ("under an overcast sky", "under grey clouds")),
    "partly cloudy": (("partly cloudy",), ("under a partly cloudy sky",)),
    "cloudy": (("cloudy",), ("under a cloudy sky", "in cloudy weather")),
    "sunny": (("sunny",), ("in sunny weather", "in the sunshine")),
    "storm": (("stormy",), ("in a storm",)),
    "hail": ((), ("in the hail",)),
}
_SAME_WEATHER = {
    **{"foggy": "fog", "mist": "fog", "misty": "fog", "haze": "fog"},
    **{"rainy": "rain", "raining": "rain", "snowy": "snow", "snowing": "snow"},
    **{"sandstorm": "sand", "dust": "sand", "sandy": "sand", "dusty": "sand", "sunshine": "sunny"},
    **{"clouds": "cloudy", "stormy": "storm"},
}
_TIME: dict[str, tuple[str, ...]] = {
    "day": ("by day", "in daylight", "during the day"),
    "night": ("at night", "after dark", "in the dark"),
    "dusk": ("at dusk", "at twilight", "in the evening light"),
    "dawn": ("at dawn", "at daybreak"),
    "dawn dusk": ("at dawn or dusk", "at twilight"),
    "morning": ("in the morning",),
    "evening": ("in the evening",),
    "afternoon": ("in the afternoon",),
}
_SAME_TIME = {
    "daytime": "day",
    "daylight": "day",
    "nighttime": "night",
    "dawn or dusk": "dawn dusk",
}
_DARK = frozenset({"night", "dusk", "dawn", "dawn dusk", "evening"})

# noun phrases, and the preposition that leads to them
_PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "dirt": ("on", ("dirt road", "unpaved track", "earth road")),
    "forest": ("on", ("forest road", "road through a forest", "road through the woods")),
    "gravel": ("on", ("gravel road", "road of loose gravel", "gravelled track")),
    "highway": ("on", ("highway", "wide highway", "multi-lane highway")),
    "motorway": ("on", ("motorway",)),
    "rainy": ("on", ("wet road", "rain-soaked road", "wet street")),
    "wet": ("on", ("wet road",)),
    "snowy": ("on", ("snow-covered road", "snowy road", "road under snow")),
    "icy": ("on", ("icy road",)),
    "city street": ("on", ("city street", "street in a city")),
    "residential": ("on", ("residential street", "street in a residential area")),
    "parking lot": ("in", ("parking lot", "car park")),
    "tunnel": ("in", ("tunnel",)),
    "gas stations": ("at", ("gas station", "filling station")),
    "gas station": ("at", ("gas station", "filling station")),
    "country road": ("on", ("country road", "rural road")),
    "rural": ("on", ("rural road", "country road")),
    "urban": ("on", ("city street", "urban street")),
    "intersection": ("at", ("intersection", "crossroads")),
    "roundabout": ("at", ("roundabout",)),
    "bridge": ("on", ("bridge",)),
    "construction site": ("at", ("construction site",)),
}
_SILENT = frozenset({"", "undefined", "unknown", "other", "none"})


def surroundings_of(scene: Scene) -> Surroundings:
    """Return what may be said about where and when the scene is."""
    hour = _key(scene.time_of_day)
    hour = _SAME_TIME.get(hour, hour)
    sky = _key(scene.weather)
    sky = _SAME_WEATHER.get(sky, sky)
    place = _key(scene.place)
    road = _key(scene.road)
    preposition, subjects = _place(place if place not in _SILENT else road)
    if place not in _SILENT and road not in _SILENT and road != place:
        subjects = _join(road, subjects)
    adjectives, weather = _weather(sky, hour)
    return Surroundings(
        subjects=subjects,
        where=tuple(f"{preposition} {with_article(subject)}" for subject in subjects),
        adjectives=adjectives,
        weather=weather,
        time=() if hour in _SILENT else _TIME.get(hour, (f"at {hour}",)),
    )


def _key(value: str | None) -> str:
    return " ".join((value or "").lower().replace("/", " ").replace("_", " ").split())


def _place(name: str) -> tuple[str, tuple[str, ...]]:
    if name in _SILENT:
        return "on", ()
    known = _PLACES.get(name)
    if known:
        return known
    return "on", (name if name.endswith(("road", "street", "track")) else f"{name} road",)


def _join(road: str, subjects: tuple[str, ...]) -> tuple[str, ...]:
    """Put the surface before the place: "wet" and "city street" -> "wet city street"."""
    words = {"rainy": "wet", "snowy": "snow-covered"}
    adjective = words.get(road, road)
    return tuple(f"{adjective} {s}" for s in subjects if adjective not in s) or subjects


def _weather(sky: str, hour: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if sky in _SILENT:
        return (), ()
    adjectives, phrases = _WEATHER.get(sky, ((sky,), (f"in {sky} weather",)))
    if hour == "night":
        nights = tuple(f"on {with_article(a)} night" for a in adjectives)
        return adjectives, (*phrases, *nights)
    if hour not in _DARK:
        days = tuple(f"on {with_article(a)} day" for a in adjectives)
        return adjectives, (*phrases, *days)
    return adjectives, phrases
