"""A process that is killed while it enrolls, forgets or embeds again leaves the gallery before or after, never between.

`python tests/gallery/test_kills.py 50` kills fifty times.
"""

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from walkprint.gallery import Binding, Gallery, NewWalk

BINDING = Binding("street", "GaitSet 0123", 31, 128, "cosine")
_MARK = 0.123
WALK = NewWalk(np.full((31, 128), _MARK, np.float32), 30, silhouettes=np.full((9, 1, 64, 64), 7, np.uint8))


def _busy(path: Path) -> None:
    with Gallery.open(path) as gallery:
        for number in range(1000):
            gallery.enroll("Anna", [WALK, WALK, WALK])
            if number % 3:
                gallery.forget("Anna")
            else:
                gallery.re_embed(lambda _: WALK.vectors, BINDING)


def kill_often(folder: Path, kills: int, longest_s: float = 0.25) -> set[int]:
    """Kill a busy process so often; returns how many walks Anna had after each."""
    path, context, rng = folder / "people.gallery", multiprocessing.get_context("fork"), random.Random(0)
    with Gallery.open(path, BINDING) as gallery:
        gallery.enroll("Ben", [WALK])
    seen = set()
    for _ in range(kills):
        process = context.Process(target=_busy, args=(path,))
        process.start()
        time.sleep(0.02 + rng.random() * longest_s)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        with Gallery.open(path) as gallery:
            gallery.check()
            lines, _ = gallery.verify_journal()
            people = {person.name: person.walks for person in gallery.people()}
            assert people.pop("Ben") == 1
            walks = people.pop("Anna", 0)
            assert not people
            assert walks % 3 == 0, "all three walks of an enrollment or none"
            changes = [event for event in gallery.journal() if event.action != "identify"]
            assert lines == len(changes) == gallery.state, "each change has its line"
            assert gallery.templates().vectors.shape == (walks + 1, 31, 128)
            seen.add(walks)
    return seen


def test_after_a_kill_it_is_before_or_after(tmp_path: Path) -> None:
    assert kill_often(tmp_path, 4)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(sorted(kill_often(Path(folder), int(sys.argv[1]))))
