"""SDEdit: one noise for a take; little noise changes little; the loss is that of the flow from noise to frames."""

import pytest
import torch
from tests.oracles import flows as slow

from walkprint.generation.batches import GeneratorBatch
from walkprint.generation.labels import Labels
from walkprint.generation.sdedit import SDEdit

NAMES = {"subjects": ("a", "b"), "conditions": ("cl", "nm"), "views": ("000", "090"), "widths": (4, 4, 8, 8)}


def build(**settings):
    torch.manual_seed(0)
    return SDEdit(**NAMES, hidden=8, **settings).eval()


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(1)
    frames, sources = torch.randint(0, 256, (2, 4, 1, 64, 64), generator=rng, dtype=torch.uint8)
    labels = Labels(*torch.tensor([[0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 1, 1]]))
    return GeneratorBatch(frames, labels, sources, labels)


def test_the_loss_is_that_of_the_flow_from_noise_to_frames(batch):
    model = build()
    (phase,) = model.stages()[0].phases
    found = phase.loss(batch, torch.Generator().manual_seed(3)).value.item()
    rng = torch.Generator().manual_seed(3)
    noise = torch.randn(batch.frames.shape, generator=rng)
    times = torch.rand(4, generator=rng)
    frames = batch.frames.float() / 127.5 - 1
    rows = iter(range(4))

    def velocity(point, time):
        row = slice(i := next(rows), i + 1)
        with torch.no_grad():
            return model.velocity(torch.as_tensor(point)[None], torch.as_tensor(time)[None], batch.labels[row])[
                0
            ].numpy()

    assert found == pytest.approx(slow.flow_loss(velocity, noise.numpy(), frames.numpy(), times.numpy()), rel=1e-4)


def test_frames_of_a_take_agree(batch):
    """Equal frames become equal frames, whichever others are drawn beside them."""
    model, zeros = build(), torch.zeros(4, dtype=torch.int64)
    labels = Labels(zeros, zeros, zeros)
    same = batch.sources[:1].expand(4, -1, -1, -1)
    frames = model.sample(same, labels, torch.Generator().manual_seed(2))
    assert all(torch.equal(one, frames[0]) for one in frames)
    mixed = torch.cat([batch.sources[:1], batch.sources[1:]])
    torch.testing.assert_close(
        model.sample(mixed, labels, torch.Generator().manual_seed(2))[0].int(), frames[0].int(), rtol=0, atol=1
    )
    assert not torch.equal(frames, model.sample(same, labels, torch.Generator().manual_seed(5)))


def test_little_noise_changes_little(batch):
    labels = batch.labels
    changes = [
        float((build(strength=s).sample(batch.sources, labels, torch.Generator()).float() - batch.sources).abs().mean())
        for s in (1e-3, 0.1, 0.8)
    ]
    assert changes[0] < 1
    assert changes[0] < changes[1] < changes[2]
