"""What constructor settings do, and which are refused."""

import pytest
import torch

from walkprint.core.errors import CheckpointError, DataError, RecipeError
from walkprint.networks import DeepGaitV2, GaitBase, GaitGL, GaitPart, GaitSet, GEINet
from walkprint.networks.opengait import convert_state

FRAMES = torch.rand(2, 4, 1, 64, 44)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (GaitSet(), (2, 62, 256)),
        (GaitSet(channels=(24, 48, 96), feature=128, global_branch=False, batch_norm=True), (2, 31, 128)),
        (GaitSet(channels=(8, 8, 8), strips=(4, 2)), (2, 12, 256)),
        (GaitBase(channels=(8, 16), blocks=(2, 1), strides=(2, 2), strips=(4,), feature=7), (2, 4, 7)),
        (GEINet(num_subjects=9), (2, 1, 9)),
        (GEINet(num_subjects=9, embedding="fc3", hidden=33), (2, 1, 33)),
    ],
)
def test_embeddings_have_the_asked_shape(network, shape):
    output = network(FRAMES)
    assert output.embeddings.shape == shape
    assert output.logits is None or output.logits.shape == (*shape[:2], 9) or shape[1] == 1


def test_narrow_set_network_classifies_when_asked():
    network = GaitSet(channels=(4, 4, 4), global_branch=False, batch_norm=True, feature=6, num_subjects=3)
    logits = network(FRAMES).logits
    assert logits.shape == (2, 31, 3)
    assert logits.abs().max() <= 1 + 1e-6  # cosines


def test_published_sizes():
    assert GEINet(num_subjects=5, height_px=128, width_px=88).fc3.in_features == 22_680
    assert sum(p.numel() for p in GaitSet().parameters()) == 2_594_592
    assert GaitGL().pooling.power.tolist() == [6.5]
    assert sum(p.numel() for p in GaitBase(num_subjects=74).parameters()) == 7_305_408


def test_published_sizes_of_the_networks_for_many_subjects():
    """What a reference's table gives in millions, and what its configuration adds up to layer by layer."""

    def size(network):
        return sum(p.numel() for p in network.parameters())

    assert size(GaitSet(channels=(64, 128, 256))) / 1e6 == pytest.approx(6.31, abs=0.005)
    many = GaitGL(channels=(32, 64, 128, 256), layers=2, strips=2, num_subjects=5153)
    assert size(many) / 1e6 == pytest.approx(95.62, abs=0.005)
    widths = [(1, 32, 25), (32, 32, 9), (32, 64, 9), (64, 64, 9), (64, 128, 9), (128, 128, 9), (128, 256, 9)]
    convolutions = sum(inputs * outputs * kernel for inputs, outputs, kernel in [*widths, (256, 256, 9)])
    attention = 16 * 256 * 64 * (3 + 1 + 3 + 3)
    part = GaitPart(channels=(32, 64, 128, 256), focal_strips=(1, 1, 8, 8), feature=256)
    assert size(part) == convolutions + attention + 16 * 256 * 256
    neck = 2 * 16 * 256 + 16 * 256 * 5153
    assert size(GaitBase(num_subjects=5153)) - size(GaitBase()) == neck
    assert size(DeepGaitV2(num_subjects=5153)) - size(DeepGaitV2()) == neck


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (GaitSet(channels=(16, 32, 64)), (2, 62, 256)),
        (GaitPart(channels=(4, 8, 16, 32), focal_strips=(1, 1, 8, 8), feature=32), (2, 16, 32)),
        (GaitPart(channels=(4, 8, 16), num_subjects=9), (2, 16, 128)),
        (GaitGL(channels=(4, 8, 16, 32), layers=2, strips=2, num_subjects=9), (2, 64, 32)),
        (GaitGL(channels=(4, 8, 16, 16), feature=24), (2, 64, 24)),
        (DeepGaitV2(mode="3d", channels=(4, 8, 8, 16), blocks=(1, 4, 4, 1), num_subjects=9), (2, 16, 256)),
        (DeepGaitV2(mode="2d", channels=(4, 8), blocks=(1, 2), strides=(2, 2), strips=(8, 1), feature=6), (2, 9, 6)),
    ],
)
def test_shapes_of_larger_networks_drawn_small(network, shape):
    output = network(FRAMES)
    assert output.embeddings.shape == shape
    assert (output.logits is None) == (network.num_subjects is None)
    assert output.logits is None or output.logits.shape == (*shape[:2], 9)


