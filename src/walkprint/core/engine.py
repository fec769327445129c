"""One function over many items, on processes of this machine or on a Ray cluster; the results are the same."""

import contextlib
import importlib
import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from walkprint.core.bounds import Checked, Processes
from walkprint.core.errors import ArgumentError, DataError, GaitError, RecipeError

Item = TypeVar("Item")
Result = TypeVar("Result")
_TRIES_AGAIN = 3


@dataclass(frozen=True, slots=True)
class Ray:
    """A Ray cluster; every machine of it needs the same folders and the same version of this package.

    Attributes:
        address: of a running cluster, e.g. "head:6379", or "auto" on a machine of it; None for the cluster that this
            process is connected to, or else one of this machine alone, for as long as the work takes.
    """

    address: str | None = None


Engine = Ray | None
"""Where work is done: None for processes of this machine."""


@dataclass(frozen=True, kw_only=True)
class Machines(Checked):
    """Where work is done.

    Attributes:
        engine: local is this machine; ray is a Ray cluster (extra cluster).
        address: of the cluster, e.g. head:6379; without it, Ray starts one on this machine.
        workers: number of processes; one per core by default, but a single one to embed, expand or segment.
    """

    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    workers: Processes | None = None

    @property
    def chosen(self) -> Engine:
        """The engine.

        Raises:
            ArgumentError: an address without a cluster.
        """
        if self.address is not None and self.engine != "ray":
            raise ArgumentError("`address`: only with `engine` ray")
        return Ray(self.address) if self.engine == "ray" else None

    def check_cpu(self, device: str) -> None:
        """Refuse a GPU for several processes.

        Raises:
            ArgumentError: it is asked for.
        """
        if device != "cpu" and (self.chosen is not None or self.workers not in (None, 1)):
            raise ArgumentError("`device`: several processes work on CPUs; leave it out, or `engine` and `workers`")


HERE = Machines()


def one_unless_asked(workers: int | None, engine: Engine) -> int | None:
    """Workers where this process alone is the default; a cluster has its own."""
    return 1 if workers is None and engine is None else workers


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_threads() -> int:
    """How many threads this process should use: as many as torch where it is loaded, which it would take long to do."""
    if "torch" in sys.modules:
        return int(sys.modules["torch"].get_num_threads())
    given = os.environ.get("OMP_NUM_THREADS", "")
    return max(int(given), 1) if given.isdecimal() else usable_cores()


def map_over(
    items: Sequence[Item],
    function: Callable[[Item], Result],
    engine: Engine = None,
    *,
    workers: int | None = None,
    chunk: int = 1,
    ordered: bool = True,
    start: Callable[[], object] | None = None,
    gpu: bool = False,
) -> Generator[Result, None, None]:
    """Results of a function, one for each item.

    Only a few items are ahead of what was taken, so that memory stays bounded. Closing the generator ends the workers.

    Args:
        items: what to work on; they, the function and the results travel between processes.
        function: sent to each worker once. It must depend on nothing but its item.
        engine: processes of this machine when None; a single one is this process itself.
        workers: how many items are worked on at once, each with one thread; as many as there are cores when None.
        chunk: how many neighboring items are sent together.
        ordered: whether the results come in the order of the items, or else as they are ready.
        start: called once in each worker.
        gpu: whether each worker needs a GPU of its own, in a cluster that has any.

    Yields:
        The results.

    Raises:
        RecipeError: Ray is not installed, or there is no such cluster, or it runs another version.
        DataError: a worker died; Ray tries its items three times again before.
    """
    chunks = (tuple(items[first : first + chunk]) for first in range(0, len(items), chunk))
    if engine is None:
        count = min(usable_cores() if workers is None else workers, len(items))
        if count <= 1:
            yield from map(function, items)
            return
        with _processes(count, (function, start)) as crew:
            yield from _in_turn(chunks, crew, ordered)
        return
    with _ray_cluster(engine, workers, (function, start), gpu) as crew:
        yield from _in_turn(chunks, crew, ordered)


Handle = TypeVar("Handle")
_Task = tuple[Callable[[Any], Any], Callable[[], object] | None]


@dataclass(frozen=True, slots=True)
class _Crew(Generic[Handle]):
    """What an engine offers: start work on a chunk, wait until some chunk is done, and get its results."""

    submit: Callable[[tuple[Any, ...]], Handle]
    some_done: Callable[[list[Handle]], Iterable[Handle]]
    results: Callable[[Handle], list[Any]]
    room: Callable[[], int]


