"""How the user's data know an image, and find it again where it is now."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import field
from pathlib import Path
from typing import Any

from c4t_core.files import content_digest
from c4t_core.index.query import frame_name
from c4t_core.index.store.database import Database
from c4t_core.index.store.seals import Row
from c4t_core.records import dataclass

_AT_ONCE = 500  # paths of one question to the catalogue


@dataclass(frozen=True)
class ImageKey:
    """An image as the user's data know it.

    Attributes:
        root: the folder it was found in.
        relative: path below it, "/"-separated.
        digest: BLAKE2b of the content, hex, empty if the file could not be read.
        size: of the file, bytes, -1 if it could not be read.
        at: seconds from the start of a recording, None for a picture; kept to the nanosecond.
    """

    root: Path
    relative: str
    digest: str = field(default="", compare=False)
    size: int = field(default=-1, compare=False)
    at: float | None = None

    @property
    def path(self) -> Path:
        """The file, where it was when it was noted."""
        return self.root / self.relative

    @property
    def name(self) -> str:
        """How it is written, such as ``clip.mp4#t=12.500``."""
        return frame_name(self.relative, self.at)

    @classmethod
    def of(cls, root: Path, relative: str, at: float | None = None) -> ImageKey:
        """Return the key of a file, its content hashed if it can be read."""
        return cls(root, relative, *content_digest(root / relative), at)


def image_of(row: Row) -> ImageKey:
    """Return the image of a row, see :func:`image_columns`."""
    values: Any = row
    at = None if values["at_ns"] < 0 else values["at_ns"] / 1e9
    root, path = Path(os.fsdecode(values["root"])), os.fsdecode(values["path"])
    return ImageKey(root, path, values["digest"], values["size"], at)


def image_columns(image: ImageKey) -> Row:
    """Return an image as the columns of a row."""
    return {
        "root": os.fsencode(image.root),
        "path": os.fsencode(image.relative),
        "at_ns": -1 if image.at is None else round(image.at * 1e9),
        "digest": image.digest,
        "size": image.size,
    }


def locate(
    image: ImageKey,
    files_of_size: Callable[[int], Iterable[Path]],
    digest: Callable[[Path], tuple[str, int]] = content_digest,
) -> Path | None:
    """Find an image's file where it is now: at its path, else by its content.

    Args:
        image: as it was noted.
        files_of_size: the known files of a size (`Workspace.files_of_size`).
        digest: hashes a file's content; one that remembers, where many images are looked for.
    """
    if image.path.is_file():
        return image.path
    if not image.digest:
        return None
    named = sorted(files_of_size(image.size), key=lambda path: path.name != image.path.name)
    for candidate in named:  # of copies with one content the one of its name
        if digest(candidate)[0] == image.digest:
            return candidate
    return None


def ids_of(
    catalogue: Database, root_id: int, paths: Iterable[bytes]
) -> dict[tuple[bytes, int | None], int]:
    """Return the ids of the frames of some files, relative to their root in the catalogue.

    Returns:
        (path, nanoseconds from the start of a recording, None for a picture) -> id.
    """
    wanted = list(paths)
    found: dict[tuple[bytes, int | None], int] = {}
    with catalogue.reading() as db:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            rows = db.execute(
                "SELECT path, at_ns, id FROM images WHERE root_id = ?"
                f" AND path IN ({','.join('?' * len(part))})",
                (root_id, *part),
            )
            found.update(((path, at_ns), number) for path, at_ns, number in rows.fetchall())
    return found


def moved_to(root: bytes, path: bytes, old: Path, new: Path) -> tuple[bytes, bytes] | None:
    """Return root and path of a file after a folder was moved, None if it does not lie below.

    >>> moved_to(b"/d/a", b"x/1.png", Path("/d"), Path("/e"))
    (b'/e/a', b'x/1.png')
    >>> moved_to(b"/d", b"a/x/1.png", Path("/d/a"), Path("/d/b"))
    (b'/d', b'b/x/1.png')
    >>> moved_to(b"/d", b"a/x/1.png", Path("/d/a"), Path("/e"))
    (b'/e', b'x/1.png')
    """
    folder, relative = Path(os.fsdecode(root)), Path(os.fsdecode(path))
    if folder.is_relative_to(old):
        return os.fsencode(new / folder.relative_to(old)), path
    if not (folder / relative).is_relative_to(old) or folder / relative == old:
        return None
    rest = (folder / relative).relative_to(old)
    if new.is_relative_to(folder):
        rest, within = (new / rest).relative_to(folder), folder
    else:
        within = new
    return os.fsencode(within), os.fsencode(rest.as_posix())
