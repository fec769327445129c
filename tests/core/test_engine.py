"""One map on every engine: the same results, in the same order; dead workers, faults and memory."""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from walkprint.core.engine import Machines, Ray, _Crew, _in_turn, map_over, one_unless_asked
from walkprint.core.errors import ArgumentError, DataError, RecipeError


@pytest.fixture(params=["one", "two", "ray"])
def place(request: pytest.FixtureRequest) -> dict[str, object]:
    if request.param == "ray":
        return {"engine": request.getfixturevalue("cluster")}
    return {"workers": 1 if request.param == "one" else 2}


def square(item: int) -> int:
    time.sleep(0.02 * (item % 3))
    return item * item


@pytest.mark.parametrize("chunk", [1, 4])
def test_results_come_in_the_order_of_the_items(place, chunk):
    assert list(map_over(range(11), square, chunk=chunk, **place)) == [item * item for item in range(11)]


def test_without_an_order_each_comes_once(place):
    assert sorted(map_over(range(11), square, ordered=False, **place)) == [item * item for item in range(11)]


def test_without_an_order_nothing_waits_for_what_is_slow():
    """The newest chunk is always done first."""
    crew = _Crew(lambda chunk: chunk, lambda under_way: under_way[-1:], list, lambda: 2)
    assert list(_in_turn(iter([(0,), (1,), (2,)]), crew, ordered=False)) == [1, 2, 0]
    assert list(_in_turn(iter([(0,), (1,), (2,)]), crew, ordered=True)) == [0, 1, 2]


class FakeRay:
    """As much of Ray as is called, in this process, with a note of what is asked for."""

    def __init__(self, resources: dict[str, float]) -> None:
        self.resources, self.asked, self.under_way = resources, {}, []
        self.exceptions = SimpleNamespace(RayTaskError=ArithmeticError, RayError=ArithmeticError)

    def is_initialized(self) -> bool:
        return False

    def init(self, **settings: object) -> None:
        self.asked |= settings

    def put(self, task: object) -> object:
        return SimpleNamespace(hex=lambda: "name", task=task)

    def remote(self, function: object) -> object:
        def options(**settings: object) -> object:
            self.asked |= settings
            return SimpleNamespace(remote=lambda known, place, chunk: (known[0].task[0], chunk))

        return SimpleNamespace(options=options)

    def wait(self, under_way: list[object]) -> tuple[list[object], list[object]]:
        self.under_way.append(len(under_way))
        return under_way[:1], under_way[1:]

    def get(self, handle: tuple[object, tuple[int, ...]]) -> list[int]:
        function, chunk = handle
        return [function(item) for item in chunk]

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def shutdown(self) -> None:
        self.asked["shut down"] = True


@pytest.mark.parametrize(
    ("workers", "gpu", "resources", "ahead", "gpus"),
    [
        (3, True, {"CPU": 2, "GPU": 1}, 3, 1),
        (None, True, {"CPU": 2}, 4, 0),
        (None, False, {"CPU": 1, "GPU": 1}, 2, 0),
    ],
)
def test_a_cluster_gets_as_many_workers_and_gpus_as_are_asked_for(workers, gpu, resources, ahead, gpus, monkeypatch):
    ray = FakeRay(resources)
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert list(map_over(range(6), square, Ray(), workers=workers, gpu=gpu)) == [item * item for item in range(6)]
    assert (ray.asked["num_cpus"], ray.asked["num_gpus"]) == (workers, gpus)
    assert max(ray.under_way) == ahead
    assert ray.asked["shut down"]


@pytest.mark.parametrize(
    ("machines", "said"),
    [
        (Machines(), ""), (Machines(workers=1), ""),
        (Machines(workers=2), "`device`: several processes"), (Machines(engine="ray"), "`device`: several processes"),
        (Machines(address="head:6379"), "`address`: only with `engine` ray"),
    ],
)  # fmt: skip
def test_a_gpu_is_not_for_several_processes(machines, said):
    if said:
        with pytest.raises(ArgumentError, match=said):
            machines.check_cpu("cuda")
    else:
        machines.check_cpu("cuda")
    if machines.address is None:
        machines.check_cpu("cpu")
    assert Machines(engine="ray", address="head:6379").chosen == Ray("head:6379")


def test_this_process_alone_unless_asked():
    found = [one_unless_asked(*asked) for asked in ((None, None), (3, None), (None, Ray()), (3, Ray()))]
    assert found == [1, 3, None, 3]


def test_nothing_gives_nothing(place):
    assert list(map_over([], square, **place)) == []


def refuse(item: int) -> int:
    if item == 3:
        raise DataError("the third is torn")
    return item


def test_a_fault_comes_back_as_it_is_after_what_came_before(place):
    found = []
    with pytest.raises(DataError, match=r"^the third is torn$"):
        found += map_over(range(9), refuse, **place)
    got = map_over(range(9), refuse, **place)
    assert [next(got) for _ in range(3)] == [0, 1, 2]
    got.close()


def threads_and_folder(item: int) -> tuple[int, int, int, str]:
    import cv2
    import torch

    return os.getpid(), torch.get_num_threads(), cv2.getNumThreads(), str(Path.cwd())


def begin(folder: Path) -> None:
    (folder / str(os.getpid())).touch(exist_ok=False)


@pytest.mark.parametrize("engine", ["processes", "ray"])
def test_each_worker_has_one_thread_and_is_begun_once_where_the_caller_is(engine, request, tmp_path, monkeypatch):
    ray = request.getfixturevalue("cluster") if engine == "ray" else None
    monkeypatch.chdir(tmp_path)
    work = map_over(range(8), threads_and_folder, ray, workers=2, start=partial(begin, tmp_path))
    found = list(work)
    assert {one[1:] for one in found} == {(1, 1, str(tmp_path))}
    assert {str(one[0]) for one in found} <= {file.name for file in tmp_path.iterdir()}
    assert str(os.getpid()) not in {file.name for file in tmp_path.iterdir()}


def die_at_first(folder: Path, item: int) -> int:
    mark = folder / str(item)
    if item in (2, 5) and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def test_the_work_of_a_killed_worker_is_done_again(cluster, tmp_path):
    assert list(map_over(range(8), partial(die_at_first, tmp_path), cluster)) == [item * item for item in range(8)]
    assert len(list(tmp_path.iterdir())) == 2


def die(item: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_work_that_kills_every_worker_is_said(cluster):
    with pytest.raises(DataError, match=r"a worker of the cluster died 4 times with the same work"):
        list(map_over([1], die, cluster))
    with pytest.raises(DataError, match=r"a worker process died .*fewer workers"):
        list(map_over([1, 2], die, workers=2))


def count(folder: Path, item: int) -> int:
    (folder / str(item)).touch()
    return item


def test_little_is_ahead_of_what_was_taken(place, tmp_path):
    work = map_over(range(99), partial(count, tmp_path), **place)
    for item in range(3):
        assert next(work) == item
    time.sleep(0.3)
    assert len(list(tmp_path.iterdir())) <= 8
    work.close()


@pytest.mark.parametrize(
    ("address", "why"), [("localhost:1", "refused"), ("nowhere.invalid:6379", "not known|resol"), ("x", "HOST:PORT")]
)
def test_a_cluster_that_is_not_there_is_refused_at_once(address, why, monkeypatch):
    ray = pytest.importorskip("ray", reason="the extra cluster is not installed")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(RecipeError, match=rf"no Ray cluster at {address} .*({why}).*start one first"):
        list(map_over([1], square, Ray(address)))
