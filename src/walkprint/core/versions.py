"""Versions, commit and machine: what a result depends on besides its settings."""

import importlib
import importlib.util
import platform
import runpy
import subprocess
from pathlib import Path
from typing import Any

import numpy as np


def provenance(embeddings: str) -> dict[str, str]:
    """What a report says about where it comes from: the file of the embeddings, versions, commit, machine."""
    found = _of_all()
    return {"embeddings": embeddings} | {name: text for name, text in found.items() if text}


def versions() -> dict[str, Any]:
    """What a result depends on besides the recipe: versions, commit and machine."""
    import torch

    return _of_all() | {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


def _of_all() -> dict[str, str | None]:
    version = str(importlib.import_module("walkprint").__version__)
    return {"walkprint": version, "commit": _commit(), "torch": _of_torch(), "machine": platform.platform()}


def _of_torch() -> str:
    """Read from its file, as loading torch takes seconds."""
    found = importlib.util.find_spec("torch")
    return str(runpy.run_path(str(Path(str(found and found.origin)).with_name("version.py")))["__version__"])


def _commit() -> str | None:
    """The commit of the checkout that this package runs from, with "+" when files differ; None outside of one."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    try:
        commit, changes = (
            subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=10)
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.stdout.strip() + ("+" if changes.stdout.strip() else "")
