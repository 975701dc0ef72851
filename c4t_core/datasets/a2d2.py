"""A2D2, "semantic segmentation": colour labels named by ``class_list.json``.

Layouts: as published (``*/camera/cam_*/``, ``*/label/cam_*/``) and flat (``images/``,
``labels/``). Camera and label are paired by drive stamp, camera and frame number.

Source: Geyer et al., "A2D2: Audi Autonomous Driving Dataset", arXiv 2004.06320.
"""

from __future__ import annotations

from collections.abc import Iterator

from c4t_core.datasets import masks
from c4t_core.datasets.layout import Reading
from c4t_core.datasets.scene import Scene


def read(reading: Reading) -> Iterator[Scene]:
    """Yield a scene per frame that has both pictures.

    Raises:
        DataError: if there is no ``class_list.json``, or there are no labels.
    """
    yield from masks.read_with(reading, masks.palette_of(reading), "a2d2")
