"""Contact sheets: a query's best hits with a right or wrong border, as the report shows them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from c4t_core.errors import ImageError
from c4t_core.evaluation.benchmark import Report
from c4t_core.evaluation.plots import LIGHT
from c4t_core.index.images import open_image

SHOWN = 9
"""Hits on a sheet, as the original drew them."""
TILE = (208, 132)
"""Pixels of a thumbnail; frames are fitted into it whole."""

_EDGE = 5
_TEXT = 18


@dataclass(frozen=True)
class HitTile:
    """One hit of a sheet.

    Attributes:
        name: path of the image relative to the root.
        score: its similarity.
        right: True if it is relevant.
        picture: thumbnail of exactly :data:`TILE`, or None if it cannot be read any more.
    """

    name: str
    score: float
    right: bool
    picture: Image.Image | None


def tiles(report: Report, place: int, model: str) -> list[HitTile]:
    """Return the best hits of one query and model."""
    one = report.measured[model]
    relevant = set(report.queries[place].relevant.tolist())
    collection = report.collection
    return [
        HitTile(collection.names[i], score, i in relevant, thumbnail(collection.paths[i]))
        for i, score in zip(one.top[place][:SHOWN], one.top_scores[place][:SHOWN], strict=True)
    ]


@lru_cache(maxsize=512)
def thumbnail(path: Path) -> Image.Image | None:
    """Return an image fitted into :data:`TILE`, None if it cannot be read."""
    try:
        image = open_image(path, min(TILE))
    except ImageError:
        return None
    return ImageOps.pad(image, TILE, Image.Resampling.LANCZOS, color="#20262c")


def jpeg(picture: Image.Image) -> bytes:
    """Return a thumbnail as JPEG bytes, for the page."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=82)
    return out.getvalue()


def sheet(rows: dict[str, list[HitTile]], title: str) -> bytes:
    """Draw the best hits of every model, one row each, as PNG bytes.

    Args:
        rows: model name -> its hits.
        title: the query.
    """
    wide = TILE[0] + 2 * _EDGE + 6
    high = TILE[1] + 2 * _EDGE + _TEXT + 6
    columns = max((len(row) for row in rows.values()), default=1) or 1
    page = Image.new("RGB", (columns * wide + 12, 34 + len(rows) * (high + _TEXT + 6)), LIGHT.paper)
    draw = ImageDraw.Draw(page)
    draw.text((10, 8), _drawable(title, 90), LIGHT.ink, font=_font(15))
    top = 34
    for model, hits in rows.items():
        right = sum(hit.right for hit in hits)
        head = f"{_drawable(model, 40)}: {right} of {len(hits)} right"
        draw.text((10, top), head, LIGHT.ink, font=_font(12))
        top += _TEXT + 2
        for number, hit in enumerate(hits):
            left = 8 + number * wide
            colour = LIGHT.right if hit.right else LIGHT.wrong
            box = (left, top, left + TILE[0] + 2 * _EDGE, top + TILE[1] + 2 * _EDGE)
            draw.rectangle(box, fill=colour)
            if hit.picture is not None:
                page.paste(hit.picture, (left + _EDGE, top + _EDGE))
            # A sign beside the colour: one man in twelve does not tell red from green.
            mark = "right" if hit.right else "wrong"
            text = f"{number + 1}. {mark}  {hit.score:.3f}"
            draw.text((left + 2, box[3] + 3), text, colour, font=_font(11))
        top += high + 4
    out = io.BytesIO()
    page.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", optimize=False)
    return out.getvalue()


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), size)


def _drawable(text: str, longest: int) -> str:
    plain = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else " " for c in text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
