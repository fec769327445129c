"""Every option of every verb reaches the library: a recorder stands in place of the library's function.

Each case gives every option a value that is not its default, and names what the library must be called with. Options
are found by introspection, so that a new one cannot be forgotten, and so are the parameters of the library's function:
one that a verb does not hand over is named in the case.
"""

import importlib
import inspect
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from walkprint.cli import VERBS, find_verb
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.engine import Machines, Ray
from walkprint.core.sequence import SequenceKey
from walkprint.data.base import GaitDataset
from walkprint.data.packed import Packed
from walkprint.evaluation import Report, Scoring, Site, Whitening
from walkprint.gallery import Gallery, Person
from walkprint.generation.expander import Expander
from walkprint.recipes.evaluation import Compared
from walkprint.recipes.walkers import People
from walkprint.recognizer import Candidate, Sighting
from walkprint.video.cut import Cut
from walkprint.video.segmenter import Segmenter
from walkprint.web.limits import Limits

PROTOCOL, STORE, NETWORK, MODEL = (SimpleNamespace(name=name) for name in ("protocol", "store", "network", "model"))


class Data:
    """A data set in name only."""

    protocols: dict[str, Any] = {}

    def store(self) -> Any:
        return STORE

    def keys(self, split: str) -> list[str]:
        return [split]


DATA = Data()


@dataclass
class Case:
    """One verb.

    Attributes:
        words: after the verb; each option once.
        calls: function of the library -> arguments that it must get, by name.
        gives: function of the library -> what it returns.
        kept: function -> parameters that the verb leaves at their defaults, on purpose; ... when these are most.
        without: options that this case cannot give; another one does.
    """

    words: str
    calls: dict[str, dict[str, Any]]
    gives: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)


def _embeddings() -> EmbeddingSet:
    return EmbeddingSet(np.ones((1, 1, 2), np.float32), (SequenceKey("a"),), "GaitSet")


CAPTURED = SimpleNamespace(keys=[SequenceKey("anna")], previews=[], save_sheet=lambda path: None, to_dict=dict)
WHITENING = Whitening(np.zeros((1, 2), np.float32), np.ones((1, 2, 2), np.float32))
SITES = {
    name: Site.learn(
        EmbeddingSet(np.ones((5, 1, 2), np.float32), [SequenceKey(f"{name}-{i}") for i in range(5)], "GaitSet")
    )
    for name in ("hall.site", "yard.site")
}
SCORING = Scoring(
    metric="cosine", center=True, normalize=True, whitening=WHITENING, gallery_site=SITES["hall.site"],
    probe_site=SITES["yard.site"], resamples=5, seed=3,
)  # fmt: skip
RESULT = SimpleNamespace(first=True, step=3, numbers={}, network=NETWORK, model=MODEL)
RECIPE = SimpleNamespace(schedule=SimpleNamespace(steps=3), steps=3, wanted=dict, data=SimpleNamespace(root="store"))
REPORT = SimpleNamespace(kind="identification", to_text=lambda: "", to_json=lambda: "{}")
PAGE = SimpleNamespace(tables=[], to_text=lambda: "")
GENERATED = SimpleNamespace(generated={"a": {}}, index=len, lengths=[0, 9], meta={"generated": {}, "dropped": {}})

_RECOGNIZER = "walkprint.recognizer.recognizer.Recognizer"
_KNOWN = (
    "--gallery g --key_file key.txt --asked_by door --network street-large --segmenter background --site hall.site "
    "--gallery_site yard.site"
)
_UNSITED = _KNOWN.partition(" --site")[0]
_OPENED: dict[str, Any] = {
    f"{_RECOGNIZER}.__init__": {
        "self": ..., "gallery": Path("g"), "network": "street-large", "site": SITES["hall.site"],
        "gallery_site": SITES["yard.site"], "asked_by": "door", "segmenter": ..., "key": b"key", "adopt": False,
    },
    "walkprint.recipes.classes.build": {
        "family": Segmenter, "entry": {"class_path": "Background", "init_args": {}}, "settings": {},
    },
    "walkprint.gallery.cipher.read_key": {"path": Path("key.txt")},
}  # fmt: skip
_NO_SITES = _OPENED | {
    f"{_RECOGNIZER}.__init__": _OPENED[f"{_RECOGNIZER}.__init__"] | {"site": None, "gallery_site": None}
}
_OPENING: dict[str, Any] = {
    f"{_RECOGNIZER}.__init__": None,
    "walkprint.evaluation.Site.load": lambda path: SITES[path.name],
    "walkprint.gallery.cipher.read_key": b"key",
}
_KEPT: dict[str, Any] = {f"{_RECOGNIZER}.__init__": {"false_positive_rate", "cohort"}}
PERSON = SimpleNamespace(name="Anna", id="0", walks=1, frames=30)
SEEN = Sighting(1, 0.0, 1.0, "left", 1, 25, 1.0, (Candidate("0", "Anna", 0.7, 0.9),), 0.5, 0.05, 0.1, 3)

