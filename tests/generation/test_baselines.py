import numpy as np
import pytest
from tests.generation.miniatures import person

from walkprint.core.errors import RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.generation.baselines import Copying, MorphologicalCoat, NoiseInjection

KEY = SequenceKey("1", "nm", "01", "090")
WANTED = SequenceKey("1", "cl", "03", "090")


@pytest.fixture
def clip():
    return Clip(np.stack([person(0, "nm", t) for t in range(6)])[:, None], KEY)


def test_a_copy_is_a_copy(clip):
    frames, dropped = Copying().make(clip, WANTED, np.random.default_rng(0))
    np.testing.assert_array_equal(frames, clip.frames)
    assert not np.shares_memory(frames, clip.frames)
    assert not dropped


def test_salt_pepper_and_gaussian(clip):
    salted, _ = NoiseInjection(p=0.2, deviation=0).make(clip, WANTED, np.random.default_rng(0))
    background = clip.frames == 0
    assert (salted[background] == 255).mean() == pytest.approx(0.1, abs=0.01)
    assert (salted[~background] == 0).mean() == pytest.approx(0.1, abs=0.02)
    noisy, _ = NoiseInjection(p=0, deviation=0.1).make(clip, WANTED, np.random.default_rng(0))
    above = noisy[background][noisy[background] > 0]
    assert np.sqrt(np.mean(above.astype(float) ** 2)) == pytest.approx(25.5, rel=0.05)
    hard, _ = NoiseInjection(thresholded=True).make(clip, WANTED, np.random.default_rng(0))
    assert set(np.unique(hard)) == {0, 255}


def test_views_of_a_take_have_noise_of_their_own(clip):
    other = SequenceKey("1", "cl", "03", "108")
    first, second = (NoiseInjection().make(clip, key, np.random.default_rng(0))[0] for key in (WANTED, other))
    assert (first != second).mean() > 0.02


def test_no_noise_changes_nothing(clip):
    same, _ = NoiseInjection(p=0, deviation=0).make(clip, WANTED, np.random.default_rng(0))
    np.testing.assert_array_equal(same, clip.frames)


def test_a_coat_is_wider_between_neck_and_shins(clip):
    coat, _ = MorphologicalCoat(thickness_px=3).make(clip, WANTED, np.random.default_rng(0))
    np.testing.assert_array_equal(coat[:, :, :8], clip.frames[:, :, :8])
    np.testing.assert_array_equal(coat[:, :, 56:], clip.frames[:, :, 56:])
    wider = (coat > 0).sum(axis=3) - (clip.frames > 0).sum(axis=3)
    assert (wider[:, 0, 20:45] == 6).all()
    assert (coat >= clip.frames).all()


def test_settings_show_in_the_digest():
    assert NoiseInjection().digest == NoiseInjection().digest != NoiseInjection(p=0.1).digest
    assert len(Copying().digest) == 12


@pytest.mark.parametrize(
    "make", [lambda: NoiseInjection(p=2), lambda: NoiseInjection(deviation=-1), lambda: MorphologicalCoat(0)]
)
def test_settings_out_of_range(make):
    with pytest.raises(RecipeError, match="expected"):
        make()
