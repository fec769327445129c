"""`walkprint expand`: from words to a store, a manifest and a sheet."""

import json
import re
from pathlib import Path

import cv2
import pytest
from torch import nn

from walkprint.cli import main
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.labels import LabelNames
from walkprint.recipes.trained import load_generator
from walkprint.training.checkpoint import save_network

Captured = pytest.CaptureFixture[str]


def _words(store: Path, out: Path, *more: str) -> list[str]:
    return ["expand", "--data", str(store), "--wanted", "cl=4", "--out", str(out), *more]


def test_something_simple(store: Path, tmp_path: Path, capsys: Captured) -> None:
    sheet = tmp_path / "sheets" / "s.png"
    expander = ["--expander", "NoiseInjection", "--set", "expander.p=0.1", "--seed", "3", "--sheet", str(sheet)]
    assert main([*_words(store, tmp_path / "more", *expander), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["sequences"], found["seed"], found["missing"]) == ("NoiseInjection", 8, 3, [])
    more = Store.open(tmp_path / "more")
    assert len(more.generated) == 8  # two training subjects, two takes, two views
    assert cv2.imread(str(sheet)).shape[0] == 6 * (66 + 16) - 2  # of both: original, generated, a real take
    assert sum(int(more.lengths[more.index(key)]) for key in more.generated) == found["frames"]


def test_it_says_what_was_missing(tmp_path: Path, capsys: Captured) -> None:
    people = ["--subjects", "3", "--train", "2", "--views", "090", "--frames", "4", "--workers", "1"]
    assert main(["walkers", "--out", str(tmp_path / "store"), *people, "--scarce", "cl=2"]) == 0
    words = _words(tmp_path / "store", tmp_path / "more", "--expander", "Copying", "--wanted", "cl=3")
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "and 1 generated" in shown
    assert "their area" not in shown, "copies start from coats"
    assert "nothing to start from: 002/cl" in shown


@pytest.fixture
def generator_run(store: Path, tmp_path: Path) -> Path:
    """A run whose generator knows the training subjects, and shows everything as person."""
    names = LabelNames.of(Packed(store).keys("train"))
    settings = {"subjects": names.subjects, "conditions": names.conditions, "views": names.views}
    settings |= {"widths": (2, 2, 2, 2), "latent_size": 4}
    model = AEGuidedGAN(**settings)
    nn.init.constant_(model.generator.decoder.last.bias, 9.0)
    save_network(tmp_path / "run" / "generator", model)
    return tmp_path / "run"


def test_the_generator_of_a_run(store: Path, generator_run: Path, tmp_path: Path, capsys: Captured) -> None:
    words = _words(store, tmp_path / "more", "--run", str(generator_run), "--bf16", "--cover", "--json")
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["sequences"], found["ordered"]) == ("AEGuidedGAN", 8, True)
    assert (found["bf16"], found["cover"]) == (True, True)
    more = Packed(tmp_path / "more").store()
    assert all(more.read(key).frames.min() == 255 for key in more.generated)
    assert {line["source"].split("/")[1][:2] for line in more.generated.values()} == {"nm"}


def test_coats_that_are_none_are_noticed(
    store: Path, generator_run: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(_words(store, tmp_path / "wide", "--expander", "MorphologicalCoat")) == 0
    shown = capsys.readouterr().out
    assert re.search(
        r"their area differs from that of their sources by \+[1-9]\d* %; that of recorded ones by \+\d+ %", shown
    )
    assert "hardly differ" not in shown
    monkeypatch.setattr(AEGuidedGAN, "generate", lambda self, sources, labels, generator: self.to_unit(sources))
    assert main(_words(store, tmp_path / "same", "--run", str(generator_run))) == 0
    assert "they hardly differ from their sources" in capsys.readouterr().out


def test_a_generator_that_shows_nobody(store: Path, generator_run: Path, tmp_path: Path, capsys: Captured) -> None:
    model = load_generator(generator_run)
    nn.init.constant_(model.generator.decoder.last.bias, -9.0)
    save_network(generator_run / "generator", model)
    words = _words(store, tmp_path / "more", "--run", str(generator_run), "--sheet", str(tmp_path / "s.png"))
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "nothing is left of what was generated" in said
    assert "generated: empty" in said
    assert not (tmp_path / "more").exists(), "nobody trains on a store that only looks filled"
    assert not (tmp_path / "s.png").exists()


def test_coats_need_no_run(store: Path, tmp_path: Path, capsys: Captured) -> None:
    assert main([*_words(store, tmp_path / "more"), "--json"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert numbers["name"] == "DrapedCoat"
    assert numbers["sequences"] > 0
    assert main(["expand", "--wanted", "cl=4", "--out", str(tmp_path / "none")]) == 2
    assert "give --data, or --run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("network/config.json", "holds a recognizer"),
        ("recipe.yaml", "its generator is not finished"),
        ("notes.txt", "holds no generator"),
    ],
)
def test_what_is_no_generator_is_named(store: Path, tmp_path: Path, capsys: Captured, there: str, message: str) -> None:
    (tmp_path / "run" / there).parent.mkdir(parents=True)
    (tmp_path / "run" / there).touch()
    assert main(_words(store, tmp_path / "more", "--run", str(tmp_path / "run"))) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--expander", "Copying", "--run", "x"], "--run without --expander"),
        (["--expander", "Copying", "--wanted", "cl"], "wanted"),
        (["--expander", "Copying", "--wanted", "cl=1"], "nothing to make"),
        (["--expander", "Copying", "--wanted", "nmm=9"], "'nmm', expected one of bg, cl, nm; did you mean nm?"),
        (["--expander", "Copying", "--cover"], "--cover: only for a generator's --run; leave out without it"),
        (["--expander", "Copying", "--cover", "--bf16"], "--bf16 and --cover: only for a generator's --run"),
        (["--expander", "subprocess.Popen"], "expected one of Alternating, Copying"),
        (["--run", "nowhere"], "nowhere"),
        (
            ["--expander", "Copying", "--device", "cuda:99"],
            "device is 'cuda:99'; expected what is on this machine: cpu",
        ),
    ],
)
def test_refusals(store: Path, tmp_path: Path, capsys: Captured, more: list[str], message: str) -> None:
    assert main(_words(store, tmp_path / "more", *more)) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("walkprint: error: ")
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert not (tmp_path / "more").exists()
