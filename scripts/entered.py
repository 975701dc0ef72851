"""Count what one typed letter in the window, and one ``c4t search``, go through.

    python -m scripts.entered [--json] [--query "truck in snow"]

Counted by ``sys.setprofile``: the modules in which a function ran, and how often each fact below
was looked up, in all and in the thread that answers. (Another looks up the frame shown at the
side, and frames like it.) The window is the real one, offscreen, with the
shipped model on the sample drive, indexed beforehand into a temporary data folder; imports are
over before counting begins. Another checkout: ``PYTHONPATH=CHECKOUT python scripts/entered.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

# What is looked up: patterns of module.qualified_name, older and newer names side by side.
FACTS = {
    "folders resolved": ("c4t_core.index.*.resolve",),
    "roots read": ("*.Catalogue.roots",),
    "run read": ("*.Catalogue.run", "*.Catalogue.indexed"),
    "generation read": ("*.Lookup.generation", "*.Reads.generation", "*.StoredVectors.moment",
                        "*.Catalogue.generation"),
    "model looked up": ("*.Catalogue.model_id", "*.Catalogue.indexed"),
    "scoring passes": ("*.Table.ranking",),
    "query made a vector": ("c4t_core.index.*.direction",),
    "locks of catalogue and user's data": tuple(
        f"*.{store}.{what}" for store in ("Database", "Catalogue", "UserStore", "UserData")
        for what in ("reading", "writing")),
    "jobs submitted": ("*.JobRunner.submit",),
    "round trips of the search": ("*.Finder.refresh", "*.Finder._lay_out"),
}  # fmt: skip
IDLE = 1.5  # seconds without a job after which the window has answered
PATIENCE = 300.0  # seconds for anything

PACKAGES = ("c4t_core", "c4t_desktop")

Call = tuple[CodeType, CodeType | None, str]  # callee, caller, name of the thread


class Recorder:
    """A profile function that keeps the calls of Python functions while it is on."""

    def __init__(self) -> None:
        self.calls: list[Call] = []  # appending is safe between threads, counting is not
        self._on = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Take note of a call; a generator that goes on and a module's own code are none."""
        code = frame.f_code
        if not self._on or event != "call" or not code.co_flags & inspect.CO_OPTIMIZED:
            return
        if code.co_flags & inspect.CO_GENERATOR and code.co_code[frame.f_lasti + 1]:
            return  # the argument of RESUME: 0 at the start, else after a yield
        caller = frame.f_back.f_code if frame.f_back else None
        self.calls.append((code, caller, threading.current_thread().name))

    def install(self) -> None:
        """Listen to this thread, and to all that are started from now on."""
        threading.setprofile(self)
        sys.setprofile(self)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Keep the calls meanwhile."""
        self.calls.clear()
        self._on = True
        try:
            yield
        finally:
            self._on = False


def qualified(code: CodeType, root: Path) -> str | None:
    """Return ``package.module.Class.function`` of code of ours, None for other code."""
    path = Path(code.co_filename)
    if not path.is_relative_to(root) or path.relative_to(root).parts[0] not in PACKAGES:
        return None
    return ".".join((*path.relative_to(root).with_suffix("").parts, code.co_qualname))


def defined(code: CodeType) -> Iterator[CodeType]:
    """Yield code and all that is defined in it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from defined(part)


def outdated(root: Path) -> list[str]:
    """Return the facts none of whose functions exists any more: their zero would say nothing."""
    names: set[str] = set()
    for path in (path for package in PACKAGES for path in (root / package).rglob("*.py")):
        whole = compile(path.read_bytes(), path, "exec")
        names.update(qualified(code, root) or "" for code in defined(whole))
    known = {f for f, ps in FACTS.items() for p in ps if any(fnmatchcase(n, p) for n in names)}
    return [fact for fact in FACTS if fact not in known]


