"""The fine-tuning study: from rendered people to CASIA-B, on a miniature; which real people learn and which test."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.data.miniatures import casia_keys, write_tree

from walkprint.cli import main
from walkprint.core.errors import RecipeError
from walkprint.data.casia_b import CasiaB
from walkprint.data.packed import Packed
from walkprint.data.prepare import prepare
from walkprint.evaluation import Scoring
from walkprint.studies import fine_tuning
from walkprint.studies.fine_tuning import BOTH, NORMAL, RENDERED, FineTuningStudy, compute
from walkprint.studies.fine_tuning_page import page
from walkprint.studies.run import build_study, find_study
from walkprint.training.run import read_recipe

TINY = FineTuningStudy(**fine_tuning.QUICK | {"seeds": 1, "steps": 1, "tuning_steps": 1})


@pytest.fixture(scope="module")
def casia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three training and two test people in the layout of CASIA-B, packed small."""
    root = tmp_path_factory.mktemp("casia")
    write_tree(root / "raw", casia_keys(subjects=("001", "002", "003", "075", "076")), frames=6)
    return prepare(CasiaB(root / "raw", size_px=32), root / "store", workers=1).root


def test_one_command_from_rendered_people_to_coats(
    casia: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["seeds=1", "steps=2", "tuning_steps=1", "people=[0,2]", "test_people=null"]
    words = ["study", "fine-tuning", "--quick", "--json", "--set", f"real={casia}", *sizes, "--out", str(tmp_path)]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["synthetic"] is False
    found = json.loads((tmp_path / "study.json").read_text())["numbers"]["cells"]
    assert len(found) == 5
    for numbers in found.values():
        assert set(numbers["rank-1"]) == {"NM", "BG", "CL"}
        assert set(numbers["by subject"]["CL"]) == {"075", "076"}
    text = (tmp_path / "study.md").read_text()
    assert "Learned from nm alone: rank-1, against rendered people" in text
    assert "stand-ins" not in text
    run = read_recipe(tmp_path / "runs" / f"clothes-{BOTH.replace(',', '').replace(' ', '-')}-seed0")
    assert (run["conditions"], run["subjects"]) == (["nm"], ["001", "002", "003"])
    assert Path(run["init"]).name.startswith("gaitset-")
    assert read_recipe(tmp_path / "runs" / f"clothes-{NORMAL.replace(' ', '-')}-seed0")["init"] is None
    added = read_recipe(tmp_path / "runs" / "people-2-real-people-seed0")
    store = Packed(added["data"]["root"])
    assert [name for name in store.subjects("train") if name.startswith("real-")] != []
    assert len(store.subjects("train")) == 2 + 4
    assert (store.store().meta["dataset"], store.store().meta["protocols"]) == ("Folder", [])
    assert not [key for key in store.keys("all") if key.subject in ("real-075", "real-076")]


def test_who_learns_and_who_tests(casia: Path, tmp_path: Path) -> None:
    drawn = []
    for seed in range(4):
        settings = {"real": str(casia), "seed": seed, "test_people": 2, "recipe": {"people": {"size_px": 32}}}
        real, order = fine_tuning._real(settings, tmp_path)
        assert set(order) == set(real.subjects("train"))
        assert len(real.subjects("test")) == 2
        assert not set(order) & set(real.subjects("test"))
        drawn.append(tuple(real.subjects("test")))
        own, order = fine_tuning._real(settings | {"test_people": None}, tmp_path)
        assert (set(order), set(own.subjects("test"))) == ({"001", "002", "003"}, {"075", "076"})
    assert len(set(drawn)) > 1


def test_a_network_that_is_given_is_where_learning_begins(casia: Path, tmp_path: Path) -> None:
    study = replace(TINY, real=casia, init="street", size_px=64, people=(0, 9), test_people=None)
    cells = {cell.settings["variant"]: cell for cell in study.cells()}
    assert cells[RENDERED].settings["network"] == "street"
    small = replace(study, size_px=32)
    few = {cell.settings["variant"]: cell for cell in small.cells()}["9 real people"]
    with pytest.raises(RecipeError, match="9 real people to add, but 3 do not test"):
        compute(few, tmp_path)


@pytest.mark.parametrize("center", [False, True])
def test_how_real_people_are_scored(center: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    real = SimpleNamespace(protocol=lambda: None)
    for name, found in {"_real": (real, []), "rendered_people": None, "load_network": None, "embedded": None}.items():
        monkeypatch.setattr(fine_tuning, name, lambda *_, found=found: found)
    monkeypatch.setattr(fine_tuning, "scores", lambda found, protocol, scoring: asked.append(scoring) or {})
    study = replace(TINY, init="street", center=center)
    (cell,) = [one for one in study.cells() if one.settings["variant"] == RENDERED]
    compute(cell, tmp_path)
    assert asked == [Scoring(metric="cosine", normalize=True, center=center, resamples=0)]


def test_real_people_may_be_missing() -> None:
    shown = page(TINY, {}, {}, Path()).to_text()
    assert "Rendered stand-ins" in shown


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"companions": 300}, "300 companions"),
        ({"subjects_per_batch": 50}, "50 in a batch"),
        ({"people": ()}, "0 numbers of real people"),
        ({"sections": ("coats",)}, "section coats"),
    ],
)
def test_settings_that_make_no_study(settings: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        FineTuningStudy(**settings)


@pytest.mark.parametrize("name", ["fine_tuning_casia_b", "fine_tuning_kth"])
def test_bundled_settings(name: str) -> None:
    study = build_study(*find_study(f"studies/{name}", {}))
    assert len(study.cells()) == study.seeds * (3 + len(study.people))
