"""What every segmenter must do, on a rendered walker who crosses a street."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from benchmarks._street import iou, street
from numpy.typing import NDArray

import walkprint.video
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import Walkers
from walkprint.video.background import Background
from walkprint.video.mask_rcnn import MaskRcnn
from walkprint.video.mediapipe import MediaPipe
from walkprint.video.onnx import Onnx
from walkprint.video.segmenter import PersonMask, Segmenter

for _module in pkgutil.iter_modules(walkprint.video.__path__, "walkprint.video."):
    importlib.import_module(_module.name)


@cache
def scene() -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Frames and true masks of one person, and an empty frame at the end."""
    walkers = Walkers(subjects=2, frames=16)
    key = SequenceKey("001", "nm", "01", "090")
    shown = list(street(walkers, [key], height_px=240, width_px=320, person=0.7, noise=1.0))
    empty = next(iter(street(walkers, [key], height_px=240, width_px=320, paths=[(3, 3)], noise=1.0)))[0]
    return [frame for frame, _ in shown] + [empty], [masks[0] for _, masks in shown]


def _by_difference(picture: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """What stands in for a trained network: the difference to the empty frame, smoothed, 0 to 1."""
    away = np.abs(255 * picture.transpose(1, 2, 0) - scene()[0][-1].astype(np.float32)).max(axis=2)
    return np.asarray(np.clip(cv2.GaussianBlur(away, (5, 5), 0) / 40, 0, 1), np.float32)


def _fake_torchvision(pictures: list[torch.Tensor]) -> list[Mapping[str, torch.Tensor]]:
    mask = torch.from_numpy(_by_difference(pictures[0].numpy()))[None, None]
    masks = torch.cat([mask, mask, mask])
    scores = torch.tensor([0.98, 0.97, 0.2]) if mask.max() > 0.9 else torch.zeros(3)
    return [{"masks": masks, "scores": scores, "labels": torch.tensor([1, 17, 1]), "boxes": torch.zeros(3, 4)}]


def _fake_onnx(picture: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
    return {name: value.numpy()[None] for name, value in _fake_torchvision([torch.from_numpy(picture)])[0].items()}


MAKERS: Mapping[type[Segmenter], Callable[[], Segmenter]] = {
    Background: Background,
    MediaPipe: MediaPipe,
    MaskRcnn: lambda: MaskRcnn(model=_fake_torchvision),
    Onnx: lambda: Onnx(run=_fake_onnx),
}


def every_segmenter() -> list[type[Segmenter]]:
    found, todo = [], [Segmenter]
    while todo:
        todo += todo.pop().__subclasses__()
        found += [kind for kind in todo[-8:] if kind.__module__.startswith("walkprint.") and kind not in found]
    return sorted(set(found), key=lambda kind: kind.__name__)


@pytest.fixture(params=every_segmenter(), ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Segmenter]:
    return request.param


@pytest.fixture
def segmenter(kind: type[Segmenter]) -> Segmenter:
    """One segmenter that has seen the scene."""
    made = MAKERS.get(kind, kind)()
    made.learn(scene()[0])
    return made


def test_every_segmenter_has_a_maker() -> None:
    without = {kind.__name__ for kind in every_segmenter() if kind not in MAKERS}
    assert not without, f"add to MAKERS how it is built: {', '.join(sorted(without))}"


def test_it_finds_the_walker_with_a_good_soft_mask(segmenter: Segmenter) -> None:
    frames, truths = scene()
    found = [segmenter(frame) for frame in frames[:-1]]
    assert [len(people) for people in found] == [1] * len(truths)
    overlaps = [iou(people[0].on_frame(*truth.shape), truth) for people, truth in zip(found, truths, strict=True)]
    assert np.median(overlaps) > 0.8
    levels = np.unique(np.concatenate([people[0].mask.ravel() for people in found]))
    assert len(levels) > 20, "the masks are soft"


def test_masks_lie_in_their_boxes_and_boxes_in_the_frame(segmenter: Segmenter) -> None:
    frames, _ = scene()
    for frame in frames:
        for person in segmenter(frame):
            assert isinstance(person, PersonMask)
            assert person.mask.dtype == np.uint8
            assert 0 < person.score <= 1
            box = person.box
            assert min(box.left, box.top) >= 0
            assert box.left + box.width <= frame.shape[1]
            assert box.top + box.height <= frame.shape[0]
            assert person.mask.any(axis=0)[[0, -1]].all()
            assert person.mask.any(axis=1)[[0, -1]].all()


def test_nobody_is_found_where_nobody_is(segmenter: Segmenter) -> None:
    assert segmenter(scene()[0][-1]) == []


def test_the_frame_stays_as_it_was(segmenter: Segmenter) -> None:
    frame = scene()[0][3].copy()
    segmenter(frame)
    np.testing.assert_array_equal(frame, scene()[0][3])


def test_it_gives_the_same_again(segmenter: Segmenter) -> None:
    frames, _ = scene()
    segmenter.learn(frames)
    first = [segmenter(frame) for frame in frames]
    segmenter.learn(frames)
    for before, after in zip(first, [segmenter(frame) for frame in frames], strict=True):
        assert [person.box for person in before] == [person.box for person in after]
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one.mask, other.mask)


@pytest.mark.parametrize("shape", [(240, 320), (240, 320, 1), (0, 320, 3)])
def test_what_is_no_frame_is_refused(segmenter: Segmenter, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="expected uint8"):
        segmenter(np.zeros(shape, np.uint8))
