"""Finding the image that a label file speaks of, by whatever name it has there.

Label files name images as they lay on the machine of whoever labelled them: with its folders,
with Windows' backslashes, as an address, with the prefix that Label Studio gives uploads. The
image meant is the one whose path agrees with the longest end of such a name. Where several
agree as long, the part of the data set decides that the label file's name or folder tells
(``instances_train.json``, ``train/_annotations.coco.json``).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from c4t_core.datasets.labels.layout import Reading, Tally, files_below, is_label
from c4t_core.images.kinds import SUFFIXES
from c4t_core.images.lookup import composed, unescaped

_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]+://[^/]*")
_LOCAL = re.compile(r"[?&]d=([^&#]*)")  # Label Studio: /data/local-files/?d=folder/name.jpg
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio: 1f3a5c7e-name.jpg
_WORDS = re.compile(r"[^_.\-\s]+")
_PARTS = {
    **dict.fromkeys(("train", "training"), frozenset({"train"})),
    **dict.fromkeys(("val", "valid", "validation", "dev"), frozenset({"val"})),
    **dict.fromkeys(("test", "testing"), frozenset({"test"})),
    "trainval": frozenset({"train", "val"}),
}

_Parts = tuple[str, ...]


def name_forms(name: str) -> Iterator[str]:
    """Yield what a name may stand for, as it is first; ``/`` parts its folders.

    >>> list(name_forms("/data/local-files/?d=frames/a%201.jpg"))[-1]
    'frames/a 1.jpg'
    """
    plain = name.strip().replace("\\", "/")
    forms = [plain]
    if scheme := _SCHEME.match(plain):
        forms.append(plain[scheme.end() :])
    if local := _LOCAL.search(plain):
        forms.append(local[1])
    if "?" in plain:
        forms.append(forms[1 if scheme else 0].partition("?")[0])
    forms += [unescaped(form, "replace") for form in forms]
    forms += [unescaped(form, "replace") for form in forms]  # some tools escape twice
    forms += [form.replace("\\", "/") for form in forms]  # Windows' folders were escaped too
    forms += [_without_prefix(form) for form in forms]
    yield from dict.fromkeys(forms)


def _without_prefix(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{_UPLOAD.sub('', last)}"


class ImageFinder:
    """Finds images by the name that a label file gives them.

    Args:
        reading: whose root is searched. Names are tried as they are first; only if that fails
            is the folder walked, once.
        unique: one name means one image, in whatever folder; otherwise a name that several
            folders hold is not found unless something tells which is meant.
    """

    def __init__(self, reading: Reading, *, unique: bool = False) -> None:
        self._reading = reading
        self._unique = unique
        self._by_name: dict[str, list[tuple[Path, _Parts]]] | None = None

    def find(self, name: str, label: Path, tally: Tally | None = None) -> Path | None:
        """Return the image, or None; a name never leads out of the root.

        Args:
            name: as the label file has it; without an ending it is that of an image of any format.
            label: the file that names the image.
            tally: takes the name of what is not found, and why.
        """
        reason = f"not below {self._reading.root}"
        for form in name_forms(name):
            image = self._exact(form, label)
            if image is not None:
                return image
            alike, other_part = self._by_end(form, label)
            if len(alike) == 1 or (alike and self._unique):
                return alike[0]
            if alike:
                reason = "with a name that several folders have"
            elif other_part:
                reason = "that only another part of the data set has"
        if tally is not None:
            tally.add("image", reason, name)
        return None

    def _exact(self, name: str, label: Path) -> Path | None:
        """Return the image if the name says where it is, from the label's folder or the root."""
        parts = name.split("/")
        if name.startswith("/") or ".." in parts:
            return None
        root = self._reading.root
        folders = (label.parent, root) if label.is_relative_to(root) else (root,)
        return next((path for f in folders if _is_file(path := f / name)), None)

    def _by_end(self, name: str, label: Path) -> tuple[list[Path], bool]:
        """Return the images that agree best with the end of a name, and if others do not fit."""
        parts = [part for part in posixpath.normpath(composed(name)).split("/") if part != ".."]
        if not parts:
            return [], False
        named = self._index().get(parts[-1], [])
        ends = [(path, tail, _agreeing(tail, parts)) for path, tail in named]
        part = () if self._unique else _part_of(label, self._reading.root)
        fitting = [end for end in ends if _fits(end[1][: -end[2]], part)]
        longest = max((length for _, _, length in fitting), default=0)
        alike = [(path, tail[:-1]) for path, tail, length in fitting if length == longest]
        for hint in _hints(label, self._reading.root) if len(alike) > 1 else ():
            alike = [entry for entry in alike if hint in map(str.casefold, entry[1])] or alike
        return [path for path, _ in alike], bool(ends)

    def _index(self) -> dict[str, list[tuple[Path, _Parts]]]:
        """Return the images below the root by name, with and without ending."""
        if self._by_name is None:
            self._by_name = {}
            root = self._reading.root
            for path in files_below(root, SUFFIXES):
                if is_label(path, root) is not True:
                    folders = tuple(map(composed, path.relative_to(root).parts[:-1]))
                    for name in dict.fromkeys(map(composed, (path.name, path.stem))):
                        self._by_name.setdefault(name, []).append((path, (*folders, name)))
        return self._by_name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long: an image written into the label file, for one
        return False


def _agreeing(tail: Sequence[str], parts: Sequence[str]) -> int:
    """Return how many parts two paths have in common, counted from the end."""
    pairs = zip(reversed(tail), reversed(parts), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(tail), len(parts)))


def _parts_named(words: Iterable[str]) -> frozenset[str]:
    """Return which of train, val and test some words name; a year behind them says nothing."""
    known = (_PARTS.get(re.sub(r"\d+$", "", word.casefold()), frozenset()) for word in words)
    return frozenset().union(*known)


def _part_of(label: Path, root: Path) -> frozenset[str]:
    """Return the part of the data set that a label file is about, by its name or its folders."""
    named = _parts_named(_WORDS.findall(label.name))
    if named or not label.is_relative_to(root):
        return named
    folders = reversed(label.relative_to(root).parts[:-1])
    return next(filter(None, (_parts_named([folder]) for folder in folders)), frozenset())


def _fits(folders: Iterable[str], part: Iterable[str]) -> bool:
    """Return False for an image of another part; which it is, its folders tell."""
    named = _parts_named(folders)
    return not named or not part or not named.isdisjoint(part)


def _hints(label: Path, root: Path) -> list[str]:
    """Return names of folders that a label file's images may be in, the likeliest first."""
    words = [(match.start(), match[0]) for match in _WORDS.finditer(label.name)]
    stem = label.name.removesuffix(".gz").removesuffix(".json")
    folders = label.relative_to(root).parts[:-1] if label.is_relative_to(root) else ()
    ends = [stem[start:] for start, _ in words]
    return [hint.casefold() for hint in (*ends, *(w for _, w in words), *reversed(folders)) if hint]
