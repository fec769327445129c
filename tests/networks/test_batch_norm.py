import pytest
import torch
from torch import nn

from walkprint.networks.batch_norm import BatchNorm2d


def pair(channels: int, dtype: torch.dtype = torch.float64) -> tuple[BatchNorm2d, nn.BatchNorm2d]:
    ours, plain = BatchNorm2d(channels).to(dtype), nn.BatchNorm2d(channels).to(dtype)
    with torch.no_grad():
        ours.weight.normal_(), ours.bias.normal_()
    plain.load_state_dict(ours.state_dict())
    return ours, plain


@pytest.mark.parametrize("shape", [(3, 8, 6, 5), (1, 2, 4, 4), (4, 3, 1, 1)])
def test_equals_plain_batch_norm_with_gradients(shape):
    ours, plain = pair(shape[1])
    usual = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    last = usual.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    weights = torch.randn(shape, dtype=torch.float64)
    for network, frames in ((ours, last), (plain, usual)):
        (network(frames) * weights).sum().backward()
    torch.testing.assert_close(last.grad, usual.grad)
    torch.testing.assert_close(ours.weight.grad, plain.weight.grad)
    torch.testing.assert_close(ours.bias.grad, plain.bias.grad)
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    torch.testing.assert_close(ours.eval()(last), plain.eval()(usual))


def test_long_batches_keep_their_mean():
    ours, _ = pair(1, torch.float32)
    ours.momentum = 1.0
    frames = torch.rand(2000, 1, 64, 44).view(2000, 64, 44, 1).permute(0, 3, 1, 2)
    assert frames.is_contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        ours(frames)
    assert ours.running_mean.item() == pytest.approx(frames.double().mean().item(), rel=1e-6)
    assert ours.running_var.item() == pytest.approx(frames.double().var().item(), rel=1e-6)


def test_gradient_flows_when_parameters_are_frozen():
    ours, _ = pair(3)
    ours.requires_grad_(False)
    frames = torch.randn(2, 3, 4, 4, dtype=torch.float64).contiguous(memory_format=torch.channels_last).requires_grad_()
    assert torch.autograd.gradcheck(ours, frames)
