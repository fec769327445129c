import pytest
import torch

from walkprint.core.device import embedding_precision, fast_precision, usable_device
from walkprint.core.errors import RecipeError


def test_devices_that_are_there():
    assert usable_device("cpu") == usable_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("name", ["foo", "", "cuda", "cuda:1", "meta", "cpu:7"])
def test_devices_that_are_not_there(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(RecipeError, match=f"device is '{name}'; expected what is on this machine: cpu$"):
        usable_device(name)


def test_one_of_several(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert usable_device("cuda:1").index == 1
    with pytest.raises(RecipeError, match=r"cuda \(2 of them\)"):
        usable_device("cuda:2")


@pytest.mark.parametrize(("there", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_bfloat16_only_on_processors_that_compute_in_it(there, expected, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: there)
    assert fast_precision() == expected
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert fast_precision() == "32-true"


@pytest.mark.parametrize("name", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
def test_embedding_in_bfloat16_where_the_processor_has_it(name, monkeypatch):
    for one in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, one, lambda: False, raising=False)
    assert embedding_precision() == "32-true"
    monkeypatch.setattr(torch.cpu, name, lambda: True, raising=False)
    assert embedding_precision() == "bf16"
    assert embedding_precision("cuda") == "32-true"
