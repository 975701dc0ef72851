"""Names of images as lists write them, and the files that are meant by them.

A list may come from another machine than its images: with backslashes, as ``file://`` address,
with ``%20`` for a space, with letters composed where the disk has them decomposed, or in another
case. The name as it stands always comes first; another spelling counts only where the name itself
is not there and the other one is the only one that fits.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator

_DRIVE_LETTER = re.compile(r"^[A-Za-z]:")
_ABSOLUTE = re.compile(r"^(?:[A-Za-z]:)?/")
_FILE_ADDRESS = re.compile(
    r"^file:(?://(?P<host>[^/\\]*))?(?P<path>.*)$", re.IGNORECASE | re.DOTALL
)
_ADDRESS = re.compile(r"^(?:[a-z][a-z0-9+.-]+://|data:)", re.IGNORECASE)
# Flickr's lists number the captions of an image so: "1000.jpg#0".
_NUMBERED = re.compile(r"#\d{1,2}$")
_ESCAPED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_SHOWN = 120  # characters of a name in a sentence


def is_address(name: str) -> bool:
    """Tell whether a name is an address in the web and not one of a file.

    >>> is_address("https://h.example/1.jpg"), is_address("file:///a/1.jpg"), is_address("a/1.jpg")
    (True, False, False)
    """
    return _ADDRESS.match(name) is not None and _FILE_ADDRESS.match(name) is None


def spellings(name: str) -> Iterator[str]:
    """Yield what a name may mean, likeliest first; the first is the name itself.

    >>> list(spellings("a%20b.jpg#1"))
    ['a%20b.jpg#1', 'a b.jpg#1', 'a%20b.jpg', 'a b.jpg']
    """
    address = _FILE_ADDRESS.match(name)
    found = [name]
    if address is not None:
        host, path = address["host"] or "", address["path"]
        path = path[1:] if _DRIVE_LETTER.match(path[1:]) else path
        # "file://run/1.jpg" is a relative name in the hands of those who do not know addresses.
        found = [path, f"{host}{path}"] if host not in ("", "localhost") else [path]
    for start in (*found, *(_NUMBERED.sub("", spelled) for spelled in found)):
        yield from dict.fromkeys((start, unescaped(start)))


def unescaped(name: str, errors: str = "surrogateescape") -> str:
    """Return a name with its ``%20`` and the like as the characters they stand for.

    Args:
        name: as a list has it.
        errors: what becomes of bytes that are no UTF-8, as of ``bytes.decode``.
    """
    return _ESCAPED.sub(
        lambda found: bytes.fromhex(found[0].replace("%", "")).decode("utf-8", errors), name
    )


class Alike:
    """Names by what they have in common in any normal form of Unicode, and in any case."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take in the names."""
        self._names = set(names)
        self._composed = _unique(self._names, composed)
        self._folded = _unique(self._names, _folded)

    def find(self, name: str) -> str | None:
        """Return the name itself, else the only one that is spelled alike, else None."""
        if name in self._names:
            return name
        found = self._composed.get(composed(name))
        return found if found is not None else self._folded.get(_folded(name))


def composed(name: str) -> str:
    """Return a name as most disks write its accents; macOS takes them apart."""
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _unique(names: Iterable[str], form: Callable[[str], str]) -> dict[str, str | None]:
    """Return form -> name, None where several names have the same one."""
    out: dict[str, str | None] = {}
    for name in names:
        key = form(name)
        out[key] = None if key in out else name
    return out


