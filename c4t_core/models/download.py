"""The one downloader: resumable, cancelled cleanly, checked, and quick to say "offline".

What has arrived lies beside the target as ``NAME.part``, with ``NAME.part.json`` saying which
file it is a part of; the next attempt asks only for the rest.

huggingface_hub, which open_clip and transformers bring, does not serve here (measured with 2.4):
it takes a file of the right size whose checksum is wrong, needs 23 s of retries to say that there
is no network, reads ``HF_HUB_OFFLINE`` and ``HF_ENDPOINT`` once at its import, where open_clip has
to find the former set, and knows no server but a hub.
"""

from __future__ import annotations

import errno
import http
import http.client
import json
import os
import re
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from email.message import Message
from pathlib import Path
from typing import IO, Any

from c4t_core.errors import DownloadError
from c4t_core.files import sha256
from c4t_core.paths import cache_dir
from c4t_core.progress import Progress, ignore
from c4t_core.records import dataclass

HUB = "https://huggingface.co"
_CHUNK = 1 << 20
_PATIENCE = 30.0  # seconds without a byte before the connection is given up
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')


@dataclass(frozen=True)
class Remote:
    """A file on a server.

    Attributes:
        url: where it was asked for.
        size: its bytes.
        sha256: its hex digest or the beginning of it, where that is known; else empty.
    """

    url: str
    size: int
    sha256: str = ""


