"""Class names as data sets write them: paths, codes, numbers that mean something, CamelCase."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c4t_core.cli import main
from c4t_core.datasets.captions import captions
from c4t_core.datasets.scene import Scene
from c4t_core.datasets.words import class_of, concept, is_silent, plain_name, with_article

PATHS = {
    "vehicle.car": "car",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "child",
    "movable_object.trafficcone": "traffic cone",
    "static_object.bicycle_rack": "bicycle rack",
    "vehicle.bus.bendy": "articulated bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.construction": "construction vehicle",
    "vehicle.truck.2_axle": "truck",
    "flat.driveable_surface": "road",
    "object--vehicle--car": "car",
    "object--vehicle--boat": "boat",
    "object--vehicle--other-vehicle": "vehicle",
    "construction--flat--road": "road",
    "human--person--individual": "person",
    "object--traffic-sign--front": "traffic sign",
    "Vehicle/Car": "car",
    "nuscenes::car": "car",
    "car/van": "car or van",
    "regulatory--stop--g1": "stop sign",
    "regulatory--maximum-speed-limit-80--g1": "maximum speed limit 80 sign",
    "information--parking--g1": "parking sign",
    "traffic_sign--pl80": "traffic sign",
}
NAMES = {
    "TrafficLight": "traffic light",
    "traffic_light-red": "red traffic light",
    "TrafficLight.Green": "green traffic light",
    "traffic_light_off": "traffic light",
    "car parked": "parked car",
    "TYPE_PEDESTRIAN": "pedestrian",
    "vehicle_car": "car",
    "Car_1": "car",
    "Car1": "car",
    "object--vehicle--truck--3": "truck",
    "2-wheeler": "two-wheeler",
    "stop sign": "stop sign",
    "No entry": "no entry sign",
    "car(s)": "car",
    "Bus(es)": "bus",
    "prohibitory": "prohibitory sign",
}
SPEEDS = {
    "30 km/h": "30 km/h sign",
    "30kmh": "30 km/h sign",
    "50mph zone": "50 mph zone sign",
    "speed limit 30": "speed limit 30 sign",
    "SpeedLimit50": "speed limit 50 sign",
    "Speed limit (20km/h)": "speed limit 20 km/h sign",
    "weight limit 3.5t": "weight limit 3.5t sign",
    "Tempo 30": "tempo 30 sign",
    "vmax_100": "vmax 100 sign",
    "prohibitory_50": "prohibitory 50 sign",
    "restriction ends 80": "restriction ends 80 sign",
}
CODES = ["pl80", "R1-1", "3.5t", "w57", "ph4.5", "pn", "i5", "io", "class_1", "n02958343"]
CODES += ["5_19_1", "274-30", "P+R", "/m/0k4j", "tl_red", "RedLeft", "Keep right", "信号灯"]  # noqa: RUF001 - not English


@pytest.mark.parametrize(("label", "noun"), [*PATHS.items(), *NAMES.items(), *SPEEDS.items()])
def test_names_are_read_as_people_mean_them(label: str, noun: str) -> None:
    found = concept(label)
    assert found is not None
    assert found.one == noun


@pytest.mark.parametrize("label", CODES)
def test_codes_are_left_to_the_keywords(label: str) -> None:
    assert concept(label) is None
    assert not is_silent(label)
    scene = Scene("a.png", counts={label: 2})
    assert captions(scene, "sentence") == []
    assert captions(scene, "keywords") == [label.replace("_", " ")]


@pytest.mark.parametrize("label", ["void--ground", "EgoVehicle", "vehicle.ego", "static.other"])
def test_what_says_nothing_is_silent_below_a_path_too(label: str) -> None:
    assert concept(label) is None
    assert is_silent(label)
    assert captions(Scene("a.png", counts={label: 1, "car": 1}), "keywords") == ["car"]


def test_only_instances_lose_their_number() -> None:
    assert [class_of(name) for name in ("Car_1", "Car 2", "car-3")] == ["Car", "Car", "car"]
    kept = ["speed limit 30", "speed_limit_30", "zone 30", "pl80", "R1-1", "30"]
    assert [class_of(name) for name in kept] == kept


def test_signs_of_two_speeds_are_two_kinds_and_have_their_article() -> None:
    scene = Scene("a.png", counts={"30 km/h": 1, "80 km/h": 1, "car": 3})
    said = " ".join(text for seed in range(30) for text in captions(scene, "sentence", seed))
    assert "two 30 km/h" not in said.lower()
    assert " a 80" not in said
    assert "km h" not in said
    spoken = [with_article(f"{speed} km/h sign").split()[0] for speed in (8, 11, 18, 80, 110, 30)]
    assert spoken == ["an", "an", "an", "an", "a", "a"]


def test_keywords_say_paths_as_people_would() -> None:
    assert plain_name("vehicle.car") == "car"
    assert plain_name("30 km/h") == "30 km/h"
    scene = Scene("a.png", counts={"vehicle.car": 2, "pl80": 1, "sign_symbol": 1})
    assert captions(scene, "keywords") == ["car, pl80, sign symbol"]


def _coco(folder: Path, names: list[str]) -> Path:
    labels = {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 200, "height": 100}],
        "categories": [{"id": index, "name": name} for index, name in enumerate(names)],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": i, "bbox": [10 + 30 * i, 10, 20, 40]}
            for i in range(len(names))
        ],
    }
    source = folder / "labels.json"
    source.write_text(json.dumps(labels), "utf-8")
    (folder / "1.jpg").touch()
    return source


def test_caption_command_speaks_english_of_coco_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["vehicle.car", "30 km/h", "pl80", "pl30", "object--vehicle--truck"]
    source, out = _coco(tmp_path, names), tmp_path / "pairs.csv"
    assert main(["caption", "coco", str(source), "-o", str(out), "--style", "sentence"]) == 0
    said = out.read_text("utf-8").lower()
    assert all(word in said for word in ("car", "truck", "30 km/h sign"))
    assert not any(word in said for word in ("pl", "vehicle", "object", "km h"))
    assert "2 classes have no English noun for a name (pl30, pl80)" in capsys.readouterr().out


def test_classes_that_are_numbers_are_to_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = _coco(tmp_path, ["0", "7"]), tmp_path / "pairs.csv"
    assert main(["caption", "coco", str(source), "-o", str(out)]) == 1
    assert "its classes are numbers (0, 7): name them in the labels" in capsys.readouterr().err


def test_labels_of_codes_only_say_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = _coco(tmp_path, ["pl80", "R1-1"]), tmp_path / "pairs.csv"
    assert main(["caption", "coco", str(source), "-o", str(out), "--style", "sentence"]) == 1
    assert "--style keywords" in capsys.readouterr().err
    assert main(["caption", "coco", str(source), "-o", str(out), "--style", "keywords"]) == 0
    assert "R1-1, pl80" in out.read_text("utf-8")
