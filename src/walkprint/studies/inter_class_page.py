"""The report of the inter-class study: tables with paired differences, and what the losses do to the embeddings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from walkprint.evaluation.page import Diagram, Page, Table
from walkprint.evaluation.plots import COLORS, diagram_svg, label_axes
from walkprint.studies.comparison import OPEN_SET, Outcomes, difference_table, mean_table, outcomes_of, real_tables
from walkprint.studies.geometry import bin_centers
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.inter_class import BASELINE, MARGIN_FORM, SOFTMAX_FORM, InterClassStudy
from walkprint.studies.study_page import SETS, cells_of, study_page

_MARKERS = ("o", "s", "^", "D", "v")
_LEAD = (
    "Which part of the generalized inter-class loss does what, on rendered people that the networks never saw: every "
    "loss with the same schedule. Synthetic figures; they compare losses and say nothing about accuracy on real people."
)
_STRANGERS = (
    "Share of the probes of enrolled people that are not found or not accepted, at the threshold that 1 % of the "
    "probes of strangers pass; half of the test people are strangers, 20 draws. Percent: mean ± standard deviation "
    "over seeds."
)


def page(study: InterClassStudy, results: Mapping[str, Numbers], failed: Mapping[str, str], out: Path) -> Page:
    """The report of what is finished.

    Args:
        study: its settings.
        results: numbers by cell.
        failed: why a cell could not be computed, by cell.
        out: the study's folder.
    """
    by_section = cells_of(study, results)
    compared = outcomes_of(by_section.get("compare", []), results, lambda one: (one["network"], one["loss"]))
    tables = _comparison(compared) if compared else []
    diagrams = _diagrams(compared) if compared else []
    counts = by_section.get("subjects", [])
    if subjects := outcomes_of(counts, results, lambda x: (x["network"], f"{x['loss']}, {x['train']} people")):
        tables.append(mean_table("Rank-1 against the number of training subjects", subjects, "rank-1", SETS))
        diagrams.append(_against_subjects(counts, results))
    if real := outcomes_of(by_section.get("real", []), results, lambda one: (one["network"], one["loss"])):
        assert study.protocol is not None
        tables += real_tables(real, study.protocol, BASELINE, f"Trained on {study.street_subjects} rendered people.")
    notes = [
        "weighting: only the gradients of pairs are weighted; automatic-margin: the weights only move the margin of "
        "each triplet; margin-form has both and the uniformity of classes; softmax-form adds pairwise softmax and "
        "cross entropy.",
        "triplet-open, margin-detection and margin-threshold: with the identification-detection loss, relative "
        "threshold minimization, or both.",
        f"{study.seeds} seeds; a seed is other people, other first weights and other batches. Networks are "
        f"{'as wide as published' if study.width is None else 'narrow'} and trained for {study.steps} steps; published "
        "schedules have 60,000 to 80,000.",
    ]
    return study_page(
        study, "Study of the inter-class loss", _LEAD, results, failed, tables=tables, diagrams=diagrams, notes=notes
    )


def _comparison(outcomes: Outcomes) -> list[Table]:
    fnir, tar = OPEN_SET
    judged = {name: seeds for name, seeds in outcomes.items() if all(fnir in one for one in seeds.values())}
    strangers = [
        difference_table("Open set: FNIR at 1 % FPIR against the baseline", judged, BASELINE, fnir, SETS),
        mean_table("Open set: FNIR at 1 % FPIR", judged, fnir, SETS, _STRANGERS),
        difference_table("Verification: TAR at 0.1 % FAR against the baseline", judged, BASELINE, tar, SETS),
        mean_table("Verification: TAR at 0.1 % FAR", judged, tar, SETS),
    ]
    return [
        *(strangers if judged else []),
        difference_table("Rank-1 against the baseline", outcomes, BASELINE, "rank-1", SETS),
        mean_table("Rank-1, identical view excluded", outcomes, "rank-1", SETS),
        difference_table("EER against the baseline (less is better)", outcomes, BASELINE, "EER", SETS),
        mean_table("Verification: EER", outcomes, "EER", SETS),
        mean_table("Verification: true accepts at 1 % false accepts", outcomes, "TAR at FAR 1 %", SETS),
        _geometry_table(outcomes),
    ]


def _geometry_table(outcomes: Outcomes) -> Table:
    names = ("separation", "alignment", "uniformity")
    lines = [["network", "loss", *names]]
    for (network, loss), by_seed in outcomes.items():
        means = [np.mean([one["geometry"][name] for one in by_seed.values()]) for name in names]
        lines.append([network, loss, *(f"{mean:.3f}" for mean in means)])
    note = (
        "Separation: distance between people minus within people, over the root of their mean variance (more is "
        "better). Alignment: squared distance of directions to their person's mean (less is tighter). Uniformity of "
        "the people's means on the hypersphere (less is more even). Means over seeds."
    )
    return Table("Embeddings of the test people", lines, note)


def _diagrams(outcomes: Outcomes) -> list[Diagram]:
    networks = list(dict.fromkeys(network for network, _ in outcomes))
    drawn = []
    for network in networks:
        for loss in (MARGIN_FORM, SOFTMAX_FORM):
            if (network, loss) in outcomes and (network, BASELINE) in outcomes:
                title = f"{network}: distances within and between people, {BASELINE} and {loss}"
                drawn.append(Diagram(title, _distances(outcomes, network, loss)))
    title = "Class means on the hypersphere: uniformity against alignment; a color per loss, a mark per network"
    drawn.append(Diagram(title, _sphere(outcomes, networks)))
    if any(one["margin"] for by_seed in outcomes.values() for one in by_seed.values()):
        drawn += [
            Diagram(f"{network}: the automatic margin over training, mean over triplets", _margins(outcomes, network))
            for network in networks
        ]
    return drawn


def _distances(outcomes: Outcomes, network: str, loss: str) -> str:
    def draw(axes: Axes) -> None:
        for one, dash in ((BASELINE, "--"), (loss, "-")):
            for kind, color in (("within", COLORS[0]), ("between", COLORS[1])):
                shares = np.mean([x["geometry"][kind] for x in outcomes[network, one].values()], axis=0)
                axes.plot(bin_centers(), 100 * shares, dash, color=color, linewidth=1.9, label=f"{kind}, {one}")
        label_axes(axes, "distance, 1 = mean between people", "% of pairs")

    return diagram_svg(f"distances {network} {loss}", draw)


def _sphere(outcomes: Outcomes, networks: Sequence[str]) -> str:
    losses = list(dict.fromkeys(loss for _, loss in outcomes))

    def draw(axes: Axes) -> None:
        for (network, loss), by_seed in outcomes.items():
            points = np.array(
                [[one["geometry"][name] for name in ("alignment", "uniformity")] for one in by_seed.values()]
            )
            label = loss if network == networks[0] else None
            marker = _MARKERS[networks.index(network) % len(_MARKERS)]
            color = COLORS[losses.index(loss) % len(COLORS)]
            axes.plot(*points.mean(axis=0), marker, color=color, markersize=8, label=label)
        label_axes(axes, "alignment (less is tighter)", "uniformity (less is more even)")

    return diagram_svg("uniformity against alignment", draw)


def _margins(outcomes: Outcomes, network: str) -> str:
    def draw(axes: Axes) -> None:
        shown = [(loss, by_seed) for (name, loss), by_seed in outcomes.items() if name == network]
        for i, (loss, by_seed) in enumerate(shown):
            curves = [one["margin"] for one in by_seed.values() if one["margin"]]
            if curves:
                steps, values = np.mean(np.array(curves), axis=0).T
                axes.plot(steps, values, color=COLORS[i % len(COLORS)], linewidth=1.9, label=loss)
        label_axes(axes, "step", "automatic margin")

    return diagram_svg(f"margin {network}", draw)


def _against_subjects(cells: Sequence[Cell], results: Mapping[str, Numbers]) -> Diagram:
    def draw(axes: Axes) -> None:
        losses = list(dict.fromkeys(cell.settings["loss"] for cell in cells))
        counts = sorted({cell.settings["train"] for cell in cells})
        for i, loss in enumerate(losses):
            for name, dash in zip(SETS, ("-", "--", ":"), strict=True):
                found = {
                    count: [
                        100 * results[cell.name]["rank-1"][name]
                        for cell in cells
                        if (cell.settings["loss"], cell.settings["train"]) == (loss, count) and cell.name in results
                    ]
                    for count in counts
                }
                points = [(count, float(np.mean(some))) for count, some in found.items() if some]
                axes.plot(*zip(*points, strict=True), f"o{dash}", color=COLORS[i], label=f"{loss}, {name}")
        axes.set_ylim(0, 102)
        label_axes(axes, "training subjects", "rank-1, %")

    return Diagram(f"{cells[0].settings['network']}: rank-1 against the number of training subjects",
                   diagram_svg("training subjects", draw))  # fmt: skip
