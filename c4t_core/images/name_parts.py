"""What the file name of a frame tells without its folders: the names of data sets, common rules.

:mod:`c4t_core.images.frame_names` joins this with what the folders tell.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from functools import lru_cache

from c4t_core.records import dataclass


@dataclass(frozen=True)
class Told:
    """What the name without its folders tells.

    Attributes:
        code: the part that names the recording.
        unique: a published code, the same recording in whatever folder it lies.
    """

    code: str | None = None
    unique: bool = False
    camera: str | None = None
    frame: int | None = None
    time: float | None = None


_A2D2 = re.compile(
    r"(?P<drive>\d{14})_(?:camera|label|label3D|lidar)_(?P<camera>[a-z]+)_(?P<frame>\d{9})",
    re.ASCII,
)
_A2D2_RATE = 30.0  # frames are counted at the camera's 30 Hz from the start of the drive
_NUSCENES = re.compile(
    r"(?P<drive>n\d{3}-[\d-]+[+-]\d{4})__(?P<camera>\w+?)__(?P<time>\d{16})", re.ASCII
)
_LYFT = re.compile(r"(?P<drive>host-a\d+)_(?P<camera>[a-z]+\d+)_(?P<time>\d{19})", re.ASCII)
_GPS_START = 315_964_800  # Lyft counts from 1980-01-06; its tables add this, without leap seconds
_CITYSCAPES = re.compile(
    r"(?P<drive>[a-z]+(?:-[a-z]+)*_\d{6})_(?P<frame>\d{6})"
    r"_(?:(?P<camera>leftImg8bit|rightImg8bit)|gtFine|gtCoarse|disparity)(?:_.*)?",
    re.ASCII,
)
_BDD = re.compile(r"(?P<drive>[0-9a-f]{8}-[0-9a-f]{8})(?:-(?P<frame>\d{7}))?", re.ASCII)
_COMMA = re.compile(
    r"(?:\d+_)?(?P<drive>[0-9a-f]{16}[_|]\d{4}-\d\d-\d\d--\d\d-\d\d-\d\d)"
    r"(?:_|--)(?P<segment>\d+)_(?P<frame>\d+)",
    re.ASCII,
)
_COMMA_RATE, _COMMA_SEGMENT = 20.0, 1200  # frames a second, and of one segment of a minute
_APOLLO = re.compile(
    r"(?P<date>\d{6})_(?P<clock>\d{6})(?P<thousandths>\d{3})_(?P<camera>[Cc]amera_\d+)(?:_\w+)?",
    re.ASCII,
)
_KITTI_FLAT = re.compile(
    r"(?P<drive>\d{4}_\d\d_\d\d_drive_\d{4}_(?:sync|extract))_(?:[a-z_]+_)?(?P<frame>\d{10})"
    r"_(?P<camera>image_\d\d)",
    re.ASCII,
)
_CAMVID_CODE = re.compile(r"\d{4}[A-Z][A-Z0-9]|Seq\d\dVD", re.ASCII)

_STAMP = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?:[-_ T]{0,2}| at )(\d\d)(?P<between>[-_.:h]?)"
    r"(\d\d)[-_.:m]?(\d\d)"
    r"(?:[.,s]?(?P<part>\d{1,9})|(?!\d)(?P=between)(?P<behind>\d{3}|\d{6}))?(?!\d)",
    re.ASCII,
)
_EPOCH = re.compile(
    r"(?<!\d)(?<!\d\.)(\d{10}|\d{13}|\d{16,19})(?:[.,](\d{1,12}))?(?![0-9A-Za-z])", re.ASCII
)
_NANOSECONDS = re.compile(r"[_-](\d{9})(?![0-9A-Za-z])", re.ASCII)  # after seconds, as ROS has it
# Digits of a Unix time -> ticks a second; 17 are DDAD's, 18 Argoverse's, all of 1980.
_EPOCH_DIGITS = {10: 1, 13: 10**3, 16: 10**6, 17: 10**7, 18: 10**9, 19: 10**9}
_CLOCK = re.compile(r"(?<![\d.])(\d{1,9}\.(?:\d{1,3}|\d{5,9}))(?![\d.])", re.ASCII)

_SEPARATORS = " \t_-.()[]"
_WORD = re.compile(r"[^\s_.\-()\[\]]+")
_DIGITS = re.compile(r"\d+$", re.ASCII)
_FRAME_WORD = re.compile(
    r"(?i:(?<![^\W\d_])frames?[ _.-]?)(\d+)(?=$|[ _.-]*[^\W\d_])", re.ASCII
)  # "frame_0001_crop_3": what is called the frame number is it
_COUNTER = re.compile(  # before a time: "frame_12_t_3.2s", "img000012_1532402927.65"
    r"(?<![^\W_])(?:frames?[ _.-]?(?P<frame>\d+)|"
    r"(?:images?|imgs?|rgb|colou?r|depth|left|right|front|rear)(?P<glued>\d{4,}))"
    r"(?:[ _.-]+(?:t|time|ts|at|sec|stamp|timestamp))?[ _.-]*$",
    re.ASCII | re.IGNORECASE,
)
_GENERIC = (
    r"(?i:frames?|images?|imgs?|pictures?|pic|cam(?:era)?s?|shot|photo|dsc|f|rgb|colou?r|gr[ae]y)"
)
_GENERIC_FIRST = re.compile(rf"^{_GENERIC}(?=[{re.escape(_SEPARATORS)}]|$)")
_GENERIC_LAST = re.compile(rf"(?:(?<=\d)|(?<![^\W_])){_GENERIC}$")
_ENDING_WITH_DIGITS = re.compile(r"(?i:v|rgb|bgr|mono|yuv)\d{1,2}|\d+x\d+", re.ASCII)
_ENDINGS = (
    re.compile(r"(?i)[._](?:jpe?g|png|bmp|tiff?|webp|gif|ppm)(?:\.rf\.[0-9a-z]+)?$"),
    re.compile(r"(?i)(?:_(?:alpha|beta|gamma|dropsize|pattern|density)_\d+(?:\.\d+)?)+$", re.ASCII),
    re.compile(r"(?i)(?<=\d\d\d)(?: ?\(\d{1,3}\)| ?-? copy)$", re.ASCII),
    re.compile(r"(?i)(?<=\d)[ _-]?of[ _-]?\d+$", re.ASCII),
)

_SIDE = r"(?:front|rear|back|left|right|side|cent(?:er|re))"
_LENS = (
    r"(?:cam(?:era)?s?|main|wide|narrow|tele|near|far|mid(?:dle)?|top|bottom|forward|backward|"
    r"fisheye|surround|zoomed|roof|dash|hood|mirror|driver|cabin|mono|stereo|rgb|colou?r|"
    r"gr[ae]y|infra|ir|thermal|raw|rect|images?|imgs?)"
)
_BAND = r"(?:visible|infrared|thermal|lwir|nir)"  # two of them see the same moments
_MORE = rf"(?:[ _-]?(?:{_SIDE}|{_LENS}))*(?:[ _-]?\d{{1,3}})?"
# An explicit camera says so itself; "left" alone may begin the name of a drive ("left_turns").
_EXPLICIT = (
    rf"(?-i:[Cc]am(?:era)?[A-Z](?![^\W_]))|cam(?:era)?s?[ _-]?\d+(?:[ _-]?(?:{_SIDE}|{_LENS}))*"
    rf"|cam(?:era)?s?(?:[ _-][a-z](?![^\W_]))?{_MORE}"
    rf"|(?:(?:ring|{_LENS})[ _-])+{_SIDE}{_MORE}|stereo|mono|fisheye|{_BAND}"
    r"|image_\d{1,2}|(?:left|right)img8bit|(?:ch|channel|view|lens|sensor)[ _-]?\d{1,2}"
)
_CAMERA_FOLDER = re.compile(
    rf"(?i:{_EXPLICIT}|{_SIDE}{_MORE}|image_\d+|cam(?:era)?s?[ _-]\w+)", re.ASCII
)
_CAMERA_WORDS = re.compile(
    rf"(?i:(?<![^\W_])(?:(?P<explicit>{_EXPLICIT})|{_SIDE}{_MORE})(?![^\W_]))", re.ASCII
)
_SIDES = {"L", "R", "l", "r", "FL", "FR", "RL", "RR", "BL", "BR"}
_ONE_OF_A_RIG = re.compile(r"(?i:main|wide|narrow|tele|surround|roof|hood|cabin|ir|depth)")
_BARE_CAMERA = re.compile(r"(?i:cam(?:era)?s?)")


@lru_cache(maxsize=1024)  # one picture is asked about more than once
def read_stem(stem: str) -> Told:
    """Read a file name without its extension."""
    for reader in _READERS:
        told = reader(stem)
        if told is not None:
            return told
    return _numbered(stem)


def is_camera(folder: str) -> bool:
    """Tell whether a folder's name is that of a camera: ``left``, ``CAM_FRONT``, ``image_02``."""
    return _CAMERA_FOLDER.fullmatch(folder) is not None


