import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.oracles.training import plain_fit
from tests.training.tiny import Classify, PairLoss, StubBatches, TinySet, train
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.errors import CheckpointError, DataError, RecipeError, TrainingError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.augment import Flip
from walkprint.data.frames import RandomSubset
from walkprint.data.loading import TrainingBatches
from walkprint.data.sampling import SubjectSampler
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.losses.base import Loss, LossValue
from walkprint.losses.triplet import TripletLoss
from walkprint.training.checkpoint import load_weights, read_config
from walkprint.training.loop import Loop
from walkprint.training.run import RunFolder
from walkprint.training.schedule import CosineWithWarmup, MultiStep


def weights(run: Path) -> dict[str, Tensor]:
    return load_file(run / "network" / "network.safetensors")


def assert_same(one: Path, two: Path) -> None:
    for name, tensor in weights(one).items():
        assert torch.equal(tensor, weights(two)[name]), name
    assert (one / "metrics.csv").read_bytes() == (two / "metrics.csv").read_bytes()


class Spoiled(Loss):
    """Not a number from a step on, or a finite value with a gradient that is none."""

    def __init__(self, step: int, *, value: bool = True) -> None:
        super().__init__()
        self.left, self.value = step, value

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        self.left -= 1
        value = output.embeddings.square().mean()
        if self.left > 0:
            return LossValue(value)
        return LossValue(value * math.nan if self.value else (output.embeddings * 0).norm(dim=-1).sqrt().sum())


def test_equals_the_plain_loop(tmp_path: Path) -> None:
    torch.manual_seed(5)
    schedule = CosineWithWarmup(steps=40, warmup_steps=3)
    expected = plain_fit(
        TinySet(),
        {"pair": PairLoss(), "identity": Classify()},
        StubBatches(),
        steps=12,
        optimizer=partial(torch.optim.AdamW, lr=1e-2),
        rate=schedule.factor,
        loss_weights={"pair": 0.5, "identity": 1.0},
        clip_norm=1.0,
        accumulate=2,
        ema_decay=0.9,
    )
    torch.manual_seed(5)
    result = train(tmp_path / "run", network=TinySet())
    for name, tensor in result.network.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-4, atol=1e-6)


def test_compiled_networks_learn_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def compile_quickly(module: torch.nn.Module, **settings: object) -> None:
        compiled.append((module, settings))
        module._compiled_call_impl = torch.compile(module._call_impl, backend="aot_eager", **settings)

    monkeypatch.setattr(torch.nn.Module, "compile", compile_quickly)
    plain = train(tmp_path / "plain")
    quick = train(tmp_path / "quick", compile=True)
    assert [settings for _, settings in compiled] == [{"dynamic": False}]
    for name, tensor in quick.network.state_dict().items():
        torch.testing.assert_close(tensor, plain.network.state_dict()[name], rtol=1e-4, atol=1e-6)
    assert weights(tmp_path / "quick").keys() == weights(tmp_path / "plain").keys()


def test_it_learns(tmp_path: Path) -> None:
    result = train(tmp_path, steps=60, ema_decay=None, accumulate=1, scheduler=None)
    assert result.numbers["identity/loss"] < 0.8
    assert not result.network.training


@pytest.mark.parametrize("stop", [4, 6, 11])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ema_decay": None, "accumulate": 1, "clip_norm": None, "scheduler": None},
        {
            "optimizer": partial(torch.optim.SGD, lr=0.01, momentum=0.9),
            "scheduler": MultiStep([5]),
            "channels_last": True,
        },
        {"scheduler": partial(torch.optim.lr_scheduler.MultiStepLR, milestones=[3, 7])},
        {"precision": "bf16-mixed"},
    ],
    ids=["everything", "plain", "channels-last", "torch's scheduler", "bf16"],
)
def test_interrupted_equals_undisturbed(tmp_path: Path, changes: dict[str, object], stop: int) -> None:
    class Stop(Exception):
        pass

    def interrupt(step: int, numbers: object) -> None:
        if step >= stop:
            raise Stop

    train(tmp_path / "one", **changes)
    with pytest.raises(Stop):
        train(tmp_path / "two", listeners=[interrupt], **changes)
    train(tmp_path / "two", **changes)
    assert_same(tmp_path / "one", tmp_path / "two")


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    train(tmp_path)
    before = weights(tmp_path)
    result = train(tmp_path)
    assert result.step == 12
    assert result.numbers == {}
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(tmp_path).items())


