"""What a batch of subjects and clips must look like, checked by counting."""

from collections import Counter

import numpy as np


def faults_of_batch(picks, labels, subjects, clips):
    """Lines that say what is wrong with a batch; none when it is right."""
    faults = []
    rows = [picks[i : i + clips] for i in range(0, len(picks), clips)]
    if len(picks) != subjects * clips:
        faults.append(f"{len(picks)} clips")
    people = [{labels[i] for i in row} for row in rows]
    if any(len(person) != 1 for person in people) or len(set().union(*people)) != len(rows):
        faults.append("a row of several subjects, or a subject in several rows")
    for row in rows:
        available = sum(label == labels[row[0]] for label in labels)
        counts = Counter(row)
        if max(counts.values()) > -(-clips // available) or len(counts) != min(clips, available):
            faults.append(f"clips of subject {labels[row[0]]} repeat though others are left")
    return faults


def snippets_slowly(length, each, snippets, window, rng):
    """The frames that `Snippets` takes, window by window."""
    windows = 1
    while (windows + 1) * window <= length:
        windows += 1
    left_over = length - windows * window
    start = int(rng.integers(left_over + 1 if left_over > 0 else 1))
    order = rng.permutation(windows).tolist()
    drawn = sorted(order[i % windows] for i in range(snippets))
    table = rng.permuted(np.array([list(range(window)) for _ in range(snippets)]), axis=1).tolist()
    chosen = []
    for which, row in zip(drawn, table, strict=True):
        for inside in sorted(row[:each]):
            place = start + which * window + inside
            while place >= length:
                place -= length
            chosen.append(place)
    return chosen
