import numpy as np
import pytest
from tests.generation.trees import person
from tests.oracles import generated as oracle

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.folder import Folder
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.generated import (
    Measure,
    condition_reached,
    measure_frames,
    recordings_like,
    ssim_diversity,
    ssim_novelty,
    ssim_quality,
    temporal_smoothness,
)
from walkprint.generation.expand import expand
from walkprint.generation.simple import Copying, MorphologicalCoat, NoiseInjection


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
    return Folder(folder, train_count=2)


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
    with pytest.raises(DataError, match="diversity: no generated take has anything to compare with"):
        ssim_diversity(store, first, first)
    with pytest.raises(DataError, match="quality"):
        ssim_quality(store, first, [key(1, "cl", 1)])
    with pytest.raises(DataError, match="smoothness"):
        temporal_smoothness(store, [], first)


def test_a_store_of_recordings_has_nothing_to_measure(people):
    with pytest.raises(DataError, match="walkprint expand"):
        measure_frames(people.store())
