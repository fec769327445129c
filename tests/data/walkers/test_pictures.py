import hashlib
from dataclasses import replace

import numpy as np
import pytest
from tests.oracles import walkers as slow

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers.camera import HEIGHT_PX, WIDTH_PX, Camera, project
from walkprint.data.walkers.carried import KINDS, draw_carried
from walkprint.data.walkers.clothes import LEVELS, RING, Hanging, _pull_straight, drape, draw_coat, draw_outfit, dress
from walkprint.data.walkers.noise import Faults, draw_faults, spoil
from walkprint.data.walkers.people import Variety, camera_of, person, walk
from walkprint.data.walkers.raster import fill_color, fill_mask
from walkprint.data.walkers.render import act, silhouettes

VARIETY = Variety()


def a_walk(condition="nm", subject="001"):
    return walk(0, SequenceKey(subject, condition, "01", "090"), person(0, subject, VARIETY), VARIETY)


@pytest.fixture(scope="module")
def scene():
    return act(a_walk(), 6)


def test_projection_equals_its_twin(scene):
    camera = Camera(71.0, 5.2, 1.4, 2.0, 90.0)
    expected = slow.project(scene.points, scene.path_m, camera, HEIGHT_PX, WIDTH_PX)
    np.testing.assert_allclose(project(scene.points, scene.path_m, camera), expected, atol=1e-9)


def test_mask_equals_its_twin_and_culling_loses_nothing(scene):
    points = project(scene.points[:1], scene.path_m[:1], Camera(60.0, person_px=60))
    mask = fill_mask(points, scene.faces, 0, HEIGHT_PX, WIDTH_PX)
    np.testing.assert_array_equal(mask, slow.fill_mask(points, scene.faces, HEIGHT_PX, WIDTH_PX))
    culled = fill_mask(points, scene.faces, 2454, HEIGHT_PX, WIDTH_PX)
    assert (culled != mask).sum() <= 3
    assert 500 < (mask > 0).sum() < 3000


def test_degenerate_triangles_draw_nothing():
    points = np.array([[[5.0, 5.0], [9.0, 9.0], [7.0, 7.0]]])
    assert not fill_mask(points, np.array([[0, 1, 2], [1, 1, 0]]), 0, 20, 20).any()
    outside = np.array([[[-50.0, -9.0], [-40.0, -9.0], [-45.0, -2.0]]])
    assert not fill_mask(outside, np.array([[0, 1, 2]]), 0, 20, 20).any()


def test_the_nearer_face_wins():
    square = np.array([[2.0, 2.0], [12.0, 2.0], [2.0, 12.0]])
    points = np.concatenate([np.c_[square, np.full(3, 5.0)], np.c_[square, np.full(3, 3.0)]])[None]
    canvas = np.zeros((1, 16, 16, 3), np.uint8)
    shades = np.array([[[200, 0, 0], [0, 200, 0]]], np.uint8)
    for faces in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        order = shades if faces[0][0] == 0 else shades[:, ::-1]
        mask = fill_color(points, np.array(faces), np.ascontiguousarray(order), canvas)
        assert tuple(canvas[0, 4, 4]) == (0, 200, 0)
        assert mask[0, 4, 4] == 255


@pytest.mark.parametrize(
    "profile", [[0.1, 0.1, 0.3, 0.1, 0.2], [0.2] * 5, [0.3, 0.1, 0.1, 0.1, 0.4], [0.1, 0.4, 0.1, 0.1, 0.1]]
)
def test_taut_cloth_is_the_concave_envelope(profile):
    reach = np.array(profile)[:, None].repeat(2, 1)
    _pull_straight(reach, 1.0)
    np.testing.assert_allclose(reach[:, 0], slow.pull_straight(np.array(profile)), atol=1e-12)


def test_hanging_cloth_covers_what_it_covers():
    rng = np.random.default_rng(0)
    covered = rng.uniform([-0.2, -0.25, -0.9], [0.2, 0.25, 0.1], (3, 400, 3))
    rings = drape(covered, 0.1, np.full(3, -0.5), 0.02, 0.0, 0.5, 0.0).reshape(3, LEVELS, RING, 3)
    np.testing.assert_allclose(rings[0, :, 0, 2], np.linspace(0.1, -0.5, LEVELS))
    for t in range(3):
        for level in range(LEVELS):
            near = np.abs(covered[t, :, 2] - rings[t, level, 0, 2]) < 0.025
            for angle in 2 * np.pi * np.arange(RING) / RING:
                way = np.array([np.cos(angle), np.sin(angle)])
                assert (covered[t, near, :2] @ way).max() < (rings[t, level, :, :2] @ way).max()


