"""Make what version 0.1.0 left on a user's disk: catalogue, user data, a trained model.

It was run once, on the tree of version 0.1.0 (6666535), and is kept to tell how the files beside
it came to be; it reaches into that version's modules, so no later one runs it:

    PYTHONPATH=CHECKOUT_OF_0_1_0 python tests/made_by_0_1/make.py

``expected.json`` is what that version then said of them. The pictures are drawn here.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
# Where the folder was opened; the tests have it moved. Real paths of no machine, links in none.
ROOT = Path("/srv/made-by-0-1/drives")
DATA = ROOT.parent / "data"
MTIME = 1_767_225_600  # of the pictures; a checkout does not keep it
COLOURS = {"red": (220, 30, 30), "blue": (40, 70, 220), "white": (240, 240, 240)}
GROUNDS = {"road": (90, 90, 95), "snow": (200, 215, 230), "forest": (20, 90, 30)}
QUERIES = ("a red car on the road", "snow", "forest + 2:blue - road", "white car - snow")
TEXTS = ["a red car", "snow on the road", "an empty forest at night"]


def draw() -> list[tuple[str, str, str]]:
    """Draw 12 frames of two drives and one file that is no picture; return their pairs."""
    rows = []
    scenes = [(ground, colour) for ground in GROUNDS for colour in (*COLOURS, None)]
    for number, (ground, colour) in enumerate(scenes):
        drive = "20260118_091500" if number % 2 else "20261009_164000"
        name = f"{drive.replace('_', '')}_camera_frontcenter_{15 * number:09d}.png"
        path = ROOT / drive / "camera" / "cam_front_center" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (64, 48), GROUNDS[ground])
        if colour:
            place = (8 + 2 * number, 14, 36 + 2 * number, 36)
            ImageDraw.Draw(image).rectangle(place, fill=COLOURS[colour])
        image.save(path)
        caption = f"a {colour} car, {ground}" if colour else f"an empty {ground}"
        rows.append((path.relative_to(ROOT).as_posix(), caption, drive))
    (ROOT / "20260118_091500" / "broken.png").write_bytes(b"no picture")
    return rows


def train(rows: list[tuple[str, str, str]]) -> None:
    """Teach a tiny model of random weights the frames; it is registered as ``c4t:tiny``."""
    import c4t_core
    from c4t_core.cli import main

    sys.path.insert(0, str(Path(c4t_core.__file__).parents[1] / "tests"))
    from tiny_model import make_tiny_model

    work = ROOT.parent / "work"
    base = make_tiny_model(work / "base", graphs=False)
    with (work / "pairs.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("image", "caption", "drive"), *rows])
    words = f"train {work / 'pairs.csv'} --images {ROOT} --output {work / 'run'} --from {base}"
    how = "--name tiny --device cpu --epochs 60 --batch 12 --loss infonce --freeze encoders"
    rates = "--head-rate 3e-3 --validation-share 0 --ema 0 --no-guard"
    assert main(f"{words} {how} {rates}".split()) == 0


def use() -> dict[str, object]:
    """Index, search, mark, save; return what was found."""
    from c4t_core.index.user_data import Scenario, UserData

    from c4t_core import open_workspace

    with open_workspace(ROOT, model="c4t:tiny") as workspace:
        report = workspace.index()
        hits = {query: workspace.search(query, None) for query in QUERIES}
        for found in hits.values():
            gaps = [one.score - other.score for one, other in pairwise(found)]
            assert min(gaps) > 1e-4, gaps  # the order says something on any machine
        best = hits["snow"][0]
        data = UserData()
        for query in QUERIES[:2]:
            data.mark(query, [workspace.key(hit) for hit in hits[query][:2]], True)
            data.mark(query, [workspace.key(hits[query][-1])], False)
        data.save_test_set("first", data.marks(QUERIES[1]))
        # As the window keeps a search that is restricted to a drive.
        filters = {"within": (), "drive": best.drive, "camera": None, "day": None, "marked": ""}
        data.save_scenario(Scenario("Snow", "snow", {"filters": filters, "refine": False}))
        seen = workspace.search("snow", 3, drive=best.drive)
        data.mark_seen("Snow", [workspace.key(hit) for hit in seen])
        data.remember("snow")
        (scenario,) = data.scenarios()
        found = {
            "report": [report.total, report.embedded],
            "skipped": [
                [f.path.relative_to(ROOT).as_posix(), f.reason] for f in workspace.skipped()
            ],
            "drives": workspace.drives(),
            "hits": {query: plain(found) for query, found in hits.items()},
            "cuts": {query: workspace.threshold(query) for query in QUERIES},
            "similar": [best.relative, plain(workspace.similar(best.path, 5))],
            "marks": [[m.query, m.image.relative, m.good, m.image.digest] for m in data.marks()],
            "test_sets": data.test_sets(),
            "test_set": [[m.query, m.image.relative, m.good] for m in data.test_set("first")],
            "scenario": [scenario.name, scenario.query, dict(scenario.settings)],
            "seen": [hit.relative for hit in seen],
            "history": data.history(),
        }
        data.close()
    return found


def plain(hits: list) -> list[tuple[str, float]]:
    return [(hit.relative, round(hit.score, 8)) for hit in hits]


def model() -> dict[str, object]:
    """Return what is known of the trained model, and its embeddings of texts and frames."""
    from c4t_core import load_model

    loaded = load_model("c4t:tiny")
    names = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.rglob("*camera_*.png"))[:3]]
    images = loaded.encode_images([Image.open(ROOT / name) for name in names])
    return {
        "dim": loaded.dim,
        "fingerprint": loaded.fingerprint,
        "texts": [TEXTS, loaded.encode_texts(TEXTS).round(7).tolist()],
        "images": [names, images.round(7).tolist()],
    }


if __name__ == "__main__":
    os.environ["C4T_DATA_DIR"] = str(DATA)
    made = draw()
    for path in ROOT.rglob("*.png"):
        os.utime(path, (MTIME, MTIME))
    train(made)
    expected = {"root": str(ROOT), "mtime": MTIME, **use(), "model": model()}
    shutil.copytree(ROOT, HERE / "drives", dirs_exist_ok=True)
    shutil.copytree(DATA / "models", HERE / "data" / "models", dirs_exist_ok=True)
    for path in DATA.glob("*.sqlite"):
        shutil.copy(path, HERE / "data")
    text = json.dumps(expected, separators=(",", ":"))
    (HERE / "expected.json").write_text(text.replace('],"', '],\n"') + "\n", encoding="utf-8")
