"""Rendered people for `grid.py`, each clip in four forms: drawn, segmented, clean and without clothes.

    python recipes/real/pool.py --out pool.npz --people 430

Six takes of a person of `walkers.yaml`, as `film.py` renders them, of 16 frames. In bits of 64 x 44, uint8 (person,
take, time, 352):

- `drawn`: from one camera, with the faults of `walkers.noise`; an empty clip where too few frames are left;
- `film`: from another camera, through the bundled selfie network; `seen` tells which frames show a person;
- `clean`: the true masks of the same pictures;
- `bare`: the same steps before the same camera, without clothes, hat and bag.

`outfit` (person, take, thing) holds what is worn, in meters or as 0 and 1. Beside the pool come `marks.npz`, masks with
known joints from which `upright.py` learns, and `outfits.npz`, 100 people in the same eight outfits for the probe of
`anatomy.py`.

    python recipes/real/pool.py --out kth/pool.npz --drawn --walkers recipes/kth/walkers.yaml --without mixed

renders people of other settings, or without one of them, as `drawn` and `clean` clips alone, within two minutes.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from anatomy import OUTFITS, PLAIN, EightOutfits
from film import CROP_PX, FRAMES, PEOPLE, RATE_HZ, TAKES, VARIETY, cut_out, drawn_masks, packed
from masks import Segmenter, aligned, pack, placed

from walkprint.core.process import keep_freed_memory
from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.walkers import render
from walkprint.data.walkers.body import template
from walkprint.data.walkers.camera import project
from walkprint.data.walkers.clothes import Outfit
from walkprint.data.walkers.film import film
from walkprint.data.walkers.noise import draw_faults, spoil
from walkprint.data.walkers.people import Variety, camera_of, person, stream, walk

BARE = Outfit(torso_m=0.005, sleeve_m=0.004, thigh_m=0.005, shin_m=0.005, cuff_m=0.0, hair_m=0.01)
BONES = (("neck",), ("pelvis",), ("head",), ("foot.L", "toes.L"), ("foot.R", "toes.R"), ("chest",))


def takes_of(seed: int, number: int):
    """Each take's drawn bits, crops, their true masks, masks without clothes, joints in the crop, and what is worn."""
    name = f"{number:06d}"
    views = [view for view in PEOPLE["views"].split(",") if (float(view) >= 180) == (number % 2 == 1)]
    rng, who = stream(seed, "film", name), person(seed, name, VARIETY)
    for kind, take in TAKES:
        keys = [SequenceKey(name, kind, take, str(view)) for view in rng.choice(views, 2, replace=False)]
        one = walk(seed, keys[0], who, VARIETY)
        scene = render.act(one, FRAMES, RATE_HZ)
        bare = render.act(replace(one, outfit=BARE, carried=None), FRAMES, RATE_HZ)
        drawn = drawn_masks(scene, camera_of(seed, keys[0], VARIETY), rng)
        camera = camera_of(seed, keys[1], VARIETY)
        crops, true, maps = cut_out(film(scene, camera, rng), rng)
        naked = render.silhouettes(bare, camera)
        without = [cv2.warpAffine(mask, to, (CROP_PX, CROP_PX)) for mask, to in zip(naked, maps, strict=True)]
        seen = project(bare.points, bare.path_m, camera)[..., :2]
        joints = np.stack([seen[:, template().vertices_of(*bone)].mean(1) for bone in BONES], 1)
        joints = np.einsum("tij,tpj->tpi", maps[:, :, :2], joints) + maps[:, None, :, 2]
        yield drawn, crops, true >= 128, np.stack(without) >= 128, joints, worn(one)


def worn(one) -> list[float]:
    """What may hide a body."""
    outfit, hanging = one.outfit, one.outfit.hanging
    lengths = [outfit.torso_m, outfit.sleeve_m, outfit.thigh_m, outfit.shin_m, outfit.collar_m, outfit.cuff_m]
    head = [outfit.hood_m, float(bool(outfit.hat)), outfit.puff, outfit.hair_m]
    hem = [hanging.hem, hanging.thickness_m, hanging.flare] if hanging else [0.0, 0.0, 0.0]
    return [*lengths, *head, *hem, float(one.carried is not None)]


def make_pool(out: Path, people: int, seed: int) -> None:
    """See the module."""
    segmenter, parts = Segmenter(torch.device("cpu")), {}
    for number in range(people):
        for drawn, crops, true, bare, _, things in takes_of(seed, number):
            clean = torch.from_numpy(true.astype(np.uint8))
            masks, seen = segmenter(torch.from_numpy(crops), clean)
            found = {
                "drawn": np.zeros((FRAMES, 352), np.uint8) if drawn is None else drawn,
                "film": pack(masks).numpy(),
                "seen": seen.numpy(),
                "clean": pack(aligned(clean.float())).numpy(),
                "bare": pack(aligned(torch.from_numpy(bare).float())).numpy(),
                "outfit": np.array(things, np.float32),
            }
            for name, value in found.items():
                parts.setdefault(name, []).append(value)
        if number % 20 == 0:
            print(f"pool: {number} of {people} people", flush=True)
    np.savez(out, **{name: np.stack(all_).reshape(people, len(TAKES), *all_[0].shape) for name, all_ in parts.items()})


