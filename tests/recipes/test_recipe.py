"""Every recipe is complete: it can be read, its parts are of the right kind, and its numbers fit together."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from walkprint.cli import main
from walkprint.core.errors import ProtocolError, RecipeError
from walkprint.core.protocol import Protocol
from walkprint.data.frames import FrameChooser
from walkprint.data.packed import Packed
from walkprint.generation.base import GenerativeModel
from walkprint.generation.baselines import Copying
from walkprint.generation.expand import expand
from walkprint.losses.base import Loss
from walkprint.networks.base import Network
from walkprint.recipes.classes import build
from walkprint.recipes.generator_recipe import FROM_DATA, GeneratorRecipe
from walkprint.recipes.protocols import read_protocol
from walkprint.recipes.recipe import Recipe, load_recipe, read_entry
from walkprint.recipes.training import train

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "recipes").rglob("*.yaml"))
POPULATIONS = [path for path in FILES if path.stem in {"walkers", "many"}]
PROTOCOLS = [path for path in FILES if path.stem.endswith("protocol")]
GENERATORS = [path for path in FILES if "generator" in yaml.safe_load(path.read_text())]
STUDIES = [path for path in FILES if path.parent.name == "studies"]  # see test_study.py
RECIPES = [path for path in FILES if path not in POPULATIONS + PROTOCOLS + GENERATORS + STUDIES]


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _tiny(store: Path, chooser: str, clips: int) -> dict[str, Any]:
    """A recipe that takes a moment: how frames are chosen, and clips of a subject in a batch."""
    return {
        "network": {"class_path": "GaitSet", "init_args": {"channels": [2, 2, 2], "feature": 2}},
        "losses": {"triplet": {"class_path": "TripletLoss"}},
        "data": {"root": str(store)},
        "frames": {"class_path": chooser, "init_args": {"count": 4}},
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
        "schedule": {"steps": 1, "subjects_per_batch": 2, "clips_per_subject": clips},
    }


@pytest.mark.parametrize("path", RECIPES, ids=_name)
def test_every_recipe_can_be_read(path: Path) -> None:
    settings = read_entry(Recipe, path).settings
    plain = yaml.safe_load(path.read_text())
    network = build(Network, plain["network"])
    losses = [build(Loss, loss) for loss in plain["losses"].values()]
    assert losses
    classified = any(
        "identity" in (name, *getattr(loss, "terms", {})) for name, loss in zip(plain["losses"], losses, strict=True)
    )
    assert classified == (getattr(network, "num_subjects", None) is not None)
    subjects = {"stores/casia-b": 74, "stores/ou-mvlp": 5153}.get(plain["data"]["root"])
    assert not classified or subjects in (None, network.num_subjects)
    frames = build(FrameChooser, plain["frames"])
    assert frames.ordered or not network.ordered
    milestones = settings["scheduler"].settings.get("milestones", []) if settings["scheduler"] else []
    assert all(one < settings["schedule"].settings["steps"] for one in milestones)


@pytest.mark.parametrize("path", GENERATORS, ids=_name)
def test_every_recipe_of_a_generator_can_be_read(path: Path) -> None:
    settings = read_entry(GeneratorRecipe, path, later=FROM_DATA).settings
    plain = yaml.safe_load(path.read_text())
    names = {"subjects": ["a", "b"], "conditions": plain["conditions"], "views": ["090"]}
    generator = build(GenerativeModel, plain["generator"], **names)
    assert generator.source_condition in plain["conditions"]
    assert settings["steps"] > len(generator.stages())


def test_some_data_set_has_a_draper_beside_others() -> None:
    """Else the next test compares nothing."""
    drapers = {path.parent for path in GENERATORS if path.stem == "draper"}
    assert drapers & {path.parent for path in GENERATORS if path.stem == "ae_guided"}


@pytest.mark.parametrize("folder", sorted({path.parent for path in GENERATORS}), ids=lambda folder: folder.name)
def test_generators_of_one_data_set_have_one_budget(folder: Path) -> None:
    bundled = {"draped_coat"}  # its weights come with the package; no rival of the others
    rivals = [path for path in GENERATORS if path.parent == folder and path.stem not in bundled]
    recipes = [yaml.safe_load(path.read_text()) for path in rivals]
    by_class = {recipe["generator"]["class_path"]: recipe["generator"]["init_args"]["widths"] for recipe in recipes}
    draper = by_class.pop("Draper", [0, 0, 0, 0])  # has a limit of its own, see test_draper.py
    widths = list(by_class.values())
    assert all(own <= usual for one in widths for own, usual in zip(draper, one, strict=True))
    rest = [{name: value for name, value in recipe.items() if name != "generator"} for recipe in recipes]
    assert all(one == widths[0] for one in widths)
    assert all(one == rest[0] for one in rest)


@pytest.mark.parametrize("path", PROTOCOLS, ids=_name)
def test_every_protocol_can_be_read(path: Path) -> None:
    protocol = Protocol.from_dict(yaml.safe_load(path.read_text()))
    assert Protocol.from_dict(protocol.to_dict()) == protocol


@pytest.mark.parametrize("path", POPULATIONS, ids=_name)
def test_every_population_can_be_rendered(path: Path, tmp_path: Path) -> None:
    few = ["--out", str(tmp_path / "few"), "--subjects", "2", "--train", "2", "--frames", "2", "--workers", "1"]
    assert main(["walkers", "--config", str(path), *few]) == 0
    people = Packed(tmp_path / "few")
    assert people.settings["takes"] == yaml.safe_load(path.read_text())["takes"]


def test_the_published_recipes_are_there() -> None:
    names = {_name(path) for path in RECIPES}
    assert {"casia_b/geinet", "walkers/gaitset_narrow"} <= names
    generators = ("ae_guided", "acgan", "reacgan", "bagan", "bagan_gp")
    generators += ("latent_flow", "sdedit", "draper")
    assert {f"{data}/{one}" for data in ("casia_b", "walkers") for one in generators} <= set(map(_name, GENERATORS))
    networks = ("gaitset", "gaitpart", "gaitgl", "gaitbase", "deepgait_v2")
    forms = ("", "_inter_class_margin", "_inter_class_softmax")
    assert {
        f"{data}/{one}{form}" for data in ("casia_b", "ou_mvlp", "walkers") for one in networks for form in forms
    } <= names


def test_first_weights_belong_to_the_seed(store: Path) -> None:
    recipe = _tiny(store, "Contiguous", 2)
    weights = [
        next(iter(load_recipe({**recipe, "seed": seed}).network.parameters())).sum().item() for seed in (0, 0, 1)
    ]
    assert weights[0] == weights[1] != weights[2]
    with pytest.raises(RecipeError, match="optimiser"):
        load_recipe({**recipe, "optimiser": 1})


def test_frames_must_suit_the_network(store: Path) -> None:
    recipe = load_recipe(
        {
            "network": {"class_path": "GaitSet", "init_args": {"channels": [2, 2, 2], "feature": 2}},
            "losses": {"triplet": {"class_path": "TripletLoss"}},
            "data": {"root": str(store)},
            "frames": {"class_path": "RandomSubset", "init_args": {"count": 4}},
            "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
            "schedule": {"steps": 1, "subjects_per_batch": 2, "clips_per_subject": 2},
        }
    )
    assert recipe.batches().batch(0).frames.shape == (4, 4, 1, 64, 44)
    recipe.network.ordered = True
    with pytest.raises(RecipeError, match="choose Contiguous"):
        recipe.batches()


def test_only_the_wanted_conditions_are_learned(store: Path) -> None:
    plain = _tiny(store, "RandomSubset", 8)
    for wanted, expected in ((None, {"nm", "bg", "cl"}), (["nm", "cl"], {"nm", "cl"})):
        recipe = load_recipe(plain | ({"conditions": wanted} if wanted else {}))
        batches = recipe.batches()
        assert {key.condition for step in range(9) for key in batches.batch(step).keys} == expected
        assert recipe.record["conditions"] == wanted
    recipe = load_recipe(plain | {"conditions": []})
    with pytest.raises(RecipeError, match="conditions: none is named, expected some of bg, cl, nm, or null for all"):
        recipe.batches()


def test_one_part_can_be_built_alone() -> None:
    assert build(Loss, {"class_path": "TripletLoss", "init_args": {"margin": 0.5}}).margin == 0.5
    within = {"class_path": "TripletLoss", "init_args": {"within": ["condition", "view"]}}
    assert build(Loss, within).within == ("condition", "view")
    wrong = [{"class_path": "TripletLoss", "init_args": one} for one in ({"marge": 1}, {"within": "view"})]
    for plain in ({"class_path": "os.system"}, *wrong):
        with pytest.raises(RecipeError, match="Loss"):
            build(Loss, plain)


def _with_generated_takes(store: Path, out: Path, *, ordered: bool) -> Path:
    expander = Copying()
    expander.ordered = ordered
    return expand(Packed(store), expander, wanted={"cl": 3}, out=out)


def test_networks_that_heed_order_refuse_frames_without_it(store: Path, tmp_path: Path) -> None:
    recipe = {
        "network": {"class_path": "GaitSet", "init_args": {"channels": [2, 2, 2], "feature": 2}},
        "losses": {"triplet": {"class_path": "TripletLoss"}},
        "frames": {"class_path": "Contiguous", "init_args": {"count": 4}},
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
        "schedule": {"steps": 1, "subjects_per_batch": 2, "clips_per_subject": 2, "even_conditions": True},
    }
    roots = {name: _with_generated_takes(store, tmp_path / name, ordered=name == "walks") for name in ("walks", "sets")}
    for name, root in roots.items():
        data = {"root": str(root)}
        built = load_recipe({**recipe, "data": data})
        assert train(built, tmp_path / f"{name}-run", accelerator="cpu").step == 1
        built.network.ordered = True
        if name == "sets":
            with pytest.raises(RecipeError, match="holds takes without order, generated by Copying"):
                train(built, tmp_path / f"{name}-again", accelerator="cpu")
        else:
            assert train(built, tmp_path / f"{name}-again", accelerator="cpu").step == 1


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text("seed: 1\nschedule:\n  steps: 5\n  steps: 6\n")
    with pytest.raises(RecipeError, match=r"steps is there twice in .*twice\.yaml, line 4"):
        load_recipe(file)
    file.write_bytes(bytes(range(256)))
    with pytest.raises(RecipeError, match=r"twice\.yaml: no text .*; expected settings in YAML"):
        load_recipe(file)
    file.write_text("name: mine\ngallery: {}\nprobes:\n  NM: {takes: ['1']}\n  NM: {takes: ['2']}\n")
    with pytest.raises(ProtocolError, match=r"NM is there twice in twice\.yaml, line 5"):
        read_protocol(file)
