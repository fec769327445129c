import numpy as np
import pytest
from tests.generation.miniatures import person
from tests.oracles import generated as oracle

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.store import Store
from walkprint.data.walkers import Variety, Walkers
from walkprint.data.walkers.people import person as draw_person
from walkprint.data.walkers.people import walk as draw_walk
from walkprint.data.walkers.render import FRAME_RATE_HZ
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.frame_measures import (
    Measure,
    condition_reached,
    measure_frames,
    recordings_like,
    ssim_diversity,
    ssim_novelty,
    ssim_quality,
    temporal_smoothness,
)
from walkprint.evaluation.similarity import ssim_of_all
from walkprint.generation.baselines import Copying, MorphologicalCoat, NoiseInjection
from walkprint.generation.expand import expand


def walk(subject, condition, take, frames=6):
    """Frames of one take, uint8 (time, 1, 64, 64); each take has its own tempo."""
    return np.stack([person(subject, condition, 0.5 * t * (1 + 0.1 * take)) for t in range(frames)])[:, None]


def key(subject, condition, take):
    return SequenceKey(f"{subject:03d}", condition, f"{take:02d}", "090")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Three people, two of them for training; three takes of normal walking and two in a coat."""
    folder = tmp_path_factory.mktemp("people") / "store"
    with StoreWriter(folder) as writer:
        for subject in range(3):
            for condition, count in (("nm", 3), ("cl", 2)):
                for take in range(1, count + 1):
                    writer.add(Clip(walk(subject, condition, take), key(subject, condition, take)))
    return Packed(folder, train=2)


@pytest.fixture(scope="module")
def expanded(people, tmp_path_factory):
    """Stores by the expander's name."""
    folder = tmp_path_factory.mktemp("expanded")
    makers = {"copy": Copying(), "noise": NoiseInjection(), "coat": MorphologicalCoat(3), "nm": MorphologicalCoat(1)}
    return {
        name: Store.open(expand(people, maker, wanted={"cl": 4}, out=folder / name)) for name, maker in makers.items()
    }


def frames(store, keys):
    return [store.read(one).frames[:, 0] for one in keys]


def test_recordings_like_those_generated(expanded):
    assert recordings_like(expanded["noise"]) == [key(s, "cl", t) for s in (0, 1) for t in (1, 2)]


def test_quality_against_the_twin(expanded):
    store = expanded["coat"]
    generated, real = list(store.generated)[:1], recordings_like(store)
    pool = np.concatenate(frames(store, [one for one in real if one.subject == generated[0].subject]))
    every = [oracle.nearest_similarity(frame, pool) for frame in frames(store, generated)[0]]
    found = ssim_quality(store, generated, real, frames=400).generated
    assert min(every) <= found <= max(every)
    assert found == pytest.approx(np.mean(every), abs=0.01)  # frames are drawn with repetition


def test_copies_have_all_quality_and_no_novelty(expanded):
    found = measure_frames(expanded["copy"], frames=60, pairs=40)
    assert found["quality"].generated == pytest.approx(1, abs=1e-5)
    assert found["novelty"].generated == pytest.approx(1, abs=1e-5)
    assert found["quality"].real < 0.99  # a recording's own frames do not count
    assert found["novelty"].real < 0.999
    assert found["smoothness"].generated == pytest.approx(found["smoothness"].real, rel=0.01)


def test_noise_is_rough_novel_and_of_low_quality(expanded):
    noise, coat = (measure_frames(expanded[name], frames=60, pairs=40) for name in ("noise", "coat"))
    assert noise["quality"].generated < coat["quality"].generated
    assert noise["smoothness"].generated > 1.3 * noise["smoothness"].real
    assert noise["diversity"].generated < noise["diversity"].real
    assert coat["smoothness"].generated == pytest.approx(coat["smoothness"].real, rel=0.5)


def test_the_wider_coat_is_nearer_to_real_coats(expanded):
    found = {name: measure_frames(expanded[name], frames=60, pairs=20)["quality"].generated for name in ("coat", "nm")}
    assert found["coat"] > found["nm"]


