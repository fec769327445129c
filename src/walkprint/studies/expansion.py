"""What the cells of the cloth study share: people with few coats, trained generators, expanded stores, measures."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.protocol import Selection
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import META_NAME, Store
from walkprint.evaluation import Scoring, Whitening, embed
from walkprint.evaluation.coat_measures import memorized
from walkprint.evaluation.embedding_measures import frechet_gait_distance, identity_kept
from walkprint.evaluation.frame_measures import (
    Classify,
    Measure,
    condition_reached,
    generated_frames,
    lost_frames,
    measure_frames,
)
from walkprint.evaluation.sheets import contact_sheet
from walkprint.generation.base import GenerativeModel
from walkprint.generation.baselines import Copying, MorphologicalCoat, NoiseInjection
from walkprint.generation.batches import FrameBatches
from walkprint.generation.classifier import FrameClassifier, label_cross_entropy
from walkprint.generation.draped_coat import DrapedCoat
from walkprint.generation.expand import expand
from walkprint.generation.expander import Alternating, Expander, GeneratorExpander
from walkprint.generation.feature_transport import FeatureTransport
from walkprint.generation.rerendering import Rerendering
from walkprint.networks.base import Network
from walkprint.recipes.generator_recipe import load_generator_recipe
from walkprint.recipes.trained import load_generator
from walkprint.recipes.training import train_generator
from walkprint.studies.grid import Numbers, digest, made_once
from walkprint.studies.recognition import embedded, rendered_people
from walkprint.studies.recorded_people import all_people
from walkprint.studies.thickness import bodies_of
from walkprint.training.run import RunFolder

REALISTIC = "rcc"
SHARES = {"half": 2, "quarter": 4, "eighth": 8, "sixteenth": 16, REALISTIC: 2}
"""What part of the training subjects has coats -> one in how many.

