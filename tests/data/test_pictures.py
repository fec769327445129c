"""Pictures of people cut out: one size, nobody squeezed."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from walkprint.core.sequence import SequenceKey
from walkprint.data.pictures import read_pictures

KEY = SequenceKey("001", "nm", "01", "090")


@pytest.mark.parametrize(("height", "width"), [(128, 64), (100, 100), (300, 90), (64, 32), (65, 33)])
def test_nobody_becomes_thinner_or_stouter(tmp_path: Path, height: int, width: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    tall, broad = height // 2, height // 4  # a box twice as high as broad
    top, left = (height - tall) // 2, (width - broad) // 2
    picture[top : top + tall, left : left + broad] = 255
    cv2.imwrite(str(tmp_path / "1.png"), picture)
    clip = read_pictures(tmp_path, ["1.png"], KEY, 64).clip
    assert clip is not None
    assert clip.frames.shape == (1, 3, 64, 32)
    shape = clip.frames[0, 0] > 127
    rows, columns = shape.any(1).sum(), shape.any(0).sum()
    assert rows / columns == pytest.approx(2.0, rel=0.15)
    assert abs(shape[:, :16].sum() - shape[:, 16:].sum()) <= rows, "it stays in the middle"


def test_what_cannot_be_read_or_is_empty_is_counted(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((64, 32, 3), np.uint8))
    (tmp_path / "2.png").write_bytes(b"no picture")
    reading = read_pictures(tmp_path, ["1.png", "2.png"], KEY, 64)
    assert reading.clip is None
    assert dict(reading.dropped) == {"empty": 1, "corrupt": 1}
    assert len(reading.faults) == 1
