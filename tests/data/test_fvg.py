import random

import cv2
import numpy as np
import pytest
from tests.data.miniatures import write_fvg

from walkprint.core.errors import DataError
from walkprint.core.protocol import Selection
from walkprint.core.sequence import SequenceKey
from walkprint.data.fvg import FRONTAL, VIDEOS, Fvg

REPEATED = ("001", "002", "004", "007", "008", "012", "013", "017", "031", "040", "048", "077")


def everything():
    """Every video of the whole benchmark."""
    sessions = {f"{n:03d}": [1 if n <= 147 else 2] for n in range(1, 227)}
    for name in REPEATED:
        sessions[name].append(3)
    return sorted(
        SequenceKey(name, condition, f"{session}{video:02d}", view)
        for name, held in sessions.items()
        for session in held
        for video, (condition, view) in VIDEOS[session].items()
    )


@pytest.fixture(scope="module")
def everyone(tmp_path_factory):
    path = tmp_path_factory.mktemp("fvg")
    for key in everything():
        (path / f"session{key.take[0]}" / f"{key.subject}_{key.take[1:]}").mkdir(parents=True)
    return path


def test_there_are_as_many_videos_as_published():
    assert len(everything()) == 2856


def test_136_people_train_and_90_test_by_the_seed_of_the_released_code(everyone):
    dataset = Fvg(everyone)
    dataset.check()
    numbers = list(range(1, 227))
    random.Random(1).shuffle(numbers)
    assert dataset.subjects("train") == sorted(f"{n:03d}" for n in numbers[:136])
    assert len(dataset.subjects("test")) == 90


def videos(selection: Selection, keys):
    return sorted({keys[i].take for i in selection.among(keys)})


def test_probe_sets_are_those_of_the_table():
    keys = everything()

    def listed(session, *numbers):
        return [f"{session}{number:02d}" for number in numbers]

    assert videos(FRONTAL.gallery, keys) == ["102", "202"]
    wanted = {
        "WS": listed(1, 4, 5, 6, 7, 8, 9) + listed(2, 4, 5, 6),
        "CB": listed(1, 10, 11, 12),
        "CL": listed(2, 7, 8, 9),
        "CBG": listed(2, 10, 11, 12),
        "ALL": listed(1, 1, *range(3, 13)) + listed(2, 1, *range(3, 13)) + listed(3, *range(1, 13)),
    }
    assert {name: videos(selection, keys) for name, selection in FRONTAL.probes.items()} == wanted


def test_everybody_is_known_by_one_video():
    keys = everything()
    known = [keys[i].subject for i in FRONTAL.gallery.among(keys)]
    assert sorted(known) == [f"{n:03d}" for n in range(1, 227)]


def test_frames_keep_color_and_are_scaled_to_one_size(tmp_path):
    write_fvg(tmp_path, people=[("001", 1)])
    clip = Fvg(tmp_path, size_px=32).read(SequenceKey("001", "nm", "102", "000"))
    assert clip.frames.shape == (5, 3, 32, 16)
    red, green, blue = clip.frames.max(axis=(0, 2, 3))
    assert red < green < blue == 255 or blue < green < red  # as drawn, OpenCV's order turned into RGB
    picture = cv2.cvtColor(cv2.imread(str(tmp_path / "session1/001_02/00001.png")), cv2.COLOR_BGR2RGB)
    assert np.argmax(picture.max(axis=(0, 1))) == np.argmax([red, green, blue])


def test_silhouettes_are_aligned_where_no_color_is_wanted(tmp_path):
    write_fvg(tmp_path, people=[("001", 1)])
    clip = Fvg(tmp_path, color=False).read(SequenceKey("001", "nm", "102", "000"))
    assert clip.frames.shape == (5, 1, 64, 64)


def test_damaged_and_empty_frames_are_counted(tmp_path):
    write_fvg(tmp_path, people=[("001", 1)])
    folder = tmp_path / "session1" / "001_02"
    (folder / "00001.png").write_bytes(b"no picture")
    cv2.imwrite(str(folder / "00002.png"), np.zeros((20, 10, 3), np.uint8))
    reading = Fvg(tmp_path).examine(SequenceKey("001", "nm", "102", "000"))
    assert reading.dropped == {"corrupt": 1, "empty": 1}
    assert len(reading.clip) == 3
    assert "session1/001_02/00001.png" in reading.faults[0]
    for file in folder.iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match="5 corrupt"):
        Fvg(tmp_path).read(SequenceKey("001", "nm", "102", "000"))


@pytest.mark.parametrize("folder", ["session1/001", "session1/001_13", "session4/001_02", "001_02"])
def test_other_layouts_are_refused(tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(DataError, match="session1/001_02"):
        Fvg(tmp_path)


def test_people_who_are_not_there_are_refused(tmp_path):
    (tmp_path / "session1" / "300_02").mkdir(parents=True)
    with pytest.raises(DataError, match="people 001 to 226"):
        Fvg(tmp_path)
