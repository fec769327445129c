"""`walkprint evaluate`: identification and verification by a protocol."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from walkprint.cli.words import Summary, carry_out
from walkprint.core.embedding import EmbeddingSet
from walkprint.evaluation import Report, Scoring, identify, merge, verify
from walkprint.evaluation.html import write_html
from walkprint.recipes.protocols import find_protocol
from walkprint.training.run import versions

EXAMPLE = "walkprint evaluate --embeddings mine.npz --protocol identical-view-excluded --out results/mine"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `evaluate`."""
    return carry_out(evaluate, words, EXAMPLE)


def evaluate(
    *,
    embeddings: list[Path] | Path,
    protocol: str | None = None,
    gallery: Path | None = None,
    metric: Literal["euclidean", "cosine"] = "euclidean",
    normalize: bool = False,
    center: bool = False,
    ranks: list[int] = [1, 5, 10],  # noqa: B006 - never changed, and readable in the help
    false_accept_rates: list[float] = [0.001, 0.01, 0.05],  # noqa: B006
    resamples: int = 1000,
    seed: int = 0,
    out: Path | None = None,
) -> Summary:
    """Identify and verify by a protocol; print tables, and on request write JSON, Markdown and HTML.

    Args:
        embeddings: file of `walkprint embed`, or a list of them such as [a.npz,b.npz] when shares were embedded apart.
        protocol: a YAML file, or the name of a protocol; the first of the embedded data set when null.
        gallery: take the gallery from this file instead, for evaluation across data sets.
        metric: distance between two parts.
        normalize: bring each part to unit length first, so that parts weigh alike; often better across domains.
        center: move gallery and each probe set to mean zero; fair only where all probes are at hand.
        ranks: the k of each rank-k.
        false_accept_rates: for the rates of true accepts.
        resamples: for the 95 % intervals, by bootstrap over subjects; 0 for none.
        seed: of the bootstrap.
        out: folder for identification and verification as .json, .md and .txt, and report.html.
    """
    files = embeddings if isinstance(embeddings, list) else [embeddings]
    probes = merge([EmbeddingSet.load(file) for file in files]) if len(files) > 1 else EmbeddingSet.load(files[0])
    known = None if gallery is None else EmbeddingSet.load(gallery)
    options: dict[str, Any] = {
        "gallery": known,
        "scoring": Scoring(metric=metric, center=center, normalize=normalize, resamples=resamples, seed=seed),
        "provenance": provenance(", ".join(file.name for file in files)),
    }
    chosen = find_protocol(protocol, files[0])
    reports = [
        identify(probes, chosen, ranks=ranks, **options),
        verify(probes, chosen, false_accept_rates=false_accept_rates, **options),
    ]
    text = "\n".join(report.to_text() for report in reports)
    if out is not None:
        text += f"\n{save(reports, out)}"
    return Summary({report.kind: json.loads(report.to_json()) for report in reports}, text)


def save(reports: Sequence[Report], out: Path) -> Path:
    """Write reports as JSON, Markdown and text, and one page of them all; returns the page."""
    for report in reports:
        for ending in (".json", ".md", ".txt"):
            report.save(out / f"{report.kind.replace(' ', '_')}{ending}")
    page = out / "report.html"
    write_html(page, reports)
    return page


def provenance(embeddings: str) -> dict[str, str]:
    """What a report says about where it comes from."""
    found = versions()
    names = ("walkprint", "commit", "torch", "machine")
    return {"embeddings": embeddings} | {name: str(found[name]) for name in names if found[name]}
