"""The report of the fine-tuning study: tables with paired differences, and the curve over real people."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes

from walkprint.evaluation.page import Diagram, Page
from walkprint.evaluation.plots import COLORS, diagram_svg, label_axes
from walkprint.studies.comparison import Outcomes, difference_table, mean_table, outcomes_of
from walkprint.studies.fine_tuning import BOTH, NORMAL, RENDERED, FineTuningStudy
from walkprint.studies.grid import Numbers
from walkprint.studies.statistics import over_seeds
from walkprint.studies.study_page import cells_of, study_page

_LEAD = (
    "What rendered people bring to real ones: a network that learned from rendered people goes on learning from real "
    "people in normal walking alone, or from a few real people among rendered ones."
)
_STAND_INS = "Rendered stand-ins in place of real people: synthetic figures, which show that the study runs."


def page(study: FineTuningStudy, results: Mapping[str, Numbers], failed: Mapping[str, str], out: Path) -> Page:
    """The report of what is finished.

    Args:
        study: its settings.
        results: numbers by cell.
        failed: why a cell could not be computed, by cell.
        out: the study's folder.
    """
    found = {
        section: outcomes_of(some, results, lambda one: (one["network"], one["variant"]))
        for section, some in cells_of(study, results).items()
    }
    sets = list(dict.fromkeys(name for one in results.values() for name in one["rank-1"]))
    same = study.test_people is None
    tables, diagrams = [], []
    if clothes := found.get("clothes"):
        title = f"Learned from {', '.join(study.normal)} alone: rank-1"
        tables += [
            mean_table(title, clothes, "rank-1", sets),
            difference_table(f"{title}, against {RENDERED}", clothes, RENDERED, "rank-1", sets, same_people=same),
            difference_table(f"{title}, against {NORMAL}", clothes, NORMAL, "rank-1", sets, same_people=same),
        ]
    if added := found.get("people"):
        first = next(iter(added))[1]
        title = f"Real people among {study.companions} rendered ones: rank-1"
        tables += [
            mean_table(title, added, "rank-1", sets),
            difference_table(f"{title}, against {first}", added, first, "rank-1", sets, same_people=same),
        ]
        diagrams.append(Diagram(f"{title}; bars: 95 % over seeds", _curve(study, added, sets)))
    who = f"{study.test_people} real people test, others for each seed" if study.test_people else "the data's own split"
    notes = [
        f"Seeds: {study.seeds}; a seed is other rendered people, other first weights and other batches; {who}.",
        f"{BOTH}: {study.tuning_steps} steps of fine-tuning; {NORMAL}: {study.steps} steps from random weights.",
        f"Compared by the cosine of unit parts, {'centered' if study.center else 'not centered'}.",
    ]
    if study.real is None:
        notes.insert(0, _STAND_INS)
    return study_page(
        study,
        "Study of fine-tuning",
        _LEAD,
        results,
        failed,
        tables=tables,
        diagrams=diagrams,
        notes=notes,
        same_people=same,
    )


def _curve(study: FineTuningStudy, added: Outcomes, sets: list[str]) -> str:
    def draw(axes: Axes) -> None:
        for i, name in enumerate(sets):
            found = {
                count: over_seeds([one["rank-1"][name] for one in by_seed.values() if name in one["rank-1"]])
                for count, by_seed in zip(study.people, added.values(), strict=False)
            }
            values = [100 * one.value for one in found.values()]
            reach = [100 * (one.value - one.low) if one.low is not None else 0.0 for one in found.values()]
            color = COLORS[i % len(COLORS)]
            axes.errorbar(list(found), values, yerr=reach, fmt="o-", color=color, capsize=3, label=name)
        axes.set_ylim(0, 102)
        label_axes(axes, "real people added", "rank-1, %")

    return diagram_svg("real people added", draw)
