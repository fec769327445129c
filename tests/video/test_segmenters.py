"""What is particular to one segmenter: settings, missing weights, several people, shadows, foreign files."""

import builtins
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from walkprint.core.errors import DataError, RecipeError
from walkprint.video import background as background_module
from walkprint.video import mediapipe as mediapipe_module
from walkprint.video.background import Background
from walkprint.video.mask_rcnn import MaskRcnn, instances
from walkprint.video.mediapipe import MediaPipe
from walkprint.video.onnx import Onnx
from walkprint.video.segmenter import Box, PersonMask, pieces


def test_the_median_is_that_of_numpy() -> None:
    for count in (1, 3, 8, 31):
        stack = np.random.default_rng(count).integers(0, 255, (count, 37, 5, 3), dtype=np.uint8)
        expected = np.sort(stack, axis=0)[count // 2]
        np.testing.assert_array_equal(background_module._median(stack), expected)


def _room(person: bool, *, shadow: bool = False, light: int = 0) -> np.ndarray:
    image = np.random.default_rng(1).integers(120, 150, (200, 300, 3)).astype(np.float32) + light
    if shadow:
        image[150:170, 60:200] *= 0.7
    if person:
        image[40:170, 100:150] = (20, 60, 160)
    return np.clip(image, 0, 255).astype(np.uint8)


def _seen(**settings: Any) -> Background:
    made = Background(**settings)
    made.learn([_room(False)] * 5)
    return made


def test_shadows_are_left_out_unless_they_are_wanted() -> None:
    (person,) = _seen()(_room(True, shadow=True))
    assert person.box.width < 60
    found = _seen(shadows=False)(_room(True, shadow=True))
    assert max(one.box.width for one in found) > 100 or not found


def test_a_change_of_light_is_nobody() -> None:
    assert _seen()(_room(False, light=25)) == []
    assert len(_seen()(_room(True, light=25))) == 1


def test_a_thing_left_behind_becomes_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_module, "_SLOW", 0.1)
    made = _seen()
    counts = [len(made(_room(True))) for _ in range(150)]
    assert counts[0] == 1
    assert counts[-1] == 0


def test_people_apart_are_two() -> None:
    image = _room(True)
    image[40:170, 200:250] = (160, 40, 20)
    assert len(_seen()(image)) == 2


@pytest.mark.parametrize("settings", [{"contrast": 0.0}, {"least_height": 1.0}])
def test_background_settings_are_checked(settings: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=r"Background: .* is .*, expected"):
        Background(**settings)


def test_a_model_that_is_missing_or_another_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mediapipe_module, "MODELS", tmp_path)
    with pytest.raises(DataError, match="make models"):
        MediaPipe(model="pose")
    (tmp_path / "selfie_segmentation.tflite").write_bytes(b"something else")
    with pytest.raises(DataError, match="SHA-256"):
        MediaPipe()
    with pytest.raises(RecipeError, match="selfie or pose"):
        MediaPipe(model="other")  # type: ignore[arg-type]


class _WholePerson(MediaPipe):
    """Instead of the network: the person of `_in_gray`, where the crop shows head and feet."""

    def _infer(self, crop: np.ndarray) -> np.ndarray:
        shade = crop[..., 0].astype(int)
        rows = np.flatnonzero((shade > 220).any(1) | (shade < 30).any(1))
        mask = np.zeros(crop.shape[:2], np.float32)
        if (shade > 220).any() and (shade < 30).any():
            columns = np.flatnonzero((shade < 30).any(0))
            mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = 1
        return mask


def _in_gray() -> tuple[np.ndarray, np.ndarray]:
    """A wall, and a person before it: a white head, black legs, and a sweater of the wall's gray."""
    wall = np.full((200, 300, 3), 128, np.uint8)
    person = wall.copy()
    person[30:58, 112:138] = 250
    person[95:170, 105:145] = 10
    return wall, person


