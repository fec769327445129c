"""Any network may stand in any study."""

import pytest
import torch

from walkprint.core.errors import RecipeError
from walkprint.networks.base import Network
from walkprint.networks.exported import Exported
from walkprint.networks.gaitset import GaitSet
from walkprint.recipes.classes import build, members
from walkprint.studies.cloth_expansion import ClothExpansionStudy
from walkprint.studies.disentanglement import DisentanglementStudy
from walkprint.studies.inter_class import InterClassStudy
from walkprint.studies.networks import check_networks, narrow

OURS = sorted(
    name
    for name, kind in members(Network).items()
    if kind.__module__.startswith("walkprint.") and kind is not Exported  # it cannot be trained
)


class MyNet(GaitSet):
    """A network that walkprint does not know."""


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("size_px", [32, 64])
def test_networks_fit_their_frames(name, size_px):
    if (name, size_px) == ("GaitNet", 32):
        pytest.skip("takes 64 px only")
    network = build(Network, narrow(name, size_px, 4, 5))
    output = network(network.prepare(torch.zeros(2, 6, 1, size_px, size_px, dtype=torch.uint8)))
    assert len(output.embeddings) == 2
    assert output.logits is None or output.logits.shape[2] == 5
    assert sum(one.numel() for one in network.parameters()) < 400_000


@pytest.mark.parametrize("name", ["DeepGaitV2", f"{MyNet.__module__}.MyNet"])
def test_every_study_takes_any_network(name):
    studies = {
        "network": InterClassStudy(networks=(name,), sections=("compare",), seeds=1),
        "cloth": ClothExpansionStudy(networks=(name,), sections=("recognition",), variants=("original",), seeds=1),
        "others": DisentanglementStudy(others=(name,), sections=("networks",), seeds=1),
    }
    for study in studies.values():
        cell = study.cells()[0]
        entry = cell.settings["recipe"]["network"]
        assert entry["class_path"] == name
        assert entry["init_args"]["num_subjects"] == study.train
        assert entry["init_args"]["height_px"] in (32, 64)


def test_what_is_no_network_is_refused():
    with pytest.raises(RecipeError, match="network none"):
        check_networks([])
    with pytest.raises(RecipeError, match=r"network GaitSat; expected some of .*GaitSet"):
        check_networks(["GaitSat"])
    for wrong in ("no.Such", "walkprint.losses.TripletLoss"):
        with pytest.raises(RecipeError, match=wrong):
            check_networks([wrong])