def test_collapse_shows(tmp_path):
    with StoreWriter(tmp_path / "s") as writer:
        for take in range(4):
            writer.add(Clip(np.repeat(walk(0, "cl", 1)[:1], 5, axis=0), key(0, "cl", take)))
            writer.add(Clip(walk(0, "nm", take), key(0, "nm", take)))
    store = Store.open(tmp_path / "s")
    same, real = ([key(0, condition, take) for take in range(4)] for condition in ("cl", "nm"))
    found = ssim_diversity(store, same, real, pairs=50)
    assert found.generated == pytest.approx(1, abs=1e-6)
    assert found.real < 0.95
    assert temporal_smoothness(store, same, real).generated == 0


def test_novelty_against_the_twin(expanded):
    store = expanded["coat"]
    generated = [next(iter(store.generated))]
    training = [key(1, "cl", 1)]
    pool = np.concatenate(frames(store, training))
    every = [oracle.nearest_similarity(frame, pool) for frame in frames(store, generated)[0]]
    found = ssim_novelty(store, generated, training, training, frames=300)
    assert found.generated == pytest.approx(np.mean(every), abs=0.02)
    own = ssim_novelty(store, generated, training, training)
    assert own.real is None  # nothing but its own frames to compare with


def test_smoothness_against_the_twin(expanded):
    store = expanded["noise"]
    generated, real = list(store.generated), recordings_like(store)
    found = temporal_smoothness(store, generated, real)
    assert found.generated == pytest.approx(oracle.smoothness(frames(store, generated)), abs=1e-9)
    assert found.real == pytest.approx(oracle.smoothness(frames(store, real)), abs=1e-9)


def test_the_condition_by_a_classifier(expanded):
    store = expanded["coat"]

    def by_width(some):
        return ["cl" if (frame[0, 20:40] > 127).mean() > 0.38 else "nm" for frame in some]

    generated, real = list(store.generated), recordings_like(store)
    assert condition_reached(store, generated, real, by_width) == Measure(generated=0.0, real=1.0)
    wide = expanded["copy"]
    assert condition_reached(wide, list(wide.generated), real, by_width).generated == 1.0


def test_single_takes_have_no_reference(people, tmp_path):
    store = people.store()
    first = [key(0, "cl", 1)]
    assert ssim_quality(store, [key(0, "cl", 2)], first, frames=10).real is None
    with pytest.raises(DataError, match="diversity: no two generated takes of one subject"):
        ssim_diversity(store, first, first)
    with pytest.raises(DataError, match="quality"):
        ssim_quality(store, first, [key(1, "cl", 1)])
    with pytest.raises(DataError, match="smoothness"):
        temporal_smoothness(store, [], first)


def test_a_store_of_recordings_has_nothing_to_measure(people):
    with pytest.raises(DataError, match="expand it first"):
        measure_frames(people.store())


def scarce(tmp_path, wanted):
    """Four training people of three normal takes, the first of whom has two in a coat, and one who tests; expanded."""
    with StoreWriter(tmp_path / "scarce") as writer:
        for subject in range(5):
            coats = 2 if subject in (0, 4) else 0
            for condition, count in (("nm", 3), ("cl", coats)):
                for take in range(1, count + 1):
                    writer.add(Clip(walk(subject, condition, take), key(subject, condition, take)))
    people = Packed(tmp_path / "scarce", train=4)
    return Packed(expand(people, MorphologicalCoat(), wanted={"cl": wanted}, out=tmp_path / "filled"), train=4)


def test_without_a_take_of_who_wore_a_coat_only_quality_is_missing(tmp_path):
    people = scarce(tmp_path, wanted=2)
    store, training = people.store(), people.keys("train")
    found = measure_frames(store, training=training, frames=60, pairs=40)
    why = "quality: no subject of a generated take was recorded in its condition and view"
    assert found.pop("quality") == Measure(None, None, why)
    generated = list(store.generated)
    coats = [key(0, "cl", 1), key(0, "cl", 2)]
    recorded = [one for one in training if one not in store.generated]
    assert {one.note for one in found.values()} == {"generated of 3 subjects, recordings of 1"}
    expected = {
        "diversity": ssim_diversity(store, generated, coats, pairs=40),
        "novelty": ssim_novelty(store, generated, coats, recorded, frames=60),
        "smoothness": temporal_smoothness(store, generated, coats),
    }
    assert {name: (one.generated, one.real) for name, one in found.items()} == {
        name: (one.generated, one.real) for name, one in expected.items()
    }
    assert all(one.real is not None for one in expected.values())
    alone = measure_frames(store, frames=60, pairs=40)["smoothness"]
    assert (alone.real, alone.note) == (None, "generated of 3 subjects, recordings of 0")


