"""Slow, obvious twins of distances, ranking, protocols and verification, and small embedding sets to try them on."""

import numpy as np

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey

VIEWS = ("000", "090", "180")
CASIA = Protocol(
    "toy",
    Selection(conditions=("nm",), takes=("01", "02")),
    {"NM": Selection(conditions=("nm",), takes=("03",)), "CL": Selection(conditions=("cl",))},
    exclude={"view"},
)


def toy_keys(subjects=5, views=VIEWS):
    takes = (("nm", "01"), ("nm", "02"), ("nm", "03"), ("cl", "01"))
    return [
        SequenceKey(f"{s:03d}", condition, take, view)
        for s in range(subjects)
        for condition, take in takes
        for view in views
    ]


def toy_set(subjects=5, views=VIEWS, noise=1.0, seed=0, parts=3, features=4):
    """People at random places, sequences scattered around them."""
    rng = np.random.default_rng(seed)
    keys = toy_keys(subjects, views)
    people = rng.standard_normal((subjects, parts, features))
    vectors = [people[int(key.subject)] + noise * rng.standard_normal((parts, features)) for key in keys]
    return EmbeddingSet(np.array(vectors, dtype=np.float32), keys, "toy")


def part_distance(probe, item, metric="euclidean"):
    values = []
    for p, g in zip(probe.astype(np.float64), item.astype(np.float64), strict=True):
        if metric == "euclidean":
            values.append(np.sqrt(np.sum((p - g) ** 2)))
        else:
            lengths = np.linalg.norm(p) * np.linalg.norm(g)
            values.append(1 - (p @ g / lengths if lengths > 0 else 0))
    return np.mean(values)


def distance_table(probes, gallery, metric="euclidean"):
    return np.array([[part_distance(p, g, metric) for g in gallery] for p in probes])


def rank_one_probe(distances, right):
    """(first rank from 0, AP, INP) of one probe; at equal distance wrong items stand before right ones."""
    order = sorted(range(len(distances)), key=lambda j: (distances[j], right[j]))
    places = [place for place, j in enumerate(order, start=1) if right[j]]
    if not places:
        return None
    precision = np.mean([count / place for count, place in enumerate(places, start=1)])
    return places[0] - 1, precision, len(places) / places[-1]


def identify_slowly(probes, protocol, k=1, figure="rank", gallery=None, metric="euclidean"):
    """Probe set -> (values by (probe view, gallery view), mean over views); a nest of loops, nothing shared."""
    known = probes if gallery is None else gallery
    found = {}
    for name, selection in protocol.probes.items():
        items = [i for i, key in enumerate(known.keys) if key in protocol.gallery_of(name)]
        cells = sorted({known.keys[i].view for i in items}) if protocol.gallery_view == "each" else ["all"]
        seekers = [i for i, key in enumerate(probes.keys) if key in selection]
        matrix = {}
        for probe_view in sorted({probes.keys[i].view for i in seekers}):
            for cell in cells:
                values = []
                for i in (i for i in seekers if probes.keys[i].view == probe_view):
                    key = probes.keys[i]
                    pool = [
                        j
                        for j in items
                        if cell in ("all", known.keys[j].view) and _counts(key, known.keys[j], protocol)
                    ]
                    if gallery is None:
                        pool = [j for j in pool if j != i]
                    distances = [part_distance(probes.vectors[i], known.vectors[j], metric) for j in pool]
                    result = rank_one_probe(distances, [known.keys[j].subject == key.subject for j in pool])
                    if result is None:
                        if protocol.unmatched == "miss" and pool:
                            values.append(0.0)
                        continue
                    values.append({"rank": float(result[0] < k), "mAP": result[1], "mINP": result[2]}[figure])
                if values:
                    matrix[probe_view, cell] = np.mean(values)
        by_view = [
            np.mean([value for (view, _), value in matrix.items() if view == probe_view])
            for probe_view in sorted({view for view, _ in matrix})
        ]
        found[name] = (matrix, np.mean(by_view) if by_view else np.nan)
    return found


def _counts(probe, item, protocol):
    excluded = protocol.exclude and all(getattr(probe, name) == getattr(item, name) for name in protocol.exclude)
    return not excluded and all(getattr(probe, name) == getattr(item, name) for name in protocol.require)


def right_and_wrong(embeddings, protocol, probe_set):
    right, wrong = [], []
    for i, key in enumerate(embeddings.keys):
        if key not in protocol.probes[probe_set]:
            continue
        for j, item in enumerate(embeddings.keys):
            if i != j and item in protocol.gallery_of(probe_set) and _counts(key, item, protocol):
                side = right if item.subject == key.subject else wrong
                side.append(part_distance(embeddings.vectors[i], embeddings.vectors[j]))
    return np.array(right), np.array(wrong)


def true_accepts(right, wrong, rate):
    """TAR at the largest threshold that accepts at most the rate of wrong pairs."""
    best = 0.0
    for threshold in sorted(right):
        if np.mean(wrong <= threshold) <= rate:
            best = max(best, np.mean(right <= threshold))
    return best


def equal_error(right, wrong):
    """Where the two error rates are closest, by trying every distance; their mean there."""
    thresholds = np.concatenate([right, wrong])
    errors = [(np.mean(wrong <= t), np.mean(right > t)) for t in thresholds]
    return min(errors, key=lambda pair: abs(pair[0] - pair[1]))
