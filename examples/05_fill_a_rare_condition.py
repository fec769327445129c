"""Fill a rare condition: a generator makes more takes in coats for training subjects; four measures rate them.

The settings are tiny, so that this takes seconds; the coats are accordingly poor.
"""

import torch

from walkprint import Packed, Walkers, prepare
from walkprint.evaluation.frame_measures import measure_frames
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.batches import FrameBatches
from walkprint.generation.expand import expand
from walkprint.generation.expander import GeneratorExpander
from walkprint.generation.monitor import DiversityMonitor
from walkprint.training.fit_generator import fit_generator
from walkprint.training.loop import Loop


def main() -> None:
    # Of the six training subjects, the first and the fourth have takes in a coat; all test subjects have.
    walkers = Walkers(subjects=8, train=6, views=("072", "108"), frames=12, scarce={"cl": 3})
    people = prepare(walkers, "stores/scarce", workers=1)
    keys = [key for key in people.keys("train") if key.condition in ("nm", "cl")]
    batches = FrameBatches(people.store(), keys, batch_size=16, source_condition="nm")  # every condition equally often
    names = batches.names
    settings = {"widths": [8, 8, 16, 16], "latent_size": 16}
    settings |= {"learning_rates": [3e-3, 1e-3, 5e-4], "shares": [0.1, 0.6, 0.3]}
    torch.manual_seed(0)
    model = AEGuidedGAN(subjects=names.subjects, conditions=names.conditions, views=names.views, **settings)
    result = fit_generator(
        model,
        batches,
        Loop(steps=150),
        "runs/coats",
        watch=DiversityMonitor(stop_below=0),  # after so few steps, little differs
    )
    more = expand(people, GeneratorExpander(result.model, cover=True), wanted={"cl": 2}, out="stores/filled")

    filled = Packed(more)
    store = filled.store()
    print(f"{len(people.store().keys)} sequences became {len(store.keys)}; frames in order: {store.ordered}")
    made, origin = next(iter(store.generated.items()))
    print(f"{made} was made from {origin['source']}")
    for name, measure in measure_frames(store, training=filled.keys("train"), frames=100, pairs=100).items():
        coats, recorded = ("-" if one is None else f"{one:.3f}" for one in (measure.generated, measure.real))
        print(f"{name}: generated {coats}, recorded {recorded}", f"({measure.note})" if measure.note else "")


if __name__ == "__main__":
    main()