def test_fewer_steps_than_there_are_do_not_turn_back(tmp_path: Path) -> None:
    train(tmp_path, steps=3)
    before = weights(tmp_path)
    result = train(tmp_path, steps=1)
    assert result.step == 3
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(tmp_path).items())


def test_beginning_anew_on_request(tmp_path: Path) -> None:
    train(tmp_path / "one")
    train(tmp_path / "two", seed=8, record={"seed": 8})
    with pytest.raises(RecipeError, match="another recipe"):
        train(tmp_path / "two")
    train(tmp_path / "two", resume=False)
    assert_same(tmp_path / "one", tmp_path / "two")


def test_the_seed_matters(tmp_path: Path) -> None:
    train(tmp_path / "one")
    train(tmp_path / "two", seed=4)
    assert not torch.equal(weights(tmp_path / "one")["project.weight"], weights(tmp_path / "two")["project.weight"])


def test_a_damaged_checkpoint_costs_a_warning(tmp_path: Path) -> None:
    train(tmp_path / "one")
    train(tmp_path / "two", steps=9)
    newest = sorted((tmp_path / "two" / "checkpoints").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="step-000000009"):
        train(tmp_path / "two")
    assert json.loads((tmp_path / "two" / "versions.json").read_text())[-1]["step"] == 8
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_checkpoints_of_another_network_are_refused(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(CheckpointError, match="unknown to the network"):
        train(tmp_path, network=TinySet(classify=False), losses={"pair": PairLoss()})
    with pytest.raises(CheckpointError, match="another setting of the average"):
        train(tmp_path, ema_decay=None)
    with pytest.raises(CheckpointError, match="another recipe"):
        train(tmp_path, optimizer=lambda ps: torch.optim.AdamW([{"params": ps[:2]}, {"params": ps[2:]}]))


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        (Spoiled(13), "step 7: spoiled/loss is nan"),  # two batches in a step
        (Spoiled(13, value=False), "step 7: gradient_norm is nan"),
    ],
)
def test_training_stops_at_what_is_no_number(tmp_path: Path, spoiled: Loss, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        train(tmp_path, losses={"spoiled": spoiled, "pair": PairLoss(), "identity": Classify()})
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-000000004.safetensors"]
    assert not (tmp_path / "network").exists()
    result = train(tmp_path, losses={"spoiled": Spoiled(999), "pair": PairLoss(), "identity": Classify()})
    assert all(torch.isfinite(tensor).all() for tensor in result.network.state_dict().values())


def test_validation_sees_the_averaged_network_and_disturbs_nothing(tmp_path: Path) -> None:
    seen = []

    def validate(network: torch.nn.Module, step: int) -> dict[str, float]:
        assert not network.training
        assert not torch.is_grad_enabled()
        seen.append((step, network.state_dict()["project.weight"].clone()))
        return {"rank-1": step / 100}

    result = train(tmp_path / "one", validate=validate, validate_every=5)
    assert [step for step, _ in seen] == [5, 10, 12]
    assert torch.equal(seen[-1][1], weights(tmp_path / "one")["project.weight"])
    assert result.numbers["validation/rank-1"] == 0.12
    train(tmp_path / "two")
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_listeners_hear_means_and_are_closed(tmp_path: Path) -> None:
    class Listener:
        def __init__(self) -> None:
            self.heard: list[tuple[int, dict[str, float]]] = []
            self.closed = False

        def __call__(self, step: int, numbers: dict[str, float]) -> None:
            self.heard.append((step, numbers))

        def close(self) -> None:
            self.closed = True

    every, third = Listener(), Listener()
    train(tmp_path / "one", steps=6, log_every=1, checkpoint_every=99, listeners=[every])
    train(tmp_path / "two", steps=6, log_every=3, checkpoint_every=99, listeners=[third])
    assert every.closed
    assert [step for step, _ in third.heard] == [3, 6]
    losses = [numbers["loss"] for _, numbers in every.heard]
    assert third.heard[1][1]["loss"] == pytest.approx(sum(losses[3:]) / 3)
    assert set(third.heard[0][1]) == {
        "loss", "pair/loss", "pair/mean_distance", "identity/loss", "gradient_norm", "learning_rate",
    }  # fmt: skip


def test_the_finished_network_is_exported(tmp_path: Path) -> None:
    result = train(tmp_path)
    settings = {"num_subjects": 4, "dropout": 0.3, "noise": 0.1, "classify": True}
    config = read_config(result.run.network)
    assert len(config.pop("weights_sha256")) == 64
    assert config == {"class_path": f"{TinySet.__module__}.TinySet", "init_args": settings}
    twin = TinySet()
    load_weights(twin, result.run.network)
    assert torch.equal(twin.project.weight, result.network.project.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": TinySet(num_subjects=7)}, "write num_subjects: 4"),
        ({"steps": 0}, "steps is 0"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"log_every": 0}, "log_every is 0"),
        ({"checkpoint_every": -1}, "checkpoint_every is -1"),
        ({"validate_every": 0}, "validate_every is 0"),
        ({"clip_norm": 0.0}, "clip_norm is 0"),
        ({"ema_decay": 1.0}, "ema_decay is 1"),
        ({"seed": -1}, "seed is -1"),
        ({"precision": "fp8"}, "precision is 'fp8', expected 32-true or"),
        ({"precision": "16-mixed"}, "needs a GPU"),
        ({"accelerator": "abacus"}, "accelerator 'abacus'"),
        ({"devices": 0}, "devices 0"),
        ({"loss_weights": {"pairs": 1.0}}, "pairs not among the losses pair, identity"),
        ({"loss_weights": {"pair": math.nan}}, "pair is nan"),
        ({"record": {"network": object()}}, "plain data"),
    ],
)
def test_bad_settings_are_named_before_anything_is_written(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        train(tmp_path / "run", **changes)
    assert not (tmp_path / "run" / "recipe.yaml").exists()


def test_losses_are_needed(tmp_path: Path) -> None:
    from walkprint.training.fit import fit

    with pytest.raises(RecipeError, match="at least one"):
        fit(TinySet(), {}, StubBatches(), torch.optim.SGD, Loop(steps=1), tmp_path)


def test_negatives_of_one_view_need_batches_that_name_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="within one view, but recordings are None"):
        train(tmp_path / "run", losses={"triplet": TripletLoss(within=["view"])})