_CLUSTER = "--engine ray --address head:6379"
_MACHINES = {"engine", "address", "workers"}

CASES = {
    "enroll": Case(
        f"a.mp4 b.mp4 --name Anna --consent signed --expires 2999-01-01 --keep_silhouettes {_UNSITED}",
        _NO_SITES
        | {
            f"{_RECOGNIZER}.enroll": {
                "self": ...,
                "source": [Path("a.mp4"), Path("b.mp4")],
                "name": "Anna",
                "consent": "signed",
                "expires": "2999-01-01",
                "keep_silhouettes": True,
                "hook": ...,
            },
        },
        _OPENING | {f"{_RECOGNIZER}.enroll": PERSON},
        _KEPT | {f"{_RECOGNIZER}.enroll": {"asked_by", "warn"}},
    ),
    "serve": Case(
        "--host 0.0.0.0 --port 9 --token_file t --false_positive_rate 0.1 --upload_mb 1 --video_s 2 --frame_px 3 "
        f"--job_s 4 --memory_mb 5 --jobs 6 --waiting 7 --requests_hz 8 {_KNOWN}",
        _OPENED
        | {
            "walkprint.web.serve.serve": {
                "recognizer": ...,
                "host": "0.0.0.0",
                "port": 9,
                "token_file": Path("t"),
                "false_positive_rate": 0.1,
                "limits": Limits(
                    upload_mb=1, video_s=2, frame_px=3, job_s=4, memory_mb=5, jobs=6, waiting=7, requests_hz=8
                ),
                "say": ...,
            },
        },
        _OPENING | {"walkprint.web.serve.serve": None},
        _KEPT,
    ),
    "identify": Case(
        f"a.mp4 --false_positive_rate 0.1 --each_walk --candidates 3 --csv seen.csv --video named.mp4 {_KNOWN}",
        _OPENED
        | {
            f"{_RECOGNIZER}.identify": {
                "self": ...,
                "source": Path("a.mp4"),
                "false_positive_rate": 0.1,
                "most": 3,
                "fuse": False,
                "hook": ...,
            },
            f"{_RECOGNIZER}.annotate": {
                "self": ...,
                "source": Path("a.mp4"),
                "sightings": [SEEN],
                "out": Path("named.mp4"),
            },
            f"{_RECOGNIZER}.doubt": {"self": ..., "false_positive_rate": 0.1, "walks": 1},
            "walkprint.recognizer.sighting.save_sightings": {
                "path": Path("seen.csv"),
                "found": [(Path("a.mp4"), SEEN)],
            },
        },
        _OPENING | {f"{_RECOGNIZER}.identify": [SEEN], f"{_RECOGNIZER}.doubt": ""},
        _KEPT | {f"{_RECOGNIZER}.identify": {"asked_by"}},
    ),
    "watch": Case(
        f"hall.mp4 --false_positive_rate 0.1 --events seen.jsonl --most 1 {_KNOWN}",
        _OPENED
        | {
            f"{_RECOGNIZER}.watch": {"self": ..., "source": Path("hall.mp4"), "false_positive_rate": 0.1},
            f"{_RECOGNIZER}.doubt": {"self": ..., "false_positive_rate": 0.1},
        },
        _OPENING | {f"{_RECOGNIZER}.watch": [SEEN, SEEN], f"{_RECOGNIZER}.doubt": ""},
        _KEPT | {f"{_RECOGNIZER}.watch": {"most", "asked_by", "hook"}, f"{_RECOGNIZER}.doubt": {"walks"}},
        without={"attempts"},
    ),
    "watch a camera": Case(
        f"rtsp://camera/hall --attempts 3 {_KNOWN}",
        {
            "walkprint.video.live.Live.__init__": {
                "self": ...,
                "source": "rtsp://camera/hall",
                "tries": 3,
                "warn": ...,
            },
            f"{_RECOGNIZER}.watch": {"self": ..., "source": ..., "false_positive_rate": 0.05},
            f"{_RECOGNIZER}.doubt": {"self": ..., "false_positive_rate": 0.05},
        },
        _OPENING | {f"{_RECOGNIZER}.watch": [SEEN], f"{_RECOGNIZER}.doubt": ""},
        {
            f"{_RECOGNIZER}.watch": {"most", "asked_by", "hook"},
            f"{_RECOGNIZER}.doubt": {"walks"},
            "walkprint.video.live.Live.__init__": {"wait_s"},
        },
        without={"false_positive_rate", "events", "most"},
    ),
    "gallery re-embed": Case(
        f"re-embed {_UNSITED.replace(' --segmenter background', '')}",
        _NO_SITES
        | {
            f"{_RECOGNIZER}.__init__": _NO_SITES[f"{_RECOGNIZER}.__init__"] | {"adopt": True},
            "walkprint.recipes.classes.build": {
                "family": Segmenter,
                "entry": {"class_path": "MediaPipe", "init_args": {}},
                "settings": {},
            },
            f"{_RECOGNIZER}.re_embed": {"self": ...},
        },
        _OPENING | {f"{_RECOGNIZER}.re_embed": 3},
        _KEPT | {f"{_RECOGNIZER}.re_embed": {"asked_by"}},
        {"name", "file", "consent", "expires"},
    ),
    "gallery export": Case(
        "export --name Anna --file copy --gallery g --key_file key.txt --asked_by door",
        {
            "walkprint.gallery.gallery.Gallery.open": {"path": Path("g"), "key": b"key"},
            "walkprint.gallery.gallery.Gallery.export": {
                "self": ...,
                "path": Path("copy"),
                "names": ["Anna"],
                "asked_by": "door",
            },
        },
        {
            "walkprint.gallery.cipher.read_key": b"key",
            "walkprint.gallery.gallery.Gallery.open": object.__new__(Gallery),
            "walkprint.gallery.gallery.Gallery.close": None,
            "walkprint.gallery.gallery.Gallery.export": 1,
        },
        {"walkprint.gallery.gallery.Gallery.open": {"binding"}},
        {"network", "consent", "expires"},
    ),
    "gallery amend": Case(
        "amend --name Anna --consent again --expires never --gallery g --key_file key.txt --asked_by door",
        {
            "walkprint.gallery.gallery.Gallery.open": {"path": Path("g"), "key": b"key"},
            "walkprint.gallery.gallery.Gallery.amend": {
                "self": ...,
                "name": "Anna",
                "consent": "again",
                "expires": "never",
                "asked_by": "door",
            },
        },
        {
            "walkprint.gallery.cipher.read_key": b"key",
            "walkprint.gallery.gallery.Gallery.open": object.__new__(Gallery),
            "walkprint.gallery.gallery.Gallery.close": None,
            "walkprint.gallery.gallery.Gallery.amend": Person("1", "Anna", "again", "2026-11-27", None, 1, 20),
        },
        {"walkprint.gallery.gallery.Gallery.open": {"binding"}},
        {"network", "file"},
    ),
    "demo": Case(
        "--quick --out there --seed 3",
        {"walkprint.studies.demo.run_demo": {"out": Path("there"), "quick": True, "seed": 3, "phase": ...}},
        {"walkprint.studies.demo.run_demo": SimpleNamespace(numbers=dict, to_text=str)},
    ),
    "walkers": Case(
        "--out store --subjects 7 --train 5 --seed 3 --views 036,072 --takes nm=2 cl=1 --scarce cl=2 "
        "--views_per_take 1 --one_side --frames 9 --size_px 32 --variety gait=0.5 fresh_clothes=true "
        f"{_CLUSTER} --workers 2 --sheet sheet.png",
        {
            "walkprint.recipes.classes.build": {
                "family": GaitDataset,
                "entry": {
                    "class_path": "Walkers",
                    "init_args": {
                        "subjects": 7,
                        "train": 5,
                        "seed": 3,
                        "views": ["036", "072"],
                        "takes": {"nm": 2, "cl": 1},
                        "scarce": {"cl": 2},
                        "views_per_take": 1,
                        "one_side": True,
                        "frames": 9,
                        "size_px": 32,
                        "variety": {"gait": "0.5", "fresh_clothes": "true"},
                    },
                },
                "settings": {},
            },
            "walkprint.data.prepare.pack": {
                "dataset": DATA,
                "out": Path("store"),
                "workers": 2,
                "engine": Ray("head:6379"),
                "progress": ...,
            },
            "walkprint.evaluation.sheets.save_sheet": {"store": STORE, "path": Path("sheet.png")},
        },
        {
            "walkprint.recipes.classes.build": DATA,
            "walkprint.data.prepare.pack": SimpleNamespace(to_dict=dict),
            "walkprint.data.packed.Packed": DATA,
        },
        {"walkprint.data.prepare.pack": {"bits", "clean", "compression", "share", "strict"}},
        without={"segmented"},
    ),
    "walkers segmented": Case(
        f"--out store --segmented pose --workers 2 {_CLUSTER}",
        {
            "walkprint.recipes.segmented.segmented_to_store": {
                "walkers": DATA,
                "out": Path("store"),
                "segmenter": "pose",
                "machines": Machines(engine="ray", address="head:6379", workers=2),
                "progress": ...,
            },
        },
        {
            "walkprint.recipes.classes.build": DATA,
            "walkprint.recipes.segmented.segmented_to_store": SimpleNamespace(to_dict=dict),
        },
        without={one.name for one in fields(People)} | {"sheet"},
    ),
    "segment": Case(
        "a.mp4 b.mp4 --out store --segmenter background --set segmenter.contrast=20 --color --gaitnet_crop "
        "--one_person --condition nm --frame_rate_hz 12.5 --image_rate_hz 10 --size_px 128 --least_frames 7 "
        "--most_frames 70 --gap_s 0.1 --least_score 0.4 "
        f"--keep_all --preview shown --workers 2 {_CLUSTER}",
        {
            "walkprint.recipes.classes.build": {
                "family": ...,
                "entry": {"class_path": "Background", "init_args": {"contrast": "20"}},
                "settings": {},
            },
            "walkprint.capture.capture": {
                "videos": [
                    ("recording", "a.mp4", {"subject": True, "condition": "nm", "image_rate_hz": 10.0}),
                    ("recording", "b.mp4", {"subject": True, "condition": "nm", "image_rate_hz": 10.0}),
                ],
                "segmenter": MODEL,
                "out": Path("store"),
                "cut": Cut(
                    size_px=128,
                    color=True,
                    gaitnet_crop=True,
                    least_frames=7,
                    most_frames=70,
                    gap_s=0.1,
                    least_score=0.4,
                ),
                "keep_all": True,
                "frame_rate_hz": 12.5,
                "preview": Path("shown"),
                "workers": 2,
                "engine": Ray("head:6379"),
                "progress": ...,
                "on_video": ...,
            },
        },
        {
            "walkprint.recipes.classes.build": MODEL,
            "walkprint.capture.capture": CAPTURED,
            "walkprint.capture.recordings": lambda path, **known: [("recording", str(path), known)],
        },
    ),
    "prepare": Case(
        "Folder --root masks --out store --set data.size_px=32 --bits 1 --compression zstd --share 1/3 --strict "
        f"--clean --workers 2 {_CLUSTER}",
        {
            "walkprint.recipes.classes.build": {
                "family": GaitDataset,
                "entry": {"class_path": "Folder", "init_args": {"size_px": "32", "root": "masks"}},
                "settings": {},
            },
            "walkprint.data.prepare.pack": {
                "dataset": DATA,
                "out": Path("store"),
                "bits": 1,
                "compression": "zstd",
                "workers": 2,
                "engine": Ray("head:6379"),
                "share": (1, 3),
                "clean": True,
                "strict": True,
                "progress": ...,
            },
        },
        {
            "walkprint.recipes.classes.build": DATA,
            "walkprint.data.prepare.pack": SimpleNamespace(to_dict=dict),
        },
    ),
    "train": Case(
        "mine.yaml --run run --init street --set schedule.steps=3 data.root=x --accelerator cpu --devices 2 --nodes 3 "
        "--resident device --compile --track mlflow --fresh",
        {
            "walkprint.recipes.recipe.load_recipe": {
                "source": Path("mine.yaml"),
                "changes": {"schedule.steps": "3", "data.root": "x"},
            },
            "walkprint.training.trackers.tracker": {"name": "mlflow", "run": Path("run")},
            "walkprint.recipes.training.train": {
                "recipe": RECIPE,
                "run": Path("run"),
                "init": "street",
                "accelerator": "cpu",
                "devices": 2,
                "nodes": 3,
                "resident": "device",
                "compile": True,
                "listeners": [..., MODEL],
                "resume": False,
            },
        },
        {
            "walkprint.recipes.recipe.load_recipe": RECIPE,
            "walkprint.training.trackers.tracker": MODEL,
            "walkprint.recipes.training.train": RESULT,
        },
    ),
    "train-generator": Case(
        "mine.yaml --run run --set steps=3 --accelerator cpu --fresh",
        {
            "walkprint.recipes.generator_recipe.load_generator_recipe": {
                "source": Path("mine.yaml"),
                "changes": {"steps": "3"},
            },
            "walkprint.recipes.training.train_generator": {
                "recipe": RECIPE,
                "run": Path("run"),
                "accelerator": "cpu",
                "listeners": [...],
                "resume": False,
            },
        },
        {
            "walkprint.recipes.generator_recipe.load_generator_recipe": RECIPE,
            "walkprint.recipes.training.train_generator": RESULT,
        },
    ),
    "expand": Case(
        "--data store --set data.train=1 --run run --wanted cl=2 --out more --seed 3 --device cuda --bf16 --cover "
        "--sheet sheet.png",
        {
            "walkprint.recipes.classes.build": {
                "family": Packed,
                "entry": {"root": "store", "train": "1"},
                "settings": {},
            },
            "walkprint.core.device.usable_device": {"name": "cuda"},
            "walkprint.recipes.trained.load_generator": {"run": Path("run")},
            "walkprint.generation.expander.GeneratorExpander": {
                "model": "model on the device",
                "bf16": True,
                "cover": True,
            },
            "walkprint.generation.expand.expand": {
                "dataset": DATA,
                "expander": MODEL,
                "wanted": {"cl": 2},
                "out": Path("more"),
                "seed": 3,
                "workers": None,
                "engine": None,
                "progress": ...,
            },
            "walkprint.evaluation.sheets.save_generated_sheet": {"store": GENERATED, "path": Path("sheet.png")},
        },
        {
            "walkprint.recipes.classes.build": DATA,
            "walkprint.core.device.usable_device": "the device",
            "walkprint.recipes.trained.load_generator": SimpleNamespace(to=lambda device: f"model on {device}"),
            "walkprint.generation.expander.GeneratorExpander": MODEL,
            "walkprint.generation.expand.expand": Path("more"),
            "walkprint.data.store.Store.open": GENERATED,
            "walkprint.evaluation.frame_measures.expansion_lines": [],
        },
        without={"expander"} | _MACHINES,
    ),
    "expand on a cluster": Case(
        f"--data store --expander Copying --wanted cl=2 --out more --workers 2 {_CLUSTER}",
        {"walkprint.generation.expand.expand": {"workers": 2, "engine": Ray("head:6379")}},
        {
            "walkprint.recipes.classes.build": DATA,
            "walkprint.generation.expand.expand": Path("more"),
            "walkprint.data.store.Store.open": GENERATED,
            "walkprint.evaluation.frame_measures.expansion_lines": [],
        },
        {"walkprint.generation.expand.expand": ...},
        without={"run", "set", "seed", "device", "bf16", "cover", "sheet"},
    ),
    "expand by something simpler": Case(
        "--data store --set expander.p=0.1 --expander NoiseInjection --wanted cl=2 --out more",
        {
            "walkprint.recipes.classes.build": {
                "family": Expander,
                "entry": {"class_path": "NoiseInjection", "init_args": {"p": "0.1"}},
                "settings": {},
            },
        },
        {
            "walkprint.recipes.classes.build": DATA,
            "walkprint.generation.expand.expand": Path("more"),
            "walkprint.data.store.Store.open": GENERATED,
            "walkprint.evaluation.frame_measures.expansion_lines": [],
        },
        without={"run", "seed", "device", "bf16", "cover", "sheet"} | _MACHINES,
    ),
    "expand the run's own data": Case(
        "--run run --wanted cl=2 --out more",
        {
            "walkprint.recipes.trained.dataset_of": {"run": Path("run")},
            "walkprint.generation.expand.expand": {"dataset": DATA, "expander": MODEL},
        },
        {
            "walkprint.recipes.trained.dataset_of": DATA,
            "walkprint.recipes.trained.load_generator": SimpleNamespace(to=lambda device: MODEL),
            "walkprint.generation.expander.GeneratorExpander": MODEL,
            "walkprint.generation.expand.expand": Path("more"),
            "walkprint.data.store.Store.open": GENERATED,
            "walkprint.evaluation.frame_measures.expansion_lines": [],
        },
        {"walkprint.generation.expand.expand": ...},
        without={"data", "set", "expander", "seed", "device", "bf16", "cover", "sheet"} | _MACHINES,
    ),
    "embed": Case(
        "--run run --data store --set data.train=1 --split train --out e.npz --device cuda --precision bf16 "
        "--runtime openvino --frames_per_batch 7 --workers 2 --share 1/3",
        {
            "walkprint.core.device.usable_device": {"name": "cuda"},
            "walkprint.recipes.trained.load_network": {"name": Path("run"), "runtime": "openvino"},
            "walkprint.recipes.classes.build": {
                "family": Packed,
                "entry": {"root": "store", "train": "1"},
                "settings": {},
            },
            "walkprint.evaluation.embed": {
                "network": NETWORK,
                "store": DATA,
                "keys": ["train"],
                "device": "the device",
                "precision": "bf16",
                "frames_per_batch": 7,
                "workers": 2,
                "engine": None,
                "share": (1, 3),
                "progress": ...,
            },
            "walkprint.recipes.protocols.save_embeddings": {"embeddings": ..., "dataset": DATA, "out": Path("e.npz")},
        },
        {
            "walkprint.core.device.usable_device": "the device",
            "walkprint.recipes.trained.load_network": NETWORK,
            "walkprint.recipes.classes.build": DATA,
            "walkprint.evaluation.embed": _embeddings(),
        },
        {"walkprint.evaluation.embed": {"max_frames"}},
        without={"energy_image", "engine", "address"},
    ),
    "embed on a cluster": Case(
        f"--run run --data store --out e.npz --device cuda {_CLUSTER}",
        {"walkprint.evaluation.embed": {"device": "cuda", "workers": None, "engine": Ray("head:6379")}},
        {
            "walkprint.recipes.trained.load_network": NETWORK,
            "walkprint.recipes.classes.build": DATA,
            "walkprint.evaluation.embed": _embeddings(),
            "walkprint.recipes.protocols.save_embeddings": None,
        },
        {"walkprint.evaluation.embed": ...},
        without={"set", "split", "energy_image", "precision", "runtime", "frames_per_batch", "workers", "share"},
    ),
    "embed the energy image": Case(
        "--energy_image --data store --set data.train=1 --split all --out e.npz",
        {"walkprint.evaluation.energy_image_embeddings": {"store": DATA, "keys": ["all"]}},
        {
            "walkprint.recipes.classes.build": DATA,
            "walkprint.evaluation.energy_image_embeddings": _embeddings(),
            "walkprint.recipes.protocols.save_embeddings": None,
        },
        {"walkprint.evaluation.energy_image_embeddings": {"columns"}},
        without={"run", "device", "precision", "runtime", "frames_per_batch", "share"} | _MACHINES,
    ),
    "embed the run's own data": Case(
        "--run run --out e.npz",
        {
            "walkprint.recipes.trained.dataset_of": {"run": Path("run")},
            "walkprint.evaluation.embed": {"store": DATA, "keys": ["test"]},
        },
        {
            "walkprint.recipes.trained.load_network": NETWORK,
            "walkprint.recipes.trained.dataset_of": DATA,
            "walkprint.evaluation.embed": _embeddings(),
            "walkprint.recipes.protocols.save_embeddings": None,
        },
        {"walkprint.evaluation.embed": ...},
        without={
            "data",
            "set",
            "split",
            "energy_image",
            "device",
            "precision",
            "runtime",
            "frames_per_batch",
            "share",
            *_MACHINES,
        },
    ),
    "evaluate": Case(
        "--embeddings mine.npz --protocol coat --gallery theirs.npz --metric cosine --normalize --center --ranks 1 2 "
        "--whitening street-large --gallery_site hall.site --probe_site yard.site --false_accept_rates 0.2 --open_set "
        "--groups a.json "
        "--resamples 5 --seed 3 --out there --pictures store --ranking ranked.csv --ranking_form grew",
        {
            "walkprint.recipes.protocols.find_protocol": {"name": "coat", "embeddings": Path("mine.npz")},
            "walkprint.evaluation.have_answers": {
                "probes": ("loaded", Path("mine.npz")),
                "protocol": PROTOCOL,
                "gallery": ("loaded", Path("theirs.npz")),
            },
            "walkprint.evaluation.save_ranking": {
                "path": Path("ranked.csv"),
                "probes": ("loaded", Path("mine.npz")),
                "protocol": PROTOCOL,
                "gallery": ("loaded", Path("theirs.npz")),
                "scoring": SCORING,
                "form": "grew",
            },
            "walkprint.evaluation.identify": {
                "embeddings": ("loaded", Path("mine.npz")),
                "protocol": PROTOCOL,
                "gallery": ("loaded", Path("theirs.npz")),
                "ranks": [1, 2],
                "provenance": "facts of mine.npz",
                "scoring": SCORING,
                "progress": ...,
            },
            "walkprint.evaluation.verify": {
                "embeddings": ("loaded", Path("mine.npz")),
                "protocol": PROTOCOL,
                "gallery": ("loaded", Path("theirs.npz")),
                "false_accept_rates": [0.2],
                "provenance": "facts of mine.npz",
                "scoring": SCORING,
                "progress": ...,
            },
            "walkprint.evaluation.groups.read_groups": {"path": Path("a.json")},
            "walkprint.evaluation.groups.by_group": {
                "protocol": PROTOCOL,
                "groups": {"001": "old"},
                "embeddings": ("loaded", Path("mine.npz")),
            },
            "walkprint.evaluation.identify_open_set": {
                "embeddings": ("loaded", Path("mine.npz")),
                "protocol": PROTOCOL,
                "gallery": ("loaded", Path("theirs.npz")),
                "provenance": "facts of mine.npz",
                "scoring": SCORING,
            },
            "walkprint.evaluation.hardest.hardest_probes": {
                "embeddings": ("loaded", Path("mine.npz")),
                "protocol": PROTOCOL,
                "stores": [STORE],
                "gallery": ("loaded", Path("theirs.npz")),
                "scoring": SCORING,
            },
            "walkprint.evaluation.html.save_reports": {
                "reports": [REPORT, REPORT, REPORT],
                "out": Path("there"),
                "further": ["section"],
            },
        },
        {
            "walkprint.core.embedding.EmbeddingSet.load": lambda path: ("loaded", path),
            "walkprint.data.store.Store.open": STORE,
            "walkprint.evaluation.hardest.hardest_probes": "section",
            "walkprint.evaluation.Site.load": lambda path: SITES[path.name],
            "walkprint.recipes.trained.load_whitening": lambda name: {"street-large": WHITENING}[name],
            "walkprint.recipes.protocols.find_protocol": PROTOCOL,
            "walkprint.evaluation.have_answers": True,
            "walkprint.evaluation.groups.read_groups": {"001": "old"},
            "walkprint.evaluation.groups.by_group": PROTOCOL,
            "walkprint.evaluation.identify": REPORT,
            "walkprint.evaluation.identify_open_set": REPORT,
            "walkprint.evaluation.verify": REPORT,
            "walkprint.core.versions.provenance": lambda name: f"facts of {name}",
        },
        {
            "walkprint.evaluation.identify": {"allow_different_sources"},
            "walkprint.evaluation.verify": {"allow_different_sources"},
            "walkprint.evaluation.identify_open_set": {
                "strangers",
                "draws",
                "false_accept_rates",
                "allow_different_sources",
            },
            "walkprint.evaluation.save_ranking": {"most"},
            "walkprint.evaluation.hardest.hardest_probes": {"probes", "nearest"},
        },
    ),
    "compare": Case(
        "old=mine.npz,theirs.npz theirs.npz --protocol coat --figure mAP --metric cosine --normalize --center "
        "--whitening street-large --gallery_site hall.site --probe_site yard.site --resamples 5 --seed 3 --out there",
        {
            "walkprint.recipes.protocols.find_protocol": {"name": "coat", "embeddings": Path("mine.npz")},
            "walkprint.evaluation.compare_systems": {
                "systems": {
                    "old": [("loaded", Path("mine.npz")), ("loaded", Path("theirs.npz"))],
                    "theirs": [("loaded", Path("theirs.npz"))],
                },
                "protocol": PROTOCOL,
                "figure": "mAP",
                "scoring": SCORING,
                "provenance": "facts of old=mine.npz,theirs.npz, theirs=theirs.npz",
            },
        },
        {
            "walkprint.core.embedding.EmbeddingSet.load": lambda path: ("loaded", path),
            "walkprint.evaluation.Site.load": lambda path: SITES[path.name],
            "walkprint.recipes.trained.load_whitening": lambda name: {"street-large": WHITENING}[name],
            "walkprint.recipes.protocols.find_protocol": PROTOCOL,
            "walkprint.evaluation.compare_systems": SimpleNamespace(
                to_text=str, to_json=lambda: '{"numbers": {}}', save=lambda out, name: out / name
            ),
            "walkprint.core.versions.provenance": lambda name: f"facts of {name}",
        },
        {"walkprint.evaluation.compare_systems": {"scorings"}},
    ),
    "calibrate": Case(
        "--embeddings mine.npz theirs.npz --out hall.site",
        {
            "walkprint.evaluation.merge": {"sets": [("loaded", Path("mine.npz")), ("loaded", Path("theirs.npz"))]},
            "walkprint.evaluation.Site.learn": {"passersby": STORE},
        },
        {
            "walkprint.core.embedding.EmbeddingSet.load": lambda path: ("loaded", path),
            "walkprint.evaluation.merge": STORE,
            "walkprint.evaluation.Site.learn": SITES["hall.site"],
        },
        without={"videos", "network", "segmenter"},
    ),
    "calibrate videos": Case(
        "--videos a.mp4 --network street-large --segmenter background --out hall.site",
        {
            "walkprint.recognizer.passersby.calibrate": {
                "source": [Path("a.mp4")],
                "network": "street-large",
                "segmenter": ...,
                "hook": ...,
            },
            "walkprint.recipes.classes.build": {
                "family": Segmenter,
                "entry": {"class_path": "Background", "init_args": {}},
                "settings": {},
            },
        },
        {"walkprint.recognizer.passersby.calibrate": SITES["hall.site"]},
        without={"embeddings"},
    ),
    "export": Case(
        "run --out there --int8",
        {"walkprint.recipes.export.export": {"name": Path("run"), "out": Path("there"), "int8": True}},
        {"walkprint.recipes.export.export": {"bytes": 1, "digest": "Exported 1", "difference": 0.0}},
    ),
    "report": Case(
        "a.json new=b.json --out page.html --title Mine",
        {
            "walkprint.evaluation.html.report_page": {
                "reports": [Report("a: coat", "identification", ()), Report("new: coat", "identification", ())],
                "title": "Mine",
            },
            "walkprint.core.files.write_atomically": {"path": Path("page.html"), "content": "<html>"},
        },
        {
            "walkprint.evaluation.Report.load": Report("coat", "identification", ()),
            "walkprint.evaluation.html.report_page": SimpleNamespace(to_html=lambda: "<html>"),
        },
        {"walkprint.evaluation.html.report_page": {"lead", "further", "table", "sheets", "provenance"}},
    ),
    "study": Case(
        f"inter-class --set seeds=3 --out there --share 1/3 --workers 2 --quick --large {_CLUSTER}",
        {
            "walkprint.studies.run.build_study": {
                "name": "inter-class",
                "settings": {"seeds": "3"},
                "quick": True,
                "large": True,
            },
            "walkprint.studies.run.run_study": {
                "name": "inter-class",
                "study": MODEL,
                "out": Path("there"),
                "share": (1, 3),
                "workers": 2,
                "engine": Ray("head:6379"),
                "start_worker": ...,
                "progress": ...,
            },
        },
        {
            "walkprint.studies.run.build_study": MODEL,
            "walkprint.studies.run.run_study": SimpleNamespace(page=PAGE, saved=Path("p"), finished=1, cells=1),
        },
    ),
    "import-opengait": Case(
        "a.pt --network GaitSet --set network.feature=7 --out there",
        {
            "walkprint.recipes.from_opengait.network_from_opengait": {
                "checkpoint": Path("a.pt"),
                "network": "GaitSet",
                "settings": {"feature": "7"},
            },
            "walkprint.training.checkpoint.save_network": {"folder": Path("there"), "network": ...},
        },
        {
            "walkprint.recipes.from_opengait.network_from_opengait": SimpleNamespace(parameters=list),
        },
        {"walkprint.training.checkpoint.save_network": {"further"}},
    ),
    "import-gaitnet": Case(
        "a.pickle --out there --official_padding 9",
        {
            "walkprint.networks.gaitnet_state.load_published": {"path": Path("a.pickle"), "official_padding": 9},
            "walkprint.training.checkpoint.save_network": {"folder": Path("there"), "network": ...},
        },
        {
            "walkprint.networks.gaitnet_state.load_published": SimpleNamespace(
                init_args={"variant": "cvpr", "num_subjects": 5}
            ),
        },
        {"walkprint.training.checkpoint.save_network": {"further"}},
    ),
    "import-opengait-config": Case(
        "mine.yaml --out there.yaml",
        {
            "walkprint.recipes.from_opengait.recipe_from_opengait": {"file": Path("mine.yaml")},
            "walkprint.core.files.write_atomically": {"path": Path("there.yaml"), "content": ...},
        },
        {"walkprint.recipes.from_opengait.recipe_from_opengait": ({}, [])},
    ),
}
READ_ONLY = {"recipes", "explain", "models", "completion"}
"""They print what is there; see test_recipes_verb.py and test_models.py."""


