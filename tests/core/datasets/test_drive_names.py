"""Drive, camera, frame and time are read from the names of the usual data sets.

The drive of a picture is the same wherever a folder is opened, and no two recordings are one.
"""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

import c4t_core
from c4t_core.images.frame_names import (
    FrameName,
    matches_drive,
    parse_frame_name,
    recording,
    shown_drives,
)
from c4t_core.images.name_parts import stamp_time


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "20180807_145028/camera/cam_front_center/"
            "20180807145028_camera_frontcenter_000000030.png",
            FrameName("20180807145028", "frontcenter", 30, 1533653429.0),
        ),
        (
            "images/20180807145028_camera_frontcenter_000006882.png",
            FrameName("20180807145028", "frontcenter", 6882, 1533653657.4),
        ),
        (
            "2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000001.png",
            FrameName("2011_09_26_drive_0001_sync", "image_02", 1, None),
        ),
        (
            "samples/CAM_FRONT/n015-2018-07-24-11-22-45+0800__CAM_FRONT__1532402927612460.jpg",
            FrameName("n015-2018-07-24-11-22-45+0800", "CAM_FRONT", None, 1532402927.61246),
        ),
        ("bdd/0000f77c-6257be58.jpg", FrameName("0000f77c-6257be58", None, None, None)),
        ("b1c66a42-6f7d68ca-0000012.jpg", FrameName("b1c66a42-6f7d68ca", None, 12, None)),
        ("camvid/images/0001TP_006690.jpg", FrameName("0001TP", None, 6690, None)),
        ("0006R0_f00930.png", FrameName("0006R0", None, 930, None)),
        (
            "leftImg8bit/val/aachen/aachen_000000_000019_leftImg8bit.png",
            FrameName("aachen_000000", "leftImg8bit", 19, None),
        ),
        ("100_178149.jpg", FrameName("100", None, 178149, None)),
        ("idd/100_178149.jpg", FrameName("idd/100", None, 178149, None)),
        ("night/000123.jpg", FrameName("night", None, 123, None)),
        ("night/cam_left/frame_000123.jpg", FrameName("night", "cam_left", 123, None)),
        ("000123.jpg", FrameName(None, None, 123, None)),
        ("x/1532402927612460.jpg", FrameName("x", None, None, 1532402927.61246)),
        ("dash/20211203_142233_0007.jpg", FrameName("dash", None, 7, 1638541353.0)),
        ("t-junction.jpg", FrameName()),
        # Argoverse 1 and 2: nanoseconds of a clock that starts in 1980
        (
            "train1/10b8dee6-778f/ring_front_center/ring_front_center_315978406032859416.jpg",
            FrameName("train1/10b8dee6-778f", "ring_front_center", None, 315978406.032859416),
        ),
        (
            "00a6ffc1/sensors/cameras/ring_side_left/315973157959879000.jpg",
            FrameName("00a6ffc1", "ring_side_left", None, 315973157.959879),
        ),
        # Lyft Level 5 counts from 1980-01-06; its own tables say 1557858039.3 for such a frame
        (
            "train_images/host-a101_cam0_1241893239302414726.jpeg",
            FrameName("host-a101", "cam0", None, 1557858039.302414726),
        ),
        (
            "2014-12-09-13-21-02/mono_left/1418381798086398.png",
            FrameName("2014-12-09-13-21-02", "mono_left", None, 1418381798.086398),
        ),
        (
            "2014-12-09-13-21-02/stereo/centre/1418381798086398.png",
            FrameName("2014-12-09-13-21-02", "centre", None, 1418381798.086398),
        ),
        (
            "road01/Record001/Camera 5/170908_061502408_Camera_5.jpg",
            FrameName("road01/Record001", "Camera_5", None, 1504851302.408),
        ),
        (
            "stereo/171206_034625454_Camera_6_bin.png",
            FrameName(None, "Camera_6", None, 1512531985.454),
        ),
        # DDAD, ONCE, PandaSet, comma10k, ACDC, IDD, KAIST, Udacity
        (
            "000150/rgb/CAMERA_01/15616458249936530.png",
            FrameName("000150", "CAMERA_01", None, 1561645824.993653),
        ),
        ("data/000076/cam01/1616343528200.jpg", FrameName("000076", "cam01", None, 1616343528.2)),
        ("001/camera/front_left_camera/07.jpg", FrameName("001", "front_left_camera", 7, None)),
        (
            "imgs/0000_0085e9e41513078a_2018-08-19--13-26-08_11_864.png",
            FrameName("0085e9e41513078a_2018-08-19--13-26-08", None, 14064, 1534685871.2),
        ),
        (
            "rgb_anon/fog/train/GOPR0475/GOPR0475_frame_000041_rgb_anon.png",
            FrameName("fog/train/GOPR0475", None, 41, None),
        ),
        ("train/100/178149_image.jpg", FrameName("train/100", None, 178149, None)),
        ("312_frame2227.png", FrameName("312", None, 2227, None)),
        ("set00/V000/lwir/I00012.jpg", FrameName("set00/V000", "lwir", 12, None)),
        (
            "lap1/IMG/center_2016_12_01_13_30_48_287.jpg",
            FrameName("lap1", "center", None, 1480599048.287),
        ),
        ("vistas/0035fkbjWljhaftpVM37-g.jpg", FrameName("vistas", None, None, None)),
        (
            "2011_09_26_drive_0002_sync_image_0000000005_image_02.png",
            FrameName("2011_09_26_drive_0002_sync", "image_02", 5, None),
        ),
        ("0001TP_006690_L.png", FrameName("0001TP", None, 6690, None)),
    ],
)
def test_known_names(name: str, expected: FrameName) -> None:
    assert parse_frame_name(name) == expected


