"""Several walks of one person: is the mean of their embeddings better than the mean of their log odds?

    python recipes/real/fusion.py walks.npz

`walks.npz` is what `fairness.py` or `recognize.py` keep: labels (subject, condition, take, view), or an array each, and
vectors of the network `street`. Half of the people are enrolled by their first walk in the usual condition, 10 times
over; the other walks of a person and condition are one question. Log odds are linear in the score of a walk, so their
mean is the mean of scores. Prints rank-1 and FNIR at FPIR 5 % of each way, and differences paired by person.
"""

import sys

import numpy as np

from walkprint import load_network
from walkprint.core.digest import weights_source
from walkprint.gallery import Templates
from walkprint.recognizer.cohort import find_or_make
from walkprint.recognizer.verdict import Verdict

WAYS = ("mean of log odds", "weighted mean of log odds", "weighted mean of embeddings")
DRAWS, RATE = 10, 0.05


def fused(judge: Verdict, vectors: np.ndarray, views: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """The scores of all known people, by each way."""
    (_, scores), (_, joined) = (judge.compare(vectors, views, together) for together in (None, weights))
    return [scores.mean(axis=0), (weights / weights.sum()) @ scores, joined[0]]


def outcomes(found: dict[str, np.ndarray], usual: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every question about a known person: who, whether in the usual condition; (question, way, right or missed)."""
    network, vectors, rng = load_network("street"), found["vectors"].astype(np.float32), np.random.default_rng(0)
    subject, condition, view = found["subject"], found["condition"], found["view"]
    weights = (found["frames"] * found.get("quality", 1.0)).astype(np.float64)
    cohort = find_or_make(lambda _: np.zeros(0), f"{weights_source(network)}, cosine, {network.whitening}")
    people, asked = np.unique(subject), []
    first = {who: np.flatnonzero((subject == who) & (condition == usual))[0] for who in people}
    for who in people:
        for what in np.unique(condition):
            mine = np.setdiff1d(np.flatnonzero((subject == who) & (condition == what)), first[who])
            asked += [(who, what, mine)] if len(mine) > 1 else []
    who, same, result = [], [], []
    for _ in range(DRAWS):
        known = rng.permutation(people)[: len(people) // 2]
        rows = np.array([first[one] for one in known])
        judge = Verdict(Templates(vectors[rows], subject[rows], view[rows], {}, 0), cohort, network.whitening)
        scores = np.array([fused(judge, vectors[mine], view[mine], weights[mine]) for *_, mine in asked])
        best = scores.max(axis=2)
        stranger = ~np.isin([one for one, *_ in asked], known)
        right = judge.people[scores.argmax(axis=2)] == np.array([one for one, *_ in asked])[:, None]
        missed = ~(right & (best >= np.quantile(best[stranger], 1 - RATE, axis=0)))
        result.append(np.stack([right, missed], axis=2)[~stranger])
        who += [one for (one, *_), other in zip(asked, stranger, strict=True) if not other]
        same += [what == usual for (_, what, _), other in zip(asked, stranger, strict=True) if not other]
    return np.array(who), np.array(same), np.concatenate(result).astype(float)


def main(path: str) -> None:
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    if "labels" in found:
        found |= dict(zip(("subject", "condition", "take", "view"), found["labels"].T, strict=True))
        found["vectors"] = found["street"]
    who, same, result = outcomes(found, "outdoor" if "outdoor" in found["condition"] else "nm")
    for rows, name in ((same, "same clothes and place"), (~same, "other")):
        people, place = np.unique(who[rows], return_inverse=True)
        if not len(people):
            continue
        sums = np.zeros((len(people), *result.shape[1:]))
        np.add.at(sums, place, result[rows])
        count = np.bincount(place)
        draws = np.random.default_rng(0).integers(0, len(people), (1000, len(people)))
        rates = 100 * sums.sum(axis=0) / count.sum()
        spread = 100 * sums[draws].sum(axis=1) / count[draws].sum(axis=1)[:, None, None]
        for number, way in enumerate(WAYS):
            for column, label in enumerate(("rank-1", f"FNIR at FPIR {RATE:.0%}")):
                low, high = np.percentile(spread[:, number, column], (2.5, 97.5))
                less, more = np.percentile(spread[:, number, column] - spread[:, 0, column], (2.5, 97.5))
                difference = rates[number, column] - rates[0, column]
                print(
                    f"{name}, {way}: {label} {rates[number, column]:.1f} [{low:.1f} to {high:.1f}], difference "
                    f"{difference:+.1f} [{less:+.1f} to {more:+.1f}]",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1])
