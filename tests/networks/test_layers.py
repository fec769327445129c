"""Every layer that networks are made of, against its definition in loops; what a layer draws and refuses."""

from collections.abc import Sequence

import pytest
import torch
from tests.oracles import layers as slow
from torch import Tensor, nn

from walkprint.core.errors import DataError, RecipeError
from walkprint.networks.batch_norm import BatchNorm2d
from walkprint.networks.deepgait_v2 import PseudoBlock, SpaceTimeBlock, TimeConv
from walkprint.networks.gaitgl import GlobalLocal, RowMean
from walkprint.networks.gaitpart import PartConv, ShortMovements
from walkprint.networks.layers import (
    ConvPair,
    NormalizedNeck,
    PartLinear,
    ResidualBlock,
    StripPooling,
    cut_strips,
    fold_time,
    initialize,
    join_strips,
    over_time,
    per_frame,
    pool_time,
)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(layer):
    """In float64, every parameter random: also those that begin as 0 or 1."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in layer.double().parameters():
            parameter.normal_(generator=generator)
    return layer


def norms(*layers: nn.Module) -> list[tuple[Tensor, Tensor]]:
    return [(layer.weight, layer.bias) for layer in layers]


def layouts(pictures: Tensor) -> Sequence[Tensor]:
    """The same pictures as torch holds them usually, and channels-last."""
    return pictures.contiguous(), pictures.contiguous(memory_format=torch.channels_last)


def same(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def test_folding_and_unfolding_time_keep_every_frame_in_its_place():
    frames = random(2, 3, 4, 5, 6)
    folded = fold_time(frames)
    for half in (frames, frames.float()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            last = fold_time(half)
        assert last.is_contiguous(memory_format=torch.channels_last)
        same(last.double(), half.flatten(0, 1).double())
    assert folded.is_contiguous()
    clips = over_time(folded, 2)
    assert clips.shape == (2, 4, 3, 5, 6)
    for clip in range(2):
        for moment in range(3):
            assert torch.equal(folded[3 * clip + moment], frames[clip, moment])
            assert torch.equal(clips[clip, :, moment], frames[clip, moment])
    assert torch.equal(per_frame(clips), folded)
    largest = pool_time(folded, 2)
    assert largest.shape == (2, 4, 5, 6)
    assert largest[1, 2, 3, 4] == max(frames[1, moment, 2, 3, 4] for moment in range(3))


def test_strips_are_cut_top_to_bottom_and_joined_again():
    for pictures in layouts(random(3, 2, 6, 5)):
        assert cut_strips(pictures, 1) is pictures
        cut = cut_strips(pictures, 3)
        assert cut.shape == (9, 2, 2, 5)
        for clip in range(3):
            for strip, expected in enumerate(slow.strips_of(pictures, 3)):
                assert torch.equal(cut[3 * clip + strip], expected[clip])
        assert torch.equal(join_strips(cut, 3), pictures)
    with pytest.raises(DataError, match="6 rows cannot be cut into 4 equal strips"):
        cut_strips(random(1, 1, 6, 5), 4)


@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize(("kernel", "strips", "pool"), [(5, 1, True), (3, 2, True), (3, 4, False)])
def test_pair_of_convolutions(kernel, strips, pool, normed):
    layer = drawn(ConvPair(2, 3, kernel=kernel, pool=pool, batch_norm=normed, strips=strips))
    for pictures in layouts(random(2, 2, 8, 6)):
        expected = slow.conv_pair(
            pictures, layer.conv1.weight, layer.conv2.weight, strips=strips, pool=pool,
            norms=norms(layer.norm1, layer.norm2) if normed else [],
        )  # fmt: skip
        same(layer(pictures), expected)


@pytest.mark.parametrize(("inputs", "stride", "shortcut"), [(3, 1, False), (2, 1, True), (3, 2, True)])
def test_residual_block(inputs, stride, shortcut):
    layer = drawn(ResidualBlock(inputs, 3, stride=stride))
    first, second = norms(layer.norm1, layer.norm2)
    for pictures in layouts(random(2, inputs, 6, 4)):
        inner = slow.picture_norm(slow.convolution(pictures, layer.conv1.weight, stride=stride), *first).clamp(min=0)
        inner = slow.picture_norm(slow.convolution(inner, layer.conv2.weight), *second)
        beside = pictures
        if shortcut:
            conv, norm = layer.shortcut
            beside = slow.picture_norm(slow.convolution(pictures, conv.weight, stride=stride), norm.weight, norm.bias)
        same(layer(pictures), (inner + beside).clamp(min=0))


def in_time(pictures: Tensor, weight: Tensor, batch: int, *, stride: int = 1) -> Tensor:
    clips = pictures.unflatten(0, (batch, -1))
    return torch.cat([slow.convolution_in_time(clip, weight, stride=stride) for clip in clips])


def test_convolution_over_time():
    layer = drawn(TimeConv(2, 3, (3, 3, 3), stride=2))
    frames = random(8, 2, 6, 4)  # two clips of four frames
    same(layer(frames, 2), in_time(frames, layer.weight, 2, stride=2))


@pytest.mark.parametrize(
    ("kind", "inputs", "stride"),
    [(PseudoBlock, 2, 2), (SpaceTimeBlock, 2, 2), (PseudoBlock, 3, 1), (SpaceTimeBlock, 3, 1)],
)
def test_residual_block_that_sees_time(kind, inputs, stride):
    layer, batch = drawn(kind(inputs, 3, stride=stride)), 2
    frames = random(6, inputs, 4, 4)
    if kind is PseudoBlock:
        inner = slow.convolution(frames, layer.conv1.weight, stride=stride)
        inner = slow.picture_norm(inner, layer.norm1.weight, layer.norm1.bias).clamp(min=0)
        temporal = layer.temporal_norm
        moved = slow.picture_norm(in_time(inner, layer.temporal.weight, batch), temporal.weight, temporal.bias)
        inner = slow.convolution((inner + moved).clamp(min=0), layer.conv2.weight)
    else:
        inner = in_time(frames, layer.conv1.weight, batch, stride=stride)
        inner = slow.picture_norm(inner, layer.norm1.weight, layer.norm1.bias).clamp(min=0)
        inner = in_time(inner, layer.conv2.weight, batch)
    inner = slow.picture_norm(inner, layer.norm2.weight, layer.norm2.bias)
    beside = frames
    if isinstance(layer.shortcut, nn.Sequential):
        conv, norm = layer.shortcut
        beside = slow.picture_norm(in_time(frames, conv.weight, batch, stride=stride), norm.weight, norm.bias)
    else:
        assert (inputs, stride) == (3, 1)
    same(layer(frames, batch), (inner + beside).clamp(min=0))


def test_pyramid_of_strips():
    layer = StripPooling((4, 2, 1))
    assert layer.parts == 7
    for pictures in layouts(random(2, 3, 8, 5)):
        same(layer(pictures), slow.pooled_strips(pictures, (4, 2, 1)))
    with pytest.raises(DataError, match="40 positions cannot be cut into 3 equal strips"):
        StripPooling((3,))(random(2, 3, 8, 5))
    for wrong in ((), (4, 0)):
        with pytest.raises(RecipeError, match="at least one positive count"):
            StripPooling(wrong)


def test_linear_map_of_every_part():
    layer = drawn(PartLinear(3, 4, 5))
    features = random(2, 3, 4)
    same(layer(features), slow.part_linear(features, layer.weight))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer.float()(features.bfloat16()), layer(features.bfloat16().float()))


def test_neck_normalizes_features_and_every_subject_s_direction():
    """Parts, features and subjects of three sizes: an axis confused with another cannot pass."""
    layer = drawn(NormalizedNeck(2, 5, 3))
    embeddings = random(4, 2, 5, seed=1)
    normed = slow.batch_norm(embeddings.flatten(1), layer.norm.weight, layer.norm.bias).view(4, 2, 5)
    logits = layer(embeddings)
    same(logits, slow.cosines(normed, layer.weight))
    assert logits.abs().max() <= 1
    (gradient,) = torch.autograd.grad((logits * random(4, 2, 3, seed=2)).sum(), layer.weight)
    weight = layer.weight.detach().clone().requires_grad_()
    (expected,) = torch.autograd.grad((slow.cosines(normed.detach(), weight) * random(4, 2, 3, seed=2)).sum(), weight)
    same(gradient, expected)
    assert gradient.abs().max() > 0.1


def test_neck_in_evaluation_takes_the_running_statistics():
    layer = drawn(NormalizedNeck(2, 5, 3)).eval()
    layer.norm.running_mean = random(10, seed=4)
    layer.norm.running_var = random(10, seed=5).square()
    embeddings = random(4, 2, 5)
    scale = layer.norm.weight / (layer.norm.running_var + 1e-5) ** 0.5
    normed = (embeddings.flatten(1) - layer.norm.running_mean) * scale + layer.norm.bias
    same(layer(embeddings), slow.cosines(normed.view(4, 2, 5), layer.weight))


def test_neck_computes_in_float32_under_mixed_precision():
    layer = drawn(NormalizedNeck(2, 5, 3)).float()
    embeddings = random(4, 2, 5).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = layer(embeddings)
    assert torch.equal(rough, layer(embeddings))


@pytest.mark.parametrize("stacked", [False, True])
def test_global_and_local_convolution(stacked):
    layer = drawn(GlobalLocal(2, 3, strips=2, stacked=stacked))
    features = random(2, 2, 3, 4, 5)  # (batch, channel, time, height, width)
    expected = []
    for clip in features.transpose(1, 2):
        whole = slow.leaky(slow.convolution_in_time(clip, layer.whole.weight))
        local = torch.cat([slow.convolution_in_time(strip, layer.local.weight) for strip in slow.strips_of(clip, 2)], 2)
        joined = torch.cat([whole, slow.leaky(local)], dim=2) if stacked else whole + slow.leaky(local)
        expected.append(joined.transpose(0, 1))
    same(layer(features), torch.stack(expected))
    with pytest.raises(DataError, match="5 rows cannot be cut into 2 equal strips"):
        layer(random(1, 2, 3, 5, 4))


@pytest.mark.parametrize("power", [6.5, 1.0, 3.0])
def test_generalized_mean_of_rows(power):
    layer = RowMean(power).double()
    features = random(2, 3, 4, 5)
    same(layer(features), slow.row_means(features, power))


@pytest.mark.parametrize("kernel", [1, 3])
def test_convolution_over_time_of_every_part(kernel):
    layer = drawn(PartConv(3, 4, 2, kernel))
    features = random(2, 3, 4, 5)
    same(layer(features), slow.part_convolution(features, layer.weight))


@pytest.mark.parametrize(("kernel", "window"), [(1, 3), (3, 5)])
@pytest.mark.parametrize("time", [1, 2, 6])
def test_short_movements(kernel, window, time):
    layer = drawn(ShortMovements(3, 4, squeeze=2, kernel=kernel, window=window))
    features = random(2, 3, 4, time)
    same(layer(features), slow.short_movements(features, layer.conv1.weight, layer.conv2.weight, window))


def test_batch_norm_in_loops():
    """The statistics of its own way, which channels-last pictures take on the processor."""
    layer = drawn(BatchNorm2d(3))
    pictures = layouts(random(4, 3, 2, 5))[1]
    same(layer(pictures), slow.picture_norm(pictures, layer.weight, layer.bias))
    for channel in range(3):
        values = pictures[:, channel].flatten()
        mean = sum(values) / 40
        unbiased = sum((value - mean) ** 2 for value in values) / 39
        same(layer.running_mean[channel], 0.1 * mean)
        same(layer.running_var[channel], 0.9 + 0.1 * unbiased)
    assert layer.num_batches_tracked == 1
    running = layer.running_mean.clone(), layer.running_var.clone()
    ours = layer.eval()(pictures)
    assert torch.equal(layer.running_mean, running[0])
    scale = layer.weight / (running[1] + layer.eps).sqrt()
    expected = (pictures - running[0].view(-1, 1, 1)) * scale.view(-1, 1, 1) + layer.bias.view(-1, 1, 1)
    same(ours, expected)


def reaches(weight: Tensor, bound: float) -> None:
    """Weights drawn uniformly from -bound to bound: none beyond it, and some close to it."""
    assert 0.8 * bound < weight.abs().max() <= bound


def test_first_weights_are_drawn_by_glorot_s_rule():
    torch.manual_seed(0)
    reaches(PartLinear(3, 20, 30).weight, (6 / (20 * 30 + 3 * 30)) ** 0.5)  # over all three axes on purpose
    reaches(NormalizedNeck(3, 20, 30).weight, (6 / (20 * 30 + 3 * 30)) ** 0.5)
    for weight in PartConv(3, 8, 6, 3).weight:
        reaches(weight, (6 / (8 * 3 + 6 * 3)) ** 0.5)
    network = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Conv3d(2, 6, 3), nn.Linear(40, 50), nn.Conv1d(4, 6, 3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(9.0)
    initialize(network)
    for layer, bound in zip(network, (6 / 90, 6 / 216, 6 / 90, 6 / 30), strict=True):
        reaches(layer.weight, bound**0.5)
        assert not layer.bias.any()