@pytest.mark.parametrize(
    "drawn",
    [
        "",
        "_rain_alpha_0.01_beta_0.005_dropsize_0.01_pattern_1",
        "_foggy_beta_0.02",
        "_blurred",
    ],
)
def test_cityscapes_with_weather_is_the_same_frame(drawn: str) -> None:
    name = f"leftImg8bit_rain/val/lindau/lindau_000000_000019_leftImg8bit{drawn}.png"
    assert parse_frame_name(name) == FrameName("lindau_000000", "leftImg8bit", 19, None)
    other = "/set/gtFine/val/lindau/lindau_000000_000019_gtFine_labelIds.png"
    assert recording(f"/set/{name}") == recording(other) == "/set/lindau_000000"


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("frame_1532402927.650000", 1532402927.65),
        ("1532402927.65", 1532402927.65),
        ("left_1532402927_650000000", 1532402927.65),
        ("cam0_1532402927650", 1532402927.65),
        ("1532402927650000_left", 1532402927.65),
        ("frame1532402927650000000_rgb", 1532402927.65),
        ("20180807145028250", 1533653428.25),
        ("IMG_20180807_145028250", 1533653428.25),
        ("2018-08-07--14-50-28.250000", 1533653428.25),
        ("2014-12-09-13-21-02_1418132504537582", 1418132504.537582),  # the drive's, the frame's
        ("frame_12.500000", 12.5),
        ("12.5_left", 12.5),
    ],
)
def test_times_are_no_numbers(name: str, time: float) -> None:
    found = parse_frame_name(f"trip/{name}.jpg")
    assert (found.drive, found.frame, found.time) == ("trip", None, time)


@pytest.mark.parametrize(
    ("name", "frame", "time"),
    [
        ("image_1294886362.238178_10", 10, 1294886362.238178),
        ("000123_1532402927650", 123, 1532402927.65),
        ("NO20180807-145028-000123", 123, 1533653428.0),
        ("1532402927_0012_cam1", 12, 1532402927.0),
        ("night2.0001", 1, None),
    ],
)
def test_a_number_beside_a_time(name: str, frame: int, time: float | None) -> None:
    found = parse_frame_name(f"trip/{name}.jpg")
    assert (found.frame, found.time) == (frame, time)


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("frame12_rgb", None),
        ("000012_anon", None),
        ("000012_rgb_anon", None),
        ("12_left", "left"),
        ("000012_leftImg8bit", "leftImg8bit"),
        ("0012-color", None),
        ("frame12_cam1", "cam1"),
        ("0012_cam1", "cam1"),
        ("0012_Camera_5", "Camera_5"),
        ("0012_v2", None),
        ("frame12_Camera_5", "Camera_5"),
        ("frame_0012_640x480", None),
        ("frame_0012_1080p", None),
        ("frame_0012_v2", None),
        ("frame_0012_crop_3", None),
        ("frame0012_jpg.rf.3f2a99cde0123456789abcdef0123456", None),
        ("0012_of_1000", None),
        ("frame_0012 (1)", None),
        ("img (12)", None),
        ("0012_rain_alpha_0.01_beta_0.005_dropsize_0.01_pattern_1", None),
        ("cam0_0012", "cam0"),
        ("cam-0-0012", "cam-0"),
        ("camera1_0012", "camera1"),
        ("CAM_FRONT_LEFT_0012", "CAM_FRONT_LEFT"),
        ("front_0012", "front"),
        ("left0012", "left"),
        ("image_02_0000000012", "image_02"),
        ("L_0012", "L"),
        ("thermal_0012", "thermal"),
        ("ch01_0012", "ch01"),
    ],
)
def test_the_number_is_found_between_camera_and_ending(name: str, camera: str | None) -> None:
    assert parse_frame_name(f"trip/{name}.jpg") == FrameName("trip", camera, 12, None)


