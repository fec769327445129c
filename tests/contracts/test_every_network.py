"""What every network promises, for whichever modules the package holds."""

import importlib
import inspect
import pkgutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import walkprint.networks
from walkprint.core.batch import GaitOutput
from walkprint.core.errors import DataError
from walkprint.networks.base import Network
from walkprint.networks.exported import Exported

SUBJECTS = 5


def every_network() -> list[type[Network]]:
    """All but `Exported`, which needs a file and cannot be trained; see tests/recipes/test_export.py."""
    found = set()
    for module in pkgutil.iter_modules(walkprint.networks.__path__, "walkprint.networks."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, Network) and not inspect.isabstract(kind) and kind is not Exported:
                found.add(kind)
    return sorted(found, key=lambda kind: kind.__name__)


def build(kind: type[Network]) -> Network:
    """With weights of seed 0, and an eighth of the usual width: it is as deep."""
    torch.manual_seed(0)
    usual = {name: one.default for name, one in inspect.signature(kind).parameters.items()}
    given: dict[str, object] = {"num_subjects": SUBJECTS} if "num_subjects" in usual else {}
    if isinstance(usual.get("channels"), tuple):
        given["channels"] = tuple(max(width // 8, 1) for width in usual["channels"])
    if isinstance(usual.get("width"), int):
        given["width"] = max(usual["width"] // 8, 1)
    return kind(**given)


@pytest.fixture(params=every_network(), ids=lambda kind: kind.__name__)
def kind(request) -> type[Network]:
    return request.param


@pytest.fixture
def network(kind) -> Network:
    return build(kind)


def stored(network: Network, batch: int = 3, time: int | None = None, extra_px: int = 20) -> Tensor:
    """Frames as a store holds them: blobs that differ from clip to clip and move from frame to frame."""
    time = time or max(6, network.min_frames)
    rng = torch.Generator().manual_seed(1)
    height, width = network.height_px, network.width_px + extra_px
    coarse = torch.rand(batch * time, network.channels, 8, 8, generator=rng)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return ((fine > 0.5) * 255).to(torch.uint8).view(batch, time, network.channels, height, width)


def settled(network: Network) -> Network:
    """In evaluation mode, its running statistics those of some frames: fresh ones make some codes vanish."""
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    network.train()(network.prepare(stored(network, time=12)))
    return network.eval()


def assert_close(first: GaitOutput, second: GaitOutput, tolerance: float = 1e-5) -> None:
    for ours, theirs in ((first.embeddings, second.embeddings), (first.logits, second.logits)):
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * theirs.abs().max().item())


def test_there_are_some():
    assert {"GEINet", "GaitSet", "GaitBase"} <= {kind.__name__ for kind in every_network()}


def test_every_network_builds_without_more_than_the_number_of_subjects():
    needs = {
        kind.__name__: [name for name, one in inspect.signature(kind).parameters.items() if one.default is one.empty]
        for kind in every_network()
    }
    without = {name: settings for name, settings in needs.items() if set(settings) - {"num_subjects"}}
    assert not without, f"give these settings defaults, or `build` cannot make the network: {without}"


def test_stored_frames_become_embeddings_in_both_modes(network):
    frames = network.prepare(stored(network))
    assert frames.dtype == torch.float32
    assert frames.shape[-2:] == (network.height_px, network.width_px)
    assert (float(frames.min()), float(frames.max())) == (0.0, 1.0)
    for training in (True, False):
        output = network.train(training)(frames)
        assert output.embeddings.ndim == 3
        assert output.embeddings.shape[0] == len(frames)
        assert output.embeddings.dtype == torch.float32
        assert output.embeddings.isfinite().all()
        assert output.embeddings.std(0).sum() > 0
        if output.logits is not None:
            assert output.logits.shape == (*output.embeddings.shape[:2], SUBJECTS)


def test_gradients_reach_every_parameter(network):
    output = network.train()(network.prepare(stored(network)))
    sum(tensor.square().sum() for tensor in output.tensors().values()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@torch.no_grad()
def test_batched_equals_one_at_a_time_and_order_of_the_batch_does_not_matter(network):
    frames = settled(network).prepare(stored(network))
    together = network(frames)
    alone = [network(clip.unsqueeze(0)) for clip in frames]
    logits = None if together.logits is None else torch.cat([output.logits for output in alone])
    assert_close(together, GaitOutput(torch.cat([output.embeddings for output in alone]), logits))
    order = torch.tensor([2, 0, 1])
    shuffled = network(frames[order])
    logits = None if together.logits is None else together.logits[order]
    assert_close(shuffled, GaitOutput(together.embeddings[order], logits))


@torch.no_grad()
def test_order_of_frames_matters_only_where_the_network_says_so(network):
    frames = settled(network).prepare(stored(network, time=12))
    order = torch.tensor([7, 2, 9, 0, 11, 4, 1, 10, 3, 8, 6, 5])
    usual, shuffled = network(frames), network(frames[:, order])
    if network.ordered:
        assert (usual.embeddings - shuffled.embeddings).abs().max() > 1e-4 * usual.embeddings.abs().max()
    else:
        assert_close(usual, shuffled)


@torch.no_grad()
def test_shortest_clip_is_embedded(network):
    frames = network.eval().prepare(stored(network, time=network.min_frames))
    assert network(frames).embeddings.isfinite().all()


@torch.no_grad()
def test_bfloat16_stays_near_and_gives_float32(network):
    frames = network.eval().prepare(stored(network))
    usual = network(frames)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = network(frames)
    assert rough.embeddings.dtype == torch.float32
    assert_close(rough, usual, tolerance=0.05)


@torch.no_grad()
def test_state_survives_a_file(network, tmp_path):
    frames = network.train().prepare(stored(network))
    network(frames)  # moves running statistics off their start
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    other = build(type(network))
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    assert_close(other.eval()(frames), network.eval()(frames), tolerance=0)


def test_settings_are_keyword_only_and_unknown_ones_refused(kind):
    for parameter in inspect.signature(kind).parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    with pytest.raises(TypeError):
        kind(no_such_setting=1)


def test_wrong_frames_are_refused(network):
    with pytest.raises(DataError, match="prepare the data"):
        network.prepare(stored(network)[..., : network.width_px - 1])
    frames = network.prepare(stored(network))
    without_last_column = frames[..., :-1]
    for wrong in (stored(network, extra_px=0), frames[:, 0], frames[:, :0], frames[:0], without_last_column):
        with pytest.raises(DataError, match=f"{type(network).__name__}: .*expected"):
            network(wrong)


def test_half_precision_of_a_network_comes_out_as_float32():
    class Half(Network):
        def forward(self, frames: Tensor) -> GaitOutput:
            return GaitOutput(frames.mean((2, 3)).to(torch.bfloat16), frames.mean((2, 3)).half())

    output = Half()(torch.rand(2, 3, 1, 64, 44))
    assert {one.dtype for one in output.tensors().values()} == {torch.float32}


def test_says_where_it_comes_from(kind):
    text = inspect.getmodule(kind).__doc__
    assert "Source:" in text
    assert "Deviations:" in text
