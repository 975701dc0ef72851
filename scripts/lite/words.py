"""The words of the recipe: for each concept, phrases that mean it.

Each entry is ``(noun phrases, endings)``, alternatives separated by ``|``; an ending may follow a
noun phrase of another concept (``a truck`` + ``in thick fog``). The words that the queries of
``benchmarks/quality`` use in their sentences are kept out of this file on purpose (a test holds
it to that): the figures shall say what the model makes of words it was never taught. They are
apart, in ``words.json``: who uses the model shall not miss them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from c4t_core.datasets.searchad import labels

_WORDS: dict[str, tuple[str, str]] = {
    "fog": (
        "fog|dense fog|thick grey fog|a foggy road|foggy weather|poor visibility in fog|a "
        "foggy day|fog over the road|grey fog hiding everything|low visibility|a pale grey "
        "veil over the road|smog|heavy smog over a road|white vapour in the air|nothing to be "
        "seen far away|faint shapes in grey air|a blurred grey view|fog patches|foggy "
        "conditions|a foggy winter evening|limited sight distance|headlights in fog|fog "
        "lights shining|a grey day with little contrast|vehicles vanish in the grey",
        "in the fog|in thick fog|on a foggy day|in foggy weather|fading into the fog|with "
        "poor visibility|hidden by fog|in grey smog|in bad visibility|with fog all around",
    ),
    "rain": (
        "rain|heavy rain|rainy weather|a wet road in the rain|rain on the windscreen|wet "
        "asphalt with reflections|a rainy day|it is raining|water spraying from the "
        "tyres|rain falling|pouring rain|rain showers|raindrops on the glass|flooded "
        "street|water on the road|a rainstorm|stormy wet weather|wet weather|umbrellas in the "
        "rain|a flooded road with standing water|splashing water|reflections on the wet "
        "surface|a thunderstorm|a monsoon",
        "in the rain|in heavy rain|on a rainy day|on a wet road|while it rains|in pouring "
        "rain|in wet weather|splashing through water|through standing water|in a rainstorm",
    ),
    "snow": (
        "snow|heavy snow|snowy weather|a road covered in snow|a snowy road|snowfall|a winter "
        "road|a snowy day in winter|it is snowing|snow on the ground|falling snow|a "
        "snowstorm|white snow everywhere|snow piled up beside the road|cold winter "
        "weather|ice and snow|snowflakes in the air|snow-covered cars|trees covered with "
        "snow|deep snow|fresh snow|an icy road|a white landscape|a cold day with snow",
        "in the snow|in heavy snow|on a snowy road|on a winter day|on a snow-covered road|in "
        "a snowstorm|in falling snow|in deep snow|on ice and snow|in winter",
    ),
    "sand": (
        "a sandstorm|sand|a sand storm|blowing sand|sand in the air|yellow sky in a "
        "sandstorm|a road in a sandstorm|sand blowing across the road|a haboob|a brown storm "
        "wall|orange air|a yellow and brown sky|a wall of sand|dry wind full of sand|sandy "
        "wind|a brown sky|fine sand whirling|a storm in the Sahara|a yellow storm|orange "
        "light in a storm|particles of sand everywhere|dry sandy air",
        "in a sandstorm|in blowing sand|in a sand storm|with sand in the air|under a yellow "
        "sky|under an orange sky|in a brown storm|in sandy wind|in a haboob",
    ),
    "dirt": (
        "a dirt road|dirt road|an unpaved road|a dirt track|a muddy dirt road|brown dirt road "
        "through fields|an unsurfaced country road|a narrow dirt road|a muddy track|a track "
        "of brown mud|a red dirt road|a farm track|an unmade road|a road of dry mud|a track "
        "through the fields|a sandy track|a natural track without asphalt|a brown track|a "
        "road without asphalt|tyre marks in the mud|off-road driving|a primitive road|an "
        "unsealed road",
        "on a dirt road|on an unpaved road|along a dirt track|on a muddy track|on a farm "
        "track|off the road|on a brown track",
    ),
    "forest": (
        "a forest road|forest|a road through the forest|a road in the woods|tall trees on "
        "both sides of the road|a paved road between the trees of a forest|forest road in "
        "autumn|a wood|dense woods|a road shaded by trees|a green tunnel of trees|pine "
        "forest|tall pines beside the road|a shady road under trees|autumn trees over the "
        "road|a road surrounded by forest|deep forest|a quiet road in a green forest|rows of "
        "trunks beside the road|a birch forest|fir trees|an asphalt road through dense woods",
        "in the forest|in the woods|on a forest road|through dense woods|surrounded by "
        "trees|between tall pines|in the shade of trees",
    ),
    "gravel": (
        "a gravel road|gravel|a road of loose stones|crushed stone on the road|a grey gravel "
        "road|gravel surface|small stones on the ground|a stony road|a stony track|loose "
        "rocks on the road|a road of grit|coarse gravel|fine gravel|gravel lying "
        "everywhere|crushed rock|a rough stony surface|a driveway of gravel|loose aggregate|a "
        "surface of small rocks|a rural gravel road",
        "on a gravel road|on loose stones|on gravel|on a stony road|on crushed rock|over "
        "small rocks|on grit",
    ),
    "highway": (
        "a highway|highway|a motorway|a wide road with several lanes|a long straight "
        "highway|motorway with many lanes|highway with lane markings|an autobahn|a dual-lane "
        "main road|a fast road|a multi-lane road|a trunk road|a toll road|lanes separated by "
        "a median|a major road with lane lines|an empty highway in open country|a national "
        "highway|a highway exit|a highway overpass|long-distance traffic|a turnpike|a "
        "four-lane road|high speed traffic on several lanes|a straight asphalt road to far "
        "away mountains",
        "on a highway|on the motorway|on a wide road with several lanes|on the autobahn|on a "
        "multi-lane road|at high speed|on a fast road|on a main road",
    ),
    "rainy road": (
        "a rainy road|a wet road|wet road surface|a road in the rain|wet shiny asphalt|a road "
        "shining with water|water on the asphalt|a wet street with reflections|a glistening "
        "wet road|raindrops on the road|a flooded road|asphalt wet after rain|a wet highway|a "
        "road wet from rain",
        "",
    ),
    "snowy road": (
        "a snowy road|a road covered with snow|snow on the road|a winter road with snow on "
        "both sides|an icy snowy road|a white road|tyre tracks in the snow|packed snow on the "
        "road|an icy road|a road cleared of snow|snow banks beside the road|a road lined by "
        "snow-covered trees|winter driving|ice on the asphalt",
        "",
    ),
    "truck": (
        "a truck|truck|trucks|a heavy truck|a large truck ahead|a heavy goods vehicle|a cargo "
        "truck|a big truck on the road|a delivery truck|a trailer truck|an articulated "
        "truck|a tractor unit with trailer|a big rig|a tanker|a dump truck|a pickup truck|a "
        "box truck|a transporter|a road train|a truck loaded with goods|a container truck|a "
        "heavy commercial vehicle|a goods carrier|a large cargo vehicle",
        "",
    ),
    "trucks": (
        "two trucks|several trucks|many trucks|a line of trucks|trucks one behind the other|a "
        "group of trucks|multiple heavy trucks|more than one truck|a queue of trucks|plenty "
        "of big trucks|a couple of trucks",
        "",
    ),
    "bus": (
        "a bus|bus|buses|a city bus|a coach|a large bus|a bus ahead|a school bus|a tour bus|a "
        "tourist coach|an intercity bus|a minibus|a shuttle bus|a long bus with many "
        "windows|a red bus|a transit bus|a bus at a stop|a local bus|an omnibus|a trolleybus",
        "",
    ),
    "person": (
        "a person|people|pedestrians|a pedestrian|people walking|a person crossing the "
        "road|pedestrians on the pavement|a person on foot|people on the street|someone "
        "walking|a walker|passers-by|a human|a human figure|a child|kids|a worker|a boy|a "
        "girl|a person beside the road|somebody on foot crossing|someone near the road|a "
        "passer-by|individuals walking|a figure walking along",
        "",
    ),
    "people": (
        "several people|many people|a group of pedestrians|lots of people walking|many "
        "pedestrians near the road|people everywhere|a crowd|a crowd of people|a crowded "
        "street|two or more people|a family walking|a group of persons|a busy "
        "pavement|numerous pedestrians|a lot of walkers",
        "",
    ),
    "motorcycle": (
        "a motorcycle|motorcycle|motorcycles|a motorbike|a motorcyclist|a motorbike "
        "ahead|motorbikes|a person on a motorcycle|a motorised cycle|a powered cycle|a "
        "biker|bikers|a person with a helmet on a motorbike|a dirt bike|a motor bicycle",
        "",
    ),
    "bicycle": (
        "a bicycle|bicycle|bicycles|a bike|bikes|a cycle|a parked bicycle|a two-wheeled cycle|a "
        "racing bike|a mountain bike",
        "",
    ),
    "cyclist near": (
        "a cyclist close to the camera|a cyclist right ahead|a large cyclist in front|a "
        "bicycle just in front of us|a cyclist nearby|overtaking a cyclist",
        "",
    ),
    "many cars": (
        "many cars|heavy traffic|eight cars|ten cars|a lot of vehicles|a road full of "
        "cars|dense traffic|a long line of cars|busy traffic|cars close ahead|lots of "
        "cars|numerous vehicles|a queue of cars|stop and go traffic|a crowded road|slow "
        "moving traffic|cars everywhere|a busy road|a packed road|a tailback|cars one after "
        "another|a dozen cars|more than six cars|stationary traffic|a long queue",
        "",
    ),
    "few cars": (
        "an empty road|no cars|little traffic|a road without vehicles|only one car|a single "
        "car|a quiet road|few cars|a deserted road|nobody on the road|free road ahead|hardly "
        "any vehicles|light traffic|a lonely road|a lone car|one car only",
        "",
    ),
    "vehicle close": (
        "a vehicle close ahead|a car right in front|a large vehicle near the camera|a car "
        "close to the camera|a vehicle filling the view|following a car closely|a vehicle "
        "just in front|tailgating|the back of a vehicle|a vehicle blocking the view|a big "
        "vehicle nearby",
        "",
    ),
    "car": (
        "a car|cars|car|a private car|cars on the road|cars parked along the street|a car "
        "ahead|a motor car|a hatchback|an estate car|a parked car|passing cars|a row of "
        "parked cars|a white car|a dark car|a station wagon|a taxi|an SUV",
        "",
    ),
    "sign": (
        "a traffic sign|traffic signs|signs|a road sign|signs beside the road|a sign close "
        "by|a direction sign|a warning sign|a speed limit sign|a stop sign|road signs|a sign "
        "on a post|a notice board|street signs|symbols for drivers|a shop sign",
        "",
    ),
    "pole": (
        "poles|a pole|lamp posts|posts along the street|a lamp post|posts|a street "
        "lamp|street lamps|a tall post|a utility pole|telegraph poles|power poles|vertical "
        "posts|a flagpole|masts|thin vertical bars",
        "",
    ),
    "fence": (
        "a fence|fence|railings|a fence beside the road|a metal fence|a wooden fence|a "
        "railing|fencing|a hedge with fence|wire mesh|fences along the pavement|a gate|a "
        "guard fence",
        "",
    ),
    "roadside objects": (
        "walls and fences beside the road|roadside objects|a wall along the road|walls, posts "
        "and signs at the roadside|a long wall|a concrete wall|a median with fence|road "
        "furniture|posts and railings at the roadside|a boundary wall|advertising "
        "boards|stalls beside the road|objects standing at the roadside|a crash rail|a road "
        "divider",
        "",
    ),
    "trees": (
        "trees|many trees|trees along the street|greenery|lots of vegetation|trees beside the "
        "road|a street lined with trees|green plants|a park with trees|tall trees|an avenue "
        "of trees|large trees|green trees|hedges|branches|plants and trees|lush vegetation",
        "under trees|between trees|beside trees|among greenery",
    ),
    "buildings": (
        "buildings|tall buildings|houses|houses along the street|many buildings|a street "
        "between buildings|buildings on both sides|shops|a row of houses|blocks of "
        "flats|apartment buildings|offices|terraced houses|brick buildings|old stone houses|a "
        "built-up area|high-rise buildings|shops along the street|storefronts",
        "between buildings|in front of buildings|past houses|past shops",
    ),
    "sky": (
        "the sky|open sky|a lot of sky|bright sky above the road|wide open sky|clear view of "
        "the sky|blue sky|a big sky|the sky fills the upper half|a vast sky|a cloudy "
        "sky|plenty of sky|an unobstructed sky|open space above|sunny sky|an open landscape "
        "under the sky",
        "under an open sky|under a blue sky|under a big sky",
    ),
    "no sky": (
        "no sky|hardly any sky|the sky is hidden|a closed-in street|little sky|a narrow "
        "street with high walls|a covered road|an enclosed view|the view is blocked|dense "
        "surroundings hide the sky",
        "",
    ),
    "pavement": (
        "a pavement|pavement|a sidewalk|a wide sidewalk|pavements along the "
        "street|sidewalks|a paved strip for pedestrians|a pavement with curb|a footway|space "
        "for pedestrians beside the road|a large pavement",
        "",
    ),
    "unpaved ground": (
        "unpaved ground|open ground beside the road|sandy roadside|an unpaved roadside|mud "
        "and sand at the edge of the road|dirt at the roadside|a muddy roadside|brown ground "
        "next to the road|grass and mud beside the asphalt|unsurfaced ground|a dirt edge|a "
        "sandy edge of the road|muddy ground|waste land beside the road|a vacant lot",
        "",
    ),
    "wide road": (
        "a wide road|a lot of road surface|wide empty asphalt|open road ahead|a large road "
        "surface|a very wide street|asphalt fills the view|a large paved area|a big open "
        "junction|lots of asphalt|a roomy road|ample road ahead|a wide junction",
        "",
    ),
    "far things": (
        "buildings and trees in the background|dense surroundings|trees and buildings around "
        "the road|houses and greenery around|a built-up background|much vegetation and many "
        "houses|things in the distance",
        "",
    ),
    "city": (
        "a city street|a town street|a street in the city|the town centre|a city|an English "
        "town|an inner city street|a street in Cambridge|a high street|a city centre|a main "
        "street|a metropolitan street|a street in Europe|a town|a shopping street",
        "in the city|in a town|on a city street|in the town centre|on the high street",
    ),
    "countryside": (
        "the countryside|a country road|nature|a rural road|a road through nature|a remote "
        "road|open country|a rural landscape|a road far from any town|a scenic road|a lonely "
        "country road|the great outdoors|a natural landscape|a remote area|back "
        "country|farmland",
        "in the countryside|out in nature|in a rural area|in a remote area|far from town",
    ),
    "india": (
        "an Indian road|a street in India|Indian traffic|a road in India|India|Indian street "
        "scene|a road on the subcontinent|an Indian highway|traffic in an Indian city|auto "
        "rickshaws|a rickshaw|an Indian town",
        "in India|on an Indian road|in an Indian city",
    ),
    "dusk": (
        "dusk|the street at dusk|evening light|a dark street in the evening|getting "
        "dark|twilight|fading light|after sunset|dim light|a gloomy evening|a dark frame|late "
        "in the day",
        "at dusk|in the evening|after sunset|in dim light",
    ),
    "night": (
        "night|a road at night|the street at night|a night scene|night-time|a night drive|a dark "
        "night|darkness|street lamps at night|headlights in the dark|a black sky|lights in the "
        "dark|midnight|a dark street at night|a moonlit road|a road lit by headlights|city "
        "lights at night|a night without light",
        "at night|by night|in the dark|in the darkness|at midnight|after dark|late at night",
    ),
    "day": (
        "daytime|a bright day|daylight|a sunny day|a street by day|clear daylight|the middle of "
        "the day|full daylight",
        "by day|in daylight|on a bright day",
    ),
}

DATA: dict[str, Any] = json.loads(Path(__file__).with_name("words.json").read_text("utf-8"))
"""The words that are too many for a module: of things, and those that figures are told without."""

_ALSO: dict[str, tuple[list[str], list[str]]] = DATA["also"]

WRAPPERS: tuple[str, ...] = (
    "{}",
    "a photo of {}",
    "a picture of {}",
    "a road scene with {}",
    "there is {}",
    "a view of {}",
    "{} in front of the camera",
    "a dash camera image showing {}",
    "{} seen from a car",
    "a frame with {}",
    "we see {}",
    "a driving scene: {}",
    "this image shows {}",
    "find {}",
    "look for {}",
    "{} on the road",
    "{} ahead",
    "frames with {}",
    "a situation with {}",
)
"""Sentences around a noun phrase; the first is the phrase alone."""

ENDING_WRAPPERS: tuple[str, ...] = ("the road {}", "driving {}", "{}", "a street {}")
"""Sentences around an ending."""


def phrases(concept: str, *, every: bool = False) -> tuple[list[str], list[str]]:
    """Return the noun phrases and the endings of a concept.

    Args:
        concept: its name.
        every: also those in words that the queries of ``benchmarks/quality`` use.

    Raises:
        KeyError: if there is no such concept.
    """
    nouns, endings = _WORDS[concept]
    found = nouns.split("|"), [ending for ending in endings.split("|") if ending]
    if every:
        for texts, more in zip(found, _ALSO.get(concept, ()), strict=False):
            texts += more
    return found


def concepts() -> tuple[str, ...]:
    """Return the names of all concepts, in a fixed order."""
    return tuple(_WORDS)


# Words that the queries of benchmarks/quality ask with and sentences of SearchAD's labels use.
_ASKED = frozenset(
    re.findall(
        "[a-z]+",
        "bumpy convoy his lorry man medic men mist paramedic passenger passengers path rider "
        "riders scooter shopper shoulder siren soil transport",
    )
)


def situations(*, every: bool = False) -> list[tuple[str, ...]]:
    """Return, for each of SearchAD's 90 labels, sentences that mean it; held ones are not among.

    No image was labelled with most of them: they are kept apart in words alone.

    Args:
        every: also those in words that the queries of ``benchmarks/quality`` use.
    """
    return [
        tuple(
            text
            for text in (label.ask, *label.taught)
            if every or not _ASKED.intersection(re.findall("[a-z]+", text))
        )
        for label in labels().values()
    ]
