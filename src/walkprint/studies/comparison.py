"""Tables of many trainings: every network with every variant over seeds, and differences from a baseline."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from walkprint.core.protocol import Protocol
from walkprint.evaluation.page import Table
from walkprint.studies.grid import Cell, Numbers
from walkprint.studies.statistics import (
    Estimate,
    over_seeds,
    over_subjects,
    paired,
    share_over_seeds,
    share_over_subjects,
)

Outcomes = Mapping[tuple[str, str], Mapping[int, Numbers]]
"""(network, variant) -> seed -> the numbers of `recognition.scores`."""

READING = (
    "Differences of percentages, paired by seed (one seed: the same people, first weights and batches). First the mean "
    "difference with Student's 95 % interval over seeds; then, under “people”, the 95 % interval by bootstrap over "
    "test people, each of the same weight. An interval without 0 speaks for a difference; but of "
    "twenty differences that are nothing, one has such an interval."
)

OPEN_SET = {"FNIR at FPIR 1 %": "FNIR at 1 % FPIR", "TAR at FAR 0.1 %": "TAR at 0.1 % FAR"}
"""What counts where some are strangers -> as it is called in titles."""
_FEW_PEOPLE = (
    "Differences of percentages, paired by seed, with Student's 95 % interval over seeds alone: every seed tests the "
    "same few people, and nothing is said about others. {better} is better."
)
_GAP = (
    "Percent: 0 is {baseline}, 100 is {reference}. The mean gain divided by the mean gap, with 95 % intervals over "
    "seeds and over people as of differences; [-], no interval, where that of the gap itself reaches 0 or there is one "
    "seed. A dash alone where {reference} gains nothing."
)


def outcomes_of(
    cells: Sequence[Cell], results: Mapping[str, Numbers], names: Callable[[Mapping[str, Any]], tuple[str, str]]
) -> Outcomes:
    """The finished cells as outcomes; `names` gives network and variant from a cell's settings."""
    table: dict[tuple[str, str], dict[int, Numbers]] = {}
    for cell in cells:
        if cell.name in results:
            table.setdefault(names(cell.settings), {})[cell.settings["seed"]] = results[cell.name]
    return table


def mean_table(title: str, outcomes: Outcomes, figure: str, sets: Sequence[str], note: str = "") -> Table:
    """A figure of every network and variant by probe set: mean and standard deviation over seeds, percent."""
    lines = [["network", "variant", *sets, "seeds"]]
    for (network, variant), by_seed in outcomes.items():
        cells = [over_seeds(_values(by_seed, figure, name)).percent() for name in sets]
        lines.append([network, variant, *cells, str(len(by_seed))])
    return Table(title, lines, note or "Percent: mean ± standard deviation over seeds.")


def difference_table(
    title: str,
    outcomes: Outcomes,
    baseline: str,
    figure: str,
    sets: Sequence[str],
    *,
    overall: bool = True,
    same_people: bool = False,
    note: str = READING,
) -> Table:
    """Every variant minus the baseline, of each network and, with `overall`, of the mean of those that have both.

    With `same_people` every seed tests the same people, so that each of them is one mean over seeds. `note`: how to
    read the table.
    """
    with_people = all("by subject" in one for by_seed in outcomes.values() for one in by_seed.values())
    with_people = with_people and figure == "rank-1"
    head = [column for name in sets for column in ((name, f"{name}, people") if with_people else (name,))]
    lines = [["network", f"variant minus {baseline}", *head, "seeds"]]
    networks = list(dict.fromkeys(network for network, _ in outcomes))
    variants = [one for one in dict.fromkeys(variant for _, variant in outcomes) if one != baseline]
    for some in (*([network] for network in networks), *([networks] if overall and networks[1:] else [])):
        for variant in variants:
            pairs = _pairs(outcomes, some, variant, baseline)
            if len(pairs) < min(len(some), 2):
                continue
            network = some[0] if len(some) == 1 else f"mean of {len(pairs)} networks"
            cells = []
            for name in sets:
                cells.append(over_seeds(list(_differences(pairs, figure, name).values())).interval())
                if with_people:
                    people = _by_subject(pairs, name)
                    cells.append(over_subjects(_over_seeds(people) if same_people else people).interval())
            seeds = set.intersection(*({*second} & {*first} for second, first in pairs))
            lines.append([network, variant, *cells, str(len(seeds))])
    return Table(title, lines, note)


def real_tables(outcomes: Outcomes, protocol: Protocol, baseline: str, note: str = "") -> list[Table]:
    """Rank-1 on real masks and its differences from the baseline; every seed tests the same people.

    Where all cells have them, FNIR at 1 % FPIR and TAR at 0.1 % FAR likewise.
    """
    sets = tuple(protocol.probes)
    reading = "Percent of all probes, cosine after centering: mean ± standard deviation over seeds."
    return [
        mean_table("Rank-1 on real masks", outcomes, "rank-1", sets, f"{note} {reading}".strip()),
        difference_table(
            f"Real masks: rank-1 against {baseline}", outcomes, baseline, "rank-1", sets, same_people=True
        ),
        *(table for figure, title in OPEN_SET.items() for table in _open_set(outcomes, figure, title, sets, baseline)),
    ]


