"""What codes reveal, on codes whose content is known."""

import numpy as np
import pytest
import torch

from walkprint.core.sequence import SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.data.walkers import ColorWalkers
from walkprint.networks.gaitnet import GaitNet
from walkprint.studies.gaitnet_codes import _share_right as share_right
from walkprint.studies.gaitnet_codes import _step_phase as step_phase
from walkprint.studies.gaitnet_codes import codes_of, plane, probes, swapped

FRAMES = 5


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    out = tmp_path_factory.mktemp("people") / "s"
    few = ColorWalkers(subjects=4, train=0, views=["090"], takes={"nm": 2, "cl": 2}, frames=FRAMES)
    prepare(few, out, workers=1)
    return Packed(out)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    made = GaitNet(num_subjects=2, width=4, hidden=6, codes=(5, 4, 3)).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # the usual first weights make all pictures gray
    return made


def made_of(content, keys):
    """A code per frame: what `content` says of a key, with a little noise."""
    rng = np.random.default_rng(0)
    return [np.tile(content(key), (FRAMES, 1)) + 1e-3 * rng.standard_normal((FRAMES, 4)) for key in keys]


def test_probes_find_what_is_there_and_no_more(people):
    keys = people.keys("test")
    subject = made_of(lambda key: np.eye(4)[int(key.subject) - 1], keys)
    clothes = made_of(lambda key: np.eye(4)[int(key.condition == "cl")], keys)
    phase = [np.tile(step_phase(people, key, FRAMES), (1, 2)) for key in keys]
    gait = [one.mean(axis=0, keepdims=True) for one in subject]
    found = probes({"appearance": clothes, "canonical": subject, "pose": phase, "gait": gait}, people, keys)
    assert found["subject"]["canonical"] == found["subject"]["gait"] == 1
    assert found["subject"]["appearance"] < 0.6
    assert found["clothes"]["appearance"] == 1
    assert found["clothes"]["canonical"] < 0.8
    assert found["phase"]["pose"] > 0.95
    assert found["phase"]["appearance"] < 0.2
    assert "gait" not in found["phase"]
    assert (found["subject"]["chance"], found["clothes"]["chance"]) == (0.25, 0.5)


def test_a_rare_class_is_found_as_often_as_a_frequent_one():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [1200, 400, 400])
    points = 1.5 * np.eye(3)[labels] + rng.standard_normal((2000, 3))
    found = share_right(points, labels, rng.random(2000) < 0.5)
    best = np.mean([
        (1.5 * np.eye(3)[one] + rng.standard_normal((4000, 3))).argmax(axis=1) == one for one in range(3)
    ])  # fmt: skip
    assert found == pytest.approx(best, abs=0.04), "as right as who knows where the classes lie"


def test_codes_of_every_sequence(people, network):
    keys = people.keys("test")[:3]
    codes = codes_of(network, people, keys)
    assert {name: some[0].shape for name, some in codes.items()} == {
        "appearance": (FRAMES, 5), "canonical": (FRAMES, 4), "pose": (FRAMES, 3), "gait": (1, 6),
    }  # fmt: skip
    assert all(len(some) == 3 for some in codes.values())


def test_the_sheet_holds_what_went_in(people, network):
    looks = [SequenceKey("001", "nm", "01", "090"), SequenceKey("002", "cl", "01", "090")]
    donor = SequenceKey("003", "nm", "01", "090")
    sheet = swapped(network, people, looks, donor, 4)
    assert sheet.shape == (3, 5, 64, 32, 3)
    for row, key in enumerate(looks, start=1):
        first = people.store().read(key).frames[0, :, :, 16:48].transpose(1, 2, 0)
        assert np.array_equal(sheet[row, 0], first)
    assert np.array_equal(sheet[0, 1], people.store().read(donor).frames[0, :, :, 16:48].transpose(1, 2, 0))
    assert not sheet[0, 0].any()
    assert not np.array_equal(sheet[1, 1], sheet[2, 1])


def test_the_map_of_codes_keeps_neighbors_together():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 12)
    points = 20 * rng.standard_normal((3, 7))[groups] + rng.standard_normal((36, 7))
    shown = plane(points)
    assert shown.shape == (36, 2)
    away = np.linalg.norm(shown[:, None] - shown, axis=2) + 1e9 * np.eye(36)
    assert (groups[away.argmin(axis=1)] == groups).all()
    np.testing.assert_array_equal(plane(points), shown)
