"""Measures of generated takes, computed one window, one pair, one frame at a time."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def ssim(first, second):
    """Structural similarity of two frames, of every window as it is, in double precision."""
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    p, q = (sliding_window_view(one.astype(float), (11, 11)) for one in (first, second))
    means = [(window * one).sum((-1, -2), keepdims=True) for one in (p, q)]
    off_p, off_q = p - means[0], q - means[1]
    var_p, var_q, cov = ((window * one).sum((-1, -2)) for one in (off_p**2, off_q**2, off_p * off_q))
    mean_p, mean_q = (one[..., 0, 0] for one in means)
    light = (2 * mean_p * mean_q + 6.5025) / (mean_p**2 + mean_q**2 + 6.5025)
    return float(np.mean(light * (2 * cov + 58.5225) / (var_p + var_q + 58.5225)))


def frechet(first, second):
    """Distance of two Gaussians fitted to (sequence, feature) each; the root through eigenvectors."""
    a, b = np.cov(first.T), np.cov(second.T)
    values, vectors = np.linalg.eigh(a)
    half = vectors @ np.diag(np.sqrt(values.clip(0))) @ vectors.T
    root = np.sqrt(np.linalg.eigvalsh(half @ b @ half).clip(0)).sum()
    return float(((first.mean(0) - second.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * root)


def nearest_similarity(frame, pool):
    """Similarity to the most similar frame of a pool."""
    return max(ssim(frame, other) for other in pool)


def smoothness(clips):
    """Mean change of a pixel from frame to frame, as a share of white."""
    per_clip = []
    for clip in clips:
        changes = [np.abs(clip[t + 1].astype(float) - clip[t]).mean() / 255 for t in range(len(clip) - 1)]
        if changes:
            per_clip.append(np.mean(changes))
    return float(np.mean(per_clip))


def memorized(made, learned, new, share=0.95):
    """Share of frames nearer to any learned frame than that share of the new frames are; all of one view."""
    usual = [nearest_similarity(frame, learned) for frame in new]
    return float(np.mean([nearest_similarity(frame, learned) > np.quantile(usual, share) for frame in made]))


def thickness(dressed, normal):
    """Pixels added to the width of each row from the neck to the shins, frame by frame."""
    height = dressed.shape[1]
    return [
        [sum(dressed[i, y] > 127) - sum(normal[i, y] > 127) for y in range(height // 8, height * 7 // 8)]
        for i in range(len(dressed))
    ]
