"""The public benchmark: scores, predictions and submissions, beside the rules in plain Python."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from c4t_core import cli
from c4t_core.datasets.searchad import LABELS
from c4t_core.errors import DataError, ModelError
from c4t_core.evaluation.searchad import benchmark as searchad
from c4t_core.evaluation.searchad import rules
from c4t_core.workspace import open_workspace
from tests.helpers.searchad import ONLY_SMALL, USED, LabelModel, colour_of, draw_searchad

FIGURES = ["AP", "R-precision", "P@5", "P@25", "P@100"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_searchad(tmp_path_factory.mktemp("searchad"))


@pytest.fixture
def folder(drawn, tmp_path):
    """A folder of one's own, to take things away from."""
    return Path(shutil.copytree(drawn, tmp_path / "searchad"))


def measured(folder, *models, **more):
    request = searchad.Request(folder, models=models or (LabelModel(),), **more)
    return searchad.run_benchmark(request, open_workspace)


# the rules, once more -----------------------------------------------------------------------


def truth_of(folder, label):
    """Return the images that are relevant to a label, and those that are ignored."""
    relevant, ignored = set(), set()
    marked = json.loads((folder / "searchad_annotations_val.json").read_text())
    for image, boxes in marked.items():
        areas = [
            (x1 - x0) * (y1 - y0)
            for x0, y0, x1, y1 in (box["bbox"] for box in boxes if box["label"] == label)
        ]
        if any(area >= 50 for area in areas):
            relevant.add(image)
        elif areas:
            ignored.add(image)
    return relevant, ignored


def rule(ranking, relevant, ignored):
    ranking = [image for image in ranking if image not in ignored]
    right = [image in relevant for image in ranking]
    ranks = [rank for rank, good in enumerate(right, 1) if good]
    out = {f"P@{k}": sum(right[:k]) / min(k, len(right)) for k in (5, 25, 100)}
    out["AP"] = sum(n / rank for n, rank in enumerate(ranks, 1)) / len(ranks) if ranks else 0.0
    out["R-precision"] = sum(right[: len(ranks)]) / len(ranks) if ranks else 0.0
    return out


def mean(rows):
    return {name: sum(row[name] for row in rows) / len(rows) for name in FIGURES}


def check_against_the_rules(scores, predictions, folder):
    """Compare one model's scores with what its predictions are worth."""
    every, counted = {}, {}
    for label, ranking in predictions.items():
        relevant, ignored = truth_of(folder, label)
        relevant, ignored = relevant & set(ranking), ignored & set(ranking)
        every[label] = rule(ranking, relevant, ignored)
        found = scores["labels"][label]
        assert (found["relevant"], found["ignored"]) == (len(relevant), len(ignored))
        if relevant:
            counted[label] = every[label]
            assert {n: found[n] for n in FIGURES} == pytest.approx(every[label], abs=1e-9)
        else:
            assert [found[name] for name in FIGURES] == [None] * 5
    assert scores["overall"] == pytest.approx(mean(list(counted.values())), abs=1e-9)
    assert scores["as_submitted"] == pytest.approx(mean(list(every.values())), abs=1e-9)
    assert scores["without_relevant"] == [label for label in predictions if label not in counted]
    for category, found in scores["categories"].items():
        some = [row for label, row in counted.items() if label.startswith(f"{category}-")]
        wanted = mean(some) if some else dict.fromkeys(FIGURES)
        assert found == pytest.approx(wanted, abs=1e-9)
    for source, found in scores["sources"].items():
        some = []
        for label, ranking in predictions.items():
            relevant, ignored = truth_of(folder, label)
            inside = [image for image in ranking if image.split("/")[0] == source]
            if relevant & set(inside):
                some.append(rule(inside, relevant, ignored))
        assert found["labels"] == len(some)
        assert {n: found[n] for n in FIGURES} == pytest.approx(mean(some), abs=1e-9)


# scores -------------------------------------------------------------------------------------


