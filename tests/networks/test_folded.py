"""A folded network gives the embeddings of the network itself."""

from collections.abc import Callable

import pytest
import torch
from tests.contracts.test_every_network import assert_close, build, every_network, settled, stored
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.networks import DeepGaitV2, GaitSet
from walkprint.networks.base import Network
from walkprint.networks.folded import folded

BUILDERS: dict[str, Callable[[], Network]] = {
    **{kind.__name__: lambda kind=kind: build(kind) for kind in every_network()},
    "GaitSet with batch norm": lambda: GaitSet(channels=(4, 6, 8), batch_norm=True, feature=8),
    "DeepGaitV2 2d": lambda: DeepGaitV2(mode="2d", channels=(4, 8, 16, 16)),
    "DeepGaitV2 3d": lambda: DeepGaitV2(mode="3d", channels=(4, 8, 16, 16)),
}
LEFT = {"GaitBase": 0, "GaitSet with batch norm": 0, "DeepGaitV2 2d": 0, "GaitSet": 0}  # batch norms after folding


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) for module in network.modules())


def unlike_each_other(network: Network) -> Network:
    """Each batch norm with a slope and an offset of its own, as after training."""
    settled(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) and module.weight is not None:
            nn.init.uniform_(module.weight, 0.5, 2.0)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return network


@pytest.mark.parametrize("name", BUILDERS)
def test_every_network_embeds_the_same_folded(name: str) -> None:
    network = unlike_each_other(BUILDERS[name]())
    before = {key: value.clone() for key, value in network.state_dict().items()}
    frames = stored(network, time=12)
    quick = folded(network, frames[:1, : network.min_frames])
    assert quick is not network
    assert not quick.training
    with torch.inference_mode():
        assert_close(quick(quick.prepare(frames)), network(network.prepare(frames)))
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), f"{key} of the network itself has changed"
    if name in LEFT:
        assert norms(quick) == LEFT[name]


def test_most_batch_norms_of_the_deep_networks_are_folded() -> None:
    for name in ("GaitBase", "DeepGaitV2"):
        network = unlike_each_other(BUILDERS[name]())
        quick = folded(network, stored(network)[:1])
        assert norms(quick) <= norms(network) // 3, name


class Twice(Network):
    """Uses what a convolution gives twice: once through a batch norm, once beside it."""

    def __init__(self, *, beside: bool = True) -> None:
        super().__init__()
        self.conv, self.norm, self.beside = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), beside

    def forward(self, frames: Tensor) -> GaitOutput:
        found = self.conv(frames.flatten(0, 1))
        both = self.norm(found) + (found if self.beside else 0)
        return GaitOutput(both.mean((2, 3)).view(*frames.shape[:2], 1, 3).mean(1))


@pytest.mark.parametrize(("beside", "left"), [(True, 1), (False, 0)])
def test_what_is_used_twice_is_not_folded(beside: bool, left: int) -> None:
    torch.manual_seed(0)
    network = unlike_each_other(Twice(beside=beside))
    frames = stored(network)
    quick = folded(network, frames)
    assert norms(quick) == left
    with torch.inference_mode():
        assert_close(quick(quick.prepare(frames)), network(network.prepare(frames)))


class Shared(Network):
    """One batch norm after two convolutions, as where two branches share it."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.norm = nn.Conv2d(1, 3, 3), nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3)

    def forward(self, frames: Tensor) -> GaitOutput:
        flat = frames.flatten(0, 1)
        both = self.norm(self.one(flat)) * self.norm(self.two(flat))
        return GaitOutput(both.mean((2, 3)).view(*frames.shape[:2], 1, 3).mean(1))


def test_a_shared_batch_norm_is_not_folded() -> None:
    network = unlike_each_other(Shared())
    assert norms(folded(network, stored(network))) == 1


def test_a_network_without_convolutions_is_not_copied() -> None:
    class Mean(Network):
        def forward(self, frames: Tensor) -> GaitOutput:
            return GaitOutput(frames.mean((1, 2)))

    network = Mean()
    assert folded(network, stored(network)) is network
