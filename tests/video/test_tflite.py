"""The bundled segmenter in torch is the one that OpenCV runs; damaged files are refused."""

from typing import Literal

import cv2
import numpy as np
import pytest
import torch
from benchmarks._street import street
from tests.oracles.mediapipe import FILES, PlainMediaPipe

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import ColorWalkers, Walkers
from walkprint.video.mediapipe import MODELS, MediaPipe
from walkprint.video.tflite import TfliteNetwork

FILE = MODELS / "selfie_segmentation.tflite"


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Rendered people, as the segmenter sees them: uint8 (picture, 256, 256, 3)."""
    walkers = ColorWalkers(subjects=1, views=("090",), frames=2, takes={"nm": 1})
    color, _ = walkers.read_color(SequenceKey("001", "nm", "01", "090"))
    return np.stack([cv2.resize(frame.transpose(1, 2, 0), (256, 256)) for frame in color.frames])


@pytest.mark.parametrize("model", ["selfie", "pose"])
def test_in_torch_it_gives_the_masks_that_opencv_gives(pictures: np.ndarray, model: Literal["selfie", "pose"]) -> None:
    if not (MODELS / FILES[model][0]).is_file():
        pytest.skip("`make models` was not run")
    ours, plain = MediaPipe(model=model), PlainMediaPipe(model=model)
    found = np.stack([ours._infer(picture) for picture in pictures])
    expected = np.stack([plain._infer(picture) for picture in pictures])
    assert (expected > 0.5).sum() > 3000, "the picture must show somebody, or the test says nothing"
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_people_on_frames_are_those_that_opencv_finds() -> None:
    walkers = Walkers(subjects=1, frames=4)
    scene = street(walkers, [SequenceKey("001", "nm", "01", "090")], height_px=240, width_px=320, person=0.7)
    images = [image for image, _ in scene]
    segmenters = MediaPipe(), PlainMediaPipe()
    for segmenter in segmenters:
        segmenter.learn(images)
    for image in images:
        (found,), (expected,) = (segmenter(image) for segmenter in segmenters)
        assert found.box == expected.box
        assert np.abs(found.mask.astype(int) - expected.mask).max() <= 1
        assert abs(found.score - expected.score) < 1e-3


def test_a_batch_equals_its_pictures_one_by_one(pictures: np.ndarray) -> None:
    network = TfliteNetwork(FILE).eval()
    batch = torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        torch.testing.assert_close(network(batch)[1:], network(batch[1:]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("damage", [b"", b"\x10\0\0\0TFL3", bytes(200), b"\xff" * 4096])
def test_what_is_no_network_is_refused_in_one_line(tmp_path, damage: bytes) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(damage)
    with pytest.raises(DataError, match="not a network that can be read"):
        TfliteNetwork(file)


def test_a_file_cut_short_is_refused(tmp_path) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(FILE.read_bytes()[:60_000])
    with pytest.raises(DataError, match="not a network that can be read"):
        TfliteNetwork(file)
