"""A large gallery gives the verdicts of a small one, without holding its vectors."""

from pathlib import Path

import numpy as np
import pytest
from tests.recognizer.people import Pooling, clips, strangers
from tests.recognizer.test_verdict import cohort, people

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.site import Site
from walkprint.evaluation.whitening import Whitening
from walkprint.gallery import Binding, Gallery, NewWalk
from walkprint.recognizer import Recognizer, many
from walkprint.recognizer.many import ManyVerdict
from walkprint.recognizer.verdict import Verdict

PARTS, FEATURES = 4, 32
COUNT = 40


def gallery_of(path: Path, known: np.ndarray, *, key: bytes | None = None) -> Gallery:
    made = Gallery.open(path, Binding("toy", "toy", PARTS, FEATURES, "cosine"), key=key)
    for number, walks in enumerate(known):
        made.enroll(f"P{number:03d}", [NewWalk(one.astype(np.float32), 30, view="left") for one in walks])
    return made


def a_whitening(rng: np.random.Generator) -> Whitening:
    noise = rng.normal(size=(PARTS, FEATURES, FEATURES))
    root = np.eye(FEATURES) + 0.05 * (noise + noise.transpose(0, 2, 1))
    return Whitening(0.05 * rng.normal(size=(PARTS, FEATURES)).astype(np.float32), root.astype(np.float32), "toy")


def a_site(rng: np.random.Generator) -> Site:
    vectors = people(rng, 6, 4).reshape(-1, PARTS, FEATURES).astype(np.float32)
    keys = [SequenceKey(f"{number // 4}", "nm", f"{number % 4}", "left") for number in range(24)]
    return Site.learn(EmbeddingSet(vectors, keys, "toy"))


def a_scoring(rng: np.random.Generator, kind: str) -> tuple[Whitening | None, Site | None, Site | None]:
    """Whitening, site and the gallery's site; "sites": another camera than that of enrollment."""
    whitening = None if kind == "plain" else a_whitening(rng)
    site = a_site(rng) if kind in ("site", "sites") else None
    return whitening, site, a_site(rng) if kind == "sites" else None


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("kind", ["plain", "whitened", "site", "sites"])
def test_it_gives_the_verdicts_of_a_small_gallery(tmp_path: Path, kind: str, sealed: bool) -> None:
    rng = np.random.default_rng(4)
    drawn, others = people(rng, COUNT, 3), cohort(rng, 50)
    gallery = gallery_of(tmp_path / "g", drawn[:, :2], key=bytes(32) if sealed else None)
    scoring = a_scoring(rng, kind)
    small = Verdict(gallery.templates(), others, *scoring)
    large = ManyVerdict(gallery, others, *scoring)
    assert large.count == small.count == COUNT
    for number in range(8):
        walk = drawn[number, 2:].astype(np.float32)
        one, other = small.score(walk, ["left"]), large.score(walk, ["left"])
        assert one.people[:5] == other.people[:5]
        np.testing.assert_allclose(one.scores[:5], other.scores[:5], atol=2e-4)
        np.testing.assert_allclose(one.probabilities[:5], other.probabilities[:5], atol=2e-3)
        both = drawn[number, 1:].astype(np.float32)
        one, other = (judge.score(both, ["left", "left"], [1, 3]) for judge in (small, large))
        assert one.people[:5] == other.people[:5]
        np.testing.assert_allclose(one.scores[:5], other.scores[:5], atol=2e-4)
        np.testing.assert_allclose(one.probabilities[:5], other.probabilities[:5], atol=2e-3)
    for walks in (1, 2):
        assert large.threshold(0.05, walks) == pytest.approx(small.threshold(0.05, walks), abs=1e-3)


@pytest.mark.parametrize("kind", ["plain", "whitened", "site", "sites"])
def test_its_codes_propose_the_right_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(many, "_PROPOSED", 20)  # of 80 walks
    rng = np.random.default_rng(4)
    drawn, others = people(rng, COUNT, 3), cohort(rng, 50)
    gallery = gallery_of(tmp_path / "g", drawn[:, :2])
    scoring = a_scoring(rng, kind)
    small = Verdict(gallery.templates(), others, *scoring)
    large = ManyVerdict(gallery, others, *scoring)
    for number in range(8):
        walk = drawn[number, 2:].astype(np.float32)
        one, other = small.score(walk, ["left"]), large.score(walk, ["left"])
        assert one.people[0] == other.people[0]
        assert len(other.people) < COUNT
        np.testing.assert_allclose(one.scores[0], other.scores[0], atol=2e-4)


def test_it_is_kept_follows_the_gallery_and_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    drawn, others = people(rng, COUNT, 3), cohort(rng, 50)
    gallery = gallery_of(tmp_path / "g", drawn[:, :2])
    first = ManyVerdict(gallery, others)
    monkeypatch.setattr(Verdict, "_learn_from", None)  # what was learned is kept in the gallery
    again = ManyVerdict(Gallery.open(tmp_path / "g"), others)
    for walks in (1, 2):
        assert again.threshold(0.05, walks) == first.threshold(0.05, walks)
    monkeypatch.undo()
    walk = drawn[3, 2:].astype(np.float32)
    anna = gallery.person("P003").id
    assert again.score(walk, ["left"]).people[0] == anna
    code = gallery._database.value("SELECT code FROM codes WHERE person = ?", anna)
    assert code in (tmp_path / "g").read_bytes() + (tmp_path / "g-wal").read_bytes()
    gallery.backup()
    gallery.forget("P003")
    again.refresh()
    assert anna not in again.score(walk, ["left"]).people
    for file in tmp_path.iterdir():
        assert code not in file.read_bytes(), file
    gallery.enroll("New", [NewWalk(drawn[3, 2].astype(np.float32), 30, view="left")])
    again.refresh()
    assert again.score(walk, ["left"]).people[0] == gallery.person("New").id
    basis = gallery._database.value("SELECT value FROM meta WHERE name = 'basis'")
    for number, walks in enumerate(people(rng, 2 * COUNT, 2)):
        gallery.enroll(f"Q{number}", [NewWalk(one.astype(np.float32), 30, view="left") for one in walks])
    again.refresh()
    assert gallery._database.value("SELECT value FROM meta WHERE name = 'basis'") != basis, "more than twice as many"
    assert len(again._coded) == gallery.count_walks()


def test_a_recognizer_changes_over_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = Recognizer(tmp_path / "g", Pooling(), cohort=strangers())
    for number in range(1, 6):
        recognizer.enroll(clips(f"{number:03d}")[0], f"P{number}")
    small = recognizer.identify(clips("002")[1])[0]
    monkeypatch.setattr("walkprint.recognizer.recognizer.EXACT_WALKS", 4)
    recognizer.enroll(clips("006")[0], "P6")
    large = recognizer.identify(clips("002")[1])[0]
    assert isinstance(recognizer._judge(), ManyVerdict)
    assert [one.name for one in large.candidates[:1]] == [one.name for one in small.candidates[:1]] == ["P2"]
    recognizer.enroll(clips("007")[0], "P7")
    assert "P7" in [one.name for one in recognizer.identify(clips("007")[1])[0].candidates]
    recognizer.gallery.forget("P7")
    assert "P7" not in [one.name for one in recognizer.identify(clips("007")[1])[0].candidates]
