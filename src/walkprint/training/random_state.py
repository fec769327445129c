"""Every random generator that training may touch: seeding them, and their state as text for a checkpoint."""

import json
import random

import numpy as np
import torch
from torch import Tensor

from walkprint.training.plain import from_plain, to_plain


def seed_all(seed: int, process: int, step: int = 0) -> None:
    """Seed Python, numpy and torch; each process and each step to begin at gets numbers of its own."""
    words = np.random.SeedSequence([seed, process, step]).generate_state(3)
    random.seed(int(words[0]))
    np.random.seed(words[1])  # noqa: NPY002 - other people's code draws from the global generator
    torch.manual_seed(int(words[2]))


def random_state_text(device: torch.device) -> str:
    """The state of all generators of this process as JSON."""
    state = {
        "python": random.getstate(),
        "numpy": np.random.get_state(legacy=False),  # noqa: NPY002
        "torch": _to_hex(torch.get_rng_state()),
        "cuda": _to_hex(torch.cuda.get_rng_state(device)) if device.type == "cuda" else None,
    }
    return json.dumps(to_plain(state, {}))


def restore_random_state(text: str, device: torch.device) -> None:
    """Set all generators of this process to what `random_state_text` saw."""
    state = from_plain(json.loads(text), {})
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(_from_hex(state["torch"]))
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(_from_hex(state["cuda"]), device)


def _to_hex(state: Tensor) -> str:
    return state.numpy().tobytes().hex()


def _from_hex(text: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(bytes.fromhex(text), dtype=np.uint8).copy())
