"""Embed on Ray: a pool of workers, each with one engine, fed with files by Ray Data.

Workers run :func:`c4t_core.cluster.writing.embedded`, the code of this process; only their answers
come here, and only here a table is written. Ray starts a worker again that died, and gives it the
files that it had: https://docs.ray.io/en/latest/data/
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from c4t_core.cluster.writing import Job, embedded
from c4t_core.devices import available_threads
from c4t_core.errors import C4TError, DataError, MissingExtraError, ModelError
from c4t_core.images.scan import FileState
from c4t_core.index.embed import Batch, Embedded, Failed
from c4t_core.index.vectors.locks import free_lock
from c4t_core.models.protocol import PLAIN
from c4t_core.models.registry import is_path, load_model, model_info
from c4t_core.records import dataclass

if TYPE_CHECKING:
    import pyarrow as pa

FILES = 256  # given to a worker at once: what a dying one has to do again
_THREADS = 8  # of one engine; more are of little use to it
_PREFIX = "c4t-ray-"
DRIVER_LOCK = "driver.lock"
"""In the temporary folder of a Ray of ours: held while its driver lives."""
_STORE = 256 << 20  # bytes that a Ray of ours takes for names and vectors on their way


@dataclass(frozen=True)
class Pool:
    """How the work is shared out.

    Attributes:
        workers: how many there are.
        cpus: threads of each.
        gpus: of each, 0 or 1.
    """

    workers: int
    cpus: int
    gpus: int = 0


class Cluster:
    """A running Ray; an :data:`~c4t_core.cluster.writing.Embed`.

    Attributes:
        graph: the image graph that suits its machines; None for the model's best.
    """

    def __init__(self, nodes: Sequence[dict[str, float]], workers: int | None) -> None:
        """Use :func:`cluster`.

        Args:
            nodes: what each machine offers.
            workers: as the user wants it.
        """
        self._cpus = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1] or [1]
        self._gpus = sum(int(node.get("GPU", 0)) for node in nodes)
        self._workers = workers
        self.graph = PLAIN if self._gpus else None

    def pool(self, graph: str) -> Pool:
        """Return the workers for an image graph: a GPU runs the plain one only."""
        machines = len(self._cpus)
        if self._gpus and graph == PLAIN:
            count = self._workers or self._gpus
            return Pool(count, max(1, sum(self._cpus) // (2 * max(count, self._gpus))), 1)
        count = self._workers or sum(max(1, cpus // _THREADS) for cpus in self._cpus)
        each = -(-count // machines)
        return Pool(count, max(1, min(self._cpus) // each))

    def __call__(self, job: Job) -> Generator[Batch, None, None]:
        """Embed; batches come as workers end them."""
        import pyarrow as pa
        import ray

        graph = job.model.graph(job.fingerprint)
        pool = self.pool(graph)
        size = max(16, min(FILES, -(-len(job.files) // (4 * pool.workers))))
        told = pa.table(
            {
                "index": np.arange(len(job.files)),
                "path": pa.array([os.fsencode(path) for path in job.paths()], pa.binary()),
                "size": [job.states[name][0] for name in job.files],
                "mtime_ns": [job.states[name][1] for name in job.files],
            }
        )
        parts = [told.slice(start, size) for start in range(0, len(told), size)]
        work = ray.data.from_arrow(parts).map_batches(
            Worker,
            fn_constructor_args=(
                _reachable(job.model.name),
                graph,
                job.fingerprint,
                job.root,
                pool,
            ),
            compute=ray.data.ActorPoolStrategy(size=pool.workers),
            num_cpus=pool.cpus,
            num_gpus=pool.gpus or None,
            batch_size=None,
            batch_format="pyarrow",
        )
        with _told():
            for answer in work.iter_batches(batch_size=None, batch_format="pyarrow"):
                if len(answer):
                    yield unpacked(answer)


class Worker:
    """A process of the pool with its model.

    Args:
        model: name or folder.
        graph: the image graph,
        fingerprint: and what it must turn out to be.
        root: of the files.
        pool: what it may use.
    """

    def __init__(self, model: str, graph: str, fingerprint: str, root: str, pool: Pool) -> None:
        """Load the model.

        Raises:
            ModelError: if this machine has another one of the name.
        """
        device = "cuda" if pool.gpus else "cpu"
        self._model = load_model(model, graph=graph, threads=pool.cpus, device=device)
        if self._model.fingerprint != fingerprint:
            raise ModelError(
                f'The machine "{socket.gethostname()}" has another model "{model}"; install the '
                "same version of C4T there, or keep the model in a folder that all machines see."
            )
        self._root, self._threads = root, pool.cpus

    def __call__(self, files: pa.Table) -> pa.Table:
        """Embed some files."""
        paths = [os.fsdecode(path) for path in files["path"].to_pylist()]
        states = list(zip(files["size"].to_pylist(), files["mtime_ns"].to_pylist(), strict=True))
        batches = embedded(self._model, self._root, paths, states, self._threads)
        return packed(list(batches), files["index"].to_pylist())


def packed(batches: Sequence[Batch], numbers: Sequence[int]) -> pa.Table:
    """Return what came of some files as Ray carries it.

    Args:
        batches: positions in them are those in ``numbers``,
        numbers: which are those in the whole job.
    """
    import pyarrow as pa

    good = [one for batch in batches for one in batch.good]
    bad = [one for batch in batches for one in batch.bad]
    none: list[None] = [None] * len(good)
    nothing: list[None] = [None] * len(bad)
    places = [one.index for one in good] + [one.index for one in bad]
    states = [one.state for one in good] + [one.state for one in bad]
    facts = [None if one.facts is None else one.facts.astype("<f4").tobytes() for one in good]
    return pa.table(
        {
            "index": pa.array([numbers[place] for place in places], pa.int64()),
            "size": pa.array([state and state.size for state in states], pa.int64()),
            "mtime_ns": pa.array([state and state.mtime_ns for state in states], pa.int64()),
            "vector": pa.array(
                [*(one.vector.astype("<f4").tobytes() for one in good), *nothing], pa.binary()
            ),
            "facts": pa.array([*facts, *nothing], pa.binary()),
            "reason": pa.array([*none, *(one.reason for one in bad)], pa.string()),
            "vanished": pa.array([*(False for _ in good), *(one.vanished for one in bad)]),
        }
    )


def unpacked(table: pa.Table) -> Batch:
    """Return what a worker sent."""
    batch = Batch()
    for line in table.to_pylist():
        state = None if line["size"] is None else FileState(line["size"], line["mtime_ns"])
        if line["reason"] is not None:
            batch.bad.append(Failed(line["index"], line["reason"], state, line["vanished"]))
            continue
        assert state is not None
        facts = line["facts"]
        known = None if facts is None else np.frombuffer(facts, "<f4").reshape(-1, 6)
        vector = np.frombuffer(line["vector"], "<f4")
        batch.good.append(Embedded(line["index"], state, vector, known))
    return batch


@contextlib.contextmanager
def cluster(address: str | None, workers: int | None) -> Iterator[Cluster]:
    """Join a Ray that runs, or start one of this machine, which ends with the block.

    Args:
        address: of the one that runs; None to start one.
        workers: how many engines there are to be; None for one for each GPU, or, without any, for
            eight threads.

    Raises:
        DataError: if it does not answer.
        MissingExtraError: if Ray is not installed.
    """
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what it says belongs in its own logs
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError("Indexing on Ray", "cluster") from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    with contextlib.ExitStack() as stack:
        if address is None:
            folder = stack.enter_context(_temporary())
            threads = max(available_threads(), workers or 1)
            quiet |= {"num_cpus": threads, "include_dashboard": False, "_temp_dir": folder}
            quiet |= {"object_store_memory": _STORE, "address": "local"}
        else:
            quiet["address"] = address
        _start(quiet, address)
        stack.callback(ray.shutdown)
        # Ray prints to stdout that a worker died, where a result is; it has no other switch
        ray._private.worker._worker_logs_enabled = False
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        yield Cluster([node["Resources"] for node in ray.nodes() if node["Alive"]], workers)


@contextlib.contextmanager
def _temporary() -> Iterator[str]:
    """Lend a folder to a Ray of ours, first removing those that killed drivers left."""
    short = "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()  # noqa: S108 - sockets need short names
    remove_left(Path(short))
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, dir=short, ignore_cleanup_errors=True) as made,
        free_lock(Path(made) / DRIVER_LOCK),
    ):
        yield made


def remove_left(place: Path) -> None:
    """Remove the folders of Rays of ours whose drivers were killed, as far as they are this user's.

    A driver locks a file in its folder, which the system unlocks when it dies, however it does.
    """
    for folder in place.glob(f"{_PREFIX}*"):
        lock = folder / DRIVER_LOCK
        with contextlib.suppress(OSError):
            mine = not hasattr(os, "getuid") or folder.lstat().st_uid == os.getuid()
            if mine and not folder.is_symlink() and lock.is_file():
                with free_lock(lock) as free:
                    pass
                if free:  # for good: a new driver makes a folder of its own
                    shutil.rmtree(folder, ignore_errors=True)


def _start(options: dict[str, Any], address: str | None) -> None:
    """Join or start a Ray; a busy machine is given a second chance: Ray itself waits 30 seconds."""
    import ray

    chances = 2 if address is None else 1
    for chance in range(chances):
        try:
            with _unheard():
                ray.init(**options)
        except Exception as error:  # noqa: BLE001 - it raises nearly anything
            ray.shutdown()
            if chance + 1 < chances:
                continue
            if address is None:
                why = "Ray does not start on this machine; run it again when it is less busy"
            else:
                why = (
                    f'There is no Ray at "{address}" that can be joined; check the address, and '
                    "that all machines have the same versions of Python and Ray"
                )
            raise DataError(f"{why} ({type(error).__name__}).") from error
        else:
            return


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keep what Ray's C++ says of its own log level while it starts off the terminal."""
    with open(os.devnull, "w", encoding="utf-8") as nothing:
        kept = os.dup(2)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _reachable(model: str) -> str:
    """Return what workers load a model by: of the user's own its folder, which they must see."""
    if model.startswith("c4t:") or is_path(model):
        return str(model_info(model).path)
    return model


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what Ray raises into one sentence, that of a worker where it has one."""
    from ray.exceptions import RayError

    try:
        yield
    except C4TError:
        raise
    except RayError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, C4TError):
            cause = getattr(cause, "cause", None) or cause.__cause__
        if cause is not None:
            raise type(cause)(str(cause)) from None
        raise DataError(
            f"The workers of Ray cannot go on ({type(error).__name__}); what is done is kept: look "
            "at Ray's logs, and run it again."
        ) from error