def test_both_sides_show_those_who_were_recorded_in_a_coat(tmp_path):
    people = scarce(tmp_path, wanted=4)
    store = people.store()
    found = measure_frames(store, training=people.keys("train"), frames=60, pairs=40)
    own, coats = [key(0, "cl", 3), key(0, "cl", 4)], [key(0, "cl", 1), key(0, "cl", 2)]
    assert {one.note for one in found.values()} == {"of the 1 of 4 subjects who were recorded so"}
    smooth = temporal_smoothness(store, own, coats)
    assert (found["smoothness"].generated, found["smoothness"].real) == (smooth.generated, smooth.real)
    assert smooth.generated != temporal_smoothness(store, list(store.generated), coats).generated
    assert found["quality"].generated == ssim_quality(store, own, coats, frames=60).generated


def test_one_take_of_who_wore_a_coat_has_quality_and_the_others_diversity(tmp_path):
    people = scarce(tmp_path, wanted=3)
    found = measure_frames(people.store(), training=people.keys("train"), frames=60, pairs=40)
    assert found["quality"].note == "of the 1 of 4 subjects who were recorded so"
    assert found["diversity"].note == "generated of 4 subjects, recordings of 1"
    assert found["diversity"].generated is not None


def test_damage_is_not_taken_for_a_missing_figure(expanded):
    with pytest.raises(DataError, match="no sequence"):
        measure_frames(expanded["coat"], generated=[key(0, "cl", 9)])


WALKERS = Walkers(subjects=3, train=3, views=("090",), frames=36, takes={"nm": 2, "cl": 2}, variety=Variety(noise=0))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Walkers without mask noise, so that the frames of a take are those of its phases, and thickened coats."""
    folder = tmp_path_factory.mktemp("rendered")
    prepare(WALKERS, folder / "store", workers=1)
    return Packed(expand(Packed(folder / "store"), MorphologicalCoat(), wanted={"cl": 4}, out=folder / "more"))


def phases(store, recording):
    """Phase of each frame of a rendered take, in cycles."""
    who = draw_person(WALKERS.seed, recording.subject, WALKERS.variety)
    taken = draw_walk(WALKERS.seed, recording, who, WALKERS.variety)
    count = len(store.read(recording))
    assert count == WALKERS.frames, "a frame is missing: the others are not at their places"
    return taken.start + taken.gait.style.cadence_hz * np.arange(count) / FRAME_RATE_HZ


def phase_to_the_nearest(store, sources):
    """Mean distance in phase, up to half a cycle, from frames to the most similar recorded ones; by chance 0.125."""
    apart = []
    for one, source in sources.items():
        coats = [
            other
            for other in store.keys
            if (other.subject, other.condition) == (one.subject, "cl") and other not in (one, *store.generated)
        ]
        near = ssim_of_all(store.read(one).frames[:, 0], np.concatenate(frames(store, coats))).argmax(axis=1)
        there = np.concatenate([phases(store, other) for other in coats])[near]
        apart.append(np.abs((phases(store, source) - there + 0.25) % 0.5 - 0.25))
    return np.concatenate(apart).mean()


def test_from_the_side_the_nearest_recorded_frame_is_near_in_phase(rendered):
    store = rendered.store()
    made = {one: SequenceKey.parse(line["source"]) for one, line in store.generated.items()}
    recorded = {one: one for one in store.keys if one.condition == "cl" and one not in made}
    assert len(made) == len(recorded) == 6
    assert phase_to_the_nearest(store, made) < 0.06
    assert phase_to_the_nearest(store, recorded) < 0.06
    shifted = dict(zip(made, [*made.values()][1:] + [*made.values()][:1], strict=True))
    assert phase_to_the_nearest(store, shifted) > 0.08, "any phases would seem near"
