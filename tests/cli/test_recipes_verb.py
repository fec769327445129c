"""`walkprint recipes`, `explain`, `completion`: what comes with the package, and what it takes."""

import json
import subprocess
from pathlib import Path

import pytest

from walkprint.cli import VERBS, main
from walkprint.recipes.library import bundled

Captured = pytest.CaptureFixture[str]


def test_recipes_lists_what_is_bundled_with_its_first_comment(capsys: Captured) -> None:
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(bundled())
    assert any(line.startswith("walkers/gaitset_narrow ") and "GaitSet" in line for line in lines)
    assert main(["recipes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipes"].keys() == bundled().keys()


def test_recipes_prints_one(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "odd.bin").write_bytes(b"\x80")
    assert main(["recipes", str(tmp_path / "odd.bin")]) == 2
    assert "odd.bin: no text" in capsys.readouterr().err
    assert main(["recipes", "walkers/gaitset_narrow"]) == 0
    assert capsys.readouterr().out == bundled()["walkers/gaitset_narrow"].read_text()
    assert main(["recipes", "walkers/gaitset_narow"]) == 2
    assert "did you mean walkers/gaitset_narrow?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("GaitSet", "channels"),
        ("Walkers", "subjects"),
        ("TripletLoss", "margin"),
        ("Recipe", "loss_weights"),
        ("AEGuidedGAN", "latent_size"),
        ("Background", "contrast"),
        ("ClothExpansionStudy", "generator_steps"),
        ("walkprint.networks.gaitset.GaitSet", "channels"),
    ],
)
def test_explain_prints_the_settings_of_a_class(name: str, said: str, capsys: Captured) -> None:
    assert main(["explain", name]) == 0
    settings = capsys.readouterr().out.partition("\nSettings:\n")[2]
    assert any(line.strip().startswith(f"{said}") for line in settings.splitlines())


def test_explain_lists_the_classes(capsys: Captured) -> None:
    assert main(["explain", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"GaitSet", "GaitBase"} <= set(found["Network"])
    assert "TripletLoss" in found["Loss"]
    assert "MaskRcnn" in found["Segmenter"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("GaitSett", "did you mean GaitSet?"), ("nowhere.Own", "--import nowhere"), ("os.nothing", "no such class")],
)
def test_explain_refuses(name: str, said: str, capsys: Captured) -> None:
    assert main(["explain", name]) == 2
    assert said in capsys.readouterr().err


def _completed(script: str, *words: str) -> set[str]:
    typed = " ".join(f"'{word}'" for word in words)
    line = f"{script}\nCOMP_WORDS=(walkprint {typed}); COMP_CWORD={len(words)}; _walkprint; echo ${{COMPREPLY[@]}}"
    return set(subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True).stdout.split())


def test_bash_completes_verbs_options_names_and_choices(capsys: Captured) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert _completed(script, "") == set(VERBS)
    assert _completed(script, "train", "--f") == {"--fresh"}
    assert _completed(script, "train", "walkers/gaitset_n") == {"walkers/gaitset_narrow"}
    assert _completed(script, "embed", "--split", "t") == {"test", "train"}
    assert _completed(script, "completion", "z") == {"zsh"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_know_every_verb(shell: str, capsys: Captured) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(verb in script for verb in VERBS)
    assert script.startswith("#compdef walkprint\n") == (shell == "zsh")
    assert ("-l one_person -d" in script) == (shell == "fish")