@pytest.mark.parametrize(
    ("name", "drive", "camera"),
    [
        ("a/run1_0001.jpg", "a/run1", None),
        ("b/run1_0001.jpg", "b/run1", None),
        ("a/run1-0001.jpg", "a/run1", None),
        ("a/drive_3_0001.jpg", "a/drive_3", None),
        ("a/t1_cam1_0001.jpg", "a/t1", "cam1"),
        ("a/run1_left_0001.jpg", "a/run1", "left"),
        ("a/left_run1_0001.jpg", "a/run1", "left"),
        ("a/run1_1532402927650.jpg", "a/run1", None),
        ("run1/run1_0001.jpg", "run1", None),
        ("a/left_turns_0001.jpg", "a/left_turns", None),
        ("a/rear_end_collision_0001.jpg", "a/rear_end_collision", None),
        ("a/0012_crop_3.jpg", "a", None),  # a number of each frame names no drive
        ("a/lat_51.5_lon_0.12_0001.jpg", "a", None),
        ("a/dashcam_1532402927650.jpg", "a", None),
    ],
)
def test_a_prefix_is_a_drive_of_its_folder(name: str, drive: str, camera: str | None) -> None:
    found = parse_frame_name(name)
    assert (found.drive, found.camera) == (drive, camera)


@pytest.mark.parametrize(
    "folder",
    [
        *(
            "front",
            "left",
            "cam_front_left",
            "image_02",
            "image_2",
            "CAM_FRONT",
            "ring_front_center",
            "stereo_front_left",
        ),
        *(
            "mono_rear",
            "stereo/left",
            "stereo/centre",
            "SIDE_LEFT",
            "front_camera",
            "left_cam",
            "cam0",
            "CAMERA_01",
            "cameras",
        ),
        *(
            "cam_front_center",
            "camera/cam_side_right",
            "frontleft",
            "left_images",
            "image_left",
            "rear-right",
        ),
    ],
)
def test_camera_folders(folder: str) -> None:
    found = parse_frame_name(f"trip/{folder}/0001.jpg")
    assert (found.drive, found.camera) == ("trip", folder.rpartition("/")[2])
    assert recording(f"/disk/trip/{folder}/0001.jpg") == "/disk/trip"


@pytest.mark.parametrize(
    "folder",
    [
        *(
            "backroads",
            "rear_end_collision",
            "left_turns",
            "rightlane",
            "backup",
            "sideroad",
            "frontier",
            "left_turn_7",
        ),
        *(
            "back_street",
            "campus",
            "camping",
            "main",
            "centreville",
            "right_of_way",
            "monorail",
            "rings",
        ),
    ],
)
def test_drives_that_begin_like_a_camera(folder: str) -> None:
    found = parse_frame_name(f"{folder}/0001.jpg")
    assert (found.drive, found.camera) == (folder, None)
    assert recording(f"/disk/{folder}/0001.jpg") == f"/disk/{folder}"


@pytest.mark.parametrize(
    ("path", "drive"),
    [
        ("/d/20180807_145028/camera/cam_front_center/{a}frontcenter_000000091.png", None),
        ("/d/20180807_145028/camera/cam_side_left/{a}sideleft_000000091.png", None),
        ("/d/images/{a}frontcenter_000000091.png", "/d/20180807145028"),
        (
            "/k/2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000001.png",
            "/k/2011_09_26/2011_09_26_drive_0001_sync",
        ),
        (
            "/n/samples/CAM_FRONT/n015-2018-07-24-11-22-45+0800__CAM_FRONT__1532402927612460.jpg",
            "/n/n015-2018-07-24-11-22-45+0800",
        ),
        ("/b/images/100k/train/0000f77c-6257be58.jpg", "/b/0000f77c-6257be58"),
        (
            "/b/track/train/b1c66a42-6f7d68ca/b1c66a42-6f7d68ca-0000012.jpg",
            "/b/track/train/b1c66a42-6f7d68ca",
        ),
        ("/camvid/train/0001TP_006690.png", "/camvid/0001TP"),  # the usual parts tear it
        ("/camvid/test/0001TP_008550.png", "/camvid/0001TP"),
        ("/a/run1_0001.jpg", "/a/run1"),
        ("/a/run1/cam0/run1_0001.jpg", "/a/run1"),
        ("/a/holiday/beach.jpg", "/a/holiday"),
        ("/images/0001.jpg", "/images"),
        ("/0001.jpg", "/"),
        ("C:/images/0001.jpg", "C:/images"),
        ("C:/trip/cam_front/0001.jpg", "C:/trip"),
        ("//server/share/images/0001.jpg", "//server/share/images"),
        ("/caf\udce9/images/1.jpg", "/caf\udce9"),
    ],
)
def test_recordings(path: str, drive: str | None) -> None:
    path = path.replace("{a}", "20180807145028_camera_")
    assert recording(path) == (drive or "/d/20180807_145028")


