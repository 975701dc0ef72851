"""What can go wrong, in the user's words.

A :class:`C4TError` is the user's disk, file, option or machine: its message is one plain
sentence that ends in a remedy, and it is shown as it is, without a traceback. Any other
exception is a fault of ours and is reported as such.
"""

from __future__ import annotations

from pathlib import Path


class C4TError(Exception):
    """The user can mend this; ``str(error)`` says how, in one plain sentence."""


class FolderError(C4TError):
    """A folder is missing, unreadable, or not a folder.

    Attributes:
        path: the folder in question.
    """

    def __init__(self, message: str, path: Path | None = None) -> None:
        """Keep the sentence and the folder it is about."""
        super().__init__(message)
        self.path = path


class ImageError(C4TError):
    """One image file cannot be used; the message is the reason shown in the skipped list."""


class ModelError(C4TError):
    """A model is unknown, broken, or does not fit the index."""


class MissingExtraError(C4TError):
    """A feature needs packages that are not installed.

    Attributes:
        extra: the name of the extra, such as ``"train"``.
        command: the command that installs it, to be copied.
    """

    SIZES = {
        "train": "about 6 GB",
        "clip": "about 6 GB",
        "cluster": "about 700 MB",
        "all": "about 7.5 GB",
        "ann": "about 1 MB",
    }

    def __init__(self, feature: str, extra: str) -> None:
        """Name the feature that is asked for and the extra that brings it."""
        self.extra = extra
        self.command = f'pip install "c4t-desktop[{extra}]"'
        size = self.SIZES.get(extra, "some space")
        super().__init__(
            f"{feature} needs more packages ({size}); install them with: {self.command}"
        )


class NotIndexedError(C4TError):
    """The folder has no index for this model yet."""


class CatalogueError(C4TError):
    """The catalogue cannot be read or written (disk full, read-only, in use)."""


class BusyError(CatalogueError):
    """Another process is writing to the same catalogue."""


class QueryError(C4TError):
    """The query cannot be understood (empty, a term without words, an image that is not there)."""


class DataError(C4TError):
    """Labels, captions or pairs cannot be used.

    Attributes:
        path: the file, where one is at fault.
        line: the line in it, counted from 1, where one is at fault.
    """

    def __init__(self, message: str, path: Path | None = None, line: int | None = None) -> None:
        """Keep the sentence and where it happened."""
        super().__init__(message)
        self.path = path
        self.line = line


class ColumnsError(DataError):
    """It is not known which columns of a table are meant; choose among them.

    Attributes:
        header: the columns there are.
    """

    def __init__(
        self, message: str, path: Path, header: tuple[str, ...], line: int | None = 1
    ) -> None:
        """Keep the sentence, where it happened and the columns."""
        super().__init__(message, path, line)
        self.header = header


class TrainingError(C4TError):
    """Training cannot start or go on."""


class DownloadError(C4TError):
    """A download that the user asked for did not succeed."""


class Cancelled(Exception):  # noqa: N818 - a request, not an error
    """Raised by a progress callable to stop the work; what is done so far is kept."""