def _a2d2(stem: str) -> Told | None:
    match = _A2D2.fullmatch(stem)
    if match is None:
        return None
    frame, start = int(match["frame"]), stamp_time(match["drive"])
    time = None if start is None else start + frame / _A2D2_RATE
    return Told(match["drive"], True, match["camera"], frame, time)


def _nuscenes(stem: str) -> Told | None:
    match = _NUSCENES.fullmatch(stem)
    return match and Told(match["drive"], True, match["camera"], None, int(match["time"]) / 1e6)


def _lyft(stem: str) -> Told | None:
    match = _LYFT.fullmatch(stem)
    if match is None:
        return None
    time = (int(match["time"]) + _GPS_START * 10**9) / 10**9
    return Told(match["drive"], True, match["camera"], None, time)


def _cityscapes(stem: str) -> Told | None:
    match = _CITYSCAPES.fullmatch(stem)
    return match and Told(match["drive"], True, match["camera"], int(match["frame"]))


def _bdd100k(stem: str) -> Told | None:
    match = _BDD.fullmatch(stem)
    return match and Told(
        match["drive"], True, None, int(match["frame"]) if match["frame"] else None
    )


def _comma(stem: str) -> Told | None:
    match = _COMMA.fullmatch(stem)
    if match is None or len(match["segment"]) > 6 or len(match["frame"]) > 9:
        return None
    frame = int(match["segment"]) * _COMMA_SEGMENT + int(match["frame"])
    start = stamp_time(match["drive"])
    time = None if start is None else start + frame / _COMMA_RATE
    return Told(match["drive"], True, None, frame, time)


