"""OpenGait's own files, unmodified, on a CPU: stand-ins for CUDA, NCCL and its message manager, and its rows."""

import importlib.util
import json
import os
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml

Row = Callable[[], object]
CONFIGS = {
    "GaitSet": "gaitset/gaitset",
    "GaitPart": "gaitpart/gaitpart",
    "GaitGL": "gaitgl/gaitgl",
    "GaitBase": "gaitbase/gaitbase_da_casiab",
    "DeepGaitV2": "deepgaitv2/DeepGaitV2_casiab",
}


def stand_in(checkout: Path) -> None:
    """Make the checkout importable on a machine without CUDA."""
    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = lambda self, *_, **__: self
    torch.cuda.set_device = lambda *_: None
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    fake = torch.library.register_fake  # a torchvision for CUDA beside torch for the CPU lacks its operators
    torch.library.register_fake = lambda *_, **__: lambda function: function
    import torchvision  # noqa: F401

    torch.library.register_fake = fake
    sys.path.insert(0, str(checkout / "opengait"))
    os.chdir(checkout)
    import utils

    quiet = utils.NoOp()
    utils.get_msg_mgr = lambda: quiet
    import modeling.base_model

    modeling.base_model.BaseModel.to = lambda self, *_, **__: self
    finder = _Absent()
    sys.meta_path.append(finder)
    import modeling.models

    sys.meta_path.remove(finder)


class _Absent:
    """Empty modules for libraries that only networks beside the five need."""

    NAMES = ("fvcore", "imageio", "kornia", "lightly", "transformers", "xformers")

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        if name.split(".", maxsplit=1)[0] in self.NAMES:
            return importlib.util.spec_from_loader(name, self, is_package=True)
        return None

    def create_module(self, spec: object) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: type(name, (torch.nn.Module,), {}) if name[:2] != "__" else _missing(name)
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        module.__path__ = []


def _missing(name: str) -> None:
    raise AttributeError(name)


def settings_of(name: str, data: Path, batch: tuple[int, int], frames: int) -> dict[str, object]:
    """A network's published configuration, on our data, with small batches."""
    import utils

    settings = yaml.safe_load(Path("configs/default.yaml").read_text())
    utils.MergeCfgsDict(yaml.safe_load(Path(f"configs/{CONFIGS[name]}.yaml").read_text()), settings)
    settings["data_cfg"] |= {"dataset_root": str(data / "pickles"), "num_workers": 0}
    settings["data_cfg"]["dataset_partition"] = str(data / "partition.json")
    settings["trainer_cfg"] |= {"enable_float16": False, "with_test": False}
    settings["trainer_cfg"]["sampler"] |= {"batch_size": list(batch), "frames_num_fixed": frames}
    settings["trainer_cfg"].setdefault("transform", [{"type": "BaseSilCuttingTransform"}])
    return settings


def write_pickles(data: Path) -> None:
    """The sequences of our store as OpenGait keeps them."""
    from walkprint.data.store import Store

    store = Store.open(data / "store")
    for key in store.keys:
        place = data / "pickles" / key.subject / f"{key.condition}-{key.take}" / key.view
        place.mkdir(parents=True, exist_ok=True)
        with (place / f"{key.view}.pkl").open("wb") as file:
            pickle.dump(store.read(key).frames[:, 0], file)
    everybody = sorted({key.subject for key in store.keys})
    (data / "partition.json").write_text(json.dumps({"TRAIN_SET": everybody, "TEST_SET": everybody}))


class Rows:
    """What OpenGait does in each row."""

    def __init__(self, checkout: Path, data: Path, steps: dict[str, int], batch: tuple[int, int]) -> None:
        stand_in(checkout)
        self.checkout, self.data, self.steps, self.batch = checkout, data, steps, batch
        self._models: dict[tuple[str, tuple[int, int], int], object] = {}
        self._batches: dict[object, object] = {}

    def row(self, name: str, detail: str) -> Row:
        """What a row calls."""
        return {
            "prepare": self.prepare,
            "feed": lambda: self.feed("GaitSet"),
            "augmented feed": lambda: self.feed("GaitBase"),
            "training step": lambda: self.step(detail),
            "embedding": lambda: self.embed(detail),
            "table": self.table,
        }[name]

    def prepare(self) -> None:
        """PNG files to aligned frames in pickles."""
        spec = importlib.util.spec_from_file_location("pretreatment", self.checkout / "datasets" / "pretreatment.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for folder in sorted((self.data / "png").glob("*/*/*")):
            out = self.data / "made"
            module.imgs2pickle((folder.parts[-3:], sorted(folder.glob("*.png"))), out)

    def model(self, name: str, batch: tuple[int, int], frames: int) -> object:
        """A network with its feed."""
        from modeling import models

        if (name, batch, frames) not in self._models:
            settings = settings_of(name, self.data, batch, frames)
            made = getattr(models, settings["model_cfg"]["model"])(settings, training=True)
            self._models[name, batch, frames] = made, iter(made.train_loader)
        return self._models[name, batch, frames]

    def feed(self, name: str) -> None:
        """One batch, as its network takes it."""
        model, loader = self.model(name, (8, 16), 30)
        model.inputs_pretreament(next(loader))

    def step(self, name: str) -> None:
        """One training step, its batch included."""
        model, loader = self.model(name, self.batch, self.steps[name])
        model.train()
        output = model(model.inputs_pretreament(next(loader)))
        loss, _ = model.loss_aggregator(output["training_feat"])
        model.train_step(loss)

    def embed(self, name: str) -> None:
        """One clip of 40 frames."""
        model, _ = self.model(name, self.batch, self.steps[name])
        model.eval()
        clip = torch.from_numpy(np.load(self.data / "clip.npy"))[None, :, :, 10:54].float() / 255
        one = torch.zeros(1, 1, dtype=torch.int64)
        with torch.no_grad():
            model(([clip], one[0], ["nm-01"], ["090"], torch.full((1, 1), clip.shape[1], dtype=torch.int32)))

    def table(self) -> list[float]:
        """Rank-1 by condition, identical views left out."""
        from evaluation import evaluator

        found = np.load(self.data / "table.npz")
        answer = evaluator.single_view_gallery_evaluation(
            found["vectors"].transpose(0, 2, 1), found["subject"], found["type"], found["view"], "CASIA-B", "euc"
        )
        return [float(number) for number in answer.values()]
