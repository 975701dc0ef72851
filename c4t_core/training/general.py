"""The fixed general set: what fine-tuning must not cost.

Two halves, both ours and the same for everybody:

- *Meaning*: triplets of sentences. The second says the first in other words, the third shares
  words or place with the first but means something else. No model decides what is right here.
- *Sample drives*: the sixty frames that ship with the application and captions from their
  labels. They are drawn, not photographed, so their figure tells of change, not of quality.

A set of the user's own photographs (``--general PAIRS``) takes the place of the second half.
"""

from __future__ import annotations

from pathlib import Path

from c4t_core.datasets.captions import captions
from c4t_core.datasets.scenes import read_scenes
from c4t_core.paths import resource
from c4t_core.training.data import Sample

TRIPLETS: tuple[tuple[str, str, str], ...] = (
    # words of traffic that labelled classes seldom hold
    ("an ambulance on call", "an emergency vehicle with its siren on", "a parked delivery van"),
    ("a fire engine", "a red truck of the fire brigade", "a red sports car"),
    ("a police car", "officers on patrol in their vehicle", "a taxi waiting for guests"),
    ("a red traffic light", "the signal tells us to stop", "a green meadow"),
    ("the lights have turned green", "we may drive on at the signal", "a red stop sign"),
    ("a tunnel", "the road goes underground", "a road over a hill"),
    ("a bridge over a river", "the road crosses the water on an overpass", "boats on a lake"),
    ("a roundabout", "a circular junction", "a straight motorway"),
    ("a dog on the road", "a pet runs across the street", "a child at a bus stop"),
    ("a level crossing", "the railway crosses the road", "a footpath in the park"),
    ("a tram", "a streetcar on its rails", "a bus at the station"),
    ("a school bus", "a coach that brings pupils home", "a school building"),
    ("roadworks", "a construction site on the street", "a building with a garden"),
    ("a traffic jam", "cars are queueing bumper to bumper", "an empty road"),
    ("a car park", "a place to leave the car", "a playground"),
    ("a petrol station", "somewhere to fill the tank", "a railway station"),
    ("a toll booth", "drivers pay here to use the motorway", "a telephone box"),
    ("a horse-drawn cart", "a carriage pulled by an animal", "a shopping trolley"),
    ("a pram", "someone pushes a baby carriage", "someone pushes a lawn mower"),
    ("a motorcyclist", "a person rides a motorbike", "a person drives a tractor"),
    # weather, light, surface
    ("snow", "the street is white in winter", "the street is dry in summer"),
    ("heavy rain", "it is pouring and the road is wet", "a dusty road in the sun"),
    ("thick fog", "one can hardly see in the mist", "a clear view of the mountains"),
    ("at night", "it is dark outside", "it is noon"),
    ("dusk", "the sun is going down", "early afternoon"),
    ("a sandstorm", "sand is blown over the road", "ice on the road"),
    ("low sun that dazzles", "glare straight ahead", "an overcast sky"),
    ("a muddy track", "an unpaved road after rain", "a new asphalt road"),
    ("cobblestones", "a street paved with stones", "a gravel pit"),
    ("an icy road", "the surface is frozen and slippery", "hot tarmac"),
    # road users and places
    ("a pedestrian", "someone on foot", "a car on its own"),
    ("a cyclist", "a person on a bicycle", "a bicycle shop"),
    ("a lorry", "a heavy goods vehicle", "a small city car"),
    ("people cross at the zebra crossing", "pedestrians walk over the crosswalk", "a zebra"),
    ("a crowd on the pavement", "many people on the sidewalk", "an empty pavement"),
    ("a forest road", "a lane between trees", "a lane between houses"),
    ("a country road", "a rural street through fields", "a street in the city centre"),
    ("a motorway", "a highway with several lanes", "a narrow alley"),
    ("high buildings", "skyscrapers on both sides", "hedges on both sides"),
    ("an intersection", "two roads cross", "two roads run side by side"),
)
"""(sentence, the same in other words, something else)."""

SAMPLE_CAPTIONS = 2  # sentences per drawn frame


def sentences() -> list[str]:
    """Return every sentence of the triplets once, in order."""
    return list(dict.fromkeys(sentence for triplet in TRIPLETS for sentence in triplet))


def sample_drive() -> list[Sample]:
    """Return the frames that ship with the application with captions from their labels.

    Empty where this installation came without them.
    """
    try:
        root: Path = resource("sample", "drives")
    except FileNotFoundError:
        return []
    found = []
    for scene in read_scenes("a2d2", root):
        texts = captions(scene, "sentence", seed=0, per_image=SAMPLE_CAPTIONS)
        if texts:
            found.append(Sample(root / scene.image, scene.image, tuple(texts), scene.drive))
    return found
