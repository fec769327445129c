"""GEINet: two convolutions on the energy image.

Source: Shiraga, Makihara, Muramatsu, Echigo, Yagi, "GEINet: view-invariant gait recognition using a convolutional
neural network", ICB 2016.
Deviations: the energy image is the mean over the whole clip, without detecting gait cycles. Local response
normalization has the customary constants (size 5, alpha 1e-4, beta 0.75, k 1), which the paper does not give.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import Fraction, SizePx, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.networks.base import Network
from walkprint.networks.layers import fold_time, initialize


class GEINet(Network):
    """Energy image, two blocks of convolution, pooling and response normalization, two linear layers.

    Args:
        num_subjects: number of training subjects, the last layer's outputs.
        embedding: "fc4" is the similarities to the training subjects, as published; "fc3" the hidden layer.
        channels: widths of the two convolutions.
        hidden: width of the hidden layer.
        dropout: share of the hidden layer dropped in training, 0 to 1.
        height_px, width_px: size of the frames; 128 x 88 in the paper.

    Raises:
        RecipeError: an unknown embedding, or frames too small for the kernels.
    """

    def __init__(
        self,
        *,
        num_subjects: Subjects,
        embedding: Literal["fc4", "fc3"] = "fc4",
        channels: tuple[Width, Width] = (18, 45),
        hidden: Width = 1024,
        dropout: Fraction = 0.5,
        height_px: SizePx = 64,
        width_px: SizePx = 44,
    ) -> None:
        super().__init__()
        height, width = (((side - 6) // 2 - 4 - 3) // 2 + 1 for side in (height_px, width_px))
        if min(height, width) < 1:
            raise RecipeError(f"GEINet: frames of {height_px} x {width_px} px are too small; expected at least 20 x 20")
        self.height_px, self.width_px, self.num_subjects = height_px, width_px, num_subjects
        self.embedding = embedding
        self.conv1 = nn.Conv2d(self.channels, channels[0], 7)
        self.conv2 = nn.Conv2d(channels[0], channels[1], 5)
        self.respond = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.fc3 = nn.Linear(channels[1] * height * width, hidden)
        self.dropout = nn.Dropout(dropout)
        self.fc4 = nn.Linear(hidden, num_subjects)
        initialize(self)

    def forward(self, frames: Tensor) -> GaitOutput:
        """See `Network`; one part."""
        pictures = fold_time(frames)
        image = pictures.reshape(len(frames), -1, *pictures.shape[1:]).mean(1)
        features = self.respond(F.max_pool2d(F.relu(self.conv1(image)), 2))
        features = self.respond(F.max_pool2d(F.relu(self.conv2(features)), 3, stride=2))
        hidden = self.dropout(F.relu(self.fc3(features.flatten(1)))).float()
        logits = self.fc4(hidden).float()
        chosen = logits if self.embedding == "fc4" else hidden
        return GaitOutput(chosen.unsqueeze(1), logits.unsqueeze(1))