def _apolloscape(stem: str) -> Told | None:
    match = _APOLLO.fullmatch(stem)
    if match is None:
        return None
    time = stamp_time(f"20{match['date']}{match['clock']}.{match['thousandths']}")
    return None if time is None else Told(None, False, match["camera"], None, time)


def _vistas(stem: str) -> Told | None:
    """Read Mapillary's random keys of 22 letters, whose last digits are no number."""
    if len(stem) != 22 or not re.fullmatch(r"[A-Za-z0-9_-]+", stem):
        return None
    changes = re.findall(r"(?=[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z])", stem)
    return Told() if len(changes) >= 4 else None  # a name that a person reads has fewer


def _kitti(stem: str) -> Told | None:
    match = _KITTI_FLAT.fullmatch(stem)
    return match and Told(match["drive"], True, match["camera"], int(match["frame"]))


_READERS: tuple[Callable[[str], Told | None], ...] = (
    _a2d2,
    _nuscenes,
    _lyft,
    _cityscapes,
    _bdd100k,
    _comma,
    _apolloscape,
    _kitti,
    _vistas,
)


def _numbered(stem: str) -> Told:
    """Read names of no known data set: camera, time and number, and a drive before them."""
    text = _without_endings(stem)
    found = _time(text) or _seconds(text)
    if found is None:
        span = _number(text)
        if span is None:
            return Told()
        camera, code = _prefix(text[: span[0]], glued=text[: span[0]][-1:] not in _SEPARATORS)
        number = text[span[0] : span[1]]
        unique = code is not None and _CAMVID_CODE.fullmatch(code) is not None
        if not unique:  # CamVid's "_L" is that of labels
            camera = camera or _camera_in(text[span[1] :])
        return Told(code, unique, camera, _frame(number))
    time, start, end = found
    head, tail = text[:start], text[end:]
    span = _number(tail, in_tail=True)
    frame = None if span is None else _frame(tail[span[0] : span[1]])
    if frame is None and (counter := _COUNTER.search(head)):
        frame, head = (
            _frame(counter[1] or counter[2]),
            head[: counter.start(counter.lastindex or 0)],
        )
    camera, code = _prefix(head, glued=head[-1:] not in _SEPARATORS)
    if code is not None and (code.isdigit() or not any(c.isdigit() for c in code)):
        frame = _frame(code) if frame is None and code.isdigit() else frame
        code = None  # a counter, or a word such as "dashcam": no recording of its own
    return Told(code, False, camera or _camera_in(tail), frame, time)


