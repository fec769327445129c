"""What every network promises: clips in, a GaitOutput out; a plain module without data, devices or trainer."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.described import Described
from walkprint.core.digest import weights_source
from walkprint.core.embedding import EmbeddingSet, mean_of_pieces, pieces
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.masks import NoMaskError, silhouettes
from walkprint.core.sequence import Clip
from walkprint.core.silhouette import align_clip, reasons_in_words

_MOST_FRAMES = 720


class Network(Described, nn.Module, ABC):
    """Base of all networks.

    Subclasses take keyword-only arguments with defaults and implement `forward`.

    Attributes:
        channels, height_px, width_px: size of the frames that `forward` takes.
        min_frames: clips shorter than this are repeated by whoever batches them.
        ordered: whether the order of frames matters, so that only ordered frame choosers fit.
        whitening: what its embeddings are whitened with, an `evaluation.Whitening`, where `load_network` found one.
    """

    channels: int = 1
    height_px: int = 64
    width_px: int = 44
    min_frames: int = 1
    ordered: bool = False
    whitening: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a layer with the name of a method is refused, because the method would hide it."""
        if isinstance(value, nn.Module) and callable(getattr(type(self), name, None)):
            raise RecipeError(f"{type(self).__name__}: {name} is a method of networks; give the layer another name")
        super().__setattr__(name, value)

    def __call__(self, frames: Tensor) -> GaitOutput:
        """Embed clips: `forward` after a check of the frames, with its output in float32 in any precision.

        The check reads shape and type only, so no device has to be waited for.

        Raises:
            DataError: frames of another type or size than `prepare` gives, an empty batch, or clips that are too short.
        """
        expected = (self.channels, self.height_px, self.width_px)
        if not frames.is_floating_point() or frames.ndim != 5 or frames.shape[2:] != expected or not len(frames):
            raise DataError(
                f"{type(self).__name__}: frames are {frames.dtype} {tuple(frames.shape)}, expected float (batch, time, "
                f"{', '.join(map(str, expected))}) with at least one clip: pass stored frames through `prepare`"
            )
        if frames.shape[1] < self.min_frames:
            raise DataError(
                f"{type(self).__name__}: clips of {frames.shape[1]} frames, expected {self.min_frames} or more: repeat "
                "them"
            )
        output: GaitOutput = super().__call__(frames)
        tensors = output.tensors()
        if all(one.dtype in (torch.float32, torch.float64) for one in tensors.values()):
            return output
        return GaitOutput.from_tensors({name: one.float() for name, one in tensors.items()})

    @abstractmethod
    def forward(self, frames: Tensor) -> GaitOutput:
        """Embed clips.

        Args:
            frames: (batch, time, channel, height, width), 0 to 1, of the network's own size: see `prepare`.
        """

    def prepare(self, frames: Tensor) -> Tensor:
        """Frames as stored to frames as `forward` takes them: the central columns, as float from 0 to 1.

        Args:
            frames: uint8 (batch, time, channel, height, width), as wide as the network's frames or wider.

        Raises:
            DataError: other channels or height, or frames narrower than the network's.
        """
        channels, height, width = frames.shape[-3:]
        if channels != self.channels or height != self.height_px or width < self.width_px:
            raise DataError(
                f"{type(self).__name__}: frames are {channels} x {height} x {width} (channel, height, width), expected "
                f"{self.channels} x {self.height_px} x {self.width_px} or wider: prepare the data at that size"
            )
        left = (width - self.width_px) // 2
        return frames[..., left : left + self.width_px].to(torch.float32).div_(255)

    def embed(self, walks: Any) -> Any:
        """Embed walks, one after another, on the device where the network is; see `walkprint.embed` for many at once.

        Frames of the network's height, as wide as its own or wider, are taken as aligned. Silhouettes of any other size
        are aligned first, as `prepare` does; frames that cannot be are left out. A walk of more than 720 frames is
        embedded in pieces, whose mean it gets; one that is too short for the network is repeated.

        Args:
            walks: uint8, uint16 or bool (time, height, width), masks as `walkprint.core.masks` says; (time, channel,
                height, width); a `Clip`; a sequence of these, of any lengths; or a store or data set.

        Returns:
            float32 (part, feature) of one walk, (walk, part, feature) of a sequence, an `EmbeddingSet` of a store or
            data set.

        Raises:
            DataError: frames of another type or size, or no frame that can be used.
        """
        with self.evaluating(), torch.inference_mode():
            walks = walks.store() if hasattr(walks, "store") else walks
            if hasattr(walks, "read"):
                keys = list(walks.catalogue() if hasattr(walks, "catalogue") else walks.keys)
                vectors = [self._embed_one(walks.read(key), stored=True) for key in keys]
                return EmbeddingSet(
                    np.stack(vectors),
                    keys,
                    weights_source(self),
                    getattr(walks, "quality", ""),
                )
            if isinstance(walks, Sequence) and not isinstance(walks, str):
                if not walks:
                    raise DataError(f"{type(self).__name__}: no walk to embed")
                return np.stack([self._embed_one(walk) for walk in walks])
            return self._embed_one(walks)

    def _embed_one(self, walk: Any, stored: bool = False) -> NDArray[np.float32]:
        frames = torch.from_numpy(self._usable_frames(walk, stored))
        device = next(self.parameters(), torch.empty(0)).device
        vectors, weights = [], []
        for piece in pieces(len(frames), max(_MOST_FRAMES, self.min_frames)):
            taken = (piece.start + torch.arange(max(len(piece), self.min_frames))) % len(frames)
            output: GaitOutput = self(self.prepare(frames[taken][None].to(device)))
            vectors.append(output.embeddings[0].float().cpu().numpy())
            weights.append(len(taken))
        return mean_of_pieces(vectors, weights)

    def _usable_frames(self, walk: Any, stored: bool) -> NDArray[np.uint8]:
        """Frames (time, channel, height, width), aligned; those of a store are masks, others have to be judged."""
        frames, name = np.asarray(walk.frames if isinstance(walk, Clip) else walk), type(self).__name__
        if frames.dtype not in (np.uint8, np.uint16, np.bool_) or frames.ndim not in (3, 4) or 0 in frames.shape:
            raise DataError(
                f"{name}: frames are {frames.dtype} {frames.shape}, expected uint8 (time, height, width), 0 background "
                "to 255 person"
            )
        frames = frames[:, None] if frames.ndim == 3 else frames
        channels, height, width = frames.shape[1:]
        if (channels, self.channels) != (1, 1):
            return frames
        try:
            masks, dropped = (frames[:, 0], Counter[str]()) if stored else silhouettes(frames[:, 0])
        except NoMaskError as reason:
            raise DataError(f"{name}: no frame shows a person ({reason.detail or reason})") from reason
        if len(masks) and (height != self.height_px or width < self.width_px):
            masks, more = align_clip(masks, self.height_px)
            dropped, masks = dropped + more, masks.reshape(-1, *masks.shape[-2:])
        if not len(masks):
            raise DataError(f"{name}: no frame shows a person that can be aligned ({reasons_in_words(dropped)})")
        return masks[:, None]

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Evaluation mode inside the block; afterwards every module is in its own mode again."""
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
