"""Hallucinated clips, one at a time."""

import torch
from torch import Tensor


def hallucinated(
    embeddings: Tensor, subjects: Tensor, recordings: Tensor, *, through: bool = True
) -> tuple[Tensor, Tensor]:
    """Clips (clip, part, feature) that other people's changes of condition make of a batch, and whose they are.

    Args:
        embeddings: (batch, part, feature).
        subjects: (batch,).
        recordings: (batch, 3), condition, take and view.
        through: whether the changes carry a gradient.
    """
    clips: dict[tuple[int, int, int], list[int]] = {}
    for row, (subject, (condition, _, view)) in enumerate(zip(subjects.tolist(), recordings.tolist(), strict=True)):
        clips.setdefault((subject, view, condition), []).append(row)
    made, owners = [], []
    for row, (subject, (condition, _, view)) in enumerate(zip(subjects.tolist(), recordings.tolist(), strict=True)):
        for other, seen, target in clips:
            before = clips.get((other, seen, condition))
            if seen != view or target == condition or before is None or (subject, view, target) in clips:
                continue
            change = embeddings[clips[other, seen, target]].mean(0) - embeddings[before].mean(0)
            made.append(embeddings[row] + (change if through else change.detach()))
            owners.append(subject)
    shape = (0, *embeddings.shape[1:])
    return torch.stack(made) if made else embeddings.new_zeros(shape), torch.tensor(owners, dtype=torch.int64)
