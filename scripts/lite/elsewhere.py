"""Words outside the labels: sentences about what no drive shows, and the names of other things.

**Sentences**: images are to be far from all of them. A text head that has read of nothing but the
road sends every other sentence to some road, and its cosines there are as high as those of what is
looked for. The automatic cut (:mod:`c4t_core.index.cut`) then cannot tell a match from none. None
of these is among the sentences that the cut learns its level from, nor among those that
``benchmarks.cut`` asks.

**Names**: the image encoder's own classifier is a second, weak teacher. The encoder was trained to
tell ImageNet's 1000 classes apart (traffic light, ambulance, viaduct, dogs). Its classifier is not
part of the model, but it says in which direction of the features each class lies. Images that lie
far out in that direction are taught to fit the name of the class: most are no such thing, but what
they have of it is what a word like it should find.
"""

from __future__ import annotations

import random
import re

import numpy as np
from numpy.typing import NDArray

from scripts.lite.recipe import Phrase
from scripts.lite.things import THINGS
from scripts.lite.words import WRAPPERS

# Words that the queries of benchmarks/quality ask with: classes named so are left out.
HELD_OUT = frozenset(
    re.findall(
        "[a-z]+",
        "barrier bush cloud column congestion crowd desert double decker dust fence foliage "
        "freight frost haze iron mist moped passenger pillar powder scooter sedan shrub "
        "skyscraper soil trail transport",
    )
)
_THINGS = frozenset(text.split()[-1] for thing in THINGS.values() for text in thing.one)
_LOW, _HIGH = 1.5, 4.0  # standard deviations of a class's score, between not at all and fully

_NAMED = """
a cup of coffee; a slice of bread; scrambled eggs; a bowl of rice; grilled fish with lemon; a
fruit salad; strawberries and cream; a hamburger and fries; a pot of stew; a cheese board;
pancakes with syrup; a glass of beer; a cocktail with ice; a chocolate cookie; roast chicken; a
jar of pickles; olive oil; a bunch of grapes; a bag of flour; a carton of milk; breakfast in bed;
a waiter serving dinner; a cook at the stove; a baker kneading dough; a butcher's counter; a
frying pan; a wooden spoon; a tea kettle; a dishwasher; an open refrigerator; a toaster; a
microwave oven; plates in a cupboard; a corkscrew

a living room with a fireplace; a bedroom with a large bed; a bathtub; a toilet; a wardrobe full
of clothes; a bookshelf; an office desk with papers; a meeting room; a classroom with pupils; a
lecture hall; a gym with weights; a yoga class; a sauna; a museum gallery; an art exhibition; a
theatre curtain; a cinema audience; a night club; a bar counter; a restaurant table; a supermarket
shelf; a shoe shop; a pharmacy; an operating room; a laboratory bench; a prison cell; a chapel
altar; a wine cellar; an attic with boxes; an elevator; a spiral staircase; a carpet; a curtain; a
chandelier; a candle on a table; a pillow; a mattress; an armchair; a cradle

a guitar; a trumpet; a drum kit; a flute; a harp; a saxophone player; a choir; a rock concert; a
record player; headphones; a microphone; a jazz band; sheet music; a conductor with a baton; a
church organ; a cello; an accordion

a laptop; a printer; a smartphone screen; a television; a game controller; a circuit board; a hard
disk; a calculator; a webcam; a server rack; source code; a spreadsheet; a web page; an email; a
pie chart; a bar graph; a password; a database table; a logo design; a font; a comic strip; a
cartoon character; an oil painting; a watercolour of flowers; a marble statue; a sketch in pencil;
a mosaic; a poster of a film; a photograph of a family; a selfie; a baby picture; a tattoo; a
mask; a puppet; a doll; a teddy bear; building blocks; a jigsaw puzzle; playing cards; dice; a
board game; a rocking horse; a kite; balloons; a magician; a clown

a silk dress; a leather jacket; a pair of jeans; a necktie; a straw hat; a wedding ring; a pearl
necklace; earrings; sunglasses; a handbag; high heels; socks; underwear; a bathrobe; a sewing
machine; a ball of yarn; a zipper; a button; a fashion show; lipstick; perfume; a hairbrush;
shampoo; a toothbrush; a razor; nail polish

a basketball game; a golf ball; an ice hockey match; a swimmer in a pool; a diver; a gymnast; a
figure skater; a judo fight; a fencing match; a volleyball; a baseball bat; a bowling alley; a
dart board; a billiard table; a trophy; a medal; a referee with a whistle; a rowing boat race; a
sailing regatta; a climber on a wall; a parachute; a hot air balloon; a scuba diver

a goldfish; a jellyfish; a shark; an octopus; a dolphin; a sea turtle; a starfish; a crab; a
lobster; a seal; a walrus; a polar bear; a lion; a tiger; a giraffe; a kangaroo; a koala; a panda;
a monkey in a cage; a gorilla; a parrot; an owl; a peacock; a flamingo; a swan on a lake; a
butterfly; a bee on a flower; an ant; a beetle; a snail; a frog; a lizard; a snake; a crocodile; a
dinosaur; a kitten; a puppy on a blanket; a hamster; a guinea pig; a unicorn; a dragon

a rose; a sunflower; an orchid; a cactus in a pot; a mushroom; a bouquet; a vase; a bonsai; an
apple; a banana; a pineapple; a watermelon; an onion; a carrot; garlic; a pumpkin; corn on the
cob; a walnut

a galaxy; a comet; a rocket launch; a satellite; a telescope; the surface of Mars; a solar
eclipse; an underwater cave; the deep sea; an iceberg; a lighthouse; a submarine; a pirate ship; a
cruise ship; an aircraft carrier; a helicopter cockpit; an airplane cabin; a glider; a drone in
the air

a surgeon; a nurse; a pregnant woman; a stethoscope; a syringe; a pill; a bandage; a skeleton; a
test tube; a DNA molecule; bacteria; a blood cell; a chemical formula; an equation; a proof; a
triangle; a sphere; a fractal; a philosophy book; a poem; a novel; a dictionary; a newspaper; a
letter in an envelope; a stamp; a contract; an invoice; a tax form; a coin; a bank note; a credit
card; a safe; a piggy bank; an auction; a courtroom; a judge; a lawyer; a politician's speech; an
election; a parliament; a king on his throne; a medieval knight; a sword; a castle's dungeon; an
Egyptian mummy; a pyramid; a Roman coin; a Greek vase; a samurai; a cowboy; a wizard; a ghost; a
vampire; a robot; a superhero; a fairy tale; a mermaid

happiness; jealousy; a broken heart; a good idea; yesterday; justice; democracy; inflation; a
joke; a rumour; silence; the smell of coffee; a dream; memory; mathematics; grammar; history; the
meaning of life; number seven; the letter q; lorem ipsum; blah blah; foo bar; 12345; hello world;
xyz abc; hjkl; test test; nothing at all; something else

a hammer; a screwdriver; a saw; a drill; a nail; a paint brush; a bucket; a mop; a vacuum cleaner;
an iron; a washing machine; a light bulb; a battery; a magnet; a clock on the wall; an alarm
clock; an hourglass; a calendar; a globe; a compass; binoculars; a camera lens; a film roll; a
pair of scissors; glue; a stapler; a pencil; a fountain pen; an eraser; a ruler; a notebook; a
blackboard; a diploma; a birthday present; a Christmas tree with lights; an Easter egg; a
Halloween costume; a bride and groom; a funeral; a baptism; a birthday party; a kiss; two hands
shaking; a close-up of an eye; a beard; a smile; a fist; bare feet; a dancer; a tango couple; a
choirboy; a monk praying; a chef's hat; a fisherman with a net; a miner underground; a potter at
the wheel; a blacksmith; a watchmaker; a painter at an easel; a photographer in a studio; a
scientist with a flask; a teacher at the board; a librarian; a pianist; an opera singer
"""