@pytest.mark.parametrize(
    ("requested", "found"),
    [
        ("snowy", True),
        ("snowy/", True),
        ("roads/snowy", True),
        ("/data/roads/snowy", True),
        ("sno*", True),
        ("roads/*", True),
        ("data/*", True),
        ("/data/*", True),
        ("*ds/s?owy", True),
        ("sn[o]wy", True),
        ("now", False),
        ("ads/snowy", False),
        ("Snowy", False),
        ("SNO*", False),
        ("roads", False),
        ("/snowy", False),
        ("/roads/*", False),
        ("d*", False),  # a part is matched by itself
        ("*/roads", False),
        ("", False),
    ],
)
def test_requested_drives(requested: str, found: bool) -> None:
    assert matches_drive("/data/roads/snowy", requested) is found


def test_a2d2_is_found_in_both_spellings() -> None:
    for drive in ("/d/20180807_145028", "/d/20180807145028"):
        for requested in ("20180807145028", "20180807_145028", "2018*", "20180807_14*", "d/2018*"):
            assert matches_drive(drive, requested), (drive, requested)
    assert not matches_drive("/d/1_2", "12")


def test_names_with_brackets_are_found_as_they_are() -> None:
    assert matches_drive("/d/night [2]", "night [2]")
    assert matches_drive("/d/what?*", "what?*")


def test_shown_drives_have_the_parents_that_tell_them_apart() -> None:
    drives = ["/d/roads/snowy", "/d/weather/snowy", "/e/weather/snowy", "/d/rain", "/snowy", "/"]
    assert shown_drives(drives) == {
        "/d/roads/snowy": "roads/snowy",
        "/d/weather/snowy": "d/weather/snowy",
        "/e/weather/snowy": "e/weather/snowy",
        "/d/rain": "rain",
        "/snowy": "/snowy",
        "/": "/",
    }
    both = shown_drives(["/d/20180807_145028", "/e/20180807145028"])
    assert sorted(both.values()) == ["d/20180807_145028", "e/20180807145028"]
    assert shown_drives([]) == {}


PARTS = st.sampled_from(
    ["a", "b", "snowy", "a[1]", "a1", "20180807_145028", "20180807145028", "*", "caf\udce9", "é"]
)
DRIVES = st.lists(PARTS, max_size=4).map(lambda parts: "/" + "/".join(parts))


@given(st.sets(DRIVES, max_size=12))
def test_what_is_shown_is_unique_and_finds_its_drive(drives: set[str]) -> None:
    shown = shown_drives(sorted(drives))
    assert shown == shown_drives(sorted(drives, reverse=True))
    assert shown.keys() == drives
    assert len(set(shown.values())) == len(drives)
    for drive, name in shown.items():
        assert name
        assert matches_drive(drive, name)
        assert drive == name or drive.endswith(f"/{name}")


