"""What is left out of a folder: label pictures but no frames, and every part of it is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c4t_core import paths
from c4t_core.images import scan as walking
from c4t_core.images.exclude import DIGITS_ALIKE, NO_RULES, OWN, ExcludeRules
from c4t_core.images.scan import FileState, scan

USUAL = ExcludeRules()
FOLDERS_OF_0_1 = [
    *("label*", "mask*", "depth*", "lidar*", "gtFine*", "gtCoarse*", "disparity*", "semantic*"),
    *("instance*", "@eaDir", "__MACOSX"),
]
FILES_OF_0_1 = [
    *("*_label_*", "*_label3D_*", "*_lidar_*", "*_gtFine_*", "*_gtCoarse_*", "*_labelIds.*"),
    *("*_labelTrainIds.*", "*_instanceIds.*", "*_disparity.*", "*_drivable_id.*", "._*"),
]


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def taken(root: Path, rules: ExcludeRules = USUAL) -> set[str]:
    return {os.fsdecode(name) for name in scan(str(root), rules).files}


LABELS = [
    "bdd100k/labels/sem_seg/masks/train/a.png",
    "bdd100k/seg/color_labels/train/a_train_color.png",
    "bdd100k/drivable_maps/color_labels/val/a_drivable_color.png",
    "bdd100k/lane/colormaps/a.png",
    "bdd100k/pan_seg/bitmasks/a.png",
    "flat/a_val_id.png",
    "acdc/gt/fog/train/GOPR0475/GOPR0475_frame_000247_gt_invIds.png",
    "acdc/gt_panoptic/fog/a.png",
    "flat/GOPR0475_frame_000247_gt_labelColor.png",
    "vistas/training/v2.0/panoptic/k.png",
    "vistas/training/instances/k.png",
    "kitti/training/semantic_rgb/000000_10.png",
    "kitti/training/disp_occ_0/000000_10.png",
    "kitti/training/gt_image_2/um_road_000000.png",
    "kitti/proj_depth/groundtruth/image_02/0000000005.png",
    "cityscapes/gtFine_trainvaltest/gtFine/train/aachen/aachen_0_gtFine_color.png",
    "cityscapes/disparity_trainvaltest/a.png",
    "idd/gtFine/train/0/024541_gtFine_labellevel3Ids.png",
    "idd_lite/flat/024541_inst_label.png",
    "apollo/Labels_road04/Label/Record001/Camera 5/170927_063811892_Camera_5_bin.png",
    "synthia/GT/COLOR/000000.png",
    "synthia/GT/LABELS/000000.png",
    "synthia/DepthLeft/000000.png",
    "viper/train/cls/001/001_00001.png",
    "comma10k/masks2/0000.png",
    "camvid/LabeledApproved_full/0001TP_006690_L.png",
    "camvid/trainannot/0001TP_006690.png",
    "camvid/flat/Seq05VD_f00000_L.png",
    "vkitti/frames/classSegmentation/Camera_0/classgt_00001.png",
    "waymo/panoptic_labels/a.png",
    "carla/instance_segmentation/a.png",
    "carla/depth_front_left/a.png",
    "carla/left_depth/a.png",
    "woodscape/semantic_annotations/rgbLabels/00000_FV.png",
    "woodscape/instance_annotations/00000_FV.png",
    "rellis/pylon_camera_node_label_color/a.png",
    "culane/laneseg_label_w16/driver_23/00000.png",
    "voc/SegmentationClassAug/2007_000032.png",
    "tas500/label_ids/a.png",
    "MASKS/a.png",
    "carla/dataA/CameraSeg/02_00_000.png",
    "tartanair/P000/seg_left/000000_left_seg.png",
    "kitti360/data_2d_semantics/train/2013_05_28_drive_0000_sync/image_00/confidence/0.png",
    "kitti/val_selection_cropped/groundtruth_depth/a.png",
    "yolop/ll_seg_annotations/train/a.png",
    "idd_aw/train/RAIN/gtSeg/1/a.png",
    "rugd/RUGD_annotations/creek/creek_00001.png",
]
FRAMES = [
    "depth_test_track/0.png",
    "instances_2024/0.png",
    "masked_plates/0.png",
    "semantic_city_tour/0.png",
    "label_street_tour/0.png",
    "lidar_car_front_camera/0.png",
    "lidar_test/0.png",
    "depth_test/0.png",
    "GT3/0.png",
    "golf_gt/0.png",
    "images_and_labels/0.png",
    "frames_without_masks/0.png",
    "camera_lidar_semantic_bboxes/2018/camera/cam_front_center/0.png",
    "bdd100k/seg/images/train/a.jpg",
    "acdc/rgb_anon/fog/train/GOPR0475_frame_000247_rgb_anon.png",
    "vistas/training/images/k.jpg",
    "kitti/data_semantics/training/image_2/000000_10.png",
    "kitti/2011_09_26_drive_0001_sync/image_02/data/0.png",
    "cityscapes/leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png",
    "idd/leftImg8bit/train/0/024541_leftImg8bit.png",
    "apollo/ColorImage/Record001/Camera 5/170927_063811892_Camera_5.jpg",
    "synthia/RGB/Stereo_Left/Omni_F/000000.png",
    "rugd/RUGD_frames-with-annotations/creek/creek_00001.png",
    "nuscenes/samples/CAM_FRONT/n015__CAM_FRONT__1531883530412470.jpg",
    "camvid/701_StillsRaw_full/0001TP_006690.png",
    "stereo/0001_L.png",
    "stereo/0001_R.png",
    "realsense/0001_color.png",
    "annotations/0001.jpg",
    "20240102_label_tour/0001_label_of_a_wine.jpg",
]


@pytest.mark.parametrize("name", LABELS)
def test_label_pictures_of_known_sets_are_left_out(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    touch(tmp_path / "frames" / "0.png")
    found = scan(str(tmp_path), USUAL)
    assert set(found.files) == {b"frames/0.png"}
    (left,) = found.omitted.rules.values()
    assert (left.files, left.more) == (1, False)
    assert (tmp_path / left.examples[0]).exists()


@pytest.mark.parametrize("name", FRAMES)
def test_frames_whose_folders_sound_like_labels_stay(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    found = scan(str(tmp_path), USUAL)
    assert set(found.files) == {os.fsencode(name)}
    assert not found.omitted.rules


@pytest.mark.parametrize("folder", ["annotations", "Annotations", "anno", "annot"])
def test_annotations_beside_images_are_labels(tmp_path: Path, folder: str) -> None:
    """The usual layout of segmentation tools; ``annotations`` alone may hold frames."""
    for name in ("set/images/train/a.jpg", f"set/{folder}/train/a.png", f"other/{folder}/b.png"):
        touch(tmp_path / name)
    assert taken(tmp_path) == {"set/images/train/a.jpg", f"other/{folder}/b.png"}


def test_a_label_beside_its_frame_is_told_by_the_frame(tmp_path: Path) -> None:
    for name in (
        *("1.jpg", "1_mask.png", "1-depth.png", "1_color_label.png", "2_mask.png", "3_color.png"),
        *("ade_1.jpg", "ade_1_seg.png", "ade_1_parts_1.png", "4_rgb.png", "4_semantic.png"),
        *("g_windshield.png", "g_labelids.png", "g_color.png"),
    ):
        touch(tmp_path / name)
    frames = {"1.jpg", "2_mask.png", "3_color.png", "ade_1.jpg", "4_rgb.png", "g_windshield.png"}
    assert taken(tmp_path) == frames


def test_a_folder_of_a_label_name_with_frames_and_labels_in_it_is_entered(tmp_path: Path) -> None:
    for name in ("segmentation/images/a.jpg", "segmentation/labels/a.png", "depth/images/a.png"):
        touch(tmp_path / name)
    assert taken(tmp_path) == {"segmentation/images/a.jpg"}


@pytest.mark.parametrize(
    "folder",
    [
        *("$RECYCLE.BIN", "$Recycle.Bin", "RECYCLER", "System Volume Information", "lost+found"),
        *(".Trash-1000", ".Trashes", ".Spotlight-V100", "@Recycle", "#recycle", "#snapshot"),
        *(
            "LOST.DIR",
            "Recycle Bin",
            "@eaDir",
            ".@__thumb",
            ".stversions",
            "found.000",
            "Thumbnails",
            ".thumbnails",
        ),
    ],
)
def test_recycle_bins_snapshots_and_thumbnails_hold_no_frames(tmp_path: Path, folder: str) -> None:
    touch(tmp_path / "DCIM" / "1.jpg")
    touch(tmp_path / "card" / folder / "S-1-5" / "2.jpg")
    assert taken(tmp_path) == {"DCIM/1.jpg"}


def test_what_a_rule_left_out_is_counted_with_examples(tmp_path: Path) -> None:
    for name in ("night_1/a.png", "night_1/x/b.png", "night_2/c.png", "night_3/notes.txt", "d.png"):
        touch(tmp_path / name)
    found = scan(str(tmp_path), ExcludeRules(folders=("night*",), files=("d.*",)))
    night, single = (found.omitted.rules[rule] for rule in ("night*", "d.*"))
    assert (night.folders, night.files, night.more) == (2, 3, False)
    assert set(night.examples) == {Path("night_1"), Path("night_2")}
    assert (single.folders, single.files, single.examples) == (0, 1, [Path("d.png")])
    assert found.excluded == {b"night_1", b"night_2", b"night_3", b"d.png"}


def test_a_huge_folder_is_counted_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "COUNTED_EACH", 10)
    monkeypatch.setattr(walking, "COUNTED", 25)
    for number in range(12):
        touch(tmp_path / "labels" / f"{number}.png")
        touch(tmp_path / "masks" / f"{number}.png")
        touch(tmp_path / "small" / "labels" / "a.png")
    for number in range(9):
        touch(tmp_path / "x" / "masks" / f"{number}.png")
    (left,) = scan(str(tmp_path), USUAL).omitted.rules.values()
    assert (left.folders, left.files, left.more) == (4, 25, True)
    (tmp_path / "labels").rename(tmp_path / "frames")
    monkeypatch.setattr(walking, "COUNTED", 22)
    (left,) = scan(str(tmp_path), USUAL).omitted.rules.values()
    assert (left.files, left.more) == (20, True)


def test_other_formats_and_recordings_are_counted_by_their_ending(tmp_path: Path) -> None:
    for name in (
        "a.EXR",
        "b.exr",
        "c/d.heic",
        "e.nef",
        "f.mp4",
        "f.264",
        "g.bag",
        "h.qoi",
        "h.txt",
        "i.png",
        "._j.nef",
    ):
        touch(tmp_path / name)
    found = scan(str(tmp_path), USUAL)
    read = {os.fsdecode(os.path.splitext(name)[1]) for name in found.files}
    assert {".png"} <= read
    counts = {".exr": 2, ".heic": 1, ".nef": 1, ".qoi": 1}
    assert found.omitted.unread == {end: n for end, n in counts.items() if end not in read}
    assert found.omitted.recordings == {".mp4": 1, ".264": 1, ".bag": 1}


# the application's own data -------------------------------------------------------------------


def test_own_data_are_never_taken_for_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    data = home / "Library" / "Application Support" / "C4T"
    monkeypatch.setenv("C4T_DATA_DIR", str(data))
    touch(data / "cache" / "thumbnails" / "ab" / "c.jpg")
    touch(data / "models" / "own" / "curve.png")
    touch(home / "Movies" / "0.jpg")
    for rules in (USUAL, NO_RULES):
        found = scan(str(home), rules)
        assert set(found.files) == {b"Movies/0.jpg"}
        assert found.omitted.rules[OWN].files == 2
    assert set(scan(str(data / "models"), USUAL).files) == {b"own/curve.png"}  # as one asked for


def test_own_cache_is_refused_even_where_it_is_chosen_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("C4T_DATA_DIR", str(tmp_path))
    touch(tmp_path / "cache" / "thumbnails" / "ab" / "c.jpg")
    touch(tmp_path / "frames" / "0.jpg")  # somebody keeps both in one folder
    for chosen in ("cache", "cache/thumbnails", "cache/thumbnails/ab"):
        found = scan(str(tmp_path / chosen), NO_RULES)
        assert not found.files
        assert found.omitted.rules[OWN].files == 1
    assert taken(tmp_path) == {"frames/0.jpg"}


def test_a_data_folder_of_another_run_is_known_by_its_catalogue(tmp_path: Path) -> None:
    touch(tmp_path / "old" / "catalogue.sqlite")
    touch(tmp_path / "old" / "cache" / "thumbnails" / "c.jpg")
    touch(tmp_path / "cache" / "0.jpg")  # any other folder of that name
    assert taken(tmp_path, NO_RULES) == {"cache/0.jpg"}
    assert not scan(str(tmp_path / "old" / "cache"), NO_RULES).files


def test_own_cache_of_the_platform_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths.platformdirs, "user_cache_dir", lambda *_, **__: f"{tmp_path}/c4t")
    touch(tmp_path / "c4t" / "ab" / "c.jpg")
    touch(tmp_path / "frames" / "0.jpg")
    assert taken(tmp_path) == {"frames/0.jpg"}


# clocks ---------------------------------------------------------------------------------------


def stat_with(size: int, ticks: int) -> os.stat_result:
    values = (0o100644, 1, 1, 1, 0, 0, size, 0, 0, 0)
    return os.stat_result(values, {"st_mtime_ns": ticks})


YEAR_2400, YEAR_1600 = 13_569_465_600 * 10**9, -11_676_096_000 * 10**9


@pytest.mark.parametrize("ticks", [YEAR_2400, YEAR_1600, 2**70, -(2**70), 2**63, -(2**63)])
def test_a_clock_beyond_the_catalogue_is_held_at_its_end(ticks: int) -> None:
    state = FileState.of(stat_with(2**64, ticks))
    assert 0 < state.size < 2**63
    assert -(2**63) <= state.mtime_ns < 2**63
    assert (state.mtime_ns > 0) == (ticks > 0)
    assert abs(state.mtime_ns) > 9.2e18
    assert FileState.of(stat_with(2**64, ticks + 10**9)) != state  # a change is still seen


def test_a_usual_clock_is_kept_as_it_is() -> None:
    assert FileState.of(stat_with(7, -5)) == FileState(7, -5)
    assert FileState.of(stat_with(7, 10**18 + 1)) == FileState(7, 10**18 + 1)


# rules in the catalogue -----------------------------------------------------------------------


def rules_of_0_1(folders: list[str], files: list[str], *, hidden: bool = True) -> str:
    return json.dumps({"files": files, "folders": folders, "hidden": hidden})


def test_who_kept_the_rules_of_0_1_gets_those_of_today() -> None:
    assert ExcludeRules.from_json(rules_of_0_1(FOLDERS_OF_0_1, FILES_OF_0_1)) == USUAL
    more = rules_of_0_1([*FOLDERS_OF_0_1, "rear*"], [*FILES_OF_0_1, "rear*"])
    wanted = ExcludeRules((*USUAL.folders, "rear*"), (*USUAL.files, "rear*"))
    assert ExcludeRules.from_json(more) == wanted


def test_who_chose_rules_in_0_1_keeps_them() -> None:
    assert ExcludeRules.from_json(rules_of_0_1([], [], hidden=False)) == NO_RULES
    own = ExcludeRules.from_json(rules_of_0_1(["mask*"], ["*_x.*"]))
    assert own == ExcludeRules(("mask*",), ("*_x.*",), hidden=True, labels=False)


@pytest.mark.parametrize(
    "rules",
    [
        *(USUAL, NO_RULES, ExcludeRules((*USUAL.folders, "a"), (*USUAL.files, "a"))),
        *(ExcludeRules(("a",), ()), ExcludeRules(hidden=False, labels=False)),
    ],
)
def test_rules_survive_the_catalogue(rules: ExcludeRules) -> None:
    assert ExcludeRules.from_json(rules.to_json()) == rules


def test_usual_rules_are_kept_by_name_so_that_a_later_version_may_know_more() -> None:
    data = json.loads(ExcludeRules((*USUAL.folders, "rear*"), USUAL.files).to_json())
    assert (data["usual"], data["folders"], data["files"]) == (True, ["rear*"], [])


PARTS = st.sampled_from(
    [
        *("20", "20260101_", "_", "-", ".", "a", "7", "aachen", "_label_", "label3D_", "_lidar_"),
        *(
            "gt",
            "_gtFine_",
            "Camera_5",
            "_bin",
            "_labelLevel3Ids",
            "mask",
            "seg",
            "Semantic",
            "ids",
        ),
        *("depth", "_colour", "color", "instance", "_inst_label", "0001TP_", "_L", "._", "parts"),
        *("\N{LATIN SMALL LETTER LONG S}", "\N{KELVIN SIGN}", "\u0131", "trainid", "annotation"),
    ]
)
NAMES = st.lists(PARTS, min_size=1, max_size=5).map("".join).filter(lambda name: name != ".")


@given(
    st.lists(NAMES, min_size=1, max_size=6),
    st.sampled_from([USUAL, ExcludeRules(("x",), ("*_[0-9]*a?", "2*7_*"), labels=False)]),
)
@settings(max_examples=400, deadline=None)
def test_what_is_said_of_all_names_at_once_holds_for_each(names: list[str], rules) -> None:
    files = [f"{stem}{ending}" for stem in names for ending in (".png", ".JPG")]
    beside = {file.rpartition(".")[0].lower() for file in files}
    text = "\n".join(file for file in files if file.isascii()).lower().encode()
    if not rules.may_leave_out_files(text.translate(DIGITS_ALIKE)):
        assert [file for file in files if file.isascii() and rules.file_rule(file, beside)] == []


def test_frames_of_common_names_are_taken_all_at_once() -> None:
    for name in (
        "20180807145028_camera_frontcenter_000000091.png",
        "n015-2018-07-24-11-22-45+0800__cam_front__1532402927612460.jpg",
        "b1c66a42-6f7d68ca.jpg",
        "0000000005.png",
        "frame_000123.jpg",
    ):
        assert not USUAL.may_leave_out_files(name.encode().translate(DIGITS_ALIKE))


@pytest.mark.parametrize("more", ["", "notes.txt", "b_mask.png", "\N{SNOWMAN}.png", "one\ntwo.png"])
def test_what_lies_beside_frames_changes_nothing_about_them(tmp_path: Path, more: str) -> None:
    names = [f"frame_{number:03}.png" for number in range(20)]
    for name in (*names, *([more] if more else ())):
        touch(tmp_path / name)
    os.utime(tmp_path / names[3], ns=(5, -(10**9)))
    found = scan(str(tmp_path), USUAL)
    there = {*names} | ({more} if more.endswith(".png") else set())
    assert {os.fsdecode(name) for name in found.files} == there
    for name, state in found.files.items():
        assert state == FileState.of(os.stat(tmp_path / os.fsdecode(name)))


def test_a_clock_beyond_what_is_held_does_not_hinder_those_beside_it(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    touch(tmp_path / "b.png")
    os.utime(tmp_path / "a.png", ns=(5, YEAR_2400))
    for name, state in scan(str(tmp_path), USUAL).files.items():
        assert state == FileState.of(os.stat(tmp_path / os.fsdecode(name)))
        assert max(state) < 2**63