def make_drawn(out: Path, people: int, seed: int, settings: dict) -> None:
    """`drawn` and `clean` clips, each from one camera, of people of a recipe of walkers."""
    parts: dict[str, list] = {"drawn": [], "clean": [], "outfit": [], "seen": []}
    variety = Variety(**settings["variety"])
    for number in range(people):
        name = f"{number:06d}"
        views = [view for view in settings["views"].split(",") if (float(view) >= 180) == (number % 2 == 1)]
        rng, who = stream(seed, "film", name), person(seed, name, variety)
        for kind, take in TAKES:
            key = SequenceKey(name, kind, take, str(rng.choice(views)))
            one = walk(seed, key, who, variety)
            scene, camera = render.act(one, FRAMES, RATE_HZ), camera_of(seed, key, variety)
            drawn, clean = drawn_masks(scene, camera, rng), align_clip(render.silhouettes(scene, camera), 64)[0]
            parts["drawn"].append(np.zeros((FRAMES, 352), np.uint8) if drawn is None else drawn)
            bits = packed(clean[:, 0, :, 10:54])
            parts["clean"].append(np.zeros((FRAMES, 352), np.uint8) if bits is None else bits)
            parts["outfit"].append(np.array(worn(one), np.float32))
            parts["seen"].append(np.ones(FRAMES, bool))
        if number % 100 == 0:
            print(f"pool: {number} of {people} people", flush=True)
    np.savez(out, **{name: np.stack(all_).reshape(people, len(TAKES), *all_[0].shape) for name, all_ in parts.items()})


def make_marks(out: Path, people: int, seed: int) -> None:
    """Masks with drawn faults whose joints are known, of people who are not in the pool."""
    marked, marks = [], []
    for number in range(100_000, 100_000 + people):
        rng = np.random.default_rng([seed, number])
        for _, _, true, _, joints, _ in takes_of(seed, number):
            faults = replace(draw_faults(rng, 1.0), shear=0.0, stretch=1.0, lost_frames=0.0)
            soft = torch.from_numpy(spoil(true.astype(np.uint8) * 255, faults, rng) >= 128).float()
            top, center, scale = (one.numpy()[:, None] for one in placed(soft))
            joints[..., 0] = (joints[..., 0] - center) / scale + 21.5
            joints[..., 1] = (joints[..., 1] + 0.5 - top) / scale - 0.5
            whole = soft.sum((1, 2)).numpy() > 150
            marked.append(pack(aligned(soft)).numpy()[whole])
            marks.append(joints[whole])
    np.savez(out, marked=np.concatenate(marked), marks=np.concatenate(marks).astype(np.float32))


def make_outfits(out: Path, people: int = 100) -> None:
    """The people of the probe in `anatomy.py`, 16 frames each."""
    walkers = EightOutfits(subjects=people, takes={"nm": OUTFITS}, seed=20, views=["090"], frames=16, variety=PLAIN)
    keys = walkers.catalogue()
    clips = [walkers.read(key).frames[:, 0, :, 10:54] >= 128 for key in keys]
    bits = np.stack([np.packbits(clip.reshape(len(clip), -1), axis=1) for clip in clips])
    labels = {"subject": [key.subject for key in keys], "outfit": [int(key.take) - 1 for key in keys]}
    np.savez(out, bits=bits, **{name: np.array(values) for name, values in labels.items()})


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="file of the pool")
    parser.add_argument("--people", type=int, default=430)
    parser.add_argument("--marked", type=int, default=220, help="people of `marks.npz`")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--drawn", action="store_true", help="drawn and clean clips alone, of the people of --walkers")
    parser.add_argument("--walkers", type=Path, help="with --drawn: recipe of walkers (default: walkers.yaml)")
    parser.add_argument("--without", nargs="*", default=[], help="with --drawn: settings of its people to leave out")
    given = parser.parse_args()
    keep_freed_memory()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    if given.drawn:
        settings = yaml.safe_load(given.walkers.read_text()) if given.walkers else dict(PEOPLE)
        missing = set(given.without) - set(settings["variety"])
        if missing:
            parser.error(f"--without {' '.join(missing)}: the people have {', '.join(settings['variety'])}")
        kept = {name: value for name, value in settings["variety"].items() if name not in given.without}
        make_drawn(given.out, given.people, given.seed, settings | {"variety": kept})
        return
    if given.walkers or given.without:
        parser.error("--walkers and --without need --drawn")
    make_marks(given.out.with_name("marks.npz"), given.marked, given.seed)
    make_outfits(given.out.with_name("outfits.npz"))
    make_pool(given.out, given.people, given.seed)


if __name__ == "__main__":
    main()
