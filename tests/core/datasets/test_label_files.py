"""Label files as tools and people leave them: names, ids, several files about one image."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from c4t_core.datasets.captions import captions
from c4t_core.datasets.make_pairs import FrequencyCounter
from c4t_core.datasets.scene import Problem, Scene, Thing, scene_from_dict, scene_to_dict
from c4t_core.datasets.scenes import read_scenes
from c4t_core.errors import DataError

BOX, ELSEWHERE = [10, 10, 40, 40], [120, 10, 40, 40]


def _images(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 100)).save(root / name)


def _json(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _read(kind: str, source: Path, **options: Path) -> tuple[list[Scene], list[str]]:
    problems: list[Problem] = []
    scenes = list(read_scenes(kind, source, problems=problems, **options))
    return scenes, [problem.message for problem in problems]


def _counts(scenes: list[Scene]) -> dict[str, dict[str, int]]:
    assert len({scene.image for scene in scenes}) == len(scenes)
    return {scene.image: dict(scene.counts) for scene in scenes}


def _coco(*names: Any, box: list[int] = BOX, **changes: Any) -> dict[str, Any]:
    """One car on each image, in the order of the names; ids from 1."""
    return {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names, start=1)],
        "categories": [{"id": 3, "name": "car"}, {"id": 1, "name": "person"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 3, "bbox": box}
            for n in range(1, len(names) + 1)
        ],
        **changes,
    }


def test_files_about_the_same_images_count_each_image_and_object_once(tmp_path: Path) -> None:
    _images(tmp_path, "val/1.jpg", "val/2.jpg")
    folder = tmp_path / "annotations"
    data = _coco("1.jpg", "2.jpg")
    person = {"id": 9, "image_id": 1, "category_id": 1, "bbox": ELSEWHERE}
    _json(folder / "instances_val.json", {**data, "annotations": [*data["annotations"], person]})
    points = {**person, "keypoints": [1, 1, 2], "bbox": [120.4, 10, 39.8, 40]}
    _json(folder / "person_keypoints_val.json", {**data, "annotations": [points]})
    said = [{"id": 1, "image_id": 1, "caption": "a car"}]
    _json(folder / "captions_val.json", {"images": data["images"], "annotations": said})
    segments = [
        {"id": 7, "category_id": 3, "bbox": BOX, "iscrowd": 0},
        {"id": 8, "category_id": 5, "bbox": [0, 0, 200, 50], "iscrowd": 0},
    ]
    stuff = [*data["categories"], {"id": 5, "name": "sky", "isthing": 0}]
    panoptic = [{"image_id": 2, "file_name": "2.png", "segments_info": segments}]
    _json(
        folder / "panoptic_val.json",
        {"images": data["images"], "categories": stuff, "annotations": panoptic},
    )
    del data["annotations"]
    _json(folder / "image_info_val.json", data)
    scenes, problems = _read("coco", tmp_path)
    assert _counts(scenes) == {"val/1.jpg": {"car": 1, "person": 1}, "val/2.jpg": {"car": 1}}
    assert scenes[1].things[-1] == Thing("sky")  # there, but nothing to be counted
    assert problems == [
        "this file holds captions, not boxes; it can be used as pairs as it is",
        "this file has no list of annotations, so nothing is known of its images; name another "
        "file",
        "images that were read before: 2; what is labelled twice counts once",
        "images that were read before: 2; what is labelled twice counts once",
    ]


def test_objects_of_other_files_are_added(tmp_path: Path) -> None:
    _images(tmp_path, "1.jpg")
    twice = [{"image_id": 1, "category_id": 3, "bbox": BOX}] * 2  # two cars, as labelled
    _json(tmp_path / "a.json", _coco("1.jpg", annotations=twice))
    _json(tmp_path / "b.json", _coco("1.jpg", box=ELSEWHERE))
    assert _counts(_read("coco", tmp_path)[0]) == {"1.jpg": {"car": 3}}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"images": [], "annotations": [{"image_id": 1, "caption": "a"}]}, "captions, not boxes"),
        (
            {"images": [], "annotations": [{"image_id": 1, "caption": "a", "category_id": None}]},
            "captions, not boxes",
        ),
        ({"images": []}, "no list of annotations"),
        ([{"image_id": 1, "category_id": 1, "score": 0.5}], "lists detections"),
        ({"annotations": []}, "no list of images"),
    ],
)
def test_another_kind_of_file_is_called_what_it_is(tmp_path: Path, data: Any, said: str) -> None:
    with pytest.raises(DataError, match=rf"a\.json .*{said}"):
        _read("coco", _json(tmp_path / "a.json", data))


@pytest.mark.parametrize("other", [1.0, "1", "1.0", " 1 "])
def test_an_id_is_the_same_as_number_and_as_text(tmp_path: Path, other: Any) -> None:
    _images(tmp_path, "1.jpg")
    data = _coco("1.jpg")
    data["annotations"] = [{"id": 1, "image_id": other, "category_id": other, "bbox": BOX}]
    scenes, problems = _read("coco", _json(tmp_path / "a.json", data))
    assert (_counts(scenes), problems) == ({"1.jpg": {"person": 1}}, [])
    for item in (*data["images"], *data["categories"]):
        item["id"] = {1: other, 3: 3.0}[item["id"]]
    data["annotations"] = [{"id": 1, "image_id": 1, "category_id": 3, "bbox": BOX}]
    assert _counts(_read("coco", _json(tmp_path / "a.json", data))[0]) == {"1.jpg": {"car": 1}}


def test_images_that_share_an_id_get_no_boxes_of_each_other(tmp_path: Path) -> None:
    _images(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    data = _coco("a.jpg", "b.jpg", "c.jpg")
    data["images"][1]["id"] = 1.0
    data["images"].append({"id": 3, "file_name": "c.jpg"})  # the same image again: no harm
    data["annotations"].append({**data["annotations"][2]})  # the same annotation again
    scenes, problems = _read("coco", _json(tmp_path / "a.json", data))
    assert _counts(scenes) == {"c.jpg": {"car": 1}}
    assert problems == [
        "left out: 1 annotation listed before under the same id (annotation 4)",
        "left out: 2 images with the same id as another image (a.jpg: 1, b.jpg: 1)",
        "left out: 1 annotation of no image of the list (annotation 2)",
    ]


def test_an_image_that_is_listed_under_two_ids_counts_once(tmp_path: Path) -> None:
    _images(tmp_path, "a.jpg")
    scenes, problems = _read("coco", _json(tmp_path / "a.json", _coco("a.jpg", "./a.jpg")))
    assert _counts(scenes) == {"a.jpg": {"car": 1}}
    assert problems == ["images that were read before: 1; what is labelled twice counts once"]


def test_crowds_are_there_in_a_number_that_nobody_knows(tmp_path: Path) -> None:
    _images(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    data = _coco("1.jpg", "2.jpg", "3.jpg")
    data["annotations"][0] |= {"iscrowd": 1, "segmentation": {"size": [1, 1], "counts": "1"}}
    data["annotations"][1]["iscrowd"] = "0"
    crowd = {"image_id": 3, "category_id": 3, "bbox": None, "iscrowd": True}
    data["annotations"].append(crowd)
    scenes, problems = _read("coco", _json(tmp_path / "a.json", data))
    assert _counts(scenes) == {"1.jpg": {}, "2.jpg": {"car": 1}, "3.jpg": {}}
    assert scenes[0].things == scenes[2].things == (Thing("car"),)
    assert problems == [
        "crowd annotations (iscrowd): 2; they say that a class is there, not how many"
    ]
    assert scene_from_dict(scene_to_dict(scenes[0])) == scenes[0]
    assert captions(scenes[0], "keywords") == ["car"]
    assert "cars" in captions(scenes[0], "sentence")[0].lower()
    counter = FrequencyCounter()
    counter.add(scenes[0])
    assert [(row.name, row.images, row.objects) for row in counter.table()] == [("car", 1, 0)]
    crowded = Scene("a.png", (Thing("car"),), counts={"van": 1}, source="tju-dhd")
    assert captions(crowded, "keywords")[0] == (
        "zero pedestrian, zero cyclist, zero truck, one van"  # not "zero car"
    )


def test_objects_that_are_outlined_and_have_no_box_are_there(tmp_path: Path) -> None:
    _images(tmp_path, "1.jpg")
    outline = [[20, 10, 60, 10, 60, 50], [60, 10, 100, 10, 100, 60]]
    shapes = [outline, {"size": [100, 200], "counts": [9, 1]}, [[]], [3, 4], "x", [["a", "b"]], {}]
    data = _coco("1.jpg")
    data["annotations"] = [
        {
            "image_id": 1,
            "category_id": 1 if n else 3,
            "segmentation": shape,
            "bbox": [] if n else None,
        }
        for n, shape in enumerate(shapes)
    ]
    (scene,), problems = _read("coco", _json(tmp_path / "a.json", data))
    assert scene.counts == {"car": 1, "person": 1}
    assert scene.things == (Thing("car", (0.1, 0.1, 0.5, 0.6)), Thing("person"))
    named = ", ".join(f"annotation {n}" for n in range(3, 8))
    assert problems == [f"left out: 5 annotations without a bbox of four numbers ({named})"]


def test_names_of_categories_may_be_numbers(tmp_path: Path) -> None:
    _images(tmp_path, "1.jpg")
    data = _coco("1.jpg")
    names = (0, 7.0, None, " ", "car", "bus")
    data["categories"] = [{"id": n, "name": name} for n, name in enumerate(names)]
    data["categories"].append({"id": 5, "name": "tram"})
    data["annotations"] = [
        {"image_id": 1, "category_id": n, "bbox": BOX} for n in range(len(names) + 1)
    ]
    scenes, problems = _read("coco", _json(tmp_path / "a.json", data))
    assert _counts(scenes) == {"1.jpg": {"0": 1, "7": 1, "car": 1}}
    assert problems == [
        "left out: 2 annotations whose category has no name (annotation 3, annotation 4)",
        "left out: 1 annotation whose category id has several names (annotation 6)",
        "left out: 1 annotation whose category the file does not list (annotation 7)",
    ]


@pytest.mark.parametrize(
    ("train", "val", "images"),
    [
        ("annotations/instances_train.json", "annotations/instances_val.json", "images/{}/"),
        ("annotations/instances_train2017.json", "annotations/instances_val2017.json", "{}2017/"),
        ("train/_annotations.coco.json", "valid/_annotations.coco.json", "{}/"),
        ("train.json.gz", "val.json.gz", "{}/images/"),
        ("labels/instances_night.json", "labels/instances_day.json", "images/{}/"),
    ],
)
def test_a_name_in_two_folders_is_that_of_the_files_part(
    tmp_path: Path, train: str, val: str, images: str
) -> None:
    one = "night" if "night" in train else "train"
    other = "day" if "day" in val else "valid" if "valid" in val else "val"
    folders = [images.format(part) for part in (one, other)]
    _images(tmp_path, *(f"{folder}000001.jpg" for folder in folders))
    for path, data in ((train, _coco("000001.jpg")), (val, _coco("000001.jpg"))):
        data["categories"][0]["name"] = path
        raw = json.dumps(data).encode()
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(gzip.compress(raw) if path.endswith("gz") else raw)
    scenes, problems = _read("coco", tmp_path)
    assert problems == []
    assert _counts(scenes) == {
        f"{folders[0]}000001.jpg": {train: 1},
        f"{folders[1]}000001.jpg": {val: 1},
    }


def test_labels_of_train_are_not_put_on_an_image_of_val(tmp_path: Path) -> None:
    _images(tmp_path, "images/val/000001.jpg")
    path = _json(tmp_path / "annotations" / "instances_train.json", _coco("000001.jpg"))
    scenes, problems = _read("coco", path)
    assert scenes == []
    assert problems == ["left out: 1 image that only another part of the data set has (000001.jpg)"]
    (scene,), _ = _read("coco", path, images=tmp_path / "images" / "val")  # unless it is said
    assert scene.image == "000001.jpg"


@pytest.mark.parametrize(
    "name",
    [
        "/data/local-files/?d=frames/a%201.jpg",
        "/data/local-files/?d=drive%2Fframes%2Fa%201.jpg",
        "/data/local-files/?d=drive%5Cframes%5Ca%201.jpg",
        "http://localhost:8080/data/local-files/?d=frames/a%201.jpg",
        "/data/upload/4/1f3a5c7e-a%201.jpg",
        "images/1f3a5c7e-a 1.jpg",
        "s3://bucket/frames/a%201.jpg",
        "https://host.example/x/frames/a%201.jpg?token=abc#top",
        "file:///home/anna/frames/a%201.jpg",
        "file://C:/Users/anna/frames/a 1.jpg",
        "C:\\Users\\anna\\frames\\a 1.jpg",
        "\\\\server\\share\\frames\\a 1.jpg",
        "/home/anna/drive/frames/a 1.jpg",
        "../frames/a 1.jpg",
        "./frames//a 1.jpg",
        "a%25201.jpg",
        " a 1.jpg\n",
    ],
)
def test_names_are_read_as_they_are_meant(tmp_path: Path, name: str) -> None:
    _images(tmp_path, "frames/a 1.jpg", "other/b.jpg", "other/frames/c.jpg")
    scenes, problems = _read("coco", _json(tmp_path / "labels" / "a.json", _coco(name)))
    assert (_counts(scenes), problems) == ({"frames/a 1.jpg": {"car": 1}}, [])


def test_the_longest_end_of_a_path_decides(tmp_path: Path) -> None:
    _images(tmp_path, "a/cam0/1.jpg", "b/cam0/1.jpg", "b/cam1/1.jpg", "c/e\u0301.jpg")
    names = ("D:\\x\\b\\cam0\\1.jpg", "/y/cam1/1.jpg", "/z/cam0/1.jpg", "\u00e9.jpg", "x" * 5000)
    scenes, problems = _read("coco", _json(tmp_path / "all.json", _coco(*names)))
    assert [s.image for s in scenes] == ["b/cam0/1.jpg", "b/cam1/1.jpg", "c/e\u0301.jpg"]
    assert [p.split(" (")[0] for p in problems] == [
        "left out: 1 image with a name that several folders have",
        f"left out: 1 image not below {tmp_path}",
    ]


def test_a_name_is_read_as_it_is_before_it_is_unescaped(tmp_path: Path) -> None:
    _images(tmp_path, "a%201.jpg", "a 1.jpg", "1f3a5c7e-b.jpg", "b.jpg")
    path = _json(tmp_path / "a.json", _coco("a%201.jpg", "1f3a5c7e-b.jpg"))
    assert [s.image for s in _read("coco", path)[0]] == ["a%201.jpg", "1f3a5c7e-b.jpg"]


def test_images_may_be_named_by_address_and_annotations_be_deleted(tmp_path: Path) -> None:
    _images(tmp_path, "val2017/1.jpg")  # as LVIS names them
    data = _coco("x")
    data["images"] = [{"id": 1, "coco_url": "http://images.example/val2017/1.jpg"}]
    data["annotations"].append({"image_id": 1, "category_id": 1, "bbox": BOX, "deleted": True})
    scenes, problems = _read("coco", _json(tmp_path / "a.json", data))
    assert _counts(scenes) == {"val2017/1.jpg": {"car": 1}}
    assert problems == ["left out: 1 annotation marked as deleted (annotation 2)"]


@pytest.mark.parametrize(
    "image",
    [
        {"file_name": None, "coco_url": "http://images.example/1.jpg"},
        {"file_name": "", "path": "/datasets/drive/1.jpg"},
        {"file_name": " ", "coco_url": "", "flickr_url": "http://images.example/1.jpg"},
    ],
)
def test_a_file_name_that_is_empty_is_looked_for_elsewhere(
    tmp_path: Path, image: dict[str, Any]
) -> None:
    _images(tmp_path, "1.jpg")
    path = _json(tmp_path / "a.json", _coco("", images=[{"id": 1, **image}]))
    assert _counts(_read("coco", path)[0]) == {"1.jpg": {"car": 1}}


def test_label_files_that_gzip_packed_are_read(tmp_path: Path) -> None:
    _images(tmp_path, "1.jpg")
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(_coco("1.jpg")).encode()))
    for source in (tmp_path, tmp_path / "a.json.gz"):
        assert _counts(_read("coco", source)[0]) == {"1.jpg": {"car": 1}}


def _bdd(name: str, *labels: dict[str, Any], **attributes: str) -> dict[str, Any]:
    return {"name": name, "attributes": attributes, "labels": list(labels)}


def _boxed(category: str, x: int, **attributes: Any) -> dict[str, Any]:
    box = {"x1": x, "y1": 10, "x2": x + 20, "y2": 30}
    return {"category": category, "box2d": box, "attributes": attributes}


def test_a_crowd_of_bdd100k_has_no_number(tmp_path: Path) -> None:
    _images(tmp_path, "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    rows = [
        _bdd("a.jpg", _boxed("pedestrian", 10, crowd=True), _boxed("car", 40, crowd=False)),
        _bdd("b.jpg", _boxed("car", 10, ignored="true"), _boxed("car", 40)),
        _bdd("c.jpg", _boxed("bus", 10, Crowd=True, Occluded=True), _boxed("car", 40)),
        _bdd("d.jpg", {**_boxed("rider", 10), "crowd": True}, _boxed("car", 40, Occluded=True)),
    ]
    scenes, problems = _read("bdd100k", _json(tmp_path / "det.json", rows))
    assert _counts(scenes) == {"a.jpg": {"car": 1}, "b.jpg": {}} | dict.fromkeys(
        ("c.jpg", "d.jpg"), {"car": 1}
    )
    assert [scene.things[-1].label for scene in scenes] == ["pedestrian", "car", "bus", "rider"]
    assert all(scene.things[-1] == Thing(scene.things[-1].label) for scene in scenes)
    assert problems == []


def test_bdd100k_files_about_the_same_images_count_once(tmp_path: Path) -> None:
    _images(tmp_path, "a.jpg")
    outline = {"category": "car", "poly2d": [{"vertices": [[40, 10], [60, 10], [60, 30]]}]}
    masked = {"category": "bus", "rle": {"counts": "1", "size": [100, 200]}}
    lane = {"category": "lane", "poly2d": [{"vertices": [[1, 1], [2, 2]]}]}
    _json(tmp_path / "det.json", [_bdd("a.jpg", _boxed("car", 40), weather="rainy")])
    _json(tmp_path / "ins.json", [_bdd("a.jpg", outline, masked, lane, weather="foggy")])
    (scene,), problems = _read("bdd100k", tmp_path)
    assert (scene.counts, scene.weather) == ({"car": 1, "bus": 1}, "rainy")
    assert problems == [
        "left out: 1 label without a box, as lanes and areas are (lane)",
        "images that were read before: 1; what is labelled twice counts once",
    ]


def _square(label: str, x: int, **more: Any) -> dict[str, Any]:
    corners = [[x, 60], [x + 19, 60], [x + 19, 79], [x, 79]]
    return {"label": label, "polygon": corners, **more}


def _city(*objects: dict[str, Any]) -> dict[str, Any]:
    road = {"label": "road", "polygon": [[0, 0], [199, 0], [199, 99], [0, 99]]}
    return {"imgHeight": 100, "imgWidth": 200, "objects": [road, *objects]}


def test_deleted_objects_and_license_plates_are_not_drawn(tmp_path: Path) -> None:
    _images(tmp_path, "leftImg8bit/val/x/x_000000_000001_leftImg8bit.png")
    path = tmp_path / "gtFine" / "val" / "x" / "x_000000_000001_gtFine_polygons.json"
    car = _square("car", 20, deleted=0)
    data = _city(
        car,
        _square("license plate", 20),
        _square("license_plate", 20),
        _square("truck", 60, deleted=1),
        _square("persongroup", 90, deleted=True),
        _square("person", 120),
    )
    _json(path, data)
    (scene,), problems = _read("cityscapes", tmp_path)
    assert problems == []
    assert scene.counts == {"car": 1, "person": 1}
    assert scene.shares == {"road": 0.96, "car": 0.02, "person": 0.02}


@pytest.mark.parametrize("label", ["cargroup", "car group", "car_group"])
def test_a_group_is_of_the_class_it_is_a_group_of(tmp_path: Path, label: str) -> None:
    _images(tmp_path, "x_000000_000001_leftImg8bit.png")
    path = tmp_path / "x_000000_000001_gtFine_polygons.json"
    _json(path, _city(_square(label, 20), _square("car", 60), _square("pole group", 90)))
    (scene,), _ = _read("cityscapes", tmp_path)
    assert scene.counts == {}
    assert scene.shares == {"road": 0.94, "car": 0.04, "pole group": 0.02}


def test_frames_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    for part, city, label in (("train", "7", "car"), ("val", "8", "bus")):
        _images(tmp_path, f"leftImg8bit/{part}/{city}/024541_leftImg8bit.png")
        where = tmp_path / "gtFine" / part / city
        _json(where / "024541_gtFine_polygons.json", _city(_square(label, 20)))
    scenes, problems = _read("cityscapes", tmp_path)
    assert problems == []
    assert _counts(scenes) == {
        "leftImg8bit/train/7/024541_leftImg8bit.png": {"car": 1},
        "leftImg8bit/val/8/024541_leftImg8bit.png": {"bus": 1},
    }


def test_one_image_that_two_folders_label_counts_once(tmp_path: Path) -> None:
    _images(tmp_path, "image_2/000001.png")
    row = "Car 0.00 0 -1.58 20 10 120 60 1.6 1.7 4.0 -3.0 1.7 8.5 -1.6\n"
    for folder in ("label_2", "labels"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "000001.txt").write_text(row, encoding="utf-8")
    scenes, problems = _read("kitti", tmp_path)
    assert _counts(scenes) == {"image_2/000001.png": {"Car": 1}}
    assert problems == ["left out: 1 scene of an image that had one before (image_2/000001.png)"]
