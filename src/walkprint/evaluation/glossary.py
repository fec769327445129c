"""The abbreviations of a report, explained."""

from collections.abc import Mapping, Sequence
from typing import Any

_FIGURES = {
    "rank-": "rank-k: share of probes with a sequence of the right person among the k nearest of the gallery",
    "mAP": "mAP, mean average precision: how near the top all sequences of the right person are; 100 if first",
    "mINP": "mINP, mean inverse negative penalty: how near the top the right person's last sequence is",
    "EER": "EER, equal error rate: share of wrong pairs accepted where the same share of right pairs is refused; less "
    "is better",
    "TAR@FAR=": "TAR@FAR=t, true accept rate: share of right pairs accepted, if a share t of wrong pairs is accepted",
    "DIR@FAR=": "DIR@FAR=t, detection and identification rate: share of known people's probes that are accepted and "
    "nearest to the right person, if a share t of strangers' probes is accepted",
    "FNIR@FPIR=": "FNIR@FPIR=t, false negative identification rate: share of known people's probes that are missed "
    "(1 - DIR), if a share t of strangers' probes is named; less is better",
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
