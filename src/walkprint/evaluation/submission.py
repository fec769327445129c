"""Ranked subjects of every probe, as a table to look at or in the form that a competition takes."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.files import write_atomically
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.protocol_pairs import counting_pairs, pair_up
from walkprint.evaluation.scoring import Scoring

Form = Literal["table", "grew", "hid"]


def have_answers(probes: EmbeddingSet, protocol: Protocol, gallery: EmbeddingSet | None = None) -> bool:
    """Whether any probe's subject is in the gallery; in a competition's data, the organizers keep the names.

    Args:
        probes, protocol, gallery: as in `identify`.
    """
    known = probes if gallery is None else gallery
    enrolled = {known.keys[i].subject for one in protocol.distinct_galleries() for i in one.among(known.keys)}
    looked_up = {probes.keys[i].subject for one in protocol.probes.values() for i in one.among(probes.keys)}
    return bool(enrolled & looked_up)


def ranked_subjects(
    probes: EmbeddingSet,
    protocol: Protocol,
    *,
    scoring: Scoring = Scoring(),
    gallery: EmbeddingSet | None = None,
    most: int = 20,
) -> Iterator[tuple[SequenceKey, list[tuple[str, float]]]]:
    """Per probe its nearest subjects with their distances, nearest first; a subject is as near as its nearest sequence.

    Args:
        probes, protocol, scoring, gallery: as in `identify`; views of the gallery are searched together.
        most: subjects of each probe.

    Raises:
        ProtocolError: as in `identify`, or `most` is below 1.
    """
    if most < 1:
        raise ProtocolError(f"ranking: most is {most}; expected at least 1 subject")
    pairs = pair_up(probes, protocol, scoring, gallery=gallery)
    names = np.array([key.subject for key in pairs.gallery_keys])
    for rows, block, labels in pairs.blocks():
        for key, line, counts in zip(
            pairs.probe_keys[rows], block, counting_pairs(labels, pairs.gallery_labels), strict=True
        ):
            order = np.flatnonzero(counts)[np.argsort(line[counts], kind="stable")]
            _, firsts = np.unique(names[order], return_index=True)
            best = order[np.sort(firsts)[:most]]
            yield key, [(str(names[j]), float(line[j])) for j in best]


def save_ranking(
    path: str | Path,
    probes: EmbeddingSet,
    protocol: Protocol,
    *,
    scoring: Scoring = Scoring(),
    gallery: EmbeddingSet | None = None,
    most: int = 20,
    form: Form = "table",
) -> int:
    """Write the ranked subjects as CSV, atomically; returns the number of probes.

    Args:
        path: the file.
        probes, protocol, scoring, gallery, most: as in `ranked_subjects`.
        form: "table" has a line for each probe and rank, with the distance. "grew" is GREW's submission, a line for
            each probe with its subjects as numbers (`videoId,rank1,...`); "hid" is HID's, the nearest alone
            (`videoID,label`). In both a probe is named by its view or take, whichever is set last, as these data sets
            name their videos.

    Raises:
        ProtocolError: as in `ranked_subjects`, or an unknown form.
    """
    if form not in get_args(Form):
        raise ProtocolError(f"ranking: form is {form!r}; expected one of {', '.join(get_args(Form))}")
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    heads = {
        "table": ["subject", "condition", "take", "view", "rank", "ranked_subject", "distance"],
        "grew": ["videoId", *(f"rank{k}" for k in range(1, most + 1))],
        "hid": ["videoID", "label"],
    }
    lines.writerow(heads[form])
    count = 0
    for key, ranked in ranked_subjects(probes, protocol, scoring=scoring, gallery=gallery, most=most):
        count += 1
        video = key.view or key.take or key.condition or key.subject
        if form == "table":
            who = (key.subject, key.condition, key.take, key.view)
            lines.writerows([*who, k, name, f"{distance:.7g}"] for k, (name, distance) in enumerate(ranked, 1))
        elif form == "grew":
            lines.writerow([video, *(int(name) if name.isdecimal() else name for name, _ in ranked)])
        else:
            lines.writerow([video, ranked[0][0] if ranked else ""])
    write_atomically(Path(path), text.getvalue())
    return count