class NoSuchFile(DownloadError):
    """The server answers, and has no file of that name."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects and keeps the headers of each: the checksum is on the first."""

    def __init__(self) -> None:
        self.seen: list[Message] = []

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urllib.parse.urlsplit(req.full_url).scheme == "https" and not newurl.startswith(
            "https:"
        ):
            raise DownloadError(
                f"{req.host} wants to send the file over an unprotected connection, which is "
                "refused; try again later, or give a local file."
            )
        self.seen.append(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def switched_off() -> bool:
    """Tell whether downloads are switched off with ``HF_HUB_OFFLINE``."""
    return os.environ.get("HF_HUB_OFFLINE", "").strip().upper() in ("1", "TRUE", "YES", "ON")


def require_network(host: str, seconds: float = 1.0) -> None:
    """Return if ``host`` answers, else say so at once instead of hanging in retries.

    Raises:
        DownloadError: if ``HF_HUB_OFFLINE`` is set or the host cannot be reached in time.
    """
    if switched_off():
        raise DownloadError(
            "Downloads are switched off (HF_HUB_OFFLINE is set); unset it, or give a local file."
        )
    if urllib.request.getproxies().get("https"):
        return  # only the proxy can tell
    reached = threading.Event()

    def connect() -> None:
        # in a thread because looking a name up has no time limit of its own
        try:
            socket.create_connection((host, 443), timeout=seconds).close()
            reached.set()
        except OSError:
            pass

    thread = threading.Thread(target=connect, name="c4t-connect", daemon=True)
    thread.start()
    thread.join(seconds)
    if not reached.is_set():
        raise DownloadError(
            f"{host} cannot be reached, so nothing was downloaded; connect to the internet, or "
            "give a local file."
        )


def hub_url(repository: str, file: str) -> str:
    """Return where a file of a repository lies on Hugging Face's hub or on ``HF_ENDPOINT``."""
    return f"{os.environ.get('HF_ENDPOINT', HUB).rstrip('/')}/{repository}/resolve/main/{file}"


def cached(url: str, name: str, digest: str = "") -> Path:
    """Return a file of the cache, downloaded where it is not there yet.

    Args:
        url: where it is to be had.
        name: what it is called in the cache.
        digest: the beginning of its SHA-256 sum, where the server does not tell that.

    Raises:
        DownloadError: as of :func:`ask` and :func:`fetch`.
    """
    from tqdm import tqdm

    target = cache_dir() / "weights" / name
    if not target.is_file():
        remote = ask(url)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tqdm(total=remote.size, unit="B", unit_scale=True, desc=name, disable=None) as bar:
            fetch(
                replace(remote, sha256=remote.sha256 or digest),
                target,
                lambda done, _: bar.update(done - bar.n),
            )
    return target


def ask(url: str) -> Remote:
    """Return size and checksum of a file without fetching it.

    Raises:
        DownloadError: at once without a network; or if the server has no such file.
    """
    reach(url)
    with _open(url) as (answer, headers):
        size = next((h["X-Linked-Size"] for h in headers if h["X-Linked-Size"]), None)
        size = size or answer.headers.get("Content-Length")
        digests = [h[key] or "" for h in headers for key in ("X-Linked-Etag", "ETag")]
        found = [match.group(1) for text in digests if (match := _SHA256.fullmatch(text))]
        if size is None or not size.isdigit():
            raise DownloadError(f"{_host(url)} does not tell how large {url} is; try again later.")
        return Remote(url, int(size), found[0] if found else "")


def is_here(remote: Remote, target: Path) -> bool:
    """Tell whether a file is what a server has, and need not be fetched again."""
    known = target.is_file() and target.stat().st_size == remote.size and bool(remote.sha256)
    return known and sha256(target).startswith(remote.sha256)


def fetch(remote: Remote, target: Path, progress: Progress = ignore) -> None:
    """Bring a file to ``target``; continues what an earlier attempt left.

    Args:
        remote: which file, as of :func:`ask`.
        target: where it belongs; its folder exists.
        progress: told bytes done and in all.

    Raises:
        DownloadError: if the connection breaks (what has arrived is kept), the disk is full, or
            the file is not what the server promised (it is thrown away).
        Cancelled: from ``progress``; what has arrived is kept.
    """
    part = target.with_name(f"{target.name}.part")
    note = target.with_name(f"{target.name}.part.json")
    done = _resumable(part, note, remote)
    try:
        note.write_text(json.dumps(asdict(remote)), encoding="utf-8")
        if done < remote.size:
            reach(remote.url)
            _receive(remote, part, done, progress)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DownloadError(
                f'The disk of "{target.parent}" is full; free {_mb(remote.size)} and try again.'
            ) from error
        raise DownloadError(
            f"The download broke off ({error}); try again, it goes on where it stopped."
        ) from error
    _check(part, remote)
    part.replace(target)
    note.unlink(missing_ok=True)


def _resumable(part: Path, note: Path, remote: Remote) -> int:
    """Return how many bytes of this very file are there; other leftovers are thrown away."""
    try:
        same = json.loads(note.read_text(encoding="utf-8")) == asdict(remote)
        size = part.stat().st_size
    except (OSError, ValueError):
        same, size = False, 0
    if not same or size > remote.size:
        part.unlink(missing_ok=True)
        return 0
    return size


def _receive(remote: Remote, part: Path, done: int, progress: Progress) -> None:
    headers = {"Range": f"bytes={done}-"} if done else {}
    with _open(remote.url, headers) as (answer, _):
        if done and answer.status != http.client.PARTIAL_CONTENT:
            done = 0  # the server does not resume
        with part.open("r+b" if done else "wb") as out:
            out.seek(done)
            progress(done, remote.size)
            for chunk in _chunks(answer):
                out.write(chunk)
                done += len(chunk)
                progress(min(done, remote.size), remote.size)
            out.flush()
            os.fsync(out.fileno())
    if done < remote.size:
        raise DownloadError(
            f"The connection closed after {_mb(done)} of {_mb(remote.size)}; try again, it goes "
            "on where it stopped."
        )


def _chunks(answer: Any) -> Iterator[bytes]:
    while True:
        try:
            chunk = answer.read(_CHUNK)
        except http.client.HTTPException as error:  # fewer bytes than announced
            if isinstance(error, http.client.IncompleteRead) and error.partial:
                yield error.partial
            return
        if not chunk:
            return
        yield chunk


def _check(part: Path, remote: Remote) -> None:
    if part.stat().st_size == remote.size and sha256(part).startswith(remote.sha256):
        return
    part.unlink()
    raise DownloadError(
        f"What {_host(remote.url)} sent is not the file it promised (the checksum differs) and "
        "was thrown away; try again."
    )


@contextmanager
def _open(url: str, headers: dict[str, str] | None = None) -> Iterator[tuple[Any, list[Message]]]:
    """Ask for a file; gives the answer and the headers of every answer on the way."""
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    request = urllib.request.Request(url, headers={"User-Agent": "c4t", **(headers or {})})  # noqa: S310
    try:
        answer = opener.open(request, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        with error:
            kind = NoSuchFile if error.code == http.HTTPStatus.NOT_FOUND else DownloadError
            raise kind(
                f"{_host(url)} answers {error.code} ({error.reason}) for {url}; check the name, "
                "or try again later."
            ) from error
    except (urllib.error.URLError, TimeoutError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(
            f"{_host(url)} cannot be reached ({reason}), so nothing was downloaded; connect to "
            "the internet, or give a local file."
        ) from error
    with closing(answer):
        yield answer, [*redirects.seen, answer.headers]


def reach(url: str) -> None:
    """Say "offline" at once; a server on this very machine needs no network.

    Raises:
        DownloadError: as of :func:`require_network`.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.hostname in ("127.0.0.1", "localhost", "::1"):
        return
    require_network(parts.hostname or url)


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc or url


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size} bytes"
