"""Sessions of ONNX Runtime: of a graph as it lies, or as it was optimised once and kept."""

from __future__ import annotations

import contextlib
import platform
import shutil
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol

from c4t_core.devices import available_threads
from c4t_core.files import atomic_folder, digest, known_sums, sha256, write_whole
from c4t_core.paths import cache_dir

_ERRORS_ONLY = 3  # ONNX Runtime's log severity
_KEPT = 6  # networks: 60 MB each for texts of a small model, 250 for CLIP's
_FILES = ("network.onnx", "network.bin")
_SUMS = "sums"


class Graphs(Protocol):
    """What is asked of a model folder here."""

    def graph(self, name: str) -> Path:
        """Return the file of a graph, checked."""

    def graph_sums(self, name: str) -> tuple[str, ...]:
        """Return the SHA-256 sums of all that a graph is made of; none if it has no such graph.

        Raises:
            OSError: if they cannot be read.
        """


def onnx_session(
    graph: Path | bytes,
    threads: int,
    *,
    optimise: bool = True,
    folded: Path | None = None,
    fused: Path | None = None,
) -> Any:
    """Open a graph, a file or its content, in ONNX Runtime on the CPU, beside decoding threads.

    Args:
        graph: the file, or what it holds.
        threads: of one run.
        optimise: else it is run as it is, as a network that was optimised before.
        folded: where to write it with its weights, only what is constant computed beforehand.
        fused: where to write it as it is optimised for any processor, its weights in a file of
            the same name ending in ``.bin``.
    """
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # of Windows; elsewhere see c4t_core.quiet
    options = onnxruntime.SessionOptions()
    levels = onnxruntime.GraphOptimizationLevel
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    if not optimise:
        options.graph_optimization_level = levels.ORT_DISABLE_ALL
    # threads that spin while they wait take the cores that decoding needs
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    if folded is not None:
        options.graph_optimization_level = levels.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded)
    if fused is not None:
        options.graph_optimization_level = levels.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(fused)
        weights = "session.optimized_model_external_initializers"
        options.add_session_config_entry(f"{weights}_file_name", fused.with_suffix(".bin").name)
        options.add_session_config_entry(f"{weights}_min_size_in_bytes", "1024")
    return onnxruntime.InferenceSession(
        graph if isinstance(graph, bytes) else str(graph),
        options,
        providers=["CPUExecutionProvider"],
    )


def kept_session(folder: Graphs, name: str, threads: int) -> Any:
    """Open a network as it was optimised once, from the cache.

    To turn the half floats of its file into floats and to fuse its nodes takes longer than all
    else of a first answer. The kept one is run from the first time on, so that numbers do not
    hang on who asks when; where it cannot be kept they are the same to 1e-6.

    Raises:
        ModelError: if the folder has no such graph, or refuses it.
        Exception: of ONNX Runtime, if it does not take the graph.
    """
    place = _place(folder, name)
    with _AHEAD_LOCK:
        begun = _ahead.pop((place, threads), None)
    session = begun.session() if begun else place and _opened(place, threads)
    if session is None:
        graph = folder.graph(name)
        if place and _keep(graph, place, threads):
            session = _opened(place, threads)
        session = session or onnx_session(graph, threads)
    return session


class _Opening(Thread):
    """Opens a kept network."""

    def __init__(self, place: Path, threads: int) -> None:
        super().__init__(name="c4t-open-ahead")
        self._asked = place, threads
        self._session: Any = None

    def run(self) -> None:
        self._session = _opened(*self._asked)

    def session(self) -> Any:
        """Return it once it is open; None if it is not sound."""
        self.join()
        return self._session


_ahead: dict[tuple[Path | None, int], _Opening] = {}
_AHEAD_LOCK = Lock()


def open_ahead(folder: Graphs, name: str, threads: int | None = None) -> None:
    """Begin to open a network that is kept, in a thread: Python may import meanwhile.

    Args:
        folder: a checked model folder; whoever opens its network next gets this one.
        name: of the graph.
        threads: of one run; None for all this process may use.
    """
    place, threads = _place(folder, name), max(1, threads or available_threads())
    if place is not None and (place / _SUMS).is_file():
        with _AHEAD_LOCK:
            if (place, threads) not in _ahead:
                begun = _ahead[place, threads] = _Opening(place, threads)
                begun.start()


def _place(folder: Graphs, name: str) -> Path | None:
    """Return where a network is kept, None if there is no such graph."""
    import onnxruntime  # not in a thread that goes on beside others: numpy stands no two imports

    with contextlib.suppress(OSError):
        if sums := folder.graph_sums(name):
            made_by = (onnxruntime.__version__, platform.machine())
            return cache_dir() / "networks" / digest((*made_by, *sums))[:32]
    return None


def _opened(place: Path, threads: int) -> Any:
    """Open a kept network; None if there is none that is sound."""
    with contextlib.suppress(Exception):  # the errors of ONNX Runtime share no other base
        sums = known_sums(place, _FILES)
        if (place / _SUMS).read_text() == digest(sums.values()):
            return onnx_session(place / _FILES[0], threads, optimise=False)
    return None


def _keep(graph: Path, place: Path, threads: int) -> bool:
    """Optimise a network and write it down, whole or not at all; of the others the oldest go."""
    with contextlib.suppress(Exception):  # as above; whoever opens the graph itself says what it is
        with atomic_folder(place, replace=True) as beside:
            onnx_session(graph, threads, fused=beside / _FILES[0])
            (beside / _FILES[1]).touch()  # ONNX Runtime writes none for small weights alone
            sums = digest(sha256(beside / file) for file in _FILES)
            write_whole(beside / _SUMS, sums)
        all_kept = sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        for old in all_kept[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return True
    return False