@pytest.mark.long
def test_scores_are_those_of_the_rules(drawn, tmp_path):
    models = LabelModel("toy"), LabelModel("clip:worse", blur=0.7)
    result = measured(drawn, *models, queries="own")
    searchad.write_benchmark(result, tmp_path, figures=1)
    written = json.loads((tmp_path / "scores.json").read_text())
    images = set(json.loads((drawn / "searchad_annotations_val.json").read_text()))
    for name, file in (("toy", "toy"), ("clip:worse", "clip-worse")):
        predictions = json.loads((tmp_path / f"predictions-{file}.json").read_text())
        assert list(predictions) == list(LABELS)
        assert all(sorted(ranking) == sorted(images) for ranking in predictions.values())
        check_against_the_rules(written["models"][name], predictions, drawn)
    better, worse = (written["models"][name]["overall"]["AP"] for name in ("toy", "clip:worse"))
    assert better > worse > 0
    assert better > 3 * written["chance"]["AP"]
    assert ONLY_SMALL in written["models"]["toy"]["without_relevant"]
    assert written["whole_split"]
    assert written["queries"] == "own"
    pair = written["comparisons"][0]
    assert (pair["a"], pair["b"]) == ("toy", "clip:worse")
    assert pair["difference"]["map"] == pytest.approx(better - worse, abs=1e-9)
    low, high = pair["intervals"]["map"]
    assert low < better - worse < high
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["overall"]["toy"]["map"] == pytest.approx(better, abs=1e-9)
    ask = {query["query"]: query for query in report["queries"]}
    assert ask.keys() == set(LABELS)
    cat = ask["Animal-Real-Cat"]
    assert cat["images"] == len(images) - len(truth_of(drawn, "Animal-Real-Cat")[1])
    page = (tmp_path / "report.html").read_text()
    assert "216 of 216 images of 9 sources" in page
    assert "equal similarities rank by path" in page


def test_only_the_split_is_embedded_and_once(drawn):
    model = LabelModel("counted")
    measured(drawn, model, queries="own")
    texts = 90
    assert sum(model.calls) == 216 + texts
    model.calls.clear()
    measured(drawn, model, queries="own")
    assert sum(model.calls) == texts


def test_equal_scores_rank_by_path(drawn):
    first, second = list(json.loads((drawn / "searchad_annotations_val.json").read_text()))[:2]
    assert (drawn / first).read_bytes() == (drawn / second).read_bytes()
    for _, ranking in measured(drawn, queries="own").predictions("toy"):
        assert ranking.index(second) == ranking.index(first) + 1
    assert first < second