FOLDERS = st.sampled_from(
    [
        *("trip", "day", "20180807_145028", "run1", "lindau"),
        *("cam_front", "images", "image_02", "data", "train", "leftImg8bit", "left", "Camera 5"),
    ]
)
NAMES = st.sampled_from(
    [
        *("0001", "run1_0001", "cam0_0001", "frame_1532402927.65", "beach", "0001TP_006690"),
        *("20180807145028_camera_frontcenter_000000091", "lindau_000000_000019_leftImg8bit"),
        *("host-a101_cam0_1241893239302414726", "b1c66a42-6f7d68ca-0000012", "caf\udce9_01"),
    ]
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("frame000012_1532402927.650000.png", FrameName("d", None, 12, 1532402927.65)),
        ("img000012_1532402927.65.jpg", FrameName("d", None, 12, 1532402927.65)),
        ("video1_frame_12_t_3.25s.jpg", FrameName("d/video1", None, 12, 3.25)),
        ("frame_1532402927,650000.jpg", FrameName("d", None, None, 1532402927.65)),
        ("2021-05-03_12h00m01s250.jpg", FrameName("d", None, None, 1620043201.25)),
        ("Screenshot 2021-05-03 at 12.00.01.png", FrameName("d", None, None, 1620043201.0)),
        ("2021-05-03_12_00_01_250000.jpg", FrameName("d", None, None, 1620043201.25)),
        ("left000012_1532402927.65.jpg", FrameName("d", "left", 12, 1532402927.65)),
        ("image12_1532402927.65.jpg", FrameName("d/image12", None, None, 1532402927.65)),
    ],
)
def test_a_number_before_a_time_and_what_players_write(name: str, expected: FrameName) -> None:
    """A counter before a time is no recording of its own; fractions of seconds are no counter."""
    assert parse_frame_name(f"d/{name}") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("camA_0001.jpg", FrameName("d", "camA", 1, None)),
        ("CameraB_0001.jpg", FrameName("d", "CameraB", 1, None)),
        ("camp_0001.jpg", FrameName("d/camp", None, 1, None)),
        ("FL_0001.jpg", FrameName("d", "FL", 1, None)),
        ("sensor1_0001.jpg", FrameName("d", "sensor1", 1, None)),
        ("left_frame_12_rgb.jpg", FrameName("d", "left", 12, None)),
        ("front_frame_0001.jpg", FrameName("d", "front", 1, None)),
        ("left_turns_0001.jpg", FrameName("d/left_turns", None, 1, None)),
        ("frame_12_L.jpg", FrameName("d", "L", 12, None)),
        ("0012_R.png", FrameName("d", "R", 12, None)),
    ],
)
def test_cameras_of_one_rig_are_one_recording(name: str, expected: FrameName) -> None:
    """Else a split would hold out one camera and train on the other, of the same moments."""
    assert parse_frame_name(f"d/{name}") == expected


@given(st.lists(FOLDERS, min_size=1, max_size=5), NAMES)
def test_a_drive_is_told_alike_from_whatever_folder_is_opened(
    folders: list[str], name: str
) -> None:
    """What is read below an opened folder is the end of the identity, or nothing."""
    whole = recording("/" + "/".join([*folders, f"{name}.jpg"]))
    for opened in range(len(folders) + 1):
        drive = parse_frame_name("/".join([*folders[opened:], f"{name}.jpg"])).drive
        if drive is not None:
            assert matches_drive(whole, drive.rpartition("/")[2]), (drive, whole)


@given(st.lists(FOLDERS, max_size=3), st.sampled_from(["cam_front", "images", "image_02/data"]))
def test_cameras_of_a_recording_are_one_drive(folders: list[str], below: str) -> None:
    folder = "/" + "/".join(["disk", *folders])
    assert recording(f"{folder}/{below}/0001.jpg") == recording(f"{folder}/0001.jpg")


def test_it_is_public() -> None:
    assert c4t_core.parse_frame_name("night/000123.jpg").drive == "night"


@pytest.mark.parametrize("asked", ["Zürich", "Zü*", "trips/Zürich"])
def test_a_drive_is_found_by_either_form_of_its_letters(asked: str) -> None:
    """A Mac writes "ü" as two characters, a keyboard as one."""
    for there, typed in (("NFC", "NFD"), ("NFD", "NFC")):
        drive = unicodedata.normalize(there, "/data/trips/Zürich")
        assert matches_drive(drive, unicodedata.normalize(typed, asked))


def test_impossible_dates_are_no_times() -> None:
    assert stamp_time("20181332250000") is None
    assert stamp_time("20180230101010") is None


def test_drives_at_addresses_are_shown_plainly() -> None:
    named = {recording(f"{root}/1.png"): root for root in ("s3://b", "s3:/b/x", "gs://c", "/m/c")}
    assert shown_drives(named) == {
        "s3://b": "b", "s3://b/x": "x", "gs://c": "gs://c", "/m/c": "m/c"
    }  # fmt: skip
    for asked in ("s3://b/x", "s3:/b/x", "b/x", "x", "s3://b/*"):
        assert matches_drive("s3://b/x", asked)
    assert not matches_drive("s3://b/x", "gs://b/x")


@given(st.text(max_size=60))
def test_any_name_is_read(name: str) -> None:
    found = parse_frame_name(name)
    assert recording(f"/{name}").startswith("/")
    assert found.frame is None or 0 <= found.frame < 2**63
    assert found.drive is None or found.drive
