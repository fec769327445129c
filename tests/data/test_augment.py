import numpy as np
import pytest
from tests.data.miniatures import draw_person
from tests.oracles.augmentation import dilate_slowly, warp_slowly

from walkprint.core.errors import RecipeError
from walkprint.data.augment import Dilation, Erasing, Flip, Perspective, Rotation, rotation_map

ALL = [Flip(p=1), Rotation(p=1), Perspective(p=1), Erasing(p=1), Dilation(p=1)]
RNG = np.random.default_rng


def clip(time=3, channels=1, height=16, width=11, seed=0):
    return RNG(seed).integers(0, 256, (time, channels, height, width)).astype(np.uint8)


@pytest.mark.parametrize("augmentation", ALL, ids=lambda a: type(a).__name__)
def test_all_frames_of_a_clip_share_what_was_drawn(augmentation):
    together = np.repeat(clip(time=1, channels=3), 4, axis=0)
    augmentation(together, RNG(5))
    alone = clip(time=1, channels=3)
    augmentation(alone, RNG(5))
    np.testing.assert_array_equal(together, np.repeat(alone, 4, axis=0))
    assert together.dtype == np.uint8


@pytest.mark.parametrize("augmentation", ALL, ids=lambda a: type(a).__name__)
def test_parameters_once_drawn_can_be_applied_again(augmentation):
    parameters = augmentation.draw(RNG(1), (3, 1, 16, 11))
    one, other = clip(), clip()
    augmentation.apply(one, parameters)
    augmentation.apply(other, parameters)
    np.testing.assert_array_equal(one, other)
    assert (one != clip()).any()


@pytest.mark.parametrize("kind", [Flip, Rotation, Perspective, Erasing, Dilation])
def test_p_is_how_often_a_clip_changes(kind):
    changed = []
    rng = RNG(0)
    for _ in range(400):
        frames = clip(time=1)
        kind(p=0.3)(frames, rng)
        changed.append((frames != clip(time=1)).any())
    assert 0.22 < np.mean(changed) < 0.38
    untouched = clip()
    kind(p=0)(untouched, rng)
    np.testing.assert_array_equal(untouched, clip())


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_p_out_of_range(p):
    with pytest.raises(RecipeError, match=r"Flip: p is .*, expected"):
        Flip(p=p)


def test_flip_mirrors_and_twice_is_nothing():
    frames = clip()
    Flip().apply(frames)
    np.testing.assert_array_equal(frames, clip()[..., ::-1])
    Flip().apply(frames)
    np.testing.assert_array_equal(frames, clip())


