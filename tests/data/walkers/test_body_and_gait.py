import numpy as np
import pytest
from tests.oracles import walkers as slow

from walkprint.data.walkers import body as bodies
from walkprint.data.walkers.body import build, draw_shape, rotation, skin, template, turning
from walkprint.data.walkers.gait import Load, draw_gait, draw_take, joint_angle, pose


@pytest.fixture(scope="module")
def someone():
    return build(draw_shape(np.random.default_rng(3)))


@pytest.fixture(scope="module")
def gait():
    return draw_gait(np.random.default_rng(4))


def test_asset_is_small_and_sound():
    shared = template()
    asset = bodies.files("walkprint.data.walkers").joinpath("body.npz")
    assert len(asset.read_bytes()) < 150_000
    np.testing.assert_allclose(shared.weight.sum(1), 1, atol=1e-9)
    assert shared.faces.max() == shared.vertex_count - 1
    assert all(parent < bone for bone, parent in enumerate(shared.parent))


def test_adults_have_adult_heights():
    heights = [build(draw_shape(np.random.default_rng(seed))).height_m for seed in range(60)]
    assert 1.3 < min(heights) < 1.62
    assert 1.78 < max(heights) < 2.1


def test_normals_point_outward(someone):
    volume = np.einsum("fi,fi->", someone.vertices[template().faces[:, 0]], _across(someone.vertices)) / 6
    assert 0.03 < volume < 0.2  # cubic meters of a person; negative if the faces pointed inward
    grown = someone.vertices + 0.01 * someone.normals
    assert np.einsum("fi,fi->", grown[template().faces[:, 0]], _across(grown)) / 6 > volume


def _across(vertices):
    corners = vertices[template().faces]
    return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def test_skin_equals_its_twin(someone, gait):
    posed = pose(someone, gait, np.linspace(0, 1, 5))
    shared = template()
    parts = (someone.vertices, shared.bone, shared.weight, someone.heads, posed.rotations, posed.places)
    np.testing.assert_allclose(skin(*parts), slow.skin(*parts), atol=1e-12)


def test_rotations_are_rotations():
    for axis in "xyz":
        turned = rotation(axis, np.array([0.3, -1.2]))
        np.testing.assert_allclose(
            turned @ turned.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-12
        )
    np.testing.assert_allclose(rotation("y", 0.2) @ [0, 0, 1], [np.sin(0.2), 0, np.cos(0.2)], atol=1e-12)
    a, b = np.array([1.0, 2, 3]), np.array([-2.0, 0.5, 1])
    np.testing.assert_allclose(turning(a, b) @ a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-12)


def test_bones_keep_their_length(someone, gait):
    posed = pose(someone, gait, np.linspace(0, 1, 9))
    for bone, parent in enumerate(template().parent):
        if parent >= 0:
            at_rest = np.linalg.norm(someone.heads[bone] - someone.heads[parent])
            reach = np.linalg.norm(posed.places[:, bone] - posed.places[:, parent], axis=1)
            np.testing.assert_allclose(reach, at_rest, rtol=1e-9)


def test_gait_is_periodic_and_sides_alternate(someone, gait):
    phase = np.linspace(0, 1, 7)
    here, later = pose(someone, gait, phase), pose(someone, gait, phase + 1)
    np.testing.assert_allclose(here.places, later.places, atol=1e-9)
    names = template().names
    left, right = names.index("foot.L"), names.index("foot.R")
    start = pose(someone, gait, np.array([0.0]))
    half = pose(someone, gait, np.array([0.5]))
    assert start.places[0, left, 0] > start.places[0, right, 0] + 0.2  # phase 0: the left heel strikes in front
    assert half.places[0, right, 0] > half.places[0, left, 0] + 0.2
    hands = start.places[0, [names.index("hand.L"), names.index("hand.R")], 0]
    assert hands[0] < hands[1]  # arms swing against the legs


@pytest.mark.parametrize(("joint", "low", "high"), [("hip", -25, 45), ("knee", -8, 85), ("ankle", -35, 25)])
def test_joint_angles_stay_within_human_bounds(joint, low, high):
    phase = np.linspace(0, 1, 101)
    for seed in range(40):
        angle = joint_angle(draw_gait(np.random.default_rng(seed)), joint, phase)
        assert low < angle.min() < angle.max() < high


def test_takes_differ_less_than_people():
    phase = np.linspace(0, 1, 51)
    people = [draw_gait(np.random.default_rng(seed)) for seed in range(30)]
    knees = np.array([joint_angle(gait, "knee", phase) for gait in people])
    takes = np.array(
        [joint_angle(draw_take(people[0], np.random.default_rng(seed)), "knee", phase) for seed in range(30)]
    )
    assert takes.std(0).mean() < 0.6 * knees.std(0).mean()


def test_a_box_keeps_the_hands_in_front(someone, gait):
    posed = pose(someone, gait, np.linspace(0, 1, 9), Load(swing=(0, 0), elbow_deg=(85, 85), flexion_deg=(12, 12)))
    names = template().names
    chest = posed.places[:, names.index("chest"), 0]
    for hand in ("hand.L", "hand.R"):
        assert (posed.places[:, names.index(hand), 0] > chest + 0.1).all()
