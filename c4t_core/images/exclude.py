"""What of a folder is left out: pictures that are no camera frames, and what hides from view.

Label pictures are told by strict names: every word of a folder's name must speak of labels, so
that ``color_labels`` and ``depth_left`` are left out and ``depth_test_track`` is not.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Collection, Iterable
from functools import cached_property, lru_cache

from c4t_core.records import dataclass

LABELS = "label pictures"  # the rule that goes by words, as it is reported
OWN = "the application's own data"  # no rule that could be changed
HIDDEN = ".*"
DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")  # so that a drive's names are one

_FOLDERS = (
    *("gt", "gtFine*", "gtCoarse*", "gtBbox*", "cityscapes_panoptic_*"),  # ACDC, Cityscapes, IDD
    *("leftImg8bit_transmittance*", "groundtruth", "ground_truth", "proj_depth"),
    *("gt_image_*", "disp_occ*", "disp_noc*", "flow_occ*", "flow_noc*", "viz_flow*", "obj_map*"),
    *("LabeledApproved*", "trainannot", "valannot", "testannot"),  # CamVid
    *("Labels_road*", "laneseg_label*", "*_label_id*", "*_label_color*"),  # ApolloScape, RELLIS
    *("SegmentationClass*", "SegmentationObject*", "panoptic_train*", "panoptic_val*"),
    *("stuffthingmaps*", "ann_dir", "uint8", "cls", "inst", "masksd"),  # RailSem19, VIPER
    *("forwardFlow", "backwardFlow", "optical_flow*", "opticalflow*", "*_depthgt", "*_scenegt"),
    *("maps", "basemap"),  # nuScenes
    *("CameraSeg", "CameraSemSeg", "CameraDepth", "seg_left", "seg_right"),  # CARLA, TartanAir
    *("data_2d_semantics", "groundtruth_depth", "insseg", "gtSeg"),  # KITTI, SHIFT, IDD-AW
    *("da_seg_annotations", "ll_seg_annotations", "RUGD_annotations", "GT_color"),  # YOLOP, RUGD
    *("$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information", "lost+found"),
    *("Recycle.Bin", "Recycle Bin", "trashbox"),
    *("found.[0-9][0-9][0-9]", "LOST.DIR", "MSOCache", "$WinREAgent", "AppData"),
    *("@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot", "~snapshot", "@tmp", "@eaDir"),
    *("Trash", "Trash-[0-9]*", "Trashes", "Network Trash Folder", "Temporary Items", "__MACOSX"),
    *("Backups.backupdb", "Caches", "thumbnails", "thumbs", "*.lrdata", "appdata_*"),
)
_FILES = (
    *("20*_label_*_[0-9]*.png", "20*_label3D_*", "20*_lidar_*"),  # A2D2
    *("*_gtFine_*", "*_gtCoarse_*", "*_labelIds.*", "*_labelTrainIds.*"),  # Cityscapes, IDD
    *("*_labelColor.*", "*_labelColors.*", "*_labellevel?Ids.*", "*_instanceIds.*"),
    *("*_instanceTrainIds.*", "*_disparity.*", "*_transmittance_*", "*_inst_label.png"),
    *("*_gt_inv*.png", "*_gt_panoptic*.png"),  # ACDC, Dark Zurich
    *("*_drivable_id.*", "*_drivable_color.*"),  # BDD100K
    *("*_train_id.png", "*_val_id.png", "*_test_id.png"),
    *("*_train_color.png", "*_val_color.png", "*_test_color.png"),
    *("0001TP_*_L.png", "0006R0_*_L.png", "0016E5_*_L.png", "Seq05VD_*_L.png"),  # CamVid
    *("*_Camera_?_bin.png", "classgt_*.png", "instancegt_*.png"),  # ApolloScape, Virtual KITTI
    "._*",  # what macOS leaves on foreign disks
)
# What version 0.1.0 wrote where nobody had chosen: such a folder follows the rules of today.
_FOLDERS_0_1 = (
    *("label*", "mask*", "depth*", "lidar*", "gtFine*", "gtCoarse*", "disparity*"),
    *("semantic*", "instance*", "@eaDir", "__MACOSX"),
)
_FILES_0_1 = (
    *("*_label_*", "*_label3D_*", "*_lidar_*", "*_gtFine_*", "*_gtCoarse_*", "*_labelIds.*"),
    *("*_labelTrainIds.*", "*_instanceIds.*", "*_disparity.*", "*_drivable_id.*", "._*"),
)


@dataclass(frozen=True)
class ExcludeRules:
    """What is left out of a folder: patterns with ``*`` and ``?``, upper and lower case alike.

    The rules hold for what lies below the chosen folder, never for the folder itself.

    Attributes:
        folders: names of folders that are not entered.
        files: names of files that are no camera frames.
        hidden: whether folders whose name begins with a dot are left out.
        labels: whether pictures of labels, masks, depth and the like are left out by the words
            of their folder's name, or because they lie beside the frame that they are of.
    """

    folders: tuple[str, ...] = _FOLDERS
    files: tuple[str, ...] = _FILES
    hidden: bool = True
    labels: bool = True

    def leaves_out_folder(self, name: str) -> bool:
        """Tell whether a folder of this name is not entered."""
        return self.folder_rule(name) is not None

    def folder_rule(self, name: str, beside: Collection[str] = ()) -> str | None:
        """Return the rule by which a folder is not entered, None if it is entered.

        Args:
            name: of the folder.
            beside: the names of what lies beside it, in lower case: ``annotations`` holds label
                pictures where ``images`` is there, too.
        """
        if self.hidden and name.startswith(".") and name not in {".", ".."}:
            return HIDDEN
        if self._folders.match(name):
            return _first(self.folders, name)
        if not self.labels:
            return None
        beside_frames = name.lower() in _ANNOTATED and not _FRAMES.isdisjoint(beside)
        return LABELS if beside_frames or speaks_of_labels(name) else None

    def file_rule(self, name: str, beside: Collection[str]) -> str | None:
        """Return the rule by which a file is no camera frame, None if it is one.

        Args:
            name: of the file.
            beside: the names of the pictures in its folder, in lower case, without endings.
        """
        if self._files.match(name):
            return _first(self.files, name)
        return LABELS if self.labels and _is_of_another(name, beside) else None

    def may_leave_out_files(self, names: bytes) -> bool:
        """Tell whether any of some names may be left out; where this says no, none is.

        Args:
            names: of files, apart by line ends, ASCII in lower case, through `DIGITS_ALIKE`.
        """
        return any(all(part in names for part in parts) for parts in self._signs)

    @cached_property
    def _signs(self) -> tuple[tuple[bytes, ...], ...]:
        signs = map(_literal_parts, self.files)
        return (*signs, *(_LABEL_SIGNS if self.labels else ()))

    @cached_property
    def _folders(self) -> re.Pattern[str]:
        return _any_of(self.folders)

    @cached_property
    def _files(self) -> re.Pattern[str]:
        return _any_of(self.files)

    def to_json(self) -> str:
        """Return the rules as text for the catalogue.

        The usual patterns are not written out, so that a later version's take their place.
        """
        folders, files = self.folders, self.files
        usual = folders[: len(_FOLDERS)] == _FOLDERS and files[: len(_FILES)] == _FILES
        if usual:
            folders, files = folders[len(_FOLDERS) :], files[len(_FILES) :]
        rules = {"usual": usual, "folders": folders, "files": files}
        return json.dumps({**rules, "hidden": self.hidden, "labels": self.labels}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ExcludeRules:
        """Read what :meth:`to_json` wrote, here or in version 0.1.0."""
        data = json.loads(text)
        folders, files = tuple(data["folders"]), tuple(data["files"])
        usual, labels = data.get("usual"), bool(data.get("labels"))
        if usual is None:
            usual = labels = set(_FOLDERS_0_1) <= {*folders} and set(_FILES_0_1) <= {*files}
            if usual:
                folders = tuple(name for name in folders if name not in _FOLDERS_0_1)
                files = tuple(name for name in files if name not in _FILES_0_1)
        if usual:
            folders, files = _FOLDERS + folders, _FILES + files
        return cls(folders, files, bool(data["hidden"]), labels)


NO_RULES = ExcludeRules(folders=(), files=(), hidden=False, labels=False)


@lru_cache(maxsize=512)
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    joined = "|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)"
    return re.compile(joined, re.IGNORECASE | re.DOTALL)


def _literal_parts(pattern: str) -> tuple[bytes, ...]:
    """Return what every ASCII name holds that matches a pattern, as `DIGITS_ALIKE` writes it."""
    plain = re.split(r"[*?\n]|[^\x00-\x7f]", pattern.partition("[")[0])
    return tuple(part.lower().encode("ascii").translate(DIGITS_ALIKE) for part in plain if part)


def _first(patterns: tuple[str, ...], name: str) -> str:
    return next(pattern for pattern in patterns if _any_of((pattern,)).match(name))


# Words of folders' names, in lower case.
_SURE = {"label", "labels", "labelmap", "labelmaps", "mask", "masks", "bitmask", "bitmasks"}
_SURE |= {"colormap", "colormaps"}
_MAYBE = {"depth", "depths", "depthmap", "depthmaps", "disparity", "disparities", "panoptic"}
_MAYBE |= {"semantic", "semantics", "semseg", "instance", "instances", "instseg"}
_MAYBE |= {"segmentation", "segmentations"}
_RANGE = {"lidar", "radar", "velodyne"}
_WHERE = {"left", "right", "front", "rear", "back", "center", "centre", "side", "top", "stereo"}
_WHERE |= {"omni"}
_TEST = {"test", "testing"}  # beside "depth" that is more likely a drive of its own
_KIND = {"color", "colors", "colour", "colours", "rgb", "gray", "grey", "id", "ids", "trainid"}
_KIND |= {"trainids", "map", "maps", "raw", "vis", "viz", "png", "pngs", "gt", "class", "classes"}
_KIND |= {"object", "objects", "obj", "area", "drivable", "lane", "lanes", "seg", "sem", "binary"}
_KIND |= {"stuff", "thing", "things", "motion", "soiling", "uncertainty", "invalid", "fine"}
_KIND |= {"coarse", "polygon", "polygons", "bbox", "box", "boxes", "d", "v", "w", "uint", "bit"}
_KIND |= {"train", "val", "trainval", "trainvaltest", "training", "validation", "copy"}
_PICTURES = {"image", "images", "img", "imgs", "cam", "cams", "camera", "cameras"}
_SCANS = {"raw", "range", "scan", "scans", "point", "points", "image", "images"}
_ANNOTATIONS = {"annotation", "annotations"}
_ANNOTATED = _ANNOTATIONS | {"ann", "anns", "anno", "annos", "annot", "annots"}
_BEFORE_MAYBE = _WHERE | {"gt", "class", "object", "obj", "stuff", "png", "sem"}
_AFTER_MAYBE = _SURE | _MAYBE | _WHERE | _KIND | _PICTURES | _ANNOTATIONS
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\s_.()A-Za-z\d-]+")

_FRAMES = {"image", "images", "img", "imgs", "rgb", "jpgs", "jpegimages", "leftimg8bit", "frames"}
_FRAMES |= {"camera", "cameras", "rgb_anon"}


def speaks_of_labels(folder: str) -> bool:
    """Tell whether every word of a folder's name speaks of labels, masks, depth or lidar.

    >>> [speaks_of_labels(name) for name in ("color_labels", "DepthLeft", "depth_test_track")]
    [True, True, False]
    """
    words = [word.lower() for word in _WORD.findall(folder)]
    words = [word for word in words if not (word.isdigit() and len(word) < 3)]
    if not words:
        return False
    first, last = words[0], words[-1]
    after, before = set(words[1:]), set(words[:-1])
    return (
        (first in _SURE and after <= _AFTER_MAYBE | _TEST)
        or (first in _MAYBE and after <= _AFTER_MAYBE)
        or (first in _RANGE and after <= _RANGE | _WHERE | _SCANS)
        or (last in _SURE and before <= _SURE | _MAYBE | _WHERE | _KIND | _TEST)
        or (last in _ANNOTATIONS and bool(before) and before <= _SURE | _MAYBE | _KIND | _TEST)
        or (last in _MAYBE and before <= _BEFORE_MAYBE)
        or (last in _RANGE and before <= _WHERE)
    )


def is_a_set(folders: Iterable[str]) -> bool:
    """Tell whether a folder is a set of its own, by the names of the folders in it.

    ``segmentation`` with ``images`` and ``labels`` in it holds camera frames, too.
    """
    names = list(folders)
    return any(name.lower() in _FRAMES for name in names) and any(map(speaks_of_labels, names))


_BESIDE = re.compile(
    r"(?P<frame>.+?)[-_.](?:"
    r"(?:(?:colou?r|seg|semantic|instance|class|sem|inst)[-_]?)?(?:labels?|masks?|annotations?)"
    r"|labelids?|trainids?|seg|segmentation|semantics?|semseg|instances?|panoptic|depth|disparity"
    r"|gt|parts"
    r")(?:[-_]?(?:colou?r|rgb|ids?|raw|vis|viz|\d))?",
    re.IGNORECASE,
)
_FRAME_ENDINGS = ("", "_image", "_img", "_rgb", "_color", "_leftimg8bit", "_rgb_anon")
_COLOURED = re.compile(r"(?P<ids>.+)_colou?r", re.IGNORECASE)
_IDS = ("_labelids", "_labelid", "_label_ids", "_label_id", "_instanceids")


# What the stems hold that these match.
_LABEL_SIGNS = (
    *((b"label",), (b"mask",), (b"annotation",), (b"trainid",), (b"instance",), (b"panoptic",)),
    *((b"depth",), (b"disparity",), (b"parts",), (b"_colo",)),
    *((between + word,) for between in (b"-", b"_", b".") for word in (b"seg", b"sem", b"gt")),
)


def _is_of_another(name: str, beside: Collection[str]) -> bool:
    """Tell whether a picture is the label of one beside it: ``0001_mask.png`` of ``0001.jpg``."""
    stem = name.rpartition(".")[0].lower()
    if match := _BESIDE.fullmatch(stem):
        return any(match["frame"] + ending in beside for ending in _FRAME_ENDINGS)
    if match := _COLOURED.fullmatch(stem):
        return any(match["ids"] + ending in beside for ending in _IDS)
    return False