ELSEWHERE = tuple(
    " ".join(text.split()) for kind in _NAMED.split("\n\n") for text in kind.split(";")
)


def texts_elsewhere() -> list[str]:
    """Return each sentence as it is, and once in a sentence as captions have it."""
    rng = random.Random(0)
    return [*ELSEWHERE, *(rng.choice(WRAPPERS[1:]).format(text) for text in ELSEWHERE)]


def class_names() -> list[str]:
    """Return one short English name for each of ImageNet's 1000 classes."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    return [info.index_to_description(i).split(",")[0].lower() for i in range(1000)]


def usable(name: str) -> bool:
    """Tell whether a class may be taught: no held-out word, and no thing that boxes tell of."""
    words = re.findall("[a-z]+", name)
    return words[-1] not in _THINGS and not HELD_OUT.intersection(words)


def name_fits(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how well each class fits each image, by the classifier's scores.

    Args:
        features: float32 (n, 1280), means of the last feature map.

    Returns:
        float32 (1000, n) in 0..1: 0 up to 1.5 standard deviations above a class's mean score
        over these images, 1 from 4 on.
    """
    from c4t_core.models.pretrained import efficientnet_lite0_state

    state = efficientnet_lite0_state(classifier=True)
    weight, bias = state["classifier.weight"].numpy(), state["classifier.bias"].numpy()
    scores = features @ weight.T + bias  # (n, 1000)
    apart = (scores - scores.mean(axis=0)) / (scores.std(axis=0) + 1e-6)
    fits: NDArray[np.float32] = np.clip((apart - _LOW) / (_HIGH - _LOW), 0, 1).T
    return np.ascontiguousarray(fits, dtype=np.float32)


def name_phrases(first_row: int) -> list[Phrase]:
    """Return two phrases per usable class, for rows of the table from ``first_row`` on."""
    bank = []
    for number, name in enumerate(class_names()):
        row = first_row + number
        if usable(name):
            wrapper = WRAPPERS[1 + number % (len(WRAPPERS) - 1)]
            bank += [Phrase(name, row, row), Phrase(wrapper.format(f"a {name}"), row, row)]
    return bank
