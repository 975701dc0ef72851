"""``c4t caption``: image-caption pairs from a data set's own labels."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from c4t_core.commands.console import positive
from c4t_core.datasets.captions import STYLES
from c4t_core.datasets.make_pairs import PairsRequest, format_table, make_pairs, plot_frequencies
from c4t_core.datasets.scene import Problem
from c4t_core.datasets.scenes import KINDS
from c4t_core.progress import ignore

_SHOWN = 20
_SHOWN_NAMES = 8

_DESCRIPTION = """\
Turn the labels of a data set into captions for training and evaluation.

KIND is one of:
  a2d2        label images and class_list.json; camera/ and label/, or images/ and labels/
  tju-dhd     COCO-like JSON with TJU-DHD's five classes
  coco        any COCO JSON with boxes
  cityscapes  gtFine polygons or labelIds, with leftImg8bit
  bdd100k     detection JSON with weather, scene and time of day
  kitti       label_2 with image_2
  masks       id or colour masks with a class list (CamVid, IDD, ...)
  scenes      JSON lines as --scenes writes them, or a manifest.jsonl
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    # fmt: off
    add("kind", metavar="KIND", choices=[*KINDS, "scenes"], help="see above")
    add("source", metavar="SOURCE", type=Path, help="file or folder of the labels")
    add("-o", "--output", metavar="PAIRS.csv", type=Path, required=True,
        help="where the pairs go: columns image, caption, drive and, if the data has it, split")
    add("--images", metavar="ROOT", type=Path,
        help="folder that image paths are relative to (default: the folder of the labels)")
    add("--style", choices=STYLES, default="both",
        help="keywords: class names as in the original; sentence: plain English (default: both)")
    add("--scenes", metavar="S.jsonl", type=Path, help="also write what was read")
    add("--min-share", metavar="X", type=_share, default=0.0,
        help="leave out classes with a smaller part of the pixels, 0 to 1 (default: 0)")
    add("--classes", metavar="FILE", type=Path, help="class list: colour or id and name")
    add("--seed", type=int, default=0, help="of the choice of words in sentences (default: 0)")
    add("--per-image", metavar="N", type=positive, default=3,
        help="sentences per image at most (default: 3)")
    add("--plot", metavar="PNG", type=Path, help="draw in how many images each class occurs")
    add("--json", action="store_true", help="print the report as one line of JSON")
    # fmt: on


def run(args: argparse.Namespace) -> int:
    """Write the pairs and say what was found; 0 if there is at least one pair.

    Raises:
        DataError: if nothing can be read or written.
    """
    request = PairsRequest(**{item.name: getattr(args, item.name) for item in fields(PairsRequest)})
    problems: list[Problem] = []
    watched = sys.stderr.isatty()
    try:
        made = make_pairs(request, _show_count if watched else ignore, problems)
    finally:
        if watched:
            print(file=sys.stderr)
        _print_problems(problems)
    table = made.classes.table()
    if args.plot:
        plot_frequencies(table, args.plot, f"{args.kind}: {made.classes.scenes} images")
    report = {
        "images": made.classes.scenes,
        "captions": made.rows,
        "without_caption": made.without_caption,
        "without_drive": made.without_drive,
        "images_root": str(request.root.absolute()),
        "unspoken": made.unspoken,
        "problems": [
            {"path": str(p.path) if p.path else None, "line": p.line, "message": p.message}
            for p in made.problems
        ],
        "classes": [vars(row) for row in table],
    }
    print(json.dumps(report) if args.json else _words(args, report, format_table(table)))
    return 0


def _show_count(done: int, total: int, /) -> None:
    del total
    if done % 50 == 0:
        print(f"\r{done} images read", end="", file=sys.stderr, flush=True)


def _print_problems(problems: list[Problem]) -> None:
    """Print each problem once, with the number of files that have it."""
    alike: dict[str, list[Problem]] = {}
    for problem in problems:
        alike.setdefault(problem.message, []).append(problem)
    for same in list(alike.values())[:_SHOWN]:
        more = f" (and {len(same) - 1} more like it)" if len(same) > 1 else ""
        print(f"{same[0]}{more}", file=sys.stderr)
    hidden = sum(map(len, list(alike.values())[_SHOWN:]))
    if hidden:
        print(f"... and {hidden} more; --json lists all of them", file=sys.stderr)


def _words(args: argparse.Namespace, report: dict[str, Any], table: str) -> str:
    lines = [
        table,
        "",
        f"{report['captions']} captions of {report['images']} images: {args.output}",
        f"Image paths are relative to {report['images_root']} (--images of c4t train).",
    ]
    if report["without_caption"]:
        lines.append(f"{report['without_caption']} images hold nothing that can be said.")
    if report["unspoken"]:
        names = report["unspoken"]
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        have = "class has" if len(names) == 1 else "classes have"
        lines.append(
            f"{len(names)} {have} no English noun for a name ({', '.join(names[:_SHOWN_NAMES])}"
            f"{more}): sentences do not speak of them, keywords do; give them other names in the "
            "labels to have them spoken of."
        )
    if report["without_drive"]:
        lines.append(
            "The drive of some images is not known: near-duplicates among them cannot be kept "
            "apart when pairs are split. Fill in the column drive to mend that."
        )
    if report["problems"]:
        lines.append(f"Problems: {len(report['problems'])}; see above.")
    return "\n".join(lines)


def _share(value: str) -> float:
    number = float(value)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 1")
    return number
