"""At least 500 mutated command lines over all verbs, seeded: no traceback, one line and exit 2, or 0 where harmless."""

import contextlib
import json
import random
import shutil
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml

from walkprint.cli import VERBS, main
from walkprint.core.errors import DataError, TrainingError
from walkprint.generation.acgan import ACGAN
from walkprint.networks import GaitSet
from walkprint.recipes.trained import load_network
from walkprint.recognizer.cohort import Cohort
from walkprint.recognizer.sources import Walk
from walkprint.training.checkpoint import save_network
from walkprint.video.reader import Video

ROUNDS, SEED, LONGEST_S = 26, 0, 20  # command lines of each verb
STOPPED = ("serve", "segment", "study", "import-opengait", "import-opengait-config", "import-gaitnet")
ODD = [
    "-1", "0", "-5", "1e999", "nan", "inf", "-inf", str(10**12), str(10**30), "", " ", "[]", "{}", "null", "true", "x",
    "é😀", "\u009b31m", "\u202e", "[" * 500, "{a: {b", "[a, b", "{a: 1, a: 2}", "!!python/object:os.system x", "0x10",
    "..", "/", "/dev/null", "/proc/self/mem", "n" * 300, "os.system", "walkprint.__main__.x", "GaitSet", "--", "-", "=",
    "a=b", "a.b.c=1", "&a [*a]", "1/0", "2/1", "0/0", "odd.bin", "odd.yaml", "odd.json", "folder", "pipe.png", "e.npz",
]  # fmt: skip