def test_a_run_in_use_is_refused(tmp_path: Path) -> None:
    with RunFolder(tmp_path).lock(), pytest.raises(TrainingError, match="is writing to this run"):
        train(tmp_path)


def test_a_fault_of_the_feed_reaches_the_caller(tmp_path: Path) -> None:
    class Broken(StubBatches):
        def batch(self, step: int, rank: int = 0, processes: int = 1):
            if step == 6:
                raise RecipeError("no such batch")
            return super().batch(step, rank, processes)

    with pytest.raises(RecipeError, match="no such batch"):
        train(tmp_path, batches=Broken())


def test_resident_data_teach_the_same(tmp_path: Path) -> None:
    keys = [SequenceKey(subject, "nm", "01", view) for subject in "abcd" for view in ("000", "090")]
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "store") as writer:
        for key in keys:
            writer.add(Clip(rng.integers(0, 256, (5, 1, 8, 6)).astype(np.uint8), key))
    batches = TrainingBatches(
        Store.open(tmp_path / "store"), chooser=RandomSubset(3), sampler=SubjectSampler(2, 2), augmentations=[Flip()]
    )
    for where in ("host", "device"):
        train(tmp_path / where, batches=batches, resident=where, steps=4)
    assert_same(tmp_path / "host", tmp_path / "device")
