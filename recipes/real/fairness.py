"""How well the bundled networks do by sex and body shape of rendered people, whose truth is known: for their cards.

    python recipes/real/fairness.py --embeddings runs/fairness.npz --write

renders 400 people (seed 5151; training and the bundled strangers have other seeds), each with three walks in their
clothes, one with something carried and one in other clothes, embeds them with both networks (an hour on one core, kept
in that file), and judges each group by the gallery of all: one walk each. Half of the people are strangers, 20 times
over, for FNIR at FPIR 1 %. Intervals: bootstrap over people.

Sex is not drawn for rendered people, but their shape components come from 1,200 adults that have one
(`tools/bake_body.py`): `SEX` is the linear discriminant between them in these components, right for 99.8 % in tenfold
cross-validation. Build is volume over height squared; it and height are cut into thirds.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from walkprint import EmbeddingSet, load_network
from walkprint.core.digest import weights_source
from walkprint.core.files import write_atomically
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import Walkers
from walkprint.data.walkers.body import build, draw_shape, template
from walkprint.data.walkers.people import Variety, stream
from walkprint.evaluation import Scoring, identify, identify_open_set
from walkprint.evaluation.groups import by_group
from walkprint.recipes.card import CARD_NAME
from walkprint.recipes.library import bundled_networks
from walkprint.recognizer.cohort import rendered

NETWORKS, PEOPLE, SEED, FRAMES = ("street", "street-large"), 400, 5151, 24
SEX = np.array(
    [
        -7.81,
        -1.499,
        3.078,
        -9.519,
        -1.263,
        10.95,
        3.238,
        3.732,
        -0.853,
        1.95,
        4.54,
        -3.438,
        2.009,
        -0.315,
        -0.66,
        -0.065,
    ]
)
OFFSET = -0.408
PROTOCOL = Protocol(
    "rendered people",
    Selection(conditions=("nm",), takes=("01",)),
    {"same": Selection(conditions=("nm",), takes=("02", "03")), "other": Selection(conditions=("cl",))},
    gallery_view="all",
)


def embedded(path: Path) -> dict[str, np.ndarray]:
    """Labels (walk, 4) and the vectors of each network, (walk, part, feature); rendered where the file is missing."""
    if not path.exists():
        walkers = Walkers(
            subjects=PEOPLE, train=0, seed=SEED, views=rendered().views, takes={"nm": 3, "bg": 1, "cl": 1},
            views_per_take=1, one_side=True, frames=FRAMES, variety=Variety(fresh_clothes=True, mixed=0.3),
        )  # fmt: skip
        clips = [(key, walkers.examine(key).clip) for key in walkers.catalogue()]
        clips = [(key, clip) for key, clip in clips if clip is not None and len(clip) >= FRAMES // 2]
        made = {"labels": np.array([(key.subject, key.condition, key.take, key.view) for key, _ in clips])}
        made["frames"] = np.array([len(clip) for _, clip in clips])
        for name in NETWORKS:
            network = load_network(name)
            made[name] = np.array([network.embed(clip.frames) for _, clip in clips], np.float16)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **made)
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def grouped(subjects: list[str]) -> list[dict[str, str]]:
    """Subject -> group, by sex, height and build."""
    shapes = [draw_shape(stream(SEED, "person", subject)) for subject in subjects]
    bodies = [build(shape) for shape in shapes]
    height = np.array([body.height_m for body in bodies])
    corners = np.stack([body.vertices for body in bodies])[:, template().faces]
    volume = np.einsum("pfi,pfi->p", corners[:, :, 0], np.cross(corners[:, :, 1], corners[:, :, 2])) / 6
    sex = ["women" if one > 0 else "men" for one in np.array(shapes) @ SEX + OFFSET]
    tables = [dict(zip(subjects, sex, strict=True))]
    for values, names in ((height, ("short", "medium", "tall")), (volume / height**2, ("slim", "average", "heavy"))):
        third = np.searchsorted(np.quantile(values, (1 / 3, 2 / 3)), values)
        tables.append({subject: names[number] for subject, number in zip(subjects, third, strict=True)})
    return tables


def lines(name: str, found: dict[str, np.ndarray]) -> list[str]:
    """The table of a card."""
    network = load_network(name)
    keys = [SequenceKey(*labels) for labels in found["labels"].tolist()]
    embeddings = EmbeddingSet(found[name].astype(np.float32), keys, weights_source(network))
    scoring = Scoring(metric="cosine", normalize=True, whitening=network.whitening, resamples=500)
    subjects = sorted({key.subject for key in keys})
    head = [
        f"{len(subjects)} rendered people, one walk of each known: % rank-1 in the same / other clothes, FNIR at 1 %",
        "FPIR in the same, 95 % by bootstrap over people; recipes/real/fairness.py, seed 5151:",
    ]
    made, groups_of = [], {}
    for number, groups in enumerate(grouped(subjects)):
        protocol = by_group(PROTOCOL, groups, embeddings)
        closed = identify(embeddings, protocol, ranks=(1,), scoring=scoring)
        opened = identify_open_set(embeddings, protocol, scoring=scoring, false_accept_rates=(0.01,))
        for group in [*([""] if not number else []), *sorted(set(groups.values()))]:
            ending = f", {group}" if group else ""
            cells = [
                closed.figure(f"{one}{ending}", "rank-1", "pooled").percent(interval=True) for one in ("same", "other")
            ]
            cells.append(opened.figure(f"same{ending}", "FNIR@FPIR=1%", "pooled").percent(interval=True))
            groups_of[group or "all"] = cells
            count = sum(one == group for one in groups.values()) if group else len(subjects)
            made.append(f"  {group or 'all'} ({count}): {' / '.join(cells)}")
    return [_range(groups_of), *head, *made]


def _range(cells: dict[str, list[str]]) -> str:
    """The lowest and the highest of all groups, of rank-1 and of FNIR in the same clothes."""
    parts = []
    for column, label in ((0, "rank-1"), (2, "FNIR at 1 % FPIR")):
        found = sorted((float(row[column].split()[0]), name) for name, row in cells.items() if name != "all")
        parts.append("{} {} ({}) to {} ({})".format(label, *found[0], *found[-1]))
    return f"groups of rendered people, same clothes: {', '.join(parts)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embeddings", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="into the cards of the package")
    given = parser.parse_args()
    found = embedded(given.embeddings)
    for name in NETWORKS:
        made = lines(name, found)
        print("\n".join([name, *made, ""]), flush=True)
        if given.write:
            path = bundled_networks()[name] / CARD_NAME
            card = {**json.loads(path.read_text(encoding="utf-8")), "fairness": made}
            write_atomically(path, json.dumps(card, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
