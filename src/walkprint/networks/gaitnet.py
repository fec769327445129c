"""GaitNet: codes of appearance, body and pose for every frame; gait is the course of the pose over time.

Source: Zhang, Tran, Yin, Atoum, Liu, Wan, Wang, "Gait recognition via disentangled representation learning", CVPR 2019
("cvpr": appearance and pose); Zhang, Tran, Liu, Liu, "On learning disentangled representations for gait recognition",
TPAMI 2020 ("tpami": appearance, canonical, pose); layers as in the authors' released code.
Deviations: frames of a batch are normalized together, not one time step after another. Sizes are settings. Clips are
not padded; the released code brings test clips to one length with empty frames, which enter the mean over time
(`official_padding`). Only 64 x 32 px was released of "tpami"; at 128 x 64 px it pools to the same grids and decodes
with one more stage.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import DisentangledCodes, GaitOutput
from walkprint.core.bounds import CountOrZero, Fraction, SizePx, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.networks.base import Network
from walkprint.networks.layers import fold_time

Variant = Literal["cvpr", "tpami", "tpami-shallow"]
_CODES = {"cvpr": (288, 0, 32), "tpami": (128, 128, 64), "tpami-shallow": (128, 128, 64)}
_HIDDEN = {"cvpr": 128, "tpami": 256, "tpami-shallow": 256}
_GRID = (4, 2)
_SLOPE = 0.2


class GaitNet(Network):
    """Encoder and decoder of single frames, an LSTM over pose codes.

    The embedding of a clip concatenates the directions of its mean canonical code and of its gait feature, so that the
    cosine of two embeddings is the weighted mean of both cosines; without a canonical code it is the gait's direction.

    Args:
        num_subjects: number of training subjects, for the classifiers.
        variant: "cvpr"; "tpami"; or "tpami-shallow", without the last convolution, as in the released models of
            CASIA-B's coats.
        channels: 3 for masked RGB, 1 for silhouettes.
        height_px, width_px: of the frames: 64 x 32 or 128 x 64.
        width: channels of the first convolution; all others are multiples.
        codes: features of appearance, canonical and pose; 0 for no canonical code. If None, (288, 0, 32) or (128, 128,
            64), by the variant.
        hidden: features of the LSTM; if None, 128 or 256, by the variant.
        pooling: "mean" of the LSTM's outputs over time, or the "last" one.
        gait_share: weight of the gait feature against the canonical code in the embedding, 0 to 1.
        official_padding: in evaluation, clips are cut or padded to this number of frames, and empty frames count in
            every mean over time. The released code does so, to 70 frames on FVG and 50 on CASIA-B; 0 leaves clips as
            they are.

    Raises:
        RecipeError: a size or an option is not among these.
    """

    ordered = True

    def __init__(
        self,
        *,
        num_subjects: Subjects,
        variant: Variant = "tpami",
        channels: Width = 3,
        height_px: SizePx = 64,
        width_px: SizePx = 32,
        width: Width = 64,
        codes: tuple[Width, CountOrZero, Width] | None = None,
        hidden: Width | None = None,
        pooling: Literal["mean", "last"] = "mean",
        gait_share: Fraction = 0.5,
        official_padding: CountOrZero = 0,
    ) -> None:
        super().__init__()
        self.official_padding = official_padding
        if channels not in (1, 3):
            raise RecipeError(f"GaitNet: {channels} channels; expected 1 or 3")
        if (height_px, width_px) not in ((64, 32), (128, 64)):
            raise RecipeError(f"GaitNet: frames of {height_px} x {width_px} px; expected 64 x 32 or 128 x 64")
        self.sizes = _CODES[variant] if codes is None else tuple(codes)
        hidden = _HIDDEN[variant] if hidden is None else hidden
        if len(self.sizes) != 3:
            raise RecipeError(f"GaitNet: codes {list(self.sizes)}; expected three sizes, of which the second may be 0")
        self.channels, self.height_px, self.width_px, self.num_subjects = channels, height_px, width_px, num_subjects
        self.pooling, self.gait_share = pooling, gait_share
        large = height_px == 128
        if variant == "cvpr":
            encoder, decoder, top = _strided(channels, width, large=large)
        else:
            encoder, decoder, top = _pooled(channels, width, large=large, shallow=variant == "tpami-shallow")
        flat, total = top * _GRID[0] * _GRID[1], sum(self.sizes)
        self.encoder = nn.Sequential(*encoder, nn.Flatten(), nn.Linear(flat, total), nn.BatchNorm1d(total))
        self.widen = nn.Sequential(nn.Linear(total, flat), nn.BatchNorm1d(flat), nn.LeakyReLU(_SLOPE))
        self.decoder = nn.Sequential(nn.Unflatten(1, (top, *_GRID)), *decoder, nn.Sigmoid())
        self.lstm = nn.LSTM(self.sizes[2], hidden, num_layers=3, batch_first=True)
        self.norm = nn.BatchNorm1d(hidden)
        self.classifier = nn.Sequential(nn.Linear(hidden, num_subjects), nn.BatchNorm1d(num_subjects))
        self.canonical_classifier = None
        if self.sizes[1]:
            self.canonical_classifier = nn.Sequential(
                nn.LeakyReLU(_SLOPE), nn.Linear(self.sizes[1], num_subjects), nn.BatchNorm1d(num_subjects)
            )
        _initialize(self, 0.02 if variant == "cvpr" else 0.01)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`; in training, codes hold all inputs of the losses, decoded from a random frame's appearance."""
        if not self.training and self.official_padding:
            frames = frames[:, : self.official_padding]
            frames = F.pad(frames, (0, 0) * 3 + (0, self.official_padding - frames.shape[1]))
        codes = self.encode(frames)
        features, gait_logits = self._gait(codes.pose)
        directions = [self.gait_share**0.5 * F.normalize(features[:, -1], dim=1)]
        if codes.canonical is not None:
            static = F.normalize(codes.canonical.mean(1), dim=1)
            directions.insert(0, (1 - self.gait_share) ** 0.5 * static)
        if self.training:
            chosen = torch.randint(frames.shape[1], (len(frames),), device=frames.device)
            codes = replace(
                codes,
                frames=frames,
                reconstruction=self.decode(wear(codes, chosen)),
                gait_logits=gait_logits,
                canonical_logits=self._classify(codes.canonical),
            )
        return GaitOutput(torch.cat(directions, dim=1).unsqueeze(1), gait_logits[:, -1:], codes)

    def encode(self, frames: Tensor) -> DisentangledCodes:
        """Codes of every frame.

        Args:
            frames: (batch, time, channel, height, width), 0 to 1.
        """
        every = self.encoder(fold_time(frames)).float().unflatten(0, frames.shape[:2])
        appearance, canonical, pose = self.sizes
        canonical_code, appearance_code, pose_code = every.split((canonical, appearance, pose), dim=2)
        return DisentangledCodes(appearance_code, pose_code, canonical_code if canonical else None)

    def decode(self, codes: DisentangledCodes) -> Tensor:
        """From codes to frames (batch, time, channel, height, width), 0 to 1."""
        parts = [codes.appearance, codes.pose] if codes.canonical is None else [
            codes.canonical, codes.appearance, codes.pose,
        ]  # fmt: skip
        every = torch.cat(parts, dim=2)
        frames: Tensor = self.decoder(self.widen(every.flatten(0, 1))).float()
        return frames.view(*every.shape[:2], *frames.shape[1:])

    def gait_features(self, pose: Tensor) -> Tensor:
        """The gait of clips from their pose codes: (batch, time, feature) to (batch, feature)."""
        return self._gait(pose)[0][:, -1]

    def _gait(self, pose: Tensor) -> tuple[Tensor, Tensor]:
        """Features and logits of the frames up to each, (batch, time, feature); in evaluation of whole clips only."""
        with torch.autocast(pose.device.type, enabled=False):
            outputs, _ = self.lstm(pose)
            if self.pooling == "mean":
                counts = torch.arange(1, pose.shape[1] + 1, device=pose.device, dtype=pose.dtype)
                outputs = outputs.cumsum(1) / counts[:, None]
            # Prefixes of one length are normalized together, and the running statistics end with whole clips.
            prefixes = outputs.unbind(1) if self.training else outputs[:, -1:].unbind(1)
            features = [F.leaky_relu(self.norm(one), _SLOPE) for one in prefixes]
            logits = [self.classifier(one) for one in features]
            return torch.stack(features, dim=1), torch.stack(logits, dim=1)

    def _classify(self, canonical: Tensor | None) -> Tensor | None:
        if canonical is None or self.canonical_classifier is None:
            return None
        logits: Tensor = self.canonical_classifier(canonical.flatten(0, 1)).float()
        return logits.view(*canonical.shape[:2], -1)


