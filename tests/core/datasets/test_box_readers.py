"""Boxes and polygons: COCO, TJU-DHD, KITTI, BDD100K, Cityscapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from c4t_core.datasets.captions import captions
from c4t_core.datasets.scene import Problem, Scene, Thing
from c4t_core.datasets.scenes import read_scenes
from c4t_core.errors import DataError


def _image(path: Path, size: tuple[int, int] = (200, 100)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


def _json(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _read(kind: str, source: Path, **options: Path) -> tuple[list[Scene], list[Problem]]:
    problems: list[Problem] = []
    return list(read_scenes(kind, source, problems=problems, **options)), problems


def _coco(root: Path) -> dict[str, Any]:
    _image(root / "images" / "1.jpg")
    _image(root / "images" / "2.jpg")
    return {
        "images": [
            {"id": 1, "file_name": "1.jpg", "width": 200, "height": 100},
            {"id": 2, "file_name": "2.jpg"},
        ],
        "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "pedestrian"}],
        "annotations": [
            {"image_id": 1, "category_id": 3, "bbox": [20, 10, 100, 50]},
            {"image_id": 1, "category_id": 3, "bbox": [150, 50, 100, 100]},
            {"image_id": 2, "category_id": 1, "bbox": [0, 0, 20, 20]},
        ],
    }


def test_coco_boxes_in_parts_of_the_image(tmp_path: Path) -> None:
    path = _json(tmp_path / "annotations" / "train.json", _coco(tmp_path))
    (first, second), problems = _read("coco", path)
    assert problems == []
    assert first == Scene(
        image="images/1.jpg",
        things=(Thing("car", (0.1, 0.1, 0.6, 0.6)), Thing("car", (0.75, 0.5, 1.0, 1.0))),
        counts={"car": 2},
        source="coco",
    )
    assert second.things == (Thing("pedestrian", (0.0, 0.0, 0.1, 0.2)),)
    assert len(_read("coco", tmp_path)[0]) == 2


def test_coco_reports_what_does_not_fit(tmp_path: Path) -> None:
    data = _coco(tmp_path)
    data["images"] += [{"id": 3, "file_name": "gone.jpg"}, {"id": 4}, "x"]
    data["annotations"] += [
        {"image_id": 1, "category_id": 99, "bbox": [0, 0, 1, 1]},
        {"image_id": 1, "category_id": 3, "bbox": [0, 0, 1]},
        {"image_id": 1, "category_id": 3, "bbox": [0, 0, 0, 5]},
        {"image_id": 1, "category_id": 3, "bbox": [0, 0, "a", 5]},
        {"image_id": 1, "category_id": 3, "bbox": None},
        {"image_id": 1, "category_id": [], "bbox": [0, 0, 1, 1]},
        {"image_id": 1, "category_id": 3, "bbox": [0, 0, 1, 1], "iscrowd": 1},
        7,
        {"image_id": 77, "category_id": 3, "bbox": [0, 0, 1, 1]},
        {"category_id": 3, "bbox": [0, 0, 1, 1]},
    ]
    scenes, problems = _read("coco", _json(tmp_path / "a.json", data))
    assert [s.counts for s in scenes] == [{}, {"pedestrian": 1}]  # a crowd of cars: how many?
    assert [p.message for p in problems] == [
        "left out: 2 annotations whose category the file does not list (annotation 4, "
        "annotation 9)",
        "left out: 3 annotations without a bbox of four numbers (annotation 5, annotation 7, "
        "annotation 8)",
        "left out: 1 annotation in another form than an object (annotation 11)",
        "left out: 2 images without a file_name or an id (image 4, image 5)",
        f"left out: 1 image not below {tmp_path} (gone.jpg)",
        "left out: 2 annotations of no image of the list (annotation 12, annotation 13)",
        "left out: 1 annotation with a box that holds no pixel of its image (annotation 6)",
        "crowd annotations (iscrowd): 1; they say that a class is there, not how many",
    ]
    assert all(p.path == tmp_path / "a.json" for p in problems)


def test_broken_json_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images": [],\n"annotations": [}', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.json:2 is not valid JSON") as caught:
        _read("coco", path)
    assert caught.value.line == 2
    _json(tmp_path / "b.json", _coco(tmp_path))
    scenes, problems = _read("coco", tmp_path)  # in a folder the other files go on
    assert len(scenes) == 2
    assert [(p.path, p.line) for p in problems] == [(path, 2)]
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match="no JSON file"):
        _read("coco", tmp_path / "c")
    with pytest.raises(DataError, match="no COCO"):
        _read("coco", _json(tmp_path / "d.json", []))


def test_names_never_lead_out_of_the_root(tmp_path: Path) -> None:
    data = _coco(tmp_path / "in")
    _image(tmp_path / "secret.jpg")
    data["images"] += [
        {"id": 5, "file_name": "../secret.jpg"},
        {"id": 6, "file_name": str(tmp_path / "secret.jpg")},
    ]
    scenes, problems = _read("coco", _json(tmp_path / "in" / "a.json", data))
    assert {s.image for s in scenes} == {"images/1.jpg", "images/2.jpg"}
    assert "2 images not below" in problems[0].message


def test_a_name_in_two_folders_is_not_guessed(tmp_path: Path) -> None:
    data = _coco(tmp_path)
    _image(tmp_path / "more" / "1.jpg")
    scenes, problems = _read("coco", _json(tmp_path / "a.json", data))
    assert [s.image for s in scenes] == ["images/2.jpg"]
    assert "1.jpg" in problems[0].message
    data["images"][0]["file_name"] = "more/1.jpg"
    assert _read("coco", _json(tmp_path / "a.json", data))[0][0].image == "more/1.jpg"


def test_tju_categories_are_known_by_id(tmp_path: Path) -> None:
    data = _coco(tmp_path)
    data["categories"] = [{"id": 3, "name": "Something else"}]
    data["annotations"] = [
        {"image_id": 1, "category_id": c, "bbox": [0, 0, 10 * c, 10]} for c in (1, 2, 3, 3, 4, 5)
    ]
    (scene, empty), problems = _read("tju-dhd", _json(tmp_path / "a.json", data))
    assert problems == []
    counts = {"pedestrian": 1, "cyclist": 1, "car": 2, "truck": 1, "van": 1}
    assert (scene.counts, empty.counts) == (counts, {})
    assert captions(scene, "keywords")[2] == (
        "There is one pedestrian, one cyclist, two car, one truck, one van"
    )


KITTI = (
    "Car 0.00 0 -1.58 20.0 10.0 120.0 60.0 1.6 1.7 4.0 -3.0 1.7 8.5 -1.6\n"
    "Pedestrian 0.00 0 -0.20 150 40 160 90 1.9 0.5 1.2 1.8 1.5 45.0 0.0\n"
    "DontCare -1 -1 -10 1 1 5 5 -1 -1 -1 -1000 -1000 -1000 -10\n"
    "Car 0.00 0 nonsense 20 10 120 60 1.6 1.7 4.0 -3.0 1.7 8.5 -1.6\n"
    "Car 0.00 0\n"
    "Van nan 0 -1.58 20 10 120 60 1.6 1.7 4.0 -3.0 1.7 8.5 -1.6\n"
)


def test_kitti_objects_have_their_distance(tmp_path: Path) -> None:
    for name in ("000000", "000001"):
        _image(tmp_path / "training" / "image_2" / f"{name}.png")
    _image(tmp_path / "training" / "image_3" / "000000.png")
    _image(tmp_path / "testing" / "image_2" / "000000.png")
    labels = tmp_path / "training" / "label_2"
    labels.mkdir()
    (labels / "000000.txt").write_text(KITTI, encoding="utf-8")
    (labels / "000001.txt").write_text("", encoding="utf-8")
    (labels / "000009.txt").write_text(KITTI, encoding="utf-8")
    for source in (tmp_path, tmp_path / "training"):
        (scene, empty), problems = _read("kitti", source)
        assert scene.things == (
            Thing("Car", (0.1, 0.1, 0.6, 0.6), distance=8.5),
            Thing("Pedestrian", (0.75, 0.4, 0.8, 0.9), distance=45.0),
        )
        assert empty.counts == {}
        assert [(p.path.name, p.line) for p in problems if p.path] == [
            ("000000.txt", 4),
            ("000000.txt", 5),
            ("000000.txt", 6),
            ("000001.txt", None),
            ("000009.txt", None),
        ]
    assert scene.image == "image_2/000000.png"
    (alone, _), _ = _read("kitti", labels)
    assert alone == scene
    labels.rename(tmp_path / "training" / "My_Labels")
    (renamed, _), _ = _read(
        "kitti", tmp_path / "training" / "My_Labels", images=tmp_path / "training"
    )
    assert renamed == scene
    with pytest.raises(DataError, match="label_2"):
        _read("kitti", tmp_path / "training" / "image_2")


BDD = {
    "name": "b1c66a42-6f7d68ca.jpg",
    "attributes": {"weather": "rainy", "scene": "city street", "timeofday": "night"},
    "labels": [
        {"category": "car", "box2d": {"x1": 20, "y1": 10, "x2": 120, "y2": 60}},
        {"category": "lane", "poly2d": []},
        {"category": "truck", "box2d": {"x1": 20, "y1": 10, "x2": 20, "y2": 60}},
        {"category": "bus", "box2d": [1, 2]},
        {"box2d": {}},
    ],
}


def test_bdd_lists_and_files_per_image_say_the_same(tmp_path: Path) -> None:
    _image(tmp_path / "images" / "100k" / "train" / "b1c66a42-6f7d68ca.jpg")
    _image(tmp_path / "images" / "10k" / "train" / "b1c66a42-6f7d68ca.jpg")
    per_image = {
        "name": "b1c66a42-6f7d68ca",
        "attributes": BDD["attributes"],
        "frames": [{"timestamp": 10000, "objects": BDD["labels"]}],
    }
    found = []
    for name, data in (("l", [BDD]), ("p", per_image), ("s", {"frames": [BDD]}), ("o", BDD)):
        path = _json(tmp_path / f"{name}.json", data)
        (scene,), problems = _read("bdd100k", path)
        listed = "b1c66a42-6f7d68ca" + (".jpg" if name != "p" else "")
        assert [p.message for p in problems] == [
            "left out: 1 label without a box, as lanes and areas are (lane)",
            "left out: 2 labels with a box that is none or holds no pixel of its image "
            f"(label 3 of {listed}, label 4 of {listed})",
            f"left out: 1 label without a category (label 5 of {listed})",
        ]
        found.append(scene)
    assert all(scene == found[0] for scene in found)
    assert found[0] == Scene(
        image="images/100k/train/b1c66a42-6f7d68ca.jpg",
        things=(Thing("car", (0.1, 0.1, 0.6, 0.6)),),
        counts={"car": 1},
        weather="rainy",
        place="city street",
        time_of_day="night",
        source="bdd100k",
    )


def test_bdd_without_labels_or_partner(tmp_path: Path) -> None:
    _image(tmp_path / "a.jpg")
    rows = [
        {"name": "a.jpg", "attributes": {"weather": "undefined", "scene": 7}},
        {"name": "gone.jpg"},
        {"attributes": {}},
        3,
    ]
    (scene,), problems = _read("bdd100k", _json(tmp_path / "det.json", rows))
    assert scene == Scene("a.jpg", source="bdd100k")
    assert [p.message.split(" (")[1] for p in problems] == ["gone.jpg)", "image 3, image 4)"]
    with pytest.raises(DataError, match="no BDD100K"):
        _read("bdd100k", _json(tmp_path / "other" / "x.json", {"a": 1}))


POLYGONS = {
    "imgHeight": 100,
    "imgWidth": 200,
    "objects": [
        {"label": "sky", "polygon": [[0, 0], [199, 0], [199, 49], [0, 49]]},
        {"label": "road", "polygon": [[0, 50], [199, 50], [199, 99], [0, 99]]},
        {"label": "car", "polygon": [[20, 60], [39, 60], [39, 79], [20, 79]]},
        {"label": "car", "polygon": [[160, 60], [179, 60], [179, 79], [160, 79]]},
        {"label": "persongroup", "polygon": [[80, 60], [89, 60], [89, 69], [80, 69]]},
        {"label": "person", "polygon": [[100, 60], [109, 60], [109, 69], [100, 69]]},
        {"label": "car", "polygon": [[1, 2], [3, 4]]},
        {"label": "car", "polygon": "nonsense"},
        {"polygon": []},
    ],
}


def _cityscapes(root: Path, name: str = "aachen_000000_000019") -> Path:
    _image(root / "leftImg8bit" / "train" / "aachen" / f"{name}_leftImg8bit.png")
    where = root / "gtFine" / "train" / "aachen"
    where.mkdir(parents=True, exist_ok=True)
    return where


def test_cityscapes_polygons(tmp_path: Path) -> None:
    where = _cityscapes(tmp_path)
    _json(where / "aachen_000000_000019_gtFine_polygons.json", POLYGONS)
    (scene,), problems = _read("cityscapes", tmp_path)
    assert [p.message.split(" is ")[0] for p in problems] == ["object 7", "object 8", "object 9"]
    assert scene.shares == {
        "sky": 0.5,
        "road": (10_000 - 800 - 200) / 20_000,
        "car": 800 / 20_000,
        "person": 200 / 20_000,
    }
    assert scene.counts == {"car": 2}  # a group of persons cannot be counted
    assert [t.box for t in scene.things if t.label == "car"] == [
        (0.1, 0.6, 0.2, 0.8),
        (0.8, 0.6, 0.9, 0.8),
    ]
    assert (scene.drive, scene.split) == ("aachen", "train")
    assert scene.image == "leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png"


def test_cityscapes_with_rain_and_fog(tmp_path: Path) -> None:
    where = tmp_path / "gtFine" / "val" / "lindau"
    where.mkdir(parents=True)
    _json(where / "lindau_000000_000019_gtFine_polygons.json", POLYGONS)
    drawn = {
        "leftImg8bit_foggy": ("leftImg8bit_foggy_beta_0.02", "fog"),
        "leftImg8bit_rain": ("leftImg8bit_rain_alpha_0.01_beta_0.005_pattern_1", "rain"),
    }
    for folder, (ending, _) in drawn.items():
        for frame in (19, 20):
            name = f"lindau_000000_{frame:06d}_{ending}.png"
            _image(tmp_path / folder / "val" / "lindau" / name)
    scenes, _ = _read("cityscapes", tmp_path)
    assert [(scene.image, scene.weather) for scene in scenes] == [
        (f"{folder}/val/lindau/lindau_000000_000019_{ending}.png", weather)
        for folder, (ending, weather) in drawn.items()
    ]
    assert all(scene.shares["sky"] == 0.5 for scene in scenes)


def test_cityscapes_ids(tmp_path: Path) -> None:
    where = _cityscapes(tmp_path)
    ids = np.full((100, 200), 7, dtype=np.uint8)
    ids[:50] = 23
    Image.fromarray(ids).save(where / "aachen_000000_000019_gtFine_labelIds.png")
    Image.fromarray(ids).save(where / "aachen_000000_000020_gtFine_labelIds.png")
    (scene,), problems = _read("cityscapes", tmp_path)
    assert scene.shares == {"road": 0.5, "sky": 0.5}
    assert [p.message for p in problems] == ["this label has no image"]


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"objects": []},
        {"objects": [], "imgWidth": 10, "imgHeight": 10},
        {"objects": [], "imgWidth": 10**9, "imgHeight": 10**9},
        {"objects": 3, "imgWidth": 10, "imgHeight": 10},
    ],
)
def test_cityscapes_polygons_that_are_none(tmp_path: Path, data: Any) -> None:
    where = _cityscapes(tmp_path)
    _json(where / "aachen_000000_000019_gtFine_polygons.json", data)
    scenes, problems = _read("cityscapes", tmp_path)
    assert scenes == []
    assert "left out" in problems[0].message
    with pytest.raises(DataError, match="gtFine"):
        _read("cityscapes", tmp_path / "leftImg8bit")