def test_a_person_in_clothes_of_the_walls_color_is_whole() -> None:
    wall, frame = _in_gray()
    segmenter = _WholePerson()
    segmenter.learn([wall] * 5)
    assert len(segmenter._background.blobs(segmenter._background.foreground(frame))) == 2
    (person,) = segmenter(frame)
    assert abs(person.box.top - 30) <= 3
    assert abs(person.box.height - 140) <= 5
    middle = person.mask[60 - person.box.top : 90 - person.box.top, 125 - person.box.left]
    assert (middle >= 128).all()


def test_a_small_head_above_a_sweater_of_the_walls_color_is_not_lost() -> None:
    wall = np.full((480, 640, 3), 128, np.uint8)
    frame = wall.copy()
    frame[100:122, 310:328] = 250  # lower than 8 % of the frame, as is usual for a head
    frame[162:240, 300:340] = 10
    segmenter = _WholePerson()
    segmenter.learn([wall] * 5)
    (person,) = segmenter(frame)
    assert abs(person.box.top - 100) <= 4
    assert abs(person.box.height - 140) <= 8


def test_specks_above_a_person_are_not_joined_to_them() -> None:
    person, speck, head = Box(100, 100, 60, 200), Box(120, 60, 12, 15), Box(120, 60, 12, 17)
    assert mediapipe_module._joined([person, speck]) == [person]
    assert mediapipe_module._joined([person, head]) == [Box(100, 60, 60, 240)]
    assert mediapipe_module._joined([]) == []


def test_gaps_are_bridged_but_nothing_beyond_what_moves() -> None:
    moves = np.zeros((256, 9), np.uint8)
    moves[40:60, 3:6] = moves[130:215, 3:6] = 1
    bridged = mediapipe_module._bridged(moves)
    assert bridged[40:215, 3:6].all()
    assert not bridged[:40].any()
    assert not bridged[215:].any()
    assert not bridged[:, [0, 8]].any()


def test_boxes_are_joined_over_a_gap_of_some_pixels_or_of_a_share() -> None:
    head, legs, aside, whole = Box(10, 0, 20, 30), Box(5, 50, 30, 50), Box(100, 0, 20, 100), Box(5, 0, 30, 100)
    apart, joined = {head, legs, aside}, {whole, aside}
    for gap_px, share, expected in ((5, 0.0, apart), (20, 0.0, joined), (0, 0.19, apart), (0, 0.2, joined)):
        assert set(background_module.stacked([head, legs, aside], gap_px, share)) == expected


def test_pieces_share_no_pixel() -> None:
    soft = np.zeros((60, 80), np.uint8)
    soft[10:50, 10:30], soft[10:50, 33:60], soft[5, 70] = 255, 200, 255
    soft[10:50, 30:33] = 90
    one, other = pieces(soft, least_px=20)
    assert (one.astype(bool) & other.astype(bool)).sum() == 0
    assert (one[20, 40], other[20, 20]) == (200, 255)
    assert pieces(np.zeros((5, 5), np.uint8), least_px=1) == []


def test_person_masks_are_checked() -> None:
    with pytest.raises(DataError, match="as its box"):
        PersonMask(np.zeros((3, 3), np.uint8), Box(0, 0, 4, 3), 0.5, False)
    with pytest.raises(DataError, match="score"):
        PersonMask(np.zeros((3, 4), np.uint8), Box(0, 0, 4, 3), 1.5, False)


def test_instances_share_no_pixel_and_the_wide_crop_decides_who_is_cut() -> None:
    masks = np.zeros((2, 100, 200), np.uint8)
    masks[0, 20:80, 90:110], masks[1, 20:80, 100:120], masks[1, 20:80, 100:110] = 250, 250, 100
    first, second = instances(masks, np.array([0.91, 0.95]))
    assert (first.score, first.box.left) == (0.95, 110)
    assert (second.box.left, second.box.width, second.cut) == (90, 20, False)
    near = np.zeros((1, 100, 200), np.uint8)
    near[0, 20:80, 10:30] = 255
    assert instances(near, np.array([0.99]))[0].cut
    assert instances(np.zeros((0, 5, 5), np.uint8), np.zeros(0)) == []


