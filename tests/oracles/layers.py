"""Layers of networks, one number or one position after the other, in float64, as their definitions read."""

import torch
from torch import Tensor


def convolution(pictures: Tensor, weight: Tensor, *, stride: int = 1) -> Tensor:
    """Without bias, padded with zeros to keep the size: (batch, channel, height, width), weight (out, in, k, k)."""
    kernel = weight.shape[2]
    edge = kernel // 2
    batch, channels, height, width = pictures.shape
    padded = pictures.new_zeros(batch, channels, height + 2 * edge, width + 2 * edge)
    padded[:, :, edge : edge + height, edge : edge + width] = pictures
    rows = []
    for top in range(0, height + 2 * edge - kernel + 1, stride):
        row = []
        for left in range(0, width + 2 * edge - kernel + 1, stride):
            window = padded[:, None, :, top : top + kernel, left : left + kernel]
            row.append((window * weight).sum(dim=(2, 3, 4)))
        rows.append(torch.stack(row, dim=2))
    return torch.stack(rows, dim=2)


def convolution_in_time(frames: Tensor, weight: Tensor, *, stride: int = 1) -> Tensor:
    """(time, channel, height, width) of one clip, weight (out, in, k, k', k'); frames beyond the ends are empty."""
    reach = weight.shape[2] // 2
    result = []
    for moment in range(len(frames)):
        total: Tensor | float = 0.0
        for step in range(weight.shape[2]):
            other = moment + step - reach
            if 0 <= other < len(frames):
                total = total + convolution(frames[other : other + 1], weight[:, :, step], stride=stride)[0]
        result.append(total)
    return torch.stack(result)


def leaky(values: Tensor) -> Tensor:
    """Slope 1 above zero and 0.01 below."""
    return torch.where(values > 0, values, 0.01 * values)


def halve(pictures: Tensor) -> Tensor:
    """The largest of each 2 x 2 block."""
    return torch.stack([pictures[..., i::2, j::2] for i in (0, 1) for j in (0, 1)]).max(0).values


def batch_norm(rows: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Training: each column of (row, channel) to mean 0 and variance 1 over the rows, then weight and bias."""
    columns = []
    for channel in range(rows.shape[1]):
        column = rows[:, channel]
        mean = sum(column) / len(column)
        variance = sum((value - mean) ** 2 for value in column) / len(column)
        columns.append((column - mean) / (variance + eps) ** 0.5 * weight[channel] + bias[channel])
    return torch.stack(columns, dim=1)


def picture_norm(pictures: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Training: batch norm of (batch, channel, height, width), over all positions of all pictures."""
    rows = batch_norm(pictures.permute(0, 2, 3, 1).flatten(0, 2), weight, bias)
    return rows.view(len(pictures), *pictures.shape[2:], -1).permute(0, 3, 1, 2)


def strips_of(pictures: Tensor, count: int) -> list[Tensor]:
    """The rows of (batch, channel, height, width) in `count` groups, top to bottom."""
    height = pictures.shape[2] // count
    return [pictures[:, :, strip * height : (strip + 1) * height] for strip in range(count)]


def conv_pair(
    pictures: Tensor, first: Tensor, second: Tensor, *, strips: int, pool: bool, norms: list[tuple[Tensor, Tensor]]
) -> Tensor:
    """Convolution, norm, activation, twice; then the pool; strips are pictures of their own."""
    cut = torch.cat(strips_of(pictures, strips))
    inner = convolution(cut, first)
    inner = leaky(picture_norm(inner, *norms[0]) if norms else inner)
    inner = convolution(inner, second)
    whole = torch.cat(inner.chunk(strips), dim=2)
    whole = leaky(picture_norm(whole, *norms[1]) if norms else whole)
    return halve(whole) if pool else whole


def pooled_strips(pictures: Tensor, counts: tuple[int, ...]) -> Tensor:
    """(batch, part, channel): mean plus maximum of every strip."""
    parts = [strip for count in counts for strip in strips_of(pictures, count)]
    result = pictures.new_zeros(len(pictures), len(parts), pictures.shape[1])
    for number, strip in enumerate(parts):
        for clip in range(len(pictures)):
            for channel in range(pictures.shape[1]):
                values = strip[clip, channel].flatten().tolist()
                result[clip, number, channel] = sum(values) / len(values) + max(values)
    return result


def part_linear(features: Tensor, weight: Tensor) -> Tensor:
    """(batch, part, input) and (part, input, output): each part by its own matrix."""
    batch, parts, inputs = features.shape
    result = features.new_zeros(batch, parts, weight.shape[2])
    for clip in range(batch):
        for part in range(parts):
            for output in range(weight.shape[2]):
                products = [features[clip, part, i] * weight[part, i, output] for i in range(inputs)]
                result[clip, part, output] = sum(products)
    return result


def cosines(embeddings: Tensor, directions: Tensor) -> Tensor:
    """Cosine of every (batch, part, feature) with every subject's direction, (part, feature, subject)."""
    batch, parts, _ = embeddings.shape
    result = embeddings.new_zeros(batch, parts, directions.shape[2])
    for clip in range(batch):
        for part in range(parts):
            for subject in range(directions.shape[2]):
                ours, theirs = embeddings[clip, part], directions[part, :, subject]
                lengths = sum(ours * ours) ** 0.5 * sum(theirs * theirs) ** 0.5
                result[clip, part, subject] = sum(ours * theirs) / lengths
    return result


def row_means(pictures: Tensor, power: float) -> Tensor:
    """(batch, height, channel): the generalized mean of each row's values, none below 1e-6."""
    batch, channels, height, width = pictures.shape
    result = pictures.new_zeros(batch, height, channels)
    for clip in range(batch):
        for row in range(height):
            for channel in range(channels):
                values = [max(value, 1e-6) ** power for value in pictures[clip, channel, row].tolist()]
                result[clip, row, channel] = (sum(values) / width) ** (1 / power)
    return result


def part_convolution(features: Tensor, weight: Tensor) -> Tensor:
    """(batch, part, feature, time) over time, each part by its own (part, output, input, kernel)."""
    batch, parts, _, time = features.shape
    outputs, kernel = weight.shape[1], weight.shape[3]
    result = features.new_zeros(batch, parts, outputs, time)
    for part in range(parts):
        for moment in range(time):
            for step in range(kernel):
                other = moment + step - kernel // 2
                if 0 <= other < time:
                    result[:, part, :, moment] += features[:, part, :, other] @ weight[part, :, :, step].T
    return result


def short_movements(features: Tensor, narrow: Tensor, widen: Tensor, window: int) -> Tensor:
    """(batch, part, feature, time): mean plus maximum of the window around each frame, times its attention.

    The mean counts frames beyond the ends as zeros, the maximum leaves them out.
    """
    attention = torch.sigmoid(part_convolution(leaky(part_convolution(features, narrow)), widen))
    time, reach = features.shape[3], window // 2
    result = torch.zeros_like(features)
    for moment in range(time):
        near = features[..., max(moment - reach, 0) : moment + reach + 1]
        result[..., moment] = (near.sum(3) / window + near.max(3).values) * attention[..., moment]
    return result
