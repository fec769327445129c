"""The study of the inter-class loss, at a size that a test can bear."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from walkprint.cli import main
from walkprint.core.batch import GaitOutput
from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Protocol, Selection
from walkprint.losses import GeneralizedInterClassLoss
from walkprint.losses.base import Loss
from walkprint.recipes.classes import build
from walkprint.studies import inter_class, inter_class_page
from walkprint.studies.grid import read_cells, run_cells
from walkprint.studies.inter_class import LOSSES, MARGIN_FORM, SOFTMAX_FORM, InterClassStudy, compute
from walkprint.studies.recognition import ordinary_recipe, rendered_people

FNIR = ("FNIR, low", "FNIR at FPIR 1 %", "FNIR, high")
TINY = InterClassStudy(**inter_class.QUICK | {"losses": ("triplet", MARGIN_FORM), "networks": ("GaitSet",), "seeds": 1})


def test_the_full_forms_are_the_generalized_loss():
    generator = torch.Generator().manual_seed(0)
    output = GaitOutput(torch.randn(8, 3, 5, generator=generator), torch.randn(8, 3, 4, generator=generator))
    subjects = torch.arange(8) // 2
    for form, name in (("margin", MARGIN_FORM), ("softmax", SOFTMAX_FORM)):
        whole = GeneralizedInterClassLoss(form=form, scale=16.0, smoothing=0.1)(output, subjects).value
        weights = {"uniformity": 0.1}
        parts = sum(
            weights.get(term, 1.0) * build(Loss, one)(output, subjects).value for term, one in LOSSES[name].items()
        )
        torch.testing.assert_close(parts, whole)


def test_the_weight_of_uniformity_reaches_the_recipe():
    cells = InterClassStudy(sections=("compare",), uniformity=0.2).cells()
    weights = {cell.settings["loss"]: cell.settings["recipe"]["loss_weights"].get("uniformity") for cell in cells}
    assert {name for name, weight in weights.items() if weight is not None} == {"uniformity", MARGIN_FORM, SOFTMAX_FORM}
    assert set(weights.values()) == {None, 0.2}
    with pytest.raises(RecipeError, match="uniformity"):
        InterClassStudy(uniformity=float("nan"))


def test_the_published_training_reaches_the_recipe(tmp_path):
    settings = {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.01, "precision": "bf16-mixed", "steps": 60}
    study = InterClassStudy(sections=("compare",), width=None, losses=("triplet", "margin-threshold"), **settings)
    cells = {(one.settings["network"], one.settings["loss"]): one.settings["recipe"] for one in study.cells()}
    recipe = cells["GaitSet", "margin-threshold"]
    assert recipe["loss_weights"] == {"triplet": 1.0, "uniformity": 0.03, "threshold": 4.0}
    sizes = {"height_px": 32, "width_px": 22, "num_subjects": 40}
    assert recipe["network"]["init_args"] == {**sizes, "batch_norm": True}
    assert cells["GaitBase", "triplet"]["network"]["init_args"] == sizes
    made = ordinary_recipe(
        recipe, rendered_people({"subjects": 3, "train": 2, "frames": 6, "takes": {"nm": 1}}, tmp_path)
    )
    rates = {"lr": 0.1, "weight_decay": 0.01, "momentum": 0.9}
    assert made["optimizer"] == {"class_path": "torch.optim.SGD", "init_args": rates}
    assert made["scheduler"] == {"class_path": "MultiStep", "init_args": {"milestones": [20, 40, 50]}}
    assert made["precision"] == "bf16-mixed"


def test_variants_of_a_seed_differ_in_the_loss_alone():
    study = InterClassStudy(sections=("compare",))
    cells = study.cells()
    assert len(cells) == 4 * 6 * 3
    recipes = [cell.settings["recipe"] for cell in cells if cell.settings["network"] == "GaitPart"]
    for recipe in recipes:
        same = [one for one in recipes if one["seed"] == recipe["seed"]]
        assert len({json.dumps({**one, "losses": 0, "loss_weights": 0}) for one in same}) == 1
        assert len({json.dumps(one["losses"]) for one in same}) == 6
    assert len({json.dumps(one["people"]) for one in recipes}) == 3


def test_cells_give_figures_and_share_what_they_can(tmp_path):
    cells = TINY.cells()
    assert run_cells(cells, compute, tmp_path) == {}
    assert len(list((tmp_path / "stores").glob("walkers-*"))) == 1
    assert (
        len(list((tmp_path / "runs").iterdir())) == 4 < len(cells)
    )  # the largest of "subjects" are those of "compare"
    numbers = read_cells(cells, tmp_path)[f"compare-gaitset-{MARGIN_FORM}-seed0"]
    assert set(numbers["rank-1"]) == set(numbers["EER"]) == {"NM", "BG", "CL"}
    people = numbers["by subject"]["CL"]
    assert len(people) == 3
    for low, rate, high in zip(*(numbers[name].values() for name in FNIR), strict=True):
        assert 0 <= low <= rate <= high <= 1
    assert set(numbers["TAR at FAR 0.1 %"]) == {"NM", "BG", "CL"}
    assert np.mean(list(people.values())) == pytest.approx(numbers["rank-1"]["CL"])
    assert [step for step, _ in numbers["margin"]] == [1, 2, 3, 4]
    plain = read_cells(cells, tmp_path)["compare-gaitset-triplet-seed0"]
    assert not plain["margin"]
    page = inter_class_page.page(TINY, read_cells(cells, tmp_path), {}, tmp_path)
    assert page.to_html().count("<svg") == 4
    assert not any("not computed" in note for note in page.notes)
    assert any(one.title == "Open set: FNIR at 1 % FPIR" and len(one.lines) == 3 for one in page.tables)
    lines = next(one for one in page.tables if one.title == "Rank-1 against the baseline").lines
    assert len(lines) == 2


def test_real_masks_are_a_part(tmp_path):
    for person in "ab":
        for name in ("nm-01", "nm-02"):
            folder = tmp_path / "masks" / person / name / "left"
            folder.mkdir(parents=True)
            for i in range(6):
                mask = np.zeros((64, 64), np.uint8)
                mask[4:60, 20 + i : 36 + i + 4 * (person == "b")] = 255
                cv2.imwrite(str(folder / f"{i}.png"), mask)
    protocol = Protocol("own", Selection(takes=("01",)), {"again": Selection(takes=("02",))}, gallery_view="all")
    study = replace(TINY, sections=("real",), real=tmp_path / "masks", protocol=protocol, losses=("triplet",))
    study = replace(study, street_subjects=4)
    assert run_cells(study.cells(), compute, tmp_path / "out") == {}
    (numbers,) = read_cells(study.cells(), tmp_path / "out").values()
    assert set(numbers["by subject"]["again"]) == {"a", "b"}
    assert np.mean(list(numbers["by subject"]["again"].values())) == pytest.approx(numbers["rank-1"]["again"])
    text = inter_class_page.page(study, read_cells(study.cells(), tmp_path / "out"), {}, tmp_path).to_text()
    assert all(f"Real masks: {one}" in text for one in ("FNIR at 1 % FPIR", "TAR at 0.1 % FAR"))
    assert "Rank-1 on real masks" in text
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"networks": ("GaitNett",)}, "network GaitNett; expected some of .*GaitSet"),
        ({"networks": ("no.Such",)}, r"no\.Such"),
        ({"losses": ()}, "loss none"),
        ({"sections": ("real",)}, "set real and protocol"),
        ({"subjects": 6}, "people"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    with pytest.raises(RecipeError, match=message):
        InterClassStudy(**wrong)


def test_the_command_ends_in_a_report(tmp_path: Path, capsys):
    tiny = ["--set", "losses=[triplet]", "networks=[GaitSet]", "seeds=1", "sections=[compare]", "steps=1"]
    words = ["study", "inter-class", "--quick", *tiny, "--out", str(tmp_path)]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["finished"] == found["cells"] == 1
    assert "Synthetic figures" in (tmp_path / "study.html").read_text()
    assert main([*words, "--share", "half"]) == 2
    assert "expected i/n" in capsys.readouterr().err
    assert main(["study", "gait"]) == 2
    assert "inter-class" in capsys.readouterr().err
    assert main(["study", "--help"]) == 0
    assert "inter-class" in capsys.readouterr().out
