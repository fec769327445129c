"""`walkprint compare`: several systems against the first, by a protocol."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from walkprint.cli.values import UsageError
from walkprint.core.summary import Summary
from walkprint.recipes.evaluation import Compared, check_files


def compare(
    systems: list[str],
    *,
    protocol: str | None = None,
    figure: Literal["rank-1", "rank-5", "rank-10", "mAP", "mINP"] = "rank-1",
    compared: Compared,
    out: Path | None = None,
) -> Summary:
    """Compare systems on the same sequences: paired differences, intervals, adjusted p-values.

    Args:
        systems: two or more; the others are compared with the first. Each is a file of `walkprint embed`, or NAME=FILE;
            several seeds of one training are NAME=FILE,FILE,FILE.
        protocol: as for `walkprint evaluate`.
        figure: the figure to compare, as a mean over probe views.
        compared: how sequences are compared.
        out: folder for compare.txt, .md, .tex, .json and .html.

    Example:
        walkprint compare triplet=t0.npz,t1.npz margin=m0.npz,m1.npz --out results/margin
    """
    files = _files(systems)
    check_files([one for several in files.values() for one in several], compared, protocol)
    from walkprint.core.embedding import EmbeddingSet
    from walkprint.core.versions import provenance
    from walkprint.evaluation import compare_systems
    from walkprint.recipes.protocols import find_protocol

    (first, *_), *_ = files.values()
    sets = {name: [EmbeddingSet.load(file) for file in several] for name, several in files.items()}
    page = compare_systems(
        sets,
        find_protocol(protocol, first),
        figure=figure,
        scoring=compared.scoring(),
        provenance=provenance(", ".join(f"{name}={','.join(map(str, several))}" for name, several in files.items())),
    )
    text = page.to_text()
    if out is not None:
        text += f"\n{page.save(out, 'compare')}"
    return Summary(json.loads(page.to_json())["numbers"], text)


def _files(systems: list[str]) -> Mapping[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for word in systems:
        name, files = ("", word) if Path(word).exists() else word.rpartition("=")[::2]
        name = name or Path(files).stem
        if name in found:
            raise UsageError(f"two systems are called {name}; name them as NAME=FILE")
        found[name] = [Path(file) for file in files.split(",")]
    return found
