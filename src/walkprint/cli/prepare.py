"""`walkprint prepare`: a data set on disk becomes a packed store."""

from pathlib import Path
from typing import Any, Literal

from walkprint.cli.values import UsageError
from walkprint.core.engine import Machines
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.share import parse_share
from walkprint.core.summary import Summary
from walkprint.recipes.settings import settings_of


def prepare(
    data: str,
    *,
    root: Path | None = None,
    out: Path,
    set: dict[str, Any] | None = None,
    bits: Literal[8, 1] = 8,
    compression: Literal["none", "zstd"] = "none",
    share: str = "0/1",
    clean: bool = False,
    strict: bool = False,
    machines: Machines,
) -> Summary:
    """Pack a data set into a store that training and embedding read.

    If it is stopped, the same command resumes it.

    Args:
        data: class of the data set: Folder for your own masks, CasiaB, OuMvlp, Grew, Gait3D, OpenGaitTree, another one
            from docs/data.md, or your own by its dotted path.
        root: folder of the data set.
        out: folder of the store.
        set: settings of the class, e.g. data.size_px=128; `walkprint explain CLASS` lists them.
        bits: 8 keeps soft edges; 1 makes the store smaller.
        compression: how each sequence is compressed.
        share: i/n packs share i of n, counted from 0; for arrays of Slurm jobs.
        clean: keep only the largest piece of each mask, fill its holes and make its edge hard.
        strict: stop at the first file that cannot be read or is in the wrong folder.
        machines: where work is done.

    Example:
        walkprint prepare CasiaB --root data/casia-b --out stores/casia-b
    """
    if root is not None:
        check_there(root)
    elif Path(data).is_dir():
        raise UsageError(f"DATA is a folder, {data}; name its kind first: walkprint prepare Folder --root {data}")
    (settings,) = settings_of(set, "data")
    mine = parse_share(share)
    from walkprint.data.base import GaitDataset
    from walkprint.data.prepare import pack
    from walkprint.recipes.classes import build

    settings |= {} if root is None else {"root": str(root)}
    dataset = build(GaitDataset, {"class_path": data, "init_args": settings})
    with progress("preparing") as on_progress:
        report = pack(
            dataset, out, bits=bits, compression=None if compression == "none" else compression,
            workers=machines.workers, engine=machines.chosen, share=mine, clean=clean, strict=strict,
            progress=on_progress,
        )  # fmt: skip
    return Summary(report.to_dict(), str(report))