@pytest.fixture
def here(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a little of everything; trainings, videos and studies are not carried out."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(store, "store")
    torch.manual_seed(0)
    save_network("net", GaitSet(channels=(2, 2, 2), feature=2))
    names = {"subjects": ["001", "002"], "conditions": ["cl", "nm"], "views": ["072", "108"]}
    save_network("coats/generator", ACGAN(latent=2, widths=(2, 2, 2, 2), **names))
    torch.save({"iteration": 1, "model": GaitSet(channels=(2, 2, 2), feature=2).state_dict()}, "opengait.pt")
    recipe = {
        "network": {"class_path": "GaitSet", "init_args": {"channels": [2, 2, 2], "feature": 2}},
        "losses": {"triplet": {"class_path": "TripletLoss"}},
        "data": {"root": "store"},
        "frames": {"class_path": "RandomSubset", "init_args": {"count": 2}},
        "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
        "scheduler": {"class_path": "OneCycle"},
        "schedule": {"steps": 1, "subjects_per_batch": 2, "clips_per_subject": 2},
    }
    Path("recipe.yaml").write_text(yaml.safe_dump(recipe))
    generator = {
        "generator": {"class_path": "ACGAN", "init_args": {"latent": 2, "widths": [2, 2, 2, 2]}},
        "data": {"root": "store"},
        "conditions": ["cl", "nm"],
        "steps": 1,
        "batch_size": 2,
    }
    Path("generator.yaml").write_text(yaml.safe_dump(generator))
    config = {"model_cfg": {"model": "GaitSet", "in_channels": [1, 2, 2, 2]}, "loss_cfg": [], "trainer_cfg": {}}
    Path("opengait.yaml").write_text(yaml.safe_dump(config))
    Path("odd.bin").write_bytes(bytes(range(256)))
    Path("odd.yaml").write_text("- {a: [1, 2\n")
    Path("odd.json").write_text('{"format": 3, "rows": [{}], "name": "\\ud83d"}')
    Path("folder").mkdir()
    Path("film").mkdir()
    for number in range(2):
        cv2.imwrite(f"film/{number}.png", np.zeros((40, 30), np.uint8))
    for words in (
        ["embed", "--run", "net", "--data", "store", "--out", "e.npz", "--split", "all"],
        ["evaluate", "--embeddings", "e.npz", "--resamples", "0", "--out", "r"],
        ["calibrate", "--embeddings", "e.npz", "--out", "h.site"],
    ):
        assert main(words) == 0
    return tmp_path


def _texts() -> dict[str, list[str]]:
    """Of each verb, command lines that are right; of those in STOPPED, only refusals are looked at."""
    seeing = "--network net --segmenter Background --gallery people.gallery"
    return {
        "enroll": [f"film --name Anna --consent yes --expires 2999-12-31 --keep_silhouettes {seeing}"],
        "identify": [f"film --false_positive_rate 0.1 --candidates 2 --each_walk --csv s.csv {seeing}"],
        "watch": [f"film --false_positive_rate 0.1 --events s.jsonl --most 1 {seeing}"],
        "serve": [f"--host 127.0.0.1 --port 0 --token_file t.token --false_positive_rate 0.1 {seeing}"],
        "gallery": [
            f"{action} --gallery people.gallery"
            for action in ("list", "show --name Anna", "export --file c.gallery", "merge --file c.gallery", "verify")
        ],
        "export": ["net --out onnx"],
        "demo": ["--quick --out d --seed 1"],
        "walkers": ["--out w --subjects 2 --train 1 --views 072,108 --frames 2 --workers 1 --takes nm=1 cl=1 --seed 1"],
        "segment": ["folder --out s --segmenter Background --set segmenter.contrast=20 --size_px 64 --frame_rate_hz 5"],
        "prepare": ["Walkers --out p --set data.subjects=2 data.frames=2 data.views=[\"072\"] --bits 1 --workers 1"],
        "recipes": ["walkers/gaitset_narrow"],
        "explain": ["GaitSet"],
        "train": [
            "recipe.yaml --run run --accelerator cpu --set schedule.steps=1 network.channels=[2,2,2] optimizer.lr=0.1",
            "recipe.yaml --run run2 --accelerator cpu --set scheduler=MultiStep scheduler.milestones=[1]",
        ],
        "train-generator": ["generator.yaml --run gen --accelerator cpu --set steps=1 generator.latent=2 seed=1"],
        "expand": [
            "--data store --run coats --wanted cl=3 --out x --seed 1",
            "--data store --expander MorphologicalCoat --set expander.thickness_px=2 --wanted cl=3 --out y",
        ],
        "models": [""],
        "embed": ["--run net --data store --set data.train=2 --out n.npz --frames_per_batch 9 --share 0/2"],
        "calibrate": ["--embeddings e.npz --out c.site"],
        "evaluate": ["--embeddings e.npz --resamples 2 --ranks 1 5 --false_accept_rates 0.1 --metric cosine --seed 1"],
        "compare": ["a=e.npz b=e.npz --resamples 2 --figure mAP"],
        "report": ["r/identification.json --out report.html --title t"],
        "study": ["inter-class --set seeds=1 steps=1 networks=[GaitSet] --out st --quick --share 0/1 --workers 1"],
        "import-opengait": ["opengait.pt --network GaitSet --set network.channels=[2,2,2] network.feature=2 --out i"],
        "import-gaitnet": ["opengait.pt --out g --official_padding 1"],
        "import-opengait-config": ["opengait.yaml --out o.yaml"],
        "completion": ["bash"],
    }  # fmt: skip


def _mutated(words: list[str], rng: random.Random) -> list[str]:
    """A command line with one or two of its words changed."""
    words = list(words)
    for _ in range(rng.choice([1, 1, 2])):
        place = rng.randrange(len(words) + 1)
        kind = rng.choice(["odd", "odd", "odd", "setting", "drop", "twice", "misspell", "more"])
        at = words[place : place + 1]
        if kind == "odd" and at and not at[0].startswith("--"):
            name, equals, _ = at[0].partition("=")
            words[place] = name + equals + rng.choice(ODD) if equals else rng.choice(ODD)
        elif kind == "setting" and "--set" in words:
            setting = next(one for one in words[words.index("--set") + 1 :] if "=" in one).partition("=")[0]
            words.insert(words.index("--set") + 1, f"{setting}{rng.choice(['', '.x', 'x', '[0]'])}={rng.choice(ODD)}")
        elif kind == "drop" and at:
            del words[place]
        elif kind == "twice" and at:
            words.insert(place, at[0])
        elif kind == "misspell" and at and len(at[0]) > 3:
            words[place] = at[0][:-2] + at[0][-1]
        else:
            words.insert(place, rng.choice([*ODD, "--json", "--config", "--set", "--import", "--help"]))
    return words


def _damaged(file: Path, rng: random.Random) -> bytes:
    """A file with a few bytes changed, cut off, or some of its JSON replaced."""
    whole = bytearray(file.read_bytes())
    kind = rng.choice(["bytes", "cut", "json"])
    if kind == "json" and file.suffix == ".json":
        plain = json.loads(whole)
        for _ in range(2):
            inner: Any = plain
            while isinstance(inner, dict | list) and inner:
                name = rng.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
                if rng.random() < 0.4 or not isinstance(inner[name], dict | list):
                    inner[name] = rng.choice([None, -1, 10**30, "x", "\ud83d", [], {}, [[]], {"a": {}}, 0.5, True])
                    break
                inner = inner[name]
        return json.dumps(plain).encode()
    if kind == "cut":
        return bytes(whole[: rng.randrange(len(whole))])
    for _ in range(rng.randrange(1, 9)):
        whole[rng.randrange(len(whole))] = rng.randrange(256)
    return bytes(whole)


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _fault(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is wrong with how a command line ended; empty when nothing is."""
    capsys.readouterr()
    try:
        with _in_time():
            code = main(words)
    except BaseException as error:  # whatever it is, it is a fault
        if isinstance(error, KeyboardInterrupt):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{words}: {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    said = [one for one in capsys.readouterr().err.splitlines() if one.startswith("walkprint: error")]
    if code not in (0, 2) or len(said) != code // 2 or any(not one.isprintable() for one in said):
        return f"{words}: exit {code}, {said}"
    return ""


def _stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long work is tested elsewhere; here, what comes before it."""

    class Done:
        first, step, numbers = False, 0, {"loss": 0.0}

        def to_text(self) -> str:
            return ""

    def walks(source: Any, segmenter: Any, hook: Any = None) -> Iterator[Walk]:
        for one in source if isinstance(source, list) else [source]:
            list(Video(one))
        yield Walk(np.random.default_rng(0).integers(0, 2, (30, 1, 64, 64), np.uint8) * np.uint8(255))

    def strangers(embed: Any, about: str) -> Cohort:
        frames = np.zeros((9, 3, 1, 64, 64), np.uint8)
        for number in range(9):
            frames[number, :, :, 2:62, 20 : 30 + number] = 255
        vectors = [embed(one) for one in frames]
        return Cohort(np.stack(vectors), np.arange(9) // 2, about)

    def exported(run: Any, out: Path, int8: bool) -> dict[str, Any]:
        load_network(run)
        return {"bytes": 1, "digest": "", "difference": 0.0}

    def no_camera(*given: Any, **named: Any) -> None:
        raise DataError("no camera and no server")

    from walkprint.recipes import training
    from walkprint.studies import demo

    for place, stub in (
        ("recognizer.recognizer.walks_of", walks), ("recognizer.recognizer.find_or_make", strangers),
        ("recipes.export.export", exported), ("video.live.Live", no_camera), ("web.serve.serve", no_camera),
    ):  # fmt: skip
        monkeypatch.setattr(f"walkprint.{place}", stub)

    fit = training.fit

    def stopped(*given: Any, **named: Any) -> None:
        raise TrainingError("no study")

    def short(*given: Any, **named: Any) -> Any:
        return fit(*given, **named) if given[4].steps < 3 else Done()

    monkeypatch.setattr(training, "fit", short)
    monkeypatch.setattr(training, "fit_generator", lambda *given, **named: Done())
    monkeypatch.setattr(demo, "run_demo", lambda *given, **named: type("D", (Done,), {"numbers": dict})())
    monkeypatch.setattr("walkprint.studies.run.run_study", stopped)


@pytest.mark.slow
def test_mutated_command_lines(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rng, faults, count = random.Random(SEED), list[str](), 0
    _stub(monkeypatch)
    embeddings = Path("e.npz").read_bytes()
    for verb in VERBS:
        Path("e.npz").write_bytes(embeddings)  # which a mutated line may have written over
        right = [text.split() for text in _texts()[verb]]
        for words in right:
            assert main([verb, *words]) == (2 if verb in STOPPED else 0), capsys.readouterr().err
        for _ in range(ROUNDS):
            words = _mutated(rng.choice(right), rng)
            count += 1
            faults.append(_fault([verb, *words], capsys))
    assert count >= 500  # of all verbs
    faults = list(filter(None, faults))
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("words", ["evaluate --embeddings []", "compare []", "report [] --out r", "segment [] --out s"])
def test_empty_lists(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert "must be given" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("net/config.json", "embed --run net --data store --out d.npz"),
        ("net/network.safetensors", "embed --run net --data store --out d.npz"),
        ("store/meta.json", "embed --run net --data store --out d.npz"),
        ("store/index.npz", "embed --run net --data store --out d.npz"),
        ("e.npz", "evaluate --embeddings e.npz --resamples 0"),
        ("e.protocols.json", "evaluate --embeddings e.npz --resamples 0"),
        ("h.site", "evaluate --embeddings e.npz --resamples 0 --gallery_site h.site"),
        ("r/identification.json", "report r/identification.json --out r.html"),
        ("coats/generator/config.json", "expand --data store --run coats --wanted cl=3 --out x"),
        ("recipe.yaml", "train recipe.yaml --run r2 --accelerator cpu"),
        ("opengait.yaml", "import-opengait-config opengait.yaml --out o.yaml"),
        ("opengait.pt", "import-opengait opengait.pt --network GaitSet --out i --set network.feature=2"),
    ],
)
def test_damaged_files(
    file: str, words: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rng, faults, whole = random.Random(SEED), list[str](), Path(file).read_bytes()
    _stub(monkeypatch)
    for number in range(15):
        Path(file).write_bytes(whole)
        Path(file).write_bytes(_damaged(Path(file), rng))
        for made in (Path("x"), Path("r2")):
            shutil.rmtree(made, ignore_errors=True)
        faults.append(f"{number}: {fault}" if (fault := _fault(words.split(), capsys)) else "")
    faults = list(filter(None, faults))
    assert not faults, "\n".join(faults)
