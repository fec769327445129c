"""Miniature trees and stores that the tests of data share."""

import json
import pickle

import cv2
import numpy as np

from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import align
from walkprint.data.writing import StoreWriter


def draw_person(seed, height=60, width=50):
    """A mask, uint8 (height, width), that differs with the seed."""
    rng = np.random.default_rng(seed)
    frame = np.zeros((height, width), np.uint8)
    axes = (int(rng.integers(6, 12)), int(rng.integers(18, 28)))
    cv2.ellipse(frame, (width // 2 + int(rng.integers(-5, 6)), height // 2), axes, 0, 0, 360, 255, -1)
    return frame


def write_tree(root, keys, frames=6, suffix=".png"):
    """Frames 1..n of every key below `root`, numbered without leading zeros."""
    for number, key in enumerate(keys):
        folder = root / key.subject / key.recording / key.view
        folder.mkdir(parents=True)
        for frame in range(1, frames + 1):
            cv2.imwrite(str(folder / f"{frame}{suffix}"), draw_person(1000 * number + frame))


def write_folders(root, folders, frames=3, suffix=".png"):
    """Frames 1..n in every folder, named from the root."""
    for number, folder in enumerate(folders):
        (root / folder).mkdir(parents=True)
        for frame in range(1, frames + 1):
            cv2.imwrite(str(root / folder / f"{frame:04d}{suffix}"), draw_person(1000 * number + frame))


def write_pickles(root, files, frames=4):
    """A pickled array of drawn masks in every file, named from the root."""
    for number, file in enumerate(files):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        masks = [align(draw_person(1000 * number + frame)) for frame in range(frames)]
        (root / file).write_bytes(pickle.dumps(np.stack(masks)))


def write_partition(path, train, test, **lists):
    """A partition file as OpenGait has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"TRAIN_SET": train, "TEST_SET": test} | lists))
    return {"partition": path}


def write_gait3d(root):
    sequences = ("camid0_videoid1/seq0", "camid0_videoid1/seq1", "camid7_videoid2/seq0")
    write_folders(root, [f"{subject}/{one}" for subject in ("0001", "0002", "0003") for one in sequences])
    probes = [f"{subject}-camid7_videoid2-seq0" for subject in ("0002", "0003")]
    return write_partition(root / "Gait3D.json", ["0001"], ["0002", "0003"], PROBE_SET=probes)


def write_ccgr_mini(root):
    walks = [("AS1", "180_1.avi"), ("ASBGCLBXCV1", "67_5_2.avi"), ("NM1", "over.avi")]
    folders = [f"{subject}/{one}/{view}" for subject in ("1", "601", "602") for one, view in walks]
    write_pickles(root, [f"{folder}/x{kind}-1.pkl" for folder in folders for kind in ("sil", "par", "pose")])
    known = [f"{subject}-AS1-180_1.avi" for subject in ("601", "602")]
    return write_partition(root / "CCGR-MINI.json", ["1"], ["601", "602"], GALLERY_SET=known)


def write_sustech1k(root):
    walks = ("00-nm", "01-nm", "01-bg", "02-bg-nt", "02-cl", "03-cr", "03-ub", "04-uf", "04-oc")
    folders = [
        f"{who}/{one}/{view}" for who in ("0000", "0001", "0003") for one in walks for view in ("000", "090-far")
    ]
    kinds = ("06-{}-Camera-Sils_aligned", "07-{}-Camera-Sils_raw", "14-sync-{}-Camera-Sils_aligned")
    write_pickles(
        root, [f"{one}/{kind.format(one.rsplit('/')[-1])}.pkl" for one in folders for kind in kinds], frames=2
    )
    return write_partition(root / "SUSTech1K.json", ["0000"], ["0001", "0003"])


def write_ccpg(root):
    worn = ("U0_D0", "U0_D0_BG", "U0_D3", "U1_D0", "U1_D1", "U2_D2", "U3_D3")
    cameras = ("00_1", "01_1", "01_2")
    write_folders(root, [f"{who}/{one}/{view}" for who in ("099", "100", "101") for one in worn for view in cameras])


def write_casia_e(root):
    scenes = [("scene1", "nm"), ("scene2", "nm"), ("scene2", "bg"), ("scene3", "cl"), ("scene3_s", "cl")]
    walks = [f"{height}/{scene}/{one}" for height in "HL" for scene, one in scenes]
    folders = [f"{who}/{one}/{view}/1" for who in ("200", "201", "1014") for one in walks for view in ("000", "270")]
    write_folders(root, folders, suffix=".jpg")


def write_grew(root):
    write_folders(root, [f"train/00001/{video}" for video in ("4XPn", "5TXe")])
    write_folders(root, [f"test/gallery/{who}/{video}" for who in ("00001", "00002") for video in ("79XJ", "t16V")])
    write_folders(root, [f"test/probe/{video}" for video in ("etaG", "eT1E", "x-9")])


def write_hid(root):
    write_folders(root, ["train/0000/001", "train/0001/001"])
    write_folders(root, [f"HID2022_test_gallery/{who}/{video}" for who in ("0500", "0501") for video in ("001", "002")])
    write_folders(root, [f"HID2022_test_probe/{video}" for video in ("00a", "00b", "00c")])


def casia_keys(subjects=("001", "075", "076"), views=("000", "090")):
    takes = [("nm", f"0{i}") for i in range(1, 7)] + [(c, f"0{i}") for c in ("bg", "cl") for i in (1, 2)]
    return [SequenceKey(s, condition, take, view) for s in subjects for condition, take in takes for view in views]


def write_ou_mvlp(root, keys, frames=6):
    """Frames of every key below `root` as OU-MVLP lays them out."""
    for number, key in enumerate(keys):
        folder = root / f"Silhouette_{key.view}-{key.take}" / key.subject
        folder.mkdir(parents=True)
        for frame in range(1, frames + 1):
            cv2.imwrite(str(folder / f"{frame:04d}.png"), draw_person(1000 * number + frame))


def ou_mvlp_keys(subjects=("00001", "00002", "10307"), views=("000", "090", "270")):
    return [SequenceKey(s, "", take, view) for s in subjects for take in ("00", "01") for view in views]


def write_fvg(root, people=(("001", 1), ("004", 1), ("002", 3), ("150", 2), ("151", 2), ("002", 1)), frames=5):
    """All videos of people in one session each, as FVG lays them out; frames are colored, 2:1, of several sizes."""
    for number, (subject, session) in enumerate(people):
        for video in range(1, 13):
            folder = root / f"session{session}" / f"{subject}_{video:02d}"
            folder.mkdir(parents=True)
            for frame in range(1, frames + 1):
                mask = draw_person(1000 * number + 20 * video + frame, height=100 + 2 * frame, width=50 + frame)
                cv2.imwrite(str(folder / f"{frame:05d}.png"), mask[..., None] // np.array([1, 2, 4], np.uint8))


def random_clip(key, length, seed=0, shape=(1, 8, 12)):
    rng = np.random.default_rng([seed, length])
    return Clip(rng.integers(0, 256, (length, *shape)).astype(np.uint8), key)


def write_store(path, lengths, **settings):
    """A store of random clips; `lengths` maps keys to frames. Returns it with its clips by key."""
    clips = {key: random_clip(key, length, seed) for seed, (key, length) in enumerate(lengths.items())}
    writer = StoreWriter(path, **settings)
    for clip in clips.values():
        writer.add(clip)
    return writer.finish(), clips