def test_clothes_and_carried_things_make_people_larger(scene):
    camera = Camera(90.0)
    plain = act(replace(a_walk(), outfit=replace(draw_outfit(np.random.default_rng(1)), hanging=None)), 4)
    thick = draw_coat(draw_outfit(np.random.default_rng(1)), np.random.default_rng(2))
    coat = replace(thick, torso_m=0.05, hanging=Hanging(hem=0.5, flare=0.1))
    coated = act(replace(a_walk(), outfit=coat), 4)
    area = (silhouettes(plain, camera) > 0).sum()
    assert (silhouettes(coated, camera) > 0).sum() > 1.15 * area
    for kind in KINDS:
        carried = draw_carried(np.random.default_rng(5), kind)
        loaded = act(replace(a_walk(), carried=carried), 4)
        assert loaded.faces.shape[0] > scene.faces.shape[0]


def test_a_hat_and_a_hood_change_the_head_alone():
    worn = draw_outfit(np.random.default_rng(0))
    body = person(0, "001", VARIETY).body
    for other in (replace(worn, hat="brim"), replace(worn, hood_m=0.03)):
        moved = np.abs(dress(body, other) - dress(body, replace(worn, hat="", hood_m=0.0))).max(1) > 1e-4
        assert moved.any()
        assert body.vertices[moved, 2].min() > 0.4


def test_no_faults_leave_masks_as_they_are(scene):
    masks = silhouettes(scene, Camera(90.0))
    perfect = Faults(smooth_px=0, ragged=0, hole=0, lost_feet=0, lost_part=0, merged=0, lost_frames=0)
    np.testing.assert_array_equal(spoil(masks, perfect, np.random.default_rng(0)), masks)


def test_faults_change_masks_but_not_beyond_recognition(scene):
    masks = silhouettes(scene, Camera(90.0, person_px=90))
    overlaps = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        spoiled = spoil(masks, replace(draw_faults(rng), lost_frames=0, shear=0, stretch=1), rng)
        both = ((spoiled > 0) & (masks > 0)).sum((1, 2))
        overlaps.append((both / ((spoiled > 0) | (masks > 0)).sum((1, 2))).mean())
    assert 0.7 < np.mean(overlaps) < 0.95
    assert min(overlaps) > 0.45


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ({"lost_feet": 1.0}, lambda was, now: now[-20:].sum() <= was[-20:].sum() and _bottom(now) < _bottom(was)),
        ({"hole": 1.0}, lambda was, now: now.sum() < was.sum()),
        ({"merged": 1.0}, lambda was, now: now.sum() > was.sum()),
        ({"lost_part": 1.0}, lambda was, now: now.sum() < was.sum()),
        ({"shadow": 0.2}, lambda was, now: now.sum() > was.sum()),
    ],
)
def test_each_fault_does_what_it_says(scene, fault, test):
    clean = Faults(smooth_px=0, ragged=0, hole=0, lost_feet=0, lost_part=0, merged=0, lost_frames=0)
    masks = silhouettes(scene, Camera(90.0, person_px=90))
    spoiled = spoil(masks, replace(clean, **fault), np.random.default_rng(1))
    assert sum(test(was.astype(int), now.astype(int)) for was, now in zip(masks, spoiled, strict=True)) >= 5


def _bottom(mask):
    return np.flatnonzero(mask.any(1))[-1]


def test_frames_get_lost_but_never_all(scene):
    masks = silhouettes(scene, Camera(90.0))
    assert len(spoil(masks, Faults(lost_frames=0.999999), np.random.default_rng(0))) == 1
    empty = np.zeros((2, HEIGHT_PX, WIDTH_PX), np.uint8)
    assert not spoil(empty, Faults(lost_frames=0.0), np.random.default_rng(0)).any()


def test_unknown_conditions_and_views_are_refused():
    with pytest.raises(DataError, match="condition is 'xx'"):
        walk(0, SequenceKey("001", "xx", "01", "090"), person(0, "001", VARIETY), VARIETY)
    with pytest.raises(DataError, match="view is 'left'"):
        camera_of(0, SequenceKey("001", "nm", "01", "left"), VARIETY)


def test_same_seed_same_perfect_mask():
    pixels = silhouettes(act(a_walk("cl", "007"), 3), Camera(54.0))
    assert pixels.shape == (3, HEIGHT_PX, WIDTH_PX)
    again = silhouettes(act(a_walk("cl", "007"), 3), Camera(54.0))
    assert hashlib.sha256(pixels.tobytes()).digest() == hashlib.sha256(again.tobytes()).digest()
    assert (silhouettes(act(a_walk("cl", "008"), 3), Camera(54.0)) != pixels).any()
