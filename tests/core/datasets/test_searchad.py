"""A SearchAD folder, read; and every odd file as one sentence."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from c4t_core.datasets import searchad
from c4t_core.datasets.searchad import LABELS, category_of
from c4t_core.errors import DataError
from tests.helpers.searchad import ONLY_SMALL, draw_searchad


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_searchad(tmp_path_factory.mktemp("searchad"), val=90)


@pytest.fixture
def folder(drawn, tmp_path):
    """A copy of the small files; the images stay where they are."""
    for file in drawn.glob("*.json"):
        shutil.copy(file, tmp_path)
    shutil.copytree(drawn / "default_queries", tmp_path / "default_queries")
    return tmp_path


def test_the_90_labels():
    counts = Counter(map(category_of, LABELS))
    assert len(set(LABELS)) == 90
    assert counts == {
        **{"Animal": 13, "Human": 7, "Marking": 5, "Object": 15, "Rideable": 11, "Scene": 8},
        **{"Sign": 5, "Trailer": 7, "Vehicle": 19},
    }


def test_an_image_is_relevant_by_50_square_pixels_and_ignored_below(tmp_path):
    def box(label, *corners):
        return {"label": label, "bbox": list(corners)}

    dog, cone = "Animal-Real-Dog", "Object-Traffic-Cone"
    images = {
        "acdc/a.png": [box(dog, 0, 0, 10, 5)],
        "acdc/b.png": [box(dog, 0, 0, 7, 7)],
        "acdc/c.png": [box(dog, 0, 0, 7, 7), box(dog, 5, 5, 12.5, 12.5), box(cone, 0, 0, 1, 1)],
        "acdc/d.png": [box("Animal-Real-Other", 0, 0, 99, 99)],
        "acdc/e.png": [],
    }
    (tmp_path / "searchad_annotations_val.json").write_text(json.dumps(images))
    found = searchad.read_annotations(tmp_path, "val")
    relevant, ignored = found.relevance()
    assert [frame.image for frame in found.frames] == list(images)
    assert relevant[dog] == ["acdc/a.png", "acdc/c.png"]
    assert ignored[dog] == ["acdc/b.png"]
    assert relevant[cone] == []
    assert ignored[cone] == ["acdc/c.png"]
    assert found.left_out == {"Animal-Real-Other": 1}
    assert relevant.keys() == ignored.keys() == set(LABELS)


def test_what_the_miniature_has(drawn):
    relevant, ignored = searchad.read_annotations(drawn, "val").relevance()
    assert relevant[ONLY_SMALL] == []
    assert len(ignored[ONLY_SMALL]) == 3
    assert sum(map(len, relevant.values())) > 50
    assert sum(map(len, ignored.values())) > 10
    ids = searchad.read_test_images(drawn)
    assert list(ids.values()) == [1000 + 7 * place for place in range(44)]


def test_default_queries_texts_crops_and_what_is_not_understood(drawn):
    query = searchad.read_default_query(drawn, "Scene-Fog")
    assert query.texts == ("a photo of Scene-Fog", "Scene-Fog in traffic")
    assert len(query.crops) == 2
    assert all(len(corners) == 4 for _, corners in query.crops)
    assert query.not_understood == ("version",)


def test_it_is_known_by_its_files(folder):
    assert searchad.is_searchad(folder)
    for file in folder.glob("*.json"):
        file.unlink()
    assert not searchad.is_searchad(folder)


def test_what_is_missing_is_named_with_who_has_it(drawn, tmp_path):
    images = [frame.image for frame in searchad.read_annotations(drawn, "val").frames]
    assert not any(source.missing for source in searchad.missing_images(drawn, images))
    shutil.copytree(drawn / "acdc", tmp_path / "acdc")
    shutil.copytree(drawn / "ECP", tmp_path / "ECP")
    gone = next(image for image in images if image.startswith("ECP/"))
    (tmp_path / gone).unlink()
    said = {one.source: str(one) for one in searchad.missing_images(tmp_path, images)}
    assert len(said) == 9
    assert said["acdc"] == ""
    assert f"1 of its 10 images are missing, such as {gone}" in said["ECP"]
    assert "EuroCity Persons has them" in said["ECP"]
    assert "none of its 10 images is there" in said["nuscenes"]
    assert "nuScenes has them (Trainval and Test) at nuscenes.org" in said["nuscenes"]


ODD = {
    "no file": (None, "has no searchad_annotations_val.json; it comes with"),
    "no json": ("{", "is not valid JSON"),
    "a list": ("[]", "is not an object of image paths with their boxes"),
    "nothing": ("{}", "names no image"),
    "outside": ('{"acdc/../../etc/a.png": []}', 'names the image "acdc/../../etc/a.png"'),
    "absolute": ('{"/etc/a.png": []}', "lies in none of the sources' folders"),
    "a source of nobody": ('{"waymo/a.png": []}', 'the image "waymo/a.png"'),
    "no list": ('{"acdc/a.png": {}}', "acdc/a.png: its boxes are not a list"),
    "no label": ('{"acdc/a.png": [{"bbox": [0, 0, 1, 1]}]}', "acdc/a.png: a box has no label"),
    "three sides": (
        '{"acdc/a.png": [{"label": "Scene-Fog", "bbox": [0, 0, 1]}]}',
        "the box of Scene-Fog is not four numbers",
    ),
    "words": (
        '{"acdc/a.png": [{"label": "Scene-Fog", "bbox": [0, 0, 1, "a"]}]}',
        "a side of the box of Scene-Fog is not a number",
    ),
    "not finite": (
        '{"acdc/a.png": [{"label": "Scene-Fog", "bbox": [0, 0, 1, NaN]}]}',
        "a side of the box of Scene-Fog is not a number",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), ODD.values(), ids=ODD.keys())
def test_odd_annotations_are_one_sentence(tmp_path, text, sentence):
    if text is not None:
        (tmp_path / "searchad_annotations_val.json").write_text(text)
    with pytest.raises(DataError) as raised:
        searchad.read_annotations(tmp_path, "val")
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": "acdc/a.png"}', '"a" is not an id'),
        ('{"1": 5}', "id 1 has no image path"),
        ('{"1": "acdc/a.png", "2": "acdc/a.png"}', "two ids for acdc/a.png"),
        ('{"1": "acdc/a.png", "01": "acdc/b.png"}', "has an id twice"),
        ("{}", "names no image"),
    ],
)
def test_odd_test_ids_are_one_sentence(tmp_path, text, sentence):
    (tmp_path / "searchad_test_mapping_id_to_imagepath.json").write_text(text)
    with pytest.raises(DataError, match=sentence):
        searchad.read_test_images(tmp_path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"supportsets": []}, "supportsets is not an object"),
        ({"supportsets": {"vision": []}}, "vision is not an object"),
        ({"supportsets": {"vision": {"acdc/a.png": [{}]}}}, "an image query has no box"),
        (
            {"supportsets": {"vision": {"acdc/a.png": [{"bbox": {"min_x": 1}}]}}},
            "min_y is not a number",
        ),
        (
            {
                "supportsets": {
                    "vision": {
                        "acdc/a.png": [{"bbox": {"min_x": 5, "min_y": 0, "max_x": 5, "max_y": 9}}]
                    }
                }
            },
            "the box 5 0 5 9 holds no pixel",
        ),
    ],
)
def test_odd_queries_are_one_sentence(folder, data, sentence):
    (folder / "default_queries" / "Scene-Fog.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match=sentence):
        searchad.read_default_query(folder, "Scene-Fog")
