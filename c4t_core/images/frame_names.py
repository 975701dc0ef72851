"""What the name of a frame tells: its drive, camera, number and time.

Known are the names of A2D2, nuScenes, Lyft Level 5, Cityscapes (with weather too), BDD100K,
comma10k, ApolloScape, KITTI, CamVid and Mapillary Vistas; Argoverse, Oxford RobotCar, DDAD, ONCE,
PandaSet and ACDC follow the common rules: a camera, a time or a number anywhere in the name, and
what stands before it is the drive if one folder can hold several. Of any other numbered frames
the folder is the drive. :func:`recording` is the drive of a picture wherever a folder is opened.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from c4t_core.addresses import is_remote, spelled
from c4t_core.records import dataclass

if TYPE_CHECKING:
    from c4t_core.images.name_parts import Told

__all__ = [
    "FrameName",
    "matches_drive",
    "natural_key",
    "parse_frame_name",
    "recording",
    "shown_drives",
]


FIRST_DATE = 366 * 86_400  # seconds since 1970; times before are of a clock that knows no date


@dataclass(frozen=True)
class FrameName:
    """What one file name tells; None where it tells nothing.

    Attributes:
        drive: the recording, unique within a folder tree.
        camera: as the data set calls it.
        frame: number within the drive.
        time: seconds since 1970 UTC; of a clock that knows no date, seconds since its start.
    """

    drive: str | None = None
    camera: str | None = None
    frame: int | None = None
    time: float | None = None


@dataclass(frozen=True)
class _Folder:
    """What the folders above a frame tell; ``start`` is "/", "//" or "s3://", "" if relative."""

    start: str
    parts: tuple[str, ...]
    drive: str | None
    camera: str | None


# Texts, compiled at their first use and kept by ``re``: a search reads no names. For the same
# reason the functions below import ``name_parts``, which compiles many, by themselves.
_KITTI_DRIVE = r"(?a:\d{4}_\d\d_\d\d_drive_\d{4}\w*)"
_PLAIN_FOLDER = (
    r"(?i:data(?:_rect|_rgb)?|images?|imgs?|frames?|pictures?|jpe?g|png|jpegimages|colorimage|"
    r"(?:image_)?colou?r|rgb(?:_anon)?|samples|sweeps|sensors)"
)
# What a published set puts between its name and its recordings, which lie in several of these.
_SPLIT_FOLDER = (
    r"(?ai:(?:train|val|valid|validation|test|trainval|training|testing)"
    r"(?:[_-]?(?:images?|annot|labels?))?|\d+k|labels?|masks?|"
    r"(?:leftimg8bit|rightimg8bit|gtfine|gtcoarse|disparity)(?:_\w+)?)"
)


def parse_frame_name(relative: str) -> FrameName:
    """Read the name of a frame.

    >>> parse_frame_name("cam_front_center/20180807145028_camera_frontcenter_000000091.png").frame
    91
    >>> parse_frame_name("night/000123.jpg").drive
    'night'
    >>> parse_frame_name("night/cam0_0001.jpg")
    FrameName(drive='night', camera='cam0', frame=1, time=None)

    Args:
        relative: path below the opened folder, "/"-separated.
    """
    folder, told = _read(relative)
    drive = told.code
    if drive is None or (folder.drive is not None and not told.unique):
        last = (folder.drive or "").rpartition("/")[2]
        drive = folder.drive if drive in {None, last} else f"{folder.drive}/{drive}"
    return FrameName(drive, told.camera or folder.camera, told.frame, told.time)


def recording(path: str) -> str:
    """Return the identity of the drive of a picture: the same, whichever folder was opened.

    It is the absolute folder without trailing folders that only name a camera or hold data, and
    what the name says where one folder can hold several recordings. Codes of published data sets
    are one recording in all parts of the set ("train", "val", left and right, with rain or not).

    >>> recording("/data/trip/cam_front/images/000123.jpg")
    '/data/trip'
    >>> recording("/data/trips/run1_cam0_0001.jpg")
    '/data/trips/run1'
    >>> recording("s3://bucket/images/000123.jpg")
    's3://bucket'

    Args:
        path: absolute path of the picture, "/"-separated, as ``os.fsdecode`` gives it, or its
            address.
    """
    folder, told = _read(path)
    return _recording(folder, told.code, told.unique)


@lru_cache(maxsize=4096)  # it is the same for all frames of a folder
def _recording(folder: _Folder, code: str | None, unique: bool) -> str:
    parts = folder.parts
    if code is not None and unique:
        for depth, part in enumerate(parts, 1):
            if _one_spelling(part) == _one_spelling(code):
                return folder.start + "/".join(parts[:depth])
    kept = len(parts)
    least = 3 if folder.start == "//" else 2 if parts and parts[0].endswith(":") else 1
    while kept > least and _holds_no_drive(parts[kept - 1], code if unique else None):
        kept -= 1
    parts = parts[:kept]
    if code is not None and (not parts or parts[-1] != code):
        parts = (*parts, code)
    return folder.start + "/".join(parts)


def matches_drive(drive: str, requested: str) -> bool:
    """Tell whether a drive is among those asked for.

    A2D2 writes one drive in two ways, ``20180807_145028`` and ``20180807145028``.

    Args:
        drive: identity, as :func:`recording` gives it.
        requested: the whole identity, any trailing parts of it (``"snowy"``, ``"roads/snowy"``),
            or a pattern of these with ``*``, ``?`` and ``[...]``; each part is matched by itself,
            and ``*`` as the last part of several stands for all below (``"roads/*"``).
    """
    asked = spelled(requested.rstrip("/"))
    if drive == requested or (asked and _ends_with(drive, asked)):
        return True
    return any(sign in asked for sign in "*?[") and _matches_pattern(drive, asked)


def shown_drives(drives: Iterable[str]) -> dict[str, str]:
    """Return for each drive what is shown: its last part, with parents where two are equal.

    What is shown is unique, and :func:`matches_drive` finds the drive by it. A drive that is a
    trailing part of another is shown whole.

    Args:
        drives: identities, as :func:`recording` gives them.
    """
    shown: dict[str, str] = {}
    open_ = set(drives)
    depth = 1
    everything = sorted(open_)
    while open_:
        ends = Counter(_one_spelling(_end(drive, depth)) for drive in everything)
        for drive in sorted(open_):
            end = _end(drive, depth)
            if end == drive or (ends[_one_spelling(end)] == 1 and end):
                shown[drive] = end
                open_.remove(drive)
        depth += 1
    return {drive: shown[drive] for drive in everything}


@lru_cache(maxsize=1 << 15)  # every answer asks it of all drives
def natural_key(name: str) -> tuple[str, str]:
    """Return what drives, cameras and folders are listed by: as people count, whatever the case.

    What lies in a folder stays together. Only equal names have equal keys.

    >>> sorted(["week 10/a", "Week 2", "week 10", "week 9", "week 10 b"], key=natural_key)
    ['Week 2', 'week 9', 'week 10', 'week 10/a', 'week 10 b']
    """
    plain = name if name.isascii() else unicodedata.normalize("NFC", name)
    return _NUMBER.sub(_with_length, plain.casefold().replace("/", "\0")), name


_NUMBER = re.compile("0*([0-9]+)")


def _with_length(number: re.Match[str]) -> str:
    """Write a number so that it sorts as text: first as any digit, then by its length."""
    return f"0{chr(len(number[1]))}{number[1]}"


def _end(drive: str, depth: int) -> str:
    """Return the last parts of an identity, itself if it has no more."""
    parts = drive.replace("://", "/", 1).split("/")  # the kind of an address is one, like a disk
    return drive if depth >= len(parts) else "/".join(parts[-depth:])


_A2D2_FOLDER = re.compile(r"(?<![^/])(\d{8})_(\d{6})(?![^/])", re.ASCII)


def _one_spelling(drive: str) -> str:
    """Write a drive in one way: A2D2's clock, and letters as one character (a Mac writes two)."""
    drive = drive if drive.isascii() else unicodedata.normalize("NFC", drive)
    return _A2D2_FOLDER.sub(r"\1\2", drive)


