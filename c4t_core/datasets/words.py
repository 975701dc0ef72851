"""Class names of the data sets -> the nouns that people use for them.

Data sets call one thing by many names ("Column_Pole", "polegroup", "Poles"). :func:`concept`
brings each to a :class:`Noun`; names that say nothing about the scene ("void", "ego vehicle")
have none. What the table does not know is read as it is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Noun:
    """How sentences speak of one class.

    Attributes:
        one: the noun in the singular; for a mass noun, the noun.
        many: its plural; None for what has no plural here ("sky", "greenery").
        others: exact synonyms, as (singular, plural) pairs.
        amounts: shares of the pixels below which there is little and above which there is much.
        height: metres, of what stands on the road; decides near and far. 0: not an object.
        kind: nouns of one kind are one thing by two names ("person", "pedestrian").
    """

    one: str
    many: str | None
    others: tuple[tuple[str, str | None], ...] = ()
    amounts: tuple[float, float] = (0.004, 0.05)
    height: float = 0.0
    kind: str = ""

    @property
    def key(self) -> str:
        """What facts are merged by."""
        return self.kind or self.one

    @property
    def is_object(self) -> bool:
        """True for what can be counted on the road, false for its surroundings."""
        return self.height > 0


def _object(one: str, many: str, height: float, *others: tuple[str, str]) -> Noun:
    return Noun(one, many, tuple(others), (0.004, 0.05), height)


def _stuff(one: str, many: str | None, low: float, high: float, *others: str) -> Noun:
    return Noun(one, many, tuple((other, None) for other in others), (low, high))


_CAR = Noun("car", "cars", (), (0.008, 0.1), 1.5)
_TRUCK = _object("truck", "trucks", 3.2, ("lorry", "lorries"))
_BUS = _object("bus", "buses", 3.0)
_PERSON = Noun("pedestrian", "pedestrians", (("person", "people"),), (0.004, 0.05), 1.7, "person")
_PEOPLE = Noun("person", "people", (("pedestrian", "pedestrians"),), (0.004, 0.05), 1.7, "person")
_CYCLIST = _object("cyclist", "cyclists", 1.7)
_RIDER = _object("rider", "riders", 1.7)
_BICYCLE = _object("bicycle", "bicycles", 1.1, ("bike", "bikes"))
_MOTORCYCLE = _object("motorcycle", "motorcycles", 1.4, ("motorbike", "motorbikes"))
_SIGN = _object("traffic sign", "traffic signs", 0.8, ("road sign", "road signs"))
_LIGHT = _object("traffic light", "traffic lights", 0.9, ("traffic signal", "traffic signals"))
_ANIMAL = _object("animal", "animals", 1.0)
_TRAIN = _object("train", "trains", 3.5)
_TREES = _stuff("tree", "trees", 0.05, 0.2)
_GREEN = _stuff("greenery", None, 0.05, 0.25, "vegetation")
_BUILDING = _stuff("building", "buildings", 0.08, 0.3)
_SKY = _stuff("sky", None, 0.08, 0.22)
_ROAD = _stuff("road", None, 0.2, 0.38)
_PAVEMENT = _stuff("pavement", None, 0.03, 0.09, "sidewalk")
_POLE = _stuff("pole", "poles", 0.004, 0.02)
_FENCE = _stuff("fence", "fences", 0.01, 0.05)
_WALL = _stuff("wall", "walls", 0.01, 0.05)
_PARKING = _stuff("parking area", "parking areas", 0.01, 0.05)
_GROUND = _stuff("unpaved ground", None, 0.008, 0.05, "bare roadside ground")
_CURB = _stuff("curb", "curbs", 0.005, 0.03)
_MARKINGS = _stuff("lane marking", "lane markings", 0.005, 0.03)
_BARRIER = _stuff("crash barrier", "crash barriers", 0.004, 0.03)
_RAIL = _stuff("rail track", "rail tracks", 0.005, 0.05)
_GUARD = _stuff("guard rail", "guard rails", 0.005, 0.03)

# Keys are lower case with single spaces; see _key.
_NOUNS: dict[str, Noun] = {
    **dict.fromkeys(("car", "cars"), _CAR),
    **dict.fromkeys(("truck", "trucks"), _TRUCK),
    "bus": _BUS,
    **dict.fromkeys(("pedestrian", "pedestrians", "person sitting"), _PERSON),
    **dict.fromkeys(("person", "people"), _PEOPLE),
    "child": _object("child", "children", 1.2),
    **dict.fromkeys(("cyclist", "bicyclist", "bike rider"), _CYCLIST),
    "rider": _RIDER,
    **dict.fromkeys(("bicycle", "bike", "bicycles"), _BICYCLE),
    **dict.fromkeys(
        ("motorcycle", "motor", "motorbike", "motorcyclescooter"),
        _MOTORCYCLE,
    ),
    **dict.fromkeys(("van", "vans"), _object("van", "vans", 2.2)),
    "suvpickuptruck": _object("pickup truck", "pickup trucks", 1.8),
    "truck bus": _object("truck or bus", "trucks or buses", 3.2),
    **dict.fromkeys(("caravan", "trailer"), _object("trailer", "trailers", 2.8)),
    **dict.fromkeys(
        ("small vehicles", "small vehicle"), _object("small vehicle", "small vehicles", 1.3)
    ),
    "utility vehicle": _object("utility vehicle", "utility vehicles", 2.8),
    **dict.fromkeys(
        ("vehicles", "vehicle", "vehicle fallback", "othermoving"),
        Noun("vehicle", "vehicles", (), (0.012, 0.1), 1.6),
    ),
    "living things": Noun("person", "people", (), (0.003, 0.03), 1.7, "person"),
    "autorickshaw": _object("autorickshaw", "autorickshaws", 1.8, ("tuk-tuk", "tuk-tuks")),
    "tractor": _object("tractor", "tractors", 2.8),
    "train": _TRAIN,
    "tram": _object("tram", "trams", 3.4),
    **dict.fromkeys(("animal", "animals"), _ANIMAL),
    **dict.fromkeys(("traffic sign", "sign symbol", "signsymbol", "trafficsign"), _SIGN),
    **dict.fromkeys(("traffic light", "traffic signal", "trafficlight", "signal corpus"), _LIGHT),
    **dict.fromkeys(("trafficcone", "traffic cone"), _object("traffic cone", "traffic cones", 0.6)),
    "cartluggagepram": _object("pram or cart", "prams or carts", 1.0),
    "electronic traffic": _object("electronic display", "electronic displays", 1.5),
    "traffic guide obj": _object("guide post", "guide posts", 0.9),
    "obstacles trash": _object("obstacle", "obstacles", 0.5),
    "billboard": _object("billboard", "billboards", 3.0),
    **dict.fromkeys(("tree", "trees"), _TREES),
    **dict.fromkeys(("vegetation", "vegetationmisc", "nature object"), _GREEN),
    **dict.fromkeys(("building", "buildings"), _BUILDING),
    "far objects": _stuff(
        "background of trees or buildings", None, 0.18, 0.34, "backdrop of trees or buildings"
    ),
    "roadside objects": _stuff("roadside object", "roadside objects", 0.06, 0.15),
    "sky": _SKY,
    **dict.fromkeys(("road", "rd normal street", "drivable", "roads"), _ROAD),
    **dict.fromkeys(("pavement", "sidewalk"), _PAVEMENT),
    **dict.fromkeys(("pole", "poles", "polegroup", "column pole"), _POLE),
    "fence": _FENCE,
    "wall": _WALL,
    "guard rail": _GUARD,
    "bridge": _stuff("bridge", "bridges", 0.01, 0.1),
    "tunnel": _stuff("tunnel", "tunnels", 0.02, 0.2),
    "archway": _stuff("archway", "archways", 0.01, 0.1),
    **dict.fromkeys(("parking", "parking area", "parkingblock"), _PARKING),
    **dict.fromkeys(("non drivable", "non drivable fallback", "roadshoulder"), _GROUND),
    "non drivable street": _stuff("closed-off area", "closed-off areas", 0.01, 0.1),
    "rd restricted area": _stuff("restricted area", "restricted areas", 0.01, 0.1),
    "drivable fallback": _stuff("drivable ground", None, 0.02, 0.15),
    "drivable cobblestone": _stuff("cobblestone", None, 0.02, 0.15, "cobbles"),
    "slow drive area": _stuff("slow-traffic area", "slow-traffic areas", 0.02, 0.15),
    "terrain": _stuff("grass or soil", None, 0.02, 0.15, "open ground"),
    "ground": _stuff("ground", None, 0.02, 0.15),
    "rail track": _RAIL,
    **dict.fromkeys(("curb", "curbstone"), _CURB),
    **dict.fromkeys(("lanemkgsdriv", "lanemkgsnondriv", "lane"), _MARKINGS),
    "solid line": _stuff("solid line", "solid lines", 0.002, 0.02),
    "dashed line": _stuff("dashed line", "dashed lines", 0.002, 0.02),
    "zebra crossing": Noun(
        "zebra crossing", "zebra crossings", (("crosswalk", "crosswalks"),), (0.005, 0.05)
    ),
    "painted driv instr": _stuff("painted arrow", "painted arrows", 0.002, 0.02),
    "speed bumper": _stuff("speed bump", "speed bumps", 0.002, 0.02),
    **dict.fromkeys(("road blocks", "obs str bar fallback"), _BARRIER),
    "sidebars": _stuff("side barrier", "side barriers", 0.004, 0.03),
    "grid structure": _stuff("grid structure", "grid structures", 0.005, 0.05),
    "rain dirt": _stuff("raindrops on the lens", None, 0.0, 0.05, "dirt on the lens"),
}

# Labels that say nothing about the scene.
_SILENT = frozenset(
    {
        *("unlabelled", "unlabeled", "void", "unknown", "undefined", "none", "other", "others"),
        *("misc", "miscellaneous", "ignore", "ignored", "background", "fallback background"),
        *("dontcare", "static", "dynamic", "irrelevant signs", "blurred area", "misc text"),
        *("ego car", "ego vehicle", "out of roi", "rectification border", "license plate"),
        *("person group", "rider group", "car group", "crowd"),
    }
)
_INSTANCE = re.compile(r"\s*[#_ ]\d+$")
_NOT_WORDS = re.compile(r"[\W\d_]+")


def class_of(label: str) -> str:
    """Return a label without its instance number.

    >>> class_of("Car 2")
    'Car'
    """
    return _INSTANCE.sub("", label) or label


@lru_cache(maxsize=4096)
def concept(label: str) -> Noun | None:
    """Return the noun for a data set's label, or None where it says nothing about the scene.

    >>> concept("Column_Pole").many
    'poles'
    """
    key = _NOT_WORDS.sub(" ", class_of(label).lower()).strip()
    if not key or (len(key) == 1 and key.isascii()) or key in _SILENT:
        return None
    return _NOUNS.get(key) or _noun_as_written(key)


def _noun_as_written(key: str) -> Noun:
    """Make a noun of a label that the table does not know; it is taken for an object."""
    grammar = engine()
    single = grammar.singular_noun(key)
    if single and len(single) > 2 and grammar.plural_noun(single) == key:
        return _object(str(single), key, 1.5)
    return _object(key, str(grammar.plural_noun(key)), 1.5)


@lru_cache(maxsize=1)
def engine() -> Any:
    """Return inflect's engine; importing it takes seconds, so it comes at first need."""
    import inflect

    return inflect.engine()


@lru_cache(maxsize=1024)
def in_words(number: int) -> str:
    """Return a number in words.

    >>> in_words(23)
    'twenty-three'
    """
    return str(engine().number_to_words(number))


@lru_cache(maxsize=4096)
def with_article(phrase: str) -> str:
    """Return the phrase behind "a" or "an"."""
    return str(engine().a(phrase))
