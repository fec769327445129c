import dataclasses

import numpy as np
import pytest
import safetensors.numpy
from tests.oracles.calibration import origin_slowly
from tests.oracles.evaluation import toy_set

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation import Site


def crowd(left=12, right=9, seed=0):
    """Unlabeled clips, walking to either side."""
    rng = np.random.default_rng(seed)
    keys = [SequenceKey("passer", "", f"{i:03d}", "left" if i < left else "right") for i in range(left + right)]
    return EmbeddingSet(rng.standard_normal((len(keys), 3, 8)).astype(np.float32), keys, "toy")


def test_equals_its_slow_twin():
    passersby = crowd(left=10, right=9)
    site = Site.learn(passersby)
    keys = [SequenceKey("x", view=view) for view in ("left", "right", "away")]
    wanted = [origin_slowly(passersby.vectors, passersby.keys, key.view) for key in keys]
    found = site.origins(keys)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    np.testing.assert_array_equal(found[1], found[2])  # nine clips are too few for a mean of their own
    assert not np.allclose(found[0], found[1])
    assert list(site.means) == ["/any", "left"]
    assert site.clips == {"left": 10, "right": 9}
    assert len(site) == 19


def test_who_passed_does_not_matter():
    passersby = crowd()
    named = dataclasses.replace(passersby, keys=[dataclasses.replace(key, subject=key.take) for key in passersby.keys])
    for view, mean in Site.learn(named).means.items():
        np.testing.assert_array_equal(mean, Site.learn(passersby).means[view])


def test_five_clips_are_enough_and_four_are_not():
    assert len(Site.learn(crowd(left=5, right=0))) == 5
    with pytest.raises(DataError, match="found 4 clips of passers-by; expected at least 5"):
        Site.learn(crowd(left=2, right=2))


def test_a_saved_site_comes_back(tmp_path):
    site = Site.learn(crowd())
    site.save(tmp_path / "hall.site")
    back = Site.load(tmp_path / "hall.site")
    assert str(back) == str(site) == f"site of 21 clips {site.digest}"
    assert (back.keys, back.clips, back.source) == (site.keys, site.clips, site.source)
    for view, mean in site.means.items():
        np.testing.assert_array_equal(back.means[view], mean)
    assert Site.learn(crowd(seed=1)).digest != site.digest


def test_damaged_or_foreign_files(tmp_path):
    path = tmp_path / "hall.site"
    Site.learn(crowd()).save(path)
    whole = path.read_bytes()
    for content in (b"", whole[:100], b"junk"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="expected the file of a calibrated site"):
            Site.load(path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DataError, match="damaged, its digest does not agree"):
        Site.load(path)
    path.write_bytes(whole.replace(b"left", b"lift"))
    with pytest.raises(DataError, match="damaged, its digest does not agree"):
        Site.load(path)
    path.write_bytes(safetensors.numpy.save({"means": crowd().vectors}))
    with pytest.raises(DataError, match="not a site"):
        Site.load(path)


def test_its_own_clips_are_recognized_whatever_their_keys():
    passersby = crowd()
    site = Site.learn(passersby)
    renamed = [SequenceKey(f"p{i}") for i in range(len(passersby))]
    rounded = passersby.vectors * (1 + 1e-3 * np.random.default_rng(1).standard_normal(passersby.vectors.shape))
    again = EmbeddingSet(rounded.astype(np.float32), renamed, "toy")
    with pytest.raises(ProtocolError, match=r"probe p20.* is among the clips .* \(as passer/020"):
        site.refuse_own_clips(again.take([20]))
    site.refuse_own_clips(crowd(seed=1))  # the same keys, other clips


def test_embeddings_of_another_network():
    site = Site.learn(crowd())
    site.check(crowd(seed=2))
    for other in (toy_set(), dataclasses.replace(crowd(), source="GaitSet 1")):
        with pytest.raises(ProtocolError, match="calibrate the site again"):
            site.check(other)
