"""Enrolling and identifying rendered people, with a small network in place of the trained one."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.recognizer.people import Pooling, clips, strangers
from tests.video.films import film
from torch import Tensor

from walkprint.core.embedding import unit_parts
from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.evaluation.site import ANY_VIEW
from walkprint.gallery import Gallery
from walkprint.recipes.trained import load_network
from walkprint.recognizer import Recognizer, calibrate
from walkprint.recognizer.cohort import BUNDLED, Cohort
from walkprint.recognizer.sources import Walk, walks_of
from walkprint.recognizer.verdict import log_odds
from walkprint.video.background import Background
from walkprint.video.segmenter import Segmenter


@pytest.fixture
def recognizer(tmp_path: Path) -> Recognizer:
    made = Recognizer(
        tmp_path / "people.gallery", Pooling(), segmenter=Background(), cohort=strangers(), asked_by="tests",
    )  # fmt: skip
    for name in ("001", "002", "003"):
        made.enroll(clips(name)[0], name)
    return made


def test_known_people_are_named_and_strangers_are_not(recognizer: Recognizer) -> None:
    for name in ("001", "002", "003"):
        (seen,) = recognizer.identify(clips(name)[1], false_positive_rate=0.6)
        assert seen.candidates[0].name == name
        assert seen.name == name
        assert len(seen.candidates) == 3
        chances = [one.probability for one in seen.candidates]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) + seen.unknown == pytest.approx(1, abs=1e-3)
    assert seen.threshold == pytest.approx(recognizer.threshold(0.6), abs=1e-4)
    others = [recognizer.identify(clips(f"{number:03d}")[1], false_positive_rate=0.1)[0] for number in range(4, 14)]
    named = [seen for seen in others if seen.name is not None]
    assert len(named) <= 4, "a small network, few strangers"
    assert all(seen.candidates[0].score < seen.threshold for seen in others if seen not in named)
    assert all(seen.unknown > 0.5 for seen in others if seen.candidates[0].score < 0)


def test_every_sighting_leaves_a_line_in_the_journal(recognizer: Recognizer) -> None:
    (seen,) = recognizer.identify(clips("001")[1], false_positive_rate=0.6, asked_by="gate")
    (unknown,) = recognizer.identify(clips("009")[1], false_positive_rate=1e-9)
    first, second = recognizer.gallery.journal(seen.event - 1)
    assert (first.action, first.asked_by, second.asked_by) == ("identify", "gate", "tests")
    assert list(first.people) == [recognizer.gallery.person("001").id]
    assert list(second.people) == []
    assert second.number == unknown.event
    assert len(first.input) == 16
    assert first.state == recognizer.gallery.state


def test_walks_of_a_track_are_fused_or_not(recognizer: Recognizer) -> None:
    masks = clips("002")[1].frames
    both = [Walk(masks[:10], 4, 0.0, 0.4, "left"), Walk(masks[10:], 4, 1.0, 1.6, "right")]
    recognizer_of_both = recognizer.identify(list(both))
    assert [one.walks for one in recognizer_of_both] == [1, 1], "items of a sequence are different sources"
    stream = list(recognizer.watch([both[0]]))
    assert [one.track for one in stream] == [4]


def test_watching_adds_up_the_walks_of_a_track(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = clips("002")[1].frames
    found = [
        Walk(masks[:8], 1, 0.0, 0.3, "left"), Walk(masks[:8], 2, 0.5, 0.8, "left"),
        Walk(masks[8:], 1, 1.0, 1.6, "right"),
    ]  # fmt: skip
    monkeypatch.setattr("walkprint.recognizer.recognizer.walks_of", lambda *_: iter(found))
    seen = list(recognizer.watch("hall.mp4"))
    assert [(one.track, one.walks, one.frames) for one in seen] == [(1, 1, 8), (2, 1, 8), (1, 2, len(masks))]
    assert (seen[2].start_s, seen[2].end_s, seen[2].view) == (0.0, 1.6, "right")
    together, other = recognizer.identify("hall.mp4")
    assert together.candidates == seen[2].candidates
    assert other.track == 2
    assert [one.walks for one in recognizer.identify("hall.mp4", fuse=False)] == [1, 1, 1]
    judge = recognizer._judge()
    assert judge is not None
    assert [one.threshold for one in seen] == [round(judge.threshold(0.05, walks), 4) for walks in (1, 1, 2)]
    vectors = np.stack([recognizer.network.embed(walk.silhouettes) for walk in (found[0], found[2])])
    weights = [len(walk.silhouettes) * walk.quality for walk in (found[0], found[2])]
    wanted = judge.score(vectors, ["left", "right"], weights).scores
    assert [one.score for one in seen[2].candidates] == np.round(wanted[: len(seen[2].candidates)], 4).tolist()


def test_the_threshold_rises_with_the_gallery_and_with_the_demand(recognizer: Recognizer) -> None:
    rates = (0.5, 0.2, 0.1, 0.05, 0.01, 0.001)
    few = [recognizer.threshold(rate) for rate in rates]
    assert few == sorted(few)
    for number in range(4, 9):
        recognizer.enroll(clips(f"{number:03d}")[0], f"{number:03d}")
    assert recognizer.threshold(0.2) > few[1]
    with pytest.raises(ProtocolError, match="false positive rate is 1"):
        recognizer.threshold(1)


def test_another_network_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(DataError, match=r"Pooling.*asked for Pooling"):
        Recognizer(recognizer.gallery.path, Pooling(rows=4), cohort=strangers())
    with pytest.raises(DataError, match="asked for Pooling"):
        Recognizer(recognizer.gallery, Pooling(rows=4), cohort=strangers())
    again = Recognizer(Gallery.open(recognizer.gallery.path), Pooling(), cohort=strangers())
    assert len(again.gallery) == 3


def test_nobody_enrolled_and_no_walk(tmp_path: Path) -> None:
    empty = Recognizer(tmp_path / "g", Pooling(), segmenter=Background(), cohort=strangers())
    (seen,) = empty.identify(clips("001")[0])
    assert (seen.name, seen.candidates, seen.unknown) == (None, (), 1.0)
    assert str(seen).endswith("unknown  no person is enrolled")
    with pytest.raises(DataError, match="no person is enrolled"):
        empty.threshold()
    with pytest.raises(DataError, match="Anna: no walk found"):
        empty.enroll(iter([np.zeros((48, 64, 3), np.uint8)] * 5), "Anna")
    frames = iter([np.zeros((48, 64, 3), np.uint8)])
    for name, day in (("", None), ("Anna", "tomorrow")):
        with pytest.raises(DataError, match="expected"):
            empty.enroll(frames, name, expires=day)
    assert len(list(frames)) == 1, "refused before a frame is read"
    assert len(empty.gallery) == 0


def test_two_people_at_a_time_are_not_enrolled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Recognizer(tmp_path / "g", Pooling(), segmenter=Background(), cohort=strangers())
    masks = clips("001")[0].frames
    found = [Walk(masks, 1, 0.0, 2.0), Walk(masks, 2, 1.0, 3.0)]
    monkeypatch.setattr("walkprint.recognizer.recognizer.walks_of", lambda *_: iter(found))
    with pytest.raises(DataError, match=r"Anna: two people are seen at 1.0 s"):
        empty.enroll("hall.mp4", "Anna")
    found[1] = Walk(masks, 2, 2.5, 3.0)
    assert empty.enroll("hall.mp4", "Anna").walks == 2
    found[:] = [Walk(masks, 1, 0.0, 2.0, input="one"), Walk(masks, 2, 1.0, 3.0, input="another")]
    assert empty.enroll("both videos", "Ben").walks == 2


def test_a_walk_is_enrolled_once_and_for_one_person(recognizer: Recognizer) -> None:
    for name, refusal in (
        ("Anna", "the walk at 0.0 s is enrolled already, as 001; enroll another source of Anna, or forget 001 first"),
        ("001", "found no new walk, 1 walk known; enroll another source"),
    ):
        with pytest.raises(DataError, match=f"^{name}: {refusal}$"):
            recognizer.enroll(clips("001")[0], name)
    assert [one.walks for one in recognizer.gallery.people()] == [1, 1, 1]
    said: list[str] = []
    known, new = clips("001")
    assert recognizer.enroll([known, new, new], "001", warn=said.append).walks == 2
    assert said == ["001: left out 2 walks enrolled already"]
    masks = clips("004")[0].frames
    one, other = Walk(masks[:10], 1, 0.0, 0.4, input="street"), Walk(masks[10:], 2, 1.0, 1.4, input="street")
    recognizer.enroll(one, "004")
    assert recognizer.enroll(other, "005", warn=said.append).walks == 1, "another walk of the same video"
    live = replace(one, input="")
    assert recognizer.enroll([live, live], "004").walks == 3, "nothing is known of where these came from"


def test_a_walk_that_resembles_another_known_person_is_said(recognizer: Recognizer) -> None:
    said: list[str] = []
    recognizer.false_positive_rate = 0.6
    recognizer.enroll(clips("002")[1], "Anna", warn=said.append)
    line = (
        r"Anna: the walk at 0.0 s scores 0\.\d\d for 002, threshold -?0\.\d\d; check that it shows Anna, or forget Anna"
    )
    assert re.fullmatch(line, said.pop())
    recognizer.gallery.forget("Anna")
    recognizer.enroll(clips("003")[1], "002", warn=said.append)
    assert re.match(
        r"002: the walk at 0.0 s scores 0\.\d\d for 003, for 002 -?0\.\d\d; check that it shows 002", said.pop()
    )
    recognizer.false_positive_rate = 1e-6
    recognizer.enroll(clips("001")[1], "001", warn=said.append)
    recognizer.enroll(clips("009")[1], "009", warn=said.append)
    assert said == []


def test_a_threshold_that_cannot_be_trusted_is_said(tmp_path: Path) -> None:
    made = Recognizer(tmp_path / "g", Pooling(), segmenter=Background(), cohort=strangers())
    assert made.doubt() == ""
    made.enroll(clips("001")[0], "Anna")
    assert made.doubt() == "1 person known; expected 3 or more for a threshold that can be trusted: enroll others"
    for name in ("002", "003"):
        made.enroll(clips(name)[0], name)
    assert made.doubt(0.2) == ""
    frames = clips("002")[0].frames.copy()
    frames[0, 0, :4] = 0
    made.enroll(frames, "Anna", warn=lambda _: None)  # Anna's gait is 002's
    assert made.threshold(1e-9) > 1
    said = made.doubt(1e-9)
    assert re.match(
        r"threshold \d+\.\d\d: no score is above 1, so all are unknown; \w+ and \w+ are the most similar", said
    )
    assert set(re.findall(r"(\w+) and (\w+) are", said)[0]) == {"Anna", "002"}


def test_two_people_one_after_another_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odds = np.array([[9, 2.4, -3], [2.4, 9, 2.6], [-3, 2.6, 9]])
    monkeypatch.setattr("walkprint.recognizer.recognizer.log_odds", lambda *_: odds)

    def said(*views: str, inputs: str = "aaa") -> list[str]:
        lines: list[str] = []
        made = Recognizer(tmp_path / f"{views}{inputs}", Pooling(), segmenter=Background(), cohort=strangers())
        shown = zip("123", views, inputs, strict=True)
        walks = [Walk(clips(f"00{one}")[0].frames, int(one), float(one), 0.5 + int(one), *at) for one, *at in shown]
        made.enroll(walks, "Anna", warn=lines.append)
        return lines

    assert said("left", "left", "left") == [
        "Anna: the walks at 1.0 s and 3.0 s look like two people; expected one person alone: check the source, and "
        "forget Anna if there are two"
    ]
    assert said("left", "right", "right") == [], "directions are not compared"
    assert said("left", "right", "left", inputs="aab") == [], "nor are sources"
    assert said("", "", "") == []
    assert len(said("left", "left", "right")) == 1


def test_odds_tell_rendered_people_apart() -> None:
    network, people = load_network("street"), ("001", "002", "003", "004")
    vectors = np.stack([network.embed(clip) for name in people for clip in clips(name)])
    strangers = Cohort.load(next(BUNDLED.iterdir()))
    odds = log_odds(vectors, strangers, network.whitening)
    same = np.kron(np.eye(4, dtype=bool), np.ones((2, 2), bool))
    assert np.median(odds[same]) > 4 > odds[~same].max()
    assert (odds[~same] < 2.5).mean() > 0.8


def test_people_expire_before_the_next_question(recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer.enroll(clips("001")[1], "001", expires="2999-01-01", warn=lambda _: None)
    monkeypatch.setattr("walkprint.gallery.journal.now", lambda: "2999-01-02T00:00:00.000+00:00")
    for (seen,) in (recognizer.identify(clips("001")[1]), list(recognizer.watch(clips("001")[1]))):
        assert {one.name for one in seen.candidates} == {"002", "003"}


def test_a_video_without_a_walk_is_named(tmp_path: Path) -> None:
    made = Recognizer(tmp_path / "g", Pooling(), segmenter=Background(), cohort=strangers())
    wall = film(tmp_path / "wall.mp4", [np.full((96, 240, 3), 180, np.uint8)] * 12)
    with pytest.warns(UserWarning, match=r"wall\.mp4: no walk found; no person was found$"):
        assert made.identify([wall, clips("001")[0]])[0].walks == 1


def test_silhouettes_are_kept_only_when_asked(recognizer: Recognizer) -> None:
    assert not any(walk.silhouettes for walk in recognizer.gallery.walks())
    clip = clips("004")[0]
    recognizer.enroll(clip, "004", keep_silhouettes=True, consent="yes", expires="2999-01-01")
    (kept,) = recognizer.gallery.walks("004")
    masks = recognizer.gallery.silhouettes(kept.id)
    assert masks is not None
    np.testing.assert_array_equal(masks, clip.frames)
    anna = recognizer.gallery.person("004")
    assert (anna.consent, anna.expires) == ("yes", "2999-01-01")


class Whole(Segmenter):
    """One person on each frame: what is bright."""

    LOOKS_FIRST = True

    def __init__(self) -> None:
        self.learned = 0

    def learn(self, images) -> None:
        self.learned = len(images)

    def __call__(self, image):
        from walkprint.video.segmenter import PersonMask

        person = PersonMask.found(np.ascontiguousarray(image[..., 0]), 0.9)
        return [] if person is None else [person]


def test_every_kind_of_source_gives_the_same_walk() -> None:
    clip = clips("001")[0]
    masks = clip.frames[:, 0]
    wanted = next(walks_of(clip, Whole())).silhouettes
    small = (masks >= 128).astype(np.uint8)
    large = np.stack([np.pad(np.kron(one, np.ones((2, 2), np.uint8)), 20) for one in masks])
    for source in (masks, masks[:, None], [clip], Clip(clip.frames, SequenceKey("x")), small, large):
        (found,) = walks_of(source, Whole())
        assert np.abs(found.silhouettes.astype(int) - wanted).mean() < 12
        assert found.input
    (first, second) = walks_of([clip, clip], Whole())
    assert (first.track, second.track) == (1, 2)
    assert 0 < first.quality <= 1


def test_frames_of_a_camera_are_walks_when_the_person_is_gone() -> None:
    masks = clips("001")[0].frames[:, 0]
    canvas = np.zeros((len(masks), 128, 256, 3), np.uint8)
    for number, mask in enumerate(masks):
        canvas[number, 30:94, 40 + 3 * number : 104 + 3 * number] = mask[..., None]
    segmenter = Whole()
    for source in (canvas, iter(canvas)):
        (found,) = walks_of(source, segmenter)
        assert found.view == "right"
        assert len(found.silhouettes) == len(masks)
        assert found.end_s == pytest.approx((len(masks) - 1) / 25)
        assert segmenter.learned > 0
    with pytest.raises(DataError, match="no frame came"):
        list(walks_of(iter([]), segmenter))
    with pytest.raises(DataError, match="no walks in int"):
        list(walks_of(3, segmenter))
    with pytest.raises(DataError, match="expected silhouettes"):
        list(walks_of(np.zeros((2, 64, 64)), segmenter))


def test_the_network_given_is_the_one_that_embeds(recognizer: Recognizer) -> None:
    assert isinstance(recognizer.network, Pooling)
    frames = torch.rand(1, 2, 1, 64, 44)
    assert isinstance(recognizer.network(frames).embeddings, Tensor)


def test_walks_of_one_video_keep_their_tracks(recognizer: Recognizer) -> None:
    masks = clips("002")[1].frames
    cut = [Walk(masks[:10], 4, 0.0, 0.4, "left", "a"), Walk(masks[10:], 4, 1.0, 1.6, "right", "a")]
    (together,) = recognizer.identify(cut)
    assert (together.track, together.walks) == (4, 2)
    other = Walk(masks[:10], 4, 0.0, 0.4, "left", "b")
    assert [one.walks for one in recognizer.identify([*cut[:1], other])] == [1, 1]


def test_the_bundled_network_is_understood(tmp_path: Path) -> None:
    recognizer = Recognizer(tmp_path / "g", segmenter=Background())
    assert (recognizer.gallery.binding.network, recognizer.gallery.binding.parts) == ("street", 31)
    assert recognizer.enroll(clips("001")[0], "Anna").walks == 1


def test_a_site_is_calibrated_from_passersby(tmp_path: Path) -> None:
    names = [f"{number:03d}" for number in range(1, 9)]
    network, passing = Pooling(), [clips(name)[1] for name in names]
    site = calibrate(passing, network)
    unit = unit_parts(np.stack([network.embed(clip) for clip in passing]))
    assert len(site) == 8
    np.testing.assert_allclose(site.means[ANY_VIEW], unit.mean(0), atol=1e-6)
    door = calibrate(passing[:6], network)
    recognizer = Recognizer(tmp_path / "g", network, site=site, gallery_site=door, cohort=strangers())
    recognizer.enroll(clips("010")[0], "anna")
    judge = recognizer._judge()
    assert judge is not None
    assert (judge._site, judge._gallery_site) == (site, door)
    assert recognizer.identify(clips("010")[1])[0].candidates[0].name == "anna"
    with pytest.raises(ProtocolError, match="found gallery_site only"):
        Recognizer(tmp_path / "g", network, gallery_site=site, cohort=strangers())
    for sites in (
        {"site": replace(site, source="other")},
        {"site": site, "gallery_site": replace(site, source="other")},
    ):
        with pytest.raises(ProtocolError, match="other"):
            Recognizer(tmp_path / "g", network, cohort=strangers(), **sites)
    walks = [Walk(clip.frames, track=1 + number % 2, input="hall") for number, clip in enumerate(passing)]
    with pytest.warns(UserWarning, match="8 walks of at most 2 people; expected at least 5"):
        assert len(calibrate(walks, network)) == 8
    with pytest.warns(UserWarning, match="^site: left out 8 walks found before; give each video once$"):
        assert len(calibrate([*passing, *passing], network)) == 8
    with pytest.raises(ProtocolError, match="is among the clips it was learned from"):
        recognizer.identify(clips("001")[1])
    with pytest.raises(ProtocolError, match="is among the clips it was learned from"):
        list(recognizer.watch(clips("001")[1]))
    for few in (passing[:4], []):
        with pytest.raises(DataError, match=f"found {len(few)} clips of passers-by"):
            calibrate(few, network)
