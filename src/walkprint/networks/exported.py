"""A network outside PyTorch: an ONNX file with its preprocessing, run by ONNX Runtime or OpenVINO.

To everything else it is a network like any other: `load_network` opens its folder, `embed` and galleries take it. Its
one buffer is the digest of the file, so its embeddings are never mixed up with those of the network it was made from.
Needs the extra `export`.

Source: ONNX, an open format (https://onnx.ai).
Deviations: none.
"""

import hashlib
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import Frames, SizePx, Width
from walkprint.core.errors import CheckpointError, DataError, RecipeError
from walkprint.networks.base import Network

Runtime = Literal["onnxruntime", "openvino"]
ONNX_NAME = "network.onnx"


class Exported(Network):
    """Runs an ONNX file on the CPU; it cannot be trained.

    Args:
        channels, height_px: of the frames that the file takes.
        width_px: of stored frames, before the file crops them.
        min_frames: of a clip.
        ordered: whether the order of frames matters.
        made_from: class and digest of the network in PyTorch.
        precision: "fp32", or "int8" for whole numbers.
    """

    file_digest: Tensor

    def __init__(
        self,
        *,
        channels: Width = 1,
        height_px: SizePx = 64,
        width_px: SizePx = 64,
        min_frames: Frames = 1,
        ordered: bool = False,
        made_from: str = "",
        precision: str = "fp32",
    ) -> None:
        super().__init__()
        self.channels, self.height_px, self.width_px = channels, height_px, width_px
        self.min_frames, self.ordered = min_frames, ordered
        self.made_from, self.precision = made_from, precision
        self.register_buffer("file_digest", torch.zeros(32, dtype=torch.uint8))
        self._file = Path()
        self._runtime: Runtime = "onnxruntime"
        self._session: Any = None

    def attach(self, folder: Path, runtime: Runtime = "onnxruntime") -> None:
        """Use the file in a folder.

        Args:
            folder: of the exported network.
            runtime: what runs it.

        Raises:
            CheckpointError: the file is missing, or is not the one of the digest.
            RecipeError: an unknown runtime, or one that is not installed.
        """
        if runtime not in get_args(Runtime):
            raise RecipeError(f"runtime is {runtime!r}; expected {' or '.join(get_args(Runtime))}")
        self._file, self._runtime, self._session = folder / ONNX_NAME, runtime, None
        try:
            digest = hashlib.sha256(self._file.read_bytes()).digest()
        except OSError as error:
            raise CheckpointError(
                f"{self._file}: cannot be read ({error.strerror}); export the network again"
            ) from None
        if digest != bytes(self.file_digest.tolist()):
            raise CheckpointError(f"{self._file}: is not the file that was exported; export the network again")
        self._run(np.zeros((1, self.min_frames, self.channels, self.height_px, self.width_px), np.uint8))

    def prepare(self, frames: Tensor) -> Tensor:
        """The frames as they are: the file crops and scales them itself."""
        if frames.dtype != torch.uint8 or frames.shape[-3:] != (self.channels, self.height_px, self.width_px):
            raise DataError(
                f"Exported: frames are {frames.dtype} {tuple(frames.shape)}, expected uint8 (batch, time, "
                f"{self.channels}, {self.height_px}, {self.width_px}), as they are stored"
            )
        return frames

    def __call__(self, frames: Tensor) -> GaitOutput:
        """Embed clips, uint8 (batch, time, channel, height, width), as `prepare` gives them."""
        return self.forward(self.prepare(frames))

    def forward(self, frames: Tensor) -> GaitOutput:
        """Embed clips, see `__call__`."""
        return GaitOutput(torch.from_numpy(self._run(frames.cpu().numpy())))

    def _run(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self._session is None:
            self._session = _OPEN[self._runtime](self._file)
        found: NDArray[np.float32] = self._session(np.ascontiguousarray(frames))
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Without the session, which every process opens for itself."""
        return self.__dict__ | {"_session": None}


def onnxruntime_session(file: Path) -> Any:
    """A function from `frames` to the only output of an ONNX file, run on the CPU.

    Raises:
        RecipeError: ONNX Runtime is not installed.
        CheckpointError: it cannot open the file.
    """
    try:
        import onnxruntime
    except ImportError:
        raise RecipeError("runtime onnxruntime is not installed; install walkprint[export]") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CheckpointError(f"{file}: ONNX Runtime cannot open it ({error}); export the network again") from error
    return lambda frames: session.run(None, {"frames": frames})[0]


def _openvino(file: Path) -> Any:
    try:
        import openvino
    except ImportError:
        raise RecipeError("runtime openvino is not installed; install walkprint[export]") from None
    settings = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "INFERENCE_PRECISION_HINT": "f32"}
    try:
        compiled = openvino.Core().compile_model(openvino.Core().read_model(str(file)), "CPU", settings)
    except Exception as error:
        raise CheckpointError(f"{file}: OpenVINO cannot open it ({error}); export the network again") from error
    return lambda frames: compiled({"frames": frames})[0]


_OPEN = {"onnxruntime": onnxruntime_session, "openvino": _openvino}
