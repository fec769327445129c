"""A network as it embeds fastest: batch norm folded into convolutions, whose weights lie channels last.

Embeddings move by rounding alone: 1e-6 of their length in float32, 4e-3 in bf16.
Source: B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018 (folding).
"""

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from walkprint.networks.base import Network

_Convolution = nn.Conv2d | nn.Conv3d
_Norm = nn.BatchNorm2d | nn.BatchNorm3d
_N = TypeVar("_N", bound=Network)
_TOLERANCE = 1e-3


def folded(network: _N, frames: Tensor) -> _N:
    """A copy for embedding only, in evaluation mode; the network itself where it has no convolution.

    A batch norm is folded where all it ever sees is the output of one convolution. The copy is compared with the
    network on the given frames; where they differ by more than rounding, as where a convolution's output is used twice,
    nothing is folded.

    Args:
        network: stays as it is.
        frames: clips as they are stored, uint8 (batch, time, channel, height, width), on any device; few will do.
    """
    if not any(isinstance(module, _Convolution) for module in network.modules()):
        return network
    made = copy.deepcopy(network).eval()
    with torch.inference_mode():
        prepared = made.prepare(frames.to(next(made.parameters()).device))
        pairs, wanted = _pairs(made, prepared)
    names = {module: name for name, module in made.named_modules()}
    for norm, convolution in pairs.items():
        _fold(convolution, norm)
        above, _, last = names[norm].rpartition(".")
        setattr(made.get_submodule(above), last, nn.Identity())
    with torch.inference_mode():
        difference = (made(prepared).embeddings - wanted).abs().max()
    if pairs and not difference <= _TOLERANCE * wanted.abs().max():
        made = copy.deepcopy(network).eval()
    for module in made.modules():
        if isinstance(module, _Convolution):
            memory = torch.channels_last if isinstance(module, nn.Conv2d) else torch.channels_last_3d
            module.weight.data = module.weight.data.contiguous(memory_format=memory)
    return made


def _pairs(network: Network, prepared: Tensor) -> tuple[dict[_Norm, _Convolution], Tensor]:
    """Batch norms with the convolution whose output they see, and the embeddings of the frames."""
    sources: dict[_Norm, set[_Convolution | None]] = {}
    outputs: list[tuple[Tensor, _Convolution]] = []

    def after(module: nn.Module, _: object, output: Tensor) -> None:
        if isinstance(module, _Convolution):
            outputs.append((output, module))

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        found = next((one for output, one in reversed(outputs) if output is inputs[0]), None)
        if isinstance(module, _Norm):
            sources.setdefault(module, set()).add(found)

    hooks = []
    for module in network.modules():
        if isinstance(module, _Convolution):
            hooks.append(module.register_forward_hook(after))
        elif isinstance(module, _Norm) and module.running_mean is not None:
            hooks.append(module.register_forward_pre_hook(before))
    wanted: Tensor = network(prepared).embeddings
    for hook in hooks:
        hook.remove()
    pairs = {norm: one for norm, found in sources.items() if len(found) == 1 and (one := next(iter(found))) is not None}
    return {norm: one for norm, one in pairs.items() if list(pairs.values()).count(one) == 1}, wanted


def _fold(convolution: _Convolution, norm: _Norm) -> None:
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None
    assert variance is not None
    convolution.weight, convolution.bias = fuse_conv_bn_weights(
        convolution.weight, convolution.bias, mean, variance, norm.eps, norm.weight, norm.bias
    )