class Root:
    """Decides whether a name is a file below a folder.

    Nothing outside is looked at: not through ``..``, absolute paths or symbolic links. Folders are
    resolved and listed once each.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Take the folder that names are relative to."""
        self._root = os.path.abspath(root)
        self._real = os.path.realpath(root)
        self._folders: dict[str, bool] = {}
        self._listed: dict[str, Alike] = {}

    def find(self, name: str) -> tuple[str, str]:
        """Return (absolute path, path below the root with "/"), both as they are on the disk.

        Raises:
            ValueError: with the reason, if there is no such file or it is not below the root.
        """
        if is_address(name):
            raise ValueError(f"{_short(name)} is an address in the web, not the name of a file")
        reason: ValueError | None = None
        for spelled in spellings(name):
            try:
                return self._find(spelled)
            except ValueError as error:
                reason = reason or error
        raise reason or ValueError("there is no image")

    def _find(self, name: str) -> tuple[str, str]:
        inside = below(name, self._root, self._real)
        full = os.path.join(self._root, inside)
        if not self._folder_is_inside(os.path.dirname(full)):
            raise ValueError(f"the path {_short(name)} leaves the images' folder")
        try:
            mode = os.lstat(full).st_mode
        except OSError as error:
            alike = self._alike(inside)
            if alike is None:
                raise ValueError(f"the image {_short(name)} is missing") from error
            inside, full = alike, os.path.join(self._root, alike)
            mode = os.lstat(full).st_mode
        return self._checked(name, full, mode), inside.replace(os.sep, "/")

    def _checked(self, name: str, full: str, mode: int) -> str:
        if stat.S_ISLNK(mode):
            if not self._contains(os.path.realpath(full)):
                raise ValueError(f"{_short(name)} is a link that leaves the images' folder")
            try:
                mode = os.stat(full).st_mode
            except OSError as error:
                raise ValueError(f"the image {_short(name)} is missing") from error
        if not stat.S_ISREG(mode):
            raise ValueError(f"{_short(name)} is not a file")
        return full

    def _alike(self, inside: str) -> str | None:
        """Return the path below the root that is spelled alike, part by part."""
        found = ""
        for part in inside.split(os.sep):
            real = self._listing(found).find(part)
            if real is None:
                return None
            found = os.path.join(found, real)
        return found

    def _listing(self, inside: str) -> Alike:
        listed = self._listed.get(inside)
        if listed is None:
            folder = os.path.join(self._root, inside)
            try:
                names = os.listdir(folder) if self._folder_is_inside(folder) else []
            except OSError:
                names = []
            listed = self._listed[inside] = Alike(names)
        return listed

    def _folder_is_inside(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._contains(os.path.realpath(folder))
        return known

    def _contains(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)


def below(name: str, *roots: str) -> str:
    """Return the normal form of a name relative to a root, without touching the disk.

    Args:
        name: relative, or absolute and below one of the roots.
        roots: absolute ways to write the root.

    Raises:
        ValueError: if it leaves the root.
    """
    if "\0" in name:
        raise ValueError("the path of the image holds a NUL byte")
    if os.sep == "\\" or not (_DRIVE_LETTER.match(name) or name.startswith("\\\\")):
        path = os.path.normpath(name if os.sep == "\\" else name.replace("\\", "/"))
        for root in roots if os.path.isabs(path) else ("",):
            inside = _relative(path, root)
            if inside is not None:
                return inside
    raise ValueError(f"the path {_short(name)} leaves the images' folder")


def _relative(path: str, root: str) -> str | None:
    try:
        inside = os.path.relpath(path, root) if root else path
    except ValueError:  # another disk, on Windows
        return None
    leaves = inside == ".." or inside.startswith(".." + os.sep) or _DRIVE_LETTER.match(inside)
    return None if leaves else inside


class Names:
    """Finds what a name means among known names ("/"-separated, relative to one root).

    Args:
        names: what is known.
        root: the folder that they are relative to, for absolute names; None for none.
    """

    def __init__(self, names: Iterable[str], root: str | os.PathLike[str] | None = None) -> None:
        """Take in the names."""
        self._roots = () if root is None else (os.path.abspath(root), os.path.realpath(root))
        self._alike = Alike(names)

    def find(self, name: str) -> str | None:
        """Return the known name that is meant, None where none or several fit."""
        for spelled in (name, *spellings(name)):
            found = self._alike.find(spelled) or self._alike.find(self._normal(spelled))
            if found is not None:
                return found
        return self._elsewhere(name)

    def _elsewhere(self, name: str) -> str | None:
        """Return the end of a name that is a known name, if what is before it is a root.

        That is the root of another machine for an absolute name, else the end of our own.
        """
        for text in () if is_address(name) else spellings(name):
            path = text.replace("\\", "/")
            absolute = _ABSOLUTE.match(path) is not None
            for cut in (found.end() for found in re.finditer("/+", path)):
                before = f"/{path[:cut].rstrip('/')}"
                if absolute or any(
                    root.replace(os.sep, "/").endswith(before) for root in self._roots
                ):
                    found = self._alike.find(path[cut:])
                    if found is not None:
                        return found
        return None

    def _normal(self, name: str) -> str:
        try:
            return below(name, *self._roots).replace(os.sep, "/")
        except ValueError:
            return name


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."
