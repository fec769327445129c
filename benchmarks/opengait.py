"""The work of a day beside OpenGait's own files: prepare, feed, training step, embedding, table.

Give the path of a checkout of OpenGait; nothing of it is part of this project. It needs einops, and a torchvision that
imports. Each side is one long-lived process with one thread; rounds alternate; medians of CPU seconds, and the least
and largest ratio of a round. Ours computes as its recipes and its command do (bf16 where the processor does), OpenGait
in float32, as its half precision needs a GPU.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NETWORKS = {"GaitSet": 15, "GaitPart": 15, "GaitGL": 9, "GaitBase": 6, "DeepGaitV2": 6}
RECIPES = {"GaitSet": "gaitset", "GaitPart": "gaitpart", "GaitGL": "gaitgl", "GaitBase": "gaitbase"}
RECIPES["DeepGaitV2"] = "deepgait_v2"
BATCH = (4, 4)
GOALS = {"prepare": 6, "feed": 100, "augmented feed": 50, "training step": 3, "embedding": 2.9, "table": 4}


def write(data: Path, people: int) -> None:
    """What both sides read: masks as PNG, a store, a clip, embeddings of CASIA-B's size."""
    import cv2

    from walkprint.data.prepare import prepare
    from walkprint.data.walkers import Walkers

    walkers = Walkers(subjects=people, train=people, views=("072", "090"), frames=60)
    prepare(walkers, data / "store", workers=1)
    few = Walkers(subjects=2, train=2, views=("072", "090"), frames=40, takes={"nm": 3})
    for key in few.catalogue():
        place = data / "png" / key.subject / f"{key.condition}-{key.take}" / key.view
        place.mkdir(parents=True)
        for number, mask in enumerate(few.read_color(key)[1].frames[:, 0]):
            cv2.imwrite(str(place / f"{number:03d}.png"), np.where(mask >= 128, 255, 0).astype(np.uint8))
    np.save(data / "clip.npy", walkers.read(walkers.catalogue()[0]).frames[:40, 0])
    rng = np.random.default_rng(0)
    labels = [
        (f"{subject:03d}", f"{kind}-{take:02d}", f"{view:03d}")
        for subject in range(50)
        for kind, takes in (("nm", 6), ("bg", 2), ("cl", 2))
        for take in range(1, takes + 1)
        for view in range(0, 181, 18)
    ]
    people_at = rng.standard_normal((50, 16, 256))
    noise = rng.standard_normal((len(labels), 16, 256))
    vectors = np.stack([people_at[int(one[0])] for one in labels]) + 6 * noise
    subject, kind, view = (np.array(column) for column in zip(*labels, strict=True))
    np.savez(data / "table.npz", vectors=vectors.astype(np.float32), subject=subject, type=kind, view=view)


