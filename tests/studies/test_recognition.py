import numpy as np
import pytest

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation import Scoring
from walkprint.studies.recognition import finite, scores

PROTOCOL = Protocol(
    "own", Selection(takes=("01",)), {"NM": Selection(takes=("02",)), "CL": Selection(takes=("03",))},
    require=frozenset({"view"}), gallery_view="all",
)  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"metric": "cosine", "center": True}])
def test_figures_of_people_average_to_the_figure(options):
    rng = np.random.default_rng(0)
    keys = [SequenceKey(f"s{s}", "nm", take, view) for s in range(8) for take in ("01", "02", "03") for view in "ab"]
    people = {key.subject: rng.normal(size=(2, 4)) for key in keys}
    vectors = [people[key.subject] + rng.normal(size=(2, 4)) + 3 * (key.take == "03") for key in keys]
    found = scores(EmbeddingSet(np.stack(vectors).astype(np.float32), keys), PROTOCOL, Scoring(**options, resamples=0))
    for name in ("NM", "CL"):
        assert 0 < found["rank-1"][name] < 1
        assert len(found["by subject"][name]) == 8
        assert np.mean(list(found["by subject"][name].values())) == pytest.approx(found["rank-1"][name])
    assert set(found["EER"]) == set(found["TAR at FAR 1 %"]) == {"NM", "CL"}


def test_what_cannot_be_measured_is_left_out():
    assert finite({"a": float("nan"), "b": 1.0}) == {"b": 1.0}
