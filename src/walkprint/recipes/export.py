"""Networks out of PyTorch: one ONNX file from stored frames to embeddings, checked against the original.

So is the segmenter of MediaPipe that the package holds: from RGB crops to masks.
"""

import hashlib
import logging
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from walkprint.core.digest import weights_source
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.files import write_atomically
from walkprint.data.walkers import Walkers
from walkprint.evaluation.whitening import WHITENING_NAME
from walkprint.networks.base import Network
from walkprint.networks.exported import ONNX_NAME, Exported, onnxruntime_session
from walkprint.recipes.trained import load_network, network_folder
from walkprint.training.checkpoint import save_network
from walkprint.video.mediapipe import BUNDLED, MODELS
from walkprint.video.tflite import TfliteNetwork

SEGMENTER_NAME = "segmenter.onnx"
_PARITY = 1e-4
_LENGTHS = (1, 7, 30)
_CALIBRATION_CLIPS = 24


class _Chain(nn.Module):
    """What the file does: crop, scale, embed."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        left = (frames.shape[-1] - self.network.width_px) // 2
        cropped = frames[..., left : left + self.network.width_px].to(torch.float32) / 255
        embeddings: Tensor = self.network.forward(cropped).embeddings
        return embeddings


class _Segmenting(nn.Module):
    """What the segmenter's file does: scale, find the person."""

    def __init__(self) -> None:
        super().__init__()
        self.network = TfliteNetwork(MODELS / BUNDLED)

    def forward(self, frames: Tensor) -> Tensor:
        masks: Tensor = self.network(frames.permute(0, 3, 1, 2).to(torch.float32) / 255)
        return masks[:, 0]