class Ours:
    """What walkprint does in each row."""

    def __init__(self, data: Path) -> None:
        from walkprint.core.process import keep_freed_memory

        keep_freed_memory()  # as the command does
        self.data, self.count, self._kept = data, 0, {}

    def row(self, name: str, detail: str):
        """What a row calls."""
        return {
            "prepare": self.prepare,
            "feed": lambda: self.feed(False),
            "augmented feed": lambda: self.feed(True),
            "training step": lambda: self.step(detail),
            "embedding": lambda: self.embed(detail),
            "table": self.table,
        }[name]

    def prepare(self) -> None:
        """PNG files to aligned frames in pickles."""
        from walkprint.data.casia_b import CasiaB
        from walkprint.data.prepare import pack

        self.count += 1
        pack(CasiaB(self.data / "png"), self.data / f"packed-{self.count}", workers=1)

    def feed(self, augmented: bool) -> None:
        """One batch, as its network takes it."""
        if augmented not in self._kept:
            from feed import feed

            from walkprint.data.augment import Erasing, Rotation
            from walkprint.data.store import Store

            batches = feed(Store.open(self.data / "store"), False, 44)
            batches.augmentations = (Rotation(degrees=10, p=0.3), Erasing(p=0.3)) if augmented else ()
            self._kept[augmented] = batches
        self.count += 1
        self._kept[augmented].batch(self.count).frames.float().div_(255)  # as OpenGait delivers

    def step(self, name: str) -> None:
        """One training step, its batch included."""
        if name not in self._kept:
            self._kept[name] = self._learner(name)
        learner, batches = self._kept[name]
        self.count += 1
        {key: float(value) for key, value in learner.learn([batches.batch(self.count)]).items()}

    def _learner(self, name: str):
        from walkprint.losses import WeightedLosses
        from walkprint.recipes.recipe import load_recipe
        from walkprint.training.learner import Learner
        from walkprint.training.loop import launch

        changes = {"data.root": str(self.data / "store"), "frames.count": NETWORKS[name]}
        changes |= {"schedule.subjects_per_batch": BATCH[0], "schedule.clips_per_subject": BATCH[1]}
        from walkprint.core.device import fast_precision

        recipe = load_recipe(f"casia_b/{RECIPES[name]}", changes | {"precision": fast_precision()})
        loop = recipe.loop(accelerator="cpu", devices=1)
        losses = WeightedLosses(recipe.losses, recipe.loss_weights)
        learner = Learner(launch(loop), recipe.network, losses, recipe.optimizer, recipe.scheduler, loop)
        return learner, recipe.batches()

    def embed(self, name: str) -> None:
        """One clip of 40 frames."""
        import torch

        from walkprint.core.device import embedding_precision
        from walkprint.networks.folded import folded

        if ("embed", name) not in self._kept:
            from walkprint.recipes.recipe import load_recipe

            changes = {"data.root": str(self.data / "store")}
            network = load_recipe(f"casia_b/{RECIPES[name]}", changes).network
            clip = torch.from_numpy(np.load(self.data / "clip.npy"))[None, :, None]
            self._kept["embed", name] = folded(network, clip[:, : network.min_frames])
        network = self._kept["embed", name]
        clip = torch.from_numpy(np.load(self.data / "clip.npy"))[None, :, None]
        mixed = torch.autocast("cpu", dtype=torch.bfloat16, enabled=embedding_precision() == "bf16")
        with torch.inference_mode(), mixed:
            network(network.prepare(clip))

    def table(self) -> list[float]:
        """Rank-1 by condition, identical views left out."""
        from walkprint import EmbeddingSet, SequenceKey, identify
        from walkprint.data.casia_b import CasiaB
        from walkprint.evaluation import Scoring

        if "table" not in self._kept:
            found = np.load(self.data / "table.npz")
            keys = [
                SequenceKey(subject, *kind.split("-"), view)
                for subject, kind, view in zip(found["subject"], found["type"], found["view"], strict=True)
            ]
            self._kept["table"] = EmbeddingSet(found["vectors"], keys, "table")
        protocol = CasiaB.PROTOCOLS["identical-view-excluded"]
        report = identify(self._kept["table"], protocol, scoring=Scoring(resamples=0))
        return [100 * float(report.figure(one).value) for one in report.probe_sets]


def serve(side: str, checkout: Path, data: Path) -> None:
    """Do rows as they are asked for on stdin; answer CPU seconds and what came out."""
    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    answers, sys.stdout = sys.stdout, sys.stderr
    if side == "ours":
        rows = Ours(data)
    else:
        from _opengait import Rows, write_pickles

        write_pickles(data)
        rows = Rows(checkout, data, NETWORKS, BATCH)
    for line in sys.stdin:
        call = rows.row(*json.loads(line))
        start = time.process_time()
        found = call()
        answers.write(json.dumps({"s": time.process_time() - start, "found": found}) + "\n")
        answers.flush()


def ask(process: subprocess.Popen, *row: str) -> dict:
    process.stdin.write(json.dumps(row) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{row}: a side ended; see its words above")
    return json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--rows", nargs="*", default=list(GOALS))
    parser.add_argument("--side", choices=["ours", "opengait"], help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    checkout = arguments.checkout.resolve()
    if arguments.side:
        serve(arguments.side, checkout, arguments.data)
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), arguments.people)
        sides = {
            side: subprocess.Popen(
                [sys.executable, __file__, str(checkout), "--side", side, "--data", folder],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for side in ("opengait", "ours")
        }  # fmt: skip
        for name in arguments.rows:
            ratios = []
            for detail in NETWORKS if name in ("training step", "embedding") else [""]:
                measured = _compare(sides, name, detail, arguments.rounds)
                ratios.append(measured["ratio"])
                print(json.dumps({"row": name, "network": detail, **measured, "goal": GOALS[name]}), flush=True)
            mean = round(float(np.exp(np.mean(np.log(ratios)))), 2)
            print(f"{name}: {mean} times as fast as OpenGait (goal {GOALS[name]})", flush=True)
        for process in sides.values():
            process.stdin.close()
            process.wait()


def _compare(sides: dict, name: str, detail: str, rounds: int) -> dict:
    first = {side: ask(process, name, detail) for side, process in sides.items()}  # a round to get warm
    seconds = {side: [] for side in sides}
    for _ in range(rounds):
        for side, process in sides.items():
            seconds[side].append(ask(process, name, detail)["s"])
    ratios = [theirs / ours for theirs, ours in zip(seconds["opengait"], seconds["ours"], strict=True)]
    found = {f"{side}_s": round(statistics.median(one), 4) for side, one in seconds.items()}
    found |= {"ratio": round(statistics.median(ratios), 2)}
    found |= {"least": round(min(ratios), 2), "largest": round(max(ratios), 2)}
    if first["ours"]["found"] is not None:
        found |= {"found": {side: np.round(one["found"], 3).tolist() for side, one in first.items()}}
    return found


if __name__ == "__main__":
    main()
