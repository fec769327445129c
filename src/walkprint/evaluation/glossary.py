"""The abbreviations of a report, explained."""

from collections.abc import Mapping, Sequence
from typing import Any

_FIGURES = {
    "rank-": "rank-k: share of probes with a sequence of the right person among the k nearest of the gallery",
    "mAP": "mAP, mean average precision: how far ahead all gallery sequences of the right person stand; 100 if first",
    "mINP": "mINP, mean inverse negative penalty: the same of the right person's last sequence, the hardest to find",
    "EER": "EER, equal error rate: where as many wrong pairs are accepted as right pairs are refused; less is better",
    "TAR@FAR=": "TAR@FAR=t, true accept rate: share of right pairs accepted where t of the wrong pairs are",
    "DIR@FAR=": "DIR@FAR=t, detection and identification rate: share of known people's probes that are accepted and "
    "nearest to the right person, where t of the strangers' probes are accepted",
    "FNIR@FPIR=": "FNIR@FPIR=t, false negative identification rate: share of known people's probes that are missed, "
    "1 - DIR, where t of the strangers' probes are named; less is better",
}
CONDITIONS = {"nm": "normal", "bg": "with a bag", "cl": "in a coat"}
"""What CASIA-B and the rendered walkers call walks, in words."""


def explain(figures: Sequence[str], protocol: Mapping[str, Any]) -> list[str]:
    """A line for each kind of figure, and one for probe sets of CASIA-B.

    Args:
        figures: names of the figures, e.g. "rank-1".
        protocol: as plain data; other benchmarks use the same names for other conditions, so it decides.
    """
    lines = [text for start, text in _FIGURES.items() if any(name.startswith(start) for name in figures)]
    sets = [
        f"{name} {CONDITIONS[name.lower()]}"
        for name, selection in protocol.get("probes", {}).items()
        if name.lower() in CONDITIONS and selection.get("conditions") == [name.lower()]
    ]
    return [*lines, ", ".join(sets)] if sets else lines