def _without_endings(stem: str) -> str:
    """Drop what export tools and renderers hang on, which holds digits that are no number."""
    while True:
        shorter = stem
        for ending in _ENDINGS:
            shorter = ending.sub("", shorter) or shorter
        if shorter == stem:
            return stem
        stem = shorter


def _frame(digits: str) -> int | None:
    """Return a frame's number; more digits than any counter has are an id."""
    plain = digits.lstrip("0") or "0"
    return int(plain) if plain.isascii() and len(plain) <= 12 else None


def _number(text: str, *, in_tail: bool = False) -> tuple[int, int] | None:
    """Find the frame's number: what is called so, else the last before an ending such as _rgb.

    Args:
        text: a name without its extension.
        in_tail: whether the text follows a time, so that it may hold no number at all.
    """
    called = [match.span(1) for match in _FRAME_WORD.finditer(text)]
    if called:
        return called[-1]
    words = list(_WORD.finditer(text))
    first = -1 if in_tail else next((at for at, w in enumerate(words) if _is_counted(w[0])), None)
    for at in reversed(range(len(words))):
        digits = _DIGITS.search(words[at][0])
        if digits is None or (in_tail and not _is_counted(words[at][0])):
            continue
        if first is None or at <= first or not _is_ending(words, at, first):
            return words[at].start() + digits.start(), words[at].end()
    return None


def _is_counted(word: str) -> bool:
    """Tell whether a word is a plain number, or one of a picture ("img12")."""
    digits = _DIGITS.search(word)
    return digits is not None and not _without_generic(word[: digits.start()])


def _is_ending(words: list[re.Match[str]], at: int, first: int) -> bool:
    """Tell whether a word's digits belong to a camera or a format: ``_cam1``, ``_640x480``."""
    word = words[at][0]
    if _ENDING_WITH_DIGITS.fullmatch(word):
        return True
    if re.search(r"\d{3}$", word):
        return False
    pair = f"{words[at - 1][0]}_{word}" if at - 1 > first else ""
    return any(_CAMERA_WORDS.fullmatch(name) for name in (word, pair))


def _camera_in(tail: str) -> str | None:
    match = _CAMERA_WORDS.search(tail)
    if match is None:
        side = tail.strip(_SEPARATORS)
        return side if side in _SIDES else None
    return tail.strip(_SEPARATORS) if _BARE_CAMERA.fullmatch(match[0]) else match[0]