def summary(calls: list[Call], root: Path, thread: str) -> dict[str, Any]:
    """Return modules entered, functions, and how often each fact was looked up, in a thread too."""
    times = Counter(code for code, *_ in calls)
    answering = Counter(code for code, _, where in calls if where == thread)
    names = {code: name for code in times if (name := qualified(code, root))}
    modules = sorted({code.co_filename.removeprefix(f"{root}{os.sep}") for code in names})
    facts = {}
    for fact, patterns in FACTS.items():
        meant = [c for c, name in names.items() if any(fnmatchcase(name, p) for p in patterns)]
        facts[fact] = [sum(counts[code] for code in meant) for counts in (times, answering)]
    jobs = Counter(
        qualified(caller, root) or "?"
        for code, caller, _ in calls
        if caller and names.get(code, "").endswith(".JobRunner.submit")
    )
    return {
        "modules entered": len(modules),
        "core / window": [sum(name.startswith(p) for name in modules) for p in PACKAGES],
        "functions": len(names),
        "calls": sum(times[code] for code in names),
        "facts": facts,
        "jobs": dict(jobs),
        "modules": modules,
    }


def command(recorder: Recorder, words: list[str]) -> None:
    """Run a command twice, the second time recorded: what it imports is there by then."""
    from c4t_core.cli import main

    for context in (contextlib.nullcontext(), recorder.recording()):
        with contextlib.redirect_stdout(io.StringIO()) as out, context:
            assert main(words) == 0
        assert out.getvalue(), "nothing was found"


def letter(recorder: Recorder, folder: Path, query: str) -> None:
    """Type a query into the real window, its last letter recorded until the window is at rest."""
    from PySide6.QtCore import QObject
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QWidget

    from c4t_desktop.app import create_application
    from c4t_desktop.settings import INDEX_AT_OPENING, WATCH, Settings

    settings = Settings()
    settings.set(INDEX_AT_OPENING, False)
    settings.set(WATCH, False)
    settings.sync()
    app, window = create_application(["c4t-desktop", str(folder)])
    runner: Any = next(o for o in app.findChildren(QObject) if type(o).__name__ == "JobRunner")
    view: Any = window.findChild(QWidget, "resultsView")
    field: Any = window.findChild(QWidget, "searchField")

    def rest(wanted: Callable[[], bool] = lambda: True) -> None:
        begun = busy = time.monotonic()
        while (now := time.monotonic()) - busy < IDLE:
            app.processEvents()
            busy = now if runner.busy or not wanted() else busy
            assert now - begun < PATIENCE, "the window does not come to rest"
            time.sleep(0.002)

    rest()
    field.setFocus()
    QTest.keyClicks(field, query[:-1])
    rest(lambda: view.model().rowCount() > 0)
    with recorder.recording():
        QTest.keyClicks(field, query[-1])
        rest()
    assert view.model().rowCount() > 0
    window.close()


def measure(query: str) -> dict[str, dict[str, Any]]:
    """Return the summary of both ways to ask."""
    import c4t_core
    from c4t_core.cli import main
    from c4t_core.paths import resource

    root, folder = Path(c4t_core.__file__).parents[1], resource("sample", "drives")
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["index", str(folder)]) == 0
    recorder, found = Recorder(), {}
    for fact in outdated(root):
        print(f"no function is known for: {fact}; mend FACTS", file=sys.stderr)
    recorder.install()
    letter(recorder, folder, query)
    found["one typed letter"] = summary(recorder.calls, root, "c4t-search")
    command(recorder, ["search", str(folder), query])
    found["c4t search"] = summary(recorder.calls, root, "MainThread")
    sys.setprofile(None)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="the names of the modules too")
    parser.add_argument("--query", default="truck in snow")
    args = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        os.environ["C4T_DATA_DIR"] = data
        found = measure(args.query)
    if args.json:
        print(json.dumps(found, indent=1))
    else:
        typed, search = found.values()
        print(f"| {'':28} | one typed letter | its answer | c4t search |\n|---|---|---|---|")
        for name in ("modules entered", "core / window", "functions", "calls"):
            print(f"| {name:28} | {typed[name]} | | {search[name]} |")
        for name, (times, answering) in typed["facts"].items():
            print(f"| {name:28} | {times} | {answering} | {search['facts'][name][0]} |")
        print("\njobs of a letter:", *(f"{n} x {k}" for k, n in typed["jobs"].items()), sep="\n  ")
        for what, part in found.items():
            print(f"\nmodules entered by {what}:", *part["modules"], sep="\n  ")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # threads of the window are daemons; nothing is left to save
