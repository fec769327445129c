"""The draper that comes with the package: as its model draws, one coat for a take, nobody's coat needed, verified."""

import numpy as np
import pytest
import torch
from tests.generation.miniatures import tiny_store

from walkprint.core.errors import CheckpointError, DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.generation import draped_coat
from walkprint.generation.draped_coat import DrapedCoat, save_draper
from walkprint.generation.draper import Draper, draw_coat_features, dress, rendered_pairs
from walkprint.generation.expand import expand
from walkprint.generation.labels import Labels

WANTED = SequenceKey("a", "cl", "01", "090")


def walk(view="090"):
    """Twelve rendered frames of normal walking."""
    return Clip(rendered_pairs(9, 0)[0][:12, :1], SequenceKey("a", "nm", "01", view))


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A draper that has learned nothing, saved in place of the one of the package."""
    torch.manual_seed(0)
    made = Draper(widths=(4, 4, 8, 8), subjects=("a",), conditions=("nm", "cl"), views=("090",)).eval()
    monkeypatch.setattr(draped_coat, "WEIGHTS", tmp_path / "draper.safetensors")
    save_draper(made, tmp_path / "draper.safetensors")
    return made


def test_frames_are_those_of_the_model(model):
    frames, coat = torch.from_numpy(walk().frames), draw_coat_features(np.random.default_rng(3))
    labels = Labels(*(torch.full((len(frames),), one) for one in (0, 1, 0)))
    chance = torch.Generator().manual_seed(0)
    seed = int(torch.randint(2**31, (1,), generator=torch.Generator().manual_seed(0)))
    same = draw_coat_features(np.random.default_rng(seed))
    assert torch.equal(dress(model.unet, frames, same), model.sample(frames, labels, chance))
    stored = DrapedCoat()._unet
    moved = (dress(stored, frames, coat).int() - dress(model.unet, frames, coat).int()).abs()
    assert moved.max() <= 1, "float16 moves a pixel by a gray level at most"


def test_the_bundled_draper_puts_on_a_coat_and_takes_nothing_away():
    source = walk()
    made, dropped = DrapedCoat().make(source, WANTED, np.random.default_rng(0))
    assert made.shape == source.frames.shape
    assert not dropped
    added = (made > 127).sum() / (source.frames > 127).sum()
    assert 1.05 < added < 1.8
    assert ((made > 127) | (source.frames <= 127)).mean() > 0.995


def test_it_draws_what_rendering_shows():
    """On people that it did not learn from, in the renderer's own coats."""
    apart, undressed = [], []
    for number in range(6):
        pairs, coat = rendered_pairs(77, number)
        drawn = dress(DrapedCoat()._unet, torch.from_numpy(pairs[:, :1]), coat).numpy()[:, 0] > 127
        normal, dressed = pairs[:, 0] > 127, pairs[:, 1] > 127
        apart.append((drawn ^ dressed).mean())
        undressed.append((normal ^ dressed).mean())
    assert np.mean(apart) < 0.7 * np.mean(undressed)


def test_all_views_of_a_take_show_one_coat_and_takes_differ():
    coats = [draw_coat_features(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(coats[0], coats[1])
    assert not np.array_equal(coats[0], coats[2])
    made = [DrapedCoat().make(walk(), WANTED, np.random.default_rng(seed))[0] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_nobody_need_have_a_coat(tmp_path):
    people = Packed(tiny_store(tmp_path / "store", without_coat=3).path, train=2)
    with pytest.warns(UserWarning, match="no recording in 'cl': a new condition"):
        store = Packed(expand(people, DrapedCoat(), wanted={"cl": 2}, out=tmp_path / "more")).store()
    assert {key.condition for key in store.generated} == {"cl"}
    assert store.meta["generated"]["name"] == "DrapedCoat"


def test_only_coats_are_made_without_a_word(tmp_path):
    people = Packed(tiny_store(tmp_path / "store").path, train=2)
    with pytest.raises(DataError, match="wanted is 'nm', the condition that is dressed; expected that of coats"):
        expand(people, DrapedCoat(), wanted={"nm": 6}, out=tmp_path / "more")
    with pytest.warns(UserWarning, match="takes of 'bg' are made by putting on a coat"):
        expand(people, DrapedCoat(), wanted={"bg": 1}, out=tmp_path / "bags")


def test_settings_and_weights_make_the_digest(model):
    known = {DrapedCoat().digest, DrapedCoat(cover=False).digest, DrapedCoat("outdoor").digest}
    torch.nn.init.ones_(model.unet.last.bias)
    save_draper(model, draped_coat.WEIGHTS)
    assert len({*known, DrapedCoat().digest}) == 4


def test_damaged_weights_are_refused(model):
    whole = draped_coat.WEIGHTS.read_bytes()
    for damaged, said in ((whole[:-1], "cannot be read"), (whole[:-2] + b"!!", "damaged"), (b"", "cannot be read")):
        draped_coat.WEIGHTS.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=said):
            DrapedCoat().make(walk(), WANTED, np.random.default_rng(0))
    draped_coat.WEIGHTS.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        _ = DrapedCoat().digest


def test_other_sizes_are_refused():
    with pytest.raises(DataError, match="prepare the data at that size"):
        DrapedCoat().make(Clip(np.zeros((2, 1, 32, 32), np.uint8), WANTED), WANTED, np.random.default_rng(0))
