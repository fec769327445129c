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
    conditions = sorted({condition for _, _, condition in clips})
    for row, (subject, (condition, _, view)) in enumerate(zip(subjects.tolist(), recordings.tolist(), strict=True)):
        for target in conditions:
            changes = [
                embeddings[clips[other, view, target]].mean(0) - embeddings[clips[other, view, condition]].mean(0)
                for other in sorted(set(subjects.tolist()))
                if (other, view, target) in clips and (other, view, condition) in clips
            ]
            if target == condition or not changes or (subject, view, target) in clips:
                continue
            change = torch.stack(changes).mean(0)
            made.append(embeddings[row] + (change if through else change.detach()))
            owners.append(subject)
    shape = (0, *embeddings.shape[1:])
    return torch.stack(made) if made else embeddings.new_zeros(shape), torch.tensor(owners, dtype=torch.int64)
