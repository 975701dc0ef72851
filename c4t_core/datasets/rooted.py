"""Names of images that must lie below one folder."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

_DRIVE_LETTER = re.compile(r"^[A-Za-z]:")


class Root:
    """Decides whether a name is a file below the root; folders are resolved once each."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
        self._real = os.path.realpath(root)
        self._folders: dict[str, bool] = {}

    def find(self, name: str) -> tuple[str, str]:
        """Return (absolute path, path below the root).

        Raises:
            ValueError: with the reason, if there is no such file or it is not below the root.
        """
        inside = self._below(name)
        full = os.path.join(self._root, inside)
        if not self._folder_is_inside(os.path.dirname(full)):
            raise ValueError(f"the path {name} leaves the images' folder")
        try:
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                if not self._contains(os.path.realpath(full)):
                    raise ValueError(f"{name} is a link that leaves the images' folder")
                mode = os.stat(full).st_mode
        except OSError as error:
            raise ValueError(f"the image {name} is missing") from error
        if not stat.S_ISREG(mode):
            raise ValueError(f"{name} is not a file")
        return full, inside.replace(os.sep, "/")

    def _below(self, name: str) -> str:
        """Return the normal form of a name relative to the root, without touching the disk."""
        if "\0" in name:
            raise ValueError("the path of the image holds a NUL byte")
        if _DRIVE_LETTER.match(name) or name.startswith("\\\\"):
            raise ValueError(f"the path {name} leaves the images' folder")
        path = os.path.normpath(name if os.sep == "\\" else name.replace("\\", "/"))
        if os.path.isabs(path):
            path = os.path.relpath(path, self._root)
        if path == ".." or path.startswith(".." + os.sep):
            raise ValueError(f"the path {name} leaves the images' folder")
        return path

    def _folder_is_inside(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._contains(os.path.realpath(folder))
        return known

    def _contains(self, real: str) -> bool:
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)
