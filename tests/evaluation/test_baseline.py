import numpy as np
import pytest
from tests.data.miniatures import random_clip

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.baseline import energy_image_embeddings
from walkprint.evaluation.embed import merge
from walkprint.evaluation.identify import identify
from walkprint.evaluation.scoring import Scoring


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "store") as writer:
        for i in range(3):
            frames = rng.integers(0, 256, (4 + i, 1, 64, 64), dtype=np.uint8)
            writer.add(Clip(frames, SequenceKey(f"{i}")))
    return Store.open(tmp_path / "store")


def test_is_the_mean_of_the_central_columns(store):
    found = energy_image_embeddings(store, store.keys)
    assert found.vectors.shape == (3, 1, 64 * 44)
    for key, vector in zip(found.keys, found.vectors, strict=True):
        image = np.mean([frame[0, :, 10:54] / 255.0 for frame in store.read(key).frames], axis=0)
        np.testing.assert_allclose(vector[0], image.reshape(-1), atol=1e-6)
    assert found.source == "energy image, columns 10 to 53"
    packed = energy_image_embeddings(Packed(store.path, train=0), store.keys)
    np.testing.assert_array_equal(packed.vectors, found.vectors)


def test_columns_on_request(store):
    assert energy_image_embeddings(store, store.keys, columns=(0, 64)).vectors.shape == (3, 1, 64 * 64)
    for columns in ((10, 65), (5, 5), (-1, 4)):
        with pytest.raises(DataError, match="choose some inside"):
            energy_image_embeddings(store, store.keys, columns=columns)
    with pytest.raises(DataError, match="no sequence"):
        energy_image_embeddings(store, [])


def test_real_people_as_published(shared, tmp_path):
    cv2 = pytest.importorskip("cv2")
    root = shared / "data" / "kth-walking" / "masks"
    if not root.is_dir():
        pytest.skip("needs the masks of real walkers beside the project")
    with StoreWriter(tmp_path / "kth") as writer:
        for folder in sorted(root.glob("*/*/*")):
            frames = np.stack([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(folder.glob("*.png"))])
            writer.add(Clip(frames[:, None], SequenceKey.parse(folder.relative_to(root).as_posix())))
    store = Store.open(tmp_path / "kth")
    later = tuple({key.take for key in store.keys} - {"01"})
    probes = {name: Selection(conditions=(name,)) for name in ("clothes", "scale", "indoor")}
    probes["outdoor"] = Selection(conditions=("outdoor",), takes=later)
    gallery = Selection(conditions=("outdoor",), takes=("01",))
    protocol = Protocol("KTH", gallery, probes, require=frozenset({"view"}), gallery_view="all")
    embeddings = energy_image_embeddings(store, store.keys)
    for settings, expected in (
        ({"metric": "cosine", "center": True}, {"outdoor": 23, "clothes": 10, "scale": 23, "indoor": 8}),
        ({"metric": "euclidean"}, {"outdoor": 22, "clothes": 4, "scale": 4, "indoor": 7}),
    ):
        report = identify(embeddings, protocol, scoring=Scoring(**settings, resamples=0))
        hits = {row.probe_set: row.figures["rank-1"].value * row.probes for row in report.rows if row.view == "pooled"}
        assert hits == pytest.approx(expected)


def test_reports_print_what_was_seen_of_the_data(tmp_path):
    path, out = tmp_path / "mine", tmp_path / "e.npz"
    with StoreWriter(path, further={"empty": ["c/nm-01/"]}) as writer:
        for subject in "ab":
            for take in ("01", "02"):
                clip = random_clip(SequenceKey(subject, "nm", take), 4, shape=(1, 16, 16))
                writer.add(clip, {"corrupt": 2}, doubtful={"looked at": 1, "specks": 1})
    packed = Packed(path)
    energy_image_embeddings(packed, packed.keys("all")).save(out)
    said = (
        "Data: mine: 4 sequences, 16 frames; left out: 8 frames (8 corrupt); without a usable frame: 1 sequence; "
        "doubtful: 4 of 4 frames looked at (100.0 %), specks beside the person."
    )
    report = identify(EmbeddingSet.load(out), packed.protocol(), scoring=Scoring(resamples=0))
    assert said in report.notes
    assert said in report.to_text()
    shares = [energy_image_embeddings(packed, [key]) for key in packed.keys("all")]
    assert merge(shares).data == packed.store().quality == merge(shares).take([0]).normalized().data
    double = EmbeddingSet(np.zeros((2, 1, 1), np.float32), [SequenceKey("a")] * 2)
    double.save(out)
    with pytest.raises(DataError, match="sequence a// is there twice"):
        EmbeddingSet.load(out)
