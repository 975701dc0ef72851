"""Drive, camera, frame and time are read from the names of the usual data sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4t_core.images.frame_names import FrameName, parse_frame_name, stamp_time


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
    ],
)
def test_known_names(name: str, expected: FrameName) -> None:
    assert parse_frame_name(name) == expected


def test_impossible_dates_are_no_times() -> None:
    assert stamp_time("20181332250000") is None
    assert stamp_time("20180230101010") is None


@given(st.text(max_size=60))
def test_any_name_is_read(name: str) -> None:
    found = parse_frame_name(name)
    assert found.frame is None or 0 <= found.frame < 2**63
    assert found.drive is None or found.drive
