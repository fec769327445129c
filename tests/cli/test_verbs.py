"""Each verb from words to files: what it writes, what it says, what it refuses."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from tests.cli.conftest import RECIPE, small

from walkprint.cli import main
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store

Captured = pytest.CaptureFixture[str]


def _refused(words: list[str], capsys: Captured) -> str:
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("walkprint: error: ")
    return shown.err


def test_walkers_renders_a_store_and_a_sheet(tmp_path: Path, capsys: Captured) -> None:
    words = [
        "--subjects",
        "1",
        "--views",
        "090",
        "--frames",
        "6",
        "--workers",
        "1",
        "--sheet",
        str(tmp_path / "s.png"),
    ]
    assert main(["walkers", "--out", str(tmp_path / "store"), "--json", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sequences"] == 10
    assert len(Store.open(tmp_path / "store")) == 10
    assert cv2.imread(str(tmp_path / "s.png")).max() == 255


def test_walkers_of_whom_few_have_a_coat(tmp_path: Path, capsys: Captured) -> None:
    words = ["walkers", "--out", str(tmp_path / "store"), "--subjects", "4", "--train", "3", "--views", "090"]
    words += ["--frames", "2", "--workers", "1", "--takes", "nm=1", "cl=1", "--scarce"]
    assert "scarce is {'bg': 2}; expected only some of nm, cl" in _refused([*words, "{bg: 2}"], capsys)
    assert main([*words, "{cl: 2}"]) == 0
    store = Store.open(tmp_path / "store")
    assert [key.subject for key in store.keys if key.condition == "cl"] == ["001", "003", "004"]
    assert store.meta["settings"]["scarce"] == {"cl": 2}


def test_prepare_packs_an_own_folder(tmp_path: Path, capsys: Captured) -> None:
    for name in ("ann/cl-01/090/1.png", "ann/nm-01/090/1.png", "ann/nm-01/090/2.png", "bob/nm-01/090/1.png"):
        path = tmp_path / "masks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        mask = np.zeros((80, 60), np.uint8)
        mask[10:70, 20:40] = 255
        cv2.imwrite(str(path), mask)
    words = ["prepare", "Folder", "--root", str(tmp_path / "masks"), "--out", str(tmp_path / "store")]
    assert main([*words, "--json", "--workers", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sequences"], found["frames"], len(found["short"])) == (3, 4, 3)
    assert found["gallery"] == "nm, take 01"
    keys = [str(key) for key in Store.open(tmp_path / "store").keys]
    assert keys == ["ann/cl-01/090", "ann/nm-01/090", "bob/nm-01/090"]


def test_prepare_refuses(tmp_path: Path, capsys: Captured) -> None:
    out = str(tmp_path / "store")
    assert "none: no such file or folder" in _refused(
        ["prepare", "Folder", "--root", str(tmp_path / "none"), "--out", out], capsys
    )
    (tmp_path / "masks").mkdir()
    masks = str(tmp_path / "masks")
    assert "prepare Folder --root" in _refused(["prepare", masks, "--out", out], capsys)
    assert "Folder: Folder needs --root" in _refused(["prepare", "Folder", "--out", out], capsys)
    assert "share is 1of2" in _refused(["prepare", "Folder", "--root", masks, "--out", out, "--share", "1of2"], capsys)
    assert "expected one of CasiaB" in _refused(["prepare", "subprocess.Popen", "--root", masks, "--out", out], capsys)


def test_train_writes_the_resolved_recipe(run: Path, store: Path) -> None:
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    assert recipe["network"]["init_args"]["channels"] == [4, 4, 8]
    assert recipe["network"]["init_args"]["strips"] == [16, 8, 4, 2, 1]  # a default, spelled out
    assert recipe["data"] == {"root": str(store), "train": 2, "gallery": None, "partition": None}
    assert recipe["schedule"]["keep"] == 2
    assert (run / "network" / "network.safetensors").is_file()


def test_train_goes_on_by_the_same_command_or_by_the_folder_alone(
    run: Path, store: Path, tmp_path: Path, capsys: Captured
) -> None:
    assert main(["train", str(RECIPE), "--run", str(run), "--accelerator", "cpu", *small(store)]) == 0
    assert f"{run}: 2 steps; it was finished before, so nothing was left to do" in capsys.readouterr().out
    assert main(["train", "--run", str(run), "--accelerator", "cpu", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["step"] == 2
    again = ["train", str(RECIPE), "--run", str(run), *small(store), "--set", "seed=7", "optimizer.lr=0.1"]
    error = _refused(again, capsys)
    assert "another recipe" in error
    assert "seed: 0 -> 7" in error
    for words in ([str(RECIPE), *small(store)], []):  # more steps: the same refusal, whether the recipe is named or not
        error = _refused(["train", *words, "--run", str(run), "--set", "schedule.steps=9", "scheduler.steps=9"], capsys)
        assert "scheduler.init_args.steps: 2 -> 9); the learning rate is planned over all steps" in error
    assert _refused(["train", "--run", str(run), "--set", "schedule.steps=9"], capsys) == error


def test_a_recipe_of_the_other_kind_is_sent_to_its_verb(tmp_path: Path, capsys: Captured) -> None:
    for verb, recipe, other in (
        ("train", "walkers/ae_guided", "a generator; use `walkprint train-generator`"),
        ("train-generator", "walkers/gaitset_narrow", "a network; use `walkprint train`"),
    ):
        error = _refused([verb, recipe, "--run", str(tmp_path / "run")], capsys)
        assert f"{recipe}.yaml: this is a recipe of {other}" in error


def test_train_learns_from_some_conditions(run: Path, store: Path, tmp_path: Path, capsys: Captured) -> None:
    words = ["train", str(RECIPE), "--run", str(tmp_path / "run"), "--accelerator", "cpu", *small(store)]
    assert "conditions: cll not among those of the training subjects, bg, cl, nm; did you mean cl?" in _refused(
        [*words, "--set", "conditions=[nm, cll]"], capsys
    )
    assert main([*words, "--set", "conditions=[nm, cl]"]) == 0
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["conditions"] == ["nm", "cl"]
    assert main(["train", "--run", str(tmp_path / "run"), "--accelerator", "cpu"]) == 0
    capsys.readouterr()
    assert 'conditions: ["nm", "cl"] -> null' in _refused(words, capsys)


def test_train_goes_on_with_a_run_that_is_older_than_some_settings(run: Path, tmp_path: Path, capsys: Captured) -> None:
    older = shutil.copytree(run, tmp_path / "run")
    recipe = yaml.safe_load((older / "recipe.yaml").read_text())
    del recipe["conditions"], recipe["data"]["gallery"]
    (older / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    assert main(["train", "--run", str(older), "--accelerator", "cpu"]) == 0
    assert main(["embed", "--run", str(older), "--out", str(tmp_path / "test.npz")]) == 0


def test_a_failed_start_does_not_bind_the_folder(store: Path, tmp_path: Path, capsys: Captured) -> None:
    words = ["train", str(RECIPE), "--run", str(tmp_path / "run"), "--accelerator", "cpu", *small(store)]
    assert "set subjects_per_batch to 2 or less" in _refused([*words, "schedule.subjects_per_batch=16"], capsys)
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert main([*words, "schedule.steps=1", "scheduler.steps=1"]) == 0


@pytest.mark.slow
def test_of_two_processes_one_reports(store: Path, tmp_path: Path) -> None:
    words = ["train", str(RECIPE), "--run", str(tmp_path / "run"), "--accelerator", "cpu", *small(store)]
    done = subprocess.run(
        [sys.executable, "-m", "walkprint", *words, "--devices", "2", "--json"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert json.loads(done.stdout)["step"] == 2
    assert json.loads((tmp_path / "run" / "versions.json").read_text())[0]["processes"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "network.chanels=[1]"], "network: GaitSet has no setting chanels; did you mean channels?"),
        (["--set", "network=GaitSett"], "did you mean GaitSet?"),
        (["--set", "network=subprocess.Popen"], "subprocess.Popen"),
        (["--set", "network=torch.nn.Linear"], "torch.nn.Linear"),
        (["--set", "schedule.stepps=1"], "schedule: Plan has no setting stepps; did you mean steps?"),
        (["--set", "schedule.steps=few"], "schedule.steps: expected a whole number, found few"),
        (["--set", "schedule.steps"], "--set: expected name=value, found schedule.steps"),
        (["--set", "network.num_subjects=3"], "write num_subjects: 2"),
        (["--set", "frames=AllFrames"], "count"),
        (["--acelerator", "cpu"], "no option --acelerator; did you mean --accelerator?"),
        (["--schedule.steps", "3"], "no option --schedule.steps; settings are given by --set schedule.steps=VALUE"),
        (["--xqzw", "1"], "no option --xqzw; see walkprint train --help"),
        (["--devices=many"], "many"),
    ],
)
def test_train_refuses(words: list[str], message: str, store: Path, tmp_path: Path, capsys: Captured) -> None:
    error = _refused(
        ["train", str(RECIPE), "--run", str(tmp_path / "run"), "--accelerator", "cpu", *small(store), *words], capsys
    )
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run" / "network").exists()


def test_train_refuses_a_recipe_that_is_not_there(tmp_path: Path, capsys: Captured) -> None:
    assert "none.yaml" in _refused(["train", str(tmp_path / "none.yaml"), "--run", str(tmp_path / "run")], capsys)
    assert "RECIPE is required" in _refused(["train", "--run", str(tmp_path / "run")], capsys)


def test_an_own_network_works_by_its_dotted_path(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "my_networks.py").write_text(
        "from torch import Tensor, nn\n"
        "from walkprint.core.batch import GaitOutput\n"
        "from walkprint.networks.base import Network\n"
        "class Mean(Network):\n"
        "    def __init__(self, *, features: int = 4) -> None:\n"
        "        super().__init__()\n"
        "        self.project = nn.Linear(64 * 44, features)\n"
        "    def forward(self, frames: Tensor) -> GaitOutput:\n"
        "        return GaitOutput(self.project(frames.mean(dim=1).flatten(1))[:, None])\n"
    )
    monkeypatch.chdir(tmp_path)
    recipe = yaml.safe_load(RECIPE.read_text())
    recipe["network"] = {"class_path": "my_networks.Mean", "init_args": {"features": 5}}
    recipe["losses"] = {"triplet": {"class_path": "TripletLoss"}}
    recipe["loss_weights"] = None
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe))
    words = [word for word in small(store) if not word.startswith("network")]
    train = ["train", "mine.yaml", "--run", "run", "--accelerator", "cpu", *words]
    assert "import it first if you trust it: --import my_networks" in _refused(train, capsys)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert main([*train, "--import", "my_networks"]) == 0
    assert main(["embed", "--run", "run", "--out", "e.npz"]) == 0
    assert EmbeddingSet.load("e.npz").vectors.shape[1:] == (1, 5)


def test_embed_takes_the_test_people_of_the_run(embeddings: Path) -> None:
    found = EmbeddingSet.load(embeddings)
    assert {key.subject for key in found.keys} == {"003", "004"}
    assert found.vectors.shape == (40, 31, 8)
    assert found.source.startswith("GaitSet ")


def test_embed_in_shares_and_everybody(run: Path, embeddings: Path, tmp_path: Path, capsys: Captured) -> None:
    for share in ("0/2", "1/2"):
        words = ["--run", str(run), "--out", str(tmp_path / f"{share[0]}.npz"), "--share", share]
        assert main(["embed", *words]) == 0
    files = [str(tmp_path / "0.npz"), str(tmp_path / "1.npz")]
    capsys.readouterr()
    assert main(["evaluate", "--json", "--resamples", "0", "--embeddings", *files]) == 0
    shared = json.loads(capsys.readouterr().out)
    assert main(["evaluate", "--json", "--resamples", "0", "--embeddings", str(embeddings)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert shared["identification"]["rows"] == whole["identification"]["rows"]
    assert main(["embed", "--json", "--run", str(run), "--split", "all", "--out", str(tmp_path / "all.npz")]) == 0
    assert json.loads(capsys.readouterr().out)["sequences"] == 80


def test_embed_the_energy_image(store: Path, tmp_path: Path, capsys: Captured) -> None:
    data = ["--data", str(store)]
    assert main(["embed", "--energy_image", *data, "--out", str(tmp_path / "e.npz"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["features"] == 64 * 44


def test_embed_refuses(run: Path, tmp_path: Path, capsys: Captured) -> None:
    out = ["--out", str(tmp_path / "e.npz")]
    assert "--run" in _refused(["embed", *out], capsys)
    assert "expected the folder of a trained network" in _refused(["embed", "--run", str(tmp_path), *out], capsys)
    (tmp_path / "recipe.yaml").write_text((run / "recipe.yaml").read_text())
    assert "its training is not finished" in _refused(["embed", "--run", str(tmp_path), *out], capsys)
    assert "share is 2; expected i/n" in _refused(["embed", "--run", str(run), "--share", "2", *out], capsys)
    assert "device is 'cuda:99'" in _refused(["embed", "--run", str(run), "--device", "cuda:99", *out], capsys)
    assert "share is 2/2" in _refused(["embed", "--run", str(run), "--share", "2/2", *out], capsys)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("stret", "; did you mean street?"),
        ("mnie", "; did you mean mine?"),
        ("xqzw", "; give the folder of a run, or street or street-large"),
    ],
)
def test_embed_names_the_run_that_was_meant(
    name: str, advice: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    words = ["embed", "--run", name, "--data", str(tmp_path), "--out", "e.npz"]
    assert _refused(words, capsys).endswith(f"error: {name}: no such folder{advice}\n")


def test_the_bundled_network_embeds_other_data(store: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "street.npz"
    assert main(["embed", "--run", "street", "--data", str(store), "--out", str(out)]) == 0
    capsys.readouterr()
    assert main(["evaluate", "--embeddings", str(out), "--resamples", "0", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["identification"]["rows"]
    normal = next(row for row in rows if (row["probe_set"], row["view"]) == ("NM", "mean"))
    assert normal["figures"]["rank-1"]["value"] == 1  # two people whom it never saw
    assert "--data" in _refused(["embed", "--run", "street", "--out", str(out)], capsys)


def test_evaluate_writes_tables_in_every_form(embeddings: Path, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "results"
    assert main(["evaluate", "--embeddings", str(embeddings), "--resamples", "20", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "identical-view-excluded" in text
    assert "EER" in text
    for name in ("identification.json", "identification.md", "verification.txt", "report.html"):
        assert (out / name).stat().st_size > 200
    assert EmbeddingSet.load(embeddings).source in (out / "identification.txt").read_text()
    file, page = out / "identification.json", tmp_path / "page.html"
    assert main(["report", str(file), f"new={file}", str(out / "verification.json"), "--out", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reports"] == 3
    text = page.read_text()
    assert "<svg" in text
    titles = ["results: {}: identification", "new: {}: identification", "results: {}: verification"]
    assert re.findall("<h2>(.*)</h2>", text)[:3] == [one.format("identical-view-excluded") for one in titles]
    assert "two reports are called results: " in _refused(["report", str(file), str(file), "--out", str(page)], capsys)


def test_evaluate_can_bring_parts_to_unit_length(embeddings: Path, capsys: Captured) -> None:
    def rows(*words: str) -> list[dict[str, object]]:
        assert main(["evaluate", "--embeddings", str(embeddings), "--resamples", "0", "--json", *words]) == 0
        found = json.loads(capsys.readouterr().out)["identification"]
        assert found["settings"]["scoring"]["normalize"] == ("--normalize" in words)
        return found["rows"]

    assert rows("--metric", "cosine", "--normalize") == rows("--metric", "cosine")  # cosines mind no length
    assert rows("--normalize", "--gallery", str(embeddings))  # the gallery of a file of its own is brought there too


def test_a_ranking_where_names_are_secret(tmp_path: Path, capsys: Captured) -> None:
    keys = [
        SequenceKey("00001", "", "01", "a"),
        SequenceKey("00002", "", "02", "b"),
        SequenceKey("probe", "", "03", "v"),
    ]
    EmbeddingSet(np.eye(3, dtype=np.float32)[:, None], keys).save(tmp_path / "e.npz")
    words = ["evaluate", "--embeddings", str(tmp_path / "e.npz"), "--protocol", "grew-submission", "--resamples", "0"]
    assert "none of the 1 probes" in _refused(words, capsys)
    assert main([*words, "--ranking", str(tmp_path / "r.csv"), "--ranking_form", "grew"]) == 0
    assert "no figures: the gallery knows no subject of a probe" in capsys.readouterr().out
    assert (tmp_path / "r.csv").read_text().splitlines()[1] == "v,1,2"


def test_evaluate_by_a_named_protocol_or_a_file(embeddings: Path, tmp_path: Path, capsys: Captured) -> None:
    words = ["evaluate", "--embeddings", str(embeddings), "--resamples", "0", "--json", "--protocol"]
    assert main([*words, "cross-view-gallery"]) == 0
    assert json.loads(capsys.readouterr().out)["identification"]["title"] == "cross-view-gallery"
    file = tmp_path / "coat.yaml"
    file.write_text("name: coat\ngallery: {conditions: [nm], takes: ['01']}\nprobes: {CL: {conditions: [cl]}}\n")
    assert main([*words, str(file)]) == 0
    found = json.loads(capsys.readouterr().out)["identification"]
    assert (found["title"], found["rows"][0]["probe_set"]) == ("coat", "CL")
    assert "kth-outdoor-gallery" in _refused([*words, "kth/protocol"], capsys), "a bundled one, of other people"


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ("casia", "expected a YAML file or one of"),
        ("none.yaml", "none.yaml: no such file"),
        ("kth/protocl", "expected a YAML file or one of"),
        ("list.yaml", "found a list"),
        ("takes.yaml", 'takes holds 01; expected text: write "01" in quotes'),
        ("views.yaml", 'views holds 072; expected text: write "072" in quotes'),
    ],
)
def test_evaluate_refuses_a_protocol(
    protocol: str, message: str, embeddings: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list.yaml").write_text("- a\n")
    Path("takes.yaml").write_text("name: a\ngallery: {takes: [01]}\nprobes: {a: {}}\n")
    Path("views.yaml").write_text("name: a\ngallery: {views: [072]}\nprobes: {a: {}}\n")
    assert message in _refused(["evaluate", "--embeddings", str(embeddings), "--protocol", protocol], capsys)


def test_evaluate_asks_for_a_protocol_where_none_is_known(embeddings: Path, tmp_path: Path, capsys: Captured) -> None:
    EmbeddingSet.load(embeddings).save(tmp_path / "alone.npz")
    error = _refused(["evaluate", "--embeddings", str(tmp_path / "alone.npz")], capsys)
    assert "name one of identical-view-excluded" in error


def test_report_refuses_what_is_no_report(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "c.json").write_text("[{}]")  # as protocols lie beside embeddings
    said = _refused(["report", str(tmp_path / "c.json"), "--out", str(tmp_path / "p.html")], capsys)
    assert "not a walkprint report of version 1" in said
    assert "a.json" in _refused(["report", str(tmp_path / "a.json"), "--out", str(tmp_path / "p.html")], capsys)
    assert "b.json" in _refused(["report", str(tmp_path / "b.json"), "--out", str(tmp_path / "p.html")], capsys)


def test_a_data_set_that_cannot_be_opened_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    data = ["--data", missing]
    words = ["embed", "--energy_image", *data, "--out", str(tmp_path / "x.npz")]
    assert main(words) == 2
    assert capsys.readouterr().err.splitlines() == [f"walkprint: error: {missing}: no such file or folder"]


def test_embed_says_when_it_computes_in_bf16(
    store: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["embed", "--run", "street", "--data", str(store), "--out", str(tmp_path / "e.npz")]
    monkeypatch.setattr("walkprint.core.device.embedding_precision", lambda device: "bf16")
    assert main(words) == 0
    assert ", in bf16 (--precision 32-true computes in float32)" in capsys.readouterr().out
    assert main([*words, "--precision", "32-true", "--json"]) == 0
    assert '"precision": "32-true"' in capsys.readouterr().out


def test_a_broken_file_of_embeddings_is_named_before_protocols(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    broken = str(tmp_path / "broken.npz")
    for words in (["evaluate", "--embeddings", broken], ["compare", broken, f"again={broken}"]):
        said = _refused(words, capsys)
        assert f"{broken}: " in said
        assert "protocol" not in said