def _open_set(outcomes: Outcomes, figure: str, title: str, sets: Sequence[str], baseline: str) -> list[Table]:
    if not all(figure in one for seeds in outcomes.values() for one in seeds.values()):
        return []
    note = _FEW_PEOPLE.format(better="Negative" if figure.startswith("FNIR") else "Positive")
    against = difference_table(f"Real masks: {title} against {baseline}", outcomes, baseline, figure, sets, note=note)
    return [against, mean_table(f"Real masks: {title}", outcomes, figure, sets)]


def gap_table(
    title: str, outcomes: Outcomes, baseline: str, reference: str, name: str, *, same_people: bool = False
) -> Table:
    """How much of the gap in rank-1 between the baseline and a reference each variant closes, on one probe set.

    Of each network, and of the mean of those that have all three. `same_people`: see `difference_table`.
    """
    lines = [["network", f"made by, {name}", "over seeds", "over people", "seeds"]]
    networks = [one for one in dict.fromkeys(network for network, _ in outcomes) if (one, reference) in outcomes]
    variants = [one for one in dict.fromkeys(variant for _, variant in outcomes) if one not in (baseline, reference)]
    for some in (*([network] for network in networks), *([networks] if networks[1:] else [])):
        for variant in variants:
            having = [network for network in some if (network, variant) in outcomes]
            pairs = [_pairs(outcomes, having, one, baseline) for one in (variant, reference)]
            if len(pairs[0]) < min(len(some), 2) or len(pairs[1]) < len(pairs[0]):
                continue
            gains, gaps = (_differences(one, "rank-1", name) for one in pairs)
            seeds = sorted(set(gains) & set(gaps))
            people = [{seed: one for seed, one in _by_subject(side, name).items() if seed in seeds} for side in pairs]
            if same_people:
                people = [_over_seeds(one) for one in people]
            network = some[0] if len(some) == 1 else f"mean of {len(having)} networks"
            shares = (share_over_seeds(gains, gaps), share_over_subjects(people[0], people[1]))
            lines.append([network, variant, *map(_share, shares), str(len(seeds))])
    return Table(title, lines, _GAP.format(baseline=baseline, reference=reference))


def _share(share: Estimate) -> str:
    known = math.isnan(share.value) or share.low is not None
    return share.interval(signed=False) + ("" if known else " [-]")


def difference(outcomes: Outcomes, network: str, variant: str, baseline: str, name: str) -> Estimate:
    """Variant minus baseline in rank-1 on one probe set, over seeds."""
    pairs = _pairs(outcomes, [network], variant, baseline)
    return over_seeds(list(_differences(pairs, "rank-1", name).values())) if pairs else over_seeds([])


_Pair = tuple[Mapping[int, Numbers], Mapping[int, Numbers]]


def _pairs(outcomes: Outcomes, networks: Sequence[str], variant: str, baseline: str) -> list[_Pair]:
    """Variant and baseline by seed, of each network that has both."""
    return [
        (outcomes[network, variant], outcomes[network, baseline])
        for network in networks
        if outcomes.get((network, variant)) and outcomes.get((network, baseline))
    ]


def _differences(pairs: Sequence[_Pair], figure: str, name: str) -> dict[int, float]:
    """Seed -> mean over networks of variant minus baseline, for the seeds that every network has."""
    columns = [
        paired(*({seed: one[figure][name] for seed, one in side.items() if name in one[figure]} for side in pair))
        for pair in pairs
    ]
    common = set.intersection(*(set(column) for column in columns))
    return {seed: statistics.fmean(column[seed] for column in columns) for seed in sorted(common)}


def _by_subject(pairs: Sequence[_Pair], name: str) -> dict[int, dict[str, float]]:
    """Seed -> subject -> mean over networks of the differences of this person's rank-1."""
    table: dict[int, dict[str, float]] = {}
    for seed in set.intersection(*({*second} & {*first} for second, first in pairs)):
        sides = [(second[seed]["by subject"][name], first[seed]["by subject"][name]) for second, first in pairs]
        people = set.intersection(*({*second} & {*first} for second, first in sides))
        table[seed] = {
            person: statistics.fmean(second[person] - first[person] for second, first in sides)
            for person in sorted(people)
        }
    return table


def _over_seeds(by_seed: Mapping[int, Mapping[str, float]]) -> dict[int, dict[str, float]]:
    """One group of people, each with the mean over seeds."""
    names = sorted({person for people in by_seed.values() for person in people})
    means = {name: statistics.fmean(one[name] for one in by_seed.values() if name in one) for name in names}
    return {0: means}


def _values(by_seed: Mapping[int, Numbers], figure: str, name: str) -> list[float]:
    return [one[figure][name] for one in by_seed.values() if name in one[figure]]