@lru_cache(maxsize=1024)  # all frames of a drive have the same
def _prefix(head: str, *, glued: bool) -> tuple[str | None, str | None]:
    """Return camera and recording that stand before a number; ``glued`` if nothing parts them."""
    head = head.strip(_SEPARATORS)
    if head in _SIDES or _ONE_OF_A_RIG.fullmatch(head):
        return head, None
    camera = None
    rest = [head]
    for match in _CAMERA_WORDS.finditer(head):
        before, after = head[: match.start()], head[match.end() :]
        at_side = not _without_generic(after) or (not before and any(c.isdigit() for c in after))
        if (match["explicit"] or at_side) and not _BARE_CAMERA.fullmatch(match[0]):
            camera, rest = match[0], [before, after]
            glued = glued and bool(after)
            break
    parts = []
    for text in rest:
        plain = _without_generic(text)
        glued = glued and plain == text.strip(_SEPARATORS)
        parts.append(plain)
    code = "_".join(part for part in parts if part)
    return camera, code if code and not glued and _is_code(code) else None


def _without_generic(text: str) -> str:
    """Drop words such as "frame" at both ends."""
    while True:
        shorter = _GENERIC_FIRST.sub("", text.strip(_SEPARATORS), count=1) if text else text
        shorter = _GENERIC_LAST.sub("", shorter.strip(_SEPARATORS)).strip(_SEPARATORS)
        if shorter == text:
            return text
        text = shorter


def _is_code(code: str) -> bool:
    """Tell whether words before a number name a recording, and not something of each frame."""
    words = _WORD.findall(code)
    numbers = [word for word in words if word.isdigit()]
    if len(words) == 1 or not numbers:
        return True
    small = len(numbers[0]) <= 3 or (len(numbers[0]) == 8 and numbers[0].startswith(("19", "20")))
    return len(numbers) == 1 and small


def _time(text: str) -> tuple[float, int, int] | None:
    """Find a Unix time, else a date and time; return it with its place in the text.

    Where there are both, the date is when the drive began.
    """
    stamp = _stamp(text)
    for match in _EPOCH.finditer(text):
        if stamp is not None and match.start() < stamp[2] and stamp[1] < match.end():
            continue  # these digits are the date
        digits, fraction, end = match[1], match[2], match.end()
        ticks = _EPOCH_DIGITS[len(digits)]
        if not _is_plausible(int(digits) / ticks, len(digits)):
            continue
        more = _NANOSECONDS.match(text, end) if len(digits) == 10 and fraction is None else None
        if more is not None:
            fraction, end = more[1], more.end()
        parts = 10 ** len(fraction or "")
        return int(digits + (fraction or "")) / (ticks * parts), match.start(), end
    return stamp


def _is_plausible(seconds: float, digits: int) -> bool:
    if digits == 18:
        return _GPS_START <= seconds < 1e9
    return 946_684_800 <= seconds < 4_102_444_800  # years 2000 to 2099


def _seconds(text: str) -> tuple[float, int, int] | None:
    """Find decimal seconds since a start: ``frame_12.500000``, but not ``run1.0001``."""
    found = None
    for match in _CLOCK.finditer(text):
        word = re.search(r"[^\s_\-()\[\]]*$", text[: match.start()])
        before = word[0] if word else ""
        if not before or _without_generic(before) == "" or before.casefold() in {"t", "time"}:
            found = float(match[1]), match.start(), match.end()
    if found is None or _number(text[found[2] :], in_tail=True) is not None:
        return None
    return found


def stamp_time(text: str) -> float | None:
    """Return the first date and time in a name as seconds since 1970, read as UTC.

    >>> stamp_time("20180807145028")
    1533653428.0
    >>> stamp_time("20180807145028250")
    1533653428.25
    """
    found = _stamp(text)
    return None if found is None else found[0]


def _stamp(text: str) -> tuple[float, int, int] | None:
    for match in _STAMP.finditer(text):
        year, month, day, hour, minute, second = (int(match[at]) for at in (1, 2, 3, 4, 6, 7))
        if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
            continue
        if day > calendar.monthrange(year, month)[1]:
            continue
        start = calendar.timegm((year, month, day, hour, minute, second))
        part = match["part"] or match["behind"] or ""
        parts = 10 ** len(part)
        return (start * parts + int(part or 0)) / parts, match.start(), match.end()
    return None
