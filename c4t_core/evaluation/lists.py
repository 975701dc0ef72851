"""Fixed query lists: the original's for A2D2, and words that driving captions are made of."""

from __future__ import annotations

from collections.abc import Mapping

A2D2_SINGLE: tuple[str, ...] = (
    "Buildings",
    "Sidewalk",
    "Nature object",
    "Car",
    "Parking area",
    "Drivable cobblestone",
    "Slow drive area",
    "Poles",
    "Non-drivable street",
    "Curbstone",
    "Solid line",
    "Dashed line",
    "Truck",
    "Traffic sign",
    "Road blocks",
    "Bicycle",
    "Utility vehicle",
    "Pedestrian",
    "Signal corpus",
    "Zebra crossing",
    "Sidebars",
    "Small vehicles",
)
A2D2_SMALL: tuple[str, ...] = (
    "Traffic sign",
    "Road blocks",
    "Traffic guide obj.",
    "Bicycle",
    "Painted driv. instr.",
    "Utility vehicle",
    "Pedestrian",
    "Signal corpus",
    "Zebra crossing",
    "Sidebars",
    "Small vehicles",
)
A2D2_MULTI: tuple[tuple[str, ...], ...] = (
    ("Car", "Truck"),
    ("Car", "Bicycle"),
    ("Car", "Pedestrian"),
    ("Pedestrian", "Bicycle"),
    ("Buildings", "Traffic sign"),
    ("Car", "Parking area"),
    ("Pedestrian", "Solid line"),
    ("Buildings", "Pedestrian"),
    ("Bicycle", "Traffic sign"),
    ("Truck", "Dashed line"),
    ("Slow drive area", "Pedestrian"),
    ("Sidewalk", "Car"),
    ("Zebra crossing", "Car", "Pedestrian"),
    ("Nature object", "Drivable cobblestone"),
    ("Sidewalk", "Drivable cobblestone"),
    ("Car", "Poles", "Bicycle"),
    ("Truck", "Traffic sign"),
    ("Car", "Road blocks", "Pedestrian"),
    ("Utility vehicle", "Pedestrian"),
)

A2D2_SHORTENED: Mapping[str, str] = {
    "Traffic guide obj.": "Traffic guide object",
    "Painted driv. instr.": "Driving instructions",
}
"""How captions write two of the names: they were shortened there, the query lists were not, so
as a bare substring these two never matched. Here either spelling counts."""

A2D2_MARKS: tuple[str, ...] = ("RD normal street", "Nature object", "Drivable cobblestone")
"""Names that only A2D2's captions hold; they tell its pairs from others."""

COMMON_LABELS: tuple[str, ...] = (
    *("car", "truck", "bus", "van", "train", "tram", "motorcycle", "bicycle", "cyclist", "rider"),
    *("pedestrian", "person", "child", "animal", "vehicle", "trailer", "autorickshaw"),
    *("traffic light", "traffic sign", "traffic cone", "road blocks", "billboard"),
    *("tree", "vegetation", "building", "sky", "pavement", "pole", "fence", "wall", "bridge"),
    *("tunnel", "parking area", "guard rail", "curb", "lane", "zebra crossing", "rail track"),
)
"""Class names to look for, in any number and by any synonym, in captions of unknown origin."""

CONDITIONS: Mapping[str, tuple[str, ...]] = {
    "fog": ("fog", "foggy", "mist", "misty"),
    "rain": ("rain", "rainy", "rains", "raining"),
    "snow": ("snow", "snowy", "snowing", "snow-covered", "wintry"),
    "sandstorm": ("sandstorm", "sand", "dust storm", "dusty"),
    "dusk": ("dusk", "twilight", "evening light"),
    "dawn": ("dawn", "daybreak"),
    "night": ("night", "after dark", "in the dark"),
    "sunshine": ("sunny", "sunshine"),
    "overcast sky": ("overcast", "grey clouds"),
    "dirt road": ("dirt road", "unpaved track", "earth road"),
    "gravel road": ("gravel road", "gravelled track", "loose gravel"),
    "forest road": ("forest road", "through a forest", "through the woods"),
    "highway": ("highway", "motorway"),
    "wet road": ("wet road", "wet street", "rain-soaked road"),
    "city street": ("city street", "street in a city", "urban street"),
    "parking lot": ("parking lot", "car park"),
    "intersection": ("intersection", "crossroads"),
    "country road": ("country road", "rural road"),
    "residential street": ("residential street", "residential area"),
    "roundabout": ("roundabout",),
    "construction site": ("construction site",),
}
"""Words for weather, hour and road; any of the right column makes an image relevant."""
