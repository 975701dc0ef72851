"""The files of a report: the same bytes twice, sound, and safe whatever an image is called."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from c4t_core.errors import Cancelled, DataError
from c4t_core.evaluation import figures, pictures
from c4t_core.evaluation.collection import Collection
from c4t_core.evaluation.evaluate import evaluate
from c4t_core.evaluation.queries import make_query
from c4t_core.evaluation.report import report_folder, shown_in_full, write_report
from c4t_core.paths import resource
from c4t_desktop.panels.bars.top_bar import title_of
from c4t_desktop.theme import colours
from tests.helpers.colour_model import ColourModel, coloured

NASTY = ['<img src=x onerror="alert(1)">', "=1+1", "a\nb", "$\\frac{1}{2}$ _x^", "雪 🚚", "_hidden"]


def made(folder: Path, names: list[str] = NASTY):
    """Evaluate frames and queries with awkward names."""
    frames = coloured(folder / "frames", 12)
    paths = list(frames.paths)
    for place, name in enumerate(names[:4]):
        moved = paths[place].with_name(name.replace("/", "") + ".png")
        paths[place].rename(moved)
        paths[place] = moved
    root = folder / "frames"
    named = sorted((str(p.relative_to(root)), p) for p in paths)
    collection = Collection(
        tuple(n for n, _ in named), tuple(p for _, p in named), (("red",),) * 12, (None,) * 12
    )
    queries = [make_query(f"red {n}", "own", [0, 3], classes=(n,)) for n in names]
    queries += [make_query("blue", "single", range(6)), make_query("nothing", "single", [])]
    models = [ColourModel("c4t"), ColourModel('<b>"clip"', 0.3)]
    problems = ["pairs.csv, line 3: <script>"]
    return evaluate(collection, queries, models, problems=problems)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("C4T_DATA_DIR", str(folder / "data"))
        report = made(folder)
        write_report(report, folder / "one", figures=2)
    return report, folder / "one"


def test_the_files(written):
    _, folder = written
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names == {
        *("report.json", "report.html"),
        *("overall.csv", "queries.csv", "slices.csv", "hits.csv"),
        *(f"plots/{n}.png" for n in ("over-n", "precision-recall", "kinds", "queries-01")),
        *("plots/query-01.png", "plots/query-02.png"),
        *("sheets/query-01.png", "sheets/query-02.png"),
    }
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            image.load()
            assert min(image.size) > 100


def test_the_same_bytes_twice(written, tmp_path):
    report, folder = written
    write_report(report, tmp_path / "two", figures=2)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert (
                path.read_bytes() == (tmp_path / "two" / path.relative_to(folder)).read_bytes()
            ), path


def test_report_json_has_the_agreed_shape(written):
    _, folder = written
    data = json.loads((folder / "report.json").read_text())
    assert data["models"] == ["c4t", '<b>"clip"']
    for model in data["models"]:
        overall = data["overall"][model]
        assert {"map", "mrr", "precision", "recall", "ndcg"} <= overall.keys()
        assert list(overall["precision"]) == ["10", "25", "50", "100", "250"]
    for query in data["queries"]:
        assert {"query", "kind", "relevant", "results"} <= query.keys()
        for result in query["results"].values():
            assert {"ap", "precision", "recall", "ndcg", "top"} <= result.keys()
            assert all(isinstance(path, str) for path in result["top"])
    assert "provenance" in data


class Reader(HTMLParser):
    """Collects tags and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.odd: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "srcset")]
        self.odd += [k for k, _ in attrs if k.startswith("on")]
        if tag not in ("meta", "img", "source", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_and_runs_nothing(written):
    _, folder = written
    text = (folder / "report.html").read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    assert not {"script", "link", "iframe", "b", "object"} & set(reader.tags)
    assert reader.odd == []
    assert reader.links
    assert all(link.startswith("data:image/") for link in reader.links)
    assert not re.search(r"https?://", text)
    assert "&lt;img src=x" in text
    assert "a\\nb" in text


def test_no_cell_of_the_tables_is_a_formula(written):
    report, folder = written
    for name in ("queries.csv", "hits.csv", "slices.csv", "overall.csv"):
        rows = list(csv.reader(io.StringIO((folder / name).read_text(encoding="utf-8"))))
        assert len(rows) > 1
        assert len({len(row) for row in rows}) == 1
        assert not [c for row in rows for c in row if c[:1] in "=@+" and c[:1]], name
    text = (folder / "queries.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert float(rows[0]["ap"]) == report.queries[0].results["c4t"].values["ap"]
    assert [row["ap"] for row in rows if row["query"] == "nothing"][0] == ""


def test_own_queries_are_shown_first(written):
    report, _ = written
    assert shown_in_full(report, 3) == [0, 1, 2]
    assert shown_in_full(report, 100) == list(range(7))  # not the one without answers
    assert shown_in_full(report, 0) == []


def test_an_old_report_is_replaced_whole(written, tmp_path):
    report, folder = written
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    assert list(tmp_path.glob("*/query-*.png"))
    write_report(report, tmp_path, figures=0)
    assert not list(tmp_path.glob("*/query-*.png"))
    assert "Some queries in full" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_images_that_vanish_before_the_report_is_drawn(written, tmp_path):
    report, _ = written
    gone = tuple(path.with_name("gone.png") for path in report.collection.paths)
    lost = dataclasses.replace(
        report, collection=dataclasses.replace(report.collection, paths=gone)
    )
    write_report(lost, tmp_path, figures=1)
    assert "cannot be read" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_work_that_fails_leaves_nothing_behind_and_no_old_report_harmed(written, tmp_path):
    with pytest.raises(DataError, match="nothing to search"), report_folder(tmp_path / "a" / "b"):
        raise DataError("There is nothing to search for.")
    assert not (tmp_path / "a").exists()
    shutil.copytree(written[1], tmp_path / "old")
    before = sorted((tmp_path / "old").rglob("*"))
    with pytest.raises(Cancelled), report_folder(tmp_path / "old"):
        raise Cancelled
    assert sorted((tmp_path / "old").rglob("*")) == before
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(DataError, match="choose another folder with -o"),
        report_folder(tmp_path / "file"),
    ):
        pytest.fail("the work began")


def test_the_page_says_how_recall_is_counted(written):
    text = (written[1] / "report.html").read_text(encoding="utf-8")
    assert "Recall is the share of <em>all</em> images that are relevant to the whole query" in text
    assert "original prototype" in text
    assert "chance: frames" in text


def test_a_folder_that_cannot_be_written(written, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="choose another folder with -o"):
        write_report(written[0], tmp_path / "file")


def test_the_page_looks_and_names_models_as_the_window_does(written):
    report, folder = written
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h3>C4T</h3>" in text
    assert "<th>C4T</th>" in text
    assert "C4T mAP" in text
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    for css, window, plots in (
        (light, colours.LIGHT, pictures.LIGHT),
        (dark, colours.DARK, pictures.DARK),
    ):
        found = dict(re.findall(r"--(\w+): (#\w+);", css))
        inks = [window.accent, window.warn, window.good, window.bad]
        assert [found[f"m{number}"] for number in range(4)] == inks
        assert [found[f"m{number}"] for number in range(6)] == [*plots.models]
        page = (found["card"], found["ink"], found["line"])
        assert page == (window.card, window.text, window.border)
        assert page == (plots.paper, plots.ink, plots.faint)
        assert (found["right"], found["wrong"]) == (window.good, window.bad)
    for weight in ("Regular", "SemiBold"):
        font = resource("fonts", f"Inter-{weight}.otf").read_bytes()
        assert base64.b64encode(font).decode() in text
    names = ["c4t", "c4t:winter", "clip", "clip:ViT-L-14"]
    assert [*figures.titles(names).values()] == [title_of(name) for name in names]


def test_hits_beyond_the_images_are_no_rows_of_the_page(written):
    report, folder = written
    text = (folder / "report.html").read_text(encoding="utf-8")
    there = len(report.collection)
    assert report.cutoffs
    assert all(n < there for n in report.cutoffs)
    left = [n for n in report.provenance.options.cutoffs if n >= there]
    assert left
    assert not [n for n in left if f"<td>R@{n}</td>" in text]
    assert f"there are only {there} images" in text


def test_weather_that_is_asked_for_is_no_class(written):
    queries = [
        make_query("driving in fog", "weather", [0, 1], classes=("fog",)),
        make_query("cars in fog", "combined", [0], classes=("cars", "fog")),
        make_query("cars", "single", [0, 2], classes=("cars",)),
    ]
    report = evaluate(written[0].collection, queries, [ColourModel("c4t")])
    found = {(part.dimension, part.value) for part in report.slices}
    assert found == {("weather asked for", "fog"), ("class", "cars")}
