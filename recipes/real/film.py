"""Renders people as a camera films them: worker processes that fill a folder with one file per person.

Each person has six takes (two normal, one with something carried, three in other clothes) seen from two directions.
One direction gives a clean silhouette with the drawn faults of `walkers.noise`; the other gives small gray or color
crops, compressed as JPEG, for the real segmenter. `masks.py` reads the files.

A person's file is `NUMBER.npz`: `drawn` uint8 (clip, time, 352), aligned masks of 64 x 44 packed to bits; `film`, one
JPEG of all crops below each other; `clean`, packed bits (clip, time, 128, 16) of the crops' true masks; `condition`
uint8 (clip,): 0 nm, 1 bg, 2 cl.
"""

import argparse
import multiprocessing
import os
import time
from pathlib import Path

import cv2
import numpy as np
import yaml

from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.walkers import render
from walkprint.data.walkers.film import film
from walkprint.data.walkers.noise import draw_faults, spoil
from walkprint.data.walkers.people import Variety, camera_of, person, stream, walk

FRAMES, CROP_PX, RATE_HZ = 16, 128, 12.5
TAKES = (("nm", "01"), ("nm", "02"), ("bg", "01"), ("cl", "01"), ("cl", "02"), ("cl", "03"))
PEOPLE = yaml.safe_load(Path(__file__).with_name("walkers.yaml").read_text())
VARIETY = Variety(**PEOPLE["variety"])


def drawn_masks(scene, camera, rng):
    """Silhouettes with drawn faults, aligned and packed; (time, 352), or None when too many frames are lost."""
    masks = render.silhouettes(scene, camera)
    masks = spoil(masks, draw_faults(rng, 1.0), rng)
    frames, _ = align_clip(masks, 64)
    return packed(frames[:, 0, :, 10:54])


def packed(frames):
    """Aligned frames (time, 64, 44) as bits, brought to FRAMES frames by repeating some."""
    if len(frames) < FRAMES // 2:
        return None
    chosen = np.arange(FRAMES) % len(frames)
    return np.packbits(frames[chosen].reshape(FRAMES, -1) >= 128, axis=1)


def cut_out(film, rng):
    """Crops as a product would cut them out, (time, CROP_PX, CROP_PX, 3), their true masks, and the maps to them."""
    margin, off = rng.uniform(1.12, 1.45), rng.normal(0, 0.03, 2)
    crops = np.empty((len(film.masks), CROP_PX, CROP_PX, 3), np.uint8)
    true = np.empty((len(film.masks), CROP_PX, CROP_PX), np.uint8)
    maps = np.empty((len(film.masks), 2, 3))
    for t, mask in enumerate(film.masks):
        left, top, wide, tall = cv2.boundingRect(mask)
        side = max(wide, tall) * margin * (1 + 0.03 * rng.standard_normal())
        shift = off + 0.012 * rng.standard_normal(2)
        center = (left + wide / 2 + shift[0] * side, top + tall / 2 + shift[1] * side)
        zoom = CROP_PX / side
        maps[t] = [[zoom, 0, CROP_PX / 2 - center[0] * zoom], [0, zoom, CROP_PX / 2 - center[1] * zoom]]
        size = (CROP_PX, CROP_PX)
        crops[t] = cv2.warpAffine(film.pictures[t], maps[t], size, borderMode=cv2.BORDER_REPLICATE)
        true[t] = cv2.warpAffine(mask, maps[t], size)
    return crops, true, maps


def filmed(seed, number):
    """One person's clips; see the module."""
    name = f"{number:06d}"
    views = [view for view in PEOPLE["views"].split(",") if (float(view) >= 180) == (number % 2 == 1)]
    rng = stream(seed, "film", name)
    who = person(seed, name, VARIETY)
    drawn, films, clean, condition = [], [], [], []
    for kind, take in TAKES:
        keys = [SequenceKey(name, kind, take, str(view)) for view in rng.choice(views, 2, replace=False)]
        scene = render.act(walk(seed, keys[0], who, VARIETY), FRAMES, RATE_HZ)
        mask = drawn_masks(scene, camera_of(seed, keys[0], VARIETY), rng)
        crops, true, _ = cut_out(film(scene, camera_of(seed, keys[1], VARIETY), rng), rng)
        drawn.append(np.zeros((FRAMES, 352), np.uint8) if mask is None else mask)
        films.append(crops.reshape(-1, CROP_PX, 3))
        clean.append(np.packbits(true >= 128, axis=-1))
        condition.append(("nm", "bg", "cl").index(kind))
    strip = cv2.imencode(".jpg", np.concatenate(films)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    return {
        "drawn": np.stack(drawn),
        "film": strip,
        "clean": np.stack(clean),
        "condition": np.array(condition, np.uint8),
    }


def work(arguments):
    """Render every `share`-th person until the folder is full enough or a file `stop` appears."""
    folder, seed, first, step, most = arguments
    os.nice(5)
    cv2.setNumThreads(1)
    number, done, began = first, 0, time.time()
    while number < most and not (folder / "stop").exists():
        target = folder / f"{number:06d}.npz"
        if not target.exists():
            part = folder / f".{number:06d}.part"
            with part.open("wb") as file:
                np.savez(file, **filmed(seed, number))
            part.rename(target)
            done += 1
        number += step
    return done, time.time() - began


def main():
    """Command: film.py --out FOLDER [--people N] [--workers N]."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--workers", type=int, default=os.cpu_count())
    options.add_argument("--seed", type=int, default=8)
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    jobs = [(given.out, given.seed, i, given.workers, given.people) for i in range(given.workers)]
    if given.workers == 1:
        results = [work(jobs[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
            results = pool.map(work, jobs)
    print(f"{sum(done for done, _ in results)} people in {max(seconds for _, seconds in results):.0f} s", flush=True)


if __name__ == "__main__":
    main()
