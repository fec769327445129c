"""Configurations in the reference's spelling become the recipes that we ship for the same runs."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from walkprint.cli import main
from walkprint.core.errors import RecipeError
from walkprint.data.prepare import prepare
from walkprint.data.walkers import Walkers
from walkprint.networks.base import Network
from walkprint.recipes.classes import build
from walkprint.recipes.from_opengait import recipe_from_opengait
from walkprint.recipes.recipe import Recipe, load_recipe, read_entry
from walkprint.recipes.training import train

ROOT = Path(__file__).resolve().parents[2]
TRIPLET = {"type": "TripletLoss", "margin": 0.2, "loss_term_weight": 1.0, "log_prefix": "triplet"}
SOFTMAX = {"type": "CrossEntropyLoss", "scale": 16, "loss_term_weight": 1.0, "log_prefix": "identity"}
SGD = {"lr": 0.1, "momentum": 0.9, "solver": "SGD", "weight_decay": 5e-4}
CUT = {"type": "BaseSilCuttingTransform"}


def config(
    name: str,
    model: dict[str, Any],
    loss: object,
    optimizer: object,
    milestones: list[int],
    steps: int,
    sampler: object,
) -> dict[str, Any]:
    return {
        "data_cfg": {"dataset_name": name, "dataset_root": "your_path", "num_workers": 1, "test_dataset_name": name},
        "evaluator_cfg": {"restore_hint": steps, "metric": "euc", "sampler": {"batch_size": 16}},
        "loss_cfg": loss,
        "model_cfg": model,
        "optimizer_cfg": optimizer,
        "scheduler_cfg": {"scheduler": "MultiStepLR", "gamma": 0.1, "milestones": milestones},
        "trainer_cfg": {
            "enable_float16": True, "log_iter": 10, "save_iter": 1000, "total_iter": steps, "restore_hint": 0,
            "sampler": {"type": "TripletSampler", "frames_num_fixed": 30, "frames_num_max": 50, **sampler},
            "transform": [CUT],
        },
    }  # fmt: skip


CONFIGS = {
    "casia_b/gaitset": config(
        "CASIA-B",
        {
            "model": "GaitSet", "in_channels": [1, 32, 64, 128], "bin_num": [16, 8, 4, 2, 1],
            "SeparateFCs": {"in_channels": 128, "out_channels": 256, "parts_num": 62},
        },
        TRIPLET, SGD, [10000, 20000, 30000], 40000, {"batch_size": [8, 16], "sample_type": "fixed_unordered"},
    ),
    "casia_b/gaitpart": config(
        "CASIA-B",
        {
            "model": "GaitPart", "bin_num": [16], "TFA": {"in_channels": 128, "parts_num": 16},
            "backbone_cfg": {
                "in_channels": 1, "type": "Plain",
                "layers_cfg": ["BC-32", "BC-32", "M", "FC-64-2", "FC-64-2", "M", "FC-128-3", "FC-128-3"],
            },
            "SeparateFCs": {"in_channels": 128, "out_channels": 128, "parts_num": 16},
        },
        TRIPLET, {"lr": 1e-4, "momentum": 0.9, "solver": "Adam", "weight_decay": 0.0}, [100000], 120000,
        {"batch_size": [8, 16], "sample_type": "fixed_ordered", "frames_skip_num": 10},
    ),
    "casia_b/gaitgl": config(
        "CASIA-B", {"model": "GaitGL", "channels": [32, 64, 128], "class_num": 74},
        [TRIPLET, {**SOFTMAX, "scale": 1, "label_smooth": False}],
        {"lr": 1e-4, "solver": "Adam", "weight_decay": 5e-4}, [70000], 80000,
        {"batch_size": [8, 8], "sample_type": "fixed_ordered", "frames_skip_num": 0},
    ),
    "casia_b/gaitbase": config(
        "CASIA-B",
        {
            "model": "Baseline", "bin_num": [16],
            "backbone_cfg": {
                "type": "ResNet9", "block": "BasicBlock", "channels": [64, 128, 256, 512],
                "layers": [1, 1, 1, 1], "strides": [1, 2, 2, 1], "maxpool": False,
            },
            "SeparateFCs": {"in_channels": 512, "out_channels": 256, "parts_num": 16},
            "SeparateBNNecks": {"class_num": 74, "in_channels": 256, "parts_num": 16},
        },
        [TRIPLET, SOFTMAX], SGD, [20000, 40000, 50000], 60000,
        {"batch_size": [8, 16], "sample_type": "fixed_unordered"},
    ),
    "casia_b/deepgait_v2": config(
        "CASIA-B",
        {
            "model": "DeepGaitV2", "SeparateBNNecks": {"class_num": 74},
            "Backbone": {"in_channels": 1, "mode": "p3d", "layers": [1, 1, 1, 1], "channels": [64, 128, 256, 512]},
        },
        [TRIPLET, SOFTMAX], SGD, [20000, 40000, 50000], 60000,
        {"batch_size": [8, 16], "sample_type": "fixed_ordered", "frames_skip_num": 4},
    ),
}  # fmt: skip
ROTATE, ERASE = {"type": "RandomRotate", "prob": 0.3}, {"type": "RandomErasing", "prob": 0.3}
CONFIGS["casia_b/gaitbase"]["trainer_cfg"]["transform"] = [{"type": "Compose", "trf_cfg": [CUT, ROTATE, ERASE]}]
CONFIGS["casia_b/deepgait_v2"]["trainer_cfg"]["transform"] = [
    {"type": "Compose", "trf_cfg": [
        {"type": "RandomPerspective", "prob": 0.2}, CUT, {"type": "RandomHorizontalFlip", "prob": 0.2},
        {"type": "RandomRotate", "prob": 0.2},
    ]}
]  # fmt: skip


def resolved(file: Path) -> dict[str, Any]:
    """A recipe with every default spelled out."""
    settings = read_entry(Recipe, file).plain()
    settings.pop("recipe", None)
    settings["loss_weights"] = {name: (settings["loss_weights"] or {}).get(name, 1.0) for name in settings["losses"]}
    return json.loads(json.dumps(settings, default=str))


def written(plain: object, folder: Path) -> Path:
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(plain))
    return file


@pytest.mark.parametrize("name", CONFIGS)
def test_the_recipe_is_the_one_that_we_ship(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(CONFIGS[name], tmp_path)
    assert main(["import-opengait-config", str(file), "--out", str(tmp_path / "recipe.yaml")]) == 0
    assert "not mapped: data_cfg.num_workers: 1" in capsys.readouterr().out
    text = (tmp_path / "recipe.yaml").read_text()
    assert text.count("# Not mapped:") == 2  # the workers and the evaluator
    assert resolved(tmp_path / "recipe.yaml") == resolved(ROOT / "recipes" / f"{name}.yaml")


def unmapped(plain: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], list[str]]:
    assert main(["import-opengait-config", str(written(plain, tmp_path)), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    return told["recipe"], told["unmapped"]


def test_what_is_not_mapped_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = deepcopy(CONFIGS["casia_b/gaitbase"])
    plain["data_cfg"]["dataset_name"] = "Gait3D"
    plain["loss_cfg"].append({"type": "CenterLoss"})
    plain["trainer_cfg"]["transform"].append({"type": "RandomBlur"})
    plain["trainer_cfg"]["fix_BN"] = True
    plain["model_cfg"]["SeparateFCs"]["norm"] = True
    plain["scheduler_cfg"] = {"scheduler": "CosineAnnealingLR", "T_max": 60000, "eta_min": 1e-3}
    recipe, left = unmapped(plain, tmp_path, capsys)
    for expected in ("Gait3D", "CenterLoss", "RandomBlur", "trainer_cfg.fix_BN: True", "SeparateFCs.norm: True"):
        assert any(expected in one for one in left), expected
    assert recipe["data"] == {"root": "stores/gait3d"}
    assert any("set data.partition" in one for one in left)
    plain["data_cfg"]["dataset_partition"] = "./datasets/Gait3D/Gait3D.json"
    recipe, left = unmapped(plain, tmp_path, capsys)
    assert recipe["data"] == {"root": "stores/gait3d", "partition": "./datasets/Gait3D/Gait3D.json"}
    assert any("correct data.partition" in one for one in left)
    assert recipe["scheduler"]["init_args"] == {"steps": 60000, "final": pytest.approx(0.01)}


def test_large_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = deepcopy(CONFIGS["casia_b/gaitgl"])
    plain["data_cfg"]["dataset_name"] = "OUMVLP"
    plain["model_cfg"] = {"model": "GaitGL", "channels": [32, 64, 128, 256], "class_num": 5153}
    recipe, _ = unmapped(plain, tmp_path, capsys)
    assert recipe["data"] == {"root": "stores/ou-mvlp"}
    network = build(Network, recipe["network"])
    assert [len(stage) for stage in network.stages] == [2, 2, 2]
    assert network.num_subjects == 5153


SMALL = {
    "GaitSet": {"channels": [16, 16, 16], "feature": 4},
    "GaitPart": {"channels": [16, 16, 16], "feature": 4},
    "GaitGL": {"channels": [16, 16, 16, 16], "num_subjects": 2},
    "GaitBase": {"channels": [16, 16, 16, 16], "feature": 4, "num_subjects": 2},
    "DeepGaitV2": {"channels": [16, 16, 16, 16], "num_subjects": 2},
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered people in a store, and a partition beside it in which two of three train."""
    folder = tmp_path_factory.mktemp("people")
    prepare(Walkers(subjects=3, train=3, views=("090",), frames=12, takes={"nm": 2}), folder / "store", workers=1)
    (folder / "split.json").write_text(json.dumps({"TRAIN_SET": ["001", "003", "999"], "TEST_SET": ["002"]}))
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_every_kind_of_converted_recipe_trains(name: str, people: Path, tmp_path: Path) -> None:
    plain = deepcopy(CONFIGS[name])
    plain["data_cfg"] |= {"dataset_name": "Own", "dataset_partition": str(people / "split.json")}
    recipe, _ = recipe_from_opengait(written(plain, tmp_path))
    kind = recipe["network"]["class_path"]
    changes = {f"network.{setting}": value for setting, value in SMALL[kind].items()}
    changes |= {"data.root": str(people / "store"), "schedule.steps": 2, "schedule.subjects_per_batch": 2}
    changes |= {"schedule.clips_per_subject": 2, "precision": "32-true", "frames.count": 6}
    changes |= {"frames.window": 8} if "window" in recipe["frames"]["init_args"] else {}
    loaded = load_recipe(recipe, changes)
    assert loaded.data.subjects("train") == ["001", "003"]
    result = train(loaded, tmp_path / "run", accelerator="cpu")
    assert result.step == 2
    assert np.isfinite(result.numbers["loss"])


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "casia_b/deepgait_v2",
            {"model_cfg.Backbone.in_channels": 2},
            "in_channels is 2: for other input",
        ),
        ("casia_b/gaitbase", {"model_cfg.backbone_cfg.in_channel": 3}, "in_channel is 3: for other input"),
        (
            "casia_b/gaitset",
            {"trainer_cfg.transform": [{"type": "BaseParsingCuttingTransform"}]},
            "labels of body parts",
        ),
        ("casia_b/gaitset", {"data_cfg.dataset_name": "Gait3D-Parsing"}, "labels of body parts"),
        (
            "casia_b/gaitgl",
            {"model_cfg.SeparateBNNecks": {"class_num": 74, "in_channels": 256}},
            "GaitGL has no such neck here",
        ),
    ],
)
def test_other_input_and_a_lost_neck_are_refused(
    name: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    plain = deepcopy(CONFIGS[name])
    for setting, value in changes.items():
        *path, last = setting.split(".")
        place: Any = plain
        for word in path:
            place = place[word]
        place[last] = value
    with pytest.raises(RecipeError, match=message):
        recipe_from_opengait(written(plain, tmp_path))


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("model_cfg", {"model": "GLN"}, "expected one of GaitSet"),
        ("model_cfg", {"model": "Baseline", "backbone_cfg": {"type": "Plain"}}, "expected ResNet9"),
        ("model_cfg", {"model": "GaitGL"}, "model_cfg.channels is missing"),
        ("model_cfg", None, "found no model_cfg"),
        ("loss_cfg", [{"type": "CenterLoss"}], "loss_cfg"),
        ("scheduler_cfg", {"scheduler": "StepLR"}, "expected MultiStepLR"),
        ("trainer_cfg", {"total_iter": 1, "sampler": {"sample_type": "unfixed_ordered"}}, "expected fixed_unordered"),
        ("optimizer_cfg", {"lr": 1e-4, "solver": "NoSuch"}, "NoSuch"),
        ("optimizer_cfg", {"lr": "fast"}, "another form than OpenGait's"),
        ("loss_cfg", ["TripletLoss"], "another form than OpenGait's"),
        ("model_cfg", {"model": ["GaitSet"]}, "another form than OpenGait's"),
    ],
)
def test_what_makes_no_recipe_is_one_line(
    section: str, value: object, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written({**CONFIGS["casia_b/gaitgl"], section: value}, tmp_path)
    assert main(["import-opengait-config", str(file)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert message in shown.err


def test_what_is_no_configuration_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("- 1", "a: [", "\x00"):
        (tmp_path / "bad.yaml").write_text(text)
        assert main(["import-opengait-config", str(tmp_path / "bad.yaml")]) == 2
        assert "expected a configuration of OpenGait" in capsys.readouterr().err
    assert main(["import-opengait-config", str(tmp_path / "none.yaml")]) == 2
