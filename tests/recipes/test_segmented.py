"""Rendered people through a segmenter: a stand-in that subtracts the empty place, and the bundled network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.pipes import through_a_pipe

from walkprint.cli import main
from walkprint.core.engine import Machines
from walkprint.core.errors import DataError, RecipeError
from walkprint.data.packed import Packed
from walkprint.data.walkers import Variety, Walkers
from walkprint.recipes import segmented, segmented_to_store
from walkprint.recipes.segmented import LOST, Segmented
from walkprint.video.mediapipe import MediaPipe
from walkprint.video.segmenter import PersonMask, Segmenter

HERE = Machines(workers=1)


class Difference(Segmenter):
    """Whatever differs by `contrast` from the mean of the empty place is a person."""

    def __init__(self, *, contrast: int = 12) -> None:
        self.contrast = contrast

    def learn(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self.place = np.mean(images, axis=0)

    def __call__(self, image: NDArray[np.uint8]) -> list[PersonMask]:
        mask = (np.abs(image - self.place).max(2) >= self.contrast).astype(np.uint8)
        found = PersonMask.found(mask, 1.0) if mask.any() else None
        return [] if found is None else [found]


def people(**settings: Any) -> Walkers:
    given = {"subjects": 2, "train": 1, "seed": 3, "views": ("090",), "takes": {"nm": 1}, "frames": 4, **settings}
    return Walkers(**given)


def test_a_film_depends_on_its_clip_alone() -> None:
    first, second = people().catalogue()
    one, again, other = people().film(first), people(subjects=5).film(first), people().film(second)
    np.testing.assert_array_equal(one.pictures, again.pictures)
    np.testing.assert_array_equal(one.empty, again.empty)
    assert one.pictures.shape == (4, *one.masks.shape[1:], 3)
    assert one.empty.shape == (9, *one.masks.shape[1:], 3)
    assert people().film(first, empty=0).empty.shape[0] == 0
    assert (one.pictures != other.pictures).mean() > 0.5
    beside = one.masks.max(0) == 0
    assert np.abs(one.pictures.mean(0)[beside] - one.empty.mean(0)[beside]).mean() < 8  # the place is the same


def test_masks_are_those_that_the_segmenter_sees(tmp_path: Path) -> None:
    walkers = people()
    report = segmented_to_store(walkers, out=tmp_path / "store", segmenter=Difference(), machines=HERE)
    stored, dataset = Packed(tmp_path / "store"), Segmented(walkers, Difference())
    assert stored.settings == {
        **walkers.settings,
        "segmenter": {"class_path": f"{__name__}.Difference", "init_args": {"contrast": 12}},
    }
    assert stored.subjects("train") == list(walkers.subjects("train"))
    assert stored.protocols == walkers.protocols
    assert report.frames + sum(report.dropped.values()) == 8
    for key in stored.store().keys:
        np.testing.assert_array_equal(stored.store().read(key).frames, dataset.read(key).frames)
        np.testing.assert_array_equal(through_a_pipe(dataset).read(key).frames, dataset.read(key).frames)


def test_frames_without_a_person_are_counted_and_a_clip_without_any_is_refused(tmp_path: Path) -> None:
    blind = Difference(contrast=300)
    key = people().catalogue()[0]
    assert Segmented(people(), blind).examine(key).dropped == {LOST: 4}
    with pytest.raises(DataError, match=f"{LOST}, on no frame; leave it out"):
        Segmented(people(), blind).read(key)
    with pytest.raises(DataError, match=f"no sequence has a usable frame.*{LOST}"):
        segmented_to_store(people(), out=tmp_path / "store", segmenter=blind, machines=HERE)


def test_a_finished_store_of_the_same_settings_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says the same of itself; anything else in its place is refused, and a half-done one is continued."""
    out = tmp_path / "store"

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segmented_to_store(people(), out=out, segmenter=Difference(), machines=HERE, progress=stop)
    heard: list[int] = []
    made = segmented_to_store(
        people(), out=out, segmenter=Difference(), machines=HERE, progress=lambda done, _: heard.append(done)
    )
    assert heard == [2]  # the first was there
    with pytest.raises(DataError, match="already exists"):
        segmented_to_store(people(), out=out, segmenter=Difference(contrast=13), machines=HERE)
    with pytest.raises(DataError, match="already exists"):
        segmented_to_store(people(variety=Variety(shoes=1)), out=out, segmenter=Difference(), machines=HERE)
    monkeypatch.setattr(segmented, "pack", None)
    kept = segmented_to_store(people(), out=out, segmenter=Difference(), machines=HERE)
    assert kept.to_dict() == made.to_dict()


def test_the_bundled_network_sees_walkers() -> None:
    """Two of four tiny clips are too dark to be seen; masks are close to the clean ones, a little wider."""
    walkers = people(frames=2, views=("060", "090"), variety=Variety(noise=0.0))
    shares, wider = [], []
    for key in walkers.catalogue():
        clip = Segmented(walkers, MediaPipe()).examine(key).clip
        if clip is not None:
            seen, clean = clip.frames[0] >= 128, walkers.read(key).frames[0] >= 128
            shares.append((seen & clean).sum() / (seen | clean).sum())
            wider.append(seen.sum() / clean.sum())
    assert len(shares) == 2
    assert min(shares) > 0.6
    assert 0.9 < np.mean(wider) < 1.5


def test_segmenters_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--subjects", "1", "--train", "1", "--views", "090", "--takes", "nm=1", "--frames", "2", "--workers", "1"]
    out = str(tmp_path / "store")
    assert main(["walkers", "--out", out, *few, "--segmented", "Background"]) == 0
    assert "1 sequence," in capsys.readouterr().out
    assert Packed(out).settings["segmenter"]["class_path"] == "walkprint.video.background.Background"
    with pytest.raises(RecipeError, match="Selfi"):
        segmented_to_store(people(), out=out, segmenter="Selfi")
