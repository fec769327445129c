"""Networks against their textbook forms, gradients included."""

import pytest
import torch
from tests.oracles.networks import (
    PlainDeepGaitV2,
    PlainGaitBase,
    PlainGaitGL,
    PlainGaitPart,
    PlainGaitSet,
    share_weights,
)

from walkprint.networks import DeepGaitV2, GaitBase, GaitGL, GaitPart, GaitSet

CASES = {
    "GaitSet": (GaitSet, PlainGaitSet),
    "GaitPart": (GaitPart, PlainGaitPart),
    "GaitGL": (lambda: GaitGL(num_subjects=5), lambda: PlainGaitGL(5)),
    "GaitBase": (lambda: GaitBase(num_subjects=5), lambda: PlainGaitBase(5)),
    "DeepGaitV2": (lambda: DeepGaitV2(num_subjects=5), lambda: PlainDeepGaitV2(5)),
}


def gradients(network, frames, precision):
    with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
        output = network.train()(frames)
    target = output.embeddings.square().mean()
    target.backward()
    return output, torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.1)])
def test_equals_its_textbook_form(name, precision, tolerance):
    torch.manual_seed(0)
    network, plain = (build() for build in CASES[name])
    share_weights(plain, network)
    frames = (torch.nn.functional.interpolate(torch.rand(8, 1, 8, 6), (64, 44), mode="bilinear") > 0.5).float()
    ours, gradient = gradients(network, frames.view(2, 4, 1, 64, 44), precision)
    theirs, expected = gradients(plain, frames.view(2, 4, 1, 64, 44), torch.float32)
    limit = tolerance * theirs.embeddings.abs().max().item()
    torch.testing.assert_close(ours.embeddings, theirs.embeddings, rtol=0, atol=limit)
    assert gradient.shape == expected.shape
    assert (gradient.norm() - expected.norm()).abs() < tolerance * expected.norm()
