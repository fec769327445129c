"""The smallest training of a generator with everything on; also run in a process of its own to be killed."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from tests.generation.miniatures import tiny_store

from walkprint.data.store import Store
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.batches import FrameBatches
from walkprint.generation.monitor import DiversityMonitor
from walkprint.training.fit_generator import GeneratorResult, fit_generator
from walkprint.training.loop import Loop
from walkprint.training.run import RunFolder


def train_generator(
    store: Path, run: Path, steps: int = 20, model: dict[str, Any] | None = None, **changes: Any
) -> GeneratorResult:
    """A run of three stages: settings of the model; arguments, settings of the loop, or the record."""
    opened = Store.open(store) if store.exists() else tiny_store(store)
    batches = FrameBatches(opened, opened.keys, batch_size=4, seed=2)
    torch.manual_seed(5)
    settings: dict[str, Any] = {"widths": [2, 4, 4, 4], "latent_size": 4, "borrow": 0.5}
    settings |= model or {}
    names = batches.names
    built = AEGuidedGAN(subjects=names.subjects, conditions=names.conditions, views=names.views, **settings)
    arguments: dict[str, Any] = {
        "record": {"generator": {"class_path": "AEGuidedGAN", "init_args": settings}},
        "seed": 3,
        "accelerator": "cpu",
        "precision": "bf16-mixed",
        "channels_last": True,
        "ema_decay": 0.9,
        "clip_norm": 1.0,
        "log_every": 3,
        "checkpoint_every": 2,
        "watch": DiversityMonitor(every=5, pairs=4, warn_below=0, stop_below=0, labels_below=0),
        **changes,
    }
    loop = {one.name: arguments.pop(one.name) for one in fields(Loop) if one.name in arguments}
    folder = RunFolder(run, arguments.pop("record"))
    return fit_generator(built, batches, Loop(steps=steps, **loop), folder, **arguments)


def train_alone(store: Path, run: Path) -> None:
    """As `train_generator`, long, in a process of its own."""
    torch.set_num_threads(1)
    train_generator(store, run, steps=60)
