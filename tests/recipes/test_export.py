"""Networks out of PyTorch: the same embeddings, a digest of their own, nothing else in their place."""

import copy
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from walkprint.cli import main
from walkprint.core.digest import weights_source
from walkprint.core.errors import CheckpointError, DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import ColorWalkers
from walkprint.evaluation.whitening import Whitening
from walkprint.networks import GaitPart, GaitSet
from walkprint.networks.base import Network
from walkprint.networks.exported import ONNX_NAME, Exported
from walkprint.recipes.export import SEGMENTER_NAME, export
from walkprint.recipes.trained import load_network
from walkprint.training.checkpoint import save_network
from walkprint.video.mediapipe import MediaPipe

for needed in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(needed, reason=f"{needed} of the extra `export` is not installed")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("network") / "small"
    save_network(folder, GaitSet(channels=(2, 2, 4), strips=(1, 2), feature=4))
    Whitening(np.zeros((6, 4), np.float32), np.ones((6, 4, 4), np.float32)).save(folder / "whitening.safetensors")
    return folder


@pytest.fixture(scope="module")
def exported(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "out"
    found = export(original, out)
    assert found["difference"] < 1e-4
    assert not list(out.parent.glob(".out*"))
    return out


def clips(batch: int, frames: int) -> torch.Tensor:
    rng = np.random.default_rng(batch + frames)
    return torch.from_numpy(rng.integers(0, 256, (batch, frames, 1, 64, 64), dtype=np.uint8))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_both_runtimes_embed_as_the_original_in_any_batch_and_length(
    original: Path, exported: Path, runtime: str
) -> None:
    slow, fast = load_network(original), load_network(exported, runtime=runtime)
    assert isinstance(fast, Exported)
    assert isinstance(slow, Network)
    for batch, frames in ((1, 1), (2, 5), (3, 31)):
        given = clips(batch, frames)
        with torch.inference_mode():
            wanted = slow(slow.prepare(given)).embeddings.numpy()
        found = fast(fast.prepare(given)).embeddings.numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    walk = clips(1, 9)[0, :, 0].numpy()
    np.testing.assert_allclose(fast.embed(walk), slow.embed(walk), atol=1e-5)
    another = copy.copy(fast)  # as a worker process gets it: without the session
    assert another._session is None
    np.testing.assert_array_equal(another.embed(walk), fast.embed(walk))


def test_short_movements_keep_any_length(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_network(tmp_path / "small", GaitPart(channels=(2, 4, 4), strips=(2,), feature=4))
    assert export(tmp_path / "small", tmp_path / "out")["difference"] < 1e-4
    slow, fast = load_network(tmp_path / "small"), load_network(tmp_path / "out")
    for batch, frames in ((1, 1), (2, 4), (1, 23)):
        given = clips(batch, frames)
        with torch.inference_mode():
            wanted = slow(slow.prepare(given)).embeddings.numpy()
        found = fast(fast.prepare(given)).embeddings.numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_its_source_is_its_own_and_its_whitening_comes_along(original: Path, exported: Path) -> None:
    slow, fast = load_network(original), load_network(exported)
    assert weights_source(fast) != weights_source(slow)
    assert fast.init_args["made_from"] == weights_source(slow)
    assert fast.whitening is not None
    assert str(fast.whitening) == str(slow.whitening)


def test_whole_numbers_are_near(original: Path, tmp_path: Path) -> None:
    found = export(original, tmp_path / "int8", int8=True)
    assert found["difference"] < 0.5
    fast, slow = load_network(tmp_path / "int8"), load_network(original)
    assert fast.init_args["precision"] == "int8"
    walk = np.zeros((12, 64, 64), np.uint8)
    walk[:, 8:60, 24:40] = 255
    near, exact = fast.embed(walk).ravel(), slow.embed(walk).ravel()
    assert near @ exact > 0.98 * np.linalg.norm(near) * np.linalg.norm(exact)


def test_what_is_refused(original: Path, exported: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="already exists"):
        export(original, exported)
    with pytest.raises(RecipeError, match="exported already"):
        export(exported, tmp_path / "again")
    with pytest.raises(RecipeError, match="export it first"):
        load_network(original, runtime="openvino")
    with pytest.raises(RecipeError, match="runtime is 'tensorrt'"):
        load_network(exported, runtime="tensorrt")
    with pytest.raises(DataError, match="as they are stored"):
        load_network(exported)(clips(1, 2)[..., :44])
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in exported.iterdir():
        (damaged / file.name).write_bytes(file.read_bytes())
    data = bytearray((damaged / ONNX_NAME).read_bytes())
    data[len(data) // 2] ^= 1
    (damaged / ONNX_NAME).write_bytes(data)
    with pytest.raises(CheckpointError, match="not the file that was exported"):
        load_network(damaged)
    (damaged / ONNX_NAME).unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_network(damaged)


def test_the_config_says_what_the_file_takes(exported: Path) -> None:
    settings = json.loads((exported / "config.json").read_text())["init_args"]
    network = load_network(exported)
    for name in ("channels", "height_px", "width_px", "min_frames", "ordered", "made_from", "precision"):
        assert settings[name] == getattr(network, name)
    assert settings["width_px"] == 64


def test_the_segmenter_gives_the_masks_that_opencv_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import onnxruntime

    assert main(["export", "selfie", "--out", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["difference"] < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "out" / SEGMENTER_NAME, providers=["CPUExecutionProvider"])
    walkers = ColorWalkers(subjects=1, views=("090",), frames=2, takes={"nm": 1})
    color, _ = walkers.read_color(SequenceKey("001", "nm", "01", "090"))
    crops = np.stack([cv2.resize(frame.transpose(1, 2, 0), (256, 256)) for frame in color.frames])
    masks = session.run(["masks"], {"frames": crops})[0]
    expected = np.stack([MediaPipe()._infer(crop) for crop in crops])
    assert (expected > 0.5).sum() > 3000, "the pictures must show somebody, or the test proves nothing"
    np.testing.assert_allclose(masks, expected, atol=2e-3)
    with pytest.raises(RecipeError, match="leave int8 out"):
        export("selfie", tmp_path / "int8", int8=True)
