"""Networks against their textbook forms: embeddings, logits, and the gradient of every parameter."""

import pytest
import torch
from tests.oracles.networks import (
    PlainDeepGaitV2,
    PlainGaitBase,
    PlainGaitGL,
    PlainGaitNet,
    PlainGaitPart,
    PlainGaitSet,
    PlainGEINet,
    PlainNarrowGaitSet,
    PlainSmallDeepGaitV2,
    share_weights,
)
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.networks import DeepGaitV2, GaitBase, GaitGL, GaitPart, GaitSet, GEINet
from walkprint.networks.gaitnet import GaitNet, wear

WIDTHS, LAST = (4, 6, 8, 10), {"feature": 5, "num_subjects": 7}
STAGES = {"channels": (4, 6), "blocks": (1, 2), "strides": (2, 2), "strips": (8, 1), **LAST}
ENERGY = {"num_subjects": 7, "dropout": 0, "channels": (6, 8), "hidden": 20}
NARROW = {
    "GaitSet": (lambda: GaitSet(channels=WIDTHS[:3], feature=5), lambda: PlainGaitSet(WIDTHS[:3], 5)),
    "GaitPart": (lambda: GaitPart(channels=WIDTHS[:3], feature=5), lambda: PlainGaitPart(WIDTHS[:3], 5)),
    "GaitGL": (lambda: GaitGL(channels=WIDTHS, num_subjects=7), lambda: PlainGaitGL(7, WIDTHS)),
    "GaitBase": (lambda: GaitBase(channels=WIDTHS, **LAST), lambda: PlainGaitBase(7, WIDTHS, 5)),
    "DeepGaitV2": (lambda: DeepGaitV2(channels=WIDTHS, **LAST), lambda: PlainDeepGaitV2(7, WIDTHS, 5)),
    "GaitSet with a neck": (
        lambda: GaitSet(
            channels=(4, 6, 8), strips=(4, 2), feature=5, global_branch=False, batch_norm=True, num_subjects=7
        ),
        lambda: PlainNarrowGaitSet(7),
    ),
    "DeepGaitV2, 2d": (lambda: DeepGaitV2(mode="2d", **STAGES), lambda: PlainSmallDeepGaitV2("2d", 7)),
    "DeepGaitV2, 3d": (lambda: DeepGaitV2(mode="3d", **STAGES), lambda: PlainSmallDeepGaitV2("3d", 7)),
    "GEINet": (lambda: GEINet(**ENERGY), lambda: PlainGEINet(7, "fc4")),
    "GEINet, fc3": (lambda: GEINet(**ENERGY, embedding="fc3"), lambda: PlainGEINet(7, "fc3")),
}


def clips(channels: int = 1, width: int = 44) -> Tensor:
    coarse = torch.rand(28, channels, 8, 6, generator=torch.Generator().manual_seed(0))
    frames = nn.functional.interpolate(coarse, (64, width), mode="bilinear")
    return (frames > 0.5).float().view(4, 7, channels, 64, width)


def drawn(network: nn.Module) -> nn.Module:
    """Weights and biases of norms random: as they begin, half of their mistakes would not show."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
        if isinstance(module, GEINet):  # or its response normalization would be as good as none
            nn.init.normal_(module.conv1.weight, std=10)
    return network


def gradients(network: nn.Module, frames: Tensor, precision: torch.dtype) -> tuple[GaitOutput, dict[str, Tensor]]:
    """The output, and the gradients of something that all of it enters; in bf16 of what is well conditioned."""
    rough = precision == torch.bfloat16
    with torch.autocast("cpu", dtype=precision, enabled=rough):
        output = network.train()(frames)
    total = output.embeddings.square().mean()
    if not rough:
        for tensor in output.tensors().values():
            total = total + (tensor * torch.linspace(-1, 1, tensor.numel()).to(tensor).view(tensor.shape)).sum()
    total.backward()
    return output, {name: one.grad for name, one in network.named_parameters() if one.grad is not None}


def close(ours: Tensor, theirs: Tensor, tolerance: float, name: str) -> None:
    torch.testing.assert_close(
        ours.to(theirs.dtype), theirs, rtol=0, atol=tolerance * theirs.abs().max().item(), msg=name
    )


@pytest.mark.parametrize("name", NARROW)
def test_equals_its_textbook_form(name):
    """In float64 where the network can, so that nothing but the same computation passes."""
    torch.manual_seed(0)
    wide, tolerance = (torch.float32, 1e-5) if "GEINet" in name else (torch.float64, 1e-9)
    network, plain = (build().to(wide) for build in NARROW[name])
    names = share_weights(plain, drawn(network))
    ours, gradient = gradients(network, clips().to(wide), wide)
    theirs, expected = gradients(plain, clips().to(wide), wide)
    close(ours.embeddings, theirs.embeddings, tolerance, "embeddings")
    assert (ours.logits is None) == (theirs.logits is None)
    if theirs.logits is not None:
        close(ours.logits, theirs.logits, tolerance, "logits")
    assert set(gradient) == {names[one] for one in expected}
    largest = max(value.abs().max().item() for value in expected.values())
    for one, value in expected.items():
        torch.testing.assert_close(
            gradient[names[one]].to(value.dtype), value, rtol=0, atol=tolerance * largest, msg=names[one]
        )


@pytest.mark.parametrize("name", NARROW)
def test_mixed_precision_stays_near_the_textbook_form(name):
    torch.manual_seed(0)
    network, plain = (build() for build in NARROW[name])
    share_weights(plain, network)
    ours, gradient = gradients(network, clips(), torch.bfloat16)
    theirs = plain.train()(clips())
    theirs.embeddings.square().mean().backward()
    close(ours.embeddings, theirs.embeddings, 0.1, "embeddings")
    wanted = torch.cat([one.grad.flatten() for one in plain.parameters() if one.grad is not None]).norm()
    found = torch.cat([value.flatten() for value in gradient.values()]).norm()
    assert (found - wanted).abs() < 0.1 * wanted


@pytest.mark.parametrize(("variant", "codes"), [("cvpr", (9, 0, 5)), ("tpami", (6, 4, 5))])
@torch.no_grad()
def test_gaitnet_equals_its_textbook_form(variant, codes):
    torch.manual_seed(0)
    network = GaitNet(num_subjects=7, variant=variant, codes=codes, width=3, hidden=6, gait_share=0.3)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            torch.nn.init.uniform_(value, 0.5, 1.5) if name.endswith("var") else torch.nn.init.normal_(value, std=0.3)
    network.eval()
    plain, frames = PlainGaitNet(network, variant, codes, 0.3), clips(3, 32)
    ours, theirs = network(frames), plain(frames)
    close(ours.embeddings, theirs.embeddings, 1e-4, "embeddings")
    close(ours.logits, theirs.logits, 1e-4, "logits")
    canonical, appearance, pose = (code.view(4, 7, -1) for code in plain.encode(frames.flatten(0, 1)))
    close(ours.codes.appearance, appearance, 1e-4, "appearance")
    close(ours.codes.pose, pose, 1e-4, "pose")
    if codes[1]:
        close(ours.codes.canonical, canonical, 1e-4, "canonical")
    chosen = torch.tensor([3, 1, 0, 6])
    worn = [code[torch.arange(4), chosen].repeat_interleave(7, dim=0) for code in (canonical, appearance)]
    decoded = network.decode(wear(ours.codes, chosen))
    close(decoded.flatten(0, 1), plain.decode(*worn, pose.flatten(0, 1)), 1e-4, "decoded")
