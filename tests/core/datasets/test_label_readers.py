"""Label images: colours and ids, class lists, pairing, and what may be wrong with them."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from c4t_core.datasets.labels.classlist import read_class_list
from c4t_core.datasets.labels.layout import frame_key
from c4t_core.datasets.labels.masks import Palette, regions
from c4t_core.datasets.scene import Problem, Scene
from c4t_core.datasets.scenes import read_scenes
from c4t_core.errors import DataError
from c4t_core.images.decode import open_labels

CLASSES = {"#ff0000": "Car 1", "#c80000": "Car 2", "#87ceff": "Sky", "#ff00ff": "RD normal street"}
RED, DARK, SKY, STREET = (255, 0, 0), (200, 0, 0), (135, 206, 255), (255, 0, 255)


def _label(path: Path, unknown: bool = False) -> None:
    """Draw 10 x 20: half sky, 40 % street, 15 pixels Car 1, 5 Car 2."""
    picture = np.zeros((10, 20, 3), dtype=np.uint8)
    picture[:5] = SKY
    picture[5:] = STREET
    picture[7:10, 0:5] = RED
    picture[5:6, 15:20] = DARK
    if unknown:
        picture[0, :3] = (1, 2, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def _image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10)).save(path)


def _flat(root: Path, stamp: str = "20180807145028", frame: str = "000000091") -> None:
    _label(root / "labels" / f"{stamp}_label_frontcenter_{frame}.png")
    _image(root / "images" / f"{stamp}_camera_frontcenter_{frame}.png")
    (root / "class_list.json").write_text(json.dumps(CLASSES), encoding="utf-8")


def _published(root: Path) -> None:
    drive = root / "20180807_145028"
    name = "20180807145028_{}_frontcenter_000000091.png"
    _label(drive / "label" / "cam_front_center" / name.format("label"))
    _image(drive / "camera" / "cam_front_center" / name.format("camera"))
    _image(drive / "instance" / "cam_front_center" / name.format("instance"))
    (root / "class_list.json").write_text(json.dumps(CLASSES), encoding="utf-8")


def _read(kind: str, root: Path, **options: Path) -> tuple[list[Scene], list[Problem]]:
    problems: list[Problem] = []
    return list(read_scenes(kind, root, problems=problems, **options)), problems


@pytest.mark.parametrize("layout", [_flat, _published])
def test_a2d2_shares_are_those_of_the_pixels(tmp_path: Path, layout) -> None:
    layout(tmp_path)
    (scene,), problems = _read("a2d2", tmp_path)
    assert problems == []
    assert scene.shares == {
        "Sky": 100 / 200,
        "RD normal street": 80 / 200,
        "Car 1": 15 / 200,
        "Car 2": 5 / 200,
    }
    assert (tmp_path / scene.image).is_file()
    assert "camera" in scene.image
    car = next(thing for thing in scene.things if thing.instance == "Car 1")
    assert (car.label, car.share) == ("Car", 0.075)
    assert scene.source == "a2d2"


def test_a2d2_reports_missing_partners_and_unknown_colours(tmp_path: Path) -> None:
    _flat(tmp_path)
    _flat(tmp_path, frame="000000092")
    _label(tmp_path / "labels" / "20180807145028_label_frontcenter_000000091.png", unknown=True)
    (tmp_path / "images" / "20180807145028_camera_frontcenter_000000092.png").unlink()
    _image(tmp_path / "images" / "20180807145028_camera_frontcenter_000000093.png")
    scenes, problems = _read("a2d2", tmp_path)
    assert len(scenes) == 1
    assert scenes[0].shares["Sky"] == 97 / 200
    said = {p.path.name: p.message for p in problems if p.path}
    assert "#010203 (3 pixels)" in said["20180807145028_label_frontcenter_000000091.png"]
    assert "no image" in said["20180807145028_label_frontcenter_000000092.png"]
    assert "no label" in said["20180807145028_camera_frontcenter_000000093.png"]


def test_broken_and_empty_labels_are_left_out(tmp_path: Path) -> None:
    for number in range(4):
        _flat(tmp_path, frame=f"{number:09d}")
    labels = sorted((tmp_path / "labels").iterdir())
    labels[0].write_bytes(labels[0].read_bytes()[:60])
    labels[1].write_bytes(b"")
    Image.new("RGB", (20, 10), (9, 9, 9)).save(labels[2])
    scenes, problems = _read("a2d2", tmp_path)
    assert [s.image[-7:-4] for s in scenes] == ["003"]
    by_label = {}
    for problem in problems:
        by_label.setdefault(problem.path, []).append(problem.message)
    assert "damaged" in by_label[labels[0]][0]
    assert "an empty file" in by_label[labels[1]][0]
    assert "#090909 (200 pixels)" in by_label[labels[2]][0]
    assert "empty" in by_label[labels[2]][1]


def test_without_a_class_list_the_option_is_named(tmp_path: Path) -> None:
    _flat(tmp_path)
    (tmp_path / "class_list.json").rename(tmp_path / "elsewhere.json")
    with pytest.raises(DataError, match="--classes"):
        _read("a2d2", tmp_path)
    scenes, _ = _read("a2d2", tmp_path, classes=tmp_path / "elsewhere.json")
    assert len(scenes) == 1
    with pytest.raises(DataError, match="not there"):
        _read("a2d2", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    shutil.copy(tmp_path / "elsewhere.json", tmp_path / "empty" / "class_list.json")
    with pytest.raises(DataError, match="no label images"):
        _read("a2d2", tmp_path / "empty")


def test_boxes_of_regions_are_where_the_pixels_are() -> None:
    ids = np.zeros((80, 160), dtype=np.uint8)
    ids[40:80, 120:160] = 1
    ids[0, 0] = 1  # a stray pixel does not stretch the box
    found, unknown = regions(Image.fromarray(ids), Palette({0: "sky", 1: "car"}))
    assert unknown == {}
    car = next(region for region in found if region.name == "car")
    assert car.box == pytest.approx((0.75, 0.5, 1.0, 1.0), abs=0.03)


def test_counting_equals_counting_pixel_by_pixel() -> None:
    rng = np.random.default_rng(7)
    colours = {(0, 0, 0): "a", (255, 255, 255): "b", (1, 2, 3): "c", (3, 2, 1): "c"}
    table = np.array([*colours, (9, 9, 9)], dtype=np.uint8)
    picture = table[rng.integers(0, len(table), (37, 53))]
    found, unknown = regions(Image.fromarray(picture), Palette(colours))
    slow = Counter(colours.get(tuple(map(int, p)), "?") for row in picture for p in row)
    assert {r.name: r.pixels for r in found} == {k: n for k, n in slow.items() if k != "?"}
    assert unknown == {"#090909": slow["?"]}


def test_real_a2d2_shares_equal_a_plain_count(drive_data: Path) -> None:
    root = drive_data / "a2d2"
    scenes, problems = _read("a2d2", root)
    assert (len(scenes), problems) == (5, [])
    classes = json.loads((root / "class_list.json").read_text(encoding="utf-8"))
    scene = scenes[0]
    label = root / scene.image.replace("images/", "labels/").replace("_camera_", "_label_")
    pixels = np.asarray(Image.open(label)).reshape(-1, 3) @ np.array([65536, 256, 1])
    colours, times = np.unique(pixels, return_counts=True)
    plain = {
        classes[f"#{colour:06x}"]: int(n) / len(pixels)
        for colour, n in zip(colours, times, strict=True)
    }
    assert dict(scene.shares) == plain
    assert sum(plain.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("classes.txt", "0 sky\n1 road way\n"),
        ("classes.csv", "id,name\n0,sky\n1,road way\n"),
        ("names_first.csv", "name;id\nsky;0\nroad way;1\n"),
        ("by_id.json", '{"0": "sky", "1": "road way"}'),
        ("by_name.json", '{"sky": 0, "road way": 1}'),
        ("listed.json", '[{"id": 0, "name": "sky"}, {"id": 1, "name": "road way"}]'),
        ("tabs.txt", "# ids of our masks\n0\tsky\n\n1\troad way\n"),
    ],
)
def test_class_lists_of_ids(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    assert read_class_list(tmp_path / name, problems) == {0: "sky", 1: "road way"}
    assert problems == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("label_colors.txt", "64 128 64\t\tAnimal\n192 0 128\t\tArch way\n"),
        ("class_dict.csv", "name,r,g,b\nAnimal,64,128,64\nArch way,192,0,128\n"),
        ("hex.txt", "#408040 Animal\n#c00080 Arch way\n"),
        ("hex.json", '{"#408040": "Animal", "#c00080": "Arch way"}'),
        ("rgb.json", '{"Animal": [64, 128, 64], "Arch way": [192, 0, 128]}'),
        (
            "list.json",
            '{"labels": [{"color": [64, 128, 64], "name": "Animal"},'
            ' {"name": "Arch way", "color": [192, 0, 128]}]}',
        ),
    ],
)
def test_class_lists_of_colours(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    expected = {(64, 128, 64): "Animal", (192, 0, 128): "Arch way"}
    assert read_class_list(tmp_path / name, problems) == expected
    assert problems == []


BOTH = {1: "Animal", (64, 128, 64): "Animal", 2: "Arch way", (192, 0, 128): "Arch way"}
CVAT = """\ufeff# label:color_rgb:parts:actions\r
Animal:64,128,64::\r
Arch way:192,0,128:left,right:open,shut\r
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labelmap.txt", CVAT),
        (
            "meta.json",  # Supervisely
            '{"classes": [{"title": "Animal", "shape": "bitmap", "color": "#408040"},'
            ' {"title": "Arch way", "color": "#C00080"}], "tags": [], "projectType": "images"}',
        ),
        (
            "config.json",  # Mapillary
            '{"labels": [{"color": [64, 128, 64], "name": "animal--animal", "readable": "Animal"},'
            ' {"color": [192, 0, 128, 255], "name": "x--arch", "readable": "Arch way"}]}',
        ),
        ("obj_class_to_machine_color.json", '{"Animal": [64, 128, 64], "Arch way": [192, 0, 128]}'),
        ("hex.csv", "name,color\nAnimal,#408040\nArch way,#c00080\n"),
        ("last.txt", "Animal #408040\nArch way #c00080\n"),
        ("quoted.csv", '"Class Name";"RGB"\n"Animal";"64, 128, 64"\n"Arch way";"(192,0,128)"\n'),
        ("red.csv", "\ufeffRed,Green,Blue,Label\r\n64,128,64,Animal\r\n192,0,128,Arch way\r\n"),
        ("floats.json", '{"Animal": [64.0, 128.0, 64.0], "Arch way": "192 0 128"}'),
        ("keys.json", '{"64,128,64": "Animal", "(192, 0, 128)": "Arch way"}'),
        ("blanks.txt", "# label : color_rgb\nAnimal : 64, 128 , 64 : :\nArch way : 192,0,128::\n"),
        ("alpha.txt", "Animal:64,128,64,255::\nArch way:192,0,128,0:a,b:\n"),
        ("short.txt", "Animal:64,128,64\nArch way:#c00080\n"),
        ("round.txt", "Animal\t(64, 128, 64)\nArch way\t[192, 0, 128]\n"),
        ("pairs.json", '[["Animal", [64, 128, 64]], ["Arch way", [192, 0, 128]]]'),
        ("colours.yaml", "labels:\n  Animal: [64, 128, 64]\n  Arch way: [192, 0, 128]\n"),
    ],
)
def test_class_lists_of_tools_with_colours(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    problems: list[Problem] = []
    assert read_class_list(tmp_path / name, problems) == {
        key: label for key, label in BOTH.items() if isinstance(key, tuple)
    }
    assert problems == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("all.csv", "id,name,r,g,b\n1,Animal,64,128,64\n2,Arch way,192,0,128\n"),
        ("bare.csv", "1,Animal,64,128,64\n2,Arch way,192,0,128\n"),
        ("tabs.csv", "Name\tColor\tId\nAnimal\t#408040\t1.0\nArch way\t#c00080\t2\n"),
        (
            "dataset_meta.json",  # Datumaro
            '{"label_map": {"1": "Animal", "2": "Arch way"},'
            ' "segmentation_colors": [[64, 128, 64], [192, 0, 128]]}',
        ),
        (
            "labels.json",  # CVAT
            '[{"id": 1, "name": "Animal", "color": "#408040", "attributes": []},'
            ' {"id": 2, "name": "Arch way", "color": "#c00080"}]',
        ),
        (
            "nested.json",
            '{"Animal": {"id": 1, "color": [64, 128, 64]},'
            ' "Arch way": {"id": 2, "color": [192, 0, 128]}}',
        ),
        (
            "config.json",  # MMSegmentation
            '{"palette": [[64, 128, 64], [192, 0, 128]],'
            ' "classes": {"1": "Animal", "2": "Arch way"}}',
        ),
    ],
)
def test_class_lists_with_ids_and_colours(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    problems: list[Problem] = []
    assert read_class_list(tmp_path / name, problems) == BOTH
    assert problems == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("class_names.txt", "sky\nroad way\n"),
        ("labels.txt", "__ignore__\r\nsky\r\nroad way\r\n"),  # Labelme
        ("names.json", '["sky", "road way"]'),
        ("coco.json", '{"categories": [{"id": 0, "name": "sky"}, {"id": 1, "name": "road way"}]}'),
        ("yolo.json", '{"names": {"0": "sky", "1": "road way"}, "nc": 2}'),
        ("label_map.pbtxt", "item {\n id: 0\n name: 'sky'\n}\nitem { name: 'road way' id: 1 }\n"),
        ("headed.csv", "class_id,class_name\n0,sky\n1,road way\n"),
        (
            "config.json",  # Transformers
            '{"model_type": "x", "id2label": {"0": "sky", "1": "road way"},'
            ' "label2id": {"sky": 0, "road way": 1}}',
        ),
        ("pairs.json", '[[0, "sky"], ["road way", 1]]'),
        ("colons.txt", "0: sky\n1: road way\n"),
        ("equals.txt", "sky = 0\nroad way = 1\n"),
        ("data.yaml", "path: x  # root\nnames:\n  0: sky\n  1: 'road way'\nnc: 2\n"),
        ("data.yml", "nc: 2\nnames: ['sky', \"road way\"]\n"),
        ("lines.yaml", "names: [\n  'sky',\n  'road way'\n]\n"),
        ("classes.yaml", "classes:\n- sky\n- road way\ntrain: a\n"),
    ],
)
def test_class_lists_of_tools_with_ids(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    problems: list[Problem] = []
    assert read_class_list(tmp_path / name, problems) == {0: "sky", 1: "road way"}
    assert problems == []


def test_the_class_list_of_cvat_is_found_beside_its_masks(tmp_path: Path) -> None:
    _image(tmp_path / "JPEGImages" / "1.jpg")
    (tmp_path / "Labelmap.txt").write_text(CVAT, encoding="utf-8", newline="")
    (tmp_path / "labels.json").write_text('{"version": 1}', encoding="utf-8")  # something else
    picture = np.full((10, 20, 3), (64, 128, 64), dtype=np.uint8)
    picture[:, 5:] = (192, 0, 128)
    for folder in ("SegmentationClass", "SegmentationObject"):
        (tmp_path / folder).mkdir()
        Image.fromarray(picture).save(tmp_path / folder / "1.png")
    (scene,), problems = _read("masks", tmp_path)
    assert (scene.shares, problems) == ({"Arch way": 0.75, "Animal": 0.25}, [])
    assert scene.image == "JPEGImages/1.jpg"


def test_masks_tell_if_they_hold_ids_or_colours(tmp_path: Path) -> None:
    (tmp_path / "classes.csv").write_text("id,name,r,g,b\n1,sky,9,9,9\n2,road,8,0,0\n", "utf-8")
    paletted = Image.new("P", (20, 10), 7)
    paletted.putpalette([0, 0, 0] * 7 + [8, 0, 0])
    unknown = Image.new("P", (20, 10), 2)
    unknown.putpalette([0, 0, 0, 1, 1, 1, 2, 2, 2])
    masks = {
        "ids": Image.new("L", (20, 10), 2),
        "colours": Image.new("RGB", (20, 10), (8, 0, 0)),
        "paletted": paletted,
        "unknown": unknown,  # colours that no class has: its ids are meant
    }
    (tmp_path / "masks").mkdir()
    for name, mask in masks.items():
        _image(tmp_path / "images" / f"{name}.png")
        mask.save(tmp_path / "masks" / f"{name}.png")
    scenes, problems = _read("masks", tmp_path)
    assert problems == []
    assert [scene.shares for scene in scenes] == [{"road": 1.0}] * 4


def test_bad_entries_of_class_lists_are_named(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("0 sky\nno number here\n0 road\n1 2 3 mixed\n-5 minus\n9 tree\n", "utf-8")
    problems: list[Problem] = []
    assert read_class_list(path, problems) == {0: "sky", 9: "tree"}
    assert [p.line for p in problems] == [2, 3, 4, 5]
    broken = tmp_path / "classes.json"
    broken.write_text('{"0": "sky",\n "1" "road"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"classes\.json:2 is not valid JSON"):
        read_class_list(broken, [])
    broken.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="names no class"):
        read_class_list(broken, [])


def test_camvid_colour_masks(tmp_path: Path) -> None:
    _image(tmp_path / "images" / "0016E5_00390.png")
    picture = np.zeros((10, 20, 3), dtype=np.uint8)
    picture[:, :5] = (64, 128, 64)
    (tmp_path / "labels").mkdir()
    Image.fromarray(picture).save(tmp_path / "labels" / "0016E5_00390_L.png")
    (tmp_path / "label_colors.txt").write_text("64 128 64\tAnimal\n0 0 0\tVoid\n", "utf-8")
    (scene,), problems = _read("masks", tmp_path)
    assert problems == []
    assert scene.shares == {"Animal": 0.25, "Void": 0.75}
    assert scene.image == "images/0016E5_00390.png"


def test_idd_id_masks_beside_other_variants(tmp_path: Path) -> None:
    _image(tmp_path / "leftImg8bit" / "train" / "7" / "024541_leftImg8bit.png")
    _image(tmp_path / "leftImg8bit" / "val" / "8" / "024541_leftImg8bit.png")
    ids = np.zeros((10, 20), dtype=np.uint8)
    ids[:, 10:] = 4
    for split, folder in (("train", "7"), ("val", "8")):
        where = tmp_path / "gtFine" / split / folder
        where.mkdir(parents=True)
        Image.fromarray(ids).save(where / "024541_gtFine_labelids.png")
        Image.fromarray(ids).save(where / "024541_gtFine_instanceids.png")
        Image.new("RGB", (20, 10)).save(where / "024541_gtFine_color.png")
    (tmp_path / "classes.csv").write_text("0,road\n4,person\n", encoding="utf-8")
    scenes, problems = _read("masks", tmp_path)
    assert problems == []
    assert [s.image for s in scenes] == [
        "leftImg8bit/train/7/024541_leftImg8bit.png",
        "leftImg8bit/val/8/024541_leftImg8bit.png",
    ]
    assert scenes[0].shares == {"road": 0.5, "person": 0.5}


def test_masks_may_lie_apart_from_their_images(tmp_path: Path) -> None:
    _image(tmp_path / "pictures" / "a.jpg")
    (tmp_path / "masks").mkdir()
    Image.new("L", (20, 10), 1).save(tmp_path / "masks" / "a.png")
    (tmp_path / "masks" / "classes.txt").write_text("1 sky\n", encoding="utf-8")
    (scene,), problems = _read("masks", tmp_path / "masks", images=tmp_path / "pictures")
    assert (scene.image, scene.shares, problems) == ("a.jpg", {"sky": 1.0}, [])


def test_colours_under_a_list_of_ids_are_said(tmp_path: Path) -> None:
    _image(tmp_path / "images" / "a.png")
    _label(tmp_path / "masks" / "a.png")
    (tmp_path / "classes.txt").write_text("1 sky\n", encoding="utf-8")
    scenes, problems = _read("masks", tmp_path)
    assert scenes == []
    assert "class list gives ids" in problems[0].message


def test_label_images_of_16_bits_and_palettes(tmp_path: Path) -> None:
    wide = np.full((4, 4), 300, dtype=np.uint16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    found, _ = regions(open_labels(tmp_path / "wide.png"), Palette({300: "train"}))
    assert [(r.name, r.share) for r in found] == [("train", 1.0)]
    paletted = Image.new("P", (4, 4), 2)
    paletted.putpalette([0, 0, 0, 1, 1, 1, 200, 0, 0])
    paletted.save(tmp_path / "p.png")
    by_id, _ = regions(open_labels(tmp_path / "p.png"), Palette({2: "car"}))
    by_colour, _ = regions(open_labels(tmp_path / "p.png"), Palette({(200, 0, 0): "car"}))
    assert by_id == by_colour


def test_endings_are_peeled_off_names() -> None:
    assert frame_key(Path("a/1_image.jpg")) == frame_key(Path("b/1_label.png")) == "1"
    assert frame_key(Path("Label_L.png")) == "Label"
    assert frame_key(Path("_label.png")) == "_label"