def export(name: str | Path, out: str | Path, *, int8: bool = False) -> dict[str, Any]:
    """Write a trained network as an ONNX file, in a folder that `load_network` opens.

    Batch and time stay free. The file takes stored frames, uint8 (batch, time, channel, height, width), named `frames`,
    and gives `embeddings`, float32 (batch, part, feature). OpenVINO reads the same file.

    The segmenter's file takes RGB crops, uint8 (batch, 256, 256, 3), and gives `masks`, float32 (batch, 256, 256), 0 to
    1.

    Args:
        name: the `name` of `load_network`; or "selfie", the segmenter that the package holds.
        out: folder to be.
        int8: quantize the weights and activations of convolutions and products, calibrated on rendered walks.

    Returns:
        `digest` of the file, `difference`: the largest from the original over several batches and lengths, relative to
        the largest number of an embedding, and `bytes`.

    Raises:
        DataError: the folder exists, or the file does not compute what the network does, within 1e-4 in fp32.
        RecipeError: the extra `export` is not installed, the network is exported already, or `int8` for the segmenter.
        CheckpointError: as in `load_network`.
    """
    out = Path(out)
    if out.exists():
        raise DataError(f"{out}: already exists; choose another folder or remove it first")
    if str(name) == "selfie":
        if int8:
            raise RecipeError("selfie: the segmenter is exported in fp32; leave int8 out")
        return _export_segmenter(out)
    network = load_network(name)
    if isinstance(network, Exported):
        raise RecipeError(f"{name}: is exported already; export the network that it was made from")
    width = network.width_px if network.channels > 1 else network.height_px
    settings: dict[str, Any] = {
        "channels": network.channels, "height_px": network.height_px, "width_px": width,
        "min_frames": network.min_frames, "ordered": network.ordered,
        "made_from": weights_source(network), "precision": "int8" if int8 else "fp32",
    }  # fmt: skip
    with TemporaryDirectory(prefix="walkprint-export-") as folder:
        file = Path(folder) / ONNX_NAME
        _write(_Chain(network).eval(), _clips(network, width, 3, network.min_frames + 6), file, (0, 1), "embeddings")
        if int8:
            file = _quantized(file, network, width)
        exported = Exported(**settings)
        exported.file_digest.copy_(torch.tensor(list(hashlib.sha256(file.read_bytes()).digest()), dtype=torch.uint8))
        exported.attach(file.parent)
        difference = _difference(network, exported, width)
        if not int8:
            _check(name, difference)
        partial = out.with_name(f".{out.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        save_network(partial, exported)
        shutil.copyfile(file, partial / ONNX_NAME)
    whitening = network_folder(name) / WHITENING_NAME
    if whitening.is_file():
        write_atomically(partial / WHITENING_NAME, whitening.read_bytes())
    partial.rename(out)
    return {"digest": weights_source(exported), "difference": difference, "bytes": (out / ONNX_NAME).stat().st_size}


def _check(name: str | Path, difference: float) -> None:
    if not difference <= _PARITY:
        raise DataError(f"{name}: the exported file differs by {difference:.1e}, expected at most {_PARITY}; report it")


def _export_segmenter(out: Path) -> dict[str, Any]:
    chain, worst = _Segmenting().eval(), 0.0
    with TemporaryDirectory(prefix="walkprint-export-") as folder:
        file = Path(folder) / SEGMENTER_NAME
        crops = torch.randint(0, 256, (3, 256, 256, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        _write(chain, crops, file, (0,), "masks")
        run = onnxruntime_session(file)
        for some in (crops[:1], crops):
            with torch.inference_mode():
                wanted = chain(some).numpy()
            worst = max(worst, float(np.abs(run(some.numpy()) - wanted).max()))
        _check("selfie", worst)
        content = file.read_bytes()
    write_atomically(out / SEGMENTER_NAME, content)
    digest = f"selfie {hashlib.sha256(content).hexdigest()[:12]}"
    return {"digest": digest, "difference": worst, "bytes": len(content)}


def _write(chain: nn.Module, example: Tensor, file: Path, free_axes: tuple[int, ...], output: str) -> None:
    """Trace a chain to ONNX, with free axes such as batch and time."""
    free = {"frames": dict.fromkeys(free_axes, torch.export.Dim.DYNAMIC)}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                chain, (example,), dynamo=True, dynamic_shapes=free, input_names=["frames"],
                output_names=[output], verbose=False,
            )  # fmt: skip
            program.save(str(file))
    except ImportError as error:
        raise RecipeError(f"export: {error.name} is not installed; install walkprint[export]") from None
    except Exception as error:  # the exporter's own errors have no common base that is public
        name = type(chain.network).__name__
        raise RecipeError(
            f"export: {name} cannot be traced with a free batch and time ({str(error).strip().splitlines()[-1]}); "
            "export another network"
        ) from error


def _quantized(file: Path, network: Network, width: int) -> Path:
    """The same in whole numbers of 8 bits, in a file beside it."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Walks(CalibrationDataReader):  # type: ignore[misc]
        """Rendered walks, one after another."""

        def __init__(self) -> None:
            self.clips: Iterator[NDArray[np.uint8]] = _walks(network, width)

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            found = next(self.clips, None)
            return None if found is None else {"frames": found}

    folder = file.with_name("int8")
    folder.mkdir()
    logging.getLogger().setLevel(logging.ERROR)
    quantize_static(
        str(file), str(folder / ONNX_NAME), Walks(), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv"],
        reduce_range=True,  # weights of 7 bits: without VNNI, sums of two products of 8 bits are cut off at 16
    )  # fmt: skip
    return folder / ONNX_NAME


def _walks(network: Network, width: int) -> Iterator[NDArray[np.uint8]]:
    """Rendered walks of eight people in all conditions, (1, time, channel, height, width); noise for color."""
    if network.channels != 1 or network.height_px != 64:
        for _ in range(_CALIBRATION_CLIPS):
            yield _clips(network, width, 1, network.min_frames + 15).numpy()
        return
    people = Walkers(subjects=8, frames=max(20, network.min_frames))
    keys = sorted(people.catalogue())
    for key in keys[:: max(len(keys) // _CALIBRATION_CLIPS, 1)]:
        yield people.read(key).frames[None]


def _clips(network: Network, width: int, batch: int, frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(batch * 1000 + frames)
    shape = (batch, frames, network.channels, network.height_px, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def _difference(network: Network, exported: Exported, width: int) -> float:
    worst = 0.0
    for batch, frames in ((b, max(network.min_frames, t)) for b in (1, 4) for t in _LENGTHS):
        clips = _clips(network, width, batch, frames)
        with torch.inference_mode():
            wanted = network(network.prepare(clips)).embeddings
        found = exported(clips).embeddings
        worst = max(worst, float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12)))
    return worst