def test_missing_sources_and_images_are_left_out_and_named(folder, tmp_path):
    shutil.rmtree(folder / "ECP")
    marked = list(json.loads((folder / "searchad_annotations_val.json").read_text()))
    gone = next(image for image in marked if image.startswith("acdc/"))
    (folder / gone).unlink()
    stages = []
    request = searchad.Request(folder, models=(LabelModel(),), queries="own")
    result = searchad.run_benchmark(request, open_workspace, stage=stages.append)
    assert stages[:2] == ["reading SearchAD", "leaving out ECP"]
    searchad.write_benchmark(result, tmp_path / "out", figures=0)
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    predictions = json.loads((tmp_path / "out" / "predictions-toy.json").read_text())
    assert {len(ranking) for ranking in predictions.values()} == {216 - 24 - 1}
    check_against_the_rules(scores["models"]["toy"], predictions, folder)
    assert not scores["whole_split"]
    assert scores["missing"] == {"acdc": {"missing": 1, "of": 24}, "ECP": {"missing": 24, "of": 24}}
    assert "ECP" not in scores["models"]["toy"]["sources"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "EuroCity Persons has them" in page
    assert "cannot be set beside others" in page
    again = searchad.score_predictions(
        folder, "val", tmp_path / "out" / "predictions-toy.json"
    )  # its own predictions pass, and score the same
    assert again["without_predictions"]["sources"] == ["ECP"]
    assert again["models"]["predictions-toy"] == scores["models"]["toy"]


def test_nothing_there_is_one_sentence(folder):
    for source in folder.iterdir():
        if source.is_dir() and source.name != "default_queries":
            shutil.rmtree(source)
    with pytest.raises(DataError, match="None of the 216 images of the split val is there: acdc"):
        measured(folder)


def test_what_cannot_be_read_is_ranked_last(folder):
    label = next(name for name in USED if truth_of(folder, name)[0])
    relevant, _ = truth_of(folder, label)
    broken = max(relevant)
    (folder / broken).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    result = measured(folder, queries="own")
    predictions = dict(result.predictions("toy"))
    assert all(ranking[-1] == broken for ranking in predictions.values())
    check_against_the_rules(result.scores()["models"]["toy"], predictions, folder)
    found = next(q for q in result.report.queries if q.query.text == label)
    wanted = result.scores()["models"]["toy"]["labels"][label]["AP"]
    assert found.results["toy"].values["ap"] == pytest.approx(wanted, abs=1e-9)
    assert [str(item.path) for item in result.report.skipped] == [broken]


def test_a_model_that_is_not_there_does_not_stop_the_others(drawn):
    result = measured(drawn, LabelModel(), "c4t:nobody", queries="own")
    assert list(result.orders) == ["toy"]
    assert result.report.missing[0].model == "c4t:nobody"
    with pytest.raises(ModelError):
        measured(drawn, "c4t:nobody")


def test_an_index_of_the_earlier_model_is_refused_before_the_work(drawn):
    with open_workspace(drawn, LabelModel("first")) as workspace:
        workspace.index(only=[])
        (status,) = workspace.status().folders

    class Old:
        def status(self):
            return SimpleNamespace(folders=[replace(status, updated=0)])

        def index(self, *_, **__):
            pytest.fail("the long work has begun")

        def close(self):
            pass

    request = searchad.Request(drawn, models=(LabelModel(),), queries="own")
    with pytest.raises(ModelError, match="made by the earlier model; run c4t index"):
        searchad.run_benchmark(request, lambda *_: Old())


def test_a_folder_named_by_a_detour_is_the_same(drawn, tmp_path):
    (tmp_path / "link").symlink_to(drawn)
    result = measured(tmp_path / "link" / "acdc" / "..", queries="own")
    assert not result.report.skipped
    assert (
        result.scores()["models"]["toy"] == measured(drawn, queries="own").scores()["models"]["toy"]
    )


# what is asked ------------------------------------------------------------------------------


def direction(folder, label, model, mode):
    """Return what is asked, out of the query file and nothing else."""
    data = json.loads((folder / "default_queries" / f"{label}.json").read_text())["supportsets"]
    crops = []
    for image, boxes in data["vision"].items():
        box = boxes[0]["bbox"]
        with Image.open(folder / image) as picture:
            corners = (box["min_x"], box["min_y"], box["max_x"], box["max_y"])
            crops.append(picture.convert("RGB").crop(corners))
    parts = []
    if mode != "vision":
        parts.append(model.encode_texts(data["language"]["en"]).mean(axis=0))
    if mode != "language":
        parts.append(model.encode_images(crops).mean(axis=0))
    return np.mean([part / np.linalg.norm(part) for part in parts], axis=0)


@pytest.mark.parametrize("mode", ["language", "vision", "multimodal"])
def test_the_default_queries_are_asked_as_the_mode_says(drawn, mode):
    model = LabelModel()
    result = measured(drawn, model, mode=mode)
    assert result.asked.queries == "default"
    for label, ranking in list(result.predictions("toy"))[::9]:
        asked = direction(drawn, label, model, mode)
        pictures = [Image.open(drawn / name).convert("RGB") for name in ranking]
        similar = model.encode_images(pictures) @ (asked / np.linalg.norm(asked))
        assert (np.diff(similar) < 2e-3).all()  # the index keeps half precision
    scores = result.scores()
    assert (scores["mode"], scores["queries"]) == (mode, "default")
    assert any('"version" is not understood' in note for note in scores["notes"])


def test_without_default_texts_own_sentences_are_asked_and_said(folder):
    for file in (folder / "default_queries").iterdir():
        data = json.loads(file.read_text())
        data["supportsets"]["language"] = []
        file.write_text(json.dumps(data))
    result = measured(folder)
    assert result.asked.queries == "own"
    assert any("has no text for Animal-Real-Cat" in note for note in result.notes)
    with pytest.raises(DataError, match="no text that is understood for Animal-Real-Cat.*--quer"):
        measured(folder, queries="default")
    shutil.rmtree(folder / "default_queries")
    assert any("no default_queries folder" in note for note in measured(folder).notes)
    with pytest.raises(DataError, match="has no default_queries/Animal-Real-Cat.json"):
        measured(folder, mode="vision")
    with pytest.raises(DataError, match="leave --queries own out"):
        measured(folder, mode="vision", queries="own")


def test_image_queries_that_are_not_there_are_left_out_or_named(folder):
    crop = json.loads((folder / "default_queries" / "Animal-Real-Cat.json").read_text())
    first, second = crop["supportsets"]["vision"]
    (folder / first).unlink()
    assert any("image queries are left out" in n for n in measured(folder, mode="vision").notes)
    (folder / second).unlink()
    with pytest.raises(DataError, match="Animal-Real-Cat has no image query whose image is there"):
        measured(folder, mode="vision")


# predictions of others ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def predictions(drawn, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    images = list(json.loads((drawn / "searchad_annotations_val.json").read_text()))
    rng = np.random.default_rng(3)
    made = {label: [images[i] for i in rng.permutation(len(images))] for label in LABELS}
    return folder, made


def test_predictions_of_others_score_by_the_rules(drawn, predictions):
    folder, made = predictions
    some = {label: ranking for label, ranking in made.items() if label != "Scene-Fog"}
    (folder / "theirs.json").write_text(json.dumps(some))
    scores = searchad.score_predictions(drawn, "val", folder / "theirs.json")
    check_against_the_rules(scores["models"]["theirs"], some, drawn)
    assert scores["without_predictions"] == {"sources": [], "labels": ["Scene-Fog"]}
    assert scores["whole_split"]


def _without(made, number):
    made["Scene-Fog"] = made["Scene-Fog"][:-number]


BAD = {
    "unknown label": (
        lambda made: made.update({"Scene-Rain": made["Scene-Fog"]}),
        'has "Scene-Rain", which is none of SearchAD',
    ),
    "no list": (lambda made: made.update({"Scene-Fog": 5}), "Scene-Fog: this is no list of images"),
    "unknown image": (
        lambda made: made["Scene-Fog"].append("acdc/nowhere.png"),
        'Scene-Fog: "acdc/nowhere.png" is no image of this split',
    ),
    "no path": (lambda made: made["Scene-Fog"].append([]), 'Scene-Fog: "[]" is no image'),
    "doubled": (
        lambda made: made["Scene-Fog"].append(made["Scene-Fog"][4]),
        "is ranked 2 times; rank every image once",
    ),
    "one missing": (lambda made: _without(made, 1), "is not ranked; rank every image once"),
    "several missing": (lambda made: _without(made, 3), "is not ranked, nor are 2 others"),
    "nothing": (lambda made: made.clear(), "is no object of labels"),
}


@pytest.mark.parametrize(("spoil", "sentence"), BAD.values(), ids=BAD.keys())
def test_bad_predictions_are_named(drawn, predictions, tmp_path, spoil, sentence):
    made = {label: list(ranking) for label, ranking in predictions[1].items()}
    spoil(made)
    (tmp_path / "bad.json").write_text(json.dumps(made))
    with pytest.raises(DataError) as raised:
        searchad.score_predictions(drawn, "val", tmp_path / "bad.json")
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


# submissions --------------------------------------------------------------------------------


def submit(folder, path, **more):
    result = measured(folder, split="test", queries="own", **more)
    searchad.write_submission(
        result, path, team=" Us ", model="C4T", affiliation="nowhere", trained=False
    )
    return result


def test_a_submission_is_as_the_server_wants_it(drawn, tmp_path):
    result = submit(drawn, tmp_path / "submission.json")
    made = json.loads((tmp_path / "submission.json").read_text())
    mapping = json.loads((drawn / "searchad_test_mapping_id_to_imagepath.json").read_text())
    assert made["metadata"] == {
        "Team Name": "Us",
        "Model Name": "C4T",
        "Paper/Code/Affiliation": "nowhere",
        "Search Mode": "Language",
        "SearchAD Train": "No",
        "Default Queries": "No",
    }
    assert sorted(made["predictions"]) == sorted(LABELS)
    ids = sorted(int(number) for number in mapping)
    for label, ranking in result.predictions("toy"):
        assert sorted(made["predictions"][label]) == ids
        assert [mapping[str(number)] for number in made["predictions"][label]] == ranking
    assert result.report is None
    with pytest.raises(DataError, match="no labels here"):
        result.scores()


def test_a_submission_needs_every_test_image(folder, tmp_path):
    shutil.rmtree(folder / "wd_both02")
    with pytest.raises(DataError, match=r"A submission ranks every.*wd_both02.*WildDash 2 has"):
        submit(folder, tmp_path / "submission.json")
    assert not (tmp_path / "submission.json").exists()


def test_what_is_wrong_with_a_submission_is_named():
    ids = {f"acdc/{number}.png": number for number in range(4)}
    good = dict.fromkeys(LABELS, list(ids))
    about = {"team": "t", "model": "m", "affiliation": "a", "mode": "vision"}
    flags = {"trained": True, "default_queries": True}
    made = rules.submission(good, ids, **about, **flags)
    assert made["metadata"]["Search Mode"] == "Vision"
    assert made["metadata"]["SearchAD Train"] == made["metadata"]["Default Queries"] == "Yes"
    for rankings, more, sentence in (
        ({k: v for k, v in good.items() if k != "Scene-Fog"}, {}, "lacks a ranking for Scene-Fog"),
        ({**good, "Scene-Fog": list(ids)[1:]}, {}, 'Scene-Fog: the image "0" is not ranked'),
        ({**good, "Scene-Fog": [*ids, "acdc/0.png"]}, {}, 'the image "0" is ranked 2 times'),
        ({**good, "Scene-Fog": [*ids, "acdc/9.png"]}, {}, '"acdc/9.png" is no image'),
        ({**good, "Scene-Rain": list(ids)}, {}, '"Scene-Rain", which is none of'),
        (good, {"team": " "}, "lacks the Team Name"),
    ):
        with pytest.raises(DataError, match=sentence):
            rules.submission(rankings, ids, **{**about, **more}, **flags)


# the command --------------------------------------------------------------------------------


@pytest.fixture
def models(monkeypatch):
    def load(name, **_options):
        if name in ("c4t", "c4t:worse"):
            return LabelModel(name, 0.0 if name == "c4t" else 0.7)
        raise ModelError(f'There is no model "{name}".')

    monkeypatch.setattr("c4t_core.models.registry.load_model", load)


def command(folder, *more):
    return cli.main(["benchmark", "searchad", str(folder), *map(str, more)])


def test_the_command_says_what_is_there(folder, capsys):
    assert command(folder) == 0
    assert "Nothing is missing." in capsys.readouterr().out
    shutil.rmtree(folder / "kitti")
    assert command(folder) == 0
    out = capsys.readouterr().out
    assert "val: 216 of 216 images are there" in out
    assert "train: 40 of 44 images are there" in out
    assert "KITTI has them (left color images of the object data set) at cvlibs.net" in out
    assert "Nothing is missing." not in out
    assert command(folder, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["train"]["sources"]["kitti"] == {"images": 4, "missing": 4}
    (folder / "searchad_annotations_val.json").unlink()
    assert command(folder) == 0
    assert "val: " in capsys.readouterr().out
    assert command(folder / "acdc") == 1
    assert "has no searchad_annotations_val.json" in capsys.readouterr().err


def test_the_command_measures_and_writes(models, drawn, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--model", "c4t", "--model", "c4t:worse", "--queries", "own", "--figures", 1]
    assert command(drawn, "-o", out, *options) == 0
    text = capsys.readouterr()
    assert "AP  R-precision" in text.out
    assert "chance" in text.out
    assert "without a relevant image left out of the means" in text.err
    files = {"scores.json", "predictions-c4t.json", "predictions-c4t-worse.json", "report.html"}
    assert files <= {file.name for file in out.iterdir()}
    assert command(drawn, "-o", out, *options, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["models"] == json.loads((out / "scores.json").read_text())["models"]
    theirs = ["--predictions", out / "predictions-c4t.json", "-o", tmp_path / "theirs", "--json"]
    assert command(drawn, *theirs) == 0
    assert (
        json.loads(capsys.readouterr().out)["models"]["predictions-c4t"]
        == (printed["models"]["c4t"])
    )
    assert (tmp_path / "theirs" / "scores.json").is_file()


def test_the_command_writes_a_submission(models, drawn, tmp_path, capsys):
    file = tmp_path / "sent" / "submission.json"
    assert command(drawn, "--submission", file, "--team", "Us") == 1
    assert "A submission needs --affiliation and --searchad-train." in capsys.readouterr().err
    about = ["--team", "Us", "--affiliation", "nowhere", "--searchad-train", "yes"]
    assert command(drawn, "--submission", file, *about) == 0
    said = capsys.readouterr().err
    assert "44 images ranked for 90 labels, asked with SearchAD's default queries" in said
    made = json.loads(file.read_text())
    assert made["metadata"]["Model Name"] == "c4t"
    assert made["metadata"]["SearchAD Train"] == "Yes"
    assert made["metadata"]["Default Queries"] == "Yes"
    two = ["--model", "c4t", "--model", "c4t:worse"]
    assert command(drawn, "--submission", file, *about, *two) == 1
    assert "A submission is of one model" in capsys.readouterr().err


def test_colours_differ():
    assert len({colour_of(label) for label in LABELS}) == 90