def _in_turn(chunks: Iterator[tuple[Any, ...]], crew: _Crew[Any], ordered: bool) -> Iterator[Any]:
    """Keep the crew busy; without an order, finished chunks do not wait for slow ones."""
    waiting = enumerate(chunks)
    under_way: dict[Any, int] = {}
    done: dict[int, Any] = {}
    newest = 0
    while True:
        while len(under_way) + len(done) < crew.room() and (one := next(waiting, None)) is not None:
            under_way[crew.submit(one[1])] = one[0]
        if not under_way:
            return
        for handle in crew.some_done(list(under_way)):
            done[under_way.pop(handle)] = handle
        while done and (newest in done or not ordered):
            number = newest if ordered else next(iter(done))
            newest += 1
            yield from crew.results(done.pop(number))  # faults too come in their turn


@contextlib.contextmanager
def _processes(count: int, task: _Task) -> Iterator[_Crew[Future[Any]]]:
    # Spawned, not forked: threads of OpenCV and torch do not survive a fork.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin, (task,))
    try:
        with _one_thread_each():
            pool.submit(int).result()  # which starts them all
        yield _Crew(
            lambda chunk: pool.submit(_work, chunk),
            lambda under_way: wait(under_way, return_when=FIRST_COMPLETED).done,
            lambda handle: handle.result(),
            lambda: 2 * count,
        )
    except BrokenProcessPool as error:
        raise DataError(
            "a worker process died (out of memory?): try fewer workers, what is finished is kept; a script works with "
            "several processes only below `if __name__ == '__main__':`"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_task: list[_Task] = []


def _begin(task: _Task) -> None:
    import cv2

    cv2.setNumThreads(1)
    _task[:] = [task]
    if task[1] is not None:
        task[1]()


def _work(chunk: tuple[Any, ...]) -> list[Any]:
    return [_task[0][0](item) for item in chunk]


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started meanwhile get one thread for each of their libraries."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextlib.contextmanager
def _ray_cluster(engine: Ray, workers: int | None, task: _Task, gpu: bool) -> Iterator[_Crew[Any]]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report its use over the network
    try:
        import ray as installed
    except ImportError:
        raise RecipeError("engine ray is not installed; install walkprint[cluster]") from None
    ray: Any = installed
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, engine, workers)
    try:
        known = [ray.put(task)]  # in a list, Ray leaves the reference as it is
        place = (known[0].hex(), str(Path.cwd()), sys.path, _version())
        run = ray.remote(_work_on_ray).options(
            max_retries=_TRIES_AGAIN, num_gpus=int(gpu and "GPU" in ray.cluster_resources())
        )

        def results(handle: Any) -> list[Any]:
            try:
                return list(ray.get(handle))
            except ray.exceptions.RayTaskError as error:
                raise (error.cause if isinstance(error.cause, GaitError) else error) from None
            except ray.exceptions.RayError as error:
                raise DataError(
                    f"a worker of the cluster died {_TRIES_AGAIN + 1} times with the same work (out of memory?): "
                    f"{' '.join(str(error).split())[:300]}"
                ) from error

        yield _Crew(
            lambda chunk: run.remote(known, place, chunk),
            lambda under_way: ray.wait(under_way)[0],
            results,
            lambda: workers or 2 * max(int(ray.cluster_resources().get("CPU", 1)), 1),
        )
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any, engine: Ray, workers: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if engine.address is None:
            ray.init(num_cpus=workers, include_dashboard=False, **quiet)
        else:
            if engine.address != "auto":
                _check_there(engine.address)  # Ray itself would try for minutes
            ray.init(address=engine.address, **quiet)
    except Exception as error:  # Ray raises bare ones, too
        reason = " ".join(str(error).split())[:300]
        raise RecipeError(
            f"no Ray cluster at {engine.address or 'this machine'} ({reason}); start one first, or name another address"
        ) from error


def _check_there(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError("expected HOST:PORT or auto")
    socket.create_connection((host, int(port)), timeout=10).close()


def _work_on_ray(known: list[Any], place: tuple[str, str, list[str], str], chunk: tuple[Any, ...]) -> list[Any]:
    """Work on a chunk in a worker of Ray, which keeps the task for the next chunk."""
    import ray

    name, folder, paths, version = place
    if version != _version():
        raise RecipeError(f"a machine of the cluster has walkprint {_version()}, expected {version} as here")
    if _ray_task != [name]:
        sys.path += [path for path in paths if path not in sys.path]
        with contextlib.suppress(OSError):  # absolute paths need no common folder
            os.chdir(folder)
        _begin(ray.get(known[0]))
        _ray_task[:] = [name]
    return _work(chunk)


_ray_task: list[str] = []


def _version() -> str:
    return str(importlib.import_module("walkprint").__version__)
