"""Addresses of tables and frames: folders of this machine, or places such as ``s3://bucket/x``.

What is said, logged, exported or stored of an address never holds a password: :func:`shown` takes
them out, and :func:`plain` refuses an address that carries one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from c4t_core.errors import DataError

ENDING = ".lance"
_REMOTE = re.compile(r"^([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])")  # one letter is a disk of Windows


def is_remote(name: str | os.PathLike[str]) -> bool:
    """Tell whether a name is an address such as ``s3://bucket/folder``, not a local path.

    >>> is_remote("s3://bucket/drives"), is_remote("C:/drives"), is_remote("/data/a:/b")
    (True, False, False)
    """
    return _REMOTE.match(os.fspath(name)) is not None


def is_table(name: str | os.PathLike[str]) -> bool:
    """Tell whether a name is that of a table, by its ending."""
    return os.fspath(name).rstrip("/\\").endswith(ENDING)


def plain(name: str | os.PathLike[str]) -> str:
    """Return an address as it is kept: whole, absolute, "/" between parts, none at the end.

    Raises:
        DataError: if it carries a password or a signature, which would be kept with it.

    >>> plain("s3:/bucket/drives/")
    's3://bucket/drives'
    """
    text = os.fspath(name)
    found = _REMOTE.match(text)
    if found is None:
        path = os.path.abspath(os.path.expanduser(text))
        return path if os.sep == "/" else path.replace(os.sep, "/")
    parts = urlsplit(f"{found[1]}://{text[found.end() :]}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise DataError(
            f'The address "{shown(text)}" carries a user, a password or a signature; leave them '
            "out and give them as the environment variables of the storage, such as "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def shown(name: str | os.PathLike[str]) -> str:
    """Return an address without user, password, query and fragment; a local path as it is.

    >>> shown("https://me:secret@host/a/x.lance?sig=abc")
    'https://host/a/x.lance'
    """
    text = os.fspath(name)
    found = _REMOTE.match(text)
    if found is None:
        return text
    parts = urlsplit(f"{found[1]}://{text[found.end() :]}")
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def spelled(name: str | os.PathLike[str]) -> str:
    """Return an address with both its slashes, whatever else is in it; a local path as it is.

    >>> spelled("s3:/bucket/drives/#1.png")
    's3://bucket/drives/#1.png'
    """
    text = os.fspath(name)
    return _REMOTE.sub(r"\1://", text, count=1)


def absolute(name: str | os.PathLike[str]) -> str:
    """Return what other programs can use: an address as it is, a local path as absolute."""
    return spelled(name) if is_remote(name) else os.path.abspath(name)


def as_path(address: str) -> Path:
    """Return an address as a path that other names can be joined to; ``plain`` reads it again.

    >>> plain(as_path("s3://bucket/drives") / "a.png")
    's3://bucket/drives/a.png'
    """
    return Path(address)


def is_below(relative: bytes | str) -> bool:
    """Tell whether a name stays in the folder that it is relative to, whatever wrote it.

    >>> is_below("drive/1.png"), is_below("../1.png"), is_below("/etc/passwd"), is_below("a//b")
    (True, False, False, False)
    """
    text = os.fsdecode(relative)
    parts = text.split("/")
    bad = "" in parts or ".." in parts or "." in parts or "\0" in text
    if os.sep != "/":
        bad = bad or os.sep in text or ":" in text
    return not bad and not PurePosixPath(text).is_absolute()
