"""Graphs, opened in ONNX Runtime and OpenVINO: as they lie, or as made fast once and kept.

To make a network fast takes longer than all else of a first answer, or of indexing a few frames.
So it is kept in the cache, with the sums of its files, under a name made of all that it hangs on:
the sums of graph and weights, the engine with its version, and the processor.
"""

from __future__ import annotations

import contextlib
import functools
import platform
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Protocol

from c4t_core.devices import available_threads
from c4t_core.errors import ModelError
from c4t_core.files import atomic_folder, digest, known_sums, sha256, write_whole
from c4t_core.paths import cache_dir

_ERRORS_ONLY = 3  # ONNX Runtime's log severity
MOST = 1 << 30  # bytes of all that is kept: texts of a small model 60 MB, of CLIP 250, images 15
_FUSED = ("network.onnx", "network.bin")
_COMPILED = ("network.blob",)
_SUMS = "sums"


class Graphs(Protocol):
    """What is asked of a model folder here."""

    def graph(self, name: str) -> Path:
        """Return the file of ``IMAGE_GRAPH`` or ``TEXT_GRAPH``, checked; it gives unit rows."""

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
    """Open a graph in ONNX Runtime as it was optimised once.

    Half floats were turned into floats then, and nodes fused. The kept network is run from the
    first time on, so that numbers do not hang on who asks when; where it cannot be kept they are
    the same to 1e-6.

    Raises:
        ModelError: if the folder has no such graph, or refuses it.
        Exception: of ONNX Runtime, if it does not take the graph.
    """
    place = _fused_place(folder, name)
    with _AHEAD_LOCK:
        begun = _ahead.pop((place, threads), None)
    session = begun.session() if begun else place and _fused(place, threads)
    if session is None:
        graph = folder.graph(name)

        def write(beside: Path) -> None:
            onnx_session(graph, threads, fused=beside / _FUSED[0])
            (beside / _FUSED[1]).touch()  # it writes none for small weights alone

        if place and _keep(place, _FUSED, write):
            session = _fused(place, threads)
        session = session or onnx_session(graph, threads)
    return session


class _Opening(Thread):
    """Opens a kept session."""

    def __init__(self, place: Path, threads: int) -> None:
        super().__init__(name="c4t-open-ahead")
        self._asked = place, threads
        self._session: Any = None

    def run(self) -> None:
        self._session = _fused(*self._asked)

    def session(self) -> Any:
        """Return it once it is open; None if it is not sound."""
        self.join()
        return self._session


_ahead: dict[tuple[Path | None, int], _Opening] = {}
_AHEAD_LOCK = Lock()


def open_ahead(folder: Graphs, name: str, threads: int | None = None) -> None:
    """Begin to open a kept session, in a thread: Python may import meanwhile.

    Args:
        folder: a checked model folder; whoever opens its graph next gets this one.
        name: of the graph.
        threads: of one run; None for all this process may use.
    """
    place, threads = _fused_place(folder, name), max(1, threads or available_threads())
    if place is not None and (place / _SUMS).is_file():
        with _AHEAD_LOCK:
            if (place, threads) not in _ahead:
                begun = _ahead[place, threads] = _Opening(place, threads)
                begun.start()


def _fused_place(folder: Graphs, name: str) -> Path | None:
    import onnxruntime  # not in a thread that goes on beside others: numpy stands no two imports

    return _place(folder, name, "onnxruntime", onnxruntime.__version__, platform.machine())


def _fused(place: Path, threads: int) -> Any:
    """Open a kept session; None if there is none that is sound."""
    with contextlib.suppress(Exception):  # the errors of ONNX Runtime share no other base
        if _sound(place, _FUSED):
            return onnx_session(place / _FUSED[0], threads, optimise=False)
    return None


def openvino_network(folder: Graphs, name: str, settings: Mapping[str, Any], batch: int = 0) -> Any:
    """Compile a graph for OpenVINO on the CPU; one of a fixed batch is compiled once and kept.

    For each other number of images OpenVINO prepares a network anew, which takes as long as a
    dozen images. The numbers are those of any batch.

    Args:
        folder: the model folder.
        name: of the graph.
        settings: of the compiled network.
        batch: images of one run; 0 for any number.

    Raises:
        ModelError: if the folder has no such graph or refuses it, or OpenVINO is not installed.
        Exception: of OpenVINO, if it does not take the graph.
    """
    core = _openvino()
    if not batch:
        return core.compile_model(str(folder.graph(name)), "CPU", settings)
    import openvino

    processor = [core.get_property("CPU", "FULL_DEVICE_NAME")]
    processor += sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    asked = str(settings.get("INFERENCE_PRECISION_HINT")), str(batch)
    place = _place(folder, name, "openvino", openvino.__version__, *processor, *asked)
    with contextlib.suppress(Exception):  # its errors share no other base
        if place and _sound(place, _COMPILED):
            return core.import_model((place / _COMPILED[0]).read_bytes(), "CPU", settings)
    network = core.read_model(str(folder.graph(name)))
    pixels = network.inputs[0]
    shape = pixels.get_partial_shape()
    shape[0] = batch
    network.reshape({pixels: shape})
    compiled = core.compile_model(network, "CPU", settings)
    if place:
        blob = _COMPILED[0]
        _keep(place, _COMPILED, lambda beside: _write(beside / blob, compiled))
    return compiled


@functools.cache
def _openvino() -> Any:
    """Return OpenVINO, one for the whole process.

    Each one sets the stack that signals are handled on; where several go in another order than
    they came, it is left pointing to memory that is gone, and the next signal ends the process.

    Raises:
        ModelError: if it is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise ModelError(
            'OpenVINO is not installed here; install it with "pip install openvino", or choose '
            'the engine "onnx".'
        ) from error
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # not every disk can
    return core


def _write(path: Path, compiled: Any) -> None:
    write_whole(path, compiled.export_model().getvalue(), sync=False)


def _place(folder: Graphs, name: str, *made_by: str) -> Path | None:
    """Return where a network is kept, None if there is no such graph."""
    with contextlib.suppress(OSError):
        if sums := folder.graph_sums(name):
            return cache_dir() / "networks" / digest((*made_by, *sums))[:32]
    return None


def _sound(place: Path, files: tuple[str, ...]) -> bool:
    """Tell whether files are there, and what they were.

    Raises:
        OSError: if one is not there.
    """
    return (place / _SUMS).read_text() == digest(known_sums(place, files).values())


def _keep(place: Path, files: tuple[str, ...], write: Callable[[Path], None]) -> bool:
    """Write a network down, whole or not at all; what was kept the longest time ago may go."""
    with contextlib.suppress(Exception):  # as above; whoever opens the graph itself says what it is
        with atomic_folder(place, replace=True, sync=False) as beside:
            write(beside)
            write_whole(beside / _SUMS, digest(sha256(beside / file) for file in files))
        others = set(place.parent.iterdir()) - {place}
        left = MOST - _size(place)
        for other in sorted(others, key=lambda path: path.stat().st_mtime_ns, reverse=True):
            left -= _size(other)
            if left < 0:
                shutil.rmtree(other, ignore_errors=True)
        return True
    return False


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())
