"""Where networks run: a device by its name, checked before anything is loaded for it, and a processor's precision."""

from typing import Literal

import torch

from walkprint.core.errors import RecipeError


def usable_device(name: torch.device | str) -> torch.device:
    """The device of that name.

    Raises:
        RecipeError: there is no such device on this machine.
    """
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        device = None
    if device is None or (device.index or 0) >= there.get(device.type, 0):
        kinds = [kind if count == 1 else f"{kind} ({count} of them)" for kind, count in there.items() if count]
        raise RecipeError(f"device is {str(name)!r}; expected what is on this machine: {', '.join(kinds)}")
    return device


def embedding_precision(device: torch.device | str = "cpu") -> Literal["32-true", "bf16"]:
    """The precision to embed with: bf16 on processors that compute in it (AVX-512 with bf16, AMX), else float32.

    It moves an embedding by about half a percent of its length, and takes less than half of the time.
    """
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    there = any(getattr(torch.cpu, name, bool)() for name in asked)
    return "bf16" if there and torch.device(device).type == "cpu" else "32-true"


def fast_precision() -> Literal["32-true", "bf16-mixed"]:
    """The faster precision for training on this machine's processor.

    bf16-mixed where oneDNN computes in bfloat16, as it does with AVX-512 and newer; elsewhere torch's substitute is
    several times slower than float32.
    """
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    there = there and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return "bf16-mixed" if there else "32-true"
