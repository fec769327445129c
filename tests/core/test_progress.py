"""A log shows how far a phase is: one line at its end, and more when it takes long."""

import sys

import pytest

from walkprint.core import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, as a list of one number."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_per_phase_and_more_in_long_ones(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress("rendering") as on_progress:
        for done in range(1, 5):
            clock[0] += 20
            on_progress(done, 4)
    assert capsys.readouterr().err.splitlines() == [
        "walkprint: rendering: 2 of 4 after 40 s",
        "walkprint: rendering: 4 of 4 after 80 s",
        "walkprint: rendering: 4 of 4 done in 80 s",
    ]
    with progress.progress("segmenting") as on_progress:
        on_progress(7, 0)
        clock[0] += 31
        on_progress(7, 9, "video 2 of 5")
    assert capsys.readouterr().err.splitlines() == [
        "walkprint: segmenting: video 2 of 5, 7 of 9 after 31 s",
        "walkprint: segmenting: video 2 of 5, 7 of 9 done in 31 s",
    ]


def test_a_phase_that_fails_leaves_the_refusal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with progress.progress("rendering") as on_progress:
            on_progress(1, 2)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert capsys.readouterr().err == ""


def test_a_training_has_a_bar_of_its_own(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.progress("training", bar=False) as on_progress:
        on_progress(200, 300)
    assert capsys.readouterr().err == ""


def test_a_process_that_is_told_nothing_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress("training", bar=False):
        pass
    assert capsys.readouterr().err == ""
