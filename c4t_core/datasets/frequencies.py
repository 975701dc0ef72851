"""How often each class occurs in a data set: a table, and the bar plot of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from c4t_core.datasets.facts import class_counts
from c4t_core.datasets.scene import Scene, uncounted
from c4t_core.errors import DataError
from c4t_core.quiet import keep_caches_inside

_MOST_BARS = 60


@dataclass(frozen=True)
class ClassFrequency:
    """One class over all images.

    Attributes:
        name: as the data set writes it; instances are separate.
        images: in how many images it occurs.
        objects: how many objects were counted; 0 where there are only pixels.
        mean_share: mean part of the pixels over all images, 0..1; None without masks.
    """

    name: str
    images: int
    objects: int
    mean_share: float | None


class FrequencyCounter:
    """Counts classes scene by scene, so that scenes need not be kept."""

    def __init__(self) -> None:
        self.scenes = 0
        self._images: Counter[str] = Counter()
        self._objects: Counter[str] = Counter()
        self._shares: dict[str, float] = {}

    def add(self, scene: Scene) -> None:
        """Count the classes of one scene."""
        self.scenes += 1
        counts = {name: n for name, n in class_counts(scene).items() if n > 0}
        shares = {name: part for name, part in scene.shares.items() if part > 0}
        self._images.update({*counts, *shares, *uncounted(scene)})
        self._objects.update(counts)
        for name, part in shares.items():
            self._shares[name] = self._shares.get(name, 0.0) + part

    def table(self) -> list[ClassFrequency]:
        """Return the classes, those in the most images first."""
        return [
            ClassFrequency(
                name,
                images,
                self._objects[name],
                self._shares[name] / self.scenes if name in self._shares else None,
            )
            for name, images in sorted(self._images.items(), key=lambda item: (-item[1], item[0]))
        ]


def format_table(table: Iterable[ClassFrequency]) -> str:
    """Return the table as aligned text."""
    rows = [("class", "images", "objects", "pixels")]
    rows += [
        (
            row.name,
            str(row.images),
            str(row.objects) if row.objects else "-",
            "-" if row.mean_share is None else f"{100 * row.mean_share:.2f} %",
        )
        for row in table
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        row[0].ljust(widths[0]) + "".join(f"  {row[c].rjust(widths[c])}" for c in (1, 2, 3))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def plot_frequencies(table: list[ClassFrequency], path: Path | str, title: str = "") -> None:
    """Draw in how many images each class occurs, the commonest first.

    Raises:
        DataError: if the picture cannot be written.
    """
    keep_caches_inside()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = table[:_MOST_BARS]
    figure = Figure(figsize=(8, 1.2 + 0.24 * max(len(shown), 4)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.barh(range(len(shown)), [row.images for row in shown], color="#2f6f9f")
    axes.set_yticks(range(len(shown)), [row.name.replace("$", r"\$") for row in shown])
    axes.invert_yaxis()
    axes.set_xlabel("images")
    axes.set_title(title)
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=150)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the plot {target} cannot be written; choose a .png in a folder you may write to",
            target,
        ) from error
