"""A folder served over HTTP by this process: what was asked for is noted, answers can be held."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote


@dataclass
class Served:
    """What is served.

    Attributes:
        address: of the folder, without a slash at its end.
        asked: paths that were asked for, in that order.
        go: answers wait until it is set; it is at the start.
        moved: where the server sends all that ask, "" for nowhere.
        status: of all answers where not 0.
    """

    address: str = ""
    asked: list[str] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    moved: str = ""
    status: int = 0


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Served]:
    """Serve a folder on a free port of this machine."""
    state = Served()
    state.go.set()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = unquote(self.path.lstrip("/"))
            state.asked.append(name)
            state.go.wait(60)
            file = folder / name
            data = file.read_bytes() if file.is_file() else b""
            self.send_response(302 if state.moved else state.status or (200 if data else 404))
            if state.moved:
                self.send_header("Location", state.moved)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        state.go.set()
        server.shutdown()
        thread.join()
        server.server_close()