def _ends_with(drive: str, asked: str) -> bool:
    known, asked = _one_spelling(drive), _one_spelling(asked)
    return known == asked or (not asked.startswith("/") and known.endswith("/" + asked))


def _matches_pattern(drive: str, pattern: str) -> bool:
    wanted, parts = pattern.split("/"), drive.split("/")
    below = len(wanted) > 1 and wanted[-1] == "*"
    if len(parts) < len(wanted):
        return False
    if not wanted[0]:  # an absolute pattern
        starts = [0]
    elif below:
        starts = list(range(len(parts) - len(wanted) + 1))
    else:
        starts = [len(parts) - len(wanted)]
    for start in starts:
        here = parts[start : start + len(wanted)]
        if (below or start + len(wanted) == len(parts)) and all(map(_part_matches, here, wanted)):
            return True
    return False


def _part_matches(part: str, pattern: str) -> bool:
    """Match one part; ``2018*`` and ``20180807_1*`` both find ``20180807145028``."""
    from fnmatch import fnmatchcase

    pattern = unicodedata.normalize("NFC", pattern)
    spellings = {unicodedata.normalize("NFC", part), _one_spelling(part)}
    if len(part) == 14 and part.isascii() and part.isdigit():
        spellings.add(f"{part[:8]}_{part[8:]}")
    return any(fnmatchcase(spelling, pattern) for spelling in spellings)


def _read(path: str) -> tuple[_Folder, Told]:
    from c4t_core.images.name_parts import read_stem

    above, _, name = path.rpartition("/")
    dot = name.rfind(".")
    stem = name[:dot] if 0 < dot < len(name) - 1 else name
    folder = _folder(above + "/" if path.startswith("/") else above)
    return folder, _kitti(folder, stem) or read_stem(stem)


@lru_cache(maxsize=4096)
def _folder(path: str) -> _Folder:
    from c4t_core.images.name_parts import is_camera

    start = "//" if path.startswith("//") and not path.startswith("///") else path[:1]
    below = path
    if is_remote(path):
        kind, _, below = path.partition(":")
        start = f"{kind}://"
    parts = tuple(part for part in below.split("/") if part not in {"", "."})
    drive = "/".join(part for part in parts if not _holds_no_drive(part, None))
    camera = next((part for part in reversed(parts) if is_camera(part)), None)
    return _Folder(start if start.endswith("/") else "", parts, drive or None, camera)


@lru_cache(maxsize=4096)
def _holds_no_drive(part: str, code: str | None) -> bool:
    """Tell whether a folder only names a camera or holds data; of a set's code, a split or city."""
    from c4t_core.images.name_parts import is_camera

    if is_camera(part) or re.fullmatch(_PLAIN_FOLDER, part):
        return True
    return code is not None and (
        re.fullmatch(_SPLIT_FOLDER, part) is not None or code.startswith(part + "_")
    )


def _kitti(folder: _Folder, stem: str) -> Told | None:
    """Read ``2011_09_26_drive_0001_sync/image_02/data/0000000001.png``."""
    drive = next((part for part in folder.parts if re.fullmatch(_KITTI_DRIVE, part)), None)
    if drive is None or not stem.isascii() or not stem.isdigit():
        return None
    from c4t_core.images.name_parts import Told

    return Told(drive, True, None, int(stem[-18:]))
