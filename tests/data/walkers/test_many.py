"""Many people, rendered from the file that ships, at a scale that a test can bear; and their catalogue in full."""

from pathlib import Path

import pytest
import yaml

from walkprint.core.protocol import Protocol
from walkprint.data.ou_mvlp import VIEWS
from walkprint.data.packed import Packed
from walkprint.data.prepare import PrepareReport, prepare
from walkprint.data.walkers import Walkers
from walkprint.evaluation import Scoring, energy_image_embeddings, identify

FOLDER = Path(__file__).resolve().parents[3] / "recipes" / "walkers"


@pytest.fixture(scope="module")
def settings() -> dict:
    plain = yaml.safe_load((FOLDER / "many.yaml").read_text())
    return {**plain, "views": plain["views"].split(",")}


def test_the_catalogue_has_the_shape_of_the_benchmark(settings):
    people = Walkers(**settings)
    people.check()
    keys = people.catalogue()
    assert len(keys) == 1000 * 14 * 2
    assert tuple(settings["views"]) == VIEWS
    assert (len(people.subjects("train")), len(people.subjects("test"))) == (500, 500)
    assert {key.take for key in keys} == {"01", "02"}
    read = people.read(keys[-1])
    assert read.frames.shape[1:] == (1, 64, 64)
    assert 0 < len(read) <= settings["frames"]


def test_rendered_and_identified_in_small(settings, tmp_path):
    prepare(Walkers(**{**settings, "subjects": 12, "train": 4, "frames": 3}), tmp_path / "store", workers=1)
    people = Packed(tmp_path / "store")
    keys = people.keys("test")
    protocol = Protocol.from_dict(yaml.safe_load((FOLDER / "many_protocol.yaml").read_text()))
    report = identify(energy_image_embeddings(people.store(), keys), protocol, ranks=[1], scoring=Scoring(resamples=0))
    assert report.views == VIEWS
    assert report.row("probe", "mean").probes == 8 * 14
    matrix = report.matrices[0]
    assert len(matrix.gallery_views) == 14
    chance = 1 / 8
    neighbors = report.figure("probe", view="090").value
    assert neighbors > chance


def test_a_report_on_many_sequences_stays_readable():
    report = PrepareReport(Path("store"), finished=True, faults=[f"fault {i}" for i in range(1000)])
    lines = str(report).splitlines()
    assert len(lines) == 23
    assert lines[-1] == "unreadable: 980 more; the report has all"
    assert len(report.to_dict()["faults"]) == 1000