def _place(path: str) -> tuple[Any, str]:
    module, _, name = path.rpartition(".")
    try:
        return importlib.import_module(module), name
    except ModuleNotFoundError:
        outer, name_of_class = _place(module)
        return getattr(outer, name_of_class), name


def test_every_setting_of_a_scoring_is_an_option_with_its_default() -> None:
    options = {one.name: one.default for one in fields(Compared)}
    assert options == {one.name: one.default for one in fields(Scoring)}


def test_every_verb_has_a_case() -> None:
    assert {name.split()[0] for name in CASES} | READ_ONLY == set(VERBS)


@pytest.mark.parametrize("name", CASES)
def test_every_option_is_handed_over(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case, verb = CASES[name], find_verb(name.split(maxsplit=1)[0])
    monkeypatch.chdir(tmp_path)
    for file in (
        "mine.yaml",
        "mine.npz",
        "theirs.npz",
        "a.mp4",
        "b.mp4",
        "a.json",
        "b.json",
        "a.pt",
        "a.pickle",
        "hall.site",
        "yard.site",
        "g",
        "key.txt",
    ):
        Path(file).touch()
    for folder in ("run", "masks", "store"):
        Path(folder).mkdir()
    given, _ = verb.parse(case.words.split())
    assert given.keys() | case.without == verb.options.keys(), "every option is given, or named as given elsewhere"
    options = verb.options.values()
    assert not [one.name for one in options if one.name in given and given[one.name] == one.default]
    signatures = {path: inspect.signature(getattr(*_place(path))) for path in case.calls}
    called: dict[str, list[dict[str, Any]]] = {path: [] for path in case.calls}

    def recorder(path: str) -> Any:
        def record(*arguments: Any, **named: Any) -> Any:
            if path in called:
                bound = signatures[path].bind(*arguments, **named)
                called[path].append(dict(bound.arguments))
            answer = case.gives.get(path)
            return answer(*arguments, **named) if inspect.isroutine(answer) or answer is str else answer

        return record

    for path in case.calls.keys() | case.gives.keys():
        monkeypatch.setattr(*_place(path), recorder(path))
    verb.call(given)
    for path, expected in case.calls.items():
        parameters, kept = signatures[path].parameters, case.kept.get(path, set())
        if kept is not ...:
            assert expected.keys() | kept >= {one for one in parameters if one != "settings"}, (
                f"{path}: named in the case"
            )
        found = [_as_expected(one, expected) for one in called[path]]
        if kept is ...:
            found = [{name: one.get(name) for name in expected} for one in found]
        assert any(one == expected for one in found), f"{path} was called with {called[path]}"


def _as_expected(found: Any, expected: Any) -> Any:
    """What was found, with ... where anything is expected."""
    if expected is ...:
        return ...
    if isinstance(expected, dict) and isinstance(found, dict):
        return {name: _as_expected(one, expected.get(name)) for name, one in found.items()} | {
            name: {} for name in expected if name not in found and expected[name] == {}
        }
    if isinstance(expected, list) and isinstance(found, list) and len(found) == len(expected):
        return [_as_expected(one, other) for one, other in zip(found, expected, strict=True)]
    return found