@pytest.mark.parametrize("augmentation", [Rotation(30), Perspective(0.2)], ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("seed", range(4))
def test_warp_twin(augmentation, seed):
    frames = clip(seed=seed)
    parameters = augmentation.draw(RNG(seed), frames.shape)
    expected = np.stack([warp_slowly(frame, parameters) for frame in frames[:, 0]])
    augmentation.apply(frames, parameters)
    # Weights in 1/128: at most two steps of 1/256 off along each axis, that is four of 255 gray levels and rounding.
    np.testing.assert_allclose(frames[:, 0], expected, atol=4.5)
    assert np.abs(frames[:, 0] - expected).mean() < 0.6


@pytest.mark.parametrize("size", [(64, 44), (64, 64), (5, 8), (1, 1)])
def test_no_rotation_changes_nothing_and_half_a_turn_is_exact(size):
    frames = clip(height=size[0], width=size[1])
    before = frames.copy()
    Rotation().apply(frames, rotation_map(0, *size))
    np.testing.assert_array_equal(frames, before)
    Rotation().apply(frames, rotation_map(180, *size))
    np.testing.assert_array_equal(frames, before[..., ::-1, ::-1])


def test_rotation_keeps_the_center_of_mass():
    frames = np.zeros((1, 1, 64, 44), np.uint8)
    frames[..., 20:44, 14:30] = 255  # centered on the frame's true center
    for degrees in (-10, 3, 10):
        turned = frames.copy()
        Rotation().apply(turned, rotation_map(degrees, 64, 44))
        y, x = np.nonzero(turned[0, 0] > 127)
        assert abs(x.mean() - 21.5) < 0.1
        assert abs(y.mean() - 31.5) < 0.1


def test_rotation_turns_counter_clockwise():
    frames = np.zeros((1, 1, 65, 65), np.uint8)
    frames[0, 0, 32, 50] = 255  # right of the center
    Rotation().apply(frames, rotation_map(90, 65, 65))
    assert np.argwhere(frames[0, 0]).tolist() == [[14, 32]]  # now above it


def test_angles_fill_their_range():
    angles = [np.degrees(np.arcsin(-Rotation(10).draw(RNG(i), (1, 1, 64, 44))[0, 1])) for i in range(500)]
    assert -10 <= min(angles) < -9
    assert 9 < max(angles) <= 10
    assert abs(np.mean(angles)) < 1


def test_perspective_moves_corners_inwards_only():
    frames = np.full((1, 1, 40, 30), 255, np.uint8)
    parameters = Perspective(0.1).draw(RNG(3), frames.shape)
    Perspective().apply(frames, parameters)
    assert (frames[0, 0, 5:-5, 4:-4] == 255).all()
    assert (frames == 0).any()


def test_erasing_blanks_one_rectangle_of_the_asked_size():
    for seed in range(200):
        frames = np.full((2, 1, 64, 44), 255, np.uint8)
        top, bottom, left, right = Erasing().draw(RNG(seed), frames.shape)
        assert 0 <= top < bottom <= 64
        assert 0 <= left < right <= 44
        Erasing().apply(frames, (top, bottom, left, right))
        share = (frames == 0).mean()
        assert 0.04 < share < 0.21
        assert not frames[..., top:bottom, left:right].any()
        assert (frames == 0).sum() == 2 * (bottom - top) * (right - left)


def test_erasing_of_a_tiny_frame():
    frames = clip(height=1, width=1)
    Erasing(p=1)(frames, RNG(0))
    assert not frames.any()


def test_dilation_twin():
    frames = clip(time=2, height=32, width=9)
    first, last = Dilation().draw(RNG(0), frames.shape)
    assert (first, last) == (4, 28)
    expected = np.stack([dilate_slowly(frame, first, last) for frame in frames[:, 0]])
    Dilation().apply(frames, (first, last))
    np.testing.assert_array_equal(frames[:, 0], expected)


def test_dilation_makes_people_thicker_not_taller():
    frames = draw_person(0, 64, 44)[None, None].copy()
    before = frames.copy()
    Dilation(p=1)(frames, RNG(0))
    assert (frames >= before).all()
    assert frames.sum() > before.sum()
    np.testing.assert_array_equal(frames[..., :8, :], before[..., :8, :])
    np.testing.assert_array_equal(frames[..., 56:, :], before[..., 56:, :])


@pytest.mark.parametrize(
    "make", [lambda: Rotation(0), lambda: Rotation(181), lambda: Perspective(0.5), lambda: Erasing(0.3, 0.2)]
)
def test_settings_out_of_range(make):
    with pytest.raises(RecipeError, match="expected"):
        make()


def test_erased_rectangles_reach_every_edge_and_are_tall_as_often_as_wide():
    drawn = np.array([Erasing().draw(np.random.default_rng(seed), (1, 1, 20, 20)) for seed in range(300)])
    top, bottom, left, right = drawn.T
    assert (top.min(), left.min(), bottom.max(), right.max()) == (0, 0, 20, 20)
    ratios = (bottom - top) / (right - left)
    assert ratios.min() < 0.5
    assert ratios.max() > 2


def test_resampled_pixels_are_rounded():
    frames = np.zeros((1, 1, 4, 4), np.uint8)
    frames[..., 2:] = 1
    half = np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]])  # each pixel from half a pixel to its right
    Rotation().apply(frames, half)
    assert frames[0, 0, 1].tolist() == [0, 1, 1, 1]


def test_perspective_moves_every_corner_inwards_by_at_most_the_strength():
    right, bottom = 43, 63
    corners = np.array([[0, 0, 1], [right, 0, 1], [right, bottom, 1], [0, bottom, 1]])
    moved = []
    for seed in range(50):
        back = np.linalg.inv(Perspective(strength=0.2).draw(np.random.default_rng(seed), (1, 1, 64, 44)))
        images = corners @ back.T
        moved.append(images[:, :2] / images[:, 2:] - corners[:, :2])
    inwards = np.array(moved) * [[1, 1], [-1, 1], [-1, -1], [1, -1]] / [right, bottom]
    assert inwards.min() > -1e-9
    assert inwards.max() < 0.2 + 1e-9
    assert (inwards.max(axis=0) > 0.15).all(), "every corner, both ways"


def test_usual_settings():
    found = {
        type(one).__name__: {name: value for name, value in vars(one).items() if not name.startswith("_")}
        for one in (Flip(), Rotation(), Perspective(), Erasing(), Dilation())
    }
    assert found == {
        "Flip": {"p": 0.3},
        "Rotation": {"p": 0.3, "degrees": 10},
        "Perspective": {"p": 0.3, "strength": 0.1},
        "Erasing": {"p": 0.3, "smallest": 0.05, "largest": 0.2, "flattest": 0.3},
        "Dilation": {"p": 0.3},
    }