def test_somebody_found_twice_is_one_person() -> None:
    masks = np.zeros((3, 100, 200), np.uint8)
    masks[:, 20:80, 90:110] = 255
    masks[2, 50:80, 90:95] = 254  # the double is a little less sure here, and the surest there
    masks[0, 50:80, 90:95] = 253
    (person,) = instances(masks, np.array([0.97, 0.95, 0.96]))
    assert person.score == 0.97
    assert person.box == Box(90, 20, 20, 60)
    np.testing.assert_array_equal(person.on_frame(100, 200), masks[0])


def test_who_hides_half_of_another_leaves_the_other_half() -> None:
    masks = np.zeros((2, 100, 200), np.uint8)
    masks[0, 20:80, 100:120] = masks[1, 20:80, 90:110] = 255
    first, second = instances(masks, np.array([0.91, 0.95]))
    assert (first.score, first.box) == (0.95, Box(90, 20, 20, 60))
    assert (second.score, second.box) == (0.91, Box(110, 20, 10, 60))
    assert not (first.on_frame(100, 200).astype(bool) & second.on_frame(100, 200).astype(bool)).any()


def test_without_torchvision_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.partition(".")[0] in {"torchvision", "onnxruntime"}:
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match=r"torchvision cannot be used .* install the torchvision that belongs"):
        MaskRcnn()
    with pytest.raises(DataError, match="onnxruntime is not installed"):
        Onnx(file=Path("some.onnx"))


def test_only_sure_people_count() -> None:
    mask = torch.zeros(4, 1, 20, 60)
    for i in range(4):
        mask[i, :, 5:15, 25 + i] = 1

    def model(pictures: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        assert pictures[0].shape == (3, 20, 60)
        assert pictures[0].max() <= 1
        scores = torch.tensor([0.99, 0.95, 0.9, 0.5])
        return [{"masks": mask, "scores": scores, "labels": torch.tensor([1, 3, 1, 1]), "boxes": torch.zeros(4, 4)}]

    found = MaskRcnn(model=model)(np.full((20, 60, 3), 255, np.uint8))
    assert [round(person.score, 2) for person in found] == [0.99]


def test_onnx_outputs_of_any_size_are_brought_to_the_frame_and_foreign_ones_refused() -> None:
    small = np.zeros((1, 10, 30), np.float32)
    small[0, 3:7, 12:15] = 1
    found = Onnx(run=lambda _: {"scores": np.array([0.95]), "masks": small})(np.zeros((100, 300, 3), np.uint8))
    assert abs(found[0].box.left - 120) < 12
    assert abs(found[0].box.height - 40) < 24
    with pytest.raises(DataError, match="one mask for each score"):
        Onnx(run=lambda _: {"scores": np.array([0.95, 0.9]), "masks": small})(np.zeros((100, 300, 3), np.uint8))
    with pytest.raises(DataError, match="no file"):
        Onnx()


def test_labels_for_other_instances_and_files_that_fail_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = np.zeros((10, 20, 3), np.uint8)
    outputs = {"scores": np.ones(2), "masks": np.ones((2, 10, 20)), "labels": np.ones(3)}
    with pytest.raises(DataError, match="3 labels for 2 scores"):
        Onnx(run=lambda _: outputs)(frame)

    class Session:
        def __init__(self, *_: object, **__: object) -> None: ...

        def get_inputs(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(name="picture", shape=(3, 5, 5))]

        def get_outputs(self) -> list[SimpleNamespace]:
            return [SimpleNamespace(name="scores"), SimpleNamespace(name="masks")]

        def run(self, *_: object) -> None:
            raise ValueError("Got invalid dimensions\nin two lines")

    runtime = SimpleNamespace(InferenceSession=Session, get_available_providers=list)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    (tmp_path / "net.onnx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"frames of \(10, 20\) px \(Got invalid dimensions\)$"):
        Onnx(file=tmp_path / "net.onnx")(frame)
