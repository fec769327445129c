"""`models` and `calibrate`, and what they leave, used by `evaluate`."""

import json
from pathlib import Path

import pytest
from tests.oracles.evaluation import CASIA, toy_set

from walkprint.cli import main
from walkprint.core.digest import weights_source
from walkprint.core.protocol import Protocol
from walkprint.evaluation import Site
from walkprint.recipes.card import read_card
from walkprint.recipes.library import bundled_networks
from walkprint.recipes.trained import load_network


def test_models_lists_every_card_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    text = capsys.readouterr().out
    for name, folder in bundled_networks().items():
        card = read_card(folder)
        assert card is not None
        assert f"{name}: {weights_source(load_network(name))} (" in text, "as embeddings name it"
        assert all(
            line in text
            for line in (card.summary, card.data, *card.figures, *card.bad_at, *card.fairness[:1], card.license)
        )
        assert len(card.fairness) == 12, "range, head, all, and two sexes, three heights, three builds"
    assert len(text.splitlines()) <= 30
    assert main(["models", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["models"]["street-large"]["license"] == "Apache-2.0"


def written(folder: Path) -> tuple[Path, Path, Path]:
    """Embeddings of the people to be recognized, of passers-by, and a protocol."""
    toy_set(subjects=6).save(folder / "mine.npz")
    toy_set(subjects=4, seed=9).save(folder / "passersby.npz")
    (folder / "toy.json").write_text(json.dumps(CASIA.to_dict()))
    assert Protocol.from_dict(CASIA.to_dict()) == CASIA
    return folder / "mine.npz", folder / "passersby.npz", folder / "toy.json"


def test_a_calibrated_site_is_used_by_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, passersby, protocol = written(tmp_path)
    hall = tmp_path / "hall.site"
    assert main(["calibrate", "--embeddings", str(passersby), "--out", str(hall)]) == 0
    assert "site of 48 clips" in capsys.readouterr().out
    words = ["evaluate", "--embeddings", str(mine), "--protocol", str(protocol), "--resamples", "0"]
    sites = ["--gallery_site", str(hall), "--probe_site", str(hall)]
    assert main([*words, *sites, "--json"]) == 0
    scoring = json.loads(capsys.readouterr().out)["identification"]["settings"]["scoring"]
    assert scoring["probe_site"] == scoring["gallery_site"] == str(Site.load(hall))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gallery_site", "hall.site"], "a site for the gallery only"),
        (["--probe_site", "none.site"], "none.site: no such file"),
        (["--whitening", "street-large"], "use the whitening of the network that made them"),
        (["--whitening", "stret"], "no such folder"),
        (["--gallery_site", "own.site", "--probe_site", "own.site"], "is among the clips"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, list) else "",
)
def test_refused_in_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, passersby, protocol = written(tmp_path)
    monkeypatch.chdir(tmp_path)
    for source, out in ((passersby, "hall.site"), (mine, "own.site")):
        assert main(["calibrate", "--embeddings", str(source), "--out", out]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--embeddings", str(mine), "--protocol", str(protocol), "--resamples", "0", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_too_few_passersby(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy_set(subjects=1).take(range(4)).save(tmp_path / "few.npz")
    assert main(["calibrate", "--embeddings", str(tmp_path / "few.npz"), "--out", str(tmp_path / "x.site")]) == 2
    assert "found 4 clips of passers-by; expected at least 5" in capsys.readouterr().err
    assert not (tmp_path / "x.site").exists()
