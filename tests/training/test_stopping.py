"""Training that is asked to stop saves its step and says where; the same call goes on bit for bit."""

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.conftest import Start, ends
from tests.training.tiny import train
from tests.training.tiny_generator import train_generator

from walkprint.core.errors import RecipeError, Stopped
from walkprint.training.checkpoint import CheckpointFolder
from walkprint.training.loop import Loop

SIGNALS = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129, signal.SIGUSR1: 138}
SETTINGS = {"steps": 60, "checkpoint_every": 1000, "log_every": 7}


@pytest.fixture(autouse=True)
def usual_answers() -> Iterator[None]:
    """Signals are answered as in a terminal, also where the tests run in the background or after `nohup`."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        if handler is not None:
            signal.signal(number, handler)


def assert_same(one: Path, two: Path, room: str = "network") -> None:
    first, second = (load_file(run / room / "network.safetensors") for run in (one, two))
    assert all(torch.equal(first[name], second[name]) for name in first)
    states = [CheckpointFolder(run / "checkpoints").load_newest() for run in (one, two)]
    assert states[0] is not None
    assert str(states[0]) == str(states[1])
    assert (one / "metrics.csv").read_bytes() == (two / "metrics.csv").read_bytes()


def at(step: int, number: int) -> Callable[[int, object], None]:
    """A listener that sends a signal."""

    def listen(now: int, numbers: object) -> None:
        if now == step:
            signal.raise_signal(number)

    return listen


def test_signals_from_outside_at_any_moment(start: Start, tmp_path: Path) -> None:
    assert ends(start(tmp_path / "one", SETTINGS)) == 0
    run, reached = tmp_path / "two", 0
    for place, (number, code) in enumerate(SIGNALS.items()):
        batches = {"signal": [16 + 25 * place, number]}
        assert ends(start(run, {**SETTINGS, "batches": batches})) == code
        (path,) = CheckpointFolder(run / "checkpoints").paths()[-1:]
        assert reached < int(path.stem[5:]) < 60
        reached = int(path.stem[5:])
        assert not (run / "network").exists()
    assert ends(start(run, SETTINGS)) == 0
    assert_same(tmp_path / "one", run)


@pytest.mark.parametrize(("number", "code"), SIGNALS.items())
def test_where_it_stopped_is_said(tmp_path: Path, number: int, code: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as caught:
        train(tmp_path, listeners=[at(6, number)])
    name = signal.Signals(number).name
    assert str(caught.value) == (
        f"{tmp_path}: stopped by {name} after step 6 of 12, which is saved; the same call resumes from there"
    )
    assert caught.value.code == code
    assert signal.getsignal(number) is before


def test_a_generator_stops_and_goes_on(tmp_path: Path) -> None:
    train_generator(tmp_path / "store", tmp_path / "one", checkpoint_every=1000)
    for step in (3, 12):
        with pytest.raises(Stopped, match=f"after step {step} of 20"):
            train_generator(
                tmp_path / "store", tmp_path / "two", checkpoint_every=1000, listeners=[at(step, signal.SIGTERM)]
            )
    train_generator(tmp_path / "store", tmp_path / "two", checkpoint_every=1000)
    assert_same(tmp_path / "one", tmp_path / "two", "generator")


class Kill(Exception):
    pass


def kill_at(last: int, step: int, numbers: object) -> None:
    if step == last:
        raise Kill


@pytest.mark.parametrize(
    "train_one", [train, lambda run, **changes: train_generator(run.parent / "store", run, **changes)]
)
def test_checkpoints_by_the_clock_change_nothing(tmp_path: Path, train_one: Callable[..., Any]) -> None:
    """They come between log lines too, whose numbers must not be lost."""
    settings: dict[str, Any] = {"steps": 20, "log_every": 7, "checkpoint_every": 1000}
    train_one(tmp_path / "one", **settings)
    with pytest.raises(Kill):
        train_one(tmp_path / "two", checkpoint_minutes=1e-9, listeners=[partial(kill_at, 14)], **settings)
    newest = CheckpointFolder(tmp_path / "two" / "checkpoints").load_newest()
    assert newest is not None
    assert (newest["step"], [step for step, _ in newest["log"]]) == (13, [8, 9, 10, 11, 12, 13])
    train_one(tmp_path / "two", **settings)
    assert_same(tmp_path / "one", tmp_path / "two", "network" if train_one is train else "generator")


def test_what_the_process_ignores_stays_ignored(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as after nohup
    try:
        assert train(tmp_path, listeners=[at(6, signal.SIGHUP)]).step == 12
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_interrupt_does_not_wait_for_the_step(tmp_path: Path) -> None:
    def twice(step: int, numbers: object) -> None:
        signal.raise_signal(signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, listeners=[twice])
    assert not CheckpointFolder(tmp_path / "checkpoints").paths()


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan")])
def test_minutes_are_positive(minutes: float) -> None:
    with pytest.raises(RecipeError, match="checkpoint_minutes"):
        Loop(steps=1, checkpoint_minutes=minutes)


def test_more_steps_than_before_are_as_if_all_at_once(tmp_path: Path) -> None:
    train(tmp_path / "one", steps=14)
    train(tmp_path / "two", steps=7, checkpoint_every=7)
    train(tmp_path / "two", steps=14)
    first, second = (load_file(tmp_path / run / "network" / "network.safetensors") for run in ("one", "two"))
    assert all(torch.equal(first[name], second[name]) for name in first)
