"""GaitNet against the reference's outputs, its sizes, and what its codes are for."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from walkprint.core.batch import DisentangledCodes, GaitOutput
from walkprint.core.errors import CheckpointError, RecipeError
from walkprint.networks.gaitnet import GaitNet, wear
from walkprint.networks.gaitnet_state import convert_published, read_gaitnet, settings_of

CLOSE = 1e-4
SMALL = {"num_subjects": 3, "width": 4, "hidden": 6}


def seeded_state(parity: Path, name: str) -> dict[str, torch.Tensor]:
    spec = importlib.util.spec_from_file_location("seeded", parity / "seeded.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {key: torch.from_numpy(value) for key, value in module.seeded_state(name).items()}


def small(**settings) -> GaitNet:
    torch.manual_seed(0)
    return GaitNet(**(SMALL | settings))


@pytest.mark.parametrize("name", ["cvpr", "tpami"])
@torch.no_grad()
def test_every_output_equals_the_reference(name, shared):
    state = seeded_state(shared / "parity", f"GaitNet_{name}")
    network = GaitNet(**settings_of(state)).eval()
    network.load_state_dict(convert_published(network, state))
    with np.load(shared / "parity" / f"GaitNet_{name}.npz") as file:
        theirs = {key: torch.from_numpy(file[key]) for key in file.files}

    def close(ours, wanted):
        assert ours.shape == wanted.shape
        assert (ours - wanted).abs().max() < CLOSE * wanted.abs().max()

    frames = theirs["frames"].transpose(0, 1)
    output = network(frames)
    codes = output.codes
    static = codes.appearance if codes.canonical is None else torch.cat([codes.canonical, codes.appearance], dim=2)
    close(static.transpose(0, 1), theirs["appearance"])
    close(codes.pose.transpose(0, 1), theirs["pose"])
    swapped = network.decode(wear(codes, torch.zeros(len(frames), dtype=torch.int64)))
    close(swapped[:, :3].transpose(0, 1), theirs["cross_reconstruction"])
    close(output.logits[:, 0], theirs["logits"])
    close(network.gait_features(codes.pose), theirs["gait_feature"])


@pytest.mark.parametrize("variant", ["cvpr", "tpami", "tpami-shallow"])
@pytest.mark.parametrize(("height_px", "width_px"), [(64, 32), (128, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_reconstructions_have_the_size_of_the_frames(variant, height_px, width_px, channels):
    network = small(variant=variant, height_px=height_px, width_px=width_px, channels=channels)
    frames = torch.rand(2, 3, channels, height_px, width_px)
    output = network(frames)
    assert output.codes.reconstruction.shape == frames.shape
    assert output.codes.gait_logits.shape == (2, 3, 3)
    torch.testing.assert_close(output.logits[:, 0], output.codes.gait_logits[:, -1])
    assert (output.codes.canonical_logits is None) == (variant == "cvpr")
    assert network.eval()(frames).codes.reconstruction is None


def test_published_sizes():
    codes = GaitNet(num_subjects=226, variant="cvpr").encode(torch.rand(1, 2, 3, 64, 32))
    assert (codes.appearance.shape[2], codes.pose.shape[2]) == (288, 32)
    network = GaitNet(num_subjects=74)
    codes = network.encode(torch.rand(1, 2, 3, 64, 32))
    assert (codes.appearance.shape[2], codes.canonical.shape[2], codes.pose.shape[2]) == (128, 128, 64)
    assert network.lstm.hidden_size == 256


@torch.no_grad()
def test_cosine_of_embeddings_is_the_weighted_mean_of_both_cosines():
    network = small(gait_share=0.3).eval()
    frames = torch.rand(2, 5, 3, 64, 32)
    output = network(frames)
    gait = network.gait_features(output.codes.pose)
    static = output.codes.canonical.mean(1)
    cosine = torch.nn.functional.cosine_similarity
    wanted = 0.7 * cosine(static[:1], static[1:]) + 0.3 * cosine(gait[:1], gait[1:])
    torch.testing.assert_close(cosine(output.embeddings[0], output.embeddings[1]), wanted)


@torch.no_grad()
def test_pooling_is_the_mean_over_time_or_the_last_output():
    pose = torch.randn(2, 4, 64)
    for pooling in ("mean", "last"):
        network = small(pooling=pooling).eval()
        outputs, _ = network.lstm(pose)
        pooled = outputs.mean(1) if pooling == "mean" else outputs[:, -1]
        wanted = torch.nn.functional.leaky_relu(network.norm(pooled), 0.2)
        torch.testing.assert_close(network.gait_features(pose), wanted)


@torch.no_grad()
def test_official_padding_brings_all_to_one_length_and_lets_empty_frames_into_the_means():
    frames = torch.rand(2, 4, 3, 64, 32)
    padded = torch.cat([frames, torch.zeros(2, 3, 3, 64, 32)], dim=1)
    plain, official = small().eval(), small(official_padding=7).eval()
    torch.testing.assert_close(official(frames).embeddings, plain(padded).embeddings)
    torch.testing.assert_close(official(padded).embeddings, plain(padded).embeddings)
    assert not torch.allclose(official(frames).embeddings, plain(frames).embeddings)
    longer = torch.rand(2, 9, 3, 64, 32)
    torch.testing.assert_close(official(longer).embeddings, plain(longer[:, :7]).embeddings)
    assert official.train()(frames).codes.pose.shape[1] == 4  # training clips stay as they are


def test_prefixes_are_what_shorter_clips_would_give():
    network = small().train()
    pose = torch.randn(3, 5, 64)
    logits = network._gait(pose)[1]
    torch.testing.assert_close(network._gait(pose[:, :2])[1][:, -1], logits[:, 1])


def test_a_frame_lends_its_looks_to_the_whole_clip_and_its_pose_to_none():
    codes = DisentangledCodes(torch.arange(12.0).view(2, 3, 2), torch.rand(2, 3, 1), torch.arange(6.0).view(2, 3, 1))
    worn = wear(codes, torch.tensor([2, 0]))
    assert worn.appearance[0].tolist() == [[4, 5]] * 3
    assert worn.canonical[1].tolist() == [[3]] * 3
    assert worn.pose is codes.pose


def test_training_rebuilds_clips_in_the_looks_of_one_of_their_frames(monkeypatch):
    network, decoded = small().train(), []
    decode = network.decode
    monkeypatch.setattr(network, "decode", lambda codes: decoded.append(codes) or decode(codes))
    output = network(torch.rand(3, 5, 3, 64, 32))
    (worn,) = decoded
    torch.testing.assert_close(worn.pose, output.codes.pose)
    for code, given in ((worn.appearance, output.codes.appearance), (worn.canonical, output.codes.canonical)):
        torch.testing.assert_close(code, code[:, :1].expand_as(code))
        assert (code[:, :1] == given).all(dim=2).any(dim=1).all(), "of a frame of the same clip"


@pytest.mark.parametrize(("variant", "spread"), [("cvpr", 0.02), ("tpami", 0.01)])
def test_first_weights_are_drawn_as_the_authors_draw_them(variant, spread):
    torch.manual_seed(0)
    network = GaitNet(num_subjects=3, variant=variant, width=8)
    assert network.encoder[0][0].weight.std().item() == pytest.approx(spread, rel=0.2)
    assert network.widen[0].weight.std().item() == pytest.approx(spread, rel=0.1)
    norms = torch.cat([one.weight for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)])
    assert norms.mean().item() == pytest.approx(1, abs=0.01)
    assert norms.std().item() == pytest.approx(spread, rel=0.3)
    assert not network.encoder[0][0].bias.any()


def test_outputs_travel_as_tensors_by_name():
    output = small()(torch.rand(2, 3, 3, 64, 32))
    again = GaitOutput.from_tensors(output.tensors())
    assert again.codes.reconstruction is output.codes.reconstruction
    assert again.embeddings is output.embeddings
    bare = GaitOutput(torch.rand(1, 1, 1))
    assert GaitOutput.from_tensors(bare.tensors()).codes is None


@pytest.mark.parametrize(
    "settings",
    [{"variant": "eccv"}, {"pooling": "max"}, {"channels": 2}, {"height_px": 100}, {"codes": (0, 1, 1)},
     {"codes": (8, -1, 8)}, {"gait_share": 1.5}, {"official_padding": -1}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(RecipeError, match="expected"):
        small(**settings)


def test_published_files_are_read_without_running_them(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    network = small()
    module = {"weight": torch.ones(2)}
    torch.save({"netE": module, "netD": module, "lstm": module, "optimizer": {"state": {}}}, tmp_path / "good.pickle")
    assert set(read_gaitnet(tmp_path / "good.pickle")) == {"netE.weight", "netD.weight", "lstm.weight"}
    torch.save({"netE": module, "netD": Trap()}, tmp_path / "trap.pickle")
    (tmp_path / "torn.pickle").write_bytes((tmp_path / "good.pickle").read_bytes()[:100])
    torch.save({"netE": module}, tmp_path / "half.pickle")
    for name in ("trap.pickle", "torn.pickle", "half.pickle", "absent.pickle"):
        with pytest.raises(CheckpointError, match=name):
            read_gaitnet(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(CheckpointError, match="no entry"):
        settings_of({"netE.weight": torch.ones(2)})
    sizes = {"netE.main.0.main.0.weight": (4, 3, 4, 4), "netE.flatten.0.weight": (9, 9),
             "lstm.main.0.weight": (2, 2), "lstm.lstm.weight_ih_l0": (4, 2)}  # fmt: skip
    assert settings_of({name: torch.ones(size) for name, size in sizes.items()})["codes"] == [7, 0, 2]
    for bad in ((), (0, 0)):
        for name in ("netE.main.0.main.0.weight", "lstm.main.0.weight"):
            with pytest.raises(CheckpointError, match="expected netE"):
                settings_of({one: torch.ones(bad if one == name else size) for one, size in sizes.items()})
    with pytest.raises(CheckpointError, match=r"netE\.weight is unknown"):
        convert_published(network, {"netE.weight": torch.ones(2)})
