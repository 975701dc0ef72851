"""Configuration as frozen dataclasses, saved beside what they describe.

:class:`ModelConfig` is the ``config.json`` of a model folder: everything needed to build the
model and to prepare its inputs again, nothing else; :func:`prepare` does that to an image.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from c4t_core.records import dataclass

if TYPE_CHECKING:
    from PIL import Image

    from c4t_core.models.protocol import Pixels

FORMAT_VERSION = 2  # newest known of config.json
_WITHOUT_CLIP, _WITH_CLIP = (
    1,
    2,
)  # what is written: as old as may be, so that older versions open it
PREPROCESSING_VERSION = 2  # newest known of decoding and resizing; part of every fingerprint
IMAGE_POOLINGS = ("avg", "avgmax", "levels")  # see network.ImagePool
TEXT_POOLINGS = ("mean", "cls")  # see network.pool_text
TEXT_TABLES = ("half", "int8")  # how the vectors of words are stored, see folder.in_8_bits


def _within(config: object, name: str, low: int, high: int) -> None:
    """Raise ValueError unless the whole number ``config.name`` lies in [low, high]."""
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; it is a whole number from {low} to {high}")


def _one_of(config: object, name: str, known: tuple[str, ...]) -> None:
    """Raise ValueError unless ``config.name`` is one of the known words."""
    value = getattr(config, name)
    if value not in known:
        raise ValueError(f"{name} is {value!r}; it is one of {', '.join(known)}")


@dataclass(frozen=True)
class PreprocessConfig:
    """How a decoded RGB image becomes the model's input."""

    size: int = 320  # pixels of the square input, or of the height of a wider one
    resize: Literal["squash", "crop", "shortest", "longest"] = "squash"  # see prepare
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"  # Pillow's antialiased filters
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)  # of pixel / 255
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)  # of pixel / 255
    version: int = 1  # see prepare; what models were trained and indexed with stays
    fill: int = 0  # grey of what "longest" pads with, 0..255
    width: int = 0  # pixels of the width of an input that is no square; 0 for a square

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the input, pixels."""
        return self.size, self.width or self.size

    def __post_init__(self) -> None:
        """Refuse what no image can be brought to."""
        _within(self, "size", 8, 4096)
        if self.width:
            _within(self, "width", 8, 4096)
            _one_of(self, "resize", ("squash",))
        _within(self, "fill", 0, 255)
        _one_of(self, "resize", ("squash", "crop", "shortest", "longest"))
        _one_of(self, "interpolation", ("bilinear", "bicubic"))
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueError("mean and std are three numbers each, std above 0")


@dataclass(frozen=True)
class ObjectsConfig:
    """The object branch of the image tower, see :class:`object_branch.ObjectBranch`."""

    classes: tuple[str, ...] = ()
    channels: int = 128  # of its maps
    blocks: int = 2
    units: tuple[str, ...] = ()  # what it tells at once, see object_branch.Together
    surfaces: tuple[str, ...] = ()  # what covers the frame, see object_branch.Surfaces

    def __post_init__(self) -> None:
        """Refuse sizes, classes and units that cannot be."""
        _within(self, "channels", 1, 65536)
        _within(self, "blocks", 0, 64)
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise ValueError("classes are names, one at least, each once")
        if len(set(self.surfaces)) < len(self.surfaces):
            raise ValueError("surfaces are names, each once")
        for unit in self.units:
            for name, sign, number in (part.partition(">=") for part in unit.split()):
                if sign and (name.replace("_", " ") not in self.classes or not number.isdigit()):
                    raise ValueError(f'"{unit}" is to name classes and numbers, as in "car>=2"')


@dataclass(frozen=True)
class ImageEncoderConfig:
    """The image tower: a timm or torchvision network without its classifier."""

    architecture: str = "tf_efficientnet_lite0"  # timm's name, or "torchvision:resnet50"
    features: int = 1280  # width of the last feature map
    pooling: str = "levels"  # one of IMAGE_POOLINGS
    objects: ObjectsConfig | None = None  # the branch that sees single objects, if there is one

    def __post_init__(self) -> None:
        """Refuse sizes and poolings that cannot be."""
        _within(self, "features", 1, 65536)
        _one_of(self, "pooling", IMAGE_POOLINGS)
        if self.objects is not None and self.pooling != "levels":
            raise ValueError('objects are seen on inner maps, which the pooling "levels" takes')


@dataclass(frozen=True)
class TextEncoderConfig:
    """The text tower: a DistilBERT by its sizes."""

    dim: int = 384  # width
    layers: int = 6
    heads: int = 12
    hidden: int = 1536  # width of the feed-forward layers
    vocabulary: int = 30522
    positions: int = 512
    max_length: int = 64  # tokens a caption is cut to
    pooling: str = "mean"  # one of TEXT_POOLINGS
    table: str = "half"  # one of TEXT_TABLES

    def __post_init__(self) -> None:
        """Refuse sizes and poolings that cannot be."""
        _one_of(self, "pooling", TEXT_POOLINGS)
        _one_of(self, "table", TEXT_TABLES)
        for name in ("dim", "hidden", "vocabulary", "positions"):
            _within(self, name, 1, 1 << 24)
        _within(self, "layers", 1, 256)
        _within(self, "heads", 1, self.dim)
        _within(self, "max_length", 3, self.positions)
        if self.dim % self.heads:
            raise ValueError(f"{self.heads} heads do not divide the width {self.dim}")


@dataclass(frozen=True)
class ClipConfig:
    """CLIP's towers in place of C4T's: they stay as they are, only the heads on them are ours."""

    source: str = ""  # what they were called here and where they came from, for people
    model: dict[str, Any] = field(default_factory=dict)  # open_clip's ``model_cfg``

    def __post_init__(self) -> None:
        """Refuse what is no architecture."""
        if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(self.model):
            raise ValueError("clip.model is no model_cfg of open_clip")


@dataclass(frozen=True)
class ModelConfig:
    """A dual encoder, whole; by default the design that ships, ``lite``."""

    name: str = "lite"
    image: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)  # unused with ``clip``
    text: TextEncoderConfig = field(default_factory=TextEncoderConfig)  # likewise
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    projection: int = 512  # width of the shared space
    dropout: float = 0.1  # inside the projection heads, while training
    format_version: int = _WITHOUT_CLIP
    clip: ClipConfig | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be."""
        _within(self, "projection", 1, 65536)
        if not 0.0 <= float(self.dropout) < 1.0:
            raise ValueError(f"dropout is {self.dropout!r}; it is a number from 0 to below 1")
        if self.clip is not None and self.projection != self.clip.model["embed_dim"]:
            raise ValueError("heads on CLIP are as wide as its own embedding")

    @property
    def min_side(self) -> int:
        """Pixels that a decoder leaves both sides of an image at least."""
        # CLIP's own bicubic filter still does the work
        return min(self.preprocess.shape) * (1 if self.clip is None else 2)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for ``config.json``."""
        data = dataclasses.asdict(self)
        # what is unknown to earlier versions, which refuse that, stands there only where it is used
        for part, key in (("preprocess", "fill"), ("preprocess", "width"), ("image", "objects")):
            if not data[part][key]:
                del data[part][key]
        if self.image.objects is not None:
            for key in ("units", "surfaces"):
                if not data["image"]["objects"][key]:
                    del data["image"]["objects"][key]
        if self.text.table == "half":
            del data["text"]["table"]
        if self.clip is None:
            del data["clip"]
        else:
            del data["image"], data["text"]
            data["format_version"] = _WITH_CLIP
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ModelConfig:
        """Build from ``config.json``; unknown keys are refused.

        Raises:
            TypeError, KeyError, ValueError: if the data are not a model configuration.
        """
        plain = dict(data)
        preprocess = dict(plain.pop("preprocess"))
        preprocess["mean"] = tuple(preprocess["mean"])
        preprocess["std"] = tuple(preprocess["std"])
        if plain.get("clip"):
            plain["clip"] = ClipConfig(**plain["clip"])
            return cls(preprocess=PreprocessConfig(**preprocess), **plain)
        image = dict(plain.pop("image"))
        if image.get("objects"):
            objects = dict(image["objects"])
            objects["classes"] = tuple(objects["classes"])
            for key in ("units", "surfaces"):
                objects[key] = tuple(objects.get(key, ()))
            image["objects"] = ObjectsConfig(**objects)
        return cls(
            image=ImageEncoderConfig(**image),
            text=TextEncoderConfig(**plain.pop("text")),
            preprocess=PreprocessConfig(**preprocess),
            **plain,
        )


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

LITE = ModelConfig()
"""The design of the model that ships, and of the preset."""

REFERENCE = ModelConfig(
    name="reference",
    image=ImageEncoderConfig(architecture="torchvision:resnet50", features=2048, pooling="avg"),
    text=TextEncoderConfig(dim=768, layers=6, heads=12, hidden=3072, max_length=200, pooling="cls"),
    preprocess=PreprocessConfig(size=224, mean=IMAGENET_MEAN, std=IMAGENET_STD),
)

PRESETS: dict[str, ModelConfig] = {"lite": LITE, "reference": REFERENCE}


# from a decoded image to a model's input: one fixed way per version -------------------------

_LARGE = 3  # times the target's width and height: below, means of boxes first are no faster
_LEFT = 1.5  # times the target, at least: what is left to the filter


def prepare(image: Image.Image, config: PreprocessConfig) -> Pixels:
    """Resize an image to the shape that a model takes; pure and thread-safe.

    What it does to pixels is part of every embedding in every index. A change here needs a new
    :data:`PREPROCESSING_VERSION`, and the old way kept for models that name it.

    Pillow's filters widen with the scale (they are antialiased). ``squash`` brings the whole
    frame to that shape; ``crop`` takes the largest square from its middle. The other two are
    open_clip's, with sizes rounded as torchvision rounds them, so that the pixels are the same:
    ``shortest`` brings the shorter side to the size and then cuts the middle out, ``longest``
    the longer one and then pads.

    Version 1 puts the filter to all pixels. Version 2 takes means of boxes first where an image
    is at least three times as wide and as high as the target, which is faster and looks the same
    to a model (cosines of .999 on frames of 1920 x 1208); others keep version 1's pixels.

    Args:
        image: any mode; decoded upright RGB is what callers hand in.
        config: size, filter and how to resize.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    import numpy as np
    from PIL import Image  # most that read a configuration prepare nothing

    rgb = image if image.mode == "RGB" else image.convert("RGB")
    width, height = rgb.size
    short = min(width, height)
    side = target = config.shape[::-1]
    box = None
    if config.resize == "crop":
        left, top = (width - short) / 2, (height - short) / 2
        box = (left, top, left + short, top + short)
    elif config.resize == "shortest":
        longer = int(config.size * max(width, height) / short)
        target = (config.size, longer) if width <= height else (longer, config.size)
    elif config.resize == "longest":
        ratio = max(width, height) / config.size
        target = (max(1, round(width / ratio)), max(1, round(height / ratio)))
    if rgb.size != target:
        rgb = rgb.resize(
            target,
            Image.Resampling[config.interpolation.upper()],
            box=box,
            reducing_gap=_LEFT if config.version >= 2 and _is_large(rgb, box, target) else None,
        )
    if target != side:
        rgb = _padded(rgb, config) if config.resize == "longest" else _middle(rgb, config.size)
    return np.asarray(rgb, dtype=np.uint8)


def _is_large(
    image: Image.Image, box: tuple[float, float, float, float] | None, target: tuple[int, int]
) -> bool:
    left, top, right, bottom = box or (0, 0, *image.size)
    return right - left >= _LARGE * target[0] and bottom - top >= _LARGE * target[1]


def _middle(image: Image.Image, size: int) -> Image.Image:
    left, top = round((image.width - size) / 2.0), round((image.height - size) / 2.0)
    return image.crop((left, top, left + size, top + size))


def _padded(image: Image.Image, config: PreprocessConfig) -> Image.Image:
    from PIL import Image

    square = Image.new("RGB", (config.size, config.size), (config.fill,) * 3)
    square.paste(image, ((config.size - image.width) // 2, (config.size - image.height) // 2))
    return square
