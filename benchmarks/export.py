"""Exported networks: speed beside PyTorch in the same run, and what whole numbers cost in accuracy.

One thread. Accuracy is rank-1 on rendered people, normal walking as the gallery, identical views left out.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from walkprint.data.prepare import prepare
from walkprint.data.walkers import Walkers
from walkprint.evaluation import Scoring, embed, identify
from walkprint.recipes.export import export
from walkprint.recipes.trained import load_network


def frames_per_second(network, seconds=3.0):
    clips = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (8, 30, 1, 64, 64), dtype=np.uint8))
    with torch.inference_mode():
        network(network.prepare(clips))
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            network(network.prepare(clips))
            count += 8 * 30
    return count / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="street", help="the name or folder of a trained network")
    parser.add_argument("--people", type=int, default=50)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        people = prepare(
            Walkers(subjects=arguments.people, train=0, frames=30, views=("072", "090", "108"), seed=77), out / "people"
        )
        protocol = next(iter(people.protocols.values()))
        export(arguments.network, out / "fp32")
        export(arguments.network, out / "int8", int8=True)
        networks = {"PyTorch": load_network(arguments.network)}
        for precision in ("fp32", "int8"):
            for runtime in ("onnxruntime", "openvino"):
                networks[f"{runtime} {precision}"] = load_network(out / precision, runtime=runtime)
        scoring = Scoring(metric="cosine", normalize=True, resamples=0)
        for name, network in networks.items():
            report = identify(embed(network, people, people.keys("test")), protocol, scoring=scoring)
            ranks = {one: round(100 * report.figure(one).value, 2) for one in report.probe_sets}
            rows.append({"network": name, "frames_per_s": round(frames_per_second(network)), "rank1": ranks})
            ratio = rows[-1]["frames_per_s"] / rows[0]["frames_per_s"]
            rows[-1]["ratio"] = round(ratio, 2)
            print(f"{name:20} {rows[-1]['frames_per_s']:8} frames/s  {ratio:5.2f} x  rank-1 {ranks}", flush=True)
    print(json.dumps({"benchmark": "export", "of": arguments.network, "people": arguments.people, "rows": rows}))


if __name__ == "__main__":
    main()