`REALISTIC` follows CASIA-BN-RCC of X. Ren et al., "Progressive Feature Learning for Realistic Cloth-Changing Gait
Recognition", 2022: every other training subject is seen from the front alone, with and without a coat, and the others
from all views, without coats.
"""
RECORDED = {"recorded": False, "recorded-fresh": True}
"""As many recorded coats, to compare generated ones with -> whether each take shows another coat."""
SIMPLE: dict[str, type[Expander]] = {
    "copying": Copying,
    "noise": NoiseInjection,
    "morphological": MorphologicalCoat,
    "re-rendered": Rerendering,
    "draped": DrapedCoat,
}
NORMAL, COAT = "nm", "cl"
WHITENED = {"whitened": False, "feature-transport": True}
"""The original's recognizer, its training people's features whitened -> whether with coats made among them."""
_COLUMNS, _PEOPLE = 12, 3
Plain = Mapping[str, Any]


def scarce_people(people: Plain, coats: str, out: Path) -> Packed:
    """People whose training subjects have few takes in a coat.

    Args:
        people: as of `all_people`.
        coats: "2", all there are; "1", the first; or one of `SHARES`, two of that part of the subjects.
        out: the study's folder.
    """
    complete = all_people(people, out)
    if coats == "2":
        return complete
    store = out / "stores" / f"walkers-{digest({**people, 'coats': coats})}"
    made_once(store / META_NAME, lambda: leave_out_coats(complete, coats, store))
    return Packed(store)


def leave_out_coats(people: Packed, coats: str, out: Path) -> None:
    """Write a store without some takes in a coat; test subjects keep all of theirs.

    Args:
        people: in a store.
        coats: what stays of the training subjects': "1", the first take; or one of `SHARES`, all of those subjects;
            `REALISTIC` leaves out views as well.
        out: folder of the store to be.
    """
    training = list(people.subjects("train"))

    def stays(key: SequenceKey) -> bool:
        if key.subject not in training:
            return True
        wears = coats == "1" or training.index(key.subject) % SHARES[coats] == 0
        if coats == REALISTIC and wears:
            return key.view == front
        return key.condition != COAT or (wears and (coats != "1" or key.take == "01"))

    store = people.store()
    front = min({key.view for key in store.keys}, key=lambda view: abs((float(view) + 180) % 360 - 180))
    with people.writer(out) as writer:
        for key in store.keys:
            if stays(key) and key not in writer.done:
                writer.copy(store, key)


def expanded_people(data: Plain, out: Path) -> Packed:
    """The people of a cell with generated takes in a coat, if there are any; the first cell that needs them makes them.

    Args:
        data: `people`, `coats`, `wanted`, `seed`, `variant` (one of `SIMPLE` or `RECORDED`, or "") and perhaps
            `generator`, another one `joined` to it, and `cover`.
        out: the study's folder.
    """
    people = scarce_people(data["people"], data["coats"], out)
    if not data["variant"] and "generator" not in data:
        return people
    store = expanded_store(data, out)

    def make() -> None:
        if data["variant"] in RECORDED:
            record_more(people, data, store, out)
            return
        if "generator" in data:
            entries = [data[one] for one in ("generator", "joined") if one in data]
            models = [_trained_generator({**data, "generator": one}, people, out) for one in entries]
            bf16, cover = data["generator"]["precision"] == "bf16-mixed", data.get("cover", False)
            makers = [GeneratorExpander(model, bf16=bf16, cover=cover) for model in models]
            expander: Expander = Alternating(makers) if len(makers) > 1 else makers[0]
        else:
            kind = SIMPLE[data["variant"]]
            expander = bodies_of(data["people"]) if kind is Rerendering else kind()
        expand(people, expander, wanted={COAT: data["wanted"]}, out=store, seed=data["seed"])

    made_once(store / META_NAME, make)
    return Packed(store)


def whitened_scoring(variant: str, network: Network, people: Packed, data: Plain) -> Scoring:
    """Distances whitened by the training people's walks, recorded and, for "feature-transport", made from them.

    Args:
        variant: one of `WHITENED`; others whiten by what there is.
        network: trained on these people.
        people: with few coats, or with generated ones as well.
        data: as of `expanded_people`.
    """
    keys = [key for key in people.keys("train") if key.condition in (NORMAL, COAT)]
    known = embedded(network, people, keys)
    if WHITENED.get(variant, False):
        rng = np.random.default_rng(data["seed"])
        made = FeatureTransport.learn(known, source=NORMAL, target=COAT).make(known, data["wanted"], rng)
        known = _joined(known, made)
    return Scoring(whitening=Whitening.learn(known), resamples=0)


def _joined(first: EmbeddingSet, second: EmbeddingSet) -> EmbeddingSet:
    return EmbeddingSet(np.concatenate([first.vectors, second.vectors]), [*first.keys, *second.keys], first.source)


def record_more(people: Packed, data: Plain, store: Path, out: Path) -> None:
    """Write a store in which the training subjects have more takes in a coat: recorded, or rendered as all others are.

    Args:
        people: in a store.
        data: as of `expanded_people`.
        store: folder of the store to be.
        out: the study's folder.
    """
    further, there = further_coats(data, out, fresh=RECORDED[data["variant"]]), people.store()
    training = set(people.subjects("train"))
    with people.writer(store) as writer:
        known, seen = set(there.keys), {(key.subject, key.view) for key in there.keys}
        coats = [key for key in further.keys if key.condition == COAT and key.subject in training]
        takes = {name: sorted({key.take for key in coats if key.subject == name}) for name in training}
        coats = [key for key in coats if key.take in takes[key.subject][: data["wanted"]]]
        added = [key for key in coats if key not in known and (key.subject, key.view) in seen]
        for source, keys in ((there, there.keys), (further, added)):
            for key in keys:
                if key not in writer.done:
                    writer.copy(source, key)


def further_coats(data: Plain, out: Path, *, fresh: bool = False) -> Store:
    """Takes in a coat of everyone, as they would have been recorded, as many as wanted; if fresh, each in another.

    Of recorded people those that there are.
    """
    if "store" in data["people"]:
        return all_people(data["people"], out).store()
    more: dict[str, Any] = {**data["people"], "takes": {NORMAL: 1, COAT: data["wanted"]}}
    if fresh:
        more["variety"] = {"fresh_clothes": True}
    return rendered_people(more, out).store()


def expanded_store(data: Plain, out: Path) -> Path:
    """Where the expanded store of a cell lies, or will lie."""
    return out / "stores" / f"expanded-{digest(data)}"


def _trained_generator(data: Plain, people: Packed, out: Path) -> GenerativeModel:
    settings = data["generator"]
    steps, entry = settings["steps"], settings["generator"]
    run = RunFolder(
        out / "runs" / f"{entry['class_path'].lower()}-"
        f"{digest({**settings, 'people': data['people'], 'coats': data['coats']})}"
    )
    recipe = {
        **settings,
        "generator": {**entry, "init_args": {**entry["init_args"], "source_condition": NORMAL}},
        "data": {"root": str(people.store().path)},
        "conditions": [NORMAL, COAT],
        "channels_last": True,
        "log_every": max(1, steps // 40),
        "checkpoint_every": max(1, steps // 4),
        "keep": 1,
        "least_diversity": 0.0,  # a collapse is a result here, and the table shows it
    }
    made_once(run.generator / "config.json", lambda: train_generator(load_generator_recipe(recipe), run.path))
    model = load_generator(run.path)
    return model.to("cuda") if torch.cuda.is_available() else model


def measures(
    people: Packed,
    judge: Network,
    further: Store,
    *,
    coatless: Network | None = None,
    classifier_steps: int,
) -> Numbers:
    """How good the generated takes of an expanded store are, each figure beside that of recordings.

    Takes and recordings are of the same people: subjects who were recorded in a coat. Where nothing was made for these,
    all generated takes are compared with their recordings, and their identity is not searched. Identity is searched
    among the normal walks of all training people. That "of others" is of subjects without a recorded coat, beside the
    takes of `further`, if there are any.

    Args:
        people: with generated takes.
        judge: a recognizer trained on the recordings alone.
        further: holds what would have been recorded in place of the generated takes, under their keys.
        coatless: another one, trained on those of normal walking alone, or None.
        classifier_steps: how long the classifier of coats is trained.

    Returns:
        "measures" -> name -> [of generated takes, of recordings or None]; of takes that all fell to pieces only how
        much is "usable".
    """
    store = people.store()
    recorded = [key for key in people.keys("train") if key not in store.generated]
    normal = [key for key in recorded if key.condition == NORMAL]
    coats = [key for key in recorded if key.condition == COAT]
    wearers = {key.subject for key in coats}
    kept, lost = generated_frames(store), sum(lost_frames(store).values())
    usable = {"usable": [kept / max(kept + lost, 1), None]}
    every = list(store.generated)
    if not every:
        return {"measures": usable}
    own, others = ([key for key in every if (key.subject in wearers) == own] for own in (True, False))
    made, there = own or others, set(further.keys)
    new = [key for key in every if key in there]
    found: dict[str, Measure] = {
        **measure_frames(store, generated=made, training=[*coats, *normal]),
        "condition reached": condition_reached(store, made, coats, coat_classifier(people, classifier_steps)),
    }
    if new:
        found["memorized"] = memorized(store, every, [*coats, *normal], (further, new))
    look = partial(embed, device="cuda" if torch.cuda.is_available() else "cpu")
    searched = Selection(conditions=(NORMAL,))
    for network, of_own, of_others in (
        (judge, "identity kept", "identity of others"),
        (coatless, "identity, no coat seen", "identity of others, no coat seen"),
    ):
        if network is None:
            continue
        generated, real = look(network, store, made), look(network, store, [*coats, *normal])
        if network is judge:
            found["Frechet distance"] = frechet_gait_distance(generated, real.take(range(len(coats))))
        if own:
            found[of_own] = identity_kept(generated, real, gallery=searched)
        if others:
            known = real.select(searched)
            if worn := [key for key in new if key.subject not in wearers]:
                known = _joined(known, look(network, further, worn))
            found[of_others] = identity_kept(look(network, store, others), known, gallery=searched)
    return {"measures": usable | {name: [one.generated, one.real] for name, one in found.items()}}


def coat_classifier(people: Packed, steps: int) -> Classify:
    """A frozen classifier of single frames, trained on coats of the test people, who have no generated takes."""
    keys = [key for key in people.keys("test") if key.condition in (NORMAL, COAT)]
    batches = FrameBatches(people.store(), keys, source_condition=NORMAL)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        classifier = FrameClassifier(batches.names, factors=("condition",))
    adam = torch.optim.Adam(classifier.parameters(), lr=2e-3)
    for step in range(steps):
        batch = batches.batch(step)
        adam.zero_grad()
        label_cross_entropy(classifier(GenerativeModel.to_unit(batch.frames)), batch.labels).backward()  # type: ignore[no-untyped-call]
        adam.step()
    classifier.eval()

    @torch.no_grad()
    def classify(frames: NDArray[np.uint8]) -> list[str]:
        logits = classifier(GenerativeModel.to_unit(torch.from_numpy(frames)))["condition"]
        return [batches.names.conditions[i] for i in logits.argmax(1).tolist()]

    return classify


def comparison_sheet(stores: Mapping[str, Store]) -> tuple[list[str], bytes]:
    """The same people and phases, line by line: normal walking, the coats of each store, recorded coats.

    Coats that do not follow the normal walk frame by frame show those frames whose legs are nearest to its legs. People
    who were recorded in a coat come first; without any there is no line of recorded coats.

    Args:
        stores: expanded stores of one and the same people, by what made the takes.

    Returns:
        What the lines show, and a PNG; nothing where nothing was made.
    """
    stores = {name: store for name, store in stores.items() if store.generated}
    if not stores:
        return [], b""
    first = next(iter(stores.values()))
    views = sorted({key.view for key in first.generated})
    middle = views[len(views) // 2]
    everywhere = [{key.subject for key in store.generated if key.view == middle} for store in stores.values()]
    made = sorted(set.intersection(*everywhere))
    if not made:
        return [], b""
    coats = {person: SequenceKey(person, COAT, "01", middle) for person in made}
    recorded = [person for person in made if coats[person] in first.keys and coats[person] not in first.generated]
    people = (recorded or made)[:_PEOPLE]
    takes = {name: [_first_made(store, person, middle) for person in people] for name, store in stores.items()}
    started = [name for name, store in stores.items() if store.source(takes[name][0]).condition == NORMAL]
    lines: dict[str, list[tuple[Store, SequenceKey]]] = {}
    if started:
        name = started[0]
        lines["normal walking"] = [(stores[name], stores[name].source(key)) for key in takes[name]]
    lines |= {name: [(stores[name], key) for key in keys] for name, keys in takes.items()}
    if recorded:
        lines["recorded coats"] = [(first, coats[person]) for person in people]
    normal = _line(lines["normal walking"]) if started else None
    followed = {"normal walking", *(name for name in started if stores[name].ordered)}
    shown = [_line(line, None if name in followed else normal) for name, line in lines.items()]
    return list(lines), contact_sheet(shown, captions=list(lines), frames_per_clip=_COLUMNS)


def _first_made(store: Store, person: str, view: str) -> SequenceKey:
    return min(key for key in store.generated if (key.subject, key.view) == (person, view))


def _line(shown: Sequence[tuple[Store, SequenceKey]], like: Clip | None = None) -> Clip:
    """Frames of several clips, evenly over time or, for each frame of `like`, the one with the nearest legs."""
    each = _COLUMNS // len(shown)
    frames = []
    for number, (store, key) in enumerate(shown):
        clip = store.read(key).frames
        if like is None:
            chosen = np.linspace(0, len(clip) * 2 // 3, each).astype(int).clip(0, len(clip) - 1)
        else:
            wanted, legs = like.frames[number * each : (number + 1) * each], slice(clip.shape[2] * 2 // 3, None)
            chosen = np.array([
                np.abs(clip[:, :, legs].astype(int) - one[:, legs]).sum(axis=(1, 2, 3)).argmin() for one in wanted
            ])  # fmt: skip
        frames.append(clip[chosen])
    return Clip(np.concatenate(frames), shown[0][1], None)