def test_energy_image_is_all_that_geinet_sees():
    network = GEINet(num_subjects=3).eval()
    still = FRAMES.mean(1, keepdim=True)
    torch.testing.assert_close(network(FRAMES).embeddings, network(still).embeddings)


def test_hidden_features_of_geinet_drop_out_in_training_alone():
    network = GEINet(num_subjects=3, embedding="fc3", dropout=0.5).train()
    torch.manual_seed(0)
    kept = network(FRAMES).embeddings > 0
    there = network.eval()(FRAMES).embeddings > 0
    assert 0.4 < (kept & there).sum() / there.sum() < 0.6
    torch.testing.assert_close(network(FRAMES).embeddings, network(FRAMES).embeddings, rtol=0, atol=0)


def test_order_matters_to_the_modes_that_see_time():
    assert {mode: DeepGaitV2(mode=mode, channels=(2, 2, 2, 2)).ordered for mode in ("2d", "p3d", "3d")} == {
        "2d": False, "p3d": True, "3d": True,
    }  # fmt: skip


@pytest.mark.parametrize("extra", [0, 1, 20])
def test_wider_frames_are_cut_to_the_middle(extra):
    network = GaitSet(channels=(2, 2, 2))
    frames = torch.arange(44 + extra, dtype=torch.uint8).expand(1, 2, 1, 64, -1)
    left = extra // 2
    expected = torch.arange(left, left + 44) / 255
    torch.testing.assert_close(network.prepare(frames), expected.expand(1, 2, 1, 64, -1))


def test_a_layer_cannot_hide_behind_a_method():
    with pytest.raises(RecipeError, match="embed is a method of networks; give the layer another name"):
        GaitSet(channels=(2, 2, 2)).embed = torch.nn.Linear(1, 1)


def test_wrong_settings_are_refused():
    with pytest.raises(RecipeError, match="three widths"):
        GaitSet(channels=(1, 2))
    with pytest.raises(RecipeError, match="strips"):
        GaitSet(strips=())
    with pytest.raises(RecipeError, match="one of each per stage"):
        GaitBase(channels=(8, 8), blocks=(1,))
    with pytest.raises(RecipeError, match="fc4 or fc3"):
        GEINet(num_subjects=3, embedding="fc5")  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match="too small"):
        GEINet(num_subjects=3, width_px=19)
    with pytest.raises(RecipeError, match="one of each per block"):
        GaitPart(channels=(8, 8), focal_strips=(1,))
    with pytest.raises(RecipeError, match="four widths"):
        GaitGL(channels=(8, 8, 8))
    with pytest.raises(RecipeError, match="2d or p3d or 3d"):
        DeepGaitV2(mode="4d")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="equal strips"):
        GaitSet(channels=(2, 2, 2), strips=(7,))(FRAMES)


def test_conversion_names_every_fault():
    network = GaitSet(channels=(2, 2, 2))
    good = {
        "set_block1.forward_block.0.conv.weight": torch.zeros(2, 1, 5, 5),
        "set_block1.forward_block.2.conv.weight": torch.zeros(3, 2, 3, 3),
        "optimizer.step": torch.zeros(1),
    }
    with pytest.raises(CheckpointError) as caught:
        convert_state(network, good)
    text = str(caught.value)
    assert "optimizer.step is unknown" in text
    assert "(3, 2, 3, 3), expected (2, 2, 3, 3)" in text
    assert "nothing for head.weight" in text
    with pytest.raises(CheckpointError, match="no mapping"):
        convert_state(GEINet(num_subjects=2), good)
