"""What the name of a frame tells: its drive, camera, number and time.

Known are the names of A2D2, KITTI, nuScenes, BDD100K, Cityscapes and CamVid; of any other
numbered frames the folder is the drive.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class FrameName:
    """What one file name tells; None where it tells nothing.

    Attributes:
        drive: the recording, unique within a folder tree.
        camera: as the data set calls it.
        frame: number within the drive.
        time: seconds since 1970 UTC.
    """

    drive: str | None = None
    camera: str | None = None
    frame: int | None = None
    time: float | None = None


_A2D2 = re.compile(
    r"(?P<drive>\d{14})_(?:camera|label|label3D|lidar)_(?P<camera>[a-z]+)_(?P<frame>\d{9})"
)
_A2D2_RATE = 30.0  # frames are counted at the camera's 30 Hz from the start of the drive
_NUSCENES = re.compile(r"(?P<drive>n\d{3}-[\d-]+[+-]\d{4})__(?P<camera>\w+?)__(?P<time>\d{16})")
_CITYSCAPES = re.compile(
    r"(?P<drive>[a-z]+(?:-[a-z]+)*_\d{6})_(?P<frame>\d{6})_(?P<camera>leftImg8bit|rightImg8bit)"
)
_BDD = re.compile(r"(?P<drive>[0-9a-f]{8}-[0-9a-f]{8})(?:-(?P<frame>\d{7}))?")
_KITTI_DRIVE = re.compile(r"\d{4}_\d\d_\d\d_drive_\d{4}\w*")
_DRIVE_AND_NUMBER = re.compile(r"(?P<drive>[0-9A-Za-z]+?)_f?(?P<frame>\d{2,12})")
_NUMBER_LAST = re.compile(r"(?:.*?[^0-9])?(?P<frame>\d{1,12})")
_STAMP = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_ T]?(\d\d)[-_.:]?(\d\d)[-_.:]?(\d\d)(?!\d)"
)
_EPOCH_DIGITS = {10: 1.0, 13: 1e3, 16: 1e6, 19: 1e9}  # digits of a clock -> ticks a second
_CAMERA_FOLDER = re.compile(
    r"(?i:image_\d+|cam(?:era)?s?(?:[_-]\w+|\d+)?|(?:front|rear|left|right|side|back)(?:[_-]?\w+)?)"
)
_PLAIN_FOLDER = re.compile(
    r"(?i:data|images?|imgs?|frames?|pictures?|jpe?g|png|rgb|samples|sweeps)"
)
_GENERIC_STEM = re.compile(r"(?i:frames?|images?|imgs?|pictures?|pic|cam|camera|shot|photo|dsc|f)")


def parse_frame_name(relative: str) -> FrameName:
    """Read the name of a frame.

    >>> parse_frame_name("cam_front_center/20180807145028_camera_frontcenter_000000091.png").frame
    91
    >>> parse_frame_name("night/000123.jpg").drive
    'night'

    Args:
        relative: path below the opened folder, "/"-separated.
    """
    path = PurePosixPath(relative)
    for reader in _READERS:
        told = reader(path)
        if told is not None:
            return told
    return _numbered(path)


def same_drive(name: str, requested: str) -> bool:
    """Tell whether a drive is the one asked for, by its whole name or the last part of it.

    A2D2 writes one drive in two ways, ``20180807_145028`` and ``20180807145028``.
    """
    if requested in {name, name.rsplit("/", 1)[-1]}:
        return True
    plain = requested.replace("_", "")
    return len(plain) == 14 and plain.isdigit() and plain == name.replace("_", "")


def _a2d2(path: PurePosixPath) -> FrameName | None:
    match = _A2D2.fullmatch(path.stem)
    if match is None:
        return None
    frame = int(match["frame"])
    start = stamp_time(match["drive"])
    time = None if start is None else start + frame / _A2D2_RATE
    return FrameName(match["drive"], match["camera"], frame, time)


def _nuscenes(path: PurePosixPath) -> FrameName | None:
    match = _NUSCENES.fullmatch(path.stem)
    if match is None:
        return None
    return FrameName(match["drive"], match["camera"], None, int(match["time"]) / 1e6)


def _cityscapes(path: PurePosixPath) -> FrameName | None:
    match = _CITYSCAPES.fullmatch(path.stem)
    return match and FrameName(match["drive"], match["camera"], int(match["frame"]))


def _bdd100k(path: PurePosixPath) -> FrameName | None:
    match = _BDD.fullmatch(path.stem)
    if match is None:
        return None
    return FrameName(match["drive"], None, int(match["frame"]) if match["frame"] else None)


def _kitti(path: PurePosixPath) -> FrameName | None:
    """Read ``2011_09_26_drive_0001_sync/image_02/data/0000000001.png``."""
    drive = next((part for part in path.parts[:-1] if _KITTI_DRIVE.fullmatch(part)), None)
    if drive is None or not path.stem.isascii() or not path.stem.isdigit():
        return None
    return FrameName(drive, _camera_folder(path), int(path.stem[-18:]))


_READERS: tuple[Callable[[PurePosixPath], FrameName | None], ...] = (
    _a2d2,
    _nuscenes,
    _cityscapes,
    _bdd100k,
    _kitti,
)


def _numbered(path: PurePosixPath) -> FrameName:
    """Read names of no known data set: a drive in the name, else the folder is the drive."""
    stem = path.stem
    folder, camera = _folder_drive(path), _camera_folder(path)
    clock = _clock(stem)
    if clock is not None:
        return FrameName(folder, camera, None, clock)
    time = stamp_time(stem)
    match = _DRIVE_AND_NUMBER.fullmatch(stem)
    if match and time is None and not _GENERIC_STEM.fullmatch(match["drive"]):
        code = match["drive"]
        unique = not code.isdigit() and not code.isalpha()  # such as CamVid's 0001TP
        drive = code if folder is None or unique else f"{folder}/{code}"
        return FrameName(drive, camera, int(match["frame"]))
    number = _NUMBER_LAST.fullmatch(stem)
    if number and number["frame"].isascii() and (time is None or not _STAMP.search(stem[-19:])):
        return FrameName(folder, camera, int(number["frame"]), time)
    return FrameName(folder, camera, None, time)


def _folder_drive(path: PurePosixPath) -> str | None:
    """Return the folders above a frame without those that only name a camera or hold data."""
    parts = [
        part
        for part in path.parts[:-1]
        if not _CAMERA_FOLDER.fullmatch(part) and not _PLAIN_FOLDER.fullmatch(part)
    ]
    return "/".join(parts) or None


def _camera_folder(path: PurePosixPath) -> str | None:
    return next((p for p in reversed(path.parts[:-1]) if _CAMERA_FOLDER.fullmatch(p)), None)


def _clock(stem: str) -> float | None:
    """Read a name that is a Unix time in seconds, milli-, micro- or nanoseconds."""
    ticks = _EPOCH_DIGITS.get(len(stem))
    if ticks is None or not (stem.isascii() and stem.isdigit()):
        return None
    seconds = int(stem) / ticks
    return seconds if 946_684_800 <= seconds < 4_102_444_800 else None  # years 2000 to 2099


def stamp_time(text: str) -> float | None:
    """Return the first date and time in a name as seconds since 1970, read as UTC.

    >>> stamp_time("20180807145028")
    1533653428.0
    """
    for match in _STAMP.finditer(text):
        year, month, day, hour, minute, second = (int(part) for part in match.groups())
        if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
            continue
        if day > calendar.monthrange(year, month)[1]:
            continue
        return float(calendar.timegm((year, month, day, hour, minute, second)))
    return None
