"""Classes are found, checked and built from plain data; a stranger's file imports nothing."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from walkprint.cli import main
from walkprint.core.errors import NotImportedError, RecipeError
from walkprint.data.augment import Augmentation, Flip
from walkprint.data.base import GaitDataset
from walkprint.data.walkers import Variety
from walkprint.losses import TripletLoss
from walkprint.losses.base import Loss
from walkprint.networks import GaitSet, Network
from walkprint.recipes.classes import build, find_class, typed_settings
from walkprint.recipes.recipe import load_recipe
from walkprint.recipes.trained import load_network
from walkprint.training.checkpoint import save_network

EVIL = (
    "from pathlib import Path\nPath('ran').touch()\nfrom walkprint.networks import GaitSet\nclass Own(GaitSet): pass\n"
)


class Several(Augmentation):
    """Of augmentations and what else constructors take."""

    def __init__(
        self, inner: Sequence[Augmentation], first: Augmentation | None = None, sizes: tuple[int, float] = (1, 2.0),
        either: int | Sequence[str] = 3, variety: Variety = Variety(),  # noqa: B008
    ) -> None:  # fmt: skip
        self.inner, self.first, self.sizes, self.either, self.variety = inner, first, sizes, either, variety

    def draw(self, rng: Any, shape: Any) -> None:
        """Nothing."""

    def apply(self, frames: Any, parameters: Any) -> None:
        """Nothing."""


def test_classes_within_classes() -> None:
    entry = {
        "class_path": f"{__name__}.Several",
        "init_args": {
            "inner": ["Flip", {"class_path": "Flip", "init_args": {"p": "0.25"}}, Flip(0.75)],
            "first": "{class_path: Flip, init_args: {p: 1}}",
            "sizes": [1, 3],
            "either": "[a, b]",
            "variety": {"shape": 0},
        },
    }
    made = build(Augmentation, entry)
    assert [one.p for one in made.inner] == [Flip().p, 0.25, 0.75]
    assert (made.first.p, made.sizes, made.either, made.variety.shape) == (1.0, (1, 3.0), ["a", "b"], 0.0)
    assert made.init_args["inner"][1]["init_args"] == {"p": 0.25}
    again = build(Augmentation, {"class_path": made.class_path, "init_args": made.init_args})
    assert again.init_args == made.init_args


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "Several needs `inner`"),
        ({"inner": "Flip"}, "inner: expected a list such as [a, b], found Flip"),
        ({"inner": [3]}, "inner: expected an Augmentation, such as {class_path: "),
        ({"inner": [{"class_path": "Flipp"}]}, "inner: Augmentation: found 'Flipp', expected one of "),
        ({"inner": [{"class_path": "Flip", "init_args": {"q": 1}}]}, "inner: Flip has no setting q"),
        ({"inner": [{"class_path": "Flip", "init_args": [1]}]}, "init_args: expected names with values, found [1]"),
        (
            {"inner": [], "first": {"class_path": "Flip", "init_args": {"p": "x"}}},
            "first.p: expected a number",
        ),
        ({"inner": [], "sizes": [1]}, "sizes: expected a list of 2, found [1]"),
        ({"inner": [], "either": {}}, "either: expected a whole number or a list such as [a, b], found {}"),
        ({"inner": [], "either": "few"}, "either: expected a whole number or a list such as [a, b], found few"),
        ({"inner": [], "variety": {"shap": 1}}, "variety: Variety has no setting shap; did you mean shape?"),
        ({"inner": [], "inners": []}, "Several has no setting inners; did you mean inner?"),
        ({"inner": [], 3: []}, "Several has no setting 3"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(settings: dict[Any, Any], said: str) -> None:
    with pytest.raises(RecipeError) as refusal:
        build(Augmentation, {"class_path": f"{__name__}.Several", "init_args": settings})
    assert str(refusal.value).startswith("Several: ")
    assert said in str(refusal.value)


def test_only_given_settings_are_typed() -> None:
    assert typed_settings(TripletLoss, {"margin": "0.5"}) == {"margin": 0.5}
    with pytest.raises(RecipeError, match="TripletLoss: margin: expected a number, found x"):
        typed_settings(TripletLoss, {"margin": "x"})


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "torch.nn.Linear",
        "walkprint.nothing.Net",
        "walkprint.__main__.Net",
        "antigravity.Net",
        ".",
        "",
        "..a",
    ],
)
def test_what_is_no_network_is_refused(path: str) -> None:
    with pytest.raises(RecipeError):
        find_class(Network, path, importing=True)
    assert "antigravity" not in sys.modules


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an `evil.py`, which is the current one and the first place of modules."""
    (tmp_path / "evil.py").write_text(EVIL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "evil", raising=False)
    save_network("net", GaitSet(channels=(2, 2, 4), feature=4))
    text = Path("net/config.json").read_text()
    Path("net/config.json").write_text(text.replace("walkprint.networks.gaitset.GaitSet", "evil.Own"))
    return tmp_path


