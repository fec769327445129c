"""What is asked of a recognizer reaches the gallery and the segmentation, each keyword with a value of its own."""

import inspect
from pathlib import Path
from typing import Any

import pytest
from tests.recognizer.people import Pooling, clips, strangers

from walkprint.gallery import Gallery
from walkprint.recognizer import Recognizer, recognizer, sources
from walkprint.recognizer.cohort import SEED, rendered
from walkprint.video.background import Background
from walkprint.video.judge import fault
from walkprint.video.walks import Dropped

BEGUN = "2026-01-01T00:00:00"


def keywords(function: Any) -> set[str]:
    """Its keyword-only arguments."""
    return {one.name for one in inspect.signature(function).parameters.values() if one.kind == one.KEYWORD_ONLY}


def test_every_keyword_reaches_the_gallery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, dict[str, Any]] = {}
    taken = {name: keywords(getattr(Gallery, name)) for name in ("open", "enroll", "note", "re_embed")}
    for name in taken:
        plain = getattr(Gallery, name)

        def noting(*arguments: Any, _name: str = name, _plain: Any = plain, **given: Any) -> Any:
            asked[_name] = given
            return _plain(*arguments, **given)

        monkeypatch.setattr(Gallery, name, staticmethod(noting) if name == "open" else noting)
    monkeypatch.setattr(recognizer, "now", lambda: BEGUN)
    made = Recognizer(
        tmp_path / "g", Pooling(), segmenter=Background(), cohort=strangers(), asked_by="tests", key=bytes(32)
    )
    assert asked["open"] == {"key": bytes(32)}
    settings = {"consent": "signed", "expires": "2999-12-31", "asked_by": "door"}
    made.enroll(clips("001")[0], "001", keep_silhouettes=True, **settings)
    assert asked["enroll"] == {**settings, "begun": BEGUN}
    assert asked["enroll"].keys() == taken["enroll"]
    made.identify(clips("001")[1], asked_by="gate")
    assert asked["note"].keys() == taken["note"] - {"confirms"}
    assert (asked["note"]["begun"], asked["note"]["asked_by"]) == (BEGUN, "gate")
    assert len(asked["note"]["input"]) == 16
    made.re_embed(asked_by="office")
    assert asked["re_embed"] == {"asked_by": "office"}
    assert taken["re_embed"] == {"asked_by"}
    made.enroll(clips("001")[1], "001")
    assert asked["enroll"]["asked_by"] == "tests"


def test_videos_are_cut_with_the_hook_and_the_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    monkeypatch.setattr(sources, "walks", lambda frames, segmenter, **keywords: found.append(keywords) or [])
    hook = lambda frame, walks: None  # noqa: E731
    assert list(sources._tracked([], Background(), hook, "digest")) == []
    assert found == [{"hook": hook, "judge": fault, "dropped": Dropped()}]


def test_strangers_walk_once_in_usual_and_once_in_other_clothes() -> None:
    walkers = rendered(7, 20)
    shown = {"subjects": 7, "train": 0, "seed": SEED, "frames": 20, "takes": {"nm": 1, "cl": 1}}
    shown |= {"views_per_take": 1, "one_side": True}
    assert {name: walkers.settings[name] for name in shown} == shown
    assert len(walkers.views) > 1
    assert (walkers.variety.fresh_clothes, walkers.variety.mixed) == (True, 0.3)
