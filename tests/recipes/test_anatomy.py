"""The people of recipes/real/anatomy.py differ in what they should, and in nothing else."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "recipes" / "real" / "anatomy.py"


@pytest.fixture(scope="module")
def anatomy():
    spec = importlib.util.spec_from_file_location("anatomy", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain(part):
    return part.vertices.tobytes() if hasattr(part, "vertices") else repr(part)


@pytest.mark.parametrize(
    ("kind", "shared", "own"),
    [("OneBuild", "body outfit coat", "gait"), ("OneWalk", "gait outfit coat", "body"),
     ("SameClothes", "outfit coat", "body gait")],
)  # fmt: skip
def test_people_share_what_they_should(anatomy, kind, shared, own):
    people = getattr(anatomy, kind)(subjects=3, takes={"nm": 2})
    one, other = (people._make_person(name) for name in ("001", "002"))
    same = {name: plain(getattr(one, name)) == plain(getattr(other, name)) for name in (*shared.split(), *own.split())}
    assert same == dict.fromkeys(shared.split(), True) | dict.fromkeys(own.split(), False)


def test_a_take_is_an_outfit_whoever_wears_it(anatomy, monkeypatch):
    worn = {}
    monkeypatch.setattr(anatomy, "act", lambda take, frames: worn.setdefault(len(worn), take))
    people = anatomy.EightOutfits(subjects=2, takes={"nm": 8})
    for subject, take in (("001", "03"), ("002", "03"), ("001", "04")):
        people._make_scene(subject, "nm", take)
    assert worn[0].outfit.top == worn[1].outfit.top != worn[2].outfit.top
    assert plain(worn[0].body) != plain(worn[1].body)


def test_what_can_be_read_is_read(anatomy):
    rng = np.random.default_rng(0)
    subjects, takes = (np.repeat([f"{i:03d}" for i in range(20)], 8), np.tile([f"{i:02d}" for i in range(1, 9)], 20))
    blind = rng.normal(size=(160, 30))
    seeing = blind + 9 * np.eye(30)[takes.astype(int)]
    outfits = takes.astype(int) - 1
    assert anatomy.probe(seeing, subjects, outfits).mean() == 1
    assert len(anatomy.probe(seeing, subjects, outfits)) == 10
    assert anatomy.probe(blind, subjects, outfits).mean() < 0.3
    pairs = np.isin(takes, ["01", "02"])
    known = np.eye(20)[subjects.astype(int)] + 0.01 * blind[:, :20]
    assert anatomy.rank_1((known[pairs], subjects[pairs], takes[pairs])).startswith("100.0")