def wear(codes: DisentangledCodes, chosen: Tensor) -> DisentangledCodes:
    """The pose of every frame with appearance and body of one frame of its clip.

    Args:
        codes: of clips.
        chosen: int64 (batch,), the frame of each clip.
    """

    def spread(code: Tensor) -> Tensor:
        return code[torch.arange(len(code), device=code.device), chosen].unsqueeze(1).expand_as(code)

    return DisentangledCodes(
        spread(codes.appearance), codes.pose, None if codes.canonical is None else spread(codes.canonical)
    )


def _block(convolution: nn.Module, channels: int) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.LeakyReLU(_SLOPE))


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return _block(nn.Conv2d(inputs, outputs, 3, padding=1), outputs)


def _down(inputs: int, outputs: int) -> nn.Sequential:
    return _block(nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), outputs)


def _up(inputs: int, outputs: int) -> nn.Sequential:
    return _block(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), outputs)


def _strided(channels: int, width: int, *, large: bool) -> tuple[list[nn.Module], list[nn.Module], int]:
    """Encoder, decoder and top channels of "cvpr"; the large one has one more stage and no convolutions between."""
    widths = [width, 2 * width, 4 * width, 8 * width, *([8 * width] if large else [])]
    encoder: list[nn.Module] = []
    decoder: list[nn.Module] = [] if large else [_conv(widths[-1], widths[-1])]
    for inputs, outputs in pairwise([channels, *widths]):
        encoder += [_down(inputs, outputs)] if large else [_down(inputs, outputs), _conv(outputs, outputs)]
    for inputs, outputs in pairwise(reversed(widths)):
        decoder += [_up(inputs, outputs)] if large else [_up(inputs, outputs), _conv(outputs, outputs)]
    return encoder, [*decoder, nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)], widths[-1]


def _pooled(channels: int, width: int, *, large: bool, shallow: bool) -> tuple[list[nn.Module], list[nn.Module], int]:
    """Encoder, decoder and top channels of "tpami"."""
    encoder = [
        _conv(channels, width), nn.AdaptiveMaxPool2d((32, 16)),
        _conv(width, 4 * width), nn.AdaptiveMaxPool2d((16, 8)),
        _conv(4 * width, 8 * width), *([] if shallow else [_conv(8 * width, 8 * width)]), nn.AdaptiveMaxPool2d(_GRID),
    ]  # fmt: skip
    widths = [8 * width, 4 * width, 2 * width, width, *([width] if large else [])]
    decoder = [_up(inputs, outputs) for inputs, outputs in pairwise(widths)]
    return encoder, [*decoder, nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)], widths[0]


def _initialize(network: nn.Module, spread: float) -> None:
    """Initial weights: normal around 0, of batch norms around 1, with that standard deviation; biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0, spread)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, spread)
            nn.init.zeros_(module.bias)