def test_a_stranger_s_file_imports_nothing(evil: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotImportedError, match="the module evil is not imported; import it first if you trust it"):
        load_network("net")
    recipe = {
        "network": {"class_path": "evil.Own"},
        "losses": {"evil": "evil.Own"},
        "data": {"root": "x"},
        "frames": {"class_path": "evil.Own"},
        "optimizer": {"class_path": "evil.Own"},
        "schedule": {"steps": 1, "subjects_per_batch": 2, "clips_per_subject": 2},
    }
    Path("evil.yaml").write_text(yaml.safe_dump(recipe))
    for name in recipe:
        harmless = {"network": "GaitSet", "losses": {"a": "TripletLoss"}, "frames": "AllFrames"}
        with pytest.raises(RecipeError):
            load_recipe({**recipe, **{one: entry for one, entry in harmless.items() if one != name}})
    for words in (
        ["train", "evil.yaml", "--run", "run"],
        ["embed", "--run", "net", "--data", ".", "--out", "e.npz"],
        ["prepare", "evil.Own", "--out", "s"],
        ["segment", ".", "--segmenter", "evil.Own", "--out", "s"],
        ["expand", "--data", ".", "--expander", "evil.Own", "--wanted", "cl=2", "--out", "s"],
        ["import-opengait", "evil.py", "--network", "evil.Own", "--out", "n"],
        ["explain", "evil.Own"],
        ["study", "inter-class", "--set", "networks=[evil.Own]", "--out", "s"],
        ["explain", "GaitSet", "--config", "evil.yaml"],
    ):
        assert main(words) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not Path("ran").exists()
    assert "evil" not in sys.modules


def test_what_the_user_imports_can_be_named(evil: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "evil.Own"]) == 2
    assert capsys.readouterr().err.endswith("import it first if you trust it: --import evil\n")
    assert main(["explain", "evil.Own", "--import", "evil"]) == 0
    assert Path("ran").exists()
    assert type(load_network("net")).__name__ == "Own"
    assert main(["explain", "GaitSet", "--import", "nowhere", "evil"]) == 2
    assert "--import nowhere: ModuleNotFoundError" in capsys.readouterr().err


def test_the_command_does_not_look_into_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(EVIL)
    command = [sys.executable, "-m", "walkprint", "explain", "evil.Own"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "ran").exists()


def test_a_recipe_may_name_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "installed_elsewhere.py").write_text(
        "from walkprint.losses import TripletLoss\nclass Own(TripletLoss): pass\n"
    )
    (tmp_path / "broken_elsewhere.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NotImportedError):
        build(Loss, "installed_elsewhere.Own")
    assert find_class(Loss, "installed_elsewhere.Own", importing=True).__name__ == "Own"
    assert build(Loss, "installed_elsewhere.Own").margin == 0.2
    with pytest.raises(RecipeError, match=r"broken_elsewhere.Own: cannot be imported \(ZeroDivisionError"):
        find_class(GaitDataset, "broken_elsewhere.Own", importing=True)
