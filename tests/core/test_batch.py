import pytest
import torch

from walkprint.core.batch import ClipBatch, GaitOutput
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey

FRAMES = torch.arange(3 * 2 * 16, dtype=torch.uint8).reshape(3, 2, 1, 4, 4)
SUBJECTS = torch.tensor([0, 1, -1])
RECORDINGS = torch.arange(9).reshape(3, 3)
KEYS = [SequenceKey(name) for name in "abc"]


def test_slice_keeps_everything_together():
    part = ClipBatch(FRAMES, SUBJECTS, KEYS, RECORDINGS).slice(1, 3)
    assert len(part) == 2
    assert torch.equal(part.frames, FRAMES[1:])
    assert part.subjects.tolist() == [1, -1]
    assert part.keys == KEYS[1:]
    assert part.recordings is not None
    assert torch.equal(part.recordings, RECORDINGS[1:])


def test_to_a_device_keeps_bytes():
    moved = ClipBatch(FRAMES, SUBJECTS, KEYS).to("cpu")
    assert moved.frames.dtype == torch.uint8
    assert torch.equal(moved.frames, FRAMES)


@pytest.mark.parametrize(
    "parts",
    [
        (FRAMES.float(), SUBJECTS, KEYS),
        (FRAMES[0], SUBJECTS, KEYS),
        (FRAMES, SUBJECTS.int(), KEYS),
        (FRAMES, SUBJECTS[:2], KEYS),
        (FRAMES, SUBJECTS, KEYS[:2]),
        (FRAMES, SUBJECTS, KEYS, RECORDINGS[:2]),
        (FRAMES, SUBJECTS, KEYS, RECORDINGS.float()),
    ],
)
def test_parts_that_do_not_agree(parts):
    with pytest.raises(DataError, match="clip batch"):
        ClipBatch(*parts)


def test_output_needs_no_classifier():
    assert GaitOutput(torch.zeros(1, 2, 3)).logits is None
