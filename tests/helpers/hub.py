"""A server on this machine that has files as a hub has them, and also misbehaves."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Server:
    """What the server has and how it behaves."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    break_after: int | None = None  # bytes, then the connection closes
    resumes: bool = True
    digest: str | None = None  # told instead of the true one
    ranges: list[str | None] = field(default_factory=list)


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    """Return what answers for a server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *_args: object) -> None:
            pass

        def do_GET(self) -> None:  # noqa: N802
            if self.path.startswith("/hub/"):  # as the hub does: checksum here, file elsewhere
                data = server.files.get(Path(self.path).name, b"")
                digest = server.digest or hashlib.sha256(data).hexdigest()
                self.send_response(302)
                self.send_header("Location", f"{server.url}/files/{Path(self.path).name}")
                self.send_header("X-Linked-Etag", f'"{digest}"')
                self.send_header("X-Linked-Size", str(len(data)))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found = server.files.get(Path(self.path).name)
            if found is None:
                self.send_error(404)
                return
            data = found
            wanted = self.headers.get("Range")
            server.ranges.append(wanted)
            start = (
                int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.resumes else 0
            )
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            rest = data[start:]
            with contextlib.suppress(ConnectionError):
                if server.break_after is None:
                    self.wfile.write(rest)
                else:
                    self.wfile.write(rest[: server.break_after])
                    self.wfile.flush()
            self.close_connection = True

    return Handler


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Server]:
    """Serve files by their names until it is left."""
    about = Server(files=files)
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(about))
    about.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield about
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
